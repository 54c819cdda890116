"""Looking inside channels with the real programs: what a tap sees passed, whatever the tap does the ends notice nothing."""

import array
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

from hold_test import HoldTest
from msgpack_mini import pack, unpack
from spore_test import BUILD, DEADLINE, wait_until
from test_tasks import TasksTest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(BUILD, "test", "system", "channel_program")
BEGIN = f"import sys; sys.path.insert(0, {HERE!r})\nfrom ports_program import *\nc = Control(('ring-1', 'stream-1'))\n"
JOINED = 1 << 62
LINUX = unittest.skipIf(os.environ.get("SPORE_POSIX") == "1", "no channels of shared memory")


class Looker:
    """One who looks on, by hand."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        here = os.open(".", os.O_RDONLY)
        try:
            os.chdir(folder)
            self.socket.connect("sock")
        finally:
            os.fchdir(here)
            os.close(here)
        self.data = b""
        self.fds = []
        self.say("hello", 1, ["ports", "memory"], {})

    def say(self, *message, fds=()):
        body = pack(list(message))
        self.socket.sendmsg([struct.pack("<I", len(body)) + body],
                            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])

    def hear(self):
        while True:
            if len(self.data) >= 4:
                size, = struct.unpack_from("<I", self.data)
                if len(self.data) >= 4 + size:
                    message = unpack(self.data[4:4 + size])[0]
                    self.data = self.data[4 + size:]
                    return message
            fds = array.array("i")
            data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(64))
            if not data:
                raise EOFError
            for _, kind, bytes_ in ancillary:
                if kind == socket.SCM_RIGHTS:
                    fds.frombytes(bytes_[:len(bytes_) // 4 * 4])
            self.fds += list(fds)
            self.data += data

    def until(self, *names):
        while (message := self.hear())[0] not in names:
            pass
        return message

    def memory(self, number, serial):
        self.say("memory", number, serial)
        answer = self.until("channel")
        assert answer[1:3] == [number, serial], answer
        return self.fds.pop(0) if answer[5] else None

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.socket.close()


class Memory(HoldTest):
    """What the hold keeps and gives out."""

    def program(self, *ports):
        code = BEGIN + "".join(f"c.open(*{port!r})\n" for port in ports) + "while True:\n    c.hear()\n"
        hold = self.hold({"argv": [sys.executable, "-c", code], "control": True, "env": ["PATH=" + self.env["PATH"]]},
                         features=("node", "ports"))
        for _ in ports:
            while hold.peer.receive()[0] != "open":
                pass
        return hold

    def send(self, hold, number, serial):
        memory = os.memfd_create("ring")
        os.ftruncate(memory, 4096)
        ends = os.pipe() + (memory,)
        body = pack(["channel", number, serial, "ring", 1, 3, {}])
        hold.peer.socket.sendmsg([struct.pack("<I", len(body)) + body],
                                 [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory, ends[1], ends[0]]))])
        inode = os.fstat(memory).st_ino
        for fd in ends:
            os.close(fd)
        while (message := hold.peer.receive())[0] not in ("wired", "over"):
            pass
        self.assertEqual(message, ["wired", number, serial])
        return inode

    def looker(self, hold):
        looker = Looker(hold.folder)
        self.addCleanup(looker.close)
        return looker

    @staticmethod
    def fds(hold):
        return len(os.listdir(f"/proc/{hold.process.pid}/fd"))

    @LINUX
    def test_for_reading_and_as_long_as_the_channel(self):
        hold = self.program(("in", "connect"), ("clients", "serve"))
        before = self.fds(hold)
        inode = self.send(hold, 1, 7)
        others = [self.send(hold, 2, 8 + i) for i in range(3)]
        wait_until(lambda: self.fds(hold) == before + 4, "one descriptor for each")
        looker = self.looker(hold)
        self.assertEqual(looker.until("ports")[2], 2)
        serials = {m[1]: m[7] for m in (looker.until("open"), looker.until("open"))}
        self.assertEqual(serials, {1: [7], 2: [8, 9, 10]})
        for number, serial, expected in ((1, 7, inode), (2, 9, others[1])):
            fd = looker.memory(number, serial)
            self.addCleanup(os.close, fd)
            self.assertEqual(os.fstat(fd).st_ino, expected)
            self.assertEqual(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE, os.O_RDONLY)
        self.assertIsNone(looker.memory(1, 8))
        self.assertIsNone(looker.memory(99, 8))
        # Whoever looks on can change nothing.
        looker.say("kill")
        looker.say("over", 1, 7)
        looker.say("stop", 0)
        self.addCleanup(os.close, looker.memory(1, 7))
        hold.send("over", 2, 9)
        hold.send("unwire", 1, 7)
        wait_until(lambda: self.fds(hold) == before + 3, "the others")  # and the looker
        self.assertIsNone(looker.memory(2, 9))
        self.assertIsNone(looker.memory(1, 7))
        looker.close()
        hold.send("restart")
        wait_until(lambda: self.fds(hold) <= before, "none")

    @LINUX
    def test_no_more_than_so_many(self):
        hold = self.program(("clients", "serve"))
        before = self.fds(hold)
        for i in range(300):
            self.send(hold, 1, i)
        wait_until(lambda: self.fds(hold) == before + 256, "one descriptor for each of 256")
        looker = self.looker(hold)
        self.assertIsNotNone(looker.memory(1, 255))
        self.assertIsNone(looker.memory(1, 256))

    def test_joining(self):
        hold = self.program(("in", "connect"), ("clients", "serve"), ("news", "publish"))
        looker, other = self.looker(hold), self.looker(hold)
        for who in (looker, other):
            who.until("ports")  # it knows who that is

        def join(who, number, serial):
            ours, theirs = socket.socketpair()
            self.addCleanup(ours.close)
            who.say("channel", number, serial, "stream", 0, 1, {}, fds=[theirs.fileno()])
            theirs.close()
            while (answer := who.until("wired", "over"))[2] != serial:
                pass  # of somebody else
            return answer[0]
        self.assertEqual(join(looker, 1, 5), "over")  # the node's
        self.assertEqual(join(looker, 3, JOINED), "over")
        self.assertEqual(join(looker, 9, JOINED), "over")
        self.assertEqual(join(looker, 1, JOINED + 1), "wired")
        self.assertEqual(join(other, 1, JOINED + 2), "over")
        self.assertEqual(join(other, 2, JOINED + 3), "wired")
        self.assertEqual(join(looker, 2, JOINED + 4), "wired")
        # The node hears of none of it.
        node = hold.connect(features=("node", "ports"))
        while (message := node.receive())[0] != "open" or message[2] != "in":
            self.assertFalse(message[0] == "open" and message[7])
        self.assertEqual(message[7], [])
        node.close()
        looker.close()
        wait_until(lambda: join(other, 1, JOINED + 5) == "wired", "the port to be free")


class LookTest(TasksTest):
    def talker(self, name, *args, **more):
        return self.begin(name, argv=[PROGRAM, *args], control=True, ready="notify", **more)

    def output(self, name):
        return self.spore("logs", "--raw", "--stream=stdout", name).stdout

    def said(self, name, text):
        return wait_until(lambda: text in self.output(name), f"{name} to say {text!r}: {self.output(name)!r}")

    def looking(self, *args, **options):
        """A tap that has the channel in view."""
        process = self.start(*args, **options)

        def maps():
            try:
                with open(f"/proc/{process.pid}/maps", encoding="utf-8") as f:
                    return "memfd" in f.read()
            except OSError:
                return False
        wait_until(maps, "the tap to look")
        return process


class Peers(LookTest):
    def test_send_and_cat(self):
        self.talker("taker", "take", "in")
        self.ok(self.spore("send", "taker.in", "one", "", "three words here"))
        self.said("taker", "one\n\nthree words here\nend\n")
        self.ok(self.spore("send", "taker.in", input="a\nb\n"))
        self.said("taker", "a\nb\nend\n")
        self.ok(self.spore("send", "--framing", "u32le", "taker.in", input="\x05\0\0\0x\ny z\0\0\0\0"))
        self.said("taker", "x\ny z\n\nend\n")
        result = self.spore("send", "--framing", "u32le", "taker.in", input="\x05\0\0\0x")
        self.assertEqual((result.returncode, result.stderr),
                         (1, "spore: send: standard input ends in the middle of a message\n"))
        self.talker("giver", "give", "out", "1000", "0")
        self.ok(self.spore("cat", "giver.out"), "".join(f"message {i}\n" for i in range(1000)))
        self.said("giver", "gave")
        self.talker("second", "give", "out", "3", "0")
        self.assertEqual(self.spore("cat", "--framing=u32le", "-n", "2", "second.out", text=False).stdout,
                         b"\x09\0\0\0message 0\x09\0\0\0message 1")

    def test_what_cannot_be_read(self):
        self.talker("taker", "take", "in")
        folder = os.open(self.work, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, folder)
        for how in ((), ("--framing=u32le",)):
            result = self.spore("send", *how, "taker.in", stdin=folder)
            self.assertEqual((result.returncode, result.stderr), (125, "spore: send: standard input: Is a directory\n"))

    def test_a_wire_takes_the_place(self):
        self.talker("giver", "give", "out", "100000", "1000")
        self.talker("taker", "take", "in")
        cat = self.start("cat", "giver.out")
        self.assertEqual(cat.stdout.readline(), b"message 0\n")
        send = self.start("send", "taker.in", stdin=subprocess.PIPE)
        send.stdin.write(b"x\n")
        send.stdin.flush()
        self.said("taker", "x\n")
        self.call("wires.add", wires=[{"from": "giver.out", "to": "taker.in"}])
        self.said("taker", "x\ngone\n")
        cat.stdout.read()
        words = b": it was wired, and that took the place of this channel"
        self.assertEqual((cat.wait(DEADLINE), words in cat.stderr.read()), (1, True))
        send.stdin.write(b"y\n")
        send.stdin.close()
        self.assertEqual((send.wait(DEADLINE), words in send.stderr.read()), (1, True))

    def test_refusals(self):
        self.talker("taker", "take", "in")
        first = self.start("send", "taker.in", stdin=subprocess.PIPE)
        first.stdin.write(b"x\n")
        first.stdin.flush()
        self.said("taker", "x")
        result = self.spore("cat", "taker.in")
        self.assertEqual(result.returncode, 1)
        self.assertIn("cat: taker.in has a channel already", result.stderr)
        first.kill()
        self.said("taker", "gone")
        wait_until(lambda: self.spore("send", "taker.in", "y").returncode == 0, "the port to be free")
        result = self.spore("send", "nobody.in", "x")
        self.assertIn("send: no task 'nobody'", result.stderr)
        result = self.spore("tap", "taker")
        self.assertEqual((result.returncode, result.stderr.splitlines()[0]),
                         (2, "spore: tap: taker: this is no name of a port"))
        late = self.start("send", "taker.other", "x")
        self.assertEqual(late.stderr.readline(), b"send: taker has no port other open, but in; waiting for it\n")
        self.call("tasks.stop", names=["taker"])
        self.assertEqual(late.wait(DEADLINE), 1)
        self.assertIn(b"taker has ended", late.stderr.read())


@LINUX
class Taps(LookTest):
    def echo(self):
        """An echo and a client of it whose messages are written by hand."""
        self.talker("echo", "echo", "calls")
        client = self.start("send", "echo.calls", stdin=subprocess.PIPE)
        self.said("echo", "client")
        return client

    @staticmethod
    def type(client, text):
        client.stdin.write(text.encode())
        client.stdin.flush()

    def test_both_directions(self):
        client = self.echo()
        tap = self.looking("tap", "echo.calls", "-n", "4", "--json")
        text = self.looking("tap", "echo.calls", "-n", "2")
        hexa = self.looking("tap", "echo.calls", "-n", "1", "--hex")
        self.type(client, "hello\nx\x01y\n")
        lines = [json.loads(line) for line in tap.stdout.read().splitlines()]
        self.assertEqual(tap.wait(DEADLINE), 0)
        for direction in ("sent", "received"):
            self.assertEqual([(m["bytes"], m["text"]) for m in lines if m["direction"] == direction],
                             [(5, "hello"), (3, "x\x01y")])
        self.assertRegex(text.stdout.readline().decode(), r"^\d\d:\d\d:\d\d\.\d{6} \d+ <- 5 hello\n$")
        self.assertIn(b"68 65 6c 6c 6f", hexa.stdout.read())
        client.stdin.close()
        self.assertEqual(client.wait(DEADLINE), 0)

    def test_it_goes_on_with_the_next_channel(self):
        self.talker("b", "take", "in")
        self.talker("a", "give", "out", "100000", "2000")
        self.ok(self.spore("wire", "a.out", "b.in"))
        self.said("b", "message 0\n")
        tap = self.looking("tap", "b.in", "--json")
        first = json.loads(tap.stdout.readline())
        self.ok(self.spore("restart", "a"))
        while (m := json.loads(tap.stdout.readline()))["channel"] == first["channel"]:
            pass
        self.assertEqual((m["direction"], m["channel"] > first["channel"]), ("received", True))
        tap.kill()

    def test_under_traffic_nothing_is_lost_at_the_ends(self):
        self.talker("taker", "count", "in")
        count = 20000
        text = "".join(f"message {i}\n" for i in range(count))
        client = self.start("send", "taker.in", stdin=subprocess.PIPE)
        self.type(client, "message 0\n")
        self.said("taker", "message 0\n")
        taps = [self.looking("tap", "taker.in", "--json") for _ in range(3)]
        stopped = self.looking("tap", "taker.in")
        os.kill(stopped.pid, signal.SIGSTOP)
        killed = self.looking("tap", "taker.in")
        killed.kill()
        client.stdin.write(text.partition("\n")[2].encode())
        client.stdin.close()
        self.assertEqual(client.wait(DEADLINE), 0, client.stderr.read())
        self.said("taker", f"{count} messages, 0 wrong\nend\n")
        self.call("tasks.stop", names=["taker"])
        for tap in taps:
            # What it saw is what was sent, in order; what it did not see it counted.
            expected = 1
            for line in tap.stdout.read().splitlines():
                m = json.loads(line)
                self.assertEqual(m["direction"], "received")
                if "missed" in m:
                    expected += m["missed"]
                else:
                    self.assertEqual(m["text"], f"message {expected}")
                    expected += 1
            self.assertEqual(expected, count)
            self.assertEqual(tap.wait(DEADLINE), 0, tap.stderr.read())


@LINUX
class Measures(LookTest):
    def why(self, *ports):
        result = self.spore("why", *ports)
        self.assertEqual(result.stderr, "")
        lines = result.stdout.splitlines()
        self.assertEqual(result.returncode, int(any(line.startswith("no  ") for line in lines)), result.stdout)
        return lines

    def wired(self, left, right):
        self.ok(self.spore("wire", left, right))

        def is_wired():
            wires = json.loads(self.spore("wires", "--json").stdout)
            return any((w["from"], w["to"], w["state"]) == (left, right, "wired") for w in wires)
        wait_until(is_wired, f"{left} wired to {right}")

    def measure(self, **options):
        result = self.ok(self.spore("wires", "--stats", "--json", **options))
        return {(w["from"], w["to"]): w for w in json.loads(result.stdout)}

    def test_why_at_each_step(self):
        self.assertEqual(self.why("a.out", "b.in"),
                         ["ok  the node runs", "no  no task 'a'", "    'spore ps -a' lists them"])
        self.talker("a", "give", "out", "500", "0")
        self.assertEqual(self.why("a.out", "b.in")[1:3], ["ok  the task of a.out", "no  no task 'b'"])
        self.begin("b", wait="started", control=True)
        self.assertEqual(self.why("a.out", "b.in")[2:],
                         ["ok  the task of b.in", "no  nothing wires a.out and b.in", "    spore wire a.out b.in"])
        self.ok(self.spore("wire", "a.out", "b.in"))
        wait_until(lambda: "no  b has no port in open" in "\n".join(self.why("a", "b")), "the port that is missing")
        self.call("tasks.stop", names=["b"])
        self.assertIn("no  b does not run: it is stopped", self.why("a", "b.in"))
        self.call("tasks.remove", names=["b"])
        self.talker("b", "deaf", "in")
        self.wired("a.out", "b.in")
        self.said("a", "gave")
        lines = wait_until(lambda: [x for x in [self.why("b", "a")] if "no  a.out -> b.in: 500 messages wait at b.in" in x[-2]
                                    or any("500 messages wait" in y for y in x)], "what waits")[0]
        self.assertIn("    the program there does not receive: 'spore logs' and 'spore inspect' of its task say what it does",
                      lines)
        self.assertEqual(self.measure(pass_fds=self.many_files())["a.out", "b.in"]["forward"]["depth"], 500)
        self.assertEqual(self.measure()["a.out", "b.in"]["forward"]["depth"], 500)

    def test_why_over_others(self):
        self.talker("a", "give", "out", "500", "0")
        self.talker("b", "deaf", "in")
        self.talker("c", "take", "in")
        self.wired("a.out", "b.in")
        self.ok(self.spore("wire", "b.out", "c.in"))
        self.said("a", "gave")
        lines = wait_until(lambda: [x for x in [self.why("a", "c")] if any("500 messages wait at b.in" in y for y in x)],
                           "what waits")[0]
        self.assertIn("ok  the way is a -> b -> c", lines)
        self.assertNotIn("b.out", "\n".join(lines))  # behind the step that fails
        self.assertIn("ok  the way is a.out -> b -> c.in", self.why("c.in", "a.out"))
        self.assertEqual(self.why("c.in", "a.none")[-2:],
                         ["no  nothing wires c.in and a.none", "    spore wire c.in a.none"])

    def test_why_all_is_well(self):
        self.talker("a", "give", "out", "300", "0")
        self.talker("b", "count", "in")
        self.wired("a.out", "b.in")
        self.said("b", "300 messages, 0 wrong")
        self.assertIn("ok  a.out -> b.in: all 300 messages were received; none is sent now", self.why("a.out", "b.in"))
        self.ok(self.spore("node", "stop"))
        self.assertEqual(self.why("a.out", "b.in")[0], "no  no node runs")

    def test_what_passes(self):
        self.talker("a", "give", "out", "100000", "1000")
        self.talker("b", "take", "in")
        self.wired("a.out", "b.in")
        wait_until(lambda: self.measure()["a.out", "b.in"]["forward"]["messages"] > 300, "messages")
        w = self.measure()["a.out", "b.in"]
        self.assertEqual((w["transport"], w["measured"], w["backward"]["messages"]), ("ring", 1, 0))
        flow = w["forward"]
        self.assertGreater(flow["rate"], 0)
        self.assertGreaterEqual(flow["bytes"], 9 * flow["messages"])
        self.assertGreater(flow["p50_ns"], 0)
        self.assertLessEqual(flow["p50_ns"], flow["p99_ns"])
        self.assertRegex(self.spore("wires", "--stats").stdout.splitlines()[1],
                         r"^a\.out  b\.in  ring +wired  \d+ +\S+ +\d+/s +\d+ +0 +\S+s +\S+s$")
        live = self.start("wires", "--live")
        for _ in range(2):
            self.assertTrue(live.stdout.readline().startswith(b"FROM"))
            self.assertIn(b"a.out", live.stdout.readline())


@LINUX
class Recordings(LookTest):
    @staticmethod
    def entries(data):
        assert data[:12] == b"spore-rec 1\n"
        at, found = 12, []
        while at < len(data):
            ns, size, what = struct.unpack_from("<QIB", data, at)
            found.append((ns, what, data[at + 20:at + 20 + size]))
            at += 20 + size
        return found

    def test_recorded_and_replayed(self):
        self.talker("giver", "give", "out", "5000", "20000")
        cat = self.start("cat", "giver.out")
        self.assertEqual(cat.stdout.readline(), b"message 0\n")
        self.looking("record", "giver.out", "-o", "day.rec", "-n", "10").wait(DEADLINE)
        path = os.path.join(self.work, "day.rec")
        with open(path, "rb") as f:
            data = f.read()
        entries = self.entries(data)
        texts = [text.decode() for _, what, text in entries]
        first = int(texts[0].split()[1])
        self.assertEqual(texts, [f"message {first + i}" for i in range(10)])
        self.assertEqual({what for _, what, _ in entries}, {0})
        self.assertGreater(entries[-1][0], 9 * 20_000_000 * 0.9)
        self.talker("taker", "take", "in")
        started = time.monotonic()
        self.ok(self.spore("replay", "day.rec", "taker.in", "--speed", "2"))
        self.assertGreaterEqual(time.monotonic() - started, entries[-1][0] / 2e9)
        self.said("taker", "".join(t + "\n" for t in texts) + "end\n")
        # And what was recorded of the port that it was replayed to is the same.
        self.ok(self.spore("replay", "day.rec", "taker.in", "--speed", "max"))
        # Damage is found.
        for at in (13, 24, 40, len(data) - 1):
            self.write("bad.rec", data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            result = self.spore("replay", "bad.rec", "taker.in", "--speed", "max")
            self.assertEqual(result.returncode, 1, at)
            self.assertRegex(result.stderr, "damaged|in the middle")
        self.write("bad.rec", data[:-3])
        self.assertIn("in the middle of a message", self.spore("replay", "bad.rec", "taker.in").stderr)
        self.write("bad.rec", "hello")
        self.assertIn("this is no recording", self.spore("replay", "bad.rec", "taker.in").stderr)
        self.assertEqual(self.spore("replay", "day.rec", "taker.in", "--speed", "0").returncode, 2)
        self.assertEqual(self.spore("record", "taker.in").returncode, 2)

    def test_a_limit_of_file_sizes(self):
        self.talker("giver", "give", "out", "100000", "1000")
        cat = self.start("cat", "giver.out")
        self.assertEqual(cat.stdout.readline(), b"message 0\n")
        result = self.spore("record", "giver.out", "-o", "some.rec", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
        self.assertEqual((result.returncode, result.stderr),
                         (125, "spore: record: some.rec cannot be written: File too large\n  make room, or name another file\n"))

    def test_interrupted(self):
        self.talker("giver", "give", "out", "100000", "1000")
        cat = self.start("cat", "giver.out")
        self.assertEqual(cat.stdout.readline(), b"message 0\n")
        record = self.looking("record", "giver.out", "-o", "some.rec")
        path = os.path.join(self.work, "some.rec")
        wait_until(lambda: os.path.getsize(path) > 12, "a message in the file")
        record.send_signal(signal.SIGINT)
        self.assertEqual(record.wait(DEADLINE), 0)
        with open(path, "rb") as f:
            entries = self.entries(f.read())
        said = record.stderr.read().decode()
        count = sum(what != 2 for _, what, _ in entries)
        self.assertIn(f"record: {count} message{'s' * (count != 1)} in some.rec\n", said)
        self.assertEqual(any(what == 2 for _, what, _ in entries), "were too fast" in said)
        self.talker("idle", "take", "in")
        tap = self.start("tap", "idle.in")
        self.assertIn(b"waiting for one", tap.stderr.readline())
        tap.send_signal(signal.SIGTERM)
        self.assertEqual(tap.wait(DEADLINE), 0)

    def test_a_reader_that_has_seen_enough(self):
        self.talker("giver", "give", "out", "100000", "1000")
        cat = self.start("cat", "giver.out")
        self.assertEqual(cat.stdout.readline(), b"message 0\n")
        for command in (("tap",), ("record", "-o", "-")):
            process = self.looking(*command, "giver.out")
            process.stdout.read(1)
            process.stdout.close()
            self.assertEqual(process.wait(DEADLINE), 0)
            self.assertEqual(process.stderr.read(), b"")


if __name__ == "__main__":
    unittest.main()
