"""Who lives through thousands of deaths of others has no more than after half of them: descriptors, memory, files. And subscribers and publishers die by
the thousand."""

import collections
import os
import re
import signal
import unittest

from spore_test import wait_until
from test_ledger import PROGRAM, TASKS, LedgerTest
from test_wires import LONG

# How much more of it there may be than when half had died; of anything else as much as is under way.
UNDER_WAY = 2
GROWTH = {"private": 256 if LONG else 2048, "shared": 2048, "maps": 8}
SUBSCRIBERS = {"waits": "block", "waits-last": "block-last", "drops": "drop-last", "cut": "disconnect"}


def descriptors(pid):
    """{kind: how many}"""
    found = collections.Counter()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            what = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        found["memory" if what.startswith("/memfd:") else "file" if what.startswith("/") else re.sub(r":.*", "", what)] += 1
    return found


def memory(pid):
    """KiB: its own, and how much it has mapped of what it shares; and how many mappings."""
    found = collections.Counter()
    in_memfd = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                in_memfd = "/memfd:" in line
                found["maps"] += 1
            elif line.startswith("Rss:" if in_memfd else "Private_Dirty:"):
                found["shared" if in_memfd else "private"] += int(line.split()[1])
    return found


class LeaksTest(LedgerTest):
    def files(self):
        """{what: how many} of the runtime and the state folder, but for logs, which grow."""
        found = collections.Counter()
        for folder in (self.env["SPORE_RUNTIME"], self.state):
            for root, folders, names in os.walk(folder):
                if "logs" in folders:
                    folders.remove("logs")
                found.update(re.sub(r"\d+", "N", os.path.join(root, name)) for name in folders + names if not name.startswith("node.log"))
        return found

    def count(self, holds, programs):
        pids = {"node": self.call("node.status")["pid"], **{name: self.pid(name) for name in programs},
                **{"hold of " + name: self.task(name)["hold"]["hold"] for name in holds}}
        found = {who: descriptors(pid) + (collections.Counter() if self.sanitized() else memory(pid)) for who, pid in pids.items()}
        return {**found, "folders": self.files()}

    def is_no_more(self, before, look):
        """Soon, if not at once, since what is over is closed by those who hear of it."""
        more = {}

        def settled():
            more.clear()
            for who, has in look().items():
                for what, n in has.items():
                    if n > before[who][what] + GROWTH.get(what, UNDER_WAY):
                        more[who, what] = (before[who][what], n)
            return not more
        try:
            wait_until(settled, "what is over to be given back")
        except AssertionError as e:
            raise AssertionError(f"{e}, seed {self.seed}: {more}") from None

    def none_stays(self, rounds, kill, holds, programs):
        """KILL(i) is one death; whose holds and which programs live."""
        before = None
        for i in range(rounds):
            if i == rounds // 2:
                before = self.count(holds, programs)
            kill(i)
        self.is_no_more(before, lambda: self.count(holds, programs))


class Leaks(LeaksTest):
    def kill(self, name, what="pid"):
        hold = self.task(name)["hold"]
        os.kill(hold[what], signal.SIGKILL)
        wait_until(lambda: not self.alive(hold["pid"]), f"the end of {name}")
        self.flows()

    def test_programs(self):
        self.chain()
        self.none_stays(1000 if LONG else 60, lambda _: self.kill("middle"), TASKS, ["sender", "taker"])

    def test_both_ends_in_turn(self):
        self.chain()
        self.none_stays(400 if LONG else 60, lambda _: self.kill(self.rng.choice(["sender", "taker"])), TASKS, ["middle"])

    def test_holds(self):
        self.chain()
        self.none_stays(200 if LONG else 20, lambda _: self.kill("middle", "hold"), ["sender", "taker"], ["sender", "taker"])

    def test_swaps(self):
        self.chain()

        def swap(_):
            self.call("tasks.swap", names=["middle"])
            self.flows()
        self.none_stays(200 if LONG else 20, swap, ["sender", "taker"], ["sender", "taker"])

    def test_wires(self):
        self.chain()

        def wire(_):
            self.unwire("sender.out", "middle.in")
            self.wire("sender.out", "middle.in", redeliver=True)
            self.flows()
        self.none_stays(200 if LONG else 40, wire, TASKS, TASKS)

    def test_nodes(self):
        self.chain()

        def kill(_):
            self.kill_node()
            self.revive()
            self.flows()
        self.none_stays(60 if LONG else 10, kill, TASKS, TASKS)


