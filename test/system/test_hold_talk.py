"""What a hold is told, by its program and by who connects to it; and what it writes into the log."""

import array
import fcntl
import hashlib
import os
import random
import resource
import signal
import struct
import sys
import termios
import time
import unittest

from hold_test import HoldTest
from msgpack_mini import pack, unpack
from spore_test import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))

# The control protocol by hand: docs/control-protocol.md.
CONTROL = """
import os, socket, struct, sys, time
sys.path.insert(0, %r)
from msgpack_mini import pack, unpack
hold = socket.socket(fileno=int(os.environ["SPORE_FD"]))
def say(*message):
    body = pack(list(message))
    hold.sendall(struct.pack("<I", len(body)) + body)
def hear():
    size, = struct.unpack("<I", hold.recv(4, socket.MSG_WAITALL))
    return unpack(hold.recv(size, socket.MSG_WAITALL))[0]
""" % HERE


def frames(data):
    """The control messages of a block of records."""
    found = []
    while data:
        size, = struct.unpack_from("<I", data)
        found.append(unpack(data[4:4 + size])[0])
        data = data[4 + size:]
    return found


class Program(HoldTest):
    """What a program says of itself."""

    def python(self, code, **spec):
        return self.hold({"argv": [sys.executable, "-c", code], **spec})

    def control(self, code, **spec):
        return self.python(CONTROL + code, control=True, **spec)

    def test_no_memory_for_what_it_says(self):
        if self.sanitized():
            self.skipTest("a sanitizer ends what is out of memory")
        hold = self.control("""
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
hear()
say("hello", 1, [], {})
say("ready")
signal.sigwait({signal.SIGUSR1})
say("log", 2, 1, "x" * 60000, {})
say("listens")
assert hear()[0] == "stop"  # no end of file
""", ready="notify")
        hold.phase("running")
        pid = hold.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (1, before[1]))
        hold.send("signal", signal.SIGUSR1)
        # A heap with room for it is no failure.
        wait_until(lambda: hold.events("control") or hold.blocks("records"))
        resource.prlimit(pid, resource.RLIMIT_AS, before)
        wait_until(lambda: hold.blocks("records"))
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["end"], "exited")

    def test_libspore(self):
        hold = self.control("""
say("hello", 1, [], {})
config = hear()
say("log", 2, time.time_ns(), "configured", config[3])
say("status", "warming up")
say("listens")
say("ready")
stop = hear()
say("stopping")
say("log", 3, time.time_ns(), "last words", {"grace": stop[1], "name": stop[0]})
""", ready="notify", config=["port=80", "name=a=b"], **{"stop.grace_ms": 7000, "restart": "always"})
        state = hold.phase("running")
        self.assertEqual(state["status"], "warming up")
        hold.send("stop", -1)
        state = hold.finish()
        self.assertEqual((state["end"], state.get("code", 0)), ("exited", 0))
        records = frames(hold.output("records"))
        self.assertEqual([r[0] for r in records], ["log", "log"])
        self.assertEqual(records[0][3:], ["configured", {"port": "80", "name": "a=b"}])
        self.assertEqual(records[1][3:], ["last words", {"grace": 7000, "name": "stop"}])

    def test_one_that_listens_and_does_not_end_gets_the_signal(self):
        hold = self.control("""
say("hello", 1, [], {})
say("listens")
say("ready")
time.sleep(1000)
""", ready="notify", **{"stop.grace_ms": 4000})
        hold.phase("running")
        before = time.monotonic()
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["signal"], signal.SIGTERM)
        self.assertGreater(time.monotonic() - before, 1.9)
        self.assertEqual(hold.events("killed"), [])

    def test_control_messages_that_are_none(self):
        hold = self.control("""
hold.sendall(b"GET / HTTP/1.0 and so on")
hear()
print(hear()[0:2], hold.recv(1), flush=True)
time.sleep(1000)
""")
        wait_until(hold.output)
        self.assertEqual(hold.output(), b"['refuse', 5] b''\n")
        self.assertIn("64 KiB", hold.events("control")[0]["text"])
        hold.phase("running")

    def test_many_records(self):
        hold = self.control("""
say("hello", 1, [], {})
for i in range(2000):
    say("log", 2, time.time_ns(), "x" * 1000, {"n": i})
say("lost", 7)
""")
        state = hold.finish()
        self.assertEqual(state["lost"], 7)
        numbers = [r[4]["n"] if r[0] == "log" else r for r in frames(hold.output("records"))]
        self.assertEqual(numbers, [*range(2000), ["lost", 7]])

    def test_sd_notify(self):
        hold = self.python("""
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"STATUS=loading\\nREADY=0")
s.send(b"MAINPID=1\\nSTATUS=12 clients\\x01\\nREADY=1")
time.sleep(1000)
""", ready="notify")
        self.assertEqual(hold.phase("running")["status"], "12 clients ")
        self.assertTrue(os.path.exists(os.path.join(hold.folder, "notify")))
        hold.send("stop", -1)
        hold.finish()
        self.assertFalse(os.path.exists(os.path.join(hold.folder, "notify")))

    def test_sd_notify_where_the_path_is_long(self):
        self.env["SPORE_STATE"] = os.path.join(self.dir, "s" * 100)
        hold = self.python("""
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
print(os.environ["NOTIFY_SOCKET"], flush=True)
s.send(b"READY=1")
time.sleep(1000)
""", ready="notify")
        hold.phase("running")
        wait_until(hold.output)
        hold.send("stop", -1)
        hold.finish()
        self.assertFalse(os.path.exists(os.path.dirname(hold.output().decode().strip())))

    def test_a_newline_on_a_descriptor(self):
        for number in (3, 7, 9):
            hold = self.hold({"sh": f"echo not yet >&1; echo starting >&2; printf x >&{number}; echo >&{number}; "
                                    f"exec sleep 1000", "ready": "notify", "ready.fd": number, "control": True},
                             generation=number)
            self.assertGreater(hold.phase("running")["ready_at"], 0)

    def test_never_ready(self):
        hold = self.hold({"sh": "exec 5>&-; exec sleep 1000", "ready": "notify", "ready.fd": 5, "ready.timeout_ms": 50,
                          "restart": "on-failure", "restart.limit": 1, "restart.delay_ms": 1})
        self.assertIn("not ready", hold.until(lambda s: s.get("pid"))["why"])
        state = hold.finish()
        self.assertEqual((state["end"], state["failed"], state["restarts"]), ("not-ready", True, 1))
        self.assertEqual(len(hold.events("not-ready")), 2)

    def test_end_of_file_first(self):
        hold = self.hold({"sh": "trap 'echo signal' TERM; cat; echo end of file", "stdin": "open", "stop.stdin": True,
                          "stop.grace_ms": 3600000})
        hold.phase("running")
        hold.send("stop", -1)
        state = hold.finish()
        self.assertEqual((state["end"], hold.output()), ("exited", b"end of file\n"))

    def test_then_the_signal(self):
        hold = self.hold({"sh": "trap 'echo signal; exit 0' TERM; cat; echo end of file; while :; do sleep 0.01; done",
                          "stdin": "open", "stop.stdin": True, "stop.grace_ms": 500})
        hold.phase("running")
        hold.send("stop", -1)
        hold.finish()
        self.assertEqual(hold.output(), b"end of file\nsignal\n")

    def test_another_signal(self):
        hold = self.hold({"sh": "trap 'echo int; exit 4' INT; echo here; while :; do sleep 0.01; done",
                          "stop.signal": signal.SIGINT})
        wait_until(hold.output)
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["code"], 4)
        self.assertEqual(hold.output(), b"here\nint\n")

    def test_stdin_from_a_file(self):
        path = self.write("input", "from a file\n")
        hold = self.hold({"sh": "cat", "stdin": "file", "stdin.file": path})
        hold.finish()
        self.assertEqual(hold.output(), b"from a file\n")
        hold = self.hold({"sh": "cat", "stdin": "file", "stdin.file": path + "x"}, generation=2)
        self.assertIn(path + "x: No such file", hold.finish()["why"])


