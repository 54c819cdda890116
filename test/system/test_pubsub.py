"""Publish and subscribe with real programs: who subscribes late, is slow, goes or returns, and who is killed."""

import json
import os
import re
import resource
import signal
import subprocess
import time
import unittest

from spore_test import BUILD, DEADLINE, wait_until
from test_wires import WiresTest

PROGRAM = os.path.join(BUILD, "test", "system", "pub_program")
LINUX = unittest.skipIf(os.environ.get("SPORE_POSIX") == "1", "no channels of shared memory")


@LINUX
class PubSubTest(WiresTest):
    def runs(self, name, *args, **more):
        more.setdefault("ready", "notify")
        return self.begin(name, argv=[PROGRAM, *args], control=True, **more)

    def publisher(self, name="pub", count=0, us=1000, size=0, **more):
        return self.runs(name, "publish", "out", str(count), str(us), str(size), **more)

    def subscriber(self, name, slow="block", last="", **more):
        return self.runs(name, "subscribe", "in", slow, last or "-", **more)

    def first(self, name, pid, times=1):
        """The number of the first message that it got of this publisher."""
        self.said(name, f"first {pid} ", times)
        return int(re.findall(rf"first {pid} (\d+)", self.output(name))[-1])

    def result(self, name):
        """Asks it to stop; what it got, what it lost, what was wrong."""
        self.call("tasks.stop", names=[name])
        wait_until(lambda: re.search(r"got \d+ dropped \d+ wrong \d+\n", self.output(name)), f"{name} to count")
        return tuple(map(int, re.findall(r"got (\d+) dropped (\d+) wrong (\d+)", self.output(name))[-1]))

    def restart(self, name):
        before = self.pid(name)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: self.pid(name) not in (0, before), f"{name} to be back")
        return self.pid(name)


