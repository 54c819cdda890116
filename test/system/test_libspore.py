"""libspore in programs as people build them: shared and static, C and C++, outside spore, as a service of systemd, with this test as
their hold, and under spore run; and the examples, which speak the control protocol from C and from Python."""

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
from pathlib import Path

import msgpack_mini
import spore_test

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SPORE_BUILD", ROOT / "build")).resolve()
TIMEOUT = 30

PROGRAM = r"""
#include <spore/spore.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	(void)argv;
	spore_log(SPORE_DEBUG, "quiet");
	spore_log(SPORE_INFO, "hello", spore_int("port", 80), spore_str("host", "a b"));
	spore_logf(SPORE_WARN, "%d arguments", argc - 1);
	spore_status("waiting\nfor it");
	spore_ready();
	printf("%s\n", spore_config("a.colour", "none"));
	fflush(stdout);
	(void)spore_stop_wait(argc > 1 ? 0 : -1);
	spore_log(SPORE_INFO, "bye");
	return 7;
}
"""

# What it takes to lose something: a full queue, a long text, a child, a standard error that does not wait.
MANY = r"""
#include <spore/spore.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[2001];
	if (argc > 1 && strcmp(argv[1], "nonblocking") == 0)
		(void)fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 1000; i++)
		memcpy(text + 2 * i, "\xc3\xa4", 2);
	text[2000] = '\0';
	if (fork() == 0) {
		spore_status("child");
		spore_ready();
		_exit(0);
	}
	wait(NULL);
	for (int i = 0; i < 1500; i++) {
		spore_log(SPORE_INFO, "a record that is long enough to fill a pipe soon", spore_int("number", i));
		spore_status(text);
	}
	spore_ready();
	return 0;
}
"""


def clean_environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SPORE_", "NOTIFY_"))}
    env.update(more)
    return env


class Hold:
    """The hold's end of a control channel."""

    def __init__(self):
        self.socket, self.program = socket.socketpair()
        self.socket.settimeout(TIMEOUT)
        self.data = b""

    def close(self):
        self.socket.close()
        self.program.close()

    @staticmethod
    def frame(*message):
        body = msgpack_mini.pack(message)
        return struct.pack("<I", len(body)) + body

    def say(self, *message):
        self.socket.sendall(self.frame(*message))

    def hear(self):
        """The next message, None at the end."""
        while len(self.data) < 4 or len(self.data) < 4 + struct.unpack("<I", self.data[:4])[0]:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.data += more
        end = 4 + struct.unpack("<I", self.data[:4])[0]
        message, used = msgpack_mini.unpack(self.data[4:end])
        assert used == end - 4
        self.data = self.data[end:]
        return message

    def until(self, name):
        """What comes up to the message NAME, it included."""
        messages = []
        while not messages or messages[-1][0] != name:
            message = self.hear()
            if message is None:
                raise AssertionError(f"no {name} in {messages}")
            messages.append(message)
        return messages

    def rest(self):
        return list(iter(self.hear, None))


class Compiled(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        source = cls.dir / "program.c"
        source.write_text(PROGRAM)
        shutil.copy(source, cls.dir / "program.cc")
        lib = BUILD / "lib"
        include = ["-I", str(ROOT / "include")]
        strict = ["-Wall", "-Wextra", "-Werror", "-pedantic"] + os.environ.get("SPORE_TEST_CFLAGS", "").split()
        cls.program = cls.dir / "static"
        cls.shared = cls.dir / "shared"
        cls.cplusplus = cls.dir / "cplusplus"

        def compile_it(compiler, source, out, link):
            subprocess.run([compiler, *strict, *include, source, "-o", out, *link, "-pthread"], check=True)

        compile_it("cc", source, cls.program, [lib / "libspore.a"])
        compile_it("cc", source, cls.shared, ["-L", lib, "-lspore", f"-Wl,-rpath,{lib}"])
        compile_it("c++", cls.dir / "program.cc", cls.cplusplus, [lib / "libspore.a"])
        cls.many = cls.dir / "many"
        (cls.dir / "many.c").write_text(MANY)
        compile_it("cc", cls.dir / "many.c", cls.many, [lib / "libspore.a"])
        cls.example = cls.dir / "example"
        sdk = dict(os.environ, PKG_CONFIG_PATH=str(BUILD / "sdk" / "lib" / "pkgconfig"))
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "spore"], check=True, env=sdk, capture_output=True,
                               text=True).stdout.split()
        subprocess.run(["cc", *strict, ROOT / "examples" / "hello-spore" / "hello-spore.c", "-o", cls.example, *flags],
                       check=True)

    def start(self, program, *args, fd=None, **env):
        if fd is not None:
            env["SPORE_FD"] = str(fd)
        p = subprocess.Popen([program, *args], env=clean_environment(**env), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, pass_fds=() if fd is None else (fd,))
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stderr.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p

    def wait_for_handler(self, pid, sig):
        status = Path(f"/proc/{pid}/status")
        while status.exists():
            caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
            if int(caught.split()[1], 16) >> (sig - 1) & 1:
                return
            os.sched_yield()


