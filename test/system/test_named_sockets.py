"""Named ports of plain programs that are sockets, and those that are wired to a program with libspore."""

import json
import os
import shutil
import signal
import sys
import unittest

from spore_test import BUILD, wait_until
from test_named import NO_PUMP_STATE, POSIX, NamedTest, ports
from test_plain import LIBSPORE
from test_wires import TALKER

PROGRAM = os.path.join(BUILD, "test", "system", "channel_program")
LIB = LIBSPORE + """
def words(framing):
    global c  # without it the port is closed
    c = Control(["stream-1", framing + "-1"])
    c.open("words")
    while True:
        m = c.hear()
        if m[0] == "channel":
            s = socket.socket(fileno=m[7][0])
            s.setblocking(True)
            return m[3], s
"""

CLIENT = """
import os, socket, sys
def connect(name):
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(os.environ["SPORE_PORTS"], name))
    return s
"""


class Sockets(NamedTest):
    def python(self, name, code, **more):
        self.call("tasks.start", spec=self.spec(name, "", enabled=False, argv=[sys.executable, "-u", "-c", code], **more))

    def test_two_of_them(self):
        self.python("a", CLIENT + """
s = connect("both")
s.sendall(b"x" * 1000000 + b"\\n")
print(s.makefile("rb").readline())
""", ports=ports(both="socket"))
        self.python("b", CLIENT + """
s = connect("both")
line = s.makefile("rb").readline()
s.sendall(b"%d\\n" % len(line))
print(s.recv(1) == b"")
""", ports=ports(both="socket"))
        self.call("wires.add", wires=[{"from": "a.both", "to": "b.both", "duplex": True}])
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual((self.output("a"), self.output("b")), ("b'1000001\\n'\n", "True\n"))
        self.no_pumps()

    @unittest.skipIf(shutil.which("socat") is None, "needs socat")
    def test_socat_asks_again_and_again(self):
        """Each question is a connection of its own over one channel, whose other end notices nothing."""
        self.define("a", """for i in 1 2 3; do
                export i; socat -t 0 "UNIX-CONNECT:$SPORE_PORTS/ask" SYSTEM:'echo $i; read answer; echo $answer >&2'
            done""", ports=ports(ask="socket"))
        self.define("b", 'while read n; do echo $((n * n)); done; echo end >&2')
        self.call("wires.add", wires=[{"from": "a.ask", "to": "b.stdio", "duplex": True}])
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual((self.output("a", "stderr"), self.output("b", "stderr")), ("1\n4\n9\n", "end\n"))

    def echo(self):
        self.python("a", CLIENT + """
import time
s = connect("ask")
print("new")
f = s.makefile("rwb")
i = 0
while True:
    i += 1
    f.write(b"%d\\n" % i)
    f.flush()
    assert f.readline() == b"%d\\n" % i, i
    if i % 50 == 0: print("at", i)
    time.sleep(0.001)
""", ports=ports(ask="socket"), restart="always", restart__delay_ms=0)
        self.define("b", "echo new >&2; exec cat", restart="always", restart__delay_ms=0)
        self.call("wires.add", wires=[{"from": "a.ask", "to": "b.stdio", "duplex": True}])
        self.go("a", "b")
        self.said("a", "at 50\n")

    def more(self):
        length = len(self.output("a"))
        wait_until(lambda: self.output("a").count("at", length) >= 2, "more")

    @unittest.skipIf(POSIX, NO_PUMP_STATE)
    def test_the_pump_is_killed(self):
        self.echo()
        for _ in range(5):
            self.kill_pump("a")
        self.more()
        self.assertEqual((self.output("a").count("new"), self.output("b", "stderr")), (1, "new\n"))

    def test_the_node_is_killed(self):
        self.echo()
        self.kill_node()
        self.again()
        self.wired("a.ask", "b.stdio")
        self.more()
        self.assertEqual(self.output("a").count("new"), 1)

    def test_the_program_is_killed(self):
        self.echo()
        for i in range(3):
            pid = self.pid("a")
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.output("a").count("new") > i + 1, "another connection")
        self.assertEqual(self.output("b", "stderr"), "new\n")

    @unittest.skipIf(POSIX, "plain POSIX does not end the program of a hold that is killed")
    def test_the_holds_are_killed(self):
        self.echo()
        for name in "ab":
            before = self.task(name)["hold"]
            os.kill(before["hold"], signal.SIGKILL)
            wait_until(lambda: self.pid(name) not in (0, before["pid"]), f"{name} again")
            self.more()
        self.call("tasks.stop", names=["a", "b"])
        self.no_pumps()

    def test_a_path_that_is_too_long_for_a_socket(self):
        name = "a" * 60
        self.python(name, CLIENT + 'connect("b" * 60).sendall(b"hello")', ports=ports(**{"b" * 60: "socket"}))
        self.define("b", "cat")
        self.wire(f"{name}.{'b' * 60}", "b.stdin")
        self.go(name, "b")
        self.ended(name, "b")
        self.assertEqual(self.output("b").strip(), "hello")


