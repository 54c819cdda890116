"""Five thousand channels on one node, which holds no descriptor of any."""

import os
import signal
import sys
import time
import unittest

from spore_test import wait_until
from test_wires import PROGRAM, WiresTest


class Many(WiresTest):
    COUNT = 1000  # of a program
    PAIRS = 5

    def setUp(self):
        super().setUp()
        self.pairs = [(f"client{i}", f"server{i}") for i in range(self.PAIRS)]
        self.total = self.COUNT * self.PAIRS

    def memory(self, pid):
        """KiB that it has for itself."""
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
            return sum(int(line.split()[1]) for line in f if line.startswith("Private_"))

    def open_ports(self):
        count, skip = 0, 0
        while skip is not None:
            answer = self.call("ports.list", skip=skip)
            count, skip = count + sum(p["open"] for p in answer["ports"]), answer["next"]
        return count

    def states(self):
        rows = []
        while True:
            answer = self.call("wires.list", skip=len(rows))
            rows.extend(w["state"] for w in answer["wires"])
            if not answer["more"]:
                return rows

    def all_wired(self):
        wait_until(lambda: self.states() == ["wired"] * self.total, "all wires")

    def said_all(self):
        for client, _ in self.pairs:
            self.said(client, "channel p", self.COUNT)

    def test_many_wires(self):
        node = self.call("node.status")["pid"]
        limit = {"limit__files": 4096}
        for client, server in self.pairs:
            self.begin(server, argv=[sys.executable, PROGRAM, "clients:serve"], control=True, wait="started", **limit)
            self.begin(client, argv=[sys.executable, PROGRAM, *[f"p{i}" for i in range(self.COUNT)]], control=True,
                       wait="started", **limit)
        wait_until(lambda: self.open_ports() == self.total + self.PAIRS, "the ports")
        holds = [self.task(n)["hold"]["hold"] for pair in self.pairs for n in pair]
        before = [self.fds(pid) for pid in (node, *holds)]
        memory = self.memory(node)
        began = time.monotonic()
        self.call("wires.add", wires=[{"from": f"{client}.p{i}", "to": f"{server}.clients"}
                                      for client, server in self.pairs for i in range(self.COUNT)])
        self.assertLess(self.fds(node), before[0] + 40 * self.PAIRS)
        self.all_wired()
        print(f"# {self.total} wires in {time.monotonic() - began:.3f} s, {self.memory(node) - memory} KiB of the node's",
              file=sys.stderr)
        self.assertEqual([self.fds(pid) for pid in (node, *holds)], before)
        self.said_all()
        # A node that comes later knows them all, and makes none anew.
        os.kill(node, signal.SIGKILL)
        began = time.monotonic()
        self.again()
        self.all_wired()
        node = self.call("node.status")["pid"]
        print(f"# known to another node in {time.monotonic() - began:.3f} s, which has {self.memory(node)} KiB and "
              f"{self.fds(node)} descriptors", file=sys.stderr)
        self.assertLess(self.fds(node), before[0] + 40)
        self.said_all()
        for client, _ in self.pairs:
            self.call("tasks.stop", names=[client])
        for _, server in self.pairs:
            wait_until(lambda: self.output(server).count("end clients") == self.COUNT, "their ends")
        wait_until(lambda: [self.fds(pid) for pid in holds[1::2]] == before[2::2], "the descriptors of those that serve")


if __name__ == "__main__":
    unittest.main()
