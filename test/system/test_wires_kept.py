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
        self.fails(15, "the state cannot be written: database is locked; end the program that has node.db open", method, wires=wires)

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

    def test_a_fault_that_cannot_be_written_is_none(self):
        self.talker("a", "out")
        self.talker("b", "in")
        self.wire("a.out", "b.in")
        self.talks("a", "b", "out")
        db = self.locked()
        self.fails(15, "the state cannot be written: database is locked; end the program that has node.db open", "wires.fault", port="a.out", cut=True)
        wire = self.wires()["a.out", "b.in"]
        self.assertEqual((wire["state"], wire["fault"]), ("wired", ""))
        db.execute("ROLLBACK")
        self.call("wires.fault", port="a.out", cut=True)
        self.assertEqual(self.why("a.out", "b.in"), ("waiting", "it is cut on purpose; 'spore fault a.out off' makes it whole"))
        self.kill_node()
        self.again()
        self.assertEqual(self.wires()["a.out", "b.in"]["fault"], "cut")

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


class Lost(WiresTest):
    def lose(self, slow, damage=None):
        """The database is lost, and of the holds that of SLOW is heard last."""
        node, hold = self.call("node.status")["pid"], self.task(slow)["hold"]["hold"]
        os.kill(node, signal.SIGSTOP)
        for name in ("node.db", "node.db-wal", "node.db-shm"):
            path = os.path.join(self.state, name)
            if os.path.exists(path):  # its log would mend it
                os.unlink(path)
        if damage is not None:
            with open(os.path.join(self.state, "node.db"), "wb") as f:
                f.write(damage)
        os.kill(hold, signal.SIGSTOP)
        try:
            os.kill(node, signal.SIGKILL)
            self.again()
            wait_until(lambda: {p["name"].split(".")[0] for p in self.call("ports.list")["ports"] if p["open"]}
                       == {name for name in self.tasks() if name != slow}, "the ports of the others")
            self.call("node.ping")  # in a turn after that
        finally:
            os.kill(hold, signal.SIGCONT)

    def kept(self, left, right):
        wait_until(lambda: [(*ends, w["state"]) for ends, w in self.wires().items()] == [(left, right, "wired")], "the wire")

    def test_a_hold_that_is_heard_late(self):
        self.talker("a", "out")
        self.talker("b", "in")
        self.wire("a.out", "b.in")
        self.talks("a", "b", "out")
        self.said("b", "got in welcome")
        said = self.output("a"), self.output("b")
        for slow, damage in (("a", b"no database" * 1000), ("b", b"no database" * 1000), ("a", None), ("b", None)):
            with self.subTest(slow=slow, damage=damage is not None):
                self.lose(slow, damage)
                wait_until(lambda: [w["state"] for w in self.wires().values()] == ["wired"], "the wire")
                self.assertEqual(bool(self.call("node.status")["corrupted"]), damage is not None)
                self.assertEqual((self.output("a"), self.output("b")), said)

    def test_the_reader_is_heard_first(self):
        for name, script in (("left", "while :; do echo tick; sleep 0.02; done"), ("right", "exec cat")):
            self.call("tasks.start", spec=self.spec(name, script, enabled=False))
        self.wire("left.stdout", "right.stdin")
        self.call("tasks.begin", names=["left", "right"])
        self.said("right", "tick")
        self.lose("left")
        self.kept("left.stdout", "right.stdin")
        self.call("tasks.stop", names=["left", "right"])
        before = self.output("right").count("tick")
        self.call("tasks.begin", names=["left", "right"])
        self.said("right", "tick", before + 1)
        self.assertEqual(list(self.wires()), [("left.stdout", "right.stdin")])

    def test_the_server_is_heard_first(self):
        self.talker("server", "clients:serve")
        self.talker("client", "to")
        self.wire("client.to", "server.clients")
        self.talks("client", "server", "to")
        self.lose("client")
        self.kept("client.to", "server.clients")
        self.assertNotIn("unwired", self.output("client") + self.output("server"))


if __name__ == "__main__":
    unittest.main()
