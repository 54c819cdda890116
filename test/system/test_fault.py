"""Faults on purpose: wires that delay, drop or are cut, whatever is started again meanwhile."""

import glob
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest
from datetime import datetime

from spore_test import BUILD, SporeTest, all_processes, wait_until
from test_look import PROGRAM
from test_wires import WiresTest

MASK = (1 << 64) - 1
POSIX = os.environ.get("SPORE_POSIX") == "1"  # no channels of shared memory
PUBLISHER = os.path.join(BUILD, "test", "system", "pub_program")
FLOW = os.path.join(BUILD, "test", "system", "flow_program")


def kept(count, per_million, seed):
    """The messages that a relay of this seed passes on from left to right."""
    state, result = seed * 2, []
    for i in range(count):
        state = (state + 0x9e3779b97f4a7c15) & MASK
        z = state
        z = ((z ^ z >> 30) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ z >> 27) * 0x94d049bb133111eb) & MASK
        if (z ^ z >> 31) % 1000000 >= per_million:
            result.append(i)
    return result


def relays(state):
    """The processes that make faults for the node of this state folder."""
    commands = ((pid, line.split(b"\0")) for pid, line in all_processes("cmdline"))
    return [pid for pid, words in commands if words[1:2] == [b"relay"] and any(w.startswith(state.encode() + b"/") for w in words)]


class FaultTest(WiresTest):
    def program(self, name, *args, **more):
        return self.begin(name, argv=[PROGRAM, *args], control=True, ready="notify", **more)

    def fault(self, *args):
        return self.spore("fault", *args)

    def relays(self):
        return relays(self.state)

    def gone(self):
        wait_until(lambda: not self.relays(), "the relays to end")


class FullDisk(SporeTest):
    def test_counts_that_cannot_be_written(self):
        """The process between passes messages on all the same."""
        disk = os.path.join(self.dir, "disk")
        os.mkdir(disk)
        script = 'mount -t tmpfs -o size=16k none "$0" || exit 77; cat /dev/zero >"$0/all" 2>/dev/null; exec "$@"'
        give, left = socket.socketpair()
        take, right = socket.socketpair()
        told, tell = socket.socketpair()
        with give, left, take, right, told, tell:
            relay = subprocess.Popen(["unshare", "-rm", "sh", "-c", script, disk, os.path.join(BUILD, "spore-look"), "relay",
                                      "stream", "0", "1", "stream", "1", "1", "0", "0", "1", os.path.join(disk, "fault-1"), "0", "-"],
                                     env=self.env, stderr=subprocess.PIPE, preexec_fn=lambda: os.dup2(told.fileno(), 3), pass_fds=(3,))
            socket.send_fds(tell, [b"x"], [left.fileno(), right.fileno()])
            for end in (left, right, told):
                end.close()
            give.sendall(b"\5\0\0\0hello")
            got = take.recv(9, socket.MSG_WAITALL)
            give.close()
            take.close()
            said = relay.communicate()[1].decode()
            if relay.returncode == 77 or "unshare:" in said:
                self.skipTest(f"no file system of its own: {said.strip()}")
            self.assertEqual((got, said), (b"\5\0\0\0hello", ""))
            self.assertIn(relay.returncode, (0, 3))  # it may not have counted yet what has arrived


