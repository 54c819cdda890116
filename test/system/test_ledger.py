"""Nothing is torn, repeated or out of order, and no more is lost than what the killed one had in its hands: by the numbers that each process keeps
outside of its channels. A swap under full load with a kill at each of its steps, of everybody at it; and the end of who writes."""

import os
import random
import signal
import struct
import time
import unittest

from spore_test import BUILD, wait_until
from test_wires import LONG, WiresTest

PROGRAM = os.path.join(BUILD, "test", "system", "ledger_program")
STEPS = ("starting", "telling", "stopping")
# What a killed one may take along, in messages: the sender a batch that it is about to send, the others one that they have received.
IN_HAND = {"sender": 16, "middle": 1, "taker": 1}
# What a ring holds: 1024 cells of 64 bytes, and most messages take more than one.
RING = 1024
TASKS = tuple(IN_HAND)


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory, and a killed hold leaves its program")
class LedgerTest(WiresTest):
    seed = int(os.environ.get("SPORE_TEST_SEED") or random.randrange(1 << 30))

    def setUp(self):
        super().setUp()
        self.rng = random.Random(self.seed)

    def folder(self, name):
        return os.path.join(self.work, name)

    def chain(self, redeliver=True, restart="always"):
        ports = {"sender": ["out"], "middle": ["in", "out"], "taker": ["in"]}
        for name, what in zip(TASKS, ("send", "pass", "take")):
            os.mkdir(self.folder(name))
            self.begin(name, argv=[PROGRAM, what, *ports[name], self.folder(name) + "/ledger"], control=True, ready="notify",
                       restart=restart, restart__delay_ms=0, restart__max_ms=1,
                       env=["PATH=/usr/bin:/bin", "LEDGER_FOLDER=" + self.folder(name)])
        for wire in (("sender.out", "middle.in"), ("middle.out", "taker.in")):
            self.wire(*wire, redeliver=redeliver)
        self.flows()

    def there(self, name, what, is_there=True):
        path = os.path.join(self.folder(name), what)
        if is_there:
            open(path, "w").close()
        else:
            os.unlink(path)

    def ledger(self, name):
        with open(self.folder(name) + "/ledger", "rb") as f:
            return struct.unpack("<3Q", f.read(24))

    def sent(self):
        """The number that was to be sent last, and the one that was."""
        return self.ledger("sender")[:2]

    def taken(self):
        return self.ledger("taker")[0]

    def missing(self):
        return self.ledger("taker")[1]

    def revive(self):
        self.spore("node", "start")
        self.again()

    def is_up(self, name):
        """Whose hold was killed again and again is started later each time; here that would be most of the time."""
        task = self.task(name)
        if task["state"] == "waiting":
            self.call("tasks.stop", names=[name])
            self.call("tasks.begin", names=[name])
        return task["state"] == "running" and self.alive(task["hold"].get("pid", 0))

    def flows(self):
        """Until what is sent from now on arrives."""
        for name in TASKS:
            wait_until(lambda n=name: self.is_up(n), f"{name} to run")
        attempted = self.sent()[0]
        wait_until(lambda: self.taken() > attempted, "what is sent to arrive")
        for name in TASKS:
            self.assertNotIn("WRONG", self.output(name))

    def neighbours(self, name):
        return ["sender", "taker"] if name == "middle" else ["middle"]

    def ends_well(self):
        """Who is asked to stop has sent all that it said; it arrives."""
        self.call("tasks.stop", names=["sender"])
        attempted, acknowledged = self.sent()
        self.assertEqual(attempted, acknowledged)
        wait_until(lambda: self.taken() == acknowledged, f"{acknowledged} to arrive")
        for name in TASKS:
            self.assertNotIn("WRONG", self.output(name))


