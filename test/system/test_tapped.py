"""Wires of stdin and stdout with `tap: true`: pumps carry them, so they can be looked into, and wired otherwise while the programs run."""

import json
import os
import signal
import sys
import unittest

from spore_test import BUILD, DEADLINE, wait_until
from test_named import NamedTest
from test_plain import LIBSPORE

POSIX = os.environ.get("SPORE_POSIX")
LINUX = unittest.skipIf(POSIX, "plain POSIX has no memory to share, and no splice")

# Writes its lines when it is told to, by a FIFO.
TOLD = 'exec 3<>{go}; while read n <&3; do echo $n; done'
READS = 'while read n; do echo got $n; done; echo end'


class TappedTest(NamedTest):
    def tap_wire(self, left, right, **more):
        return self.wire(left, right, tap=True, **more)

    def forever(self, name, script):
        self.define(name, script, restart="always", restart__delay_ms=0)

    def fifo(self, name):
        path = os.path.join(self.work, name)
        os.mkfifo(path)
        return path

    def tell(self, path, text):
        fd = os.open(path, os.O_RDWR)  # does not wait for its reader
        os.write(fd, f"{text}\n".encode())
        self.addCleanup(os.close, fd)  # with the last end what nobody has read is gone

    def got(self, name, text, times=1):
        wait_until(lambda: self.output(name).count(f"got {text}\n") == times, f"{name} got {text}")


