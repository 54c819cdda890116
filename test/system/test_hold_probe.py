"""Readiness and liveness: what spore-hold asks of its program, and what it does about the answers."""

import os
import signal
import socket
import time
import unittest

from hold_test import HoldTest
from spore_test import wait_until

PYTHON = "/usr/bin/python3"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class ProbeTest(HoldTest):
    def path(self, name):
        return os.path.join(self.work, name)

    def touch(self, name):
        open(self.path(name), "w").close()


class Ready(ProbeTest):
    def test_a_port(self):
        port = free_port()
        server = ("import os, socket, sys, time\n"
                  "while not os.path.exists(sys.argv[2]): time.sleep(0.01)\n"
                  "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
                  "while True: s.accept()[0].close()\n")
        hold = self.hold({"argv": [PYTHON, "-c", server, str(port), self.path("go")], "ready": "tcp",
                          "ready.address": f"localhost:{port}"})
        why = f"it is not ready yet: connection to localhost:{port} refused"
        state = hold.until(lambda s: s.get("why") == why, why)
        self.assertEqual(state["phase"], "starting")
        self.touch("go")
        state = hold.phase("running")
        self.assertTrue(state["healthy"])
        self.assertNotIn("why", state)

    def test_a_port_in_vain(self):
        port = free_port()
        hold = self.hold({"sh": "exec sleep 1000", "ready": "tcp", "ready.address": f"127.0.0.1:{port}",
                          "ready.timeout_ms": 300, "restart": "never"})
        state = hold.finish()
        self.assertEqual((state["end"], state["failed"]), ("not-ready", True))
        self.assertEqual(state["why"], f"it was not ready within 300 ms: connection to 127.0.0.1:{port} refused")
        self.assertIn("refused", hold.events("not-ready")[0]["text"])

    def test_an_address_that_is_none(self):
        hold = self.hold({"sh": "exec sleep 1000", "ready": "tcp", "ready.address": "example.org:80"})
        self.assertEqual(hold.process.wait(20), 1)
        self.assertIn(b"specification", hold.process.stderr.read())

    def test_a_command(self):
        # It is searched for, has the task's environment and folder, and what it says last is why.
        os.makedirs(self.path("bin"))
        with open(self.path("bin/check"), "w") as f:
            f.write('#!/bin/sh\necho "$X in $(basename "$PWD")"; [ -z "$SPORE_FD" ] && [ -e go ]\n')
        os.chmod(self.path("bin/check"), 0o755)
        hold = self.hold({"sh": "exec sleep 1000", "ready": "exec", "ready.exec": ["check", "it"], "cwd": self.work,
                          "control": True, "env": ["X=value", f"PATH={self.path('bin')}:/usr/bin:/bin"]})
        why = f"it is not ready yet: check ended with 1: value in {os.path.basename(self.work)}"
        hold.until(lambda s: s.get("why") == why, why)
        self.touch("go")
        hold.phase("running")
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["signal"], signal.SIGTERM)

    def test_a_command_that_is_not_there(self):
        hold = self.hold({"sh": "exec sleep 1000", "ready": "exec", "ready.exec": ["no-such-command"]})
        why = "it is not ready yet: no-such-command cannot be started: No such file or directory"
        hold.until(lambda s: s.get("why") == why, why)

    def test_the_program_ends_while_a_command_runs(self):
        hold = self.hold({"sh": f"while [ ! -e {self.path('probe')} ]; do sleep 0.01; done; exit 3", "ready": "exec",
                          "ready.exec": ["sh", "-c", f"echo $$ >{self.path('probe.new')}; "
                                         f"mv {self.path('probe.new')} {self.path('probe')}; sleep 1000"]})
        state = hold.finish()
        self.assertEqual((state["end"], state["code"]), ("exited", 3))
        with open(self.path("probe")) as f:
            probe = int(f.read())
        wait_until(lambda: not lives(probe), "the end of the command")  # which was killed, and may not be gone yet
        self.assertEqual(len(hold.events("killed")), 0)

    def test_a_line(self):
        script = (f"echo not listening on; echo listening on 80x; printf listen; echo >&2 'listening on 1'; "
                  f"while [ ! -e {self.path('go')} ]; do sleep 0.01; done; printf 'ing on '; printf '8080\\r\\n'; "
                  f"exec sleep 1000")
        hold = self.hold({"sh": script, "ready": "log", "ready.log": "^listening on [0-9]{2,}$"})
        wait_until(lambda: hold.output().endswith(b"listen"))
        self.assertEqual(hold.until(lambda s: "why" in s)["why"],
                         "it is not ready yet: no line of its output matched ^listening on [0-9]{2,}$")
        self.touch("go")
        hold.phase("running")
        kinds = [b.kind for b in hold.blocks()]
        # Where it says that it is ready, the line stands in the log already.
        self.assertEqual(hold.events()[-1]["event"], "ready")
        self.assertEqual(kinds[-2:], ["stdout", "event"])

    def test_a_line_on_stderr_of_endless_ones(self):
        script = ("head -c 10000000 /dev/zero | tr '\\0' x; echo; (printf start; head -c 100000 /dev/zero | tr '\\0' x; "
                  "echo end) >&2; exec sleep 1000")
        hold = self.hold({"sh": script, "ready": "log", "ready.log": "^startx"})
        hold.phase("running")

    def test_an_expression_that_is_none(self):
        state = self.hold({"sh": "exec sleep 1000", "ready": "log", "ready.log": "a(", "restart": "never"}).finish()
        self.assertEqual(state["end"], "no-start")
        self.assertIn("not a regular expression", state["why"])


