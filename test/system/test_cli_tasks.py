"""Single tasks from the command line, with the real node and holds."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

from spore_test import SPORE, SporeTest, Terminal, wait_until

SAY = """#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	printf("arguments %d %s\\n", argc - 1, argc > 1 ? argv[1] : "");
	printf("MODE=%s\\n", getenv("MODE") ? getenv("MODE") : "(none)");
	fflush(stdout);
	for (;;)
		pause();
}
"""

STUBBORN = "#!/bin/sh\ntrap '' TERM\necho deaf\nwhile :; do sleep 0.05; done\n"


class Tasks(SporeTest):
    def setUp(self):
        super().setUp()
        del self.env["SPORE_NO_NODE"]
        self.addCleanup(self.end_node)

    def end_node(self):
        """Holds outlive the node, so they are asked to end first."""
        names = self.spore("ps", "--names").stdout.split()
        if names:
            self.spore("rm", *names)
        self.spore("node", "stop")

    def tasks(self, *options):
        return {t["name"]: t for t in json.loads(self.ok(self.spore("ps", "--json", *options)).stdout)}

    def measures(self):
        """Plain POSIX has no list of processes."""
        return self.tasks("--usage")[sorted(self.tasks())[0]]["memory_kib"] is not None

    def sleeper(self, name, *options):
        self.ok(self.spore("start", "--name", name, *options, "path:sleep", "1000"), name + "\n")

    def wait_state(self, name, state):
        wait_until(lambda: self.tasks("-a").get(name, {}).get("state") == state, f"{name} to be {state}")


class Start(Tasks):
    def test_source_runs_in_the_background(self):
        self.write("say.c", SAY)
        self.ok(self.spore("start", "--wait", "--env", "MODE=day", "say.c", "one"), "say\n")
        task = self.tasks()["say"]
        self.assertEqual((task["state"], task["ready"], task["wanted"], task["restarts"]), ("running", True, True, 0))
        self.assertEqual(task["source"], os.path.join(self.work, "say.c"))
        os.kill(task["pid"], 0)
        with open(f"/proc/{task['pid']}/environ", "rb") as f:
            env = dict(pair.split(b"=", 1) for pair in f.read().split(b"\0") if pair)
        self.assertEqual(env[b"MODE"], b"day")
        self.assertEqual(env[b"HOME"], self.home.encode())
        self.assertNotIn(b"SPORE_STORE", env)
        self.assertEqual(os.readlink(f"/proc/{task['pid']}/cwd"), self.work)

    @unittest.skipIf(os.environ.get("SPORE_SANITIZE", "none") not in ("", "none"), "a user's program links no sanitized library")
    def test_records_of_libspore_reach_the_log(self):
        self.write("says.c", '#include <spore/spore.h>\nint main(void)\n{\n'
                   '\tspore_log(SPORE_WARN, "nearly full", spore_int("percent", 93));\n\treturn 0;\n}\n')
        self.ok(self.spore("start", "says.c"), "says\n")
        self.wait_state("says", "ended")
        records = [json.loads(line) for line in self.ok(self.spore("logs", "--json", "says")).stdout.splitlines()]
        said = [r for r in records if r["stream"] == "records"]
        self.assertEqual([(r["level"], r["text"], r["fields"]) for r in said], [("warn", "nearly full", {"percent": 93})])

    def test_a_task_that_runs_is_not_replaced_unasked(self):
        self.sleeper("web")
        pid = wait_until(lambda: self.tasks()["web"]["pid"])
        result = self.spore("start", "--name", "web", "path:sleep", "2000")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("a task 'web' runs already", result.stderr)
        self.assertIn("--replace", result.stderr)
        self.assertEqual(self.tasks()["web"]["pid"], pid)
        self.ok(self.spore("start", "--replace", "--wait", "--name", "web", "path:sleep", "2000"), "web\n")
        self.assertNotEqual(self.tasks()["web"]["pid"], pid)

    def test_stopped_begins_again_by_name(self):
        self.sleeper("web")
        self.ok(self.spore("stop", "web"), "")
        self.assertEqual(self.tasks("-a")["web"]["state"], "stopped")
        self.ok(self.spore("start", "--wait", "web"), "web\n")
        self.assertEqual(self.tasks()["web"]["state"], "running")

    def test_neither_source_nor_task(self):
        result = self.spore("start", "nothing")
        self.assertEqual((result.returncode, result.stdout), (127, ""))
        self.assertIn("no such source", result.stderr)
        self.sleeper("server")
        self.assertIn("did you mean 'server'", self.spore("start", "serve").stderr)
        self.assertEqual(self.spore("start", "--name", "x", "./missing.c").returncode, 127)

    def test_name_of_the_source(self):
        self.write("my prog.v2.sh", "sleep 1000\n")
        self.ok(self.spore("start", "my prog.v2.sh"), "my-prog-v2\n")

    def test_broken_source_starts_nothing(self):
        self.write("bad.c", "int main(void) { return x; }\n")
        result = self.spore("start", "bad.c")
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertIn("bad.c:1", result.stderr)
        self.assertEqual(self.tasks("-a"), {})

    def test_wrong_options_say_what_is_right(self):
        for options, what, remedy in (
            (("--restart", "alwys"), "--restart alwys", "did you mean 'always'?"),
            (("--grace", "soon"), "--grace soon", "1m30s"),
            (("--stop-signal", "NOSUCH"), "--stop-signal NOSUCH", "kill -l"),
            (("--ready", "tpc:80"), "--ready tpc:80", "tcp:ADDRESS"),
            (("--ready", "tcp:99999"), "--ready tcp:99999", "tcp:8080"),
            (("--ready", "log:up("), "--ready log:up(: not a regular expression", "grep -E"),
            (("--limit", "memory=lots"), "--limit memory=lots", "memory=512M"),
            (("--limit", "memroy=1M"), "--limit memroy", "did you mean 'memory'?"),
            (("--after", "a:redy"), "--after redy", "did you mean 'ready'?"),
            (("--nice", "40"), "--nice 40", "-20 to 19"),
            (("--every", "never"), "--every never", "cron"),
            (("--replicas", "0"), "--replicas 0", "1000"),
            (("--name", "a b"), "--name a b", "letter or digit"),
            (("--env", "NOT_SET_HERE"), "--env NOT_SET_HERE", "NAME=VALUE"),
            (("--cwd", "/nowhere"), "--cwd /nowhere", "folder"),
            (("--env-file", "missing.env"), "--env-file missing.env", "path"),
        ):
            with self.subTest(options=options):
                result = self.spore("start", *options, "path:sleep", "1")
                self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
                self.assertIn(what, result.stderr)
                self.assertIn(remedy, result.stderr)
        self.assertEqual(self.tasks("-a"), {})

    def test_environment_files_and_secrets(self):
        self.write("web.env", "# comment\nexport MODE='night'\nEMPTY=\n")
        self.env["TOKEN"] = "hunter2"
        self.sleeper("web", "--env-file", "web.env", "--secret", "TOKEN", "--wait")
        with open(f"/proc/{self.tasks()['web']['pid']}/environ") as f:
            env = f.read().split("\0")
        self.assertIn("MODE=night", env)
        self.assertIn("EMPTY=", env)
        self.assertIn("TOKEN=hunter2", env)
        for shown in (self.spore("inspect", "web"), self.spore("inspect", "--json", "web"), self.spore("ps", "--json")):
            self.assertNotIn("hunter2", shown.stdout)
        self.assertIn("TOKEN=***", self.spore("inspect", "web").stdout)

    def test_replicas(self):
        names = [f"w@{i}" for i in range(1, 4)]
        result = self.spore("start", "--name", "w", "--replicas", "3", "--wait", "path:sleep", "1000")
        self.ok(result, "".join(n + "\n" for n in names))
        self.assertEqual(sorted(self.tasks()), names)
        result = self.spore("start", "--name", "w", "--replicas", "2", "--replace", "path:sleep", "1000")
        self.ok(result)
        self.assertEqual(sorted(self.tasks("-a")), names[:2])
        self.ok(self.spore("stop", "w"))
        self.assertEqual(self.tasks(), {})

    def test_options_reach_the_specification(self):
        self.write("input.txt", "hello\n")
        os.mkdir(os.path.join(self.work, "sub"))
        self.sleeper("db")
        self.ok(self.spore(
            "start", "--name", "web", "--restart", "on-failure", "--cwd", "sub", "--stdin", "input.txt", "--ready", "log:up|ok",
            "--ready-timeout", "2m", "--alive", "exec:true", "--after", "db:started", "--stop-signal", "INT", "--grace", "1m30s",
            "--limit", "files=512", "--limit", "core=0", "--nice", "3", "--cpus", "0", "--config", "port=80", "--control",
            "path:sleep", "1000",
        ))
        spec = json.loads(self.ok(self.spore("inspect", "--json", "web")).stdout)["spec"]
        expected = {
            "task": "web", "source": "path:sleep", "restart": "on-failure", "cwd": os.path.join(self.work, "sub"),
            "stdin": "file", "stdin.file": os.path.join(self.work, "input.txt"), "ready": "log", "ready.log": "up|ok",
            "ready.timeout_ms": 120000, "alive": "exec", "alive.exec": ["/bin/sh", "-c", "true"], "after": ["db started"],
            "stop.signal": 2, "stop.grace_ms": 90000, "limits.files": 512, "nice": 3, "affinity": "0", "config": ["port=80"],
            "control": True,
        }
        self.assertEqual({k: spec.get(k) for k in expected}, expected)

    def test_periodic(self):
        self.ok(self.spore("start", "--name", "often", "--every", "1s", "path:true"))
        wait_until(lambda: self.tasks("-a")["often"]["run"] >= 2, "the second run")
        task = self.tasks()["often"]
        self.assertEqual((task["every"], task["wanted"]), ("1s", True))

    def test_wait_says_why_not(self):
        self.write("fails.sh", "echo it is broken >&2; exit 3\n")
        result = self.spore("start", "--wait", "--ready", "tcp:1", "fails.sh")
        self.assertEqual((result.returncode, result.stdout), (1, "fails\n"))
        self.assertIn("not ready", result.stderr)

    def test_json(self):
        result = self.ok(self.spore("start", "--json", "--name", "a", "path:sleep", "1000"))
        (started,) = json.loads(result.stdout)
        self.assertEqual(started["name"], "a")
        self.assertEqual(started["generation"], 1)


class Stop(Tasks):
    def test_stop_kill_restart_rm(self):
        self.sleeper("a", "--wait")
        first = self.tasks()["a"]["pid"]
        self.ok(self.spore("restart", "a"), "")
        self.wait_state("a", "running")
        second = self.tasks()["a"]["pid"]
        self.assertNotEqual(first, second)
        result = json.loads(self.ok(self.spore("stop", "--json", "a")).stdout)
        self.assertEqual(result["stopped"], ["a"])
        self.assertFalse(os.path.exists(f"/proc/{second}"))
        task = self.tasks("-a")["a"]
        self.assertEqual((task["state"], task["pid"], task["wanted"]), ("stopped", None, False))
        self.assertEqual((task["last_end"]["how"], task["last_end"]["signal"]), ("signalled", 15))
        self.ok(self.spore("rm", "a"), "")
        self.assertEqual(self.tasks("-a"), {})

    def test_grace(self):
        self.write("stubborn.sh", STUBBORN)
        self.ok(self.spore("start", "--grace", "1h", "--ready", "log:deaf", "--wait", "stubborn.sh"))
        self.ok(self.spore("stop", "--grace", "100ms", "stubborn"))
        self.assertEqual(self.tasks("-a")["stubborn"]["last_end"]["signal"], 9)

    def test_kill(self):
        self.write("stubborn.sh", STUBBORN)
        self.ok(self.spore("start", "--grace", "1h", "--restart", "always", "--ready", "log:deaf", "--wait", "stubborn.sh"))
        self.ok(self.spore("kill", "stubborn"))
        self.assertEqual(self.tasks("-a")["stubborn"]["state"], "stopped")

    def test_kill_with_a_signal_is_only_that(self):
        self.sleeper("a", "--wait", "--restart", "always")
        first = self.tasks()["a"]["pid"]
        self.ok(self.spore("kill", "-s", "USR1", "a"))
        wait_until(lambda: self.tasks()["a"]["pid"] not in (None, first), "the next run")
        task = self.tasks()["a"]
        self.assertEqual((task["restarts"], task["last_end"]["signal"]), (1, 10))

    def test_wrong_names(self):
        self.sleeper("server")
        for command in ("stop", "restart", "kill", "rm", "inspect", "wait"):
            with self.subTest(command=command):
                result = self.spore(command, "sever")
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertRegex(result.stderr, rf"^spore: {command}: no task 'sever'\n  did you mean 'server'\?\n$")
                result = self.spore(command, "no name!")
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn("no name!", result.stderr)
                self.assertEqual(self.spore(command).returncode, 2)
        self.assertEqual(list(self.tasks()), ["server"])

    def test_wait_until_ended(self):
        self.ok(self.spore("start", "--name", "short", "path:true"))
        self.ok(self.spore("wait", "--until", "ended", "short"), "")
        task = self.tasks("-a")["short"]
        self.assertEqual((task["state"], task["last_end"]["code"]), ("ended", 0))
        self.sleeper("long")
        result = self.spore("wait", "--until", "ended", "--timeout", "200ms", "long")
        self.assertEqual(result.returncode, 1)
        self.assertIn("in time", result.stderr)
        self.assertIn("did you mean 'ended'", self.spore("wait", "--until", "endd", "long").stderr)


class Killed(Tasks):
    @staticmethod
    def opened(pid):
        """What the descriptors of a process lead to; it opens and closes some meanwhile."""
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                yield os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:
                pass

    def test_a_command_that_waits_outlives_the_node(self):
        self.sleeper("a", "--wait")
        waiting = self.start("wait", "--until", "ended", "a")
        with open(os.path.join(self.dir, "state", "node.log")) as f:
            node = int(re.findall(r"process (\d+)", f.read())[-1])
        wait_until(lambda: any(name.startswith("socket:") for name in self.opened(waiting.pid)), "its connection")
        os.kill(node, signal.SIGKILL)
        self.assertIsNone(waiting.poll())
        pid = self.tasks()["a"]["pid"]
        os.kill(pid, 0)  # the task did not notice
        self.ok(self.spore("stop", "a"))
        self.assertEqual(waiting.wait(60), 0)


class Show(Tasks):
    COLUMNS = ["NAME", "STATE", "PID", "RUN", "RESTARTS", "AGE", "CPU", "MEM", "WHY"]

    def test_ps_columns(self):
        self.sleeper("a", "--wait")
        self.ok(self.spore("start", "--name", "bad", "path:false"))
        self.ok(self.spore("wait", "--until", "ended", "bad"))
        head, *rows = self.ok(self.spore("ps", "-a")).stdout.splitlines()
        self.assertEqual(head.split(), self.COLUMNS)
        rows = {r.split()[0]: r for r in rows}
        cells = rows["a"].split()
        self.assertEqual((cells[1], cells[3], cells[4]), ("running", "1", "0"))
        if self.measures():
            self.assertRegex(cells[6], r"^\d+\.\d\ds$")
            self.assertRegex(cells[7], r"^[\d.]+[KM]$")
        else:
            self.assertEqual(cells[6:8], ["-", "-"])
        self.assertIn("failed", rows["bad"])
        self.assertIn("status 1", rows["bad"])

    def test_ps_without_tasks(self):
        self.assertEqual(self.ok(self.spore("ps")).stdout.split(), self.COLUMNS)
        self.ok(self.spore("ps", "--json"), "[]\n")
        self.assertEqual(self.spore("ps", "a", "b").returncode, 2)

    def test_names_are_silent_without_a_node(self):
        self.ok(self.spore("ps", "--names"), "")
        self.ok(self.spore("wires", "--names"), "")
        self.assertFalse(os.path.exists(os.path.join(self.dir, "state", "node.lock")))
        self.sleeper("a")
        self.ok(self.spore("stop", "a"))
        self.ok(self.spore("ps", "--names"), "a\n")

    def test_json_shape_is_one(self):
        self.sleeper("a", "--wait")
        task = self.tasks()["a"]
        inspected = json.loads(self.ok(self.spore("inspect", "--json", "a")).stdout)
        self.assertEqual(set(inspected["task"]), set(task))
        for key in ("spec", "folder", "log", "tree", "limits", "history", "last_lines"):
            self.assertIn(key, inspected)
        self.assertEqual(inspected["spec"]["argv"][1:], ["1000"])
        self.assertEqual(inspected["task"]["pid"], task["pid"])
        self.assertTrue(os.path.isdir(inspected["folder"]))
        self.assertTrue(inspected["last_lines"])

    def test_inspect_for_people(self):
        self.sleeper("a", "--wait")
        text = self.ok(self.spore("inspect", "a")).stdout
        for line in (r"^name +a$", r"^state +running", r"^process +\d+, run 1, hold \d+$", r"^tree +\w+$", r"^ +source +\"path:sleep\"$"):
            self.assertRegex(text, re.compile(line, re.M))
        self.assertEqual(self.spore("inspect", "-n", "many", "a").returncode, 2)

    def test_inspect_ends_with_the_log(self):
        self.write("say.c", SAY)
        self.ok(self.spore("start", "--ready", "log:MODE", "--wait", "say.c"))
        text = self.ok(self.spore("inspect", "say")).stdout.split("last lines\n")[1]
        self.assertIn("MODE=(none)", text)
        lines = json.loads(self.ok(self.spore("inspect", "--json", "-n", "50", "say")).stdout)["last_lines"]
        self.assertIn("MODE=(none)", [line["text"] for line in lines])

    def test_what_a_program_says_moves_no_cursor(self):
        self.sleeper("a", "--env", "X=\033[2J", "--wait")
        self.assertNotIn("\033", self.spore("inspect", "a").stdout)

    def test_colour_only_on_a_terminal(self):
        self.sleeper("a", "--wait")
        self.assertNotIn("\033", self.spore("ps").stdout)
        for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            with self.subTest(extra=extra):
                terminal = Terminal([SPORE, "ps"], {**self.env, "TERM": "xterm", **extra}, self.work)
                self.addCleanup(terminal.close)
                text = terminal.expect("running")
                self.assertEqual("\033[32m" in text, coloured)

    def test_thousand_tasks(self):
        """Prints how long ps takes; what it lists is what counts here."""
        count = int(os.environ.get("SPORE_TEST_TASKS", "60"))
        self.ok(self.spore("start", "--name", "w", "--replicas", str(count), "path:sleep", "1000"))
        times = []
        for _ in range(10):
            begin = time.perf_counter()
            result = self.ok(self.spore("ps"))
            times.append(time.perf_counter() - begin)
            self.assertEqual(len(result.stdout.splitlines()), count + 1)
        print(f"# ps with {count} tasks: {sorted(times)[5] * 1000:.1f} ms (median of 10, process included)")
        self.assertEqual(len(self.tasks()), count)


class Printed(Tasks):
    """What cannot be printed is no success, whichever command it is."""

    COMMANDS = [["help"], ["help", "wires"], ["--version"], ["wires", "--help"], ["ps"], ["ps", "--json"], ["wires"], ["wires", "--json"],
                ["wires", "--stats"], ["wires", "--stats", "--json"], ["graph"], ["graph", "--dot"], ["graph", "--mermaid"], ["graph", "--json"],
                ["graph", "spore.yaml"], ["why", "a", "b"], ["check"], ["check", "--json"], ["plan"], ["inspect", "a"], ["inspect", "a", "--json"],
                ["logs", "a"], ["node", "status"], ["store", "ls"], ["doctor"], ["doctor", "--json"], ["bridge", "--list"], ["call", "node", "node.status"],
                ["top", "--once"], ["build", "--json", "say.c"], ["build", "say.c"]]

    def setUp(self):
        super().setUp()
        self.write("say.c", SAY)
        self.write("spore.yaml", "spore: 1\nname: s\ntasks:\n  a:\n    source: path:sleep\n    args: [\"1000\"]\n")
        for name in ("a", "b"):
            self.sleeper(name)

    def shell(self, script, command, **more):
        return subprocess.run(["sh", "-c", script, "sh", SPORE, *command], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=self.patience, **more)

    def test_on_a_full_disk(self):
        for command in self.COMMANDS:
            result = self.shell('exec "$@" >/dev/full', command)
            self.assertIn("No space left on device", result.stderr, command)
            self.assertNotEqual(result.returncode, 0, command)

    def test_nowhere(self):
        for command in self.COMMANDS:
            result = self.shell('exec "$@" >&-', command)
            self.assertIn("Bad file descriptor", result.stderr, command)
            self.assertNotEqual(result.returncode, 0, command)

    def test_to_who_has_seen_enough(self):
        for command in self.COMMANDS:
            for script in ('exec "$@"', "trap '' PIPE; exec \"$@\""):
                reader, writer = os.pipe()
                os.close(reader)
                result = self.shell(script, command, stdout=writer)
                os.close(writer)
                self.assertEqual(result.stderr, "", command)


class Top(Tasks):
    def terminal(self, **extra):
        env = {**self.env, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **extra}
        terminal = Terminal([SPORE, "top", "--interval", "100ms"], env, self.work)
        self.addCleanup(terminal.close)
        return terminal

    def test_plain_table_where_there_is_no_terminal(self):
        self.sleeper("a", "--wait")
        lines = self.ok(self.spore("top", "--interval", "100ms")).stdout.splitlines()
        self.assertRegex(lines[0], r"^1 tasks, 1 running, 0 failed; cpu ")
        self.assertEqual(lines[1].split(), ["NAME", "STATE", "PID", "RESTARTS", "CPU%", "MEM", "LOG/s", "AGE", "WHY"])
        self.assertEqual(lines[2].split()[:2], ["a", "running"])
        self.assertNotIn("\033", "".join(lines))
        self.assertEqual(self.spore("top", "--interval", "1ms").returncode, 2)

    def test_busy_first_and_log_rate(self):
        self.write("busy.sh", "while :; do echo 0123456789012345678901234567890123456789; done\n")
        self.sleeper("a", "--wait")
        self.ok(self.spore("start", "--wait", "busy.sh"))
        if not self.measures():
            self.skipTest("plain POSIX cannot look into processes")
        rows = self.ok(self.spore("top", "--interval", "1s")).stdout.splitlines()[2:]
        self.assertEqual([r.split()[0] for r in rows], ["busy", "a"])
        self.assertGreater(float(rows[0].split()[4]), 1)
        self.assertNotEqual(rows[0].split()[6], "0")
        self.assertEqual(rows[1].split()[6], "0")

    def test_keys(self):
        self.sleeper("a", "--wait")
        self.sleeper("b", "--wait")
        terminal = self.terminal()
        terminal.expect("q quit")
        terminal.send("n")  # by name: a first, and the cursor is there
        terminal.expect("name")
        terminal.send("s")
        terminal.expect("done")
        self.wait_state("a", "stopped")
        self.assertEqual(self.tasks()["b"]["state"], "running")
        pid = self.tasks()["b"]["pid"]
        terminal.send("r")  # a has gone from the list: b is the first now
        terminal.expect("done")
        self.wait_state("b", "running")
        self.assertNotEqual(self.tasks()["b"]["pid"], pid)
        terminal.send("q")
        self.assertEqual(terminal.wait(), 0)

    def test_log_of_the_chosen_one(self):
        self.write("say.c", SAY)
        self.ok(self.spore("start", "--wait", "say.c"))
        terminal = self.terminal()
        terminal.expect("q quit")
        terminal.send("l")
        terminal.expect("MODE=(none)")
        terminal.send("\x03")
        terminal.expect("q quit")
        terminal.send("q")
        self.assertEqual(terminal.wait(), 0)

    def test_resize_and_tiny_screens(self):
        for i in range(5):
            self.sleeper(f"t{i}")
        terminal = self.terminal()
        terminal.expect("q quit")
        terminal.resize(10, 200)
        terminal.expect("q quit")
        for rows, columns in ((3, 10), (1, 1), (30, 120)):
            terminal.resize(rows, columns)
        terminal.expect("q quit")
        terminal.send("q")
        self.assertEqual(terminal.wait(), 0)

    def test_ends_with_a_signal(self):
        terminal = self.terminal()
        terminal.expect("q quit")
        terminal.send("\x03")
        self.assertEqual(terminal.wait(), 0)

    def test_unknown_terminal(self):
        terminal = self.terminal(TERM="no-such-terminal")
        terminal.expect("this terminal is not known")
        self.assertEqual(terminal.wait(), 125)


if __name__ == "__main__":
    unittest.main()