class Subscribers(LeaksTest):
    publisher_restarts = "always"

    def setUp(self):
        super().setUp()
        more = {"control": True, "ready": "notify", "restart": "always", "restart__delay_ms": 0, "restart__max_ms": 1}
        for name in ("pub", *SUBSCRIBERS):
            os.mkdir(self.folder(name))
        self.begin("pub", argv=[PROGRAM, "publish", "out", self.folder("pub") + "/ledger"],
                   **{**more, "restart": self.publisher_restarts})
        for name, slow in SUBSCRIBERS.items():
            self.begin(name, argv=[PROGRAM, "subscribe", "in", slow, self.folder(name) + "/ledger"], **more)
            self.wire("pub.out", name + ".in")

    def sent(self):
        return self.ledger("pub")[:2]

    def flows(self):
        for name in ("pub", *SUBSCRIBERS):
            wait_until(lambda n=name: self.is_up(n), f"{name} to run")
        attempted = self.sent()[0]
        for name in SUBSCRIBERS:
            wait_until(lambda n=name: self.ledger(n)[0] > attempted, f"what is published to arrive at {name}")
        for name in ("pub", *SUBSCRIBERS):
            self.assertNotIn("WRONG", self.output(name))

    def kill(self, victims):
        for victim in victims:
            if victim == "node":
                self.kill_node()
                self.revive()
                continue
            hold = wait_until(lambda v=victim: self.is_up(v.rpartition(" ")[2]) and self.task(v.rpartition(" ")[2])["hold"], victim)
            os.kill(hold["hold" if victim.startswith("hold") else "pid"], signal.SIGKILL)
            wait_until(lambda h=hold: not self.alive(h["pid"]), f"the end of {victim}")
        self.flows()

    def test_kills(self):
        victims = ["pub", *SUBSCRIBERS, "node", "hold of pub", *("hold of " + s for s in SUBSCRIBERS)]
        self.flows()
        for i in range(int(os.environ.get("SPORE_TEST_KILLS") or 30)):
            chosen = self.rng.sample(victims, self.rng.randint(1, 2))
            self.case = f"{chosen} killed, round {i}, seed {self.seed}"
            self.kill(chosen)
        self.call("tasks.stop", names=["pub"])
        attempted, acknowledged = self.sent()
        self.assertEqual(attempted, acknowledged)
        for name in SUBSCRIBERS:
            wait_until(lambda n=name: self.ledger(n)[0] == acknowledged, f"{acknowledged} to arrive at {name}")
        for name in SUBSCRIBERS:
            self.call("tasks.stop", names=[name])
            self.assertNotIn("WRONG", self.output(name))

    def test_of_subscribers(self):
        self.flows()
        self.none_stays(400 if LONG else 40, lambda _: self.kill([self.rng.choice(list(SUBSCRIBERS)[1:])]),
                        ["pub", *SUBSCRIBERS], ["pub", "waits"])

    def test_of_publishers(self):
        self.flows()
        self.none_stays(100 if LONG else 20, lambda _: self.kill(["pub"]), ["pub", *SUBSCRIBERS], list(SUBSCRIBERS))


class PublishersEnd(Subscribers):
    """What it has published is there for all that are joined with it, however it ended."""
    publisher_restarts = "never"
    test_kills = test_of_subscribers = test_of_publishers = None

    def cuts(self):
        """How often somebody was too slow, as the publisher's log has it."""
        return self.spore("logs", "pub").stdout.count("was cut off")

    def test_it_arrives(self):
        for i in range(60 if LONG else 12):
            cuts = self.cuts()
            self.flows()
            victim = self.rng.choice(["pid", "hold", "stop"])
            hold = self.task("pub")["hold"]
            if victim == "stop":
                self.call("tasks.stop", names=["pub"])
            else:
                os.kill(hold[victim], signal.SIGKILL)
                self.until("pub", lambda t: t["state"] in ("failed", "stopped"), "its end")
            attempted, acknowledged = self.sent()
            for name in SUBSCRIBERS:
                # Who was too slow is no longer joined with it; the last lines of a log are gone with a hold that is killed.
                wait_until(lambda n=name: self.ledger(n)[0] >= acknowledged or (n == "cut" and (victim == "hold" or self.cuts() != cuts)),
                           f"{acknowledged} at {name}, {victim}, round {i}, seed {self.seed}")
                self.assertLessEqual(self.ledger(name)[0], attempted)
            self.call("tasks.begin", names=["pub"])


if __name__ == "__main__":
    unittest.main()