class WithLibspore(NamedTest):
    def lib(self, framing, code):
        self.begin("lib", argv=[sys.executable, "-u", "-c", LIB + code], control=True, wait="started")

    def test_lines_of_a_fifo(self):
        self.lib("lines", """
how, s = words("lines")
assert how == "lines", how
for line in s.makefile("rb"):
    say("heard", line.decode().strip())
say("end")
""")
        self.define("plain", 'echo one > "$SPORE_PORTS/out"; echo two > "$SPORE_PORTS/out"', ports=ports(out="fifo_out"))
        self.wire("plain.out", "lib.words")
        self.go("plain")
        self.ended("plain")
        self.said("lib", "heard one\nheard two\nend\n")

    def test_into_a_fifo(self):
        self.lib("u32le", """
how, s = words("u32le")
assert how == "u32le", how
s.sendall(struct.pack("<I", 5) + b"hello" + struct.pack("<I", 0))
""")
        self.define("plain", 'od -An -tx1 "$SPORE_PORTS/in"', ports=["in - - - u32le fifo-in"])
        self.wire("lib.words", "plain.in")
        self.go("plain")
        self.ended("plain")
        self.assertEqual(self.output("plain").split(), "05 00 00 00 68 65 6c 6c 6f 00 00 00 00".split())

    @unittest.skipIf(POSIX, "the reader polls an open port, which plain POSIX cannot")
    def test_a_framing_that_is_broken(self):
        """The log of who received it says who broke it, for the person who looks there."""
        self.begin("reader", argv=[TALKER, "in"], control=True, wait="started")
        self.define("plain", "printf '\\377\\377\\377\\377 too long'; exec sleep 1000", ports=["stdout - - - u32le"])
        self.wire("plain.stdout", "reader.in")
        self.go("plain")
        told = "spore: plain.stdout: what it sent is not in the framing u32le; its channel was closed\n"
        wait_until(lambda: told in self.spore("logs", "--raw", "reader").stdout, "the log to say so")
        # The wire says it too, however the reader ended, as long as the sender is the same.
        words = "plain.stdout sent what is not in the framing u32le, so reader.in closed that channel"
        wait_until(lambda: self.wires()["plain.stdout", "reader.in"]["broken"] == words, "the wire to say so")
        self.assertIn(words, self.spore("wires").stdout)
        self.assertEqual([w["broken"] for w in json.loads(self.spore("wires", "--json").stdout)], [words])
        self.assertIn(words, self.spore("graph").stdout)
        result = self.spore("why", "plain", "reader")
        self.assertEqual((result.returncode, words in result.stdout), (1, True), result.stdout)
        self.call("tasks.restart", names=["reader"])
        self.wired("plain.stdout", "reader.in")
        self.assertEqual(self.wires()["plain.stdout", "reader.in"]["broken"], words)
        self.call("tasks.stop", names=["plain"])
        self.assertEqual(self.wires()["plain.stdout", "reader.in"]["broken"], words)
        self.define("plain", "exec sleep 1000", ports=["stdout - - - u32le"], replace="always")
        self.go("plain")
        self.assertEqual(self.wires()["plain.stdout", "reader.in"]["broken"], "")

    def test_a_framing_that_is_broken_at_a_server(self):
        self.begin("server", argv=[PROGRAM, "echo", "clients"], control=True, ready="notify")
        self.define("plain", "printf 'no digits'; exec sleep 1000", ports=["stdout - - - netstring"])
        self.wire("plain.stdout", "server.clients")
        self.go("plain")
        words = "plain.stdout sent what is not in the framing netstring, so server.clients closed that channel"
        wait_until(lambda: self.wires()["plain.stdout", "server.clients"]["broken"] == words, "the wire to say so")
        told = "spore: plain.stdout: what it sent is not in the framing netstring; its channel was closed\n"
        wait_until(lambda: told in self.spore("logs", "--raw", "server").stdout, "the log to say so")
        # Another node hears it from the hold of the server.
        self.ok(self.spore("node", "restart"))
        self.again()
        wait_until(lambda: self.wires()["plain.stdout", "server.clients"]["broken"] == words, "the next node to say so")
        self.call("tasks.stop", names=["plain"])
        self.unwire("plain.stdout", "server.clients")
        self.wire("plain.stdout", "server.clients")
        self.assertEqual(self.wires()["plain.stdout", "server.clients"]["broken"], "")

    def test_a_framing_that_is_broken_on_its_way(self):
        """A process that makes a fault is between the two."""
        self.begin("server", argv=[PROGRAM, "echo", "clients"], control=True, ready="notify")
        self.define("plain", "printf 'no digits' > \"$SPORE_PORTS/out\"; exec sleep 1000", ports=["out - - - netstring fifo-out"])
        self.wire("plain.out", "server.clients")
        self.ok(self.spore("fault", "plain.out", "delay=1ms"))
        self.go("plain")
        words = "plain.out sent what is not in the framing netstring, so server.clients closed that channel"
        wait_until(lambda: self.wires()["plain.out", "server.clients"]["broken"] == words, "the wire to say so")

    def test_both_ways_over_a_socket(self):
        self.lib("lines", """
how, s = words("lines")
for line in s.makefile("rb"):
    s.sendall(line.upper() * 1000)
say("end")
""")
        code = CLIENT + """
f = connect("ask").makefile("rwb")
for i in range(3):
    f.write(b"hello %d\\n" % i)
    f.flush()
    assert all(f.readline() == b"HELLO %d\\n" % i for k in range(1000))
print("good")
"""
        self.call("tasks.start", spec=self.spec("plain", "", enabled=False, argv=[sys.executable, "-c", code],
                                                ports=ports(ask="socket")))
        self.call("wires.add", wires=[{"from": "plain.ask", "to": "lib.words", "duplex": True}])
        self.go("plain")
        self.ended("plain")
        self.assertEqual(self.output("plain"), "good\n")
        self.said("lib", "end\n")

    def test_netstrings(self):
        self.lib("netstring", """
how, s = words("netstring")
assert how == "netstring", how
s.sendall(b"5:hello,0:,")
""")
        self.define("plain", 'cat "$SPORE_PORTS/in"; echo', ports=["in - - - netstring fifo-in"])
        self.wire("lib.words", "plain.in")
        self.go("plain")
        self.ended("plain")
        self.assertEqual(self.output("plain"), "5:hello,0:,\n")


