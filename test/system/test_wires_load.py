"""A wire under full load while everything at it is killed: no message is torn, repeated or missing, and nothing is left over."""

import os
import random
import signal
import unittest

from spore_test import BUILD, wait_until
from test_wires import LONG, WiresTest

PROGRAM = os.path.join(BUILD, "test", "system", "load_program")
ROUNDS = int(os.environ.get("SPORE_TEST_KILLS") or (1000 if LONG else 50))
VICTIMS = ["writer", "reader", "writer", "reader", "hold of writer", "hold of reader", "node", "wire"]


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory, and a killed hold leaves its program")
class Load(WiresTest):
    def setUp(self):
        super().setUp()
        for name, what, port in (("writer", "send", "out"), ("reader", "receive", "in")):
            self.talker(name, port, argv=[PROGRAM, what, port], restart="always", **{"restart__delay_ms": 0})
        self.wire("writer.out", "reader.in")

    def sessions(self):
        """What the reader has said; each line comes once."""
        text = self.output("reader")
        self.assertNotIn("WRONG", text + self.output("writer"))
        return set(text.splitlines())

    def flows(self, before=frozenset()):
        """Until the present reader has had a message of the present writer, over a channel that is not one of BEFORE."""
        def look():
            try:
                here = f"from {self.pid('writer')} to {self.pid('reader')} "
            except (EOFError, OSError):
                self.revive()
                return False
            return any(line.startswith(here) for line in self.sessions() - before)
        wait_until(look, "messages of the present writer")

    def revive(self):
        self.spore("node", "start")
        self.again()

    def kill(self, victim):
        try:
            if victim == "node":
                self.kill_node()
                self.revive()
            elif victim == "wire":
                self.unwire("writer.out", "reader.in")
                self.wire("writer.out", "reader.in")
            else:
                hold = self.task(victim.split()[-1])["hold"]
                os.kill(hold["hold" if victim.startswith("hold") else "pid"], signal.SIGKILL)
        except (ProcessLookupError, KeyError, EOFError, OSError):
            self.revive()

    def settled_node(self, most=1000):
        """Until the node has no more descriptors than that, and a channel in hand as it has a moment after each wire; how many they are."""
        files = {}

        def look():
            files.clear()
            files.update(self.open_files(self.call("node.status")["pid"]))
            return len(files) <= most and sum(name.startswith("/memfd:spore-channel") for name in files.values()) == 2
        try:
            wait_until(look, "the node to close what is over")
        except AssertionError as e:
            raise AssertionError(f"{e}: {len(files)} descriptors, {most} at most: {files}") from None
        return len(files)

    def runs_again(self, name, before):
        """Whose hold is killed again and again is started later each time; here that would be most of the time."""
        task = self.task(name)
        if task["state"] == "waiting":
            self.call("tasks.stop", names=[name])
            self.call("tasks.begin", names=[name])
        return task["hold"].get("pid", 0) not in (0, before)

    def test_kills(self):
        seed = int(os.environ.get("SPORE_TEST_SEED") or random.randrange(1 << 30))
        rng = random.Random(seed)
        self.flows()
        node_fds = self.settled_node()
        for i in range(ROUNDS):
            with self.subTest(seed=seed, round=i):
                sessions = self.sessions()
                pids = {name: self.pid(name) for name in ("writer", "reader")}
                victims = rng.sample(VICTIMS, rng.randint(1, 2))
                for victim in victims:
                    self.kill(victim)
                for name, pid in pids.items():
                    if any(v.endswith(name) for v in victims):
                        wait_until(lambda n=name, p=pid: self.runs_again(n, p), f"{name} again")
                # A node may be killed without anybody noticing.
                self.flows(frozenset() if victims == ["node"] else sessions)
        # Nothing stays of those that are gone.
        self.kill("wire")
        self.settled_node(node_fds + 2)
        for name in ("writer", "reader"):
            wait_until(lambda n=name: self.fds(self.pid(n)) < 40, f"{name} to close what is over")
            wait_until(lambda n=name: self.fds(self.task(n)["hold"]["hold"]) < 30, f"{name}'s hold to close what is over")


if __name__ == "__main__":
    unittest.main()