class Subscribing(PubSubTest):
    def test_each_as_it_asked(self):
        self.publisher(us=200)
        names = ("block", "drop-oldest", "disconnect")
        for name in names:
            self.subscriber(name, name)
            self.wire("pub.out", name + ".in")
        for name in names:
            self.wired("pub.out", name + ".in")
            self.assertEqual(self.wires()["pub.out", name + ".in"]["transport"], "publication")
            self.first(name, self.pid("pub"))
        ports = {p["name"]: p for p in self.call("ports.list")["ports"]}
        self.assertEqual((ports["pub.out"]["shape"], ports["pub.out"]["channels"]), ("publish", 3))
        # What is measured.
        stats = json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)
        self.assertEqual([w["measured"] for w in stats], [1, 1, 1])
        self.assertTrue(all(w["forward"]["messages"] > 0 and w["forward"]["dropped"] == 0 for w in stats), stats)
        self.unwire("pub.out", "block.in")
        self.said("block", "gone")
        for name in names:
            got, dropped, wrong = self.result(name)
            self.assertEqual((got > 0, dropped, wrong), (True, 0, 0), name)

    def test_the_last_value_of_one_that_sleeps(self):
        # The publisher will not run a line of libspore again; its hold gives the memory.
        self.publisher(count=3)
        self.said("pub", "gave")
        self.subscriber("a", last="last")
        self.subscriber("b")
        for name in ("a", "b"):
            self.wire("pub.out", name + ".in")
        self.assertEqual(self.first("a", self.pid("pub")), 2)
        self.ok(self.spore("cat", "-n", "1", "pub.out"), f"{self.pid('pub')} 2\n")
        os.kill(self.pid("pub"), signal.SIGSTOP)
        self.subscriber("late", "drop-oldest", last="last")
        self.wire("pub.out", "late.in")
        self.assertEqual(self.first("late", self.pid("pub")), 2)
        os.kill(self.pid("pub"), signal.SIGKILL)
        for name in ("a", "b", "late"):
            self.said(name, "gone")
        self.assertEqual(self.result("b"), (0, 0, 0))

    def test_what_the_wire_says_counts(self):
        self.publisher(us=50, size=1000)
        self.runs("stuck", "stuck", "in", "block")
        self.subscriber("quick")
        self.wire("pub.out", "quick.in")
        self.ok(self.spore("wire", "pub.out", "stuck.in", "--slow=drop-oldest"))
        self.assertIn("with drop-oldest", self.spore("wires").stdout)
        self.said("stuck", "stuck")
        # The stuck one costs the other nothing: it gets more than there is room for.
        def messages():
            stats = {w["to"]: w for w in json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)}
            return stats["quick.in"]["forward"]["messages"]
        before = messages()
        wait_until(lambda: messages() > before + 3000, "the quick one to go on")
        # With block everything waits for it, until it goes.
        self.unwire("pub.out", "stuck.in")
        self.call("tasks.restart", names=["stuck"])
        self.ok(self.spore("wire", "pub.out", "stuck.in", "--slow=block"))
        self.said("stuck", "stuck", 2)

        def stands():
            before = messages()
            return messages() == before
        wait_until(stands, "the publisher to wait")
        self.ok(self.spore("kill", "stuck"))
        before = messages()
        wait_until(lambda: messages() > before + 1000, "the publisher to go on")
        got, dropped, wrong = self.result("quick")
        self.assertEqual((got > 4000, dropped, wrong), (True, 0, 0))

    def test_who_was_cut_off(self):
        self.publisher(us=50, size=1000)
        self.subscriber("quick")
        self.runs("stuck", "stuck", "in", "disconnect")
        for name in ("quick", "stuck"):
            self.wire("pub.out", name + ".in")
        words = ("stuck.in was too slow, so pub.out cut it off (disconnect); 'spore restart stuck' subscribes it anew, "
                 "'spore wire' with --slow another way keeps it")
        told = "spore: stuck.in: it did not receive in time what was published, and was cut off\n"
        wait_until(lambda: told in self.spore("logs", "--raw", "pub").stdout, "the log to say so")

        def state(name="stuck"):
            wire = self.wires()["pub.out", name + ".in"]
            return wire["state"], wire["broken"]

        wait_until(lambda: state() == ("waiting", words), "the wire to say so")
        self.assertEqual(state("quick"), ("wired", ""))
        self.assertIn(words, self.spore("wires").stdout)
        self.assertIn(words, self.spore("graph").stdout)
        result = self.spore("why", "pub", "stuck")
        self.assertEqual((result.returncode, f"no  {words}\n" in result.stdout), (1, True), result.stdout)
        # Another node hears it from the hold of the publisher.
        self.ok(self.spore("node", "restart"))
        self.again()
        wait_until(lambda: state() == ("waiting", words) and state("quick") == ("wired", ""), "the next node to say so")
        os.kill(self.pid("pub"), signal.SIGSTOP)
        self.call("tasks.restart", names=["stuck"])
        wait_until(lambda: state() == ("wired", ""), "the next instance to be joined")

    def test_several_that_were_cut_off(self):
        """Each is shown, of several wires and of one with replicas, and the next node knows them all."""
        self.publisher(us=50, size=1000)
        self.runs("stuck", "stuck", "in", "disconnect")
        self.runs("still", "stuck", "in", "disconnect")
        for i in range(2):
            self.runs("many", "stuck", "in", "disconnect", replica=i + 1)
        for name in ("stuck", "still", "many"):
            self.wire("pub.out", name + ".in")
        words = {
            "stuck.in": "stuck.in was too slow, so pub.out cut it off (disconnect); 'spore restart stuck' subscribes",
            "still.in": "still.in was too slow, so pub.out cut it off (disconnect); 'spore restart still' subscribes",
            "many.in": "2 replicas of many.in were too slow, so pub.out cut them off (disconnect); 'spore restart many' subscribes",
        }

        def shown():
            return {to: (w["state"], w["broken"].split(" it anew")[0].split(" them anew")[0]) for (_, to), w in self.wires().items()}
        expected = {to: ("waiting", text) for to, text in words.items()}
        wait_until(lambda: shown() == expected, "all to be shown")
        self.ok(self.spore("node", "restart"))
        self.again()
        wait_until(lambda: shown() == expected, "the next node to know")
        result = self.spore("why", "pub", "many")
        self.assertEqual((result.returncode, f"no  {words['many.in']} them anew" in result.stdout), (1, True), result.stdout)
        os.kill(self.pid("pub"), signal.SIGSTOP)
        self.call("tasks.restart", names=["still"])
        wait_until(lambda: self.wires()["pub.out", "still.in"]["state"] == "wired", "the one to be joined")
        del expected["still.in"]
        self.assertEqual({to: w for to, w in shown().items() if to != "still.in"}, expected)
        self.call("tasks.restart", names=["many@1"])
        one = "many@2.in was too slow, so pub.out cut it off (disconnect); 'spore restart many@2' subscribes"
        wait_until(lambda: shown()["many.in"] == ("wired", one), "one replica to be joined")

    def test_who_holds_the_publisher_up(self):
        self.publisher(us=50, size=1000)
        self.subscriber("quick")
        self.subscriber("loose", "drop-oldest")
        self.runs("stuck", "stuck", "in", "block")
        self.runs("lost", "stuck", "in", "drop-oldest")
        for name in ("quick", "loose", "lost"):
            self.wire("pub.out", name + ".in")
            self.wired("pub.out", name + ".in")
        self.said("lost", "stuck")

        def flow(name):
            stats = {w["to"]: w for w in json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)}
            return stats[name + ".in"]["forward"]
        wait_until(lambda: flow("lost")["depth"] > 2000, "what it does not receive to be counted")
        self.assertFalse(flow("lost")["full"])
        self.assertIn("messages pass", self.ok(self.spore("why", "pub.out", "quick.in")).stdout)
        result = self.spore("why", "pub", "lost")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"no  pub.out -> lost.in: \d+ messages wait at lost.in, and none was taken in the last moments\n")
        # The one that blocks is named, by its own wire and by those of the others.
        self.wire("pub.out", "stuck.in")
        wait_until(lambda: flow("stuck")["full"], "the publisher to wait")
        self.assertGreater(flow("stuck")["depth"], 400)
        result = self.spore("why", "pub.out", "stuck.in")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the publisher waits for it (block), and publishes nothing more", result.stdout)
        for name in ("quick", "loose"):
            wait_until(lambda: flow(name)["depth"] == 0, "all to be received")
            result = self.spore("why", "pub", name)
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn("no  pub.out publishes nothing more, since it waits for stuck.in, which does not receive (block)", result.stdout)
        self.ok(self.spore("kill", "stuck"))
        wait_until(lambda: self.spore("why", "pub", "quick").returncode == 0, "the publisher to go on")

    def test_drops_are_counted_and_shown(self):
        self.publisher(us=20, size=4000)
        self.subscriber("slow", "drop-oldest")
        self.wire("pub.out", "slow.in")
        self.first("slow", self.pid("pub"))
        os.kill(self.pid("slow"), signal.SIGSTOP)
        self.subscriber("quick")
        self.wire("pub.out", "quick.in")
        self.first("quick", self.pid("pub"))
        self.call("tasks.restart", names=["quick"])
        first = self.first("quick", self.pid("pub"))
        wait_until(lambda: self.spore("cat", "-n", "1", "pub.out").stdout and int(
            self.spore("cat", "-n", "1", "pub.out").stdout.split()[1].rstrip("\0")) > first + 2000, "messages to pass")
        os.kill(self.pid("slow"), signal.SIGCONT)

        def dropped():
            stats = {w["to"]: w for w in json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)}
            return stats["slow.in"]["forward"]["dropped"]
        wait_until(lambda: dropped() > 100, "drops to be shown")
        got, lost, wrong = self.result("slow")
        self.assertEqual((got > 0, lost > 100, wrong), (True, True, 0))