class Passing(FaultTest):
    def begun_with(self, fault, *giver):
        """A giver and a taker, whose wire has the fault before the first message."""
        self.program("taker", "take", "in")
        self.program("giver", *giver, wait="started")
        self.call("tasks.stop", names=["giver"])
        wait_until(lambda: self.task("giver")["state"] == "stopped", "the stop")
        self.wire("giver.out", "taker.in")
        self.ok(self.fault("giver.out", *fault))
        self.ok(self.spore("restart", "giver"))

    def times(self, name):
        """When its lines were written, in seconds."""
        lines = self.ok(self.spore("logs", "--json", "--stream=stdout", name)).stdout.splitlines()
        return [(json.loads(line)["time"], json.loads(line)["text"]) for line in lines]

    def numbers(self):
        return [int(line.split()[1]) for line in self.output("taker").splitlines() if line.startswith("message ")]

    def test_delay_keeps_the_order(self):
        self.begun_with(["delay=400ms"], "give", "out", "50", "0")
        self.said("taker", "message 49\nend\n")
        self.assertEqual(self.numbers(), list(range(50)))
        gave = datetime.fromisoformat(self.times("giver")[-1][0])
        came = datetime.fromisoformat(self.times("taker")[0][0])
        # Sending did not wait, and nothing came before its time.
        self.assertGreaterEqual((came - gave).total_seconds(), 0.2)
        self.assertEqual(self.wires()["giver.out", "taker.in"]["fault"], "delay=400ms")
        self.assertIn("fault: delay=400ms", self.ok(self.spore("wires")).stdout)

    def test_drop_is_repeatable_and_counted(self):
        self.begun_with(["drop=25%", "seed=7"], "give", "out", "2000", "0")
        wanted = kept(2000, 250000, 7)
        self.said("taker", "end\n")
        self.assertEqual(self.numbers(), wanted)
        if os.environ.get("SPORE_POSIX") != "1":
            wire, = json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)
            self.assertEqual((wire["forward"]["dropped"], wire["backward"]["dropped"]), (2000 - len(wanted), 0))
            self.assertEqual(wire["fault"], "drop=25% seed=7")
        # Each new channel drops the same.
        self.ok(self.spore("restart", "giver"))
        self.said("taker", "end\n", 2)
        self.assertEqual(self.numbers(), wanted * 2)

    def test_a_full_relay_is_felt(self):
        """A receiver that does not take holds the sender up: nothing grows without bound, and nothing is lost."""
        self.begun_with(["delay=1ms"], "give", "out", "20000", "0")
        self.said("taker", "message 19999\nend\n")
        self.assertEqual(self.numbers(), list(range(20000)))

    def test_ends_with_its_ends(self):
        self.begun_with(["delay=1ms"], "give", "out", "3", "0")
        self.said("taker", "end\n")
        self.assertEqual(len(self.relays()), 1)
        self.call("tasks.stop", names=["giver"])
        self.gone()
        self.ok(self.spore("restart", "giver"))
        self.said("taker", "end\n", 2)
        self.assertEqual(len(self.relays()), 1)
        self.call("tasks.stop", names=["taker"])
        self.gone()


SERVER = """import os, socket
server = socket.socket(socket.AF_UNIX)
server.bind(os.path.join(os.environ["SPORE_PORTS"], "ask"))
server.listen()
while True:
    client, _ = server.accept()
    data = b""
    while piece := client.recv(4096):
        data += piece
    client.sendall(b"answer to " + data)
    client.close()
"""


class HalfClosed(FaultTest):
    """One that sends nothing more gets what is under way to it."""

    def ask(self, peer):
        self.call("tasks.start", spec=self.spec("client", argv=[PROGRAM, "ask", "out"], control=True, enabled=False))
        self.wire("client.out", peer, duplex=True)
        self.ok(self.fault("client.out", "delay=50ms"))
        self.call("tasks.begin", names=["client"])

    def test_a_peer_with_libspore(self):
        self.program("server", "answer", "in", "20000")
        self.ask("server.in")
        self.said("client", "got message 0\n20000 until end\n")

    def test_a_plain_peer(self):
        path = self.write("server.py", SERVER)
        self.begin("server", argv=[sys.executable, path], ports=["ask - - - - listener"], wait="started")
        self.ask("server.ask")
        self.said("client", "got answer to question\n")


class ReadOut(FaultTest):
    def test_a_fifo(self):
        """It has one channel after the other, each of which is read to its end: who sends has to leave it."""
        self.begin("taker", 'while cat "$SPORE_PORTS/in"; do echo end; done', ports=["in - - - - fifo-in"], wait="started")
        self.program("giver", "give", "out", "1000000", "1000", restart="always", restart__delay_ms=0)
        self.wire("giver.out", "taker.in")
        self.said("taker", "message 0\n")
        for i, fault in enumerate(("delay=1ms", "drop=10%", "off"), 1):
            self.ok(self.fault("giver.out", fault))
            wait_until(lambda i=i: "message" in "".join(self.output("taker").split("end\n")[i:]), "messages of the next one")
            self.wired("giver.out", "taker.in")
            wait_until(lambda f=fault: len(self.relays()) == (f != "off"), "the process of the one before to end")


