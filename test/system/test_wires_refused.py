"""Wires that exclude each other, or ask for what there is not: told before anything is done, with the line of the manifest."""

import os
import sys
import unittest

from spore_test import wait_until
from test_wires import PROGRAM, WiresTest
from test_wires import Manifest as ManifestTest


class InOneCall(WiresTest):
    def wires_of(self, *pairs, **more):
        return [{"from": left, "to": right, **more} for left, right in pairs]

    def test_a_port_with_one_channel_is_asked_for_twice(self):
        for name, ports in (("a", ["out", "other"]), ("b", ["in", "more"]), ("server", ["clients:serve"])):
            self.talker(name, *ports)
        self.fails(1, "a.other to b.in: b.in has one channel only, and a.out to b.in is asked for too; leave one of them out",
                   "wires.add", wires=self.wires_of(("a.out", "b.in"), ("a.other", "b.in")))
        self.assertEqual(self.wires(), {})
        # Of one that serves any number.
        self.call("wires.add", wires=self.wires_of(("a.out", "server.clients"), ("b.in", "server.clients")))
        self.fails(1, "a.other to b.in: b.in has one channel only, and is wired already; first 'spore unwire b.in server.clients'",
                   "wires.add", wires=self.wires_of(("a.other", "b.in")))
        # That one of them is at work already, and stands behind, changes nothing.
        self.fails(1, "a.other to b.in: b.in has one channel only, and b.in to server.clients is asked for too",
                   "wires.add", wires=self.wires_of(("a.other", "b.in"), ("b.in", "server.clients")))
        self.assertEqual(len(self.wires()), 2)


class Slow(WiresTest):
    def test_only_of_what_subscribes(self):
        self.talker("a", "out", "news:publish")
        self.talker("b", "in", "sub:subscribe", "server:serve")
        for left, right, named in (("a.out", "b.in", "a.out has the shape connect"),
                                   ("a.out", "b.server", "a.out has the shape connect"),
                                   ("a.later", "b.server", "b.server has the shape serve")):
            self.fails(1, f"{left} to {right}: slow is for publish -> subscribe, and {named}; leave it out", "wires.add",
                       wires=[{"from": left, "to": right, "slow": "block"}])
        result = self.spore("wire", "--slow=block", "a.out", "b.in")
        self.assertEqual((result.returncode, result.stderr.splitlines()[1]), (1, "  leave it out"))
        self.fails(1, "'slow' of a wire is 'soon'; it is block, drop-oldest or disconnect", "wires.add",
                   wires=[{"from": "a.news", "to": "b.sub", "slow": "soon"}])
        self.assertEqual(self.wires(), {})
        # What nobody has opened yet may come to subscribe.
        self.wire("a.news", "b.sub", slow="drop-oldest")
        self.wire("a.news", "b.later", slow="disconnect")


class WithoutEffect(WiresTest):
    """An option that would do nothing where it stands."""

    def test_tap_and_redeliver(self):
        self.talker("a", "out", "news:publish")
        self.talker("b", "in", "sub:subscribe")
        self.call("tasks.start", spec=self.spec("c", enabled=False))
        for left, right, option, words in (
                ("a.out", "b.in", "tap", "tap is for a stdin or stdout; leave it out, since what passes between these can be watched"),
                ("a.news", "b.sub", "redeliver", "redeliver is for what connects and serves, and a.news has the shape publish; leave"),
                ("a.out", "c.stdin", "redeliver", "redeliver is for two programs with libspore, and c.stdin is a plain end; leave it")):
            self.fails(1, f"{left} to {right}: {words}", "wires.add", wires=[{"from": left, "to": right, option: True}])
        self.fails(1, "a.later to b.later: slow is for publish -> subscribe, and redeliver for what connects and serves; leave one of them out",
                   "wires.add", wires=[{"from": "a.later", "to": "b.later", "slow": "block", "redeliver": True}])
        result = self.spore("wire", "--tap", "a.out", "b.in")
        self.assertEqual((result.returncode, result.stderr.splitlines()[1]),
                         (1, "  leave it out, since what passes between these can be watched anyway"))
        self.wire("a.out", "c.stdin", tap=True)

    def test_what_is_not_said_stays(self):
        self.talker("a", "out")
        self.talker("b", "in")
        self.ok(self.spore("wire", "--redeliver", "a.out", "b.in"))
        self.ok(self.spore("wire", "--lossless", "a.out", "b.in"))
        self.ok(self.spore("wire", "a.out", "b.in"))
        wire = self.wired("a.out", "b.in") and self.wires()["a.out", "b.in"]
        self.assertEqual((wire["redeliver"], wire["lossless"]), (True, True))
        self.assertEqual(self.wire("a.out", "b.in", redeliver=False)["changed"], ["a.out -> b.in"])
        wire = self.wires()["a.out", "b.in"]
        self.assertEqual((wire["redeliver"], wire["lossless"]), (False, True))

    def test_a_manifest_says_all(self):
        text = (f"spore: 1\nname: pair\ntasks:\n  a: {{ source: path:{os.path.basename(sys.executable)}, "
                f"args: [{PROGRAM}, out], control: true }}\n  b: {{ source: path:{os.path.basename(sys.executable)}, "
                f"args: [{PROGRAM}, in], control: true }}\nwires:\n  - {{ from: a.out, to: b.in, redeliver: true }}\n")
        self.write("spore.yaml", text)
        self.ok(self.spore("up", "-d"))
        self.ok(self.spore("wire", "--lossless", "pair/a.out", "pair/b.in"))
        self.assertEqual(self.wires()["pair/a.out", "pair/b.in"]["system"], "pair")
        self.write("spore.yaml", text.replace(", redeliver: true", ""))
        self.assertIn("rewire     pair/a.out -> pair/b.in", self.ok(self.spore("up", "-d")).stdout)
        wire = self.wires()["pair/a.out", "pair/b.in"]
        self.assertEqual((wire["redeliver"], wire["lossless"]), (False, False))