class OutsideSpore(Compiled):
    def test_plain_terminal(self):
        for program in (self.program, self.shared, self.cplusplus):
            for sig in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(program=program.name, signal=sig.name):
                    p = self.start(program, SPORE_CONFIG_A_COLOUR="blue")
                    self.assertEqual(p.stdout.readline(), "blue\n")
                    # The line came after the handlers? Not yet: only a stop function takes the signals. It is next.
                    lines = [p.stderr.readline() for _ in range(2)]
                    self.wait_for_handler(p.pid, sig)
                    p.send_signal(sig)
                    self.assertEqual(p.wait(TIMEOUT), 7)
                    lines.append(p.stderr.read())
                    self.assertRegex(lines[0], r'^\d\d:\d\d:\d\d\.\d{3} info  hello port=80 host="a b"\n$')
                    self.assertRegex(lines[1], r"warn  0 arguments\n$")
                    self.assertRegex(lines[2], r"info  bye\n$")

    def test_levels(self):
        p = self.start(self.program, "end", SPORE_LOG="debug")
        self.assertIn("debug quiet", p.communicate(timeout=TIMEOUT)[1])
        p = self.start(self.program, "end", SPORE_LOG="error")
        self.assertEqual(p.communicate(timeout=TIMEOUT)[1], "")

    def test_closed_standard_error(self):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write) as err:
            p = subprocess.run([self.program, "end"], env=clean_environment(), stderr=err, stdout=subprocess.DEVNULL,
                               timeout=TIMEOUT)
        self.assertEqual(p.returncode, 7)

    def test_bad_descriptor(self):
        for value, why in (("none", "not the number"), ("99", "not a connected"), ("0", "not a connected")):
            p = self.start(self.program, "end", SPORE_FD=value)
            self.assertIn(f"spore: SPORE_FD: {why}", p.communicate(timeout=TIMEOUT)[1])
            self.assertEqual(p.returncode, 7)

    def test_systemd(self):
        path = str(self.dir / "notify")
        abstract = f"\0spore-test-{os.getpid()}"
        for name in (path, abstract) if sys.platform == "linux" and not os.environ.get("SPORE_POSIX") else (path,):
            with self.subTest(abstract=name == abstract), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.bind(name)
                s.settimeout(TIMEOUT)
                p = self.start(self.program, NOTIFY_SOCKET=name.replace("\0", "@"))
                self.assertEqual(s.recv(1000), b"STATUS=waiting for it")
                self.assertEqual(s.recv(1000), b"READY=1")
                p.stdout.readline()
                self.wait_for_handler(p.pid, signal.SIGTERM)
                p.terminate()
                self.assertEqual(s.recv(1000), b"STOPPING=1")
                self.assertEqual(p.wait(TIMEOUT), 7)
                if name == path:
                    os.unlink(path)

    def test_systemd_gets_everything(self):
        path = str(self.dir / "notify-many")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(TIMEOUT)
            p = subprocess.Popen([self.many], env=clean_environment(NOTIFY_SOCKET=path), stderr=subprocess.DEVNULL)
            self.addCleanup(p.wait)
            self.addCleanup(p.kill)
            for _ in range(1500):
                status = s.recv(5000)
                self.assertEqual(status.decode(), "STATUS=" + "\u00e4" * 508)
            self.assertEqual(s.recv(5000), b"READY=1")
            self.assertEqual(p.wait(TIMEOUT), 0)

    def test_standard_error_that_does_not_wait(self):
        p = self.start(self.many, "nonblocking")

        def pipe_is_full():
            waiting = bytearray(4)
            fcntl.ioctl(p.stderr, termios.FIONREAD, waiting)
            return int.from_bytes(waiting, sys.byteorder) > 60000

        spore_test.wait_until(pipe_is_full)
        lines = p.stderr.read().splitlines()
        self.assertEqual([int(line.rpartition("=")[2]) for line in lines], list(range(1500)))

    def test_only_public_symbols(self):
        out = subprocess.run(["nm", "-D", "--defined-only", BUILD / "lib" / "libspore.so"], check=True, text=True,
                             capture_output=True).stdout
        names = {line.split()[-1].split("@")[0] for line in out.splitlines()}
        self.assertIn("spore_log_record", names)
        self.assertEqual([n for n in sorted(names) if n.startswith("spore__")], [])