class Swap(LedgerTest):
    def begin_swap(self, name):
        asker = self.client()
        asker.send(0, 1, "tasks.swap", {"names": [name]})
        self.until(name, lambda t: t["state"] == "swapping", "swapping")
        return asker

    def is_new(self, task):
        return task.get("hold", {}).get("pid", 0) not in (0, self.old["pid"])

    def reach(self, name, step):
        """Begins to swap, and keeps it at a step that is written down; what lets it go on, and the new one."""
        if step == "telling":  # for a hold that hears nothing
            hold = self.task(self.neighbours(name)[0])["hold"]["hold"]
            os.kill(hold, signal.SIGSTOP)
        else:
            self.there(name, "wait" if step == "starting" else "slow")
        asker = self.begin_swap(name)
        self.addCleanup(asker.close)
        if step == "stopping":
            wait_until(lambda: os.path.exists(self.folder(name) + "/is-slow"), f"{name} to stop")
            self.there(name, "is-slow", False)
        try:
            new = self.until(name, lambda t: self.is_new(t) and (step == "starting" or t["hold"].get("phase") == "running"), "the new one")
        except AssertionError as e:
            raise AssertionError(f"{e}; {asker.receive()[2]}, {self.case}") from None

        def go_on():
            asker.close()
            if step != "telling":
                self.there(name, "wait" if step == "starting" else "slow", False)
            elif self.alive(hold):
                os.kill(hold, signal.SIGCONT)
        return go_on, new["hold"]

    def victims(self, name):
        return ["node", "old", "new", "hold of old", "hold of new"] + [p for n in self.neighbours(name) for p in (n, "hold of " + n)]

    def kill(self, victim, new):
        """Returns when it is gone."""
        if victim == "node":
            self.kill_node()
            return
        who = victim.rpartition(" ")[2]
        hold = self.old if who == "old" else new if who == "new" else self.task(who)["hold"]
        os.kill(hold["hold" if victim.startswith("hold") else "pid"], signal.SIGKILL)
        wait_until(lambda: not self.alive(hold["pid"]), f"the end of {who}")

    def round(self, name, step, victim, most):
        self.old = self.task(name)["hold"]
        before = self.missing()
        go_on, new = self.reach(name, step)
        self.kill(victim, new)
        go_on()
        if victim == "node":
            self.revive()
        self.flows()
        self.assertLessEqual(self.missing() - before, most, self.case)

    def most_lost(self, name, victim, redeliver):
        who = victim.rpartition(" ")[2]
        if who == "node":
            return 0
        if who == "new":  # which may have a channel before it is known that it is dead
            return 0 if redeliver else RING
        if who in ("old", name):
            return IN_HAND[name] + (0 if redeliver else RING)
        # What is between two that are both gone is with nobody, and the one that is swapped may end before its peer is back.
        return IN_HAND[name] + IN_HAND[who] + RING

    def every_step(self, names, redeliver, passes):
        self.chain(redeliver)
        cases = [(n, s, v) for n in names for s in STEPS for v in self.victims(n)]
        for _ in range(passes):
            self.rng.shuffle(cases)
            for name, step, victim in cases:
                self.case = f"{victim} killed, {name} {step}, seed {self.seed}"
                self.round(name, step, victim, self.most_lost(name, victim, redeliver))
        self.ends_well()

    def test_a_kill_at_every_step(self):
        self.every_step(["middle"], True, 20 if LONG else 1)

    def test_of_who_sends_and_who_takes(self):
        self.every_step(["sender", "taker"], True, 6 if LONG else 1)

    def test_without_sending_again(self):
        """What is in the ring to a killed one is lost with it."""
        self.every_step(["middle"], False, 8 if LONG else 1)

    def test_at_any_moment(self):
        """Several die, before, at and after a swap; whoever is the last to have something is one of them, or it arrives."""
        self.chain()
        for i in range(200 if LONG else 10):
            name, victims = self.rng.choice(TASKS), self.rng.sample(["node", *TASKS, *("hold of " + n for n in TASKS)], self.rng.randint(1, 3))
            self.case = f"{victims} killed, {name} swapped, round {i}, seed {self.seed}"
            before = self.missing()
            node = self.call("node.status")["pid"]
            holds = {n: self.task(n)["hold"] for n in TASKS}
            asker = self.client()
            asker.send(0, 1, "tasks.swap", {"names": [name]})
            for victim in victims:
                time.sleep(self.rng.random() / 200)
                try:
                    who = victim.rpartition(" ")[2]
                    os.kill(node if who == "node" else holds[who]["hold" if victim.startswith("hold") else "pid"], signal.SIGKILL)
                except ProcessLookupError:
                    pass
            asker.close()
            if "node" in victims:
                self.revive()
            self.flows()
            self.assertLessEqual(self.missing() - before, 2 * RING + sum(IN_HAND.values()), self.case)
        self.ends_well()


class Tail(LedgerTest):
    """What was acknowledged has arrived, as long as somebody is there to take it; whoever wrote it, and however it ended."""

    def end(self, name, victim):
        hold = self.task(name)["hold"]
        if victim == "stop":
            self.call("tasks.stop", names=[name])
        else:
            os.kill(hold["hold" if victim == "hold" else "pid"], signal.SIGKILL)
            wait_until(lambda: self.task(name)["state"] in ("failed", "stopped"), f"the end of {name}")
        wait_until(lambda: not self.alive(hold["pid"]), f"the end of the program of {name}")

    def test_of_who_writes(self):
        self.chain(restart="never")
        for i in range(200 if LONG else 12):
            self.case = f"round {i}, seed {self.seed}"
            victim = self.rng.choice(("stop", "program", "program", "hold"))
            time.sleep(self.rng.random() / 100)
            self.end("sender", victim)
            attempted, acknowledged = self.sent()
            wait_until(lambda a=acknowledged: self.taken() >= a, f"{acknowledged} to arrive, {victim}, {self.case}")
            self.assertLessEqual(self.taken(), attempted)
            if victim == "stop":
                self.assertEqual(acknowledged, attempted)
            self.call("tasks.begin", names=["sender"])
            self.flows()
        # Of each killed one at most what it had not been told of yet.
        self.assertLessEqual(self.missing(), (i + 1) * IN_HAND["sender"])
        self.ends_well()

    def test_of_who_passes_on_and_who_takes(self):
        """What they have not received is sent again to the next one."""
        self.chain(restart="never")
        for i in range(200 if LONG else 12):
            name = self.rng.choice(("middle", "taker"))
            victim = self.rng.choice(("stop", "program", "hold"))
            before = self.missing()
            time.sleep(self.rng.random() / 100)
            self.end(name, victim)
            self.call("tasks.begin", names=[name])
            self.flows()
            lost = self.missing() - before
            self.assertLessEqual(lost, 0 if victim == "stop" else IN_HAND[name], f"{name}, {victim}, round {i}, seed {self.seed}")
        self.ends_well()


if __name__ == "__main__":
    unittest.main()
