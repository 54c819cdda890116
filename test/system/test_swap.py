"""Swapping: another instance takes over the channels of the one that runs. What is sent arrives once and in order (test_swap_killed: whatever dies meanwhile)."""

import os
import re
import signal
import unittest

from spore_test import BUILD, all_processes, wait_until
from test_wires import WiresTest

PROGRAM = os.path.join(BUILD, "test", "system", "swap_program")
LONG = os.environ.get("SPORE_TEST_LONG") == "1"
ROUNDS = 1000 if LONG else 20
RINGS = unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory")


class SwapTest(WiresTest):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.work, "swap")
        self.stopped = os.path.join(self.work, "enough")
        os.mkdir(self.folder)

    def there(self, name, is_there=True):
        path = os.path.join(self.folder, name)
        if is_there:
            open(path, "w").close()
        else:
            os.unlink(path)

    def program(self, name, *args, swapped=False, env=(), **more):
        """A task of swap_program; SWAPPED: what is in the folder is about it."""
        env = ["PATH=/usr/bin:/bin", *env] + (["SWAP_FOLDER=" + self.folder] if swapped else [])
        return self.begin(name, argv=[PROGRAM, *args], control=True, ready="notify", env=env, **more)

    def begin_swap(self, name):
        """Does not wait for the answer, which comes to the client that is returned."""
        asker = self.client()
        asker.send(0, 1, "tasks.swap", {"names": [name]})
        self.until(name, lambda t: t["state"] == "swapping", "swapping")
        return asker

    def swap(self, name):
        before = self.task(name)["generation"]
        self.assertEqual(self.call("tasks.swap", names=[name]), {"swapped": [name], "waiting": []})
        after = self.task(name)
        self.assertEqual((after["state"], after["wanted"]), ("running", True))
        self.assertGreater(after["generation"], before)

    def enough(self):
        open(self.stopped, "w").close()

    def chain(self, middle="pass", **more):
        """Numbers through a middle, which is swapped."""
        self.program("sender", "send", "out", self.stopped, **more)
        self.program("middle", middle, "in", "out", swapped=True, **more)
        self.program("taker", "take", "in", **more)
        self.wire("sender.out", "middle.in")
        self.wire("middle.out", "taker.in")
        self.wired("sender.out", "middle.in")
        self.wired("middle.out", "taker.in")

    def all_arrived(self, *takers):
        """All that was sent came, once and in order."""
        self.enough()
        self.said("sender", "sent ")
        sent = int(re.search(r"sent (\d+)", self.output("sender")).group(1))
        self.said("taker", f"all {sent}")
        self.call("tasks.stop", names=["taker"])
        self.assertNotIn("wrong", self.output("taker"))
        return sent