class UnderAHold(Compiled):
    def begin(self, program, **env):
        hold = Hold()
        self.addCleanup(hold.close)
        p = self.start(program, fd=hold.program.fileno(), **env)
        hold.program.close()
        return hold, p

    def programs(self):
        for program in (self.program, self.shared, self.cplusplus):
            with self.subTest(program=program.name):
                yield program

    def test_conversation(self):
        for program in self.programs():
            hold, p = self.begin(program, SPORE_CONFIG_A_COLOUR="blue", NOTIFY_SOCKET="@none")
            hold.say("hello", 1, ["later"], {"a.colour": "red", "other": "x"})
            self.assertEqual(p.stdout.readline(), "red\n")
            said = hold.until("listens")
            self.assertEqual([m[0] for m in said], ["hello", "log", "log", "log", "status", "ready", "listens"])
            self.assertEqual([said[0][:2], said[0][3]], [["hello", 1], {}])
            self.assertIn("stream-1", said[0][2])  # and what else this platform can carry a channel on
            self.assertEqual(said[1][1], 1)
            self.assertEqual(said[2][1:2] + said[2][3:], [2, "hello", {"port": 80, "host": "a b"}])
            self.assertEqual(said[3][1:2] + said[3][3:], [3, "0 arguments", {}])
            self.assertEqual(said[4], ["status", "waiting\nfor it"])
            hold.say("later", 1, 2)
            hold.say("stop", 1000)
            self.assertEqual([(m[0], m[3:]) for m in hold.rest()], [("stopping", []), ("log", ["bye", {}])])
            self.assertEqual(p.wait(TIMEOUT), 7)
            self.assertEqual(p.stderr.read(), "")

    def test_bytes_one_by_one(self):
        hold, p = self.begin(self.program)
        for byte in Hold.frame("hello", 1, [], {"a.colour": "red"}):
            hold.socket.sendall(bytes([byte]))
        self.assertEqual(p.stdout.readline(), "red\n")
        hold.until("listens")
        for byte in Hold.frame("stop", 0):
            hold.socket.sendall(bytes([byte]))
        self.assertEqual(p.wait(TIMEOUT), 7)

    def test_signal_and_message_are_one_request(self):
        for sig in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=sig.name):
                hold, p = self.begin(self.program)
                hold.say("hello", 1, [], {})
                hold.until("listens")
                p.send_signal(sig)
                try:
                    hold.say("stop", 0)
                except BrokenPipeError:
                    pass  # it has been asked, and reads no more
                self.assertEqual([m[0] for m in hold.rest()], ["stopping", "log"])
                self.assertEqual(p.wait(TIMEOUT), 7)

    def test_killed_hold(self):
        for program in self.programs():
            hold, p = self.begin(program)
            hold.say("hello", 1, [], {})
            hold.until("listens")
            # Another process holds this end, and only it.
            other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE,
                                     pass_fds=(hold.socket.fileno(),))
            hold.close()
            self.assertIsNone(p.poll())
            other.kill()
            other.communicate()
            self.assertEqual(p.wait(TIMEOUT), 7)
            self.assertRegex(p.stderr.read(), r"^\d\d:\d\d:\d\d\.\d{3} info  bye\n$")

    def test_hold_that_cannot_be_understood(self):
        for said, why in ((b"\xff\xff\xff\xff", "too big"), (b"\x01\0\0\0\xc1", "malformed message"),
                          (b"GET / HTTP/1.1\r\n\r\n", "too big"),
                          (Hold.frame("hello", 2, [], {}), "it speaks version 2 of the control protocol"),
                          (Hold.frame("hello", 1, [], {}) + Hold.frame("refuse", 9, "too many"), "too many")):
            with self.subTest(said=said):
                hold, p = self.begin(self.program)
                hold.socket.sendall(said)
                _, err = p.communicate(timeout=TIMEOUT)
                self.assertEqual(p.returncode, 7)
                self.assertEqual(err.count("\n"), 1, err)
                self.assertIn(why, err)

    def test_descriptor_is_not_inherited(self):
        hold, p = self.begin(self.program)
        hold.say("hello", 1, [], {})
        hold.until("listens")
        flags = set()
        for info in Path(f"/proc/{p.pid}/fdinfo").iterdir():
            if os.readlink(f"/proc/{p.pid}/fd/{info.name}").startswith("socket:"):
                flags |= {int(line.split()[1], 8) & os.O_CLOEXEC for line in info.read_text().splitlines()
                          if line.startswith("flags:")}
        self.assertEqual(flags, {os.O_CLOEXEC})

    def test_trace(self):
        hold, p = self.begin(self.program, SPORE_TRACE="1")
        hold.say("hello", 1, [], {})
        hold.until("listens")
        hold.say("stop", 5)
        hold.rest()
        lines = p.stderr.read().splitlines()
        self.assertRegex(lines[0], r'^spore -> \["hello", 1, \[("[\w-]+"(, )?)+\], \{\}\]$')
        for line in ('spore -> ["ready"]', 'spore <- ["hello", 1, [], {}]', 'spore -> ["listens"]',
                     'spore <- ["stop", 5]', 'spore -> ["stopping"]'):
            self.assertIn(line, lines)

    def test_example(self):
        hold, p = self.begin(self.example)
        hold.say("hello", 1, [], {"greeting": "good day", "period": "1"})
        said = hold.until("ready")
        self.assertEqual(said[1][3:], ["good day", {"period": 1}])
        self.assertEqual(hold.until("status")[-1], ["status", "1 rounds"])
        hold.say("stop", 0)
        last = hold.rest()[-1]
        self.assertEqual((last[3], last[4]["asked"]), ("goodbye", True))
        self.assertEqual(p.wait(TIMEOUT), 0)

    def test_example_refuses_its_configuration(self):
        hold, p = self.begin(self.example)
        hold.say("hello", 1, [], {"period": "often"})
        last = hold.rest()[-1]
        self.assertEqual((last[1], last[4]), (4, {"period": "often"}))
        self.assertEqual(p.wait(TIMEOUT), 2)


