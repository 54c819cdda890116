"""At each step of a swap, and between them, a process is killed: what is sent arrives once and in order, or what is lost is only what the dead one had."""

import os
import re
import signal
import unittest

from hold_test import read_log
from spore_test import wait_until
from test_swap import RINGS, SwapTest


@RINGS
class Killed(SwapTest):
    """At each step that is written down, one process is killed."""

    def is_new(self, task):
        return task.get("hold", {}).get("pid", 0) not in (0, self.old["pid"])

    def at_starting(self):
        self.there("wait")
        self.begin_swap("middle")
        return self.until("middle", self.is_new, "the new one")

    def after_starting(self):
        self.there("wait", False)

    def at_telling(self):
        self.stopped_hold = self.task("sender")["hold"]["hold"]
        os.kill(self.stopped_hold, signal.SIGSTOP)
        self.begin_swap("middle")
        return self.until("middle", lambda t: self.is_new(t) and t["hold"].get("phase") == "running", "the new one")

    def after_telling(self):
        os.kill(self.stopped_hold, signal.SIGCONT)

    def at_stopping(self):
        self.there("slow")
        self.begin_swap("middle")
        self.said("middle", "slow", self.slow)
        return self.task("middle")

    def after_stopping(self):
        self.slow += 1
        self.there("slow", False)

    def kill_at(self, step, victim):
        self.old = self.task("middle")["hold"]
        new = getattr(self, "at_" + step)()["hold"]
        self.assertNotEqual(new["pid"], self.old["pid"])
        if victim == "node":
            self.kill_node()
        else:
            which, _, what = victim.partition("-")
            os.kill({"old": self.old, "new": new}[which]["hold" if what else "pid"], signal.SIGKILL)
        if victim.startswith("old"):
            wait_until(lambda: not self.alive(self.old["pid"]), "its end")
        elif victim != "node":  # the node knows, or a channel is made for one that is dead
            self.until("middle", lambda t: t.get("hold", {}).get("pid") != new["pid"], "the end of the new one")
        getattr(self, "after_" + step)()
        if victim == "node":
            self.again()
        after = self.until("middle", lambda t: t["state"] == "running", "running again")
        self.wired("sender.out", "middle.in")
        self.wired("middle.out", "taker.in")
        return new["pid"], after["hold"]["pid"]

    def survive(self, victims, **more):
        self.slow = 1
        self.chain(restart="always", restart__delay_ms=1, **more)
        for step in ("starting", "telling", "stopping"):
            for victim in victims:
                with self.subTest(step=step, victim=victim):
                    before = self.pid("middle")
                    new, now = self.kill_at(step, victim)
                    if step != "stopping" and victim.startswith("new"):
                        self.assertEqual(now, before, "it goes back")
                    elif victim == "node":
                        self.assertEqual(now, new, "it goes on")

    def test_nothing_is_lost_with_the_node_or_the_new_one(self):
        self.survive(["node", "new", "new-hold"])
        self.all_arrived()
        self.assertIn("took 0 ", self.output("taker"))

    def readies(self, name):
        return sum(b.kind == "event" and b"is ready" in b.payload for b in read_log(os.path.join(self.state, "logs", "_", name)))

    @staticmethod
    def runs_of(hold):
        with open(f"/proc/{hold}/task/{hold}/children", encoding="utf-8") as f:
            return [int(pid) for pid in f.read().split()]

    def test_the_old_one_is_started_again_while_there_is_no_node(self):
        """The next node does not take that for an end of the new one."""
        self.chain(restart="always", restart__delay_ms=1, env=["TOLERANT=1"])
        self.old = self.task("middle")["hold"]
        new = self.at_starting()["hold"]["pid"]
        self.kill_node()
        os.kill(self.old["pid"], signal.SIGKILL)
        wait_until(lambda: self.runs_of(self.old["hold"]) not in ([], [self.old["pid"]]), "another run of the old one")
        self.again()
        self.after_starting()
        self.until("middle", lambda t: t["state"] == "running", "swapped")
        self.assertEqual((self.pid("middle"), self.task("middle")["generation"]), (new, 2))
        self.wired("middle.out", "taker.in")

    def test_the_old_one_dies_when_the_new_one_has_failed(self):
        """There is neither of the two then, and so another one is started."""
        for with_node in (False, True):
            with self.subTest(with_node=with_node):
                self.chain(restart="always", restart__delay_ms=1, env=["TOLERANT=1"])
                self.old = self.task("middle")["hold"]
                new = self.at_telling()["hold"]
                node = self.call("node.status")["pid"]
                os.kill(node, signal.SIGSTOP)
                os.kill(new["pid"], signal.SIGKILL)
                wait_until(lambda: self.readies("middle") == 3, "another run of the new one")
                self.there("slow")
                os.kill(node, signal.SIGCONT)
                self.said("middle", "slow")
                if with_node:
                    self.kill_node()
                os.kill(self.old["hold"], signal.SIGKILL)
                wait_until(lambda: not self.alive(self.old["pid"]), "the end of the old one")
                self.after_telling()
                if with_node:
                    self.again()
                self.there("slow", False)
                wait_until(lambda: not self.alive(new["hold"]), "the end of the new one")
                self.until("middle", lambda t: t["state"] == "running", "running again")
                self.assertTrue(self.task("middle")["wanted"])
                self.wired("middle.out", "taker.in")
                self.call("tasks.remove", names=["sender", "middle", "taker"], logs=True)

    def test_the_old_one_dies_before_there_is_a_new_one(self):
        """The new one is no less wanted for that, whoever looks after it."""
        self.chain(restart="always", restart__delay_ms=1, env=["TOLERANT=1"])
        node, old = self.call("node.status")["pid"], self.task("middle")["hold"]
        asker = self.client()
        os.kill(node, signal.SIGSTOP)  # so that it hears of both at once
        asker.send(0, 1, "tasks.swap", {"names": ["middle"]})
        os.kill(old["hold"], signal.SIGKILL)
        wait_until(lambda: not self.alive(old["pid"]), "its end")
        os.kill(node, signal.SIGCONT)
        self.wired("middle.out", "taker.in")
        new = self.until("middle", lambda t: t["state"] == "running", "running")["hold"]
        self.kill_node()
        os.kill(new["hold"], signal.SIGKILL)
        self.again()
        self.until("middle", lambda t: t["state"] == "running" and t["hold"]["pid"] != new["pid"], "running again")

    def test_with_the_old_one_goes_what_it_had_received(self):
        """But nothing is repeated, nor out of order."""
        self.survive(["old", "old-hold"], env=["TOLERANT=1"])
        self.enough()
        self.said("sender", "sent ")
        self.said("taker", "all ")
        gaps = [(int(a), int(b)) for a, b in re.findall(r"wrong: (\d+) after (\d+)", self.output("taker"))]
        for after, before in gaps:
            self.assertGreater(after, before)


if __name__ == "__main__":
    unittest.main()