class Carried(TappedTest):
    def test_a_batch_in_either_order(self):
        self.define("a", "seq 1 100000")
        self.define("b", "sort -n -r | head -n 1")
        self.tap_wire("a.stdout", "b.stdin")
        self.assertRegex(self.spore("wires").stdout, r"b\.stdin .*with tap\n")
        wire, = json.loads(self.spore("wires", "--json").stdout)
        self.assertEqual((wire["slow"], wire["redeliver"], wire["tap"]), ("", False, True))
        self.go("a")
        self.until("a", "waiting", "stdout is wired, and what is at its other end is not there yet")
        self.go("b")
        self.ended("a", "b")
        self.assertEqual((self.output("a"), self.output("b")), ("", "100000\n"))
        self.go("b")
        self.until("b", "waiting", "stdin is wired, and what is at its other end is not there yet")
        self.go("a")
        self.ended("a", "b")
        self.assertEqual(self.output("b"), "100000\n100000\n")
        self.assertEqual([self.task(n)["hold"].get("code", 0) for n in "ab"], [0, 0])
        self.no_pumps()

    def test_three_in_a_row_of_which_one_is_direct(self):
        size = 30 << 20
        self.define("a", f"head -c {size} /dev/zero | tr '\\0' x")
        self.define("b", "tr x y")
        self.define("c", "cksum")
        self.tap_wire("a.stdout", "b.stdin")
        self.wire("b.stdout", "c.stdin")
        self.go("c", "b", "a")
        self.ended("a", "b", "c")
        self.assertEqual(self.output("c"), os.popen(f"head -c {size} /dev/zero | tr '\\0' y | cksum").read())

    def test_a_reader_that_has_ended_ends_the_writer(self):
        self.define("a", "yes")
        self.define("b", "head -n 1")
        self.tap_wire("a.stdout", "b.stdin")
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual(self.output("b"), "y\n")
        self.no_pumps()

    def test_restarts_and_kills_of_either(self):
        self.forever("a", "i=0; while :; do i=$((i+1)); echo $$ $i || exit; sleep 0.02; done")
        self.forever("b", f"echo new; {READS}")
        self.tap_wire("a.stdout", "b.stdin")
        self.go("a", "b")
        for name in "ab":
            self.until(name, "running")
        for how in ("kill", "restart"):
            for name in "ab":
                pid = self.pid(name)
                if how == "kill":
                    os.kill(pid, signal.SIGKILL)
                else:
                    self.call("tasks.restart", names=[name])
                wait_until(lambda: self.pid(name) not in (0, pid), f"{name} again")
                a = self.pid("a")
                wait_until(lambda: f"got {a} " in self.output("b").rpartition("new")[2], "what it writes now")
        self.assertNotIn("end", self.output("b"))
        self.assertEqual(self.wires()["a.stdout", "b.stdin"]["transport"], "pump")
        # The node that comes later knows it, and leaves it alone.
        self.kill_node()
        self.again()
        self.wired("a.stdout", "b.stdin")
        self.assertNotIn("end", self.output("b"))
        self.call("tasks.stop", names=["a"])
        self.said("b", "end")

    @LINUX
    def test_kills_of_pumps_and_taps_lose_nothing(self):
        go = self.fifo("go")
        lines = "i=0; while [ $i -lt 400 ]; do seq $i 2000; i=$((i+1)); done"
        self.define("a", f"{lines}; echo done; read x < {go}")
        self.define("b", "sed /done/q | cksum; exec cat")
        self.tap_wire("a.stdout", "b.stdin")
        self.go("a", "b")
        self.until("b", "running")
        killed = 0
        taps = []
        while not self.output("b"):
            # One that is stuck, one that is killed, and their pumps.
            if len(taps) < 4:
                taps.append(self.start("tap", ("a.stdout", "b.stdin")[len(taps) % 2]))
            os.kill(taps[-1].pid, (signal.SIGSTOP, signal.SIGKILL)[len(taps) % 2])
            for pid in self.pumps():
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass
        self.assertGreater(killed, 1)
        self.assertEqual(self.output("b"), os.popen(f"({lines}; echo done) | cksum").read())
        self.tell(go, "go")
        self.ended("a", "b")
        self.no_pumps()

    @unittest.skipIf(POSIX, "plain POSIX does not end the program of a hold that is killed")
    def test_a_hold_that_is_killed(self):
        self.forever("a", "echo $$; exec sleep 1000")
        self.forever("b", READS)
        self.tap_wire("a.stdout", "b.stdin")
        self.go("a", "b")
        for name in "ab":
            wait_until(lambda: f"got {self.pid('a')}\n" in self.output("b"), "the writer")
            before = wait_until(lambda: self.pid(name) and self.task(name)["hold"], "a hold")
            os.kill(before["hold"], signal.SIGKILL)
            wait_until(lambda: self.pid(name) not in (0, before["pid"]), "another")
            if name == "b":
                # The writer has not noticed, since it does not write.
                self.call("tasks.restart", names=["a"])
        wait_until(lambda: f"got {self.pid('a')}\n" in self.output("b"), "the writer")

    def test_both_ways(self):
        self.define("a", "echo hello; read x; echo a got $x >&2")
        self.define("b", "read x; echo $x back")
        self.ok(self.spore("wire", "--tap", "a.stdio", "b.stdio"))
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual(self.output("a", "stderr"), "a got hello back\n")
        self.no_pumps()

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
        self.tap_wire("lib.words", "plain.stdio", duplex=True)
        self.go("plain")
        self.ended("plain")
        self.assertEqual(self.output("plain", "stderr"), "echo one echo two\n")
        wait_until(lambda: self.output("lib") == "heard one\nheard two\n", "what the other one heard")


