"""Channels that are made before both of their ports are open: the program that waits notices none, and the other has its own without the node."""

import os
import signal
import unittest

from spore_test import wait_until
from test_wires import CHANNEL_PROGRAM, TALKER, WiresTest


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory")
class Ahead(WiresTest):
    def program(self, name, *ports, **more):
        return self.talker(name, *ports, argv=[TALKER, *ports], **more)

    def gated(self, name, *argv, **more):
        """A task whose program is not begun before `open_gate`."""
        gate = os.path.join(self.work, name + ".gate")
        script = 'while ! test -e "$0"; do sleep 0.02; done; exec "$@"'
        self.begin(name, argv=["/bin/sh", "-c", script, gate, *argv], control=True, wait="started", **more)

    def open_gate(self, name):
        self.write(name + ".gate", "")

    def hold_pid(self, name):
        return self.task(name)["hold"].get("hold", 0)

    def keeps(self, name):
        pid = self.hold_pid(name)
        return pid != 0 and any("memfd:" in link for link in self.open_files(pid).values())

    def kept(self, name, is_so=True):
        """Until its hold has a channel for a port that is not open, or none."""
        wait_until(lambda: self.keeps(name) == is_so, f"the hold of {name} to keep {'a' if is_so else 'no'} channel")

    def pair(self, *ports):
        self.program("b", "in")
        self.gated("a", TALKER, *(ports or ("out",)))
        self.wire("a.out", "b.in")
        self.kept("a")

    def both_talk(self):
        self.wired("a.out", "b.in")
        self.talks("a", "b", "out")
        self.talks("b", "a", "in")
        self.assertEqual(self.wires()["a.out", "b.in"]["transport"], "ring")
        self.assertEqual(self.output("b").count("got in"), 2)

    def test_one_that_waits_notices_nothing(self):
        self.pair()
        self.assertEqual(self.why("a.out", "b.in"), ("waiting", "a has no port out open"))
        self.assertEqual(self.output("b"), "")
        self.open_gate("a")
        self.both_talk()

    def test_it_does_without_the_node(self):
        self.pair()
        node = self.call("node.status")["pid"]
        os.kill(node, signal.SIGSTOP)
        try:
            self.open_gate("a")
            for name, port in (("a", "out"), ("b", "in")):
                for text in (f"got {port} hello ", f"got {port} welcome ", f"first {port} after "):
                    self.said(name, text)
            said = self.output("a"), self.output("b")
        finally:
            os.kill(node, signal.SIGKILL)
        self.again()
        self.wired("a.out", "b.in")
        self.assertEqual((self.output("a"), self.output("b")), said)

    def test_who_waits_goes_while_the_other_takes_it(self):
        """The node hears of the end of the one, then that the other was given its channel."""
        self.program("b", "in", restart="always", **{"restart__delay_ms": 0})
        self.gated("a", TALKER, "out")
        self.wire("a.out", "b.in")
        self.kept("a")
        before, node = self.pid("b"), self.call("node.status")["pid"]
        os.kill(node, signal.SIGSTOP)
        try:
            os.kill(before, signal.SIGKILL)
            wait_until(lambda: not os.path.exists(f"/proc/{before}"), "the hold of b to notice")
            self.open_gate("a")
            self.said("a", "end out")  # it had it
        finally:
            os.kill(node, signal.SIGCONT)
        wait_until(lambda: self.pid("b") not in (0, before), "b again")
        self.talks("a", "b", "out")
        self.talks("b", "a", "in")

    def test_another_node_makes_another(self):
        self.pair()
        self.kill_node()
        self.again()
        self.kept("a")
        self.open_gate("a")
        self.both_talk()

    def test_either_end_is_killed(self):
        self.pair()
        os.kill(self.hold_pid("a"), signal.SIGKILL)
        wait_until(lambda: self.task("a")["state"] == "failed", "a to be lost")
        self.call("tasks.begin", names=["a"])
        self.kept("a")
        hold = self.hold_pid("b")
        os.kill(hold, signal.SIGKILL)
        self.kept("a", False)
        self.call("tasks.begin", names=["b"])
        self.kept("a")
        self.open_gate("a")
        self.both_talk()

    def test_a_port_of_another_shape(self):
        self.pair("out:serve")
        self.open_gate("a")
        self.wired("a.out", "b.in")
        self.talks("b", "a", "in")

    def test_what_is_not_wanted_any_more(self):
        self.pair()
        self.unwire("a.out", "b.in")
        self.kept("a", False)
        self.wire("a.out", "b.in")
        self.kept("a")
        self.call("wires.fault", port="a.out", cut=True)
        self.kept("a", False)
        self.call("wires.fault", port="a.out")
        self.kept("a")
        self.assertEqual(self.output("b"), "")
        self.open_gate("a")
        self.both_talk()

    def test_somebody_else_sends_meanwhile(self):
        self.begin("b", argv=[CHANNEL_PROGRAM, "take", "in"], control=True, ready="notify")
        self.gated("a", CHANNEL_PROGRAM, "give", "out", "2", "0")
        self.wire("a.out", "b.in")
        self.kept("a")
        self.ok(self.spore("send", "b.in", input="by hand\n"))
        self.said("b", "by hand")
        self.open_gate("a")
        self.said("b", "message 1")


if __name__ == "__main__":
    unittest.main()
