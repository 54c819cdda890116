"""The pseudo-terminal of a task and those who look at it, over the hold's own protocol."""

import os
import re
import signal
import unittest

from hold_test import HoldTest
from spore_test import wait_until

PYTHON = "/usr/bin/python3"


class Viewer:
    """A peer that has attached; collects what it gets."""

    def __init__(self, hold, rows=0, columns=0):
        self.peer = hold.connect()
        self.peer.send("attach", rows, columns)
        self.output = b""
        self.skipped = 0
        self.state = {}

    def step(self):
        message = self.peer.receive()
        if message is None:
            return False
        if message[0] == "output":
            self.output += message[1]
        elif message[0] == "skipped":
            self.skipped += message[1]
            self.output += b"<skipped>"
        elif message[0] == "state":
            self.state = {"phase": "starting", "end": "none", **message[1]}
        return True

    def until(self, pattern):
        while not re.search(pattern, self.output):
            try:
                more = self.step()
            except TimeoutError:
                more = False
            if not more:
                raise AssertionError((pattern, self.output[-500:]))
        return self.output

    def close(self):
        self.peer.close()


class Terminal(HoldTest):
    def viewer(self, hold, *size):
        hold.phase("running")
        viewer = Viewer(hold, *size)
        self.addCleanup(viewer.close)
        return viewer

    def test_it_is_one(self):
        hold = self.hold({"sh": "tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; echo $TERM; stty size; "
                                "ps -o tpgid= -p $$ | tr -d ' ' | grep -x $$ >/dev/null && echo foreground; read x",
                          "tty": True})
        wait_until(lambda: b"foreground" in hold.output("tty"))
        self.assertRegex(hold.output("tty"), rb"/dev/pts/\d+\r\nall\r\nxterm-256color\r\n24 80\r\nforeground\r\n")
        hold.send("stop", -1)
        hold.finish()

    def test_input_echo_and_the_smallest_window(self):
        script = ("import os, signal, sys\n"
                  "def size(*_): os.write(1, b'size %d %d\\n' % tuple(reversed(os.get_terminal_size(0))))\n"
                  "signal.signal(signal.SIGWINCH, size)\nprint('on', flush=True)\n"
                  "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
                  "while True: print('got', sys.stdin.readline().strip(), flush=True)\n")
        hold = self.hold({"argv": [PYTHON, "-c", script], "tty": True})
        wait_until(lambda: b"on" in hold.output("tty"))
        a = self.viewer(hold, 30, 100)
        a.until(rb"size 30 100\r\n")
        a.peer.send("input", b"hello\r")
        a.until(rb"hello\r\ngot hello\r\n")
        b = self.viewer(hold, 40, 90)
        b.until(rb"got hello\r\n[^$]*size 30 90\r\n")  # what was there before it came, first
        a.peer.send("resize", 50, 120)
        b.until(rb"size 40 90\r\n")
        b.close()
        a.until(rb"size 50 120\r\n")
        self.assertEqual(a.skipped, 0)
        a.peer.send("input", b"\x03")  # the terminal's own keys
        hold.until(lambda s: s["end"] == "signalled", "its end")
        self.assertEqual(hold.state["signal"], signal.SIGINT)

    def test_the_end_stands_behind_the_output(self):
        hold = self.hold({"sh": "read x; seq 1 20000; exit 7", "tty": True, "restart": "never"})
        viewer = self.viewer(hold)
        viewer.peer.send("input", b"go\n")
        while viewer.state.get("phase") != "ended":
            self.assertTrue(viewer.step())
        self.assertTrue(viewer.output.endswith(b"\r\n19999\r\n20000\r\n"))
        self.assertEqual((viewer.state["end"], viewer.state["code"]), ("exited", 7))
        self.assertEqual(hold.output("tty").count(b"\n"), 20001)

    def test_a_shell_at_a_terminal_can_be_stopped(self):
        hold = self.hold({"argv": ["/bin/bash", "--norc", "-i"], "tty": True, "stop.grace_ms": 20000,
                          "env": ["PATH=/usr/bin:/bin", "PS1=ready>"]})
        wait_until(lambda: b"ready>" in hold.output("tty"))
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["signal"], signal.SIGHUP)

    def test_end_of_file_asks_it_to_end(self):
        hold = self.hold({"sh": "echo on; cat; echo end; exit 4", "tty": True, "stop.stdin": True,
                          "stop.grace_ms": 20000})
        wait_until(lambda: b"on" in hold.output("tty"))
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["code"], 4)

    def test_the_terminal_outlives_who_closes_it(self):
        hold = self.hold({"sh": "exec 3>/dev/tty </dev/null >/dev/null 2>&1; exec 3>&-; sleep 0.2; "
                                "echo still here >/dev/tty; exec sleep 1000", "tty": True})
        wait_until(lambda: b"still here" in hold.output("tty"))


