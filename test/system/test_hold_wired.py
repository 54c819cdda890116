"""What a hold does with a wired stdin or stdout: it waits for it, keeps it over restarts, and lets go of it at the end."""

import array
import os
import signal
import socket
import struct
import subprocess
import time
import unittest

from hold_test import HoldTest
from msgpack_mini import pack
from spore_test import DEADLINE, wait_until

FEATURES = ("node", "ports")


class Wired(HoldTest):
    def begin(self, name, sh, **spec):
        for end in ("stdin", "stdout", "stdio"):
            if end in spec:
                spec["wire." + end] = spec.pop(end)
        spec = {key.replace("__", "."): value for key, value in spec.items()}
        hold = self.hold({"sh": sh, **spec}, task=name, features=FEATURES)
        hold.ports = {}
        hold.serials = {}
        return hold

    def hear(self, hold, condition, what):
        """Until CONDITION(hold) holds, of its states and ports."""
        end = time.monotonic() + DEADLINE
        while not condition(hold):
            self.assertLess(time.monotonic(), end, f"waited in vain for {what}: {hold.state}")
            m = hold.peer.receive()
            self.assertIsNotNone(m, f"the hold ended before {what}: {hold.state}")
            if m[0] == "state":
                hold.state = {"phase": "starting", "end": "none", "run": 0, **m[1]}
            elif m[0] == "ports":
                hold.ports = {}
            elif m[0] == "open":
                hold.ports[m[2]] = m
            elif m[0] == "close":
                hold.ports = {k: v for k, v in hold.ports.items() if v[1] != m[1]}
            elif m[0] in ("wired", "over"):
                hold.serials[m[2]] = m[0]

    def phase(self, hold, phase):
        self.hear(hold, lambda h: h.state.get("phase") == phase, phase)

    def give(self, hold, port, fds, serial, transport="pipe"):
        self.hear(hold, lambda h: port in h.ports, port)
        body = pack(["channel", hold.ports[port][1], serial, transport, 0, len(fds), {"peer": "s/other.port"}])
        hold.peer.socket.sendmsg([struct.pack("<I", len(body)) + body],
                                 [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])

    def wired(self, hold, serial):
        self.hear(hold, lambda h: serial in h.serials, "an answer")
        return hold.serials[serial]

    def join(self, a, b, serial=1):
        """As the node does: a pipe from A's stdout to B's stdin, of which nothing is kept."""
        ends = os.pipe()
        self.give(b, "stdin", [ends[0]], serial)
        self.give(a, "stdout", [ends[1]], serial)
        for fd in ends:
            os.close(fd)
        self.assertEqual((self.wired(a, serial), self.wired(b, serial)), ("wired", "wired"))

    def test_it_waits_and_end_of_file_passes(self):
        a = self.begin("a", "seq 1 50000", stdout="b.stdin")
        self.phase(a, "waiting")
        self.assertEqual(a.state["why"], "stdout is wired to b.stdin, which is not there yet")
        self.hear(a, lambda h: "stdout" in h.ports, "its port")
        self.assertEqual(a.ports["stdout"][2:], ["stdout", "bytes", "connect", {"framing": "lines"},
                                                  ["pipe-1", "stream-1"], []])
        b = self.begin("b", "sha256sum; echo err >&2", stdin="a.stdout")
        self.join(a, b)
        for hold in (a, b):
            self.phase(hold, "ended")
            self.assertEqual((hold.state["end"], hold.state.get("code", 0)), ("exited", 0))
            self.assertEqual(hold.process.wait(DEADLINE), 0)
        self.assertEqual(a.output(), b"")  # what is wired is not logged
        self.assertEqual(b.output("stderr"), b"err\n")
        sums = self.run_quietly("seq 1 50000 | sha256sum")
        self.assertEqual(b.output(), sums)

    def run_quietly(self, sh):
        return subprocess.run(["sh", "-c", sh], stdout=subprocess.PIPE, check=True, timeout=DEADLINE).stdout

    def test_a_hundred_megabytes(self):
        a = self.begin("a", "head -c 104857600 /dev/zero | tr '\\0' x", stdout="b.stdin")
        b = self.begin("b", "cksum", stdin="a.stdout")
        self.join(a, b)
        self.phase(b, "ended")
        self.phase(a, "ended")
        wait_until(lambda: b.output() == self.run_quietly("head -c 104857600 /dev/zero | tr '\\0' x | cksum"), "it")

    def test_either_end_is_started_again(self):
        a = self.begin("a", "trap 'echo last; exit' TERM; echo $$; while :; do sleep 0.1; done", stdout="b.stdin",
                       stop__grace_ms=60000)
        b = self.begin("b", "while read line; do echo got $line; done; echo end", stdin="a.stdout", restart="always",
                       restart__delay_ms=0)
        self.join(a, b)
        said = []
        for i in range(3):
            self.hear(a, lambda h: h.state.get("phase") == "running" and h.state["run"] == i + 1, "a run of a")
            said.append(b"got %d\n" % a.state["pid"])
            wait_until(lambda: b.output() == b"".join(said), "its number")
            self.hear(b, lambda h: h.state.get("phase") == "running" and h.state["run"] == i + 1, "a run of b")
            b.send("restart")
            self.hear(b, lambda h: h.state.get("phase") == "running" and h.state["run"] == i + 2, "a run of b")
            # Nobody reads now that the writer stops: it stays in the pipe for the next.
            a.send("restart")
            said.append(b"got last\n")
        self.hear(a, lambda h: h.state.get("phase") == "running" and h.state["run"] == 4, "a run of a")
        said.append(b"got %d\n" % a.state["pid"])
        wait_until(lambda: b.output() == b"".join(said), "all")
        # Killed as well.
        os.kill(a.state["pid"], signal.SIGKILL)
        self.phase(a, "ended")
        wait_until(lambda: b.output().endswith(b"end\n"), "end of file")
        # It was to run always, and there is nobody to read from.
        self.phase(b, "waiting")
        self.hear(b, lambda h: h.state["why"].startswith("stdin"), "why")
        self.assertEqual(b.state["why"], "stdin is wired to a.stdout, which has ended: it waits for the next")
        b.send("over", b.ports["stdin"][1], 1)
        c = self.begin("c", "echo c", stdout="b.stdin")
        self.join(c, b, 2)
        wait_until(lambda: b"got c\nend\n" in b.output(), "the next")
        b.send("stop", 0)
        self.phase(b, "ended")

    def test_a_kill_of_either_program(self):
        a = self.begin("a", "i=0; while :; do i=$((i+1)); echo $i || exit; sleep 0.01; done", stdout="b.stdin",
                       restart="always", restart__delay_ms=0)
        b = self.begin("b", "while read n; do echo got $n; done; echo end", stdin="a.stdout", restart="always",
                       restart__delay_ms=0)
        self.join(a, b)
        for i in range(4):
            for hold in (a, b):
                self.hear(hold, lambda h: h.state.get("phase") == "running" and h.state["run"] > i, "a run")
                os.kill(hold.state["pid"], signal.SIGKILL)
                run, before = hold.state["run"], b.output().count(b"got")
                self.hear(hold, lambda h: h.state.get("phase") == "running" and h.state["run"] > run, "the next")
                wait_until(lambda: b.output().count(b"got") > before, "more")
        self.assertNotIn(b"end", b.output())
        a.send("stop", 0)
        self.phase(a, "ended")
        wait_until(lambda: b.output().endswith(b"end\n"), "end of file")
        b.send("stop", 0)
        self.phase(b, "ended")

    def test_a_reader_that_has_ended_ends_the_writer(self):
        a = self.begin("a", "while :; do echo y; done", stdout="b.stdin")
        b = self.begin("b", "head -n 1", stdin="a.stdout")
        self.join(a, b)
        self.phase(b, "ended")
        self.phase(a, "ended")
        self.assertEqual(b.output(), b"y\n")
        self.assertTrue(a.state["failed"])

    def test_a_slow_reader_holds_the_writer_up(self):
        fifo = os.path.join(self.dir, "go")
        os.mkfifo(fifo)
        a = self.begin("a", "i=0; while [ $i -lt 40 ]; do head -c 4096 /dev/zero; i=$((i+1)); echo $i >&2; done",
                       stdout="b.stdin")
        b = self.begin("b", f"read x < {fifo}; wc -c", stdin="a.stdout")
        self.join(a, b)
        wait_until(lambda: a.output("stderr").count(b"\n") >= 2, "something in the pipe")
        self.assertLessEqual(a.output("stderr").count(b"\n"), 16)  # pages of a pipe
        with open(fifo, "w") as f:
            f.write("go\n")
        self.phase(b, "ended")
        self.assertEqual(int(b.output()), 163840)
        self.phase(a, "ended")

    def test_both_ways(self):
        a = self.begin("a", "echo hello; read x; echo a got $x >&2; echo bye", stdio="b.stdio")
        b = self.begin("b", "read x; echo b got $x >&2; echo $x back; read x; echo $x >&2", stdio="a.stdio")
        there, back = os.pipe(), os.pipe()
        self.give(a, "stdio", [back[0], there[1]], 1, "pipes")
        self.give(b, "stdio", [there[0], back[1]], 1, "pipes")
        for fd in there + back:
            os.close(fd)
        for hold in (a, b):
            self.phase(hold, "ended")
        self.assertEqual(a.output("stderr") + b.output("stderr"), b"a got hello back\nb got hello\nbye\n")

    def test_over_a_socket(self):
        a = self.begin("a", "read x; echo $x back", stdio="b.port")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(DEADLINE)
            theirs.setblocking(False)  # the program gets one that waits
            self.give(a, "stdio", [theirs.fileno()], 1, "stream")
            theirs.close()
            ours.sendall(b"hello\n")
            self.assertEqual(ours.recv(100), b"hello back\n")
            self.assertEqual(ours.recv(100), b"")
        self.phase(a, "ended")

    def test_what_is_none(self):
        a = self.begin("a", "cat", stdin="b.stdout")
        ends = os.pipe()
        for serial, fds, transport in ((1, [ends[1]], "pipe"), (2, [ends[0]], "ring"), (3, list(ends), "pipe"),
                                       (4, list(ends), "pipes")):
            self.give(a, "stdin", fds, serial, transport)
            self.assertEqual(self.wired(a, serial), "over")
        for fd in ends:
            os.close(fd)
        self.phase(a, "waiting")
        a.send("stop", 1000)
        self.phase(a, "ended")
        self.assertFalse(a.state.get("failed"))
        self.assertEqual(a.process.wait(DEADLINE), 0)

    def test_another_node_learns_of_it(self):
        a = self.begin("a", "sleep 1000", stdout="b.stdin", restart="always", restart__delay_ms=0)
        ends = os.pipe()
        self.give(a, "stdout", [ends[1]], 7)
        self.wired(a, 7)
        for fd in ends:
            os.close(fd)
        self.phase(a, "running")
        node = a.connect(features=FEATURES)
        while (m := node.receive())[0] != "open":
            pass
        self.assertEqual(m[1:4] + m[7:], [a.ports["stdout"][1], "stdout", "bytes", [7]])
        node.close()
        a.send("stop", 0)
        self.phase(a, "ended")


if __name__ == "__main__":
    unittest.main()
