"""spore graph: the manifest of a system, the system as it runs, and what passes over its wires."""

import json
import os
import subprocess
import unittest

from spore_test import BUILD, Terminal, wait_until
from test_look import LINUX, PROGRAM
from test_tasks import TasksTest

SHOP = """spore: 1
name: shop
tasks:
  take: {{ source: {program}, args: [count, in], control: true, ready: notify, after: {{ give: ready }} }}
  give: {{ source: {program}, args: [give, out, "100000000", "1000"], control: true, ready: notify }}
  deaf: {{ source: {program}, args: [deaf, ear], control: true, ready: notify, replicas: 2 }}
wires:
  - give.out -> take.in
  - deaf.ear -> take.other
"""


class GraphTest(TasksTest):
    def setUp(self):
        super().setUp()
        # A program of PATH is not built.
        self.env["PATH"] = os.path.dirname(PROGRAM) + ":" + self.env["PATH"]
        self.write("spore.yaml", SHOP.format(program="path:" + os.path.basename(PROGRAM)))

    def up(self):
        self.ok(self.spore("up", "-d", "--wait"))
        wait_until(lambda: self.graph()["wires"][0]["state"] == "wired", "the wire")

    def graph(self, *args):
        return json.loads(self.ok(self.spore("graph", "--json", *args)).stdout)


class Running(GraphTest):
    def test_manifest_alone(self):
        text = ("shop\n"
                "  give\n"
                "  deaf  (2 replicas)\n"
                "  take  after give ready\n"
                "wires:\n"
                "  give.out -> take.in\n"
                "  deaf.ear -> take.other\n")
        self.ok(self.spore("graph"), text)
        graph = self.graph()
        self.assertFalse(graph["running"])
        self.assertEqual({t["state"] for t in graph["tasks"]}, {None})
        self.ok(self.spore("node", "start"))
        self.ok(self.spore("graph"), text)

    def test_with_states(self):
        self.up()
        transport = self.graph()["wires"][0]["transport"]
        stream = " " * (len(transport) - 1)
        self.ok(self.spore("graph"),
                "shop\n"
                "  give  running\n"
                "  deaf  2 running  (2 replicas)\n"
                "  take  running    after give ready\n"
                "wires:\n"
                f"  give.out -> take.in     {transport}  wired\n"
                f"  deaf.ear -> take.other  -{stream}  waiting  shop/take has no port other open\n")
        graph = self.graph()
        self.assertEqual([(t["name"], t["state"], t["replicas"]) for t in graph["tasks"]],
                         [("give", "running", 1), ("deaf", "2 running", 2), ("take", "running", 1)])
        self.assertEqual(graph["tasks"][0]["ports"],
                         [{"name": "out", "kind": "messages", "shape": "connect", "protocol": None, "open": True, "channels": 1}])
        dot = self.ok(self.spore("graph", "--dot")).stdout
        self.assertIn('"give" [label="give\\nrunning", color="#2e7d32"];', dot)
        self.assertIn(f'"give" -> "take" [taillabel="out", headlabel="in", label="{transport}", color="#2e7d32"];', dot)
        self.assertIn('headlabel="other", label="waiting", color="#b26a00"];', dot)
        mermaid = self.ok(self.spore("graph", "--mermaid")).stdout
        self.assertIn('t1["deaf<br>2 running"]', mermaid)
        self.assertIn(f't0 -->|"out to in, {transport}"| t2', mermaid)

    def test_what_the_manifest_does_not_have(self):
        self.up()
        self.begin("other", argv=["/bin/sleep", "1000"])
        self.write("spore.yaml", SHOP.format(program="path:" + os.path.basename(PROGRAM)).replace(
            "  - deaf.ear -> take.other", "  - deaf.ear -> take.third"))
        lines = self.ok(self.spore("graph")).stdout.splitlines()
        self.assertIn("  deaf.ear -> take.third - not wired", [" ".join(line.split()).replace("deaf", "  deaf", 1) for line in lines])
        self.assertTrue(any(line.startswith("  deaf.ear -> take.other") for line in lines), lines)
        # From anywhere: by its name, or all that there is.
        there = "/"
        by_name = json.loads(self.ok(self.spore("graph", "--json", "shop", cwd=there)).stdout)
        self.assertEqual([(t["name"], t["after"]) for t in by_name["tasks"]],
                         [("deaf", {}), ("give", {}), ("take", {"give": "ready"})])
        self.assertIsNone(by_name["manifest"])
        every = self.ok(self.spore("graph", cwd=there)).stdout
        self.assertIn("  shop/take  running    after shop/give ready\n", every)
        self.assertIn("  other      running\n", every)
        self.assertIn("  shop/give.out -> shop/take.in  ", every)
        result = self.spore("graph", "nobody", cwd=there)
        self.assertEqual((result.returncode, result.stderr.splitlines()[0]),
                         (127, "spore: graph: nobody is no file, and no system that the node has"))
        self.ok(self.spore("down"))
        self.ok(self.spore("node", "stop"))
        self.assertEqual(self.spore("graph", cwd=there).stderr.splitlines()[0],
                         "spore: graph: there is no spore.yaml here, and no node runs")

    def test_of_two_systems(self):
        """A wire to another system has its other end in the picture."""
        self.up()
        self.call("wires.remove", wires=[{"from": "shop/deaf.ear", "to": "shop/take.other"}])
        self.begin("listener", argv=[PROGRAM, "deaf", "x"], control=True, ready="notify")
        self.ok(self.spore("wire", "shop/deaf@1.ear", "listener.x"))
        graph = self.graph("shop")
        self.assertIn("listener", [t["name"] for t in graph["tasks"]])
        self.assertIn(("deaf", "listener"), [(w["from"]["task"], w["to"]["task"]) for w in graph["wires"]])

    def test_what_a_wire_was_asked_for(self):
        """In each form, as the manifest has it and as the node does."""
        self.write("spore.yaml", SHOP.format(program="path:" + os.path.basename(PROGRAM)).replace(
            "  - give.out -> take.in\n  - deaf.ear -> take.other\n",
            "  - { from: give.out, to: take.in, redeliver: true }\n"
            "  - { from: deaf.ear, to: take.other, slow: drop-oldest }\n"
            "  - take.more -> give.more\n"))
        asked = [("", True, False), ("drop-oldest", False, False), ("", False, False)]
        self.ok(self.spore("graph"),
                "shop\n"
                "  give\n"
                "  deaf  (2 replicas)\n"
                "  take  after give ready\n"
                "wires:\n"
                "  give.out -> take.in     with redeliver\n"
                "  deaf.ear -> take.other  with drop-oldest\n"
                "  take.more -> give.more\n")
        self.assertIn('"give" -> "take" [taillabel="out", headlabel="in", label="redeliver"];',
                      self.ok(self.spore("graph", "--dot")).stdout)
        self.assertIn('t1 -->|"ear to other, drop-oldest"| t2', self.ok(self.spore("graph", "--mermaid")).stdout)
        self.assertEqual([(w["slow"], w["redeliver"], w["tap"]) for w in self.graph()["wires"]], asked)
        self.up()
        transport = self.graph()["wires"][0]["transport"]
        lines = self.ok(self.spore("graph")).stdout.splitlines()
        self.assertEqual(lines[5].split(None, 3)[3], f"{transport}  wired    with redeliver")
        self.assertRegex(lines[6], "waiting  shop/take has no port other open; with drop-oldest$")
        self.assertNotIn("with", lines[7])
        dot = self.ok(self.spore("graph", "--dot")).stdout
        self.assertIn(f'headlabel="in", label="{transport}, redeliver", color="#2e7d32"];', dot)
        self.assertIn('headlabel="other", label="waiting, drop-oldest", color="#b26a00"];', dot)
        self.assertIn(f't0 -->|"out to in, {transport}, redeliver"| t2', self.ok(self.spore("graph", "--mermaid")).stdout)
        self.assertEqual([(w["slow"], w["redeliver"], w["tap"]) for w in self.graph("shop")["wires"]],
                         [(w["slow"], w["redeliver"], w["tap"]) for w in json.loads(self.ok(self.spore("wires", "--json")).stdout)])
        live = self.start("graph", "--live", "--json", stdout=subprocess.PIPE)
        self.assertEqual([(w["slow"], w["redeliver"], w["tap"]) for w in json.loads(live.stdout.readline())["wires"]], asked)
        live.kill()
        live.wait()
        stats = json.loads(self.ok(self.spore("wires", "--stats", "--json")).stdout)
        self.assertEqual(sorted((w["slow"], w["redeliver"], w["tap"]) for w in stats), sorted(asked))


