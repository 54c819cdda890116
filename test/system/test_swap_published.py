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
        self.said("block", f"all {sent}")
        for name in self.takers:
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

    def test_one_that_subscribes_is_refused(self):
        """With the reason, and nothing is done to it."""
        self.fan(["block"])
        self.fails(1, "block: its port in subscribes, and what it has not received would be lost; use 'spore restart'",
                   "tasks.swap", names=["block"])
        sent = self.sent()
        self.said("block", f"all {sent}")

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


if __name__ == "__main__":
    unittest.main()
