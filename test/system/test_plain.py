"""Plain ends of wires: programs that know nothing of spore, joined by the node."""

import os
import shutil
import signal
import sys
import unittest

from spore_test import BUILD, wait_until
from test_wires import HERE, WiresTest

SOURCE = os.path.dirname(os.path.dirname(HERE))
LIBSPORE = f"import sys; sys.path.insert(0, {HERE!r})\nfrom ports_program import *\n"


class PlainTest(WiresTest):
    def define(self, name, script, **more):
        return self.call("tasks.start", spec=self.spec(name, script, enabled=False, **more))

    def pid(self, name):
        return (self.task(name).get("hold") or {}).get("pid", 0)

    def go(self, *names):
        self.call("tasks.begin", names=list(names))

    def until(self, name, state, why=None):
        def look():
            task = self.task(name)
            return task["state"] == state and (why is None or task["hold"].get("why") == why)
        try:
            wait_until(look, f"{name} {state}")
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.task(name)}") from e

    def output(self, name, stream="stdout"):
        return self.spore("logs", "--stream", stream, name).stdout

    def ended(self, *names):
        self.assertTrue(self.wait(*names, until="ended")["reached"])


class Stdio(PlainTest):
    def test_a_batch(self):
        self.define("a", "seq 1 100000")
        self.define("b", "sort -n -r | head -n 1")
        self.wire("a.stdout", "b.stdin")
        self.go("a")
        self.until("a", "waiting", "stdout is wired to b.stdin, which is not there yet")
        wait_until(lambda: self.why("a.stdout", "b.stdin") == ("waiting", "b does not run: it is defined"), "why")
        self.go("b")
        self.ended("a", "b")
        self.assertEqual((self.output("a"), self.output("b")), ("", "100000\n"))
        self.assertEqual([self.task(n)["hold"].get("code", 0) for n in "ab"], [0, 0])
        # And again.
        self.go("b")
        self.until("b", "waiting", "stdin is wired to a.stdout, which is not there yet")
        self.go("a")
        self.ended("a", "b")
        self.assertEqual(self.output("b"), "100000\n100000\n")

    def test_three_in_a_row_with_a_hundred_megabytes(self):
        size = 100 << 20
        self.define("a", f"head -c {size} /dev/zero | tr '\\0' x")
        self.define("b", "tr x y")
        self.define("c", "cksum")
        self.wire("a.stdout", "b.stdin")
        self.wire("b.stdout", "c.stdin")
        self.go("c", "b", "a")
        self.ended("a", "b", "c")
        want = os.popen(f"head -c {size} /dev/zero | tr '\\0' y | cksum").read()
        self.assertEqual(self.output("c"), want)

    def test_restarts_and_kills_of_either(self):
        self.define("a", "i=0; while :; do i=$((i+1)); echo $$ $i || exit; sleep 0.02; done", restart="always",
                    restart__delay_ms=0)
        self.define("b", "echo new; while read n; do echo got $n; done; echo end", restart="always",
                    restart__delay_ms=0)
        self.wire("a.stdout", "b.stdin")
        self.go("a", "b")
        for name in "ab":
            self.until(name, "running")
        for how in ("kill", "restart"):
            for name in "ab":
                pid = self.pid(name)
                self.assertGreater(pid, 0)
                if how == "kill":
                    os.kill(pid, signal.SIGKILL)
                else:
                    self.call("tasks.restart", names=[name])
                wait_until(lambda: self.pid(name) not in (0, pid), f"{name} again")
                a, news = self.pid("a"), self.output("b").count("new")
                wait_until(lambda: f"got {a} " in self.output("b").rpartition("new")[2], "what it writes now")
        self.assertNotIn("end", self.output("b"))
        self.assertEqual(self.wires()["a.stdout", "b.stdin"]["transport"], "pipe")
        # The node that comes later knows the pipe, and leaves it alone.
        self.kill_node()
        self.again()
        self.wired("a.stdout", "b.stdin")
        self.assertNotIn("end", self.output("b"))
        self.call("tasks.stop", names=["a"])
        self.said("b", "end")

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX does not end the program of a hold that is killed")
    def test_a_hold_that_is_killed(self):
        self.define("a", "echo $$; exec sleep 1000", restart="always", restart__delay_ms=0)
        self.define("b", "while read n; do echo got $n; done; echo end", restart="always", restart__delay_ms=0)
        self.wire("a.stdout", "b.stdin")
        self.go("a", "b")
        for i in range(2):
            wait_until(lambda: f"got {self.pid('a')}\n" in self.output("b"), "the writer")
            wait_until(lambda: self.pid("ab"[i]), "a hold")
            before = self.task("a" if i == 0 else "b")["hold"]
            os.kill(before["hold"], signal.SIGKILL)
            wait_until(lambda: self.pid("ab"[i]) not in (0, before["pid"]), "another")
            if i == 1:
                # The writer has not noticed, since it does not write; it has another pipe from its next start on.
                self.call("tasks.restart", names=["a"])
        wait_until(lambda: f"got {self.pid('a')}\n" in self.output("b"), "the writer")

    def test_both_ways(self):
        self.define("a", "echo hello; read x; echo a got $x >&2")
        self.define("b", "read x; echo $x back")
        self.ok(self.spore("wire", "a.stdio", "b.stdio"))
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual(self.output("a", "stderr"), "a got hello back\n")

    def test_with_libspore(self):
        code = LIBSPORE + """
c = Control(["stream-1", "lines-1"])
c.open("words")
m = c.hear()
while m[0] != "channel": m = c.hear()
assert m[3] == "lines", m
s = socket.socket(fileno=m[7][0])
s.setblocking(True)
for line in s.makefile("rb"):
    say("heard", line.decode().strip())
    s.sendall(b"echo " + line)
"""
        self.begin("lib", argv=[sys.executable, "-c", code], control=True, wait="started")
        self.define("plain", "echo one; echo two; read a; read b; echo $a $b >&2")
        self.call("wires.add", wires=[{"from": "lib.words", "to": "plain.stdio", "duplex": True}])
        self.go("plain")
        self.ended("plain")
        self.assertEqual(self.output("plain", "stderr"), "echo one echo two\n")
        wait_until(lambda: self.output("lib") == "heard one\nheard two\n", "what the other one heard")

    def test_why_a_start_waits(self):
        """What will not come by itself is said with what helps."""
        self.define("a", "exec sleep 1000", replica=1)
        self.define("b", "exec cat")
        self.wire("a.stdout", "b.stdin")
        self.go("b")
        wait_until(lambda: self.task("b").get("why") == "stdin is wired to a.stdout, and a is defined; 'spore start a' runs it",
                   "b to wait")
        self.go("a")
        self.until("b", "running")
        self.define("a", "exec sleep 1000", replica=2)
        self.go("a@2")
        wait_until(lambda: self.task("a@2").get("why")
                   == "stdout is wired to b.stdin, which has no channel for it; give both tasks as many replicas", "a@2 to wait")
        self.assertEqual(self.why("a.stdout", "b.stdin"),
                         ("wired", "a@2.stdout waits: b.stdin has no channel for it; give both tasks as many replicas"))

    def test_another_wire_is_another_generation(self):
        self.define("a", "echo a; sleep 1000", system="s")
        self.define("b", "cat", system="s")
        self.define("c", "cat", system="s")
        def wire(to):
            return self.call("wires.add", system="s", only=True, wires=[{"from": "a.stdout", "to": to}])
        wire("b.stdin")
        self.go("s/a", "s/b", "s/c")
        self.said("s/b", "a\n")
        before = self.task("s/a")["generation"]
        self.assertEqual(wire("c.stdin")["removed"], ["s/a.stdout -> s/b.stdin"])
        self.go("s/c")  # had nothing to read, and has ended
        self.said("s/c", "a\n")
        self.assertGreater(self.task("s/a")["generation"], before)
        # The same specification as the manifest has is no change.
        spec = self.spec("a", "echo a; sleep 1000", system="s", enabled=False)
        self.assertEqual(self.call("tasks.start", spec=spec, replace="if-changed")["changed"], [])

    def test_refusals(self):
        self.define("a", "sleep 1000")
        self.define("b", "cat")
        self.define("t", "cat", tty=True)
        self.define("o", "cat", stdin="open")
        for left, right, words in [
                ("a.stderr", "b.stdin", "a.stderr: what is written there is logged, and not wired"),
                ("a.stdin", "b.stdin", "a.stdin is read by its program, so it stands on the right"),
                ("a.stdout", "b.stdout", "b.stdout is written by its program, so it stands on the left"),
                ("a.stdio", "b.stdin", "a.stdio goes both ways: write <> in place of ->, or stdout"),
                ("a.stdout", "t.stdin", "t.stdin: its task has a terminal"),
                ("a.stdout", "o.stdin", "leave out 'stdin'"),
        ]:
            with self.assertRaises(Exception, msg=(left, right)) as caught:
                self.wire(left, right)
            self.assertIn(words, str(caught.exception))
        self.go("a")
        self.until("a", "running")
        self.fails(1, "a runs, and a program that runs cannot be given another stdout; first 'spore stop a'",
                   "wires.add", wires=[{"from": "a.stdout", "to": "b.stdin"}])
        self.call("tasks.stop", names=["a"])
        self.wire("a.stdout", "b.stdin")
        self.fails(1, "a.stdout has one channel only", "wires.add", wires=[{"from": "a.stdout", "to": "c.stdin"}]) \
            if self.define("c", "cat") else None
        self.go("a", "b")
        self.until("a", "running")
        self.fails(1, "cannot be given another stdout", "wires.remove", wires=[{"from": "a.stdout", "to": "b.stdin"}])
        self.fails(1, "b: its stdin is wired to a.stdout: leave out 'stdin'", "tasks.start",
                   spec=self.spec("b", "cat", stdin="open"), replace="always")


class Example(PlainTest):
    @unittest.skipIf(shutil.which("node") is None, "needs Node.js")
    def test_three_languages(self):
        system = os.path.join(SOURCE, "examples/plain-wires/spore.yaml")
        self.env["PATH"] = BUILD + ":" + self.env["PATH"]
        self.ok(self.spore("check", system))
        self.ok(self.spore("up", "-d", system))
        self.ended("plain-wires/count", "plain-wires/square", "plain-wires/sum")
        self.assertIn(f"the sum is {sum(n * n for n in range(1001))} count=1000",
                      self.spore("logs", "plain-wires/sum").stdout)
        self.assertEqual(self.output("plain-wires/count", "stderr"), "counted to 1000\n")
        self.assertEqual(self.output("plain-wires/count") + self.output("plain-wires/square"), "")
        wires = {w["from"]: w["system"] for w in self.call("wires.list")["wires"]}
        self.assertEqual(wires, {"plain-wires/count.stdout": "plain-wires", "plain-wires/square.stdout": "plain-wires"})
        self.ok(self.spore("down", system))
        self.assertEqual(self.call("wires.list")["wires"], [])


if __name__ == "__main__":
    unittest.main()