class Replicas(WiresTest):
    """Each of them is joined, or it is told."""

    def test_by_hand(self):
        for i in range(2):
            self.talker("two", "out", "news:publish", replica=i + 1)
        self.talker("one", "in", "sub:subscribe", "server:serve")
        self.fails(1, "there are 2 of two.out and 1 of one.in, and each has one channel only, so what is left over would wait for "
                      "ever; give both tasks as many replicas, which are joined by number, or let one of them serve, or wire one "
                      "by one: TASK@REPLICA.PORT", "wires.add", wires=[{"from": "two.out", "to": "one.in"}])
        self.fails(1, "there are 2 of two.news and 1 of one.sub, and who subscribes hears one publisher only", "wires.add",
                   wires=[{"from": "two.news", "to": "one.sub"}])
        result = self.spore("wire", "one.in", "two.out")
        self.assertEqual((result.returncode, result.stderr.splitlines()[1]),
                         (1, "  give both tasks as many replicas, which are joined by number, or let one of them serve, or wire "
                             "one by one: TASK@REPLICA.PORT"))
        self.wire("two.out", "one.server")
        self.wired("two.out", "one.server", 2)
        self.unwire("two.out", "one.server")
        self.wire("two@2.out", "one.in")
        self.wired("two@2.out", "one.in")

    def test_one_that_comes_later(self):
        self.talker("two", "out", replica=1)
        self.talker("one", "in")
        self.wire("two.out", "one.in")
        self.wired("two.out", "one.in")
        self.assertEqual(self.why("two.out", "one.in"), ("wired", ""))
        self.talker("two", "out", replica=2)
        wait_until(lambda: self.why("two.out", "one.in")
                   == ("wired", "two@2.out waits: one.in has no channel for it; give both tasks as many replicas"), "the reason")
        self.assertIn("no  two@2.out waits: one.in has no channel for it", self.spore("why", "two", "one").stdout)


class Stdio(WiresTest):
    """stdio is stdin and stdout."""

    def setUp(self):
        super().setUp()
        for name in "abc":
            self.call("tasks.start", spec=self.spec(name, enabled=False))

    def test_one_after_the_other(self):
        self.wire("a.stdio", "b.stdio", duplex=True)
        for left, right, own in (("c.stdout", "a.stdin", "a.stdin"), ("b.stdout", "c.stdin", "b.stdout")):
            self.fails(1, f"{left} to {right}: {own} has one channel only, and is wired already; first 'spore unwire a.stdio "
                          "b.stdio'", "wires.add", wires=[{"from": left, "to": right}])
        self.unwire("a.stdio", "b.stdio")
        self.wire("c.stdout", "a.stdin")
        self.wire("a.stdout", "b.stdin")
        self.fails(1, "a.stdio to c.stdio: a.stdio has one channel only, and is wired already; first 'spore unwire", "wires.add",
                   wires=[{"from": "a.stdio", "to": "c.stdio", "duplex": True}])

    def test_at_once(self):
        self.fails(1, "a.stdio to b.stdio: a.stdio has one channel only, and c.stdout to a.stdin is asked for too", "wires.add",
                   wires=[{"from": "c.stdout", "to": "a.stdin"}, {"from": "a.stdio", "to": "b.stdio", "duplex": True}])
        self.assertEqual(self.wires(), {})


class InOneSystem(WiresTest):
    TEXT = ManifestTest.TEXT.replace(", ports: {{ in: {{ kind: messages }} }}", "")  # only the node knows that it connects
    manifest = ManifestTest.manifest

    def refused(self, line, words):
        """By plan and by up, which does nothing."""
        for command in (["plan"], ["up", "-d"]):
            result = self.spore(*command)
            self.assertEqual(result.returncode, 125, result.stdout)
            self.assertEqual(result.stderr.splitlines()[0], f"spore: spore.yaml:{line}:5: wires: {words}")

    def test_a_second_writer_comes_later(self):
        self.manifest("a.out -> b.in")
        self.ok(self.spore("up", "-d"))
        self.wired("pair/a.out", "pair/b.in")
        self.talks("pair/a", "pair/b", "out")
        for wires, line in ((("a.out -> b.in", "a.other -> b.in"), 8), (("a.other -> b.in", "a.out -> b.in"), 7)):
            self.manifest(*wires)
            self.refused(line, "pair/a.other to pair/b.in: pair/b.in has one channel only, and pair/a.out to pair/b.in is "
                               "asked for too; leave one of them out")
        self.assertEqual(list(self.wires()), [("pair/a.out", "pair/b.in")])
        # In place of the first it is none.
        self.manifest("a.other -> b.in", "a.out -> b.more")
        self.ok(self.spore("up", "-d"))
        self.wired("pair/a.other", "pair/b.in")
        self.talks("pair/a", "pair/b", "other")


del ManifestTest

if __name__ == "__main__":
    unittest.main()