FAULTS = (["delay=40ms"], ["delay=5ms"], ["off"], ["delay=1us"], ["delay=200ms"], ["off"], ["delay=20ms"], ["delay=20ms", "seed=3"])


class Changing(FaultTest):
    """Whatever a fault is changed to, and however often: each message arrives, once, in order."""

    def counter(self, name):
        return os.path.join(self.work, "sent." + name)

    def flow_spec(self, name, *args, **more):
        spec = self.spec(name, argv=[FLOW, *map(str, args)], control=True, ready="notify", **more)
        return {**spec, "env": [*spec["env"], "FLOW_SENT=" + self.counter(name)]}

    def flow(self, name, *args, **more):
        self.wait(self.call("tasks.start", spec=self.flow_spec(name, *args, **more))["name"])

    def flow_later(self, name, *args):
        """It is begun with tasks.begin."""
        self.call("tasks.start", spec={**self.flow_spec(name, *args), "enabled": False})

    def sent(self):
        """How many messages all of them have by now."""
        total = 0
        for path in glob.glob(self.counter("*")):
            with open(path, "rb") as f:
                total += int.from_bytes(f.read(8), sys.byteorder)
        return total

    def change_until(self, port, over, faults=FAULTS):
        """Again and again, and for a message at least each time."""
        rounds = 0
        while not over():
            for fault in faults:
                self.ok(self.fault(port, *fault))
                before = self.sent()
                wait_until(lambda before=before: self.sent() > before or over(), f"a message with {fault}")
            rounds += 1
        self.ok(self.fault(port, "off"))
        return rounds

    def over(self, *names, word="sent"):
        return lambda: all(word in self.output(name) for name in names)

    def passes(self, count, us, slow):
        self.flow("taker", "take", "in", slow)
        self.flow_later("giver", "give", "out", count, us)
        self.wire("giver.out", "taker.in")
        self.call("tasks.begin", names=["giver"])
        rounds = self.change_until("giver.out", self.over("giver"))
        self.said("taker", f"received {count}, 0 wrong\n")
        self.said("giver", f"sent {count}, 0 lost\n")
        self.assertGreaterEqual(rounds, 1)
        self.gone()

    def test_one_each_millisecond(self):
        self.passes(3000, 1000, 0)

    def test_at_full_speed(self):
        self.passes(400000, 0, 0)

    def test_a_slow_receiver(self):
        """All that there is room for is under way."""
        self.passes(20000, 0, 200)

    def test_both_ways(self):
        self.flow_later("a", "both", "it", 30000, 0)
        self.flow_later("b", "both", "it", 30000, 20)
        self.wire("a.it", "b.it", duplex=True)
        self.call("tasks.begin", names=["a", "b"])
        self.change_until("a.it", self.over("a", "b"))
        for name in "ab":
            self.said(name, "received 30000, 0 wrong\n")
            self.said(name, "sent 30000, 0 lost\n")
        self.gone()

    def test_questions_and_answers(self):
        self.flow("b", "answer", "it")
        self.flow_later("a", "ask", "it", 300, 0)
        self.wire("a.it", "b.it", duplex=True)
        self.call("tasks.begin", names=["a"])
        self.change_until("a.it", self.over("a", word="received"))
        self.said("a", "received 300, 0 wrong\n")
        self.gone()

    def test_of_one_that_serves(self):
        """It sees one client leave, which has all answers, and another come."""
        self.program("server", "echo", "clients")
        self.flow_later("a", "ask", "it", 300, 0)
        self.wire("a.it", "server.clients", duplex=True)
        self.ok(self.fault("a.it", "delay=30ms"))
        self.call("tasks.begin", names=["a"])
        self.change_until("a.it", self.over("a", word="received"), [["delay=30ms"], ["delay=5ms"], ["delay=10ms"]])
        self.said("a", "received 300, 0 wrong\n")

    def test_a_change_that_is_on_its_way(self):
        """It is said: the wire is not wired with the channel that is about to go."""
        self.flow("taker", "take", "in", 0)
        self.flow("giver", "give", "out", 100000000, 1000)
        self.wire("giver.out", "taker.in")
        self.wired("giver.out", "taker.in")
        hold = self.task("taker")["hold"]["hold"]
        os.kill(hold, signal.SIGSTOP)
        self.ok(self.fault("giver.out", "delay=1ms"))
        state, why = self.why("giver.out", "taker.in")
        os.kill(hold, signal.SIGCONT)
        self.assertEqual((state, why), ("wiring", "1 on the way to programs that have not read of it"))
        self.wired("giver.out", "taker.in")
        self.assertEqual(len(self.relays()), 1)

    def test_many_relays_of_an_earlier_node(self):
        """Their faults can be changed again and again, though no signal tells of their end."""
        count = 8  # so many that go may hold a change up

        def changed(fault):
            old = set(self.relays())
            self.ok(self.fault("giver.out", fault))
            wait_until(lambda: len(new := self.relays()) == count and not old & set(new), f"other relays for {fault}")
            self.wired("giver.out", "taker.in", count)
        for i in range(1, count + 1):
            self.flow("taker", "take", "in", 0, replica=i)
            self.flow("giver", "give", "out", 100000000, 1000, replica=i)
        self.wire("giver.out", "taker.in")
        self.wired("giver.out", "taker.in", count)
        changed("delay=1ms")
        self.kill_node()
        self.again()
        changed("delay=2ms")
        changed("delay=3ms")
        self.ok(self.fault("giver.out", "off"))
        self.gone()

    def test_a_relay_that_is_killed(self):
        """What it had is lost, and that is said; what it had not is not."""
        self.flow("taker", "take", "in", 0)
        self.flow_later("giver", "give", "out", 500, 1000)
        self.wire("giver.out", "taker.in")
        self.ok(self.fault("giver.out", "delay=1m"))
        self.call("tasks.begin", names=["giver"])
        self.said("giver", "sent 500, 0 lost\n")
        path, = glob.glob(os.path.join(self.state, "holds", "_.giver.1", "fault-*"))

        def under_way():
            with open(path, "rb") as f:
                return struct.unpack("<8Q", f.read())[4]
        wait_until(lambda: under_way() == 500, "all to be in the relay")
        os.kill(self.relays()[0], signal.SIGKILL)
        wait_until(lambda: self.why("giver.out", "taker.in")[1]
                   == "500 messages that a fault held back are lost: the process that makes it ended", "that it is said")
        with open(os.path.join(self.state, "node.log"), encoding="utf-8") as f:
            self.assertIn("giver.out and taker.in: 500 messages that their fault held back are lost", f.read())