class Rewired(TappedTest):
    def prepare(self):
        """a.stdout to b.stdin and d.stdout to c.stdin, all of which run."""
        self.go_a = self.fifo("go")
        self.define("a", TOLD.format(go=self.go_a))
        self.define("d", "exec sleep 1000")
        self.define("b", READS)
        self.define("c", READS)
        self.tap_wire("a.stdout", "b.stdin")
        self.tap_wire("d.stdout", "c.stdin")
        self.go("a", "b", "c", "d")
        for name in "abcd":
            self.until(name, "running")

    def test_while_all_run(self):
        self.prepare()
        pids = [self.pid(n) for n in "abcd"]
        self.tell(self.go_a, 1)
        self.got("b", 1)
        self.ok(self.spore("unwire", "a.stdout", "b.stdin"))
        wait_until(lambda: not self.pumps("a"), "a is not wired any more")
        self.tell(self.go_a, 2)  # nobody reads: it stays in its pipe
        self.assertEqual(self.unwire("d.stdout", "c.stdin"), ["d.stdout -> c.stdin"])
        self.ok(self.spore("wire", "a.stdout", "c.stdin"))
        self.got("c", 2)
        self.tell(self.go_a, 3)
        self.got("c", 3)
        self.assertEqual(self.unwire("a.stdout", "c.stdin"), ["a.stdout -> c.stdin"])
        self.wire("a.stdout", "b.stdin")
        self.wired("a.stdout", "b.stdin")
        self.tell(self.go_a, 4)
        self.got("b", 4)
        self.assertEqual([self.pid(n) for n in "abcd"], pids)
        self.assertEqual((self.output("b"), self.output("c")), ("got 1\ngot 4\n", "got 2\ngot 3\n"))
        # An end is one only when the other end has ended for good.
        self.call("tasks.stop", names=["a"])
        self.said("b", "end")
        self.assertNotIn("end", self.output("c"))

    @unittest.skipIf(POSIX, "plain POSIX has no taps, and what is under way is lost with a changed wire")
    def test_again_and_again_with_much(self):
        self.forever("a", "exec seq 1 10000000000")
        self.define("b", "awk 'NR > 1 && $1 != last + 1 { print \"lost\", last, $1 } { last = $1 } NR % 100000 == 0 { print NR; "
                         "fflush() }'")
        self.tap_wire("a.stdout", "b.stdin")
        self.go("a", "b")
        for i in range(10):
            seen = self.output("b").count("\n")
            wait_until(lambda: self.output("b").count("\n") > seen, "more")
            self.unwire("a.stdout", "b.stdin")
            self.wire("a.stdout", "b.stdin")
        self.assertNotIn("lost", self.output("b"))
        self.assertEqual([self.task(n)["hold"]["run"] for n in "ab"], [1, 1])

    def test_the_node_is_killed_between(self):
        self.prepare()
        self.kill_node()
        self.again()
        self.wired("a.stdout", "b.stdin")
        self.unwire("a.stdout", "b.stdin")
        self.kill_node()
        self.again()
        wait_until(lambda: {p["name"] for p in self.call("ports.list")["ports"] if p["open"]} ==
                   {"a.stdout", "b.stdin", "c.stdin", "d.stdout"}, "all holds")
        self.assertEqual(self.unwire("d.stdout", "c.stdin"), ["d.stdout -> c.stdin"])
        self.wire("a.stdout", "c.stdin")
        self.wired("a.stdout", "c.stdin")
        self.tell(self.go_a, 1)
        self.got("c", 1)
        # The end comes through also when no node is there at first to say what it is.
        pid = self.pid("a")
        self.kill_node()
        os.kill(pid, signal.SIGKILL)
        self.again()
        self.said("c", "end")
        self.assertNotIn("end", self.output("b"))

    def test_what_was_started_without_is_refused(self):
        self.define("a", "exec sleep 1000")
        self.define("b", READS)
        self.wire("a.stdout", "b.stdin")
        self.go("a", "b")
        self.until("b", "running")
        for call in ("wires.remove", "wires.add"):
            wire = {"from": "a.stdout", "to": "b.stdin", **({"tap": True} if call == "wires.add" else {})}
            self.fails(1, "With 'tap: true' (--tap) it is started so that it can", call, wires=[wire])

    def test_of_a_manifest(self):
        def manifest(to, tap="true"):
            self.write("spore.yaml", f"""spore: 1
name: s
tasks:
  a: {{ source: "path:sh", args: [-c, '{TOLD.format(go=self.go_a)}'] }}
  b: {{ source: "path:sh", args: [-c, '{READS}'] }}
  c: {{ source: "path:sh", args: [-c, '{READS}'] }}
wires:
  - {{ from: a.stdout, to: {to}.stdin, tap: {tap} }}
""")
        self.go_a = self.fifo("go")
        manifest("b")
        self.ok(self.spore("up", "-d"))
        self.until("s/a", "running")
        pid = self.pid("s/a")
        self.tell(self.go_a, 1)
        self.got("s/b", 1)
        self.assertEqual([w["tap"] for w in self.call("wires.list")["wires"]], [True])
        manifest("c")
        self.ok(self.spore("up", "-d"))
        self.go("s/c")  # had nothing to read, and has ended
        self.until("s/c", "running")
        self.wired("s/a.stdout", "s/c.stdin")
        self.tell(self.go_a, 2)
        self.got("s/c", 2)
        self.assertEqual(self.pid("s/a"), pid)  # its stdout is wired otherwise, and it goes on


