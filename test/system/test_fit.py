"""Ports that do not fit are told before anything runs, by what programs declare and by what they have open."""

import json
import os
import unittest

from spore_test import wait_until
from test_look import PROGRAM
from test_tasks import TasksTest

SHOP = """spore: 1
name: shop
tasks:
  one: {{ source: "path:{program}", args: [echo, a], control: true, ready: notify }}
  two: {{ source: "path:{program}", args: [echo, b], control: true, ready: notify }}
  three: {{ source: "path:{program}", args: [deaf, c], control: true, ready: notify }}
wires:
"""


class Declared(TasksTest):
    def setUp(self):
        super().setUp()
        for name, ports in (("camera", "{ frames: { kind: messages, shape: publish, protocol: jpeg }, own: {} }"),
                            ("detect", "{ in: { kind: messages, shape: subscribe }, out: { shape: serve } }"),
                            ("late", "{ in: { shape: connect }, more: { kind: messages } }")):
            self.write(f"{name}/main.sh", "#!/bin/sh\n", 0o755)
            self.write(f"{name}/spore.yaml", f"spore: 1\nrecipe: {{ run: [./main.sh] }}\nports: {ports}\n")

    def check(self, wires, camera="{ source: ./camera }"):
        self.write("spore.yaml", f"spore: 1\nname: watch\ntasks:\n  camera: {camera}\n"
                   f"  detect: {{ source: ./detect }}\n  late: {{ source: ./late }}\nwires:\n  - {wires}\n")
        result = self.spore("check")
        return result.stdout.splitlines()

    def test_by_the_folder_of_the_program(self):
        self.assertEqual(self.check("camera.frames -> detect.in"), ["spore.yaml: no mistakes, 3 tasks"])
        self.assertEqual(self.check("camera.frames -> detect.out"),
                         ["spore.yaml:8:5: wires: camera.frames has the shape publish, detect.out has serve: publish goes to "
                          "subscribe, connect to connect or serve"])
        self.assertEqual(self.check("camera.frames (png) -> detect.in"),
                         ["spore.yaml:8:5: wires: camera.frames speaks jpeg, and the wire says png"])
        self.assertEqual(self.check("camera.frames -> late.stdin"), ["spore.yaml: no mistakes, 3 tasks"])
        self.assertEqual(self.check("{ from: camera.frames, to: late.stdin, slow: drop-oldest }"), ["spore.yaml: no mistakes, 3 tasks"])
        self.assertEqual(self.check("late.stdout -> detect.in"),
                         ["spore.yaml:8:5: wires: late.stdout is a plain end (lines), and detect.in subscribes: publish, connect "
                          "and serve go with it"])
        # A shape that is not said is connect; a kind fits either.
        self.assertEqual(self.check("camera.own -> detect.out"), ["spore.yaml: no mistakes, 3 tasks"])
        ports = {p["name"]: p for t in json.loads(self.ok(self.spore("graph", "--json")).stdout)["tasks"]
                 for p in t["ports"]}
        self.assertEqual(ports["frames"]["protocol"], "jpeg")
        self.assertEqual(self.check("camera.frames -> late.more"),
                         ["spore.yaml:8:5: wires: camera.frames has the shape publish, late.more has connect: publish goes to "
                          "subscribe, connect to connect or serve; ports: late.more says no shape, which is connect"])
        # Nothing is begun that cannot be.
        self.check("camera.frames -> late.in")
        result = self.spore("up", "-d")
        self.assertEqual(result.returncode, 125)
        self.assertIn("spore.yaml:8:5: wires: camera.frames has the shape publish, late.in has connect", result.stderr)
        self.assertEqual(self.spore("ps", "-a").stdout.count("\n"), 1)

    def test_the_manifest_adds_to_it(self):
        camera = "{ source: ./camera, ports: { frames: { protocol: jpeg }, more: { kind: messages } } }"
        self.assertEqual(self.check("camera.frames -> detect.in", camera), ["spore.yaml: no mistakes, 3 tasks"])
        self.assertEqual(self.check("camera.frames -> detect.in", camera.replace("jpeg", "png")),
                         ["spore.yaml:4:21: ports: camera.frames has the protocol png here, and jpeg in its source"])

    def test_a_script(self):
        self.write("plain.sh", "#!/bin/sh\n", 0o755)
        script = "{ source: ./plain.sh, ports: { values: { as: fifo-in } } }"
        self.assertEqual(self.check("detect.out -> camera.values", script), ["spore.yaml: no mistakes, 3 tasks"])
        self.assertEqual(self.check("detect.out -> camera.vaules", script),
                         ["spore.yaml:8:5: wires: detect.out and camera.vaules: the program of camera does not link libspore, and "
                          "so has no port vaules; did you mean camera.values?"])
        self.assertEqual(self.check("camera.frames -> detect.in", "{ source: ./plain.sh, control: true }"),
                         ["spore.yaml: no mistakes, 3 tasks"])

    def test_a_wrong_one(self):
        self.write("late/spore.yaml", "spore: 1\nports: { in: { shape: conect } }\n")
        lines = self.check("camera.frames -> detect.in")
        self.assertTrue(lines[0].startswith(f"spore.yaml:6:19: note: source: {self.work}/late/spore.yaml:2:23: "), lines)

    def test_of_the_folder_itself(self):
        self.write("spore.yaml", "spore: 1\nname: self\nrecipe: { run: [./main.sh] }\nports: { a: { shape: serve }, b: { shape: serve } }\n"
                   "tasks:\n  x: { source: . }\n  z: { source: . }\nwires:\n  - x.a -> z.b\n")
        self.assertEqual(self.spore("check").stdout,
                         "spore.yaml:9:5: wires: x.a and z.b both serve: one of them has to connect\n")