class Strangers(HoldTest):
    """Whoever connects."""

    def setUp(self):
        super().setUp()
        self.running = self.hold("exec sleep 1000")
        self.running.phase("running")

    def refusal(self, peer):
        self.assertEqual([peer.receive()[0] for _ in range(2)], ["hello", "state"])
        message = peer.receive()
        self.assertEqual(message[0], "refuse")
        self.assertIsNone(peer.receive())
        peer.close()
        return message[1:]

    def test_garbage(self):
        for garbage, code in ((b"GET / HTTP/1.0\r\n\r\n", 5), (b"\0\0\0\0", 7), (b"\x01\0\0\0\xc1", 7),
                              (b"\xff\xff\xff\xff", 5), (b"\x07\0\0\0\x91\xa5hello", 7)):
            peer = self.running.connect(hello=False)
            peer.socket.sendall(garbage)
            self.assertEqual(self.refusal(peer)[0], code, garbage)

    def test_no_hello(self):
        peer = self.running.connect(hello=False)
        peer.send("kill")
        self.assertIn("hello", self.refusal(peer)[1])

    def test_another_version(self):
        peer = self.running.connect(hello=False)
        peer.send("hello", 2, [], {})
        code, text = self.refusal(peer)
        self.assertEqual(code, 8)
        self.assertIn("version 1", text)

    def test_what_it_does_not_know(self):
        peer = self.running.connect()
        peer.send("of a later version", {"x": [1]})
        peer.send("signal", 0, "and more")
        peer.send("signal", 10**12)
        peer.send("stop", 0, "and more")
        while peer.receive():
            pass
        self.running.finish()

    def test_byte_by_byte_and_a_large_one(self):
        peer = self.running.connect(hello=False)
        hello = pack(["hello", 1, [], {"x": "y" * 300000}])
        message = struct.pack("<I", len(hello)) + hello
        for i in range(40):
            peer.socket.sendall(message[i:i + 1])
        peer.socket.sendall(message[40:])
        peer.send("stop", -1)
        while peer.receive():
            pass
        self.running.finish()

    def test_too_many(self):
        peers = []
        try:
            for _ in range(80):
                peers.append(self.running.connect(hello=False))
            # One is the node's; the others are told, and those that stay work.
            answers = [p.receive() for p in peers]
            self.assertEqual([a[0] for a in answers], ["hello"] * 63 + ["refuse"] * 17)
            self.assertIn("64 connections", answers[-1][2])
        finally:
            for p in peers:
                p.close()
        def again():
            peer = self.running.connect(hello=False)
            try:
                return peer.receive()[0] == "hello"
            finally:
                peer.close()
        wait_until(again)
        self.running.send("stop", -1)
        self.running.finish()

    def test_one_that_does_not_read(self):
        hold = self.hold({"sh": "exit 1", "restart": "always", "restart.delay_ms": 1, "restart.max_ms": 1}, task="busy")
        hold.until(lambda s: True)
        peer, state = hold.connect(hello=False), None
        hold.until(lambda s: s["run"] > 400)  # more than any socket takes
        hold.send("stop", -1)
        last = hold.phase("ended")
        while (message := peer.receive()) is not None:
            state = message[1]
        self.assertGreater(state.get("run", 0), 0)
        self.assertGreaterEqual(last["run"], state["run"])
        peer.close()


