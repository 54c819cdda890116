"""spore-hold: starts, logs, supervises and ends one task, whatever that does."""

import os
import resource
import shutil
import signal
import subprocess
import time
import unittest

from hold_test import HOLD, HoldTest
from spore_test import wait_until


class Beginning(HoldTest):
    def test_a_run_from_start_to_stop(self):
        hold = self.hold("echo hello; echo error >&2; exec sleep 1000")
        state = hold.phase("running")
        self.assertEqual((state["run"], state["healthy"], state["wanted"]), (1, True, True))
        self.assertEqual(state["hold"], hold.process.pid)
        os.kill(state["pid"], 0)
        wait_until(lambda: hold.output() == b"hello\n" and hold.output("stderr") == b"error\n")
        hold.send("stop", -1)
        state = hold.finish()
        self.assertEqual((state["end"], state["signal"]), ("signalled", signal.SIGTERM))
        self.assertNotIn("wanted", state)
        self.assertNotIn("failed", state)
        self.assertNotIn("pid", state)
        self.assertEqual([e["event"] for e in hold.events()], ["started", "ready", "stopping", "exited"])
        self.assertEqual(hold.blocks()[-1].kind, "end")
        self.assertEqual([b.sequence for b in hold.blocks()], list(range(1, len(hold.blocks()) + 1)))
        self.assertEqual(hold.status(), {k: v for k, v in state.items() if v and v != "none"})

    def test_what_a_program_finds(self):
        script = 'tr "\\0" "\\n" </proc/self/environ; pwd; cat; ls /proc/self/fd; exit 3'
        hold = self.hold({"sh": script, "cwd": self.work, "env": ["A=b", "SPORE_TASK=other", "PATH=/bin:/usr/bin"]},
                         run=7)
        state = hold.finish()
        self.assertEqual((state["end"], state["code"], state["failed"], state["run"]), ("exited", 3, True, 7))
        lines = hold.output().decode().split("\n")
        self.assertEqual(sorted(l for l in lines if "=" in l and not l.startswith(("PWD", "_="))),
                         ["A=b", "PATH=/bin:/usr/bin", f"SPORE_INSTANCE={hold.folder}#7", "SPORE_TASK=web"])
        self.assertIn(self.work, lines)
        self.assertEqual(lines[-5:], ["0", "1", "2", "3", ""])  # 3 is the folder that ls reads

    def test_a_program_that_is_not_there(self):
        state = self.hold({"argv": ["/nowhere/program"]}).finish()
        self.assertEqual((state["end"], state["failed"]), ("no-start", True))
        self.assertIn("/nowhere/program: No such file", state["why"])
        state = self.hold({"argv": ["/bin/true"], "cwd": "/nowhere"}, generation=2).finish()
        self.assertIn("folder /nowhere", state["why"])

    def test_wrong_use(self):
        def run(*args):
            return subprocess.run([HOLD, *args], env=self.env, capture_output=True, text=True, timeout=30)
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("/tmp", "x").returncode, 2)
        self.assertIn("folder", run("/tmp", "1").stderr)
        folder = os.path.join(self.dir, "_.web.1")
        os.mkdir(folder)
        result = run(folder, "1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("specification", result.stderr)
        with open(os.path.join(folder, "status"), "rb") as f:
            self.assertIn(b"ended", f.read())

    def test_one_hold_per_folder(self):
        hold = self.hold("exec sleep 1000")
        hold.phase("running")
        result = subprocess.run([HOLD, hold.folder, "2"], env=self.env, capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("another hold", result.stderr)
        peer = hold.connect()  # the other one did not take the socket away
        self.assertEqual(peer.receive()[0], "hello")
        self.assertEqual(peer.receive()[1]["run"], 1)
        peer.close()


class Restarts(HoldTest):
    def runs(self, hold):
        return [e["text"] for e in hold.events("started")]

    def test_never_is_the_default(self):
        state = self.hold("exit 0").finish()
        self.assertEqual((state["end"], state.get("code", 0), state.get("restarts", 0)), ("exited", 0, 0))
        self.assertNotIn("failed", state)
        self.assertTrue(state["wanted"])  # nobody stopped it

    def test_a_limit_and_delays_that_grow(self):
        hold = self.hold({"sh": "exit 5", "restart": "on-failure", "restart.delay_ms": 10, "restart.max_ms": 30,
                          "restart.limit": 4})
        state = hold.finish()
        self.assertEqual((state["failed"], state["restarts"], state["run"], state["code"]), (True, 4, 5, 5))
        self.assertIn("4 times in a row", state["why"])
        delays = [e["in_ms"] for e in hold.events("restarting")]
        for delay, most in zip(delays, (10, 20, 30, 30), strict=True):
            self.assertTrue(most * 0.8 - 1 <= delay <= most * 1.2, delays)
        self.assertEqual(self.runs(hold), [f"web#{n} started" for n in range(1, 6)])

    def test_success_is_no_failure(self):
        state = self.hold({"sh": "exit 0", "restart": "on-failure"}).finish()
        self.assertEqual((state["run"], state.get("failed", False)), (1, False))

    def test_always(self):
        hold = self.hold({"sh": "exit 0", "restart": "always", "restart.delay_ms": 1, "restart.max_ms": 1})
        hold.until(lambda s: s["run"] >= 5)
        hold.send("stop", -1)
        state = hold.finish()
        self.assertNotIn("failed", state)
        self.assertNotIn("wanted", state)

    def test_a_time_at_work_begins_the_row_anew(self):
        hold = self.hold({"sh": "exec sleep 1000", "restart": "always", "restart.delay_ms": 1, "restart.limit": 2,
                          "restart.reset_ms": 0})
        for run in range(1, 6):
            state = hold.until(lambda s, run=run: s["phase"] == "running" and s["run"] == run)
            os.kill(state["pid"], signal.SIGKILL)
        hold.until(lambda s: s["phase"] == "running" and s["run"] == 6)

    def test_while_it_waits(self):
        hold = self.hold({"sh": "exit 1", "restart": "always", "restart.delay_ms": 3600000, "restart.max_ms": 3600000})
        state = hold.phase("waiting")
        self.assertGreater(state["next_at"], time.time_ns() + 2000 * 10**9)
        hold.send("restart")
        hold.until(lambda s: s["phase"] == "waiting" and s["run"] == 2)
        hold.send("stop", -1)
        state = hold.finish()
        self.assertEqual(state["run"], 2)
        self.assertNotIn("next_at", state)

    def test_restart_on_request(self):
        hold = self.hold("exec sleep 1000")
        first = hold.phase("running")["pid"]
        hold.send("restart")
        state = hold.until(lambda s: s["phase"] == "running" and s["run"] == 2)
        self.assertRaises(ProcessLookupError, os.kill, first, 0)
        self.assertEqual(state["restarts"], 1)
        hold.send("kill")
        state = hold.finish()
        self.assertEqual((state["end"], state["signal"], state.get("failed", False)), ("signalled", 9, False))

    def test_restart_after_stop_wins(self):
        hold = self.hold("exec sleep 1000")
        hold.phase("running")
        hold.peer.send_together(["stop", -1], ["restart"])  # between two writes it may have ended
        self.assertTrue(hold.until(lambda s: s["phase"] == "running" and s["run"] == 2)["wanted"])

    def test_update_of_what_needs_no_new_run(self):
        hold = self.hold({"sh": "exit 1", "restart": "always", "restart.delay_ms": 3600000, "restart.max_ms": 3600000})
        hold.phase("waiting")
        hold.send("update", {"task": "web", "argv": ["/bin/false"], "restart": "never"})
        hold.send("restart")
        state = hold.finish()
        self.assertEqual((state["run"], state["code"]), (2, 1))
        with open(os.path.join(hold.folder, "spec"), "rb") as f:
            spec = f.read()
        self.assertNotIn(b"always", spec)
        self.assertIn(b"exit 1", spec)  # what is not live stays

    def test_update_refused(self):
        hold = self.hold("exec sleep 1000")
        hold.phase("running")
        hold.send("update", {"task": "web", "argv": ["/bin/false"], "restart": "sometimes"})
        wait_until(lambda: hold.events("update"))
        self.assertIn("restart", hold.events("update")[0]["text"])

    def test_signal(self):
        hold = self.hold("trap 'echo usr1' USR1; echo here; while :; do sleep 1000 & wait; done")
        hold.phase("running")
        wait_until(hold.output)
        hold.send("signal", signal.SIGUSR1)
        wait_until(lambda: hold.output() == b"here\nusr1\n")


class Trouble(HoldTest):
    def test_descriptors_run_out_and_come_back(self):
        hold = self.hold({"sh": "exec sleep 1000", "restart": "always", "restart.delay_ms": 20, "restart.max_ms": 20})
        state = hold.phase("running")
        hard = resource.prlimit(hold.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(hold.process.pid, resource.RLIMIT_NOFILE, (10, hard))
        os.kill(state["pid"], signal.SIGKILL)
        state = hold.until(lambda s: s["end"] == "no-start")
        self.assertIn("limit of open files", state["why"])
        resource.prlimit(hold.process.pid, resource.RLIMIT_NOFILE, (256, hard))
        hold.phase("running")

    @unittest.skipIf(os.geteuid() == 0, "root has as many processes as it wants")
    def test_fork_fails(self):
        def none():
            resource.setrlimit(resource.RLIMIT_NPROC, (1, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
        hold = self.hold({"sh": "exec sleep 1000", "restart": "always", "restart.delay_ms": 20, "restart.max_ms": 20},
                         limits=none)
        state = hold.until(lambda s: s["end"] == "no-start")
        self.assertIn("too many processes", state["why"])
        hard = resource.prlimit(hold.process.pid, resource.RLIMIT_NPROC)[1]
        resource.prlimit(hold.process.pid, resource.RLIMIT_NPROC, (hard, hard))
        hold.phase("running")

    def test_the_state_folder_is_removed(self):
        hold = self.hold({"sh": "echo first; exec sleep 1000", "restart": "always", "restart.delay_ms": 1})
        state = hold.phase("running")
        wait_until(lambda: hold.output() == b"first\n")
        shutil.rmtree(hold.state_dir)
        os.kill(state["pid"], 0)
        os.kill(state["pid"], signal.SIGKILL)
        hold.until(lambda s: s["phase"] == "running" and s["run"] == 2)
        self.assertEqual(hold.status()["run"], 2)
        peer = hold.connect()
        self.assertEqual(peer.receive()[0], "hello")
        self.assertEqual(peer.receive()[1]["run"], 2)
        peer.close()
        hold.send("stop", -1)
        hold.finish()
        self.assertEqual(hold.status()["phase"], "ended")

    def test_the_hold_is_asked_by_signal(self):
        hold = self.hold({"sh": "exec sleep 1000", "restart": "always"})
        hold.phase("running")
        hold.process.terminate()
        state = hold.finish()
        self.assertEqual((state["signal"], state.get("wanted", False)), (signal.SIGTERM, False))

    @unittest.skipIf("SPORE_POSIX" in os.environ, "plain POSIX tells no child that its parent died")
    def test_the_hold_is_killed(self):
        hold = self.hold("exec sleep 1000")
        pid = hold.phase("running")["pid"]
        hold.process.kill()
        hold.process.wait()
        wait_until(lambda: self.gone(pid), "the program's end")
        self.assertEqual(hold.status()["phase"], "running")  # so it is known to have been killed

    def test_nothing_happens_nothing_wakes(self):
        hold = self.hold({"sh": "exec sleep 1000", "ready": "notify", "ready.timeout_ms": 0})
        hold.until(lambda s: s.get("pid"))
        def switches():
            with open(f"/proc/{hold.process.pid}/status") as f:
                return [line for line in f if "ctxt_switches" in line]
        before = None
        def settled():
            nonlocal before
            before, last = switches(), before
            time.sleep(0.3)
            return last == before
        wait_until(settled)
        time.sleep(0.5)
        self.assertEqual(switches(), before)

    def test_memory(self):
        if os.environ.get("SPORE_SANITIZE", "none") != "none":
            self.skipTest("a sanitizer takes memory of its own")
        with open(HOLD, "rb") as f:
            if b"/ld-linux" in f.read():
                self.skipTest("it is not linked to be small")
        # Two, since the program itself is shared by all.
        self.hold("exec sleep 1000", task="other").phase("running")
        hold = self.hold({"sh": "head -c 2000000 /dev/zero; exec sleep 1000"})
        hold.phase("running")
        wait_until(lambda: len(hold.output()) == 2000000)
        def private():
            with open(f"/proc/{hold.process.pid}/smaps_rollup") as f:
                return sum(int(line.split()[1]) for line in f if line.startswith("Private"))
        wait_until(lambda: private() < 128, "its buffer to be given back")


class Node(HoldTest):
    """A hold whose node vanishes starts one."""

    def setUp(self):
        super().setUp()
        libexec = os.path.join(self.dir, "libexec")
        os.mkdir(libexec)
        self.said = os.path.join(self.dir, "said")
        with open(os.path.join(libexec, "spore-node"), "w") as f:
            f.write(f'#!/bin/sh\necho "$PPID $SPORE_STATE" >>{self.said}\n')
        os.chmod(f.name, 0o755)
        self.env.update(SPORE_LIBEXEC=libexec, SPORE_NO_NODE="0")

    def test_it_is_started(self):
        hold = self.hold("exec sleep 1000", features=["node"])
        hold.phase("running")
        hold.peer.close()
        wait_until(lambda: os.path.exists(self.said) and open(self.said).read())
        parent, state = open(self.said).read().split("\n")[0].split()
        self.assertEqual(state, self.env["SPORE_STATE"])
        self.assertNotEqual(int(parent), hold.process.pid)  # else it would be of the task's tree
        hold.peer = hold.connect()
        hold.phase("running")

    def test_it_is_started_when_it_died_before(self):
        hold = self.hold("exec sleep 1000", alone=True)
        wait_until(lambda: os.path.exists(self.said))
        hold.peer = hold.connect()
        hold.phase("running")

    def test_it_is_not_when_it_leaves_or_has_come_back(self):
        holds = [self.hold("exec sleep 1000", task=f"t{i}", features=["node"]) for i in range(2)]
        for hold in holds:
            hold.phase("running")
        holds[0].send("leaving")
        back = holds[1].connect(features=["node"])
        self.assertEqual([back.receive()[0] for _ in range(2)], ["hello", "state"])
        back.send("signal", 0)
        for hold in holds:
            hold.peer.close()
        time.sleep(1.3)  # longer than any of them would wait
        self.assertFalse(os.path.exists(self.said))
        back.close()
        wait_until(lambda: os.path.exists(self.said))


class Many(HoldTest):
    def test_a_hundred_at_once(self):
        holds = [self.hold("echo here; exec sleep 1000", task=f"t{i}") for i in range(100)]
        for hold in holds:
            hold.phase("running")
        for hold in holds:
            wait_until(lambda hold=hold: hold.output() == b"here\n")
            hold.send("stop", -1)
        for hold in holds:
            self.assertEqual(hold.finish()["signal"], signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
