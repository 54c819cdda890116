"""spore-hold: starts, logs, supervises and ends one task, whatever that does."""

import os
import signal
import subprocess
import unittest

from hold_test import HOLD, Hold, HoldTest, Peer
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
                         ["A=b", "PATH=/bin:/usr/bin", "SPORE_INSTANCE=_.web.1#7", "SPORE_TASK=web"])
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


if __name__ == "__main__":
    unittest.main()
