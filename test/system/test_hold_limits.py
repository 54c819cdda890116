"""What spore-hold lets its program use, and what it lets it see: limits, priority, processors, confinement."""

import os
import re
import resource
import socket
import unittest

from hold_test import HoldTest
from spore_test import wait_until

PYTHON = "/usr/bin/python3"


class Limits(HoldTest):
    """Without control groups, whatever this machine has; test_limits_vm is about those."""

    def setUp(self):
        super().setUp()
        self.env["SPORE_NO_CGROUP"] = "1"

    def run_python(self, script, spec, wait=True):
        hold = self.hold({"argv": [PYTHON, "-c", script], "restart": "never", **spec})
        state = hold.finish() if wait else hold
        return hold, state

    def test_each_process(self):
        script = ("import os, resource as r\n"
                  "print(r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CORE))\n"
                  "try: bytearray(1 << 30); print('got it')\n"
                  "except MemoryError: print('none')\n"
                  "print(os.nice(0), sorted(os.sched_getaffinity(0)))\n")
        cpu = sorted(os.sched_getaffinity(0))[-1]
        hold, state = self.run_python(script, {"limits.memory": 512 << 20, "limits.files": 50, "limits.core": 4096,
                                               "nice": 7, "affinity": f"{cpu}-4000"})
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        core = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
        pinned = not os.environ.get("SPORE_POSIX")  # plain POSIX knows no processors
        cpus = [cpu] if pinned else sorted(os.sched_getaffinity(0))
        nice = min(os.nice(0) + 7, 19)
        self.assertEqual(hold.output().decode(), f"(50, 50) ({core}, {core})\nnone\n{nice} {cpus}\n")
        self.assertEqual(state["limits"], "memory=each-process files=enforced core=enforced nice=enforced "
                                          f"affinity={'enforced' if pinned else 'not-enforced'}")

    def test_what_is_not_enforced_is_said(self):
        _, state = self.run_python("pass", {"limits.processes": 5, "limits.cpu_milli": 500, "affinity": "4001"})
        self.assertEqual(state["limits"], "processes=not-enforced cpu=not-enforced affinity=not-enforced")
        self.assertEqual(state["code"] if "code" in state else 0, 0)

    def test_required_ones_or_no_start(self):
        _, state = self.run_python("pass", {"limits.processes": 5, "limits.required": True})
        self.assertEqual((state["end"], state["failed"]), ("no-start", True))
        self.assertEqual(state["why"], "processes cannot be enforced, and all limits are required: "
                                       + ("this platform has no control groups" if os.environ.get("SPORE_POSIX") else
                                          "there is no control group for it"))
        hold = self.hold({"sh": "ulimit -n", "limits.files": 40, "limits.required": True, "restart": "never"},
                         generation=2)
        self.assertEqual(hold.finish()["end"], "exited")
        self.assertTrue(hold.output().endswith(b"40\n"))

    def test_without_them_nothing_is_said(self):
        _, state = self.run_python("pass", {})
        self.assertNotIn("limits", state)


HOSTILE = r"""
import ctypes, os, signal, socket, sys
home, state, outside, mine, port, sleeper, sock = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, fn):
    try:
        fn()
        print(name, 'SUCCEEDED', flush=True)
    except OSError as e:
        print(name, 'refused', flush=True)

def ptrace():
    if libc.ptrace(16, int(sleeper), None, None) != 0:
        raise OSError(ctypes.get_errno(), 'ptrace')

def connect(family, address):
    s = socket.socket(family)
    s.settimeout(5)
    s.connect(address)

attempt('read-home', lambda: open(home + '/secret').read())
attempt('list-home', lambda: os.listdir(home))
attempt('list-state', lambda: os.listdir(state))
attempt('read-state', lambda: open(state + '/file').read())
attempt('read-environment', lambda: open('/proc/%s/environ' % sleeper, 'rb').read())
attempt('list-processes', lambda: os.listdir('/proc'))
attempt('read-memory', lambda: open('/proc/%s/mem' % sleeper, 'rb'))
attempt('unix-socket', lambda: connect(socket.AF_UNIX, sock))
attempt('tcp', lambda: connect(socket.AF_INET, ('127.0.0.1', int(port))))
attempt('netlink', lambda: socket.socket(16, socket.SOCK_RAW))
attempt('ptrace', ptrace)
attempt('kill', lambda: os.kill(int(sleeper), signal.SIGKILL))
attempt('kill-hold', lambda: os.kill(os.getppid(), signal.SIGKILL))
attempt('write-outside', lambda: open(outside + '/file', 'w'))
attempt('write-cwd', lambda: open('file', 'w'))
attempt('write-tmp', lambda: open('/tmp/spore-confined-%d' % os.getpid(), 'w'))
attempt('rename-out', lambda: os.rename(mine + '/given', outside + '/given'))
attempt('link-in', lambda: os.link(home + '/secret', mine + '/linked'))
attempt('chmod-outside', lambda: open(outside + '/there', 'a'))
open(mine + '/file', 'w').write('x')
assert open(mine + '/given').read() == 'given'
assert open('/proc/self/status').read() and open('/proc/meminfo').read()
assert open('own').read() == 'own'
open('/dev/null', 'w').write('x')
if os.fork() == 0: os._exit(0)
os.wait()
print('over', flush=True)
"""


