"""Swapping what publishes: its subscribers get all of the one before, then all of the next, whatever dies meanwhile."""

import os
import re
import signal
import unittest

import test_swap_killed
from test_swap import LONG, RINGS, SwapTest

ROUNDS = 300 if LONG else 8
SLOW = ("block", "drop-oldest")


class PublishedTest(SwapTest):
    def fan(self, slow=SLOW, middle="pub", **more):
        """Numbers to a middle, which publishes them for those in SLOW; it is swapped."""
        self.program("sender", "send", "out", self.stopped, **more)
        self.program("middle", middle, "in", "out", swapped=True, **more)
        self.wire("sender.out", "middle.in")
        self.takers = []
        for word in slow:
            self.taker(word, word, **more)
        self.wired("sender.out", "middle.in")

    def taker(self, name, slow, **more):
        self.program(name, "sub", "in", slow, **more)
        self.wire("middle.out", name + ".in")
        self.wired("middle.out", name + ".in")
        self.takers.append(name)

    def sent(self):
        self.enough()
        self.said("sender", "sent ")
        return int(re.search(r"sent (\d+)", self.output("sender")).group(1))

    def took(self, name):
        """What it took, in order and once: from, to, and how often its peer was another."""
        self.call("tasks.stop", names=[name])
        self.said(name, "took ")
        self.assertNotIn("wrong", self.output(name))
        return tuple(map(int, re.findall(r"took (\d+) (\d+), returned (\d+)", self.output(name))[-1]))


@RINGS
class Publishing(PublishedTest):
    def test_under_load(self):
        self.fan()
        for _ in range(ROUNDS):
            self.swap("middle")
        sent = self.sent()
        self.assertGreater(sent, ROUNDS)
        for name in self.takers:  # nothing comes behind the last one, which so is there for each
            self.said(name, f"all {sent}")
            self.assertEqual(self.took(name)[2], ROUNDS, name)

    def test_for_each_kind_of_slow(self):
        """Of what comes slowly nobody loses anything."""
        self.fan(["block", "drop-oldest", "disconnect"], env=["SLOWLY=1"])
        for _ in range(3):
            self.swap("middle")
        sent = self.sent()
        for name in self.takers:
            self.said(name, f"all {sent}")
            self.assertEqual(self.took(name)[2], 3, name)

    def test_one_that_does_not_become_ready(self):
        self.fan(["block"])
        pid = self.pid("middle")
        self.there("fail")
        self.fails(13, "middle: not swapped: status 3; the one before runs on", "tasks.swap", names=["middle"])
        self.there("fail", False)
        self.assertEqual(self.pid("middle"), pid)
        sent = self.sent()
        self.said("block", f"all {sent}")
        self.assertEqual(self.took("block")[2], 0)

    def test_without_a_word(self):
        self.fan(["block"], env=["STATELESS=1"])
        for _ in range(3):
            self.swap("middle")
        sent = self.sent()
        self.said("block", f"all {sent}")
        self.assertEqual(self.took("block")[2], 0)

    def test_one_that_comes_meanwhile(self):
        """It is joined with the new one, and gets the first that this publishes."""
        self.fan(["block"])
        self.there("slow")
        asker = self.begin_swap("middle")
        self.said("middle", "slow")
        self.program("late", "sub", "in", "block")
        self.wire("middle.out", "late.in")
        self.wired("middle.out", "late.in")
        self.there("slow", False)
        self.assertIsNone(asker.receive()[2])
        sent = self.sent()
        for name in ("block", "late"):
            self.said(name, f"all {sent}")
        self.assertEqual((self.took("block")[2], self.took("late")[2]), (1, 0))

    def test_one_that_receives_nothing_for_a_while(self):
        """What it has to receive is with it, of as many publishers as there were."""
        self.fan(["block"], env=["SLOWLY=1"])
        os.kill(self.pid("block"), signal.SIGSTOP)
        for _ in range(6):
            self.swap("middle")
        os.kill(self.pid("block"), signal.SIGCONT)
        sent = self.sent()
        self.said("block", f"all {sent}")
        self.assertEqual(self.took("block")[2], 6)

    def test_no_new_one_comes_after_the_old_one(self):
        self.fan(["block"])
        self.there("slow")
        asker = self.begin_swap("middle")
        self.said("middle", "slow")
        new = self.pid("middle")
        os.kill(new, signal.SIGKILL)
        self.until("middle", lambda t: t.get("hold", {}).get("pid") != new, "the end of the new one")
        self.there("fail")
        self.there("slow", False)
        self.assertIn("middle: not swapped: ", asker.receive()[2][1])
        self.said("block", "recv: the other side is gone")


