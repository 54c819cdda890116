"""What is published reaches programs without libspore: over a process between, which subscribes for them."""

import glob
import json
import os
import re
import signal
import struct
import sys
import unittest

from spore_test import BUILD, all_processes, wait_until
from test_named import NamedTest

PROGRAM = os.path.join(BUILD, "test", "system", "pub_program")
FRAMED = """import os, struct, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["SPORE_PORTS"] + "/in")
f = s.makefile("rb")
while head := f.read(4):
    size, = struct.unpack("<I", head)
    print("got", f.read(size).split()[1].decode(), flush=True)
"""


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no memory to share")
class Published(NamedTest):
    def publisher(self, us=1000, size=0):
        self.begin("pub", argv=[PROGRAM, "publish", "out", "0", str(us), str(size)], control=True, ready="notify", restart="always",
                   restart__delay_ms=0)

    def reader(self, name="reader", script="""awk '{ print "got", $2; fflush() }'""", **more):
        """By its stdin."""
        self.define(name, script, **more)
        self.wire("pub.out", name + ".stdin")
        self.go(name)

    def numbers(self, name="reader"):
        return [int(n) for n in re.findall(r"^got (\d+).*\n", self.output(name), re.MULTILINE)]

    def gets(self, name="reader", more=3):
        """Something that is published from now on."""
        before = len(self.numbers(name))
        wait_until(lambda: len(self.numbers(name)) >= before + more, f"{name} to get more")

    def relays(self):
        commands = ((pid, line.split(b"\0")) for pid, line in all_processes("cmdline"))
        return [pid for pid, words in commands if b"relay" in words and any(w.startswith(os.fsencode(self.state)) for w in words)]

    def test_each_kind_of_port(self):
        """A stdin, a FIFO and a socket get all, each in its framing, in order and without a gap."""
        self.publisher()
        self.reader()
        self.define("fifo", 'while read pid n; do echo got $n; done < "$SPORE_PORTS/in"', ports=["in - - - lines fifo-in"])
        self.define("sock", None, argv=[sys.executable, "-c", FRAMED], ports=["in - - - u32le socket"])
        for name in ("fifo", "sock"):
            self.wire("pub.out", name + ".in")
            self.go(name)
        for name in ("reader", "fifo", "sock"):
            self.gets(name)
            numbers = self.numbers(name)
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))), name)
        self.assertEqual([(w["transport"], w["state"]) for w in self.wires().values()], [("lines", "wired")] * 2 + [("u32le", "wired")])

    def test_whoever_returns(self):
        self.publisher()
        self.reader(restart="always", restart__delay_ms=0)
        self.gets()
        for victim in ("pub", "reader"):
            pid = wait_until(lambda name=victim: self.pid(name), f"{victim} to run")
            os.kill(pid, signal.SIGKILL)
            self.gets()
        relay, = self.relays()
        os.kill(relay, signal.SIGKILL)
        self.gets()
        self.kill_node()
        self.spore("node", "start")
        self.again()
        self.gets()
        self.assertEqual(len(self.relays()), 1)
        self.call("tasks.stop", names=["reader"])
        wait_until(lambda: not self.relays(), "the process between to end")

    def test_one_that_does_not_read(self):
        """The others wait for it where its wire says so, as by default, and not elsewhere."""
        self.publisher(us=0, size=1000)
        self.reader("free")
        self.define("stuck", "exec sleep 1000")
        self.wire("pub.out", "stuck.stdin", slow="drop-oldest")
        self.go("stuck")
        self.wired("pub.out", "stuck.stdin")
        self.gets("free", more=10000)  # more than the log, the sockets and the process between hold
        self.define("held", "exec sleep 1000")
        self.wire("pub.out", "held.stdin")
        self.go("held")
        wait_until(lambda: "held" in self.spore("why", "pub.out", "held.stdin").stdout, "it is said who holds it up")

    def test_what_a_slow_one_loses(self):
        """Is counted for its wire, also where no pump carries its bytes."""
        self.publisher(us=0, size=1000)
        self.reader("free")
        self.define("direct", "exec cat > /dev/null")
        self.define("fifo", 'exec cat "$SPORE_PORTS/in" > /dev/null', ports=["in - - - lines fifo-in"])
        slow = {"direct": "direct.stdin", "fifo": "fifo.in"}
        for name, port in slow.items():
            self.wire("pub.out", port, slow="drop-oldest")
            self.go(name)
            self.wired("pub.out", port)
            os.kill(wait_until(lambda name=name: self.pid(name), f"{name} to run"), signal.SIGSTOP)
        self.gets("free", more=10000)  # more than the log, the sockets and the process between hold
        for name in slow:
            os.kill(self.pid(name), signal.SIGCONT)

        def dropped():
            wires = json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)
            return {w["to"]: w.get("forward", {}).get("dropped", 0) for w in wires}
        wait_until(lambda: all(dropped()[port] > 100 for port in slow.values()), "what was lost to be shown")
        self.assertEqual(dropped()["free.stdin"], 0)
        row, = [line.split() for line in self.ok(self.spore("wires", "--stats")).stdout.splitlines() if " direct.stdin " in line]
        self.assertEqual(row[:4] + [cell == "-" for cell in row[4:]],
                         ["pub.out", "direct.stdin", "lines", "wired", True, True, True, True, False, True, True])

    def test_one_between_that_is_killed(self):
        """What it had is lost, and nobody speaks of a fault, which there is none of."""
        self.publisher(us=0, size=1000)
        self.define("stuck", "exec sleep 1000")
        self.wire("pub.out", "stuck.stdin")
        self.go("stuck")

        def holds_one(pid):
            """Stands still with a message in its hands, or not at all."""
            os.kill(pid, signal.SIGSTOP)
            for path in glob.glob(os.path.join(self.state, "holds", "_.stuck.1", "fault-*")):
                with open(path, "rb") as f:
                    counts = f.read() or bytes(64)  # it may have just been made
                    if struct.unpack("<8Q", counts)[4] == 1:
                        return True
            os.kill(pid, signal.SIGCONT)
            return False
        relay, = wait_until(self.relays, "a process between")
        wait_until(lambda: holds_one(relay), "it to have a message")
        os.kill(relay, signal.SIGKILL)
        why = "1 message that was with the process between its ends is lost: it ended"
        wait_until(lambda: self.wires()["pub.out", "stuck.stdin"]["why"] == why, why)
        with open(os.path.join(self.state, "node.log"), encoding="utf-8") as f:
            log = f.read()
        self.assertIn("pub.out and stuck.stdin: 1 message that was with the process between them is lost: it ended\n", log)
        self.assertNotIn("fault", log)
        for _ in range(4):  # until another one is not started at once
            relay, = wait_until(lambda gone=relay: [pid for pid in self.relays() if pid != gone], "another one")
            os.kill(relay, signal.SIGKILL)
        why = "the process between them failed; another one is started soon"
        wait_until(lambda: self.wires()["pub.out", "stuck.stdin"]["why"] == why, why)

    def test_what_its_framing_cannot_have(self):
        """Is dropped and counted, and the rest goes on."""
        self.begin("pub", argv=[PROGRAM, "lines", "out", "2"], control=True, ready="notify")
        self.define("reader", 'exec cat "$SPORE_PORTS/in"', ports=["in - - - lines fifo-in"])
        self.define("other", 'exec cat "$SPORE_PORTS/in"', ports=["in - - - netstring fifo-in"])
        self.go("reader", "other")
        for name in ("other", "reader"):
            self.wire("pub.out", name + ".in")
        wait_until(lambda: "last" in self.output("reader"), "the last one")
        self.assertEqual(self.output("reader"), "first\nlast\n")
        wires = json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)
        self.assertEqual([(w["to"], w["forward"]["dropped"]) for w in wires], [("other.in", 0), ("reader.in", 1)])

    def test_what_is_refused(self):
        self.publisher()
        self.reader()
        self.gets()
        self.fails(1, "pub: its port out is joined with reader.stdin by lines, and only what is in shared memory can be handed over",
                   "tasks.swap", names=["pub"])
        self.begin("sub", argv=[PROGRAM, "subscribe", "in", "block", "-"], control=True, ready="notify")
        self.define("writer", "echo hello")
        self.fails(1, "writer.stdout is a plain end (lines), and sub.in subscribes", "wires.add", wires=[{"from": "writer.stdout", "to": "sub.in"}])
        # What was not known when it was wired is said by whoever waits for it.
        self.define("late", None, argv=[PROGRAM, "subscribe", "in", "block", "-"], control=True, ready="notify")
        self.wire("writer.stdout", "late.in")
        self.go("late", "writer")
        wait_until(lambda: self.task("writer").get("why") ==
                   "writer.stdout is a plain end (lines), and late.in subscribes: publish, connect and serve go with it", "the reason")


if __name__ == "__main__":
    unittest.main()