class Log(HoldTest):
    def limit_files(self, hold, size):
        hard = resource.prlimit(hold.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(hold.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def test_every_byte(self):
        code = ("import os, random, sys\nr = random.Random(1)\n"
                "for i in range(300):\n  sys.stdout.buffer.write(r.randbytes(r.choice((1, 100, 200000))))\n"
                "  sys.stdout.flush()\n  sys.stderr.write('line %d\\n' % i)\n  sys.stderr.flush()\n")
        hold = self.hold({"argv": [sys.executable, "-c", code], "log.bytes": 1 << 28})
        hold.finish()
        r, expected = random.Random(1), hashlib.sha256()
        for _ in range(300):
            expected.update(r.randbytes(r.choice((1, 100, 200000))))
        self.assertEqual(hashlib.sha256(hold.output()).digest(), expected.digest())
        self.assertEqual(hold.output("stderr"), b"".join(b"line %d\n" % i for i in range(300)))
        self.assertEqual([b.sequence for b in hold.blocks()], list(range(1, len(hold.blocks()) + 1)))

    def test_lines_that_go_on(self):
        hold = self.hold("printf half; sleep 0.1; echo line; printf end")
        hold.finish()
        blocks = hold.blocks("stdout")
        self.assertEqual(b"".join(b.payload for b in blocks), b"halfline\nend")
        self.assertEqual([b.flags & 1 for b in blocks], [not b.payload.endswith(b"\n") for b in blocks])

    def test_output_stands_before_the_end(self):
        hold = self.hold({"sh": "echo $$; exit 1", "restart": "always", "restart.delay_ms": 1, "restart.limit": 20,
                          "restart.max_ms": 1})
        hold.finish()
        kinds = [(b.run, b.kind if b.kind != "event" else unpack(b.payload)[0]["event"]) for b in hold.blocks()]
        for run in range(1, 22):
            self.assertEqual([k for r, k in kinds if r == run][:4], ["started", "ready", "stdout", "exited"])

    def test_full_and_the_program_waits(self):
        hold = self.hold({"sh": "for i in 1 2 3 4 5 6 7 8; do head -c 100000 /dev/zero; done; echo; echo done >&2",
                          "log.bytes": 1 << 28})
        self.limit_files(hold, 300000)
        state = hold.until(lambda s: "log" in s.get("why", ""))
        self.assertIn("its output waits", state["why"])
        os.kill(state["pid"], 0)
        self.limit_files(hold, resource.RLIM_INFINITY)
        state = hold.finish()
        self.assertEqual(hold.output(), bytes(800000) + b"\n")
        self.assertEqual((hold.output("stderr"), state.get("lost", 0)), (b"done\n", 0))
        self.assertEqual(len(hold.events("exited")), 1)

    def test_full_and_it_is_stopped(self):
        hold = self.hold({"sh": "while :; do head -c 100000 /dev/zero; done", "log.bytes": 1 << 28})
        self.limit_files(hold, 300000)
        hold.until(lambda s: "log" in s.get("why", ""))
        hold.send("stop", -1)
        state = hold.finish()
        self.assertGreater(state["lost"], 0)

    def test_full_and_output_is_dropped(self):
        hold = self.hold({"sh": "for i in $(seq 100); do head -c 10000 /dev/zero; echo; done; echo done; "
                                "exec sleep 1000", "log.bytes": 1 << 28, "log.overflow": "drop"})
        self.limit_files(hold, 100000)
        state = hold.until(lambda s: s.get("lost", 0) > 0)
        self.assertIn("dropped", state["why"])
        # It is through when it sleeps.
        wait_until(lambda: open(f"/proc/{state['pid']}/comm").read() == "sleep\n")
        wait_until(lambda: hold.until(lambda s: True) and not self.waits(hold))
        self.limit_files(hold, resource.RLIM_INFINITY)
        wait_until(lambda: hold.blocks("lost"))
        hold.send("stop", -1)
        hold.finish()
        lost = [unpack(b.payload)[0] for b in hold.blocks("lost")]
        self.assertEqual(sum(m["bytes"] for m in lost) + len(hold.output()), 100 * 10001 + 5)
        self.assertIn("cannot be written", lost[0]["why"])

    @staticmethod
    def waits(hold):
        """Is anything left in the pipe?"""
        pid = hold.state["pid"]
        with open(f"/proc/{pid}/fd/1", "rb", buffering=0) as f:
            size = array.array("i", [0])
            fcntl.ioctl(f, termios.FIONREAD, size)
            return size[0]

    def test_bounded(self):
        hold = self.hold({"sh": "head -c 5000000 /dev/zero", "log.bytes": 1 << 20, "log.files": 4})
        hold.finish()
        sizes = [os.path.getsize(os.path.join(hold.log_folder, f)) for f in os.listdir(hold.log_folder)]
        self.assertLessEqual(sum(sizes), 1 << 20)
        self.assertLessEqual(len(sizes), 4)
        self.assertEqual(hold.blocks()[-1].kind, "end")


if __name__ == "__main__":
    unittest.main()