class Refused(PubSubTest):
    def test_refusals(self):
        self.publisher()
        self.publisher("pub2")
        self.subscriber("a")
        self.wire("pub.out", "a.in")
        self.fails(1, "a.in has one channel only, and is wired already", "wires.add",
                   wires=[{"from": "pub2.out", "to": "a.in"}])
        self.fails(1, "a.in subscribes, so it stands on the right", "wires.add",
                   wires=[{"from": "a.in", "to": "pub2.out"}])
        for args, words in ((("send", "pub.out", "x"), "send: pub.out publishes, and receives nothing"),
                            (("cat", "a.in"), "cat: a.in subscribes, and sends nothing")):
            result = self.spore(*args)
            self.assertEqual((result.returncode, words in result.stderr), (1, True), result.stderr)

    def test_taps_and_recordings(self):
        self.publisher(restart="always", restart__delay_ms=20)
        self.subscriber("a")
        alone = self.spore("tap", "a.in")
        self.assertEqual((alone.returncode, alone.stderr.splitlines()[0]),
                         (1, "spore: tap: a.in subscribes, and is wired to nothing"))
        self.wire("pub.out", "a.in")
        self.first("a", self.pid("pub"))
        for port, direction in (("pub.out", "sent"), ("a.in", "received")):
            tap = self.start("tap", "--json", "-n", "50", port, stdout=subprocess.PIPE)
            seen = [json.loads(line) for line in tap.communicate(timeout=DEADLINE)[0].splitlines()]
            self.assertEqual(tap.returncode, 0)
            self.assertEqual({m["direction"] for m in seen}, {direction})
            numbers = [int(m["text"].split()[1]) for m in seen if "text" in m]
            self.assertEqual(len(numbers), 50)
            missed = sum(m.get("missed", 0) for m in seen)
            self.assertEqual(numbers[-1] - numbers[0] + 1, 50 + missed)
        # It goes on with the next program of the task.
        tap = self.start("tap", "--json", "a.in", stdout=subprocess.PIPE)
        before, after = self.pid("pub"), None
        while after is None:
            m = json.loads(tap.stdout.readline())
            pid = int(m["text"].split()[0]) if "text" in m else before
            if pid != before:
                after = pid
            elif self.pid("pub") == before:
                os.kill(before, signal.SIGKILL)
                wait_until(lambda: self.pid("pub") not in (0, before), "the next publisher")
        self.assertEqual(after, self.pid("pub"))
        tap.send_signal(signal.SIGINT)
        self.assertEqual(tap.wait(DEADLINE), 0)
        # What was recorded can be published again, with its times.
        self.ok(self.spore("record", "-n", "100", "-o", "some.rec", "pub.out"))
        self.call("tasks.stop", names=["pub"])
        self.unwire("pub.out", "a.in")
        started = time.monotonic()
        self.ok(self.spore("replay", "some.rec", "a.in"))
        self.assertGreater(time.monotonic() - started, 0.09)
        self.said("a", "end")
        self.assertEqual(self.result("a")[2], 0)

    def test_tools_are_ends(self):
        self.subscriber("a")
        self.ok(self.spore("send", "a.in", "7 0", "7 1", "7 2"))
        self.said("a", "first 7 0")
        self.said("a", "end")
        text = "".join(f"8 {i}\n" for i in range(50000))
        self.ok(self.spore("send", "a.in", input=text))
        self.said("a", "end", 2)
        self.assertEqual(self.result("a"), (50003, 0, 0))
        self.publisher(count=0)
        cats = [self.start("cat", "-n", "200", "pub.out", stdout=subprocess.PIPE) for _ in range(4)]
        for cat in cats:
            numbers = [int(line.split()[1]) for line in cat.stdout.read().splitlines()]
            self.assertEqual(cat.wait(DEADLINE), 0)
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 200)))