class SubscribedTest(PublishedTest):
    """The taker is swapped. Each of its instances says what it took when it stops."""

    def feed(self, slow="block", publisher="pub", **more):
        self.program("sender", "send", "out", self.stopped, **more)
        self.program("middle", publisher, "in", "out", swapped=True, **more)
        self.wire("sender.out", "middle.in")
        self.program("taker", "sub", "in", slow, swapped=True, **more)
        self.wire("middle.out", "taker.in")
        self.wired("middle.out", "taker.in")
        self.wired("sender.out", "middle.in")
        self.said("taker", "begins")
        self.seen = set()

    def takes(self):
        """FROM, TO and process of each instance that has ended; the logs of the first ones may be gone by now."""
        self.seen |= {tuple(map(int, t)) for t in re.findall(r"took (\d+) (\d+), returned.*, process (\d+)", self.output("taker"))}
        self.assertNotIn("wrong", self.output("taker"))
        return sorted(self.seen)

    def swap_taker(self):
        """When it is over the one before has said what it took, which may be nothing."""
        self.swap("taker")
        count = len(self.seen)
        self.until("taker", lambda t: len(self.takes()) > count, "what the one before took")

    def whole(self, instances, drops=False):
        """All that was sent came once and in order, over all instances."""
        sent = self.sent()
        self.said("taker", f"all {sent}")
        self.call("tasks.stop", names=["taker"])
        self.until("taker", lambda t: len(self.takes()) >= instances, f"{instances} instances that have ended")
        takes = [t for t in self.takes() if t[1] > 0]
        for before, after in zip(takes, takes[1:]):
            (self.assertGreaterEqual if drops else self.assertEqual)(after[0], before[1], takes)
        return sent, takes