class Wishes(FaultTest):
    def setUp(self):
        super().setUp()
        self.talker("a", "out")
        self.talker("b", "in")
        self.wire("a.out", "b.in")
        self.wired("a.out", "b.in")
        self.talks("a", "b", "out")

    def test_while_they_talk(self):
        self.ok(self.fault("b.in", "a.out", "delay=10ms"))
        self.wired("a.out", "b.in")
        self.talks("a", "b", "out", 2)
        self.talks("b", "a", "in", 2)
        self.assertEqual(len(self.relays()), 1)
        self.ok(self.fault("a.out", "off"))
        self.wired("a.out", "b.in")
        self.talks("a", "b", "out", 3)
        self.gone()
        self.assertEqual(self.wires()["a.out", "b.in"]["fault"], "")

    def test_cut(self):
        node = self.fds(self.call("node.status")["pid"])
        self.ok(self.fault("a.out", "cut"))
        self.assertEqual(self.why("a.out", "b.in"), ("waiting", "it is cut on purpose; 'spore fault a.out off' makes it whole"))
        self.said("a", "unwired out")
        self.said("b", "unwired in")
        # Nothing that is started again gets through.
        os.kill(self.pid("b"), signal.SIGKILL)
        wait_until(lambda: self.task("b")["state"] == "failed", "the death of b")
        self.ok(self.spore("restart", "b"))
        self.assertEqual(self.why("a.out", "b.in")[0], "waiting")
        self.ok(self.fault("a.out", "off"))
        self.wired("a.out", "b.in")
        self.talks("a", "b", "out", 1)
        self.assertLessEqual(self.fds(self.call("node.status")["pid"]), node)

    def test_outlives_both_ends_the_relay_and_the_node(self):
        self.ok(self.fault("a.out", "delay=5ms"))
        self.talks("a", "b", "out", 2)
        first, = self.relays()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: self.relays() not in ([], [first]), "another relay")
        self.wired("a.out", "b.in")
        self.talks("a", "b", "out", 3)
        second, = self.relays()
        self.ok(self.spore("node", "stop"))
        self.assertEqual(self.relays(), [second])
        self.ok(self.spore("node", "start"))
        self.again()
        self.wired("a.out", "b.in")
        self.assertEqual(self.relays(), [second])
        self.assertEqual(self.wires()["a.out", "b.in"]["fault"], "delay=5ms")
        self.ok(self.spore("restart", "b"))
        self.wired("a.out", "b.in")
        self.said("b", f"got in hello {self.pid('a')}", 4)
        wait_until(lambda: self.relays() not in ([], [second]), "a new relay")
        self.ok(self.spore("unwire", "a.out", "b.in"))
        self.gone()
        self.wire("a.out", "b.in")
        self.wired("a.out", "b.in")
        self.assertEqual(self.relays(), [])

    def test_a_relay_of_an_earlier_node_is_killed(self):
        """Before that node, after it, between two, and when the next one has been there for long."""
        def relay():
            os.kill(self.relays()[0], signal.SIGKILL)

        def node():
            pid = self.kill_node()
            wait_until(lambda: not self.alive(pid), "its end")

        def stop():
            self.ok(self.spore("node", "stop"))

        def start():
            self.ok(self.spore("node", "start"))
        self.ok(self.fault("a.out", "delay=5ms"))
        self.talks("a", "b", "out", 2)
        for times, steps in enumerate([(relay, node), (node, relay), (stop, relay, start), (node, self.again, relay)], 3):
            old = self.relays()
            self.assertEqual(len(old), 1)
            for step in steps:
                step()
            wait_until(lambda: len(new := self.relays()) == 1 and new != old, f"another relay after {steps}")
            self.again()
            self.wired("a.out", "b.in")
            self.talks("a", "b", "out", times)
        self.ok(self.fault("a.out", "off"))
        self.gone()

    def test_a_node_with_a_relay_of_an_earlier_one_sleeps(self):
        """It is told of its end, and looks at nothing meanwhile."""
        self.ok(self.fault("a.out", "delay=5ms"))
        self.talks("a", "b", "out", 2)
        self.kill_node()
        self.again()
        self.wired("a.out", "b.in")
        self.node_sleeps()
        old = self.relays()
        os.kill(old[0], signal.SIGKILL)
        wait_until(lambda: len(new := self.relays()) == 1 and new != old, "another relay")
        self.wired("a.out", "b.in")
        self.talks("a", "b", "out", 3)

    def test_a_relay_that_does_not_stay(self):
        """Another one is started, but later each time."""
        self.ok(self.fault("a.out", "delay=5ms"))
        self.talks("a", "b", "out", 2)
        began, old = time.monotonic(), None
        for _ in range(5):
            old = wait_until(lambda: [pid for pid in self.relays() if pid != old], "another relay")[0]
            os.kill(old, signal.SIGKILL)
        # Before the last but the first a tenth of a second, then twice as much each time.
        self.assertGreaterEqual(time.monotonic() - began, 1.4)
        wait_until(lambda: "failed; another one is started soon" in self.why("a.out", "b.in")[1], "the reason")
        self.wired("a.out", "b.in")
        self.assertEqual(len(self.relays()), 1)
        # Another fault is another beginning.
        os.kill(self.relays()[0], signal.SIGKILL)
        self.ok(self.fault("a.out", "off"))
        self.wired("a.out", "b.in")
        self.gone()

    def test_refusals(self):
        for args, words in ((["a.out"], "operand"), (["a.out", "delay=0"], "a delay is from"), (["a.out", "drop=101%"], "of all messages"),
                            (["a.out", "drop=1"], "of a hundred with the sign, as drop=1%"), (["a.out", "drop=1.5"], "of all messages"),
                            (["a.out", "cut", "off"], "delay and drop go together"), (["a.out", "slow"], "the faults are")):
            result = self.fault(*args)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn(words, result.stderr)
        result = self.fault("a.other", "cut")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "spore: fault: a.other is not wired\n  but a.out and b.in are\n")
        self.begin("p", argv=["/bin/sleep", "1000"])
        self.begin("q", argv=["/bin/sleep", "1000"])
        self.call("tasks.stop", names=["p", "q"])
        wait_until(lambda: {self.task("p")["state"], self.task("q")["state"]} == {"stopped"}, "the stop")
        self.wire("p.stdout", "q.stdin")
        self.assertIn("a stdin or stdout cannot be given another end", self.fault("p.stdout", "delay=1s").stderr)

    def refused(self, result, why, remedy):
        self.assertEqual((result.returncode, result.stderr.splitlines()), (1, ["spore: " + why, "  " + remedy]))

    def test_names_of_replicas(self):
        for i in (1, 2):
            self.program("taker", "take", "in", replica=i)
            self.program("giver", "give", "out", "100000000", "1000", replica=i)
        self.wire("giver.out", "taker.in")
        self.wired("giver.out", "taker.in", 2)
        whole = "the wire giver.out -> taker.in is one for all replicas: name it so"
        self.refused(self.fault("giver@2.out", "cut"), "fault: giver@2.out is not wired by itself", whole)
        self.refused(self.fault("giver@2.out", "taker@2.in", "cut"), "fault: giver@2.out and taker@2.in are not wired by themselves", whole)
        self.refused(self.fault("giver@3.out", "cut"), "fault: giver@3.out: no task 'giver@3'", "there are 2 of giver")
        self.refused(self.spore("unwire", "giver@1.out", "taker.in"), "unwire: giver@1.out and taker.in are not wired by themselves", whole)

        def why(*names):
            result = self.spore("why", *names)
            return result.returncode, result.stdout
        for names, words in ((("giver@1", "taker"), "giver@1.out -> taker.in"), (("taker@2.in", "giver"), "giver.out -> taker@2.in"),
                             (("giver@2.out", "taker@2.in"), "giver@2.out -> taker@2.in"), (("giver", "taker"), "giver.out -> taker.in")):
            status, text = why(*names)
            seen = f"ok  {words}: messages pass" in text or (POSIX and "cannot be seen" in text)
            self.assertEqual((status, seen), (0, True), text)
        status, text = why("giver@1", "taker@2")
        self.assertEqual((status, "no  giver@1.out and taker@2.in are not joined\n" in text), (1, True), text)
        self.assertIn("no  no task 'giver@3'\n    there are 2 of giver\n", why("giver@3", "taker")[1])
        if POSIX:
            return
        os.kill(self.pid("taker@1"), signal.SIGSTOP)
        wait_until(lambda: "messages wait at taker@1.in" in why("giver", "taker@1")[1], "it to be seen")
        self.assertEqual(why("giver", "taker@2")[0], 0)
        os.kill(self.pid("taker@1"), signal.SIGCONT)
        self.call("tasks.stop", names=["taker@1"])
        self.assertIn("no  taker@1.in is not open\n", why("giver", "taker@1")[1])

    def test_names_without_a_wire(self):
        for system in ("one", "two"):
            self.call("tasks.start", spec=self.spec("twice", system=system, enabled=False))
        for name in ("camera", "detect", "free"):
            self.call("tasks.start", spec=self.spec(name, enabled=False, control=True))
        self.wire("camera.out", "detect.in")
        for what, args in (("fault", ("cut",)), ("unwire", ("detect.in",))):
            both = " and detect.in are" if what == "unwire" else " is"
            self.refused(self.spore(what, "camra.out", *args), f"{what}: camra.out: no task 'camra'", "did you mean 'camera'?")
            self.refused(self.spore(what, "twice.out", *args), f"{what}: twice.out: 'twice' is not clear: one/twice, two/twice",
                         "name one of them")
            self.refused(self.spore(what, "camera.uot", *args), f"{what}: camera.uot{both} not wired", "but camera.out and detect.in are")
        for more in ((), ("--stats",), ("--json",)):
            self.refused(self.spore("wires", *more, "noe"), "wires: no system 'noe'", "did you mean 'one'?")
            self.refused(self.spore("wires", *more, "camera"), "wires: no system 'camera'",
                         "that is a task: without a name all wires are listed")
            self.assertNotIn("camera", self.ok(self.spore("wires", *more, "one")).stdout)
        self.refused(self.spore("fault", "free.out", "off"), "fault: free.out is not wired", "'spore wires' lists what is")
        self.refused(self.spore("unwire", "free.a", "free.b"), "unwire: free.a and free.b are not wired", "'spore wires' lists what is")

    def test_names_of_ports(self):
        """What the shells offer: ports that are open, and those that tasks only declare."""
        self.call("tasks.start", spec=self.spec("c", system="shop", ports=["in messages connect -"], control=True, enabled=False))
        self.call("tasks.start", spec=self.spec("none", enabled=False))
        self.ok(self.spore("wires", "--names"), "a.out\nb.in\nshop/c.in\n")
        self.ok(self.spore("wires", "--names", "shop"), "shop/c.in\n")
        self.ok(self.spore("wires", "--names", "nosuch"), "")