class Bytes(NamedTest):
    """Ports of bytes of libspore."""

    def program(self, how, **more):
        self.begin(how, argv=[PROGRAM, how, "io"], control=True, wait="started", **more)

    def test_with_stdin_and_stdout(self):
        size = 3 << 20
        self.program("upper")
        self.define("plain", f"(head -c {size} /dev/zero | tr '\\0' x) & tr X y | cksum >&2; wait")
        self.call("wires.add", wires=[{"from": "plain.stdio", "to": "upper.io", "duplex": True}])
        self.assertEqual(self.why("plain.stdio", "upper.io")[0], "waiting")
        self.go("plain")
        wait_until(lambda: self.wires()["plain.stdio", "upper.io"]["transport"] == "bytes", "the wire")
        # Its input has no end as long as the other one has none: who writes enough says how much is to be read.
        self.call("tasks.stop", names=["upper"])
        self.ended("plain")
        self.assertEqual(self.task("plain")["hold"].get("code", 0), 0)

    def test_with_a_fifo_of_no_lines(self):
        self.program("upper")
        self.define("plain", "head -c 1000000 /dev/zero | tr '\\0' x > \"$SPORE_PORTS/out\"", ports=ports(out="fifo_out"))
        self.wire("plain.out", "upper.io")
        self.go("plain")
        self.ended("plain")
        self.said("upper", "1000000 bytes\n")

    def test_with_a_client_of_a_socket(self):
        self.program("upper")
        code = CLIENT + """
s = connect("ask")
s.sendall(b"hello")
print(s.recv(5, socket.MSG_WAITALL).decode())
"""
        self.call("tasks.start", spec=self.spec("plain", "", enabled=False, argv=[sys.executable, "-c", code],
                                                ports=ports(ask="socket")))
        self.call("wires.add", wires=[{"from": "plain.ask", "to": "upper.io", "duplex": True}])
        self.go("plain")
        self.ended("plain")
        self.said("upper", "5 bytes\n")
        self.assertEqual(self.output("plain"), "HELLO\n")

    def test_with_each_other(self):
        self.program("upper")
        self.program("dump")
        self.call("wires.add", wires=[{"from": "dump.io", "to": "upper.io", "duplex": True}])
        self.said("dump", "1048576 bytes, 0 wrong\n")
        self.said("upper", "1048576 bytes\n")

    def test_refusals(self):
        self.program("upper")
        self.begin("take", argv=[PROGRAM, "take", "io"], control=True, wait="started")
        wait_until(lambda: {p["name"] for p in self.call("ports.list")["ports"] if p["open"]} == {"upper.io", "take.io"},
                   "both ports")
        self.fails(1, "is a port of bytes, and", "wires.add", wires=[{"from": "upper.io", "to": "take.io"}])


if __name__ == "__main__":
    unittest.main()
