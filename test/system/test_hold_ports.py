"""What a hold does about ports and channels: it keeps what its program has open, and passes on descriptors."""

import array
import os
import random
import socket
import struct
import sys
import time
import unittest

from hold_test import HoldTest
from msgpack_mini import pack
from spore_test import DEADLINE, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
FEATURES = ("node", "ports")
BEGIN = f"import sys; sys.path.insert(0, {HERE!r})\nfrom ports_program import *\n"


class Ports(HoldTest):
    def python(self, code, **options):
        spec = {"argv": [sys.executable, "-c", BEGIN + code], "control": True, "env": ["PATH=" + self.env["PATH"]]}
        spec.update(options.pop("spec", {}))
        options.setdefault("features", FEATURES)
        return self.hold(spec, **options)

    def until(self, peer, *names):
        """The next message of one of these names."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = peer.receive()
            self.assertIsNotNone(message, f"the hold ended before {names}")
            if message[0] in names:
                return message
        raise AssertionError(f"waited in vain for {names}")

    def channel(self, peer, number, serial, transport="stream", fds=None):
        """Sends an end of a channel, and keeps the other."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        ours.settimeout(DEADLINE)
        with theirs:
            body = pack(["channel", number, serial, transport, 0, 1, {"peer": "s/other.port"}])
            fds = array.array("i", [theirs.fileno()] if fds is None else fds)
            peer.socket.sendmsg([struct.pack("<I", len(body)) + body],
                                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else [])
        return ours

    @staticmethod
    def fds(pid):
        """The sockets: what else is open comes and goes with the log and the tree."""
        count = 0
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                count += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
            except FileNotFoundError:
                pass  # just closed
        return count

    def test_a_port_is_told_and_its_channel_passed_on(self):
        hold = self.python("""
c = Control()
c.open("in", protocol="lines")
channel = Channel(c.hear() if c.hear()[0] == "hello" else None)
channel.send(channel.map["peer"].encode())
say(channel.port, channel.serial, channel.receive())
c.say("close", "in")
say(c.hear())
""")
        self.assertEqual(self.until(hold.peer, "ports"), ["ports", 1, 0])
        self.assertEqual(self.until(hold.peer, "open"),
                         ["open", 1, "in", "messages", "connect", {"protocol": "lines"}, ["stream-1"], []])
        before = self.fds(hold.process.pid)
        ours = self.channel(hold.peer, 1, 77)
        self.assertEqual(self.until(hold.peer, "wired"), ["wired", 1, 77])
        self.assertEqual(ours.recv(100), b"\x0c\0\0\0s/other.port")
        wait_until(lambda: self.fds(hold.process.pid) == before, "the hold to close its copies")
        ours.sendall(b"\x02\0\0\0ok")
        self.assertEqual(self.until(hold.peer, "close"), ["close", 1])
        hold.finish()
        self.assertEqual(hold.output(), b"in 77 [b'ok']\n['closed', 'in', 0, '']\n")
        self.assertEqual(ours.recv(1), b"")

    def test_one_that_connects_later_learns_what_there_is(self):
        hold = self.python("""
c = Control()
c.open("clients", "serve")
c.open("in")
while True:
    c.hear()
""")
        for _ in range(2):
            self.until(hold.peer, "open")
        for serial in (5, 6, 7):
            self.channel(hold.peer, 1, serial)
            self.until(hold.peer, "wired")
        hold.send("over", 1, 6)
        hold.send("over", 1, 99)
        hold.send("over", 98, 6)
        node = hold.connect(features=FEATURES)
        self.assertEqual(self.until(node, "hello"), ["hello", 1, ["ports", "memory", "swap", "early", "heirs", "moves", "lends"], {}])
        self.assertEqual(self.until(node, "ports"), ["ports", 1, 2])
        ports = {m[1]: m for m in (self.until(node, "open"), self.until(node, "open"))}
        self.assertEqual(sorted(ports[1][7]), [5, 7])
        self.assertEqual(ports[2][2:5] + ports[2][7:], ["in", "messages", "connect", []])
        # A viewer, and a node that knows nothing of ports, hear of none.
        others = []
        for features in ((), ("node",)):
            other = hold.connect(features=features)
            self.assertEqual([other.receive()[0], other.receive()[0]], ["hello", "state"])
            others.append(other)
        node.close()
        hold.send("stop", -1)
        for other in others:
            while (message := other.receive()) is not None:
                self.assertEqual(message[0], "state")
            other.close()

    def test_an_instance_that_ends_takes_its_ports_along(self):
        hold = self.python("c = Control()\nc.open('in')\nc.hear()\nc.hear()\n",
                           spec={"restart": "always", "restart.delay_ms": 0})
        self.assertEqual(self.until(hold.peer, "open")[:3], ["open", 1, "in"])
        ours = self.channel(hold.peer, 1, 5)
        self.assertEqual(self.until(hold.peer, "ports"), ["ports", 1, 0])
        self.assertEqual(ours.recv(1), b"")
        self.assertEqual(self.until(hold.peer, "open")[:3], ["open", 2, "in"])
        # For the one before: it comes too late, and the end of its peer says so.
        late = self.channel(hold.peer, 1, 6)
        self.assertEqual(late.recv(1), b"")
        self.assertEqual(self.until(hold.peer, "over"), ["over", 1, 6])

    def test_what_cannot_be_passed_on_is_closed(self):
        hold = self.python("c = Control(['stream-1'])\nc.open('in')\nwhile True:\n    c.hear()\n")
        self.until(hold.peer, "open")
        before = self.fds(hold.process.pid)
        for number, transport in ((2, "stream"), (1, "ring"), (1, "strea"), (1 << 60, "stream")):
            ours = self.channel(hold.peer, number, 5, transport)
            self.assertEqual(ours.recv(1), b"")
            self.assertEqual(self.until(hold.peer, "over"), ["over", number, 5])
        # A message that it does not know, with a descriptor.
        ours, theirs = socket.socketpair()
        body = pack(["later", 1])
        with ours, theirs:
            ours.settimeout(DEADLINE)
            hold.peer.socket.sendmsg([struct.pack("<I", len(body)) + body],
                                     [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))])
            theirs.close()
            self.assertEqual(ours.recv(1), b"")
        self.assertEqual(self.fds(hold.process.pid), before)
        # A channel without descriptors ends the connection; another one may come.
        self.channel(hold.peer, 1, 8, fds=[])
        self.assertEqual(self.until(hold.peer, "refuse")[0], "refuse")
        hold.peer = hold.connect(features=FEATURES)
        self.until(hold.peer, "open")
        self.channel(hold.peer, 1, 9)
        self.until(hold.peer, "wired")

    def test_what_was_not_passed_on_is_forgotten(self):
        hold = self.python("""
c = Control()
c.open("in", "serve")
c.hear()
kept = Channel(c.hear())
c.socket.shutdown(socket.SHUT_RD)
say("deaf")
while True: select.select([], [], [])
""")
        self.until(hold.peer, "open")
        self.channel(hold.peer, 1, 5)
        self.assertEqual(self.until(hold.peer, "wired"), ["wired", 1, 5])
        wait_until(lambda: hold.output() == b"deaf\n", "it to be deaf")
        for serial in range(10, 40):
            ours = self.channel(hold.peer, 1, serial)
            self.assertEqual(self.until(hold.peer, "over"), ["over", 1, serial])
            self.assertEqual(ours.recv(1), b"")
        node = hold.connect(features=FEATURES)
        self.assertEqual(self.until(node, "open")[-1], [5])
        node.close()

    def test_frames_in_pieces_keep_their_descriptors(self):
        hold = self.python("c = Control()\nc.open('in', 'serve')\nkept = []\nwhile True:\n    m = c.hear()\n"
                           "    if m[0] == 'channel':\n        kept.append(Channel(m))\n        kept[-1].send(str(m[2]).encode())\n")
        self.until(hold.peer, "open")
        seed = random.randrange(1 << 30)
        rng = random.Random(seed)
        wanted = []
        for serial in range(100, 160):
            ours, theirs = socket.socketpair()
            self.addCleanup(ours.close)
            ours.settimeout(DEADLINE)
            wanted.append((serial, ours))
            body = pack(["channel", 1, serial, "stream", 0, 1, {}])
            frame = struct.pack("<I", len(body)) + body
            cut = rng.randrange(1, len(frame))
            with theirs:
                hold.peer.socket.sendmsg([frame[:cut]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                                          array.array("i", [theirs.fileno()]))])
            hold.peer.socket.sendall(frame[cut:])
            if rng.random() < 0.3:
                hold.send("unknown", serial)
        for serial, ours in wanted:
            text = str(serial).encode()
            self.assertEqual(ours.recv(100), struct.pack("<I", len(text)) + text, f"seed {seed}")

    def test_a_program_that_does_not_read_stops_nobody(self):
        hold = self.python("c = Control()\nc.open('in', 'serve')\nsay('open')\ntime = __import__('time')\n"
                           "while not os.path.exists('go'):\n    time.sleep(0.01)\n"
                           "for _ in range(1001):\n    m = c.hear()\n    for fd in m[7] if m[0] == 'channel' else []:\n"
                           "        os.close(fd)\nsay(m[2])\nc.say('listens')\nc.say('status', 'listens')\nsay(c.hear())\n",
                           spec={"cwd": self.work})
        self.until(hold.peer, "open")
        before = self.fds(hold.process.pid)
        wired = 0
        for serial in range(1000):
            self.channel(hold.peer, 1, serial).close()
            while serial + 1 - wired >= 32 and wired < 1000 and serial < 999:
                # As the node does: never more than 32 of which nothing was heard.
                hold.peer.socket.settimeout(0.05)
                try:
                    self.until(hold.peer, "wired")
                    wired += 1
                except TimeoutError:
                    self.write("go", "")
                hold.peer.socket.settimeout(DEADLINE)
            self.assertLessEqual(self.fds(hold.process.pid), before + 40)
        self.write("go", "")
        while wired < 1000:
            self.until(hold.peer, "wired")
            wired += 1
        wait_until(lambda: b"999" in hold.output(), "the last channel")
        hold.until(lambda s: s["status"] == "listens")
        self.assertEqual(self.fds(hold.process.pid), before)
        hold.send("stop", 5000)
        hold.finish()
        self.assertIn(b"['stop', 5000]", hold.output())

    def test_only_so_many_ports(self):
        hold = self.python("c = Control()\nfor i in range(1025):\n    c.open(f'p{i}')\nc.open('p3')\n"
                           "c.open('large', x='x' * 5000)\nc.say('close', 'p7')\nc.open('large', x='x' * 5000)\n"
                           "heard = [c.hear() for _ in range(6)]\n"
                           "for m in heard[1:]:\n    say(m[:3])\n")
        opened = 0
        while True:
            message = self.until(hold.peer, "open", "close")
            if message[0] == "close":
                break
            opened += 1
        self.assertEqual(opened, 1024)
        hold.finish()
        self.assertEqual(hold.output().decode().splitlines(),
                         ["['closed', 'p1024', 9]", "['closed', 'p3', 11]", "['closed', 'large', 9]",
                          "['closed', 'p7', 0]", "['closed', 'large', 5]"])

    def keep(self, peer, port, serial, shape="connect", protocol=""):
        """Sends an end of a channel ahead. What its other end hears."""
        (hears, rings), (other, end) = os.pipe(), os.pipe()
        for fd in (hears, end):
            self.addCleanup(os.close, fd)
        face = {"peer": "s/other.port", "kind": "messages", "shape": shape, "protocol": protocol}
        body = pack(["keep", port, serial, "ring", 1, 3, face])
        fds = array.array("i", [other, rings, other])
        peer.socket.sendmsg([struct.pack("<I", len(body)) + body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        for fd in (rings, other):
            os.close(fd)
        return hears

    OPENS_LATER = """
c = Control(["ring-1", "stream-1"])
c.open("first")
while c.hear()[0] != "channel":
    pass
c.open("in", protocol="lsp")
message = c.hear()
say(*message[:7])
c.say("close", "first")
"""

    def test_a_channel_for_a_port_that_is_not_open_yet(self):
        hold = self.python(self.OPENS_LATER + "c.hear()\n")
        self.until(hold.peer, "open")
        hears = self.keep(hold.peer, "in", 77, protocol="lsp")
        self.channel(hold.peer, 1, 5)
        self.assertEqual(self.until(hold.peer, "wired"), ["wired", 1, 5])
        opened = self.until(hold.peer, "open")
        self.assertEqual(opened[2:], ["in", "messages", "connect", {"protocol": "lsp"}, ["ring-1", "stream-1"], [77]])
        self.assertEqual(os.read(hears, 10), b"\0")  # and nobody else has that end but the program
        self.assertEqual(self.until(hold.peer, "close"), ["close", 1])
        self.assertEqual(os.read(hears, 10), b"")
        hold.finish()
        self.assertEqual(hold.output(), f"channel in 77 ring 1 3 {{'peer': 's/other.port'}}\n".encode())

    def another(self, port, shape, protocol):
        """The program opens `in`, for which this is not."""
        hold = self.python(self.OPENS_LATER)
        self.until(hold.peer, "open")
        hears = self.keep(hold.peer, port, 77, shape, protocol)
        self.channel(hold.peer, 1, 5)
        if port == "in":  # it is said to be gone before the port is said to be there
            self.assertEqual(self.until(hold.peer, "over", "open"), ["over", 0, 77])
            self.assertEqual(os.read(hears, 10), b"")
        opened = self.until(hold.peer, "open")
        self.assertEqual(opened[2:3] + opened[7:], ["in", []])
        self.channel(hold.peer, opened[1], 6)
        self.assertEqual(self.until(hold.peer, "wired"), ["wired", opened[1], 6])
        hold.finish()
        self.assertEqual(os.read(hears, 10), b"")

    def test_a_channel_for_another_name(self):
        self.another("other", "connect", "lsp")

    def test_a_channel_for_another_shape(self):
        self.another("in", "serve", "lsp")

    def test_a_channel_for_another_protocol(self):
        self.another("in", "connect", "")

    def test_a_channel_that_is_not_to_be_kept(self):
        hold = self.python("c = Control()\nc.open('first')\nwhile True:\n    c.hear()\n")
        self.until(hold.peer, "open")
        hears = self.keep(hold.peer, "in", 77)
        for serial in (77, 78):  # the answer is the same where it knows none
            hold.send("over", 0, serial)
            self.assertEqual(self.until(hold.peer, "over"), ["over", 0, serial])
        self.assertEqual(os.read(hears, 10), b"")
        # There are only so many.
        ends = [self.keep(hold.peer, "in", 100 + i) for i in range(33)]
        self.assertEqual(self.until(hold.peer, "over"), ["over", 0, 132])
        self.assertEqual(os.read(ends[32], 10), b"")
        # Another node knows nothing of them.
        node = hold.connect(features=FEATURES)
        self.until(node, "ports")
        for end in ends[:32]:
            self.assertEqual(os.read(end, 10), b"")
        node.close()

    def test_unwire(self):
        hold = self.python("c = Control()\nc.open('in')\nc.hear()\nchannel = Channel(c.hear())\nsay(c.hear())\n")
        self.until(hold.peer, "open")
        self.channel(hold.peer, 1, 5)
        hold.send("unwire", 1, 4)
        hold.send("unwire", 2, 5)
        hold.send("unwire", 1, 5)
        hold.finish()
        self.assertEqual(hold.output(), b"['unwired', 'in', 5]\n")

    def test_a_node_that_does_not_read_gets_all_of_them_later(self):
        hold = self.python("c = Control()\nfor i in range(30000):\n    c.open('x' * 200)\n    c.say('close', 'x' * 200)\n"
                           "c.open('last')\nsay('done')\nfor _ in range(40000):\n    c.hear()\n")
        wait_until(lambda: b"done" in hold.output(), "the program")
        opened = set()
        while "last" not in opened:
            message = self.until(hold.peer, "open", "ports", "close")
            if message[0] == "ports":
                opened = set()
            elif message[0] == "open":
                opened.add(message[2])


if __name__ == "__main__":
    unittest.main()