class Open(TasksTest):
    def setUp(self):
        super().setUp()
        self.env["PATH"] = os.path.dirname(PROGRAM) + ":" + self.env["PATH"]
        self.shop("")

    def shop(self, wires):
        self.write("spore.yaml", SHOP.format(program=os.path.basename(PROGRAM)) + wires)

    def test_a_manifest(self):
        self.shop("  - three.c -> one.a\n")
        self.ok(self.spore("up", "-d", "--wait"))
        wait_until(lambda: {p["name"] for p in self.call("ports.list")["ports"] if p["open"]}
                   == {"shop/one.a", "shop/two.b", "shop/three.c"}, "the ports")
        self.shop("  - three.c -> one.a\n  - one.a -> two.b\n  - two.x -> three.z\n")
        both = "shop/one.a and shop/two.b both serve: one of them has to connect"
        other = "shop/two is ready and has no port x open; it has b"
        for command in ("plan", "up"):
            result = self.spore(command, *(["-d"] if command == "up" else []))
            self.assertEqual((result.returncode, result.stderr.splitlines()),
                             (125, [f"spore: spore.yaml:10:5: note: wires: {other}", f"spore: spore.yaml:9:5: wires: {both}"]))
        self.assertEqual(len(self.call("wires.list")["wires"]), 1)
        self.ok(self.spore("check"),
                f"spore.yaml:9:5: note: wires: as it runs now, {both}\n"
                f"spore.yaml:10:5: note: wires: as it runs now, {other}\n"
                "spore.yaml: no mistakes, 3 tasks\n")
        # A task that is about to be another program is not held to what this one has.
        text = SHOP.replace("[echo, a]", "[deaf, a]").replace("[deaf, c]", "[deaf, z]")
        self.write("spore.yaml", text.format(program=os.path.basename(PROGRAM)) + "  - one.a -> two.b\n")
        self.assertEqual(self.ok(self.spore("up", "-d", "--wait")).stderr, "")
        wait_until(lambda: self.call("wires.list")["wires"][0]["state"] == "wired", "the wire")

    def test_up_that_waits(self):
        """Of programs that it has just started."""
        self.shop("  - three.z -> one.a\n")
        note = "spore: spore.yaml:8:5: note: wires: shop/three is ready and has no port z open; it has c"
        for _ in range(2):  # once each time, although it is known before and after the second time
            told = self.ok(self.spore("up", "-d", "--wait")).stderr.splitlines()
            self.assertEqual([line for line in told if "wires:" in line], [note])

    def test_a_wire_that_is_there(self):
        """What two programs opened cannot be joined: known when they run, and the wire is there already."""
        self.shop("  - one.a -> two.b\n  - three.c -> one.n\n")
        both = "shop/one.a and shop/two.b both serve: one of them has to connect"
        other = "shop/one is ready and has no port n open; it has a"
        told = self.ok(self.spore("up", "-d", "--wait")).stderr.splitlines()
        self.assertEqual([line for line in told if "wires:" in line],
                         [f"spore: spore.yaml:8:5: note: wires: {both}", f"spore: spore.yaml:9:5: note: wires: {other}"])
        self.ok(self.spore("check"),
                f"spore.yaml:8:5: note: wires: as it runs now, {both}\n"
                f"spore.yaml:9:5: note: wires: as it runs now, {other}\n"
                "spore.yaml: no mistakes, 3 tasks\n")
        # What is there is no reason to refuse what is new.
        self.shop("  - one.a -> two.b\n")
        self.ok(self.spore("up", "-d"))
        self.assertEqual(len(self.call("wires.list")["wires"]), 1)

    def test_two_that_are_there(self):
        """At a port of which it is known only when its program runs that it has one channel."""
        self.shop("  - one.a -> three.c\n  - two.b -> three.c\n")
        two = ("shop/two.b to shop/three.c: shop/three.c has one channel only, and shop/one.a to shop/three.c is asked for too; "
               "leave one of them out")
        told = self.ok(self.spore("up", "-d", "--wait")).stderr.splitlines()
        self.assertEqual([line for line in told if "wires:" in line], [f"spore: spore.yaml:9:5: note: wires: {two}"])
        self.ok(self.spore("check"), f"spore.yaml:9:5: note: wires: as it runs now, {two}\nspore.yaml: no mistakes, 3 tasks\n")

    def test_which_of_two(self):
        """Of two wires at a port of which nobody knew that it has one channel the first has it, whoever is there first."""
        for name, args in (("one", ("echo", "a")), ("two", ("echo", "b")), ("three", ("deaf", "c"))):
            self.begin(name, argv=[PROGRAM, *args], control=True, ready="notify", enabled=False, wait=None)
        self.ok(self.spore("wire", "one.a", "three.c"))
        self.ok(self.spore("wire", "two.b", "three.c"))
        why = "three.c has one channel only, and one.a to three.c was first; 'spore unwire one.a three.c' leaves it to this one"

        def wires():
            return {w["from"]: (w["state"], w["why"]) for w in self.call("wires.list")["wires"]}

        self.ok(self.spore("start", "two", "three"))
        wait_until(lambda: wires()["two.b"] == ("waiting", why), "the second wire")
        self.ok(self.spore("start", "one"))
        wait_until(lambda: wires() == {"one.a": ("wired", ""), "two.b": ("waiting", why)}, "the first wire")
        for again in (("restart", "one"), ("restart", "three"), ("node", "restart"), ("stop", "one")):
            self.ok(self.spore(*again))
            self.again()
            wait_until(lambda: wires()["two.b"] == ("waiting", why), f"the second wire after {again}")
            state = "waiting" if again[0] == "stop" else "wired"
            wait_until(lambda: wires()["one.a"][0] == state, f"the first wire after {again}")
        self.ok(self.spore("unwire", "one.a", "three.c"))
        wait_until(lambda: wires() == {"two.b": ("wired", "")}, "the second wire alone")

    def test_declared_otherwise(self):
        """A port of which the manifest says what its program does not keep is not wired."""
        text = SHOP.format(program=os.path.basename(PROGRAM)) + "  - three.c -> one.a\n"
        both = "shop/one.a is declared with the %s, and its program opened it with %s: change 'ports' or the program"
        for ports, words in (("kind: bytes", ("kind bytes", "messages")), ("", ("shape connect", "serve")),
                             ("shape: serve, protocol: json", None)):
            self.write("spore.yaml", text.replace("[echo, a],", f"[echo, a], ports: {{ a: {{ {ports} }} }},"))
            told = self.ok(self.spore("up", "-d", "--wait")).stderr.splitlines()
            why = both % words if words else ""
            self.assertEqual([line for line in told if "wires:" in line], [f"spore: spore.yaml:8:5: note: wires: {why}"] if why else [])
            if why:
                self.ok(self.spore("check"), f"spore.yaml:8:5: note: wires: as it runs now, {why}\nspore.yaml: no mistakes, 3 tasks\n")
                wire = self.call("wires.list")["wires"][0]
                self.assertEqual((wire["state"], wire["why"]), ("waiting", why))
                self.assertIn(why, self.spore("why", "shop/three", "shop/one").stdout)
                # Another node knows it as well.
                self.ok(self.spore("node", "restart"))
                self.again()
                wait_until(lambda: self.call("wires.list")["wires"][0]["why"] == why, "the wire after the node")
                self.ok(self.spore("unwire", "shop/three.c", "shop/one.a"))
                result = self.spore("wire", "shop/three.c", "shop/one.a")
                self.assertEqual((result.returncode, result.stderr.splitlines()[0]), (1, f"spore: wire: {why}"))
                result = self.spore("up", "-d")
                self.assertEqual((result.returncode, result.stderr.splitlines()), (125, [f"spore: spore.yaml:8:5: wires: {why}"]))
        # What is declared can be set right while the programs run.
        wait_until(lambda: self.call("wires.list")["wires"][0]["state"] == "wired", "the wire")

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory")
    def test_swapped_otherwise(self):
        """A new version that does not keep what is declared does not take over."""
        text = SHOP.format(program=os.path.basename(PROGRAM)).replace("[deaf, c],", "[%s, c], ports: { c: { kind: messages } },")
        self.write("spore.yaml", text % "deaf" + "  - three.c -> one.a\n")
        self.ok(self.spore("up", "-d", "--wait"))
        wait_until(lambda: self.call("wires.list")["wires"][0]["state"] == "wired", "the wire")
        self.write("spore.yaml", text % "upper" + "  - three.c -> one.a\n")
        result = self.spore("up", "-d", "--wait", "--swap")
        self.assertIn("shop/three.c is declared with the kind messages, and its program opened it with bytes", result.stderr)
        self.assertEqual(self.call("wires.list")["wires"][0]["state"], "wired")

    def test_by_hand(self):
        self.begin("a", argv=[PROGRAM, "deaf", "ear"], control=True, ready="notify")
        self.begin("b", argv=[PROGRAM, "deaf", "mouth"], control=True, ready="notify")
        result = self.ok(self.spore("wire", "a.eer", "b.mouth"))
        self.assertEqual(result.stderr, "spore: wire: note: a is ready and has no port eer open; it has ear: the wire waits for it\n")
        self.ok(self.spore("unwire", "a.eer", "b.mouth"))
        # Of one that is ready when it is started as well, as soon as it has ports.
        self.begin("c", argv=[PROGRAM, "deaf", "nose"], control=True)
        wait_until(lambda: "c.nose" in {p["name"] for p in self.call("ports.list")["ports"] if p["open"]}, "the port")
        result = self.ok(self.spore("wire", "b.mouth", "c.nos"))
        self.assertEqual(result.stderr, "spore: wire: note: c is ready and has no port nos open; it has nose: the wire waits for it\n")
        self.ok(self.spore("unwire", "b.mouth", "c.nos"))
        self.assertEqual(self.ok(self.spore("wire", "a.ear", "b.mouth")).stderr, "")


if __name__ == "__main__":
    unittest.main()
