"""A private spore for each test: own store, state, runtime folder and home; nothing of the user's is touched."""

import fcntl
import json
import os
import pty
import resource
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

BUILD = os.environ.get("SPORE_BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
BUILD = os.path.abspath(BUILD)
SPORE = os.path.join(BUILD, "spore")
DEADLINE = float(os.environ.get("SPORE_TEST_DEADLINE", "60"))

_kill = os.kill


def _kill_one(pid, number):
    """A task that does not run at the moment has the process 0, and that is everybody here."""
    if pid <= 0:
        raise ValueError(f"no process {pid}")
    _kill(pid, number)


os.kill = _kill_one

HELLO = '#include <stdio.h>\nint main(void)\n{\n\tputs("hello");\n\treturn 0;\n}\n'


def wait_until(condition, what="the event", deadline=DEADLINE):
    """Looks again until it holds: for what another process does without telling."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.005)


def all_processes(*names):
    """(number, contents of the files NAMES of its folder in /proc) of each process of which they can be read."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        contents = []
        try:
            for name in names:
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    contents.append(f.read())
        except OSError:
            continue
        yield int(pid), *contents


class SporeTest(unittest.TestCase):
    maxDiff = None
    patience = DEADLINE  # with one command

    def sanitized(self):
        result = subprocess.run(["grep", "-q", "__asan_init\\|__tsan_init", os.path.join(BUILD, "spore-node")], check=False)
        return result.returncode == 0

    def setUp(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="spore-test-"))
        self.addCleanup(self.clean)
        self.home = os.path.join(self.dir, "home")
        self.work = os.path.join(self.dir, "work")
        os.mkdir(self.home)
        os.mkdir(self.work)
        self.store = os.path.join(self.dir, "store")
        self.env = {
            "PATH": BUILD + ":" + os.environ["PATH"],
            "HOME": self.home,
            "LANG": "C.UTF-8",
            "SPORE_STORE": self.store,
            "SPORE_STATE": os.path.join(self.dir, "state"),
            "SPORE_RUNTIME": os.path.join(self.dir, "runtime"),
            "SPORE_NO_NODE": "1",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def marked(self, program=None):
        """The processes of this test (that run this PROGRAM of spore's), found by the paths in their environment: a task's has no more than SPORE_INSTANCE."""
        mark = os.fsencode(self.dir + "/")
        return [pid for pid, name, environ in all_processes("comm", "environ")
                if mark in environ and (program is None or name == program.encode() + b"\n")]

    def clean(self):
        # One that is being ended may just have started another: a build that tells the node.
        end = time.monotonic() + DEADLINE
        while (left := self.marked()) and time.monotonic() < end:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            time.sleep(0.002)
        for root, folders, _ in os.walk(self.dir):
            for name in folders:
                path = os.path.join(root, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, name, text, mode=None):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(text, bytes) else "w") as f:
            f.write(text)
        if mode is not None:
            os.chmod(path, mode)
        return path

    def spore(self, *args, **options):
        """Runs spore to its end; the result has stdout and stderr as text unless text=False."""
        options.setdefault("text", True)
        options.setdefault("cwd", self.work)
        options.setdefault("env", self.env)
        options.setdefault("timeout", self.patience)
        if "input" not in options and "stdin" not in options:
            options["stdin"] = subprocess.DEVNULL
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run([SPORE, *args], **options)

    def many_files(self, count=1100):
        """So many descriptors to be inherited (pass_fds) that those behind them are none that select(2) can wait for."""
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        for _ in range(count):
            self.addCleanup(os.close, os.open(os.devnull, os.O_RDONLY))
        return [fd for fd in range(3, count) if os.path.exists(f"/proc/self/fd/{fd}")]  # this process's own too: no holes

    def start(self, *args, **options):
        options.setdefault("cwd", self.work)
        options.setdefault("env", self.env)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([SPORE, *args], **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def ok(self, result, stdout=None):
        self.assertEqual(result.returncode, 0, result.stderr)
        if stdout is not None:
            self.assertEqual(result.stdout, stdout)
        return result

    def build_json(self, *args):
        result = self.spore("build", "--json", *args)
        return json.loads(result.stdout)


class Terminal:
    """A program on a pseudo-terminal of its own, as a person would see it."""

    def __init__(self, argv, env, cwd):
        self.text = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text, deadline=DEADLINE):
        """Reads until TEXT appears; returns what came before, and forgets both."""
        wanted = text.encode()
        end = time.monotonic() + deadline
        while wanted not in self.text:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            chunk = b""
            if ready:
                try:
                    chunk = os.read(self.fd, 65536)
                except OSError:
                    pass
            if not chunk:
                raise AssertionError(f"no {text!r} in: {self.text.decode(errors='replace')!r}")
            self.text += chunk
        before, _, self.text = self.text.partition(wanted)
        return before.decode(errors="replace")

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, deadline=DEADLINE):
        """Reads to the end; the exit status, -N for signal N."""
        end = time.monotonic() + deadline
        while self.status is None:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            try:
                chunk = os.read(self.fd, 65536) if ready else None
            except OSError:
                chunk = b""
            if chunk is None:
                raise AssertionError("it did not end")
            self.text += chunk
            if not chunk:
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def close(self):
        if self.status is not None:
            os.close(self.fd)
            return
        try:
            os.kill(self.pid, signal.SIGHUP)
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)