class PythonExample(unittest.TestCase):
    def setUp(self):
        self.hold, program = socket.socketpair()
        self.addCleanup(self.hold.close)
        self.hold.settimeout(TIMEOUT)
        self.received = b""
        with program:
            os.set_inheritable(program.fileno(), True)
            self.p = subprocess.Popen([sys.executable, ROOT / "examples" / "control-protocol" / "program.py"],
                                      env=clean_environment(SPORE_FD=str(program.fileno())), close_fds=False,
                                      stderr=subprocess.PIPE)
        self.addCleanup(self.p.stderr.close)
        self.addCleanup(self.p.wait)
        self.addCleanup(self.p.kill)

    def hear(self):
        while len(self.received) < 4 or len(self.received) < 4 + struct.unpack("<I", self.received[:4])[0]:
            data = self.hold.recv(4096)
            if not data:
                return None
            self.received += data
        end = 4 + struct.unpack("<I", self.received[:4])[0]
        body, self.received = self.received[4:end], self.received[end:]
        length = struct.unpack(">I", body[6:10])[0]  # the example writes the long forms only
        return body[10 : 10 + length].decode()

    def say(self, body):
        self.hold.sendall(struct.pack("<I", len(body)) + body)

    def test_conversation(self):
        self.say(b"\x94\xa5hello\x01\x90\x80")
        self.assertEqual([self.hear() for _ in range(5)], ["hello", "listens", "ready", "status", "log"])
        self.say(b"\x92\xa5later\x01")
        self.say(b"\x92\xa4stop\xcd\x03\xe8")
        rest = []
        while (name := self.hear()) is not None:
            rest.append(name)
        self.assertEqual(rest[-2:], ["stopping", "log"])
        self.assertEqual(self.p.wait(TIMEOUT), 0)

    def test_hold_goes_away(self):
        self.assertEqual([self.hear() for _ in range(3)], ["hello", "listens", "ready"])
        self.hold.close()
        self.assertEqual(self.p.wait(TIMEOUT), 0)
        self.assertIn(b"asked to stop", self.p.stderr.read())

    def test_signal(self):
        self.assertEqual([self.hear() for _ in range(3)], ["hello", "listens", "ready"])
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.p.wait(TIMEOUT), 0)