@RINGS
class Swapping(SwapTest):
    def test_the_one_in_the_middle(self):
        self.chain()
        for _ in range(ROUNDS):
            self.swap("middle")
        sent = self.all_arrived()
        self.assertGreater(sent, ROUNDS)
        self.assertIn("took 0 ", self.output("taker"))
        # Its peers were told of each, and of nothing else.
        self.assertIn(int(re.search(r"returned (\d+)", self.output("sender")).group(1)), range(1, ROUNDS + 1))
        self.assertIn(f"returned {ROUNDS}", self.output("taker"))

    def test_without_a_word(self):
        self.chain("deaf", env=["STATELESS=1"])
        for _ in range(ROUNDS // 4):
            self.swap("middle")
        self.all_arrived()
        self.assertIn("took 0 ", self.output("taker"))
        self.assertIn("returned 0", self.output("sender"))
        self.assertIn("returned 0", self.output("taker"))
        self.assertNotIn("SIGKILL", self.output("middle"))

    def two(self, middle="pass", **more):
        """Numbers through two that are swapped at the same time."""
        self.program("sender", "send", "out", self.stopped, **more)
        for name in ("left", "right"):
            self.program(name, middle, "in", "out", swapped=True, **more)
        self.program("taker", "take", "in", **more)
        for wire in (("sender.out", "left.in"), ("left.out", "right.in"), ("right.out", "taker.in")):
            self.wire(*wire)
            self.wired(*wire)

    def test_both_ends_of_a_channel_at_once(self):
        for middle in ("pass", "deaf"):
            with self.subTest(middle):
                self.two(middle)
                for i in range(ROUNDS // 4):
                    names = ["left", "right"] if i % 2 == 0 else ["right", "left"]
                    answer = self.call("tasks.swap", names=names)
                    self.assertEqual((sorted(answer["swapped"]), answer["waiting"]), (["left", "right"], []))
                self.all_arrived()
                self.assertIn("took 0 ", self.output("taker"))
                self.assertIn(f"returned {ROUNDS // 4}", self.output("taker"))
                self.call("tasks.remove", names=["sender", "left", "right", "taker"], logs=True)
                os.unlink(self.stopped)

    def test_one_waits_for_the_swap_beside_it(self):
        self.two()
        self.there("slow")
        old = self.pid("left")
        first = self.begin_swap("right")
        self.said("right", "slow")
        second = self.begin_swap("left")
        self.until("left", lambda t: t.get("why") == "for the swap of right, which it is wired to", "what it waits for")
        self.there("slow", False)
        for asker in (first, second):
            self.assertIsNone(asker.receive()[2])
        self.assertNotEqual(self.pid("left"), old)
        self.all_arrived()

    def test_both_with_the_node_killed(self):
        self.two()
        self.there("slow")
        self.begin_swap("right")
        self.said("right", "slow")
        self.begin_swap("left")
        self.until("left", lambda t: "swap of right" in t.get("why", ""), "what it waits for")
        self.kill_node()
        self.again()
        self.there("slow", False)
        for name in ("left", "right"):
            self.until(name, lambda t: t["state"] == "running" and t["generation"] == 2, "swapped")
        self.all_arrived()

    def test_a_wire_with_a_fault(self):
        self.chain(env=["TOLERANT=1"])
        self.ok(self.spore("fault", "middle.out", "delay=1s"))
        self.wired("middle.out", "taker.in")
        for name, port, peer in (("middle", "out", "taker.in"), ("taker", "in", "middle.out")):
            words = (f"{name}: its port {port} is joined with {peer} by a wire that has a fault, and what is delayed "
                     f"would be lost; first 'spore fault {name}.{port} off'")
            self.fails(1, words, "tasks.swap", names=[name])
            self.kill_node()  # the next one finds that process there
            self.again()
            self.wired("middle.out", "taker.in")
            self.fails(1, words, "tasks.swap", names=[name])
        self.ok(self.spore("fault", "middle.out", "off"))
        self.wired("middle.out", "taker.in")
        self.swap("taker")

    def test_one_that_is_wired_to_itself(self):
        self.program("ring", "pass", "in", "out")
        self.wire("ring.out", "ring.in")
        self.wired("ring.out", "ring.in")
        self.fails(1, "ring: its port out is joined with ring.in, of the task itself", "tasks.swap", names=["ring"])

    def test_another_program(self):
        """As `up --watch` does it."""
        self.chain()
        spec = self.spec("middle", argv=[PROGRAM, "deaf", "in", "out"], control=True, ready="notify")
        for _ in range(2):
            result = self.call("tasks.start", spec=spec, replace="if-changed", keep_old=True, swap=True)
        self.assertEqual((result["changed"], result["generation"]), ([], 2))
        self.until("middle", lambda t: t["state"] == "running", "swapped")
        self.all_arrived()
        self.assertIn("took 0 ", self.output("taker"))
        self.assertIn("returned 1", self.output("taker"))

    def test_each_end(self):
        """One that sends, one that receives, one that asks, one that answers."""
        self.program("sender", "send", "out", self.stopped)
        self.program("taker", "take", "in")
        self.wire("sender.out", "taker.in")
        self.program("server", "serve", "asked")
        for i in (1, 2):
            self.program("asker", "ask", "to", self.stopped, replica=i)
        self.wire("asker.to", "server.asked")
        self.wired("asker.to", "server.asked", 2)
        self.wired("sender.out", "taker.in")
        took = []

        def collect():
            """Its log has the latest of them only."""
            for a, b in re.findall(r"took (\d+) (\d+)", self.output("taker")):
                if (int(a), int(b)) not in took[-20:]:
                    took.append((int(a), int(b)))
            self.assertNotIn("wrong", self.output("taker"))

        for _ in range(ROUNDS // 4):
            for name in ("server", "taker"):
                self.swap(name)
            collect()
        self.all_arrived()
        collect()
        took = [t for i, t in enumerate(took) if t[1] > 0 or i == 0]  # some received nothing before they were swapped
        self.assertEqual(took[0][0], 0)
        for before, after in zip(took, took[1:]):
            self.assertEqual(after[0], before[1], took)
        for i in (1, 2):
            self.said(f"asker@{i}", "asked ")
            self.assertNotIn("wrong", self.output(f"asker@{i}"))
        # A client gets a channel of its own at the server; what the one before was asking is over with it.
        self.swap("asker@1")
        self.wired("asker.to", "server.asked", 2)

    def test_one_that_does_not_become_ready(self):
        self.chain()
        pid = self.pid("middle")
        self.there("fail")
        self.fails(13, "middle: not swapped: status 3; the one before runs on", "tasks.swap", names=["middle"])
        self.assertEqual(self.pid("middle"), pid)
        self.there("fail", False)
        self.there("wait")
        asker = self.begin_swap("middle")
        new = self.until("middle", lambda t: t.get("hold", {}).get("pid", pid) != pid, "the new one")["hold"]["pid"]
        os.kill(new, signal.SIGKILL)
        self.assertIn("middle: not swapped: signal 9", asker.receive()[2][1])
        self.there("wait", False)
        self.assertEqual(self.pid("middle"), pid)
        self.swap("middle")
        self.all_arrived()
        self.assertIn("returned 1", self.output("sender"))

    def program_is_on_path(self):
        self.env["PATH"] = os.path.dirname(PROGRAM) + ":" + self.env["PATH"]

    def ends(self, middle):
        """What sends to MIDDLE and takes from it; wired."""
        self.program("sender", "send", "out", self.stopped)
        self.program("taker", "take", "in")
        for wire in (("sender.out", middle + ".in"), (middle + ".out", "taker.in")):
            self.wire(*wire)
            self.wired(*wire)

    def test_a_new_version_by_start(self):
        self.program_is_on_path()

        def start(*options, version="pass"):
            return self.spore("start", "-n", "middle", "--control", "--ready", "notify", "--wait", *options,
                                "path:swap_program", version, "in", "out")

        self.ok(start())
        self.ends("middle")
        self.ok(start("--replace", "--swap", version="deaf"))
        self.assertEqual(self.task("middle")["generation"], 2)
        self.ok(start("--replace", "--swap", version="deaf"))
        self.assertEqual(self.task("middle")["generation"], 2)
        result = start("--replace", "--swap", version="fail")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            result.stderr,
            "spore: start: middle: the new one ended before it was ready (status 2)\n  the old one stays\n")
        self.assertEqual(self.task("middle")["state"], "running")
        self.all_arrived()
        self.assertIn("took 0 ", self.output("taker"))
        result = start("--swap")
        self.assertEqual((result.returncode, result.stderr), (
            2, "spore: start: --swap says how the one that runs is replaced\n"
               "  give --replace too; what runs unchanged is swapped with spore restart --swap\n"))

    def test_a_new_version_by_up(self):
        self.program_is_on_path()

        def up(version):
            with open(os.path.join(self.work, "spore.yaml"), "w") as f:
                f.write("spore: 1\nname: versions\ntasks:\n"
                        "  middle:\n    source: path:swap_program\n    control: true\n    ready: notify\n"
                        f"    args: [{version}, in, out]\n")
            return self.spore("up", "-d", "--wait", "--swap")

        self.ok(up("pass"))
        self.ends("versions/middle")
        result = up("deaf")
        self.ok(result)
        self.assertIn("replace    versions/middle  (argv)", result.stdout)
        self.assertEqual(self.task("versions/middle")["generation"], 2)
        result = up("fail")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            result.stderr,
            "spore: up: versions/middle: the new one ended before it was ready (status 2)\n  the old one stays\n")
        self.all_arrived()
        self.assertIn("took 0 ", self.output("taker"))

    def old_one_stops(self):
        """A swap in its third step: the new one is ready, the old one takes its time. The answer comes to the client."""
        self.chain()
        self.there("slow")
        asker = self.begin_swap("middle")
        self.said("middle", "slow")
        return asker

    def processes(self):
        """Of swap_program in the middle."""
        mark = b"SWAP_FOLDER=" + self.folder.encode()
        return [pid for pid, line, environ in all_processes("cmdline", "environ")
                if line.split(b"\0")[0] == PROGRAM.encode() and mark in environ.split(b"\0")]

    def end_the_new_one(self):
        new = self.until("middle", lambda t: t.get("hold", {}).get("pid"), "the new one to be known")["hold"]["pid"]
        os.kill(new, signal.SIGKILL)
        self.until("middle", lambda t: t.get("hold", {}).get("pid") != new, "the end of the new one")

    def test_the_new_one_ends_while_the_old_one_stops(self):
        """Then another one is started, whatever the policy says."""
        asker = self.old_one_stops()
        self.end_the_new_one()
        self.there("slow", False)
        self.assertEqual(asker.receive()[2:], [None, {"swapped": ["middle"], "waiting": []}])
        self.assertEqual(self.task("middle")["state"], "running")
        self.all_arrived()
        self.assertIn("took 0 ", self.output("taker"))

    def peers_saw_its_end(self):
        """They do not wait for one that does not come."""
        self.said("sender", "send: the other side is gone")
        self.said("taker", "recv: the other side is gone")
        self.until("middle", lambda t: t["state"] in ("failed", "stopped"), "its end")

    def test_no_new_one_comes_after_the_old_one(self):
        asker = self.old_one_stops()
        self.end_the_new_one()
        self.there("fail")
        self.there("slow", False)
        self.assertEqual(asker.receive()[2][1],
                         "middle: not swapped: status 3; the one before has ended too; 'spore inspect' says more")
        self.peers_saw_its_end()

    def test_no_new_one_comes_and_another_node_is_there(self):
        """It learns from the holds whom the one before has told."""
        self.old_one_stops()
        self.kill_node()
        self.again()
        self.end_the_new_one()
        self.there("fail")
        self.there("slow", False)
        self.peers_saw_its_end()

    def test_no_new_one_comes_and_no_node_is_there(self):
        self.old_one_stops()
        new = self.pid("middle")
        old = next(pid for pid in self.processes() if pid != new)
        self.kill_node()
        self.there("fail")
        os.kill(new, signal.SIGKILL)
        self.there("slow", False)
        wait_until(lambda: not self.alive(old), "the end of the old one")
        self.again()
        self.peers_saw_its_end()

    def test_a_new_one_comes_though_no_node_is_there(self):
        self.old_one_stops()
        old = next(pid for pid in self.processes() if pid != self.pid("middle"))
        self.kill_node()
        self.there("slow", False)
        wait_until(lambda: not self.alive(old), "the end of the old one")
        self.again()
        self.all_arrived()
        self.assertIn("took 0 ", self.output("taker"))

    def test_it_is_stopped_while_the_old_one_stops(self):
        asker = self.old_one_stops()
        stopper = self.client()
        stopper.send(0, 1, "tasks.stop", {"names": ["middle"]})
        self.assertIn("middle: not swapped: ", asker.receive()[2][1])
        self.there("slow", False)
        self.assertIsNone(stopper.receive()[2])
        self.peers_saw_its_end()

    def test_one_without_a_port_that_is_wired(self):
        self.program("taker", "take", "in")
        self.program("middle", "pass", "in", "out")
        self.wire("middle.out", "taker.in")
        self.wired("middle.out", "taker.in")
        spec = self.spec("middle", argv=[PROGRAM, "take", "in"], control=True, ready="notify")
        asker = self.client()
        asker.send(0, 1, "tasks.start", {"spec": spec, "replace": "if-changed", "keep_old": True, "swap": True})
        self.assertIn("the new one does not open its port out, by which the old one has a channel",
                      asker.receive()[2][1])
        self.assertEqual(self.task("middle")["state"], "running")
        self.assertEqual(self.call("tasks.inspect", name="middle")["spec"]["argv"][1], "pass")


class Refused(SwapTest):
    def test_refused(self):
        self.program("stopped", "take", "in")
        self.call("tasks.stop", names=["stopped"])
        self.fails(1, "stopped: it is not running; use 'spore restart'", "tasks.swap", names=["stopped"])
        self.begin("every", every="1h", wait="started")
        self.fails(1, "every: it is periodic", "tasks.swap", names=["every"])
        for name in ("left", "right"):
            self.call("tasks.start", spec=self.spec(name, enabled=False))
        self.wire("left.stdout", "right.stdin")
        self.call("tasks.begin", names=["left", "right"])
        self.wait("left", "right", until="started")
        result = self.spore("restart", "--swap", "left")
        self.assertEqual((result.returncode, result.stderr), (
            1, "spore: restart: left: its stdin or stdout is wired; swapping without loss is for ports of libspore\n"
               "  use 'spore restart'\n"))

    def test_note_where_it_cannot_be(self):
        def start(task, *args):
            return self.spore("start", "-n", task, "--replace", "--swap", "path:sleep", *args)

        self.call("tasks.start", spec=self.spec("left", enabled=False))
        self.call("tasks.start", spec=self.spec("right", enabled=False))
        self.wire("left.stdout", "right.stdin")
        self.call("tasks.begin", names=["left", "right"])
        self.wait("left", "right", until="started")
        result = start("left", "1000")
        self.ok(result)
        self.assertEqual(
            result.stderr, "spore: start: note: replaced without its channels: left: its stdin or stdout is wired; "
                           "swapping without loss is for ports of libspore\n")

    def test_by_command(self):
        self.begin("alone", wait="started")
        # Its hold may not have said yet that there are no ports.
        wait_until(lambda: self.spore("restart", "--swap", "alone").returncode == 0, "a swap")
        self.assertEqual(self.task("alone")["generation"], 2)
        self.ok(self.spore("restart", "--swap", "--json", "alone"))

    @unittest.skipUnless(os.environ.get("SPORE_POSIX"), "there are rings")
    def test_streams(self):
        self.program("taker", "take", "in")
        self.program("sender", "send", "out", self.stopped)
        self.wire("sender.out", "taker.in")
        self.wired("sender.out", "taker.in")
        self.fails(1, "taker: its port in is joined with sender.out by stream", "tasks.swap", names=["taker"])


if __name__ == "__main__":
    unittest.main()