@RINGS
class Subscribing(SubscribedTest):
    def test_under_load(self):
        self.feed()
        for _ in range(ROUNDS):
            self.swap_taker()
        self.assertGreater(self.whole(ROUNDS + 1)[0], ROUNDS)

    def test_of_what_is_fast_the_lost_ones_are_counted(self):
        """Those between two instances by the second one."""
        self.feed("drop-oldest", publisher="pub", env=["LOSSES=1"])
        for _ in range(ROUNDS):
            self.swap_taker()
        _, takes = self.whole(ROUNDS + 1, drops=True)
        lost = re.findall(r"took (\d+) \d+, returned \d+, lost (\d+) (\d+)", self.output("taker"))
        lost = {int(first): int(dropped) - int(missing) for first, missing, dropped in lost}
        for before, after in zip(takes, takes[1:]):
            if after[0] in lost:
                self.assertEqual(after[0] - before[1], lost[after[0]], takes)

    def test_for_each_kind_of_slow(self):
        """Of what comes slowly nothing is lost."""
        for slow in ("drop-oldest", "disconnect"):
            with self.subTest(slow):
                self.feed(slow, env=["SLOWLY=1"])
                for _ in range(3):
                    self.swap_taker()
                self.whole(4)
                self.call("tasks.remove", names=["sender", "middle", "taker"], logs=True)
                os.unlink(self.stopped)

    def test_both_ends(self):
        """One waits for the other."""
        self.feed()
        for i in range(ROUNDS // 2):
            names = ["middle", "taker"] if i % 2 == 0 else ["taker", "middle"]
            answer = self.call("tasks.swap", names=names)
            self.assertEqual((sorted(answer["swapped"]), answer["waiting"]), (["middle", "taker"], []))
            self.takes()
        self.whole(ROUNDS // 2 + 1)

    def test_one_that_does_not_become_ready(self):
        self.feed()
        pid = self.pid("taker")
        self.there("fail")
        self.fails(13, "taker: not swapped: status 3; the one before runs on", "tasks.swap", names=["taker"])
        self.there("fail", False)
        self.assertEqual(self.pid("taker"), pid)
        self.swap_taker()
        self.whole(2)

    def test_the_publisher_is_stopped(self):
        """It need not do anything for it."""
        self.feed()
        os.kill(self.pid("middle"), signal.SIGSTOP)
        for _ in range(3):
            self.swap("taker")
            self.takes()
        os.kill(self.pid("middle"), signal.SIGCONT)
        self.whole(2)

    def test_the_publisher_dies_meanwhile(self):
        """What it had published is received."""
        self.feed(restart="always", restart__delay_ms=1, env=["TOLERANT=1"])
        self.there("slow")
        asker = self.begin_swap("taker")
        self.said("taker", "slow")
        old = self.pid("middle")
        os.kill(old, signal.SIGKILL)
        self.there("slow", False)
        self.assertIsNone(asker.receive()[2])
        self.until("middle", lambda t: t["state"] == "running" and t["hold"]["pid"] != old, "another publisher")
        self.wired("middle.out", "taker.in")
        self.said("taker", "begins", 2)
        ended, begun = re.findall(r"(?:took \d+|begins) (\d+)", self.output("taker"))[1:3]
        self.assertEqual(ended, begun)

    def test_the_old_one_is_killed(self):
        """It is gone on with behind what it had received."""
        self.feed()
        old = self.pid("taker")
        self.there("slow")
        asker = self.begin_swap("taker")
        self.said("taker", "slow")
        os.kill(old, signal.SIGKILL)
        self.assertIsNone(asker.receive()[2])
        self.said("taker", "begins", 2)
        sent = self.sent()
        self.said("taker", f"all {sent}")

    def test_another_new_one_comes(self):
        """The hold of the first is killed while the old one stops."""
        self.feed()
        self.there("slow")
        asker = self.begin_swap("taker")
        self.said("taker", "slow")
        new = self.task("taker")["hold"]
        os.kill(new["hold"], signal.SIGKILL)
        self.until("taker", lambda t: t.get("hold", {}).get("pid") != new["pid"], "the end of the new one")
        self.there("slow", False)
        self.assertIsNone(asker.receive()[2])
        self.said("taker", "begins", 2)
        self.whole(2)

    def test_one_that_has_to_receive_another_publisher_first(self):
        self.feed(env=["SLOWLY=1"])
        os.kill(self.pid("taker"), signal.SIGSTOP)
        self.swap("middle")
        self.fails(13, "taker: not swapped: what came before at its port in has not been received yet; the one before runs on",
                   "tasks.swap", names=["taker"])
        os.kill(self.pid("taker"), signal.SIGCONT)
        self.swap_taker()
        self.whole(2)


@RINGS
class Killed(test_swap_killed.Killed):
    """As in the one before, with a subscriber behind the one that is swapped."""

    def chain(self, middle="pub", **more):
        self.program("middle", middle, "in", "out", swapped=True, **more)
        self.program("taker", "sub", "in", "block", **more)
        self.wire("middle.out", "taker.in")
        self.wired("middle.out", "taker.in")
        self.program("sender", "send", "out", self.stopped, **more)
        self.wire("sender.out", "middle.in")
        self.wired("sender.out", "middle.in")


@RINGS
class SubscriberKilled(test_swap_killed.Killed):
    """As in the one before, and what is swapped subscribes, and publishes."""

    def chain(self, middle="repub", **more):
        self.program("sender", "broadcast", "out", self.stopped, **more)
        self.program("middle", middle, "in", "out", swapped=True, **more)
        self.program("taker", "sub", "in", "block", **more)
        self.wire("middle.out", "taker.in")
        self.wired("middle.out", "taker.in")
        self.wire("sender.out", "middle.in")
        self.wired("sender.out", "middle.in")

    def at_telling(self):
        self.stopped_hold = self.old["hold"]
        os.kill(self.stopped_hold, signal.SIGSTOP)
        self.begin_swap("middle")
        return self.until("middle", lambda t: self.is_new(t) and t["hold"].get("phase") == "running", "the new one")

    def after_telling(self):
        if self.alive(self.stopped_hold):
            os.kill(self.stopped_hold, signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