class UnderSporeRun(spore_test.SporeTest):
    """The foreground hold: spore run."""

    def run_until(self, text, *args):
        """Starts spore; returns it and what it wrote on standard error up to TEXT."""
        p = self.start("run", *args)
        said = ""
        while text not in said:
            line = p.stderr.readline().decode()
            self.assertNotEqual(line, "", said)
            said += line
        return p, said

    def finish(self, p):
        said = p.stderr.read().decode()
        return p.wait(TIMEOUT), said

    def examples(self):
        folder = ROOT / "examples" / "hello-spore"
        yield folder / "hello-spore.c", "hello-spore"
        yield folder, "hello-spore"
        yield ROOT / "examples" / "control-protocol" / "program.py", "program.py"

    def test_examples(self):
        self.env.update(SPORE_CONFIG_PERIOD="10", SPORE_LOG="debug")
        for source, name in self.examples():
            for sig in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(source=source, signal=sig.name):
                    first, last = (" working ", "asked to stop") if name == "program.py" else (" round ", "goodbye")
                    p, said = self.run_until(first, "--control", str(source))
                    self.assertRegex(said, rf"^\d\d:\d\d:\d\d\.\d{{3}} info  {name}: ")
                    p.send_signal(sig)
                    status, said = self.finish(p)
                    self.assertEqual(status, 0, said)
                    self.assertIn(f"info  {name}: {last}", said)

    def test_level_is_that_of_the_person(self):
        self.env.update(SPORE_CONFIG_PERIOD="10", SPORE_LOG="error")
        source = str(ROOT / "examples" / "hello-spore" / "hello-spore.c")
        result = self.spore("run", "--control", source, env=dict(self.env, SPORE_CONFIG_PERIOD="no"))
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"^\S+ error hello-spore: the period must .* period=no\n$")

    def test_nonsense_from_the_program(self):
        script = self.write("nonsense.py", """
import os, socket
s = socket.socket(fileno=int(os.environ["SPORE_FD"]))
try:
    s.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n" * 1000)
    while s.recv(1000):
        pass  # the hold's hello, what it says of this, and the end
except (BrokenPipeError, ConnectionResetError):
    pass
print("closed")
raise SystemExit(5)
""")
        result = self.spore("run", "--control", script)
        self.assertEqual((result.returncode, result.stdout), (5, "closed\n"))
        self.assertEqual(result.stderr.count("cannot be understood"), 1, result.stderr)
        self.assertIn("spore: nonsense.py: its control messages cannot be understood: a frame over 64 KiB",
                      result.stderr)

    def test_program_that_does_not_listen(self):
        script = self.write("deaf.py", """
import sys, time
print("here", file=sys.stderr, flush=True)
time.sleep(60)
""")
        p, _ = self.run_until("here", "--control", script)
        p.terminate()
        self.assertEqual(self.finish(p)[0], 128 + signal.SIGTERM)

    def test_last_words_are_shown(self):
        source = self.write("burst.c", """
#include <spore/spore.h>
int main(void)
{
	for (int i = 0; i < 3000; i++)
		spore_log(SPORE_INFO, "a record", spore_int("number", i));
	return 3;
}
""")
        result = self.spore("run", "--control", source)
        self.assertEqual(result.returncode, 3)
        lines = result.stderr.splitlines()
        self.assertEqual([int(line.rpartition("=")[2]) for line in lines], list(range(3000)))

    def test_channels_alone(self):
        for name in ("alone.c", "alone.cc"):
            source = self.write(name, """
#include <spore/chan.h>
int main()
{
	struct spore_chan *c;
	return spore_chan_open("port", NULL, &c) == SPORE_OK ? 0 : 7;
}
""")
            self.ok(self.spore("run", source))

    def test_cplusplus(self):
        source = self.write("hello.cc", """
#include <spore/spore.h>
#include <string>
int main()
{
	std::string name = "you";
	spore_log(SPORE_WARN, "hello", spore_str("name", name.c_str()), spore_float("half", 0.5));
}
""")
        result = self.ok(self.spore("run", "--control", source))
        self.assertRegex(result.stderr, r"warn  hello: hello name=you half=0\.5\n$")


if __name__ == "__main__":
    unittest.main()