class Dying(PubSubTest):
    def test_either_returns(self):
        self.publisher(restart="always", restart__delay_ms=20, restart__max_ms=20)
        self.subscriber("a", restart="always", restart__delay_ms=20, restart__max_ms=20)
        self.subscriber("b")
        for name in ("a", "b"):
            self.wire("pub.out", name + ".in")
            self.first(name, self.pid("pub"))
        for i in range(3):
            pid = self.restart("pub")
            for name in ("a", "b"):
                self.first(name, pid)
            self.assertEqual(self.output("b").count("gone"), self.output("b").count("returned"))
            pid = self.restart("a")
            self.first("a", self.pid("pub"), 2)
        self.assertEqual(self.output("b").count("returned"), 3)  # those of a are nothing to b
        got, dropped, wrong = self.result("b")
        self.assertEqual((got > 0, dropped, wrong), (True, 0, 0))

    def test_the_node_dies(self):
        self.publisher()
        self.subscriber("a", restart="always", restart__delay_ms=20, restart__max_ms=20)
        self.wire("pub.out", "a.in")
        self.first("a", self.pid("pub"))
        self.kill_node()
        self.again()
        self.wired("pub.out", "a.in")
        self.assertNotIn("gone", self.output("a"))
        self.restart("a")  # another node joins it to the memory that lives
        self.first("a", self.pid("pub"), 2)
        self.subscriber("b", last="last")
        self.wire("pub.out", "b.in")
        self.first("b", self.pid("pub"))
        self.assertEqual(self.result("b")[1:], (0, 0))


class Many(PubSubTest):
    def test_a_thousand(self):
        count = 1000
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 12 * count:
            return  # the subscribers are one program here
        self.publisher(us=20000)
        self.runs("subs", "many", "in", str(count))
        node = self.call("node.status")["pid"]
        before = self.fds(node)
        holds = {name: self.fds(self.task(name)["hold"]["hold"]) for name in ("pub", "subs")}
        self.call("wires.add", wires=[{"from": "pub.out", "to": f"subs.in{i}"} for i in range(count)])
        self.said("subs", "all\n")
        wait_until(lambda: all(w["state"] == "wired" for w in self.wires().values()), "all of them")
        self.assertEqual(self.fds(node), before)
        wait_until(lambda: self.fds(self.task("pub")["hold"]["hold"]) <= holds["pub"], "the hold of the publisher")
        self.assertLessEqual(self.fds(self.task("subs")["hold"]["hold"]), holds["subs"] + 256 + 3 * 64)
        self.call("tasks.stop", names=["subs"])
        wait_until(lambda: self.fds(self.pid("pub")) < 100, "the publisher to let them go")


if __name__ == "__main__":
    unittest.main()