class Several(FaultTest):
    def test_one_that_fails_holds_back_no_other(self):
        """Two clients of one server: each has a relay of its own."""
        self.talker("server", "clients:serve")
        for i in range(2):
            self.talker("client", "to", replica=i + 1)
        self.wire("client.to", "server.clients")
        self.ok(self.fault("client.to", "delay=5ms"))
        self.wired("client.to", "server.clients", 2)
        bad, good = wait_until(lambda: found if len(found := self.relays()) == 2 else None, "the relays")
        for _ in range(4):
            os.kill(bad, signal.SIGKILL)
            bad = wait_until(lambda: [pid for pid in self.relays() if pid not in (bad, good)], "another relay")[0]
        # The one waits for seconds now, and the other for a tenth of one.
        for pid in (bad, good):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: (self.wires()["client.to", "server.clients"]["channels"], *self.why("client.to", "server.clients"))
                   == (1, "wired", "the process that makes its fault failed; another one is started soon"), "the other one")
        self.wired("client.to", "server.clients", 2)


class OneWay(FaultTest):
    """What publishes and subscribes has no faults, whenever it is known."""

    def test_what_is_declared(self):
        for name, port, shape in (("pub", "out", "publish"), ("sub", "in", "subscribe")):
            self.call("tasks.start", spec=self.spec(name, ports=[f"{port} messages {shape} -"], control=True, enabled=False))
        self.wire("pub.out", "sub.in")
        for fault in ("delay=5ms", "cut"):
            result = self.fault("sub.in", fault)
            self.assertEqual(result.returncode, 1)
            self.assertIn("has the shape publish, and only what connects and serves can be given a fault", result.stderr)
        self.ok(self.fault("pub.out", "off"))
        self.assertEqual(self.wires()["pub.out", "sub.in"]["fault"], "")

    @unittest.skipIf(os.environ.get("SPORE_POSIX") == "1", "no channels of shared memory")
    def test_what_is_known_later(self):
        publish = {"argv": [PUBLISHER, "publish", "out", "0", "1000", "0"], "control": True, "ready": "notify"}
        subscribe = {"argv": [PUBLISHER, "subscribe", "in", "block", "-"], "control": True, "ready": "notify"}
        for name, more in (("pub", publish), ("sub", subscribe)):
            self.call("tasks.start", spec=self.spec(name, enabled=False, **more))
        self.wire("pub.out", "sub.in")
        for fault, words in (("delay=50ms", "has the shape publish, and only what connects and serves can be given a fault; "
                              "first 'spore fault pub.out off'"), ("cut", "it is cut on purpose")):
            self.ok(self.fault("pub.out", fault))
            self.call("tasks.begin", names=["pub", "sub"])
            self.assertEqual(self.wait("pub", "sub"), {"reached": True, "waiting": []})
            wait_until(lambda: words in self.why("pub.out", "sub.in")[1], "the reason")
            self.assertEqual(self.relays(), [])
            self.ok(self.fault("pub.out", "off"))
            self.wired("pub.out", "sub.in")
            self.said("sub", f"first {self.pid('pub')} ")
            self.call("tasks.stop", names=["pub", "sub"], kill=True)


if __name__ == "__main__":
    unittest.main()