@LINUX
class Flows(GraphTest):
    def test_stats(self):
        self.up()

        def measured():
            return self.graph("--stats")["wires"][0]
        wait_until(lambda: measured()["forward"]["rate"] > 0 and measured()["forward"]["bytes"] > 1000, "messages")
        lines = self.ok(self.spore("graph", "-s")).stdout.splitlines()
        self.assertEqual(lines[5].split(), ["TRANSPORT", "STATE", "MESSAGES", "BYTES", "RATE", "DEPTH", "DROPPED", "P50", "P99"])
        self.assertEqual(lines[6].split()[:5], ["give.out", "->", "take.in", "ring", "wired"])
        self.assertEqual(self.graph("-s")["wires"][1]["measured"], 0)

    def test_live(self):
        self.up()
        process = self.start("graph", "--live", "--json", stdout=subprocess.PIPE)
        graphs = [json.loads(process.stdout.readline()) for _ in range(2)]
        self.assertGreater(graphs[1]["wires"][0]["forward"]["messages"], graphs[0]["wires"][0]["forward"]["messages"])
        process.kill()
        process.wait()
        self.assertEqual(self.spore("graph", "--live", "--dot").returncode, 2)

    def test_live_on_a_terminal(self):
        self.up()
        terminal = Terminal([os.path.join(BUILD, "spore"), "graph", "--live"], self.env, self.work)
        try:
            terminal.resize(20, 50)
            terminal.expect("\x1b[Hshop\x1b[K")
            terminal.expect("\x1b[Hshop\x1b[K")
            terminal.expect("wires:\x1b[K\r\n")
            line = terminal.expect("\x1b[K\r\n")
            self.assertEqual(len(line), 50, line)
            # It shows what changes, and is cut where the screen ends.
            terminal.resize(3, 50)
            self.call("tasks.stop", names=["shop/give"])
            terminal.expect("stopped\x1b[K\r\n")
            terminal.send("\x03")
            terminal.wait()
        finally:
            terminal.close()


if __name__ == "__main__":
    unittest.main()
