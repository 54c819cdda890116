"""`spore exec`, and what scripts that are tasks say with `spore notify` and `spore log`."""

import json
import os
import shutil
import unittest

from spore_test import SPORE, wait_until
from test_cli_tasks import Tasks as TaskTest


def landlock():
    import ctypes
    return ctypes.CDLL(None, use_errno=True).syscall(444, 0, 0, 1)


class Exec(TaskTest):
    def test_a_command_as_the_task_would_run_it(self):
        os.mkdir(os.path.join(self.work, "there"))
        self.ok(self.spore("start", "--name", "t", "--cwd", os.path.join(self.work, "there"), "--env", "MODE=night",
                           "path:sleep", "1000"))
        said = self.ok(self.spore("exec", "t", "sh", "-c", 'echo "$MODE $SPORE_TASK $(basename "$PWD") $1"', "x", "--y"))
        self.assertEqual(said.stdout, "night t there --y\n")
        self.assertEqual(self.spore("exec", "t", "sh", "-c", "exit 9").returncode, 9)
        result = self.spore("exec", "t", "no-such-command")
        self.assertEqual(result.returncode, 127)
        self.assertIn("not found in the PATH of t", result.stderr)
        self.ok(self.spore("stop", "t"))
        self.ok(self.spore("exec", "t", "true"))
        self.assertEqual(self.spore("exec", "nobody", "true").returncode, 1)


    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX cannot confine")
    @unittest.skipUnless(landlock() >= 1, "the kernel has no Landlock")
    def test_a_command_is_confined_as_the_task_is(self):
        with open(os.path.join(self.home, "secret"), "w") as f:
            f.write("treasure")
        self.ok(self.spore("start", "--name", "t", "--confine", "--cwd", self.work, "--limit", "files=64", "path:sleep", "1000"))
        for command in (f"cat {self.home}/secret", "echo x > file", f"ls {self.env['SPORE_STATE']}",
                        "ls /proc/1", f"echo x > {self.home}/there"):
            with self.subTest(command=command):
                result = self.spore("exec", "t", "sh", "-c", command)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn("denied", result.stderr)
        self.assertEqual(self.ok(self.spore("exec", "t", "sh", "-c", "ulimit -n")).stdout, "64\n")

    def test_a_command_has_the_limits_of_each_process(self):
        self.env["SPORE_NO_CGROUP"] = "1"
        self.ok(self.spore("start", "--name", "t", "--limit", "memory=256M", "path:sleep", "1000"))
        self.assertEqual(self.ok(self.spore("exec", "t", "sh", "-c", "ulimit -v")).stdout, f"{256 << 10}\n")


class Scripts(TaskTest):
    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX cannot confine")
    @unittest.skipUnless(landlock() >= 1, "the kernel has no Landlock")
    def test_a_confined_script(self):
        tool = os.path.join(self.work, "tool")
        os.mkdir(tool)
        shutil.copy(SPORE, os.path.join(tool, "spore"))
        self.write("tool/task.sh", "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do ./spore notify --status \"at $i\" & done; wait\n"
                                   "./spore log 'a record' a=b\n./spore notify --status done --ready || exit 1\n"
                                   "exec sleep 1000\n", 0o755)
        self.ok(self.spore("start", "--name", "c", "--confine", "--control", "--ready", "notify", "--cwd", tool,
                           "--wait", "tool/task.sh"))
        wait_until(lambda: self.tasks()["c"]["status"] == "done")
        text = self.ok(self.spore("logs", "c")).stdout
        self.assertIn("a record", text)
        self.assertNotIn("cannot be understood", text)

    def test_ready_status_and_records(self):
        self.write("task.sh", f"#!/bin/sh\n{SPORE} log --level warn 'two words' a=b c='d e'\n"
                              f"while [ ! -e go ]; do sleep 0.02; done\n{SPORE} notify --ready --status 'at it'\n"
                              "exec sleep 1000\n", 0o755)
        self.ok(self.spore("start", "--name", "s", "--ready", "notify", "--cwd", self.work, "task.sh"))
        wait_until(lambda: "two words" in self.spore("logs", "s").stdout)
        self.assertFalse(self.tasks()["s"]["ready"])
        open(os.path.join(self.work, "go"), "w").close()
        self.ok(self.spore("wait", "s"))
        wait_until(lambda: self.tasks()["s"]["status"] == "at it")
        records = [json.loads(line) for line in self.ok(self.spore("logs", "--json", "s")).stdout.splitlines()]
        record = [r for r in records if r["text"] == "two words"][0]
        self.assertEqual((record["level"], record["fields"]), ("warn", {"a": "b", "c": "d e"}))

    def test_outside_of_a_task(self):
        result = self.spore("log", "hello", "a=b")
        self.assertEqual((result.returncode, result.stderr), (0, "info: hello a=b\n"))
        self.assertEqual(self.spore("log", "hello", "world").returncode, 2)
        self.assertEqual(self.spore("log", "--level", "loud", "hello").returncode, 2)
        result = self.spore("notify", "--ready")
        self.assertEqual(result.returncode, 1)
        self.assertIn("NOTIFY_SOCKET is not set", result.stderr)
        self.assertEqual(self.spore("notify").returncode, 2)


del TaskTest

if __name__ == "__main__":
    unittest.main()
