"""The wires and the database of the node: what cannot be written is not done, and what was lost is known from the programs."""

import os
import signal
import sqlite3
import unittest

from spore_test import wait_until
from test_wires import WiresTest


class Unwritten(WiresTest):
    def locked(self):
        """Nobody else can write to it until ROLLBACK."""
        db = sqlite3.connect(os.path.join(self.state, "node.db"), isolation_level=None)
        self.addCleanup(db.close)
        db.execute("BEGIN IMMEDIATE")
        return db

    def rejected(self, method, *ends, **more):
        wires = [{"from": left, "to": right, **more} for left, right in ends]
        self.fails(15, "the state cannot be written: database is locked; free some space", method, wires=wires)

    def test_what_cannot_be_written_is_not_done(self):
        for name, port in (("a", "out"), ("b", "in"), ("c", "out"), ("d", "in")):
            self.talker(name, port)
        db = self.locked()
        self.rejected("wires.add", ("a.out", "b.in"), ("c.out", "d.in"))
        self.assertEqual(self.wires(), {})
        db.execute("ROLLBACK")
        self.assertEqual(self.wire("c.out", "d.in")["added"], ["c.out -> d.in"])
        self.assertEqual(self.wire("a.out", "b.in")["added"], ["a.out -> b.in"])
        self.talks("a", "b", "out")
        self.talks("c", "d", "out")

        db.execute("BEGIN IMMEDIATE")
        self.rejected("wires.remove", ("a.out", "b.in"), ("c.out", "d.in"))
        self.rejected("wires.add", ("a.out", "b.in"), redeliver=True)
        for wire in (("a.out", "b.in"), ("c.out", "d.in")):
            self.assertEqual((self.wires()[wire]["state"], self.wires()[wire]["redeliver"]), ("wired", False))
        db.execute("ROLLBACK")
        self.assertEqual(self.wire("a.out", "b.in", redeliver=True)["changed"], ["a.out -> b.in"])
        self.talks("a", "b", "out", 2)
        for name, times in (("a", 1), ("c", 0)):
            self.assertEqual(self.output(name).count("unwired"), times)

        self.kill_node()
        self.again()
        self.wired("c.out", "d.in")
        self.assertTrue(self.wired("a.out", "b.in") and self.wires()["a.out", "b.in"]["redeliver"])

    def test_the_row_of_another_is_left_alone(self):
        for name, port in (("a", "out"), ("b", "in"), ("c", "out"), ("d", "in")):
            self.talker(name, port)
        db = self.locked()
        self.rejected("wires.add", ("a.out", "b.in"))
        db.execute("ROLLBACK")
        self.wire("c.out", "d.in")
        self.fails(10, "not wired", "wires.fault", port="a.out", cut=True)
        self.fails(10, "a.out and b.in are not wired", "wires.remove", wires=[{"from": "a.out", "to": "b.in"}])
        self.kill_node()
        self.again()
        self.wired("c.out", "d.in")
        self.assertEqual(list(self.wires()), [("c.out", "d.in")])


if __name__ == "__main__":
    unittest.main()