@LINUX
class Looked(TappedTest):
    def prepare(self, **more):
        self.go_a = self.fifo("go")
        self.define("a", TOLD.format(go=self.go_a))
        self.define("b", READS)
        self.tap_wire("a.stdout", "b.stdin", **more)
        self.go("a", "b")
        for name in "ab":
            self.until(name, "running")

    def watching(self, *args):
        """A tap or the like that has been given what it looks into."""
        process = self.start(*args)
        wait_until(lambda: any(line.rstrip().endswith("spore-window (deleted)")
                               for line in self.maps(process.pid)), "it looks on")
        return process

    def maps(self, pid):
        try:
            with open(f"/proc/{pid}/maps") as f:
                return f.readlines()
        except OSError:
            return []

    def test_lines_are_seen_at_both_ends(self):
        self.prepare()
        out = self.watching("tap", "a.stdout", "--json", "-n", "2")
        into = self.watching("tap", "b.stdin", "-n", "2")
        for text in ("one", "two words"):
            self.tell(self.go_a, text)
            self.got("b", text)
        seen = [json.loads(line) for line in out.communicate(timeout=DEADLINE)[0].splitlines()]
        self.assertEqual([(m["direction"], m["text"], m["bytes"]) for m in seen],
                         [("sent", "one", 3), ("sent", "two words", 9)])
        lines = into.communicate(timeout=DEADLINE)[0].decode().splitlines()
        self.assertEqual([line.split(" ", 1)[1] for line in lines], ["<- 3 one", "<- 9 two words"])
        self.assertEqual((out.returncode, into.returncode), (0, 0))

    def test_it_stays_over_another_wire_and_a_killed_pump(self):
        self.prepare()
        tap = self.watching("tap", "a.stdout", "-n", "3")
        self.tell(self.go_a, 1)
        self.got("b", 1)
        self.unwire("a.stdout", "b.stdin")
        self.wire("a.stdout", "b.stdin")
        self.wired("a.stdout", "b.stdin")
        self.tell(self.go_a, 2)
        self.got("b", 2)
        for name in "ab":
            self.kill_pump(name)
        self.tell(self.go_a, 3)
        self.got("b", 3)
        lines = tap.communicate(timeout=DEADLINE)[0].decode().splitlines()
        self.assertEqual([line.split(" ", 1)[1] for line in lines], ["-> 1 1", "-> 1 2", "-> 1 3"])

    def test_to_the_end(self):
        go = self.fifo("go")
        self.define("a", f"read x < {go}; seq 1 20000; printf last")
        self.define("b", "cksum")
        self.tap_wire("a.stdout", "b.stdin")
        self.go("a", "b")
        self.until("a", "running")
        tap = self.watching("tap", "a.stdout", "--json")
        self.tell(go, "go")
        seen = [json.loads(line) for line in tap.communicate(timeout=DEADLINE)[0].splitlines()]
        missed = sum(m.get("missed_bytes", 0) for m in seen)
        lines = [m["text"] for m in seen if "text" in m]
        if missed == 0:
            self.assertEqual(lines, [str(i) for i in range(1, 20001)] + ["last"])
        self.assertEqual(sum(len(line) + 1 for line in lines[:-1]) + len(lines[-1]) + missed,
                         sum(len(str(i)) + 1 for i in range(1, 20001)) + 4)
        self.ended("a", "b")

    def test_a_framing(self):
        go = self.fifo("go")
        self.define("a", f"read x < {go}; printf '5:hello,0:,12:two\\nlines ok,'; read x < {go}", ports=["stdout - - - netstring"])
        self.define("b", "cat >/dev/null", ports=["stdin - - - netstring"])
        self.tap_wire("a.stdout", "b.stdin")
        self.go("a", "b")
        self.until("a", "running")
        tap = self.watching("tap", "a.stdout", "--json", "-n", "3")
        self.tell(go, "go")
        seen = [json.loads(line)["text"] for line in tap.communicate(timeout=DEADLINE)[0].splitlines()]
        self.assertEqual(seen, ["hello", "", "two\nlines ok"])

    def test_record_and_replay(self):
        self.prepare()
        path = os.path.join(self.work, "tape")
        record = self.watching("record", "a.stdout", "-o", path, "-n", "3")
        for i in range(3):
            self.tell(self.go_a, f"line {i}")
            self.got("b", f"line {i}")
        self.assertEqual(record.wait(DEADLINE), 0, record.stderr.read())
        result = self.spore("replay", path, "b.stdin")
        self.assertEqual(result.returncode, 1)
        self.assertIn("b.stdin has a channel already", result.stderr)
        # What is not wired takes it, and goes on.
        self.unwire("a.stdout", "b.stdin")
        wait_until(lambda: self.spore("replay", path, "b.stdin", "--speed", "max").returncode == 0, "the replay")
        self.ok(self.spore("send", "b.stdin", "by hand"))
        self.got("b", "by hand")
        for i in range(3):
            self.got("b", f"line {i}", 2)
        self.wire("a.stdout", "b.stdin")
        self.wired("a.stdout", "b.stdin")
        self.tell(self.go_a, "again")
        self.got("b", "again")
        self.assertNotIn("end", self.output("b"))

    def test_cat_of_a_stdout_that_is_free(self):
        self.prepare()
        self.unwire("a.stdout", "b.stdin")
        wait_until(lambda: not self.pumps("a"), "a is not wired any more")
        cat = self.start("cat", "a.stdout", "-n", "2")
        self.tell(self.go_a, "x")
        self.tell(self.go_a, "y")
        self.assertEqual(cat.communicate(timeout=DEADLINE)[0], b"x\ny\n")
        self.wire("a.stdout", "b.stdin")
        self.wired("a.stdout", "b.stdin")
        self.tell(self.go_a, "z")
        self.got("b", "z")

    def test_a_cat_whose_end_is_heard_late(self):
        """The hold hears at once that the pump has ended and that cat has left: the program has its stdout still."""
        self.prepare()
        self.unwire("a.stdout", "b.stdin")
        wait_until(lambda: not self.pumps("a"), "a is not wired any more")
        cat = self.start("cat", "a.stdout", "-n", "2")
        self.tell(self.go_a, "x")
        pump, = wait_until(lambda: self.pumps("a"), "the pump to cat")
        with open(f"/proc/{pump}/stat") as f:
            hold = int(f.read().rpartition(")")[2].split()[1])
        os.kill(hold, signal.SIGSTOP)
        try:
            self.tell(self.go_a, "y")
            self.assertEqual(cat.communicate(timeout=DEADLINE)[0], b"x\ny\n")
            wait_until(lambda: self.is_zombie(pump), "the end of the pump")
        finally:
            os.kill(hold, signal.SIGCONT)
        wait_until(lambda: not os.path.exists(f"/proc/{pump}"), "the hold to see it")
        self.wire("a.stdout", "b.stdin")
        self.wired("a.stdout", "b.stdin")
        self.tell(self.go_a, "z")
        self.got("b", "z")

    @staticmethod
    def is_zombie(pid):
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"

    def test_both_ways(self):
        go = self.fifo("go")
        self.define("a", f"read x < {go}; echo hello; read x; echo a got $x >&2")
        self.define("b", "read x; echo $x back; exec sleep 1000")
        self.tap_wire("a.stdio", "b.stdio", duplex=True)
        self.go("a", "b")
        self.until("a", "running")
        half = self.spore("tap", "a.stdout")
        self.assertEqual((half.returncode, half.stderr.splitlines()),
                         (1, ["spore: tap: a.stdout is wired as a part of its stdio", "  name a.stdio"]))
        tap = self.watching("tap", "a.stdio", "--json", "-n", "2")
        self.tell(go, "go")
        seen = [json.loads(line) for line in tap.communicate(timeout=DEADLINE)[0].splitlines()]
        # Two directions have no common order.
        self.assertEqual(sorted((m["direction"], m["text"]) for m in seen),
                         [("received", "hello back"), ("sent", "hello")])

    def test_a_fifo_and_a_socket_can_be_tapped_anyway(self):
        go = self.fifo("go")
        self.define("a", f'exec 3<>{go} > "$SPORE_PORTS/out"; read x <&3; echo hello; read x <&3', ports=["out - - - - fifo-out"])
        self.define("b", 'cat "$SPORE_PORTS/in"', ports=["in - - - - fifo-in"])
        self.wire("a.out", "b.in")
        self.go("a", "b")
        self.until("a", "running")
        out = self.watching("tap", "a.out", "-n", "1")
        into = self.watching("tap", "b.in", "-n", "1")
        self.tell(go, "go")
        for tap, arrow in ((out, "->"), (into, "<-")):
            self.assertIn(f" {arrow} 5 hello\n", tap.communicate(timeout=DEADLINE)[0].decode())
        self.tell(go, "go")
        self.ended("a", "b")

    def test_at_the_end_that_has_libspore(self):
        """It shares no memory with a plain program; what passes is seen where that one has it."""
        go = self.fifo("go")
        self.begin("lib", argv=[os.path.join(BUILD, "test", "system", "flow_program"), "take", "in", "0"], control=True, ready="notify")
        self.define("plain", f'exec 3<>{go} > "$SPORE_PORTS/out"; read x <&3; echo hello; read x <&3', ports=["out - - - lines fifo-out"])
        self.wire("plain.out", "lib.in")
        self.go("plain")
        self.wired("plain.out", "lib.in")
        tap = self.watching("tap", "lib.in", "-n", "1")
        self.tell(go, "go")
        self.assertIn(" <- 5 hello\n", tap.communicate(timeout=DEADLINE)[0].decode())
        self.assertEqual(tap.returncode, 0)

    def test_what_passed_is_counted(self):
        self.prepare()
        for i in range(10):
            self.tell(self.go_a, "0123456789")
        self.got("b", "0123456789", 10)
        self.kill_pump("a")
        for args in (["wires"], ["graph"]):
            answer = json.loads(self.ok(self.spore(*args, "--stats", "--json")).stdout)
            wire = answer[0] if args == ["wires"] else answer["wires"][0]
            self.assertEqual((wire["transport"], wire["measured"]), ("pump", 1), answer)
            self.assertEqual((wire["forward"]["bytes"], wire["backward"]["bytes"]), (110, 0))
        text = self.ok(self.spore("wires", "--stats")).stdout.splitlines()[1].split()
        self.assertEqual(text[:7], ["a.stdout", "b.stdin", "pump", "wired", "-", "110", "0/s"])

    def test_a_direct_one_says_what_helps(self):
        self.define("a", "exec sleep 1000")
        self.define("b", "exec cat")
        self.wire("a.stdout", "b.stdin")
        self.go("a", "b")
        self.until("b", "running")
        for port in ("a.stdout", "b.stdin"):
            result = self.spore("tap", port)
            self.assertEqual((result.returncode, result.stderr), (
                1, f"spore: tap: {port} is a pipe: nobody else sees what passes through it\n"
                   "  start its task with 'tap: true' of the wire ('spore wire --tap'): then its bytes can be seen\n"))


if __name__ == "__main__":
    unittest.main()