class Alive(ProbeTest):
    def test_a_port_that_is_closed(self):
        port = free_port()
        server = ("import os, socket, sys, time\n"
                  "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
                  "s.settimeout(0.01)\n"
                  "while not os.path.exists(sys.argv[2]):\n"
                  "    try: s.accept()[0].close()\n"
                  "    except TimeoutError: pass\n"
                  "s.close()\n"
                  "time.sleep(1000)\n")
        address = f"127.0.0.1:{port}"
        hold = self.hold({"argv": [PYTHON, "-c", server, str(port), self.path("go")], "ready": "tcp",
                          "ready.address": address, "alive": "tcp", "alive.address": address, "alive.every_ms": 50,
                          "alive.failures": 3, "restart": "on-failure", "restart.delay_ms": 10})
        hold.until(lambda s: s.get("healthy"), "healthy")
        self.touch("go")
        state = hold.until(lambda s: not s.get("healthy") and "may not be" in s.get("why", ""), "unhealthy")
        self.assertEqual(state["why"], f"it may not be alive: connection to {address} refused")
        self.assertEqual(state["phase"], "running")
        state = hold.until(lambda s: s["end"] == "not-alive", "its end")
        self.assertEqual(state["why"], f"it was not alive: connection to {address} refused, 3 times in a row")
        os.unlink(self.path("go"))
        state = hold.until(lambda s: s.get("healthy") and s.get("run") == 2, "the next run")
        self.assertEqual(hold.events("not-alive")[0]["failures"], 3)

    def test_a_command_that_recovers(self):
        self.touch("ok")
        hold = self.hold({"sh": "exec sleep 1000", "alive": "exec", "alive.exec": ["test", "-e", self.path("ok")],
                          "alive.every_ms": 20, "alive.failures": 1000})
        hold.until(lambda s: s.get("healthy"), "healthy")
        os.unlink(self.path("ok"))
        state = hold.until(lambda s: not s.get("healthy"), "unhealthy")
        self.assertEqual(state["why"], "it may not be alive: test ended with 1")
        self.touch("ok")
        state = hold.until(lambda s: s.get("healthy"), "healthy again")
        self.assertNotIn("why", state)
        self.assertEqual([e["event"] for e in hold.events()], ["started", "ready", "unhealthy", "alive"])

    def test_a_command_that_hangs(self):
        # With what it started itself, and although it ignores signals.
        script = f"trap '' TERM; sleep 1000 & echo $! >>{self.path('pids')}; wait"
        hold = self.hold({"sh": "exec sleep 1000", "alive": "exec", "alive.exec": ["sh", "-c", script],
                          "alive.every_ms": 100, "alive.timeout_ms": 1000, "alive.failures": 2, "restart": "never"})
        state = hold.finish()
        self.assertEqual(state["end"], "not-alive")
        self.assertEqual(state["why"], "it was not alive: sh took longer than 1000 ms, 2 times in a row")
        with open(self.path("pids")) as f:
            pids = [int(line) for line in f]
        self.assertNotEqual(pids, [])  # one may have been killed before it had written its own
        wait_until(lambda: not any(map(lives, pids)), "their end")

    def test_a_command_that_writes_without_end_delays_nothing(self):
        hold = self.hold({"sh": "exec sleep 1000", "alive": "exec", "alive.exec": ["yes"], "alive.every_ms": 10,
                          "alive.timeout_ms": 60000})
        hold.phase("running")
        began = time.monotonic()
        hold.send("stop", -1)
        hold.finish()
        self.assertLess(time.monotonic() - began, 10)

    def test_a_watchdog(self):
        script = ("import os, socket, sys, time\n"
                  "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                  "s.connect(os.environ['NOTIFY_SOCKET'])\n"
                  "print(os.environ['WATCHDOG_USEC'], flush=True)\n"
                  "s.send(b'READY=1')\n"
                  "while not os.path.exists(sys.argv[1]):\n"
                  "    s.send(b'WATCHDOG=1')\n"
                  "    time.sleep(0.02)\n"
                  "time.sleep(1000)\n")
        hold = self.hold({"argv": [PYTHON, "-c", script, self.path("go")], "ready": "notify", "alive": "notify",
                          "alive.every_ms": 400, "alive.failures": 2, "restart": "never"})
        hold.until(lambda s: s.get("healthy"), "healthy")
        self.assertEqual(hold.output(), b"400000\n")
        self.touch("go")
        state = hold.finish()
        self.assertEqual(state["end"], "not-alive")
        self.assertEqual(state["why"],
                         "it was not alive: it has not said WATCHDOG=1 for 400 ms, 2 times in a row")


class Restart(ProbeTest):
    def test_the_first_restart_of_what_was_at_work_does_not_wait(self):
        hold = self.hold({"sh": "sleep 1.1; exit 1", "restart": "always", "restart.delay_ms": 20000})
        hold.until(lambda s: s.get("run") == 2 and s["phase"] == "running", "the second run")
        self.assertEqual([e["in_ms"] for e in hold.events("restarting")], [0])
        state = hold.until(lambda s: s.get("run") == 2 and s["phase"] == "waiting", "its end")
        self.assertEqual(state["restarts"], 2)
        self.assertEqual([16000 <= e["in_ms"] <= 24000 for e in hold.events("restarting")],
                         [False, True])

    def test_what_fails_at_once_waits(self):
        hold = self.hold({"sh": "exit 1", "restart": "always", "restart.delay_ms": 20000})
        hold.phase("waiting")
        self.assertGreaterEqual(hold.events("restarting")[0]["in_ms"], 16000)


if __name__ == "__main__":
    unittest.main()