class Viewers(HoldTest):
    viewer = Terminal.viewer

    def test_the_latest_comes_first(self):
        hold = self.hold("head -c 500000 /dev/zero | tr '\\0' x; echo; echo last; exec sleep 1000")
        wait_until(lambda: hold.output().endswith(b"last\n"))
        output = self.viewer(hold).until(rb"last\n")
        self.assertLessEqual(len(output), 65536)
        self.assertGreaterEqual(len(output), 65000)
        self.assertEqual(output.strip(b"x"), b"\nlast\n")

    def test_input_for_a_stdin_that_is_kept_open(self):
        hold = self.hold({"sh": "while read x; do echo \"<$x>\"; done; exec sleep 1000", "stdin": "open"})
        viewer = self.viewer(hold)
        viewer.peer.send("input", b"one\ntwo\n")
        viewer.until(rb"<one>\n<two>\n")

    def test_much_input_for_a_slow_reader_is_whole(self):
        script = ("import sys, time, hashlib\nh = hashlib.sha256()\nn = 0\n"
                  "while n < 3000000:\n    b = sys.stdin.buffer.read1(30000)\n    n += len(b)\n    h.update(b)\n"
                  "    time.sleep(0.001)\n"
                  "print(n, h.hexdigest(), flush=True)\ntime.sleep(1000)\n")
        hold = self.hold({"argv": [PYTHON, "-c", script], "stdin": "open"})
        viewer = self.viewer(hold)
        data = os.urandom(3000000)
        for at in range(0, len(data), 30000):
            viewer.peer.send("input", data[at:at + 30000])
        import hashlib
        viewer.until(rb"3000000 " + hashlib.sha256(data).hexdigest().encode())

    def test_a_program_that_takes_no_input_can_be_stopped(self):
        hold = self.hold({"sh": "exec sleep 1000", "stdin": "open", "stop.stdin": True, "stop.grace_ms": 500})
        viewer = self.viewer(hold)
        hold.phase("running")
        viewer.peer.socket.setblocking(False)
        try:
            while True:
                viewer.peer.send("input", bytes(30000))
        except BlockingIOError:
            pass
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["signal"], signal.SIGTERM)

    def test_one_that_does_not_read_loses_and_delays_nobody(self):
        script = "read x; i=0; while [ $i -lt 300 ]; do head -c 10000 /dev/zero | tr '\\0' y; i=$((i+1)); done; echo; " \
                 "echo end; exec sleep 1000"
        hold = self.hold({"sh": script, "stdin": "open"})
        slow, fast = self.viewer(hold), self.viewer(hold)
        fast.peer.send("input", b"go\n")
        fast.until(rb"end\n")
        output = slow.until(rb"end\n")
        self.assertGreater(slow.skipped, 0)
        self.assertEqual(slow.skipped + len(output.replace(b"<skipped>", b"")), 300 * 10000 + 5)
        with open(f"/proc/{hold.process.pid}/status") as f:
            status = f.read()
        self.assertLess(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)), 20000)


if __name__ == "__main__":
    unittest.main()