def landlock():
    import ctypes
    return ctypes.CDLL(None, use_errno=True).syscall(444, 0, 0, 1)


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX cannot confine")
@unittest.skipUnless(landlock() >= 6, "the kernel's Landlock does not guard signals")
class Confine(HoldTest):
    def attempts(self, **spec):
        folders = {}
        for name in ("outside", "mine", "cwd"):
            folders[name] = os.path.join(self.dir, name)
            os.mkdir(folders[name])
        for path, text in ((self.home + "/secret", "treasure"), (self.env["SPORE_STATE"] + "/file", "state"),
                           (folders["mine"] + "/given", "given"), (folders["cwd"] + "/own", "own"),
                           (folders["outside"] + "/there", "there")):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(text)
        node = os.path.join(self.env["SPORE_STATE"], "n")
        other = self.hold("exec sleep 1000", task="other")
        sleeper = other.phase("running")["pid"]
        with socket.socket(socket.AF_UNIX) as listener, socket.create_server(("127.0.0.1", 0)) as server:
            listener.bind(node)
            listener.listen()
            hold = self.hold({"argv": [PYTHON, "-c", HOSTILE, self.home, self.env["SPORE_STATE"], folders["outside"],
                                       folders["mine"], str(server.getsockname()[1]), str(sleeper), node],
                              "restart": "never", "confine": True, "cwd": folders["cwd"],
                              "confine.write": [folders["mine"]], **spec})
            state = hold.finish()
        self.assertEqual(state.get("why"), None)
        said = hold.output().decode()
        self.assertIn("over", said, hold.output("stderr"))
        self.assertEqual((state["end"], state.get("code", 0), state["limits"]), ("exited", 0, "confine=enforced"))
        os.kill(sleeper, 0)
        self.assertEqual(os.listdir(folders["outside"]), ["there"])
        return dict(line.split() for line in said.splitlines() if " " in line)

    def test_a_program_that_means_harm(self):
        said = self.attempts()
        self.assertEqual({k for k, v in said.items() if v != "refused"}, set())
        self.assertEqual(len(said), 19)

    def test_the_network_when_it_is_given(self):
        said = self.attempts(**{"confine.network": True})
        self.assertEqual({k for k, v in said.items() if v != "refused"}, {"tcp"})

    def test_a_folder_above_the_state_is_not_shown(self):
        hold = self.hold({"sh": f"cat {self.env['SPORE_STATE']}/file; ls {self.dir}; echo over", "confine": True,
                          "cwd": self.dir, "restart": "never"})
        with open(self.env["SPORE_STATE"] + "/file", "w") as f:
            f.write("treasure")
        hold.finish()
        self.assertEqual(hold.output(), b"over\n")
        self.assertEqual(len(re.findall(rb"Permission denied", hold.output("stderr"))), 2)

    def test_what_it_may_read_and_its_terminal(self):
        given = os.path.join(self.home, "given")
        with open(given, "w") as f:
            f.write("given")
        hold = self.hold({"sh": f"cat {given}; stty size; exec sleep 1000", "confine": True, "confine.read": [given],
                          "tty": True})
        wait_until(lambda: b"given24 80" in hold.output("tty"))


if __name__ == "__main__":
    unittest.main()
