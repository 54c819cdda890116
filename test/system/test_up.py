"""Systems that run: up, plan, down, rollback, --watch."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import unittest

from spore_test import BUILD, DEADLINE, SporeTest, wait_until

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")

# Says its version, and that it is ready once the file "go" is there (or at once, without --gate).
WEB = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{{
	printf("web {} %s\\n", argc > 1 ? argv[1] : "");
	fflush(stdout);
	while (argc > 1 && strcmp(argv[1], "gated") == 0 && access("go", F_OK) != 0)
		usleep(5000);
	puts("web is ready");
	fflush(stdout);
	for (;;)
		pause();
}}
"""

DB = "#!/bin/sh\necho db begins\necho db is ready\nwhile :; do sleep 1000; done\n"

SHOP = """spore: 1
name: shop
tasks:
  web:
    source: web.c
    after: {{ db: ready }}
    args: [{mode}]
    env: {{ LEVEL: {level} }}
    ready: {{ log: web is ready }}
  db: {{ source: ./db.sh, ready: {{ log: db is ready }} }}
  console: {{ source: path:cat, stdin: open, profiles: [debug] }}
"""


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX looks for changes of files and probes too slowly for these")
class Up(SporeTest):
    def setUp(self):
        super().setUp()
        del self.env["SPORE_NO_NODE"]
        self.addCleanup(self.end_node)
        self.write("web.c", WEB.format(1))
        self.write("db.sh", DB, 0o755)
        self.shop()

    def shop(self, mode="quick", level="low", extra=""):
        self.write("spore.yaml", SHOP.format(mode=mode, level=level) + extra)

    def end_node(self):
        names = self.spore("ps", "--names").stdout.split()
        if names:
            self.spore("rm", *names)
        self.spore("node", "stop")

    def tasks(self):
        return {t["name"]: t for t in json.loads(self.ok(self.spore("ps", "-a", "--json")).stdout)}

    def up(self, *args, stdout=None):
        return self.ok(self.spore("up", "-d", "--wait", *args), stdout)

    def plan(self, *args):
        plan = json.loads(self.ok(self.spore("plan", "--json", *args)).stdout)
        return {t["name"]: (t["action"], t["changed"], t["reason"]) for t in plan["tasks"]}, plan["removed"]

    def foreground(self, *args):
        """`spore up` as the leader of a group, as a shell starts it; its output by line."""
        process = self.start("up", *args, text=True, stderr=subprocess.STDOUT, start_new_session=True)
        self.addCleanup(self.end_group, process)
        self.lines = []
        threading.Thread(target=self.collect, args=(process.stdout,), daemon=True).start()
        return process

    @staticmethod
    def end_group(process):
        """Before its output is closed: who else has it would keep the reader waiting."""
        if process.poll() is None:
            process.kill()
        process.wait()

    def collect(self, stream):
        try:
            for line in stream:
                self.lines.append(line.rstrip("\n"))
        except ValueError:
            pass  # closed at the end of the test

    def said(self, text, times=1):
        wait_until(lambda: sum(text in line for line in self.lines) >= times, f"'{text}'\n" + "\n".join(self.lines))


class Plan(Up):
    def test_nothing_runs_yet(self):
        tasks, removed = self.plan()
        self.assertEqual(tasks, {"db": ("create", [], None), "web": ("create", [], None)})
        self.assertEqual(removed, [])
        self.assertEqual(self.spore("ps", "-a", "--names").stdout, "")

    def test_up_does_what_differs_and_no_more(self):
        self.ok(self.spore("build", "--opt", "web.c"))  # or it comes in between, which another test is about
        self.up(stdout="create     shop/db\ncreate     shop/web\n")
        before = self.tasks()
        self.assertEqual({n: t["state"] for n, t in before.items()}, {"shop/db": "running", "shop/web": "running"})
        self.up(stdout="unchanged  2 tasks of shop\n")
        self.assertEqual([t["pid"] for t in self.tasks().values()], [t["pid"] for t in before.values()])
        self.shop(level="high")
        self.assertEqual(self.plan()[0], {"db": ("unchanged", [], None), "web": ("replace", ["env"], None)})
        self.up(stdout="replace    shop/web  (env)\nunchanged  1 task of shop\n")
        after = self.tasks()
        self.assertEqual(after["shop/db"]["pid"], before["shop/db"]["pid"])
        self.assertNotEqual(after["shop/web"]["pid"], before["shop/web"]["pid"])

    def test_says_which_file_made_it_build_again(self):
        self.up()
        self.write("web.c", WEB.format(2))
        self.write("db.sh", DB.replace("begins", "begins again"), 0o755)
        tasks = self.plan()[0]
        self.assertEqual(tasks["web"][0::2], ("replace", os.path.join(self.work, "web.c")))
        self.assertIn("artifact", tasks["web"][1])
        self.assertEqual(tasks["db"], ("replace", ["version"], os.path.join(self.work, "db.sh")))
        self.write("web.c", WEB.format(3))
        self.assertIn("replace    shop/web  (artifact, argv; web.c changed)\n", self.ok(self.spore("up", "-d")).stdout)
        wait_until(lambda: "db begins again" in self.spore("logs", "db").stdout, "the changed script")

    def test_change_without_restart(self):
        self.up()
        pid = self.tasks()["shop/web"]["pid"]
        self.write("spore.yaml", SHOP.format(mode="quick", level="low").replace("    args:", "    stop: { grace: 9s }\n    args:"))
        self.up(stdout="update     shop/web  (stop.grace_ms)\nunchanged  1 task of shop\n")
        self.assertEqual(self.tasks()["shop/web"]["pid"], pid)

    def test_stopped_failed_and_removed(self):
        self.shop(extra="  once: { source: path:true }\n  bad: { source: path:false }\n")
        self.ok(self.spore("up", "-d"))
        self.ok(self.spore("wait", "--until", "ended", "once", "bad"))
        self.ok(self.spore("stop", "web"))
        self.shop(extra="  once: { source: path:true }\n")
        tasks, removed = self.plan()
        self.assertEqual({n: t[0] for n, t in tasks.items()}, {"db": "unchanged", "once": "unchanged", "web": "start"})
        self.assertEqual(removed, ["shop/bad"])
        self.up()
        self.assertEqual(sorted(self.tasks()), ["shop/db", "shop/once", "shop/web"])

    def test_values_of_secrets_are_never_shown(self):
        text = SHOP.format(mode="quick", level="low").replace("    args:", "    secrets: { KEY: { file: key } }\n    args:")
        self.write("spore.yaml", text)
        self.write("key", "first-hidden\n")
        self.up()
        pid = self.tasks()["shop/web"]["pid"]
        with open(f"/proc/{pid}/environ", "rb") as f:
            self.assertIn(b"KEY=first-hidden", f.read().split(b"\0"))
        self.write("key", "second-hidden\n")
        self.assertEqual(self.plan()[0]["web"][:2], ("replace", ["env"]))
        shown = [self.spore(*words).stdout for words in
                 (("plan",), ("plan", "--json"), ("up", "-d"), ("ps", "--json"), ("inspect", "web"), ("inspect", "--json", "web"),
                  ("logs",), ("check", "--json"), ("graph", "--json"))]
        self.assertNotIn("hidden", "".join(shown))
        self.assertIn("***", "".join(shown))

    def test_a_failing_build_changes_nothing(self):
        self.up()
        before = self.tasks()
        self.write("web.c", "nonsense")
        self.write("more.c", "more nonsense")
        self.shop(level="high", extra="  more: { source: more.c }\n")
        result = self.spore("up", "-d")
        self.assertEqual(result.returncode, 125)
        self.assertIn("web.c: does not compile", result.stderr)
        self.assertIn("more.c: does not compile", result.stderr)
        self.assertTrue(result.stderr.endswith("  nothing was started or stopped\n"), result.stderr)
        self.assertRegex(result.stderr, "spore: up: could not be built: (web, more|more, web)\n")
        self.assertEqual(self.tasks().keys(), before.keys())
        self.assertEqual(self.tasks()["shop/web"]["pid"], before["shop/web"]["pid"])


class Ended(Up):
    """What is wired to a task that has ended."""

    def pipeline(self, last="cat", more=""):
        self.write("spore.yaml", "spore: 1\nname: line\ntasks:\n  a: { source: path:sh, args: [-c, echo one] }\n"
                   f"  b: {{ source: path:cat }}\n  c: {{ source: path:sh, args: [-c, \"{last}\"]{more} }}\n"
                   "  other: { source: path:true }\nwires:\n  - a.stdout -> b.stdin\n  - b.stdout -> c.stdin\n")

    def runs(self):
        return {name.partition("/")[2]: (t["state"], t["run"]) for name, t in self.tasks().items()}

    def until(self, **wanted):
        wait_until(lambda: self.runs() == wanted, f"{wanted}")

    def test_a_pipeline_runs_again_as_a_whole(self):
        self.pipeline()
        self.ok(self.spore("up", "-d"))
        self.until(**dict.fromkeys(("a", "b", "c", "other"), ("ended", 1)))
        self.assertEqual(self.ok(self.spore("plan")).stdout, "unchanged  4 tasks of line\n")
        self.pipeline(last="sed s/^/new:/")
        plan = ("start      line/a  (it has ended, and line/b is wired to it)\n"
                "start      line/b  (it has ended, and line/c is wired to it)\n"
                "replace    line/c  (argv)\nunchanged  1 task of line\n")
        self.ok(self.spore("plan"), plan)
        again = {t["name"]: t["again_for"] for t in json.loads(self.ok(self.spore("plan", "--json")).stdout)["tasks"]}
        self.assertEqual(again, {"a": "b", "b": "c", "c": None, "other": None})
        self.ok(self.spore("up", "-d"), plan)
        self.until(**dict.fromkeys("abc", ("ended", 2)), other=("ended", 1))
        self.assertEqual([line for line in self.ok(self.spore("logs", "line/c", "--raw")).stdout.splitlines() if "one" in line],
                         ["one", "new:one"])

    def test_who_waits_says_for_what(self):
        """One that is started again whenever it ends waits for what comes next."""
        self.pipeline(more=", restart: always")
        self.ok(self.spore("up", "-d"))
        def why(task):
            return self.tasks()[f"line/{task}"]["why"]
        waits = "stdin is wired to line/b.stdout, and line/b is ended; 'spore start line/b' runs it again"
        wait_until(lambda: why("c") == waits, "c to wait")
        self.pipeline(last="sed s/^/new:/", more=", restart: always")
        self.ok(self.spore("up", "-d"), "replace    line/c  (argv)\nunchanged  3 tasks of line\n")
        wait_until(lambda: why("c") == waits, "c to wait")
        self.ok(self.spore("start", "line/b"))
        wait_until(lambda: why("b") == "stdin is wired to line/a.stdout, and line/a is ended; 'spore start line/a' runs it again",
                   "b to wait")
        self.ok(self.spore("start", "line/a"))
        wait_until(lambda: "new:one" in self.spore("logs", "line/c").stdout, "what it reads")


class Pipes(Up):
    """Programs that share a pipe, of which one is replaced."""

    def pipe(self, reader, writer="two", more=""):
        self.write("spore.yaml", "spore: 1\nname: pipe\ntasks:\n" + more + "".join(
            f"  {name}: {{ source: path:sh, args: [-c, \"while echo {name}; do sleep 0.05; done\"] }}\n" for name in ("one", "two"))
            + f"  reader: {{ source: path:sh, args: [-c, \"echo {reader} >&2; exec cat >&2\"] }}\n"
            + f"wires:\n  - {writer}.stdout -> reader.stdin\n")

    def read(self, text):
        def look():
            return text in self.ok(self.spore("logs", "pipe/reader", "--raw")).stdout.splitlines()
        wait_until(look, f"the reader to say {text}")

    def states(self):
        return {name.partition("/")[2]: (t["state"], t["generation"]) for name, t in self.tasks().items()}

    def test_its_neighbour_goes_on(self):
        self.pipe("old")
        self.ok(self.spore("up", "-d", "--wait"))
        self.read("two")
        self.pipe("new")
        self.assertEqual(self.ok(self.spore("plan")).stdout, "replace    pipe/reader  (argv)\nunchanged  2 tasks of pipe\n")
        for options in ((), ("--swap",)):  # at once, and one after the other
            self.ok(self.spore("up", "-d", "--wait", *options))
            self.read("new" if options == () else "newer")
            self.assertEqual({state for state, _ in self.states().values()}, {"running"})
            self.pipe("newer")
        self.assertEqual(self.states(), {"one": ("running", 1), "two": ("running", 1), "reader": ("running", 3)})

    def line(self, writer, reader, wait=True, tap=False, **options):
        more = {name: "".join(f", {key}: {value}" for key, value in options.get(name, {}).items()) for name in "ab"}
        self.write("spore.yaml", "spore: 1\nname: line\ntasks:\n"
                   + f"  gate: {{ source: path:sh, args: [-c, \"{self.gate}\"], ready: {{ log: is open }} }}\n"
                   + "".join(f"  {name}: {{ source: path:sh, args: [-c, \"{script}\"]{more[name]} }}\n"
                             for name, script in (("a", writer), ("b", reader)))
                   + f"wires:\n  - {{ from: a.stdout, to: b.stdin, tap: {str(tap).lower()} }}\n")
        self.ok(self.spore("up", "-d", *(["--wait"] if wait else [])))

    @property
    def gate(self):
        return f"while ! test -e {self.work}/open; do sleep 0.02; done; echo it is open; exec sleep 1000"

    def state(self, name):
        return self.tasks()[f"line/{name}"]["state"]

    def until_state(self, name, state):
        wait_until(lambda: self.state(name) == state, f"{name} {state}")

    def got(self, *numbers):
        wanted = [str(n) for n in numbers]
        def look():
            lines = self.ok(self.spore("logs", "line/b", "--raw", "-n", "100000")).stdout.splitlines()
            return [line for line in lines if line.isdigit()] == wanted
        wait_until(look, "all numbers, each once")

    IDLE, READS = "exec sleep 1000", "exec cat >&2"

    def replace_each(self, **options):
        self.write("open", "")
        self.line("seq 1000; exec sleep 1000", self.IDLE, **options)
        self.line("seq 1000; exec sleep 1000", self.READS, **options)
        self.got(*range(1, 1001))
        self.line("seq 1001 2000; exec sleep 1000", self.READS, **options)  # the writer
        self.got(*range(1, 2001))
        self.line("seq 2001 3000; exec sleep 1001", "exec cat  >&2", **options)  # both
        self.got(*range(1, 3001))
        self.assertEqual({name: t["generation"] for name, t in self.tasks().items()}, {"line/a": 3, "line/b": 3, "line/gate": 1})
        self.ok(self.spore("stop", "line/a"))  # end of file
        self.until_state("b", "ended")

    def test_nothing_that_is_in_the_pipe_is_lost(self):
        self.replace_each()

    def test_nor_with_a_tap(self):
        self.replace_each(tap=True)

    def between(self, a=None, b=None):
        """Of the two one has ended, and the next waits for the gate."""
        self.line("seq 1000; exec sleep 1000", self.IDLE, wait=False)
        for name in "ab":
            self.until_state(name, "running")
        with open(f"/proc/{self.tasks()['line/a' if a else 'line/b']['pid']}/stat", encoding="utf-8") as f:
            self.hold = int(f.read().rpartition(")")[2].split()[1])
        self.line(a or "seq 1000; exec sleep 1000", b or self.IDLE, wait=False,
                  **{name: {"after": "[gate]"} for name, script in (("a", a), ("b", b)) if script})
        self.until_state("a" if a else "b", "waiting")

    def until_gone(self):
        def look():
            try:
                with open(f"/proc/{self.hold}/stat", encoding="utf-8") as f:
                    return f.read().rpartition(")")[2].split()[0] in "ZX"
            except (FileNotFoundError, ProcessLookupError):
                return True
        wait_until(look, "the hold to end")

    def test_the_node_is_killed_between(self):
        self.between(b=self.READS)
        os.kill(json.loads(self.ok(self.spore("node", "status", "--json")).stdout)["pid"], signal.SIGKILL)
        self.until_state("b", "waiting")
        self.write("open", "")
        self.got(*range(1, 1001))
        self.assertEqual(self.tasks()["line/a"]["run"], 1)

    def test_it_is_stopped_between(self):
        self.between(a="seq 1001 2000")
        self.line("seq 1001 2000", self.READS, wait=False, a={"after": "[gate]"})
        self.got(*range(1, 1001))
        self.assertEqual(self.state("b"), "running")
        self.ok(self.spore("stop", "line/a"))
        self.until_state("b", "ended")
        self.until_gone()

    def test_the_hold_that_keeps_it_is_killed(self):
        self.between(b=self.READS)
        os.kill(self.hold, signal.SIGKILL)
        self.until_gone()  # or what is written meanwhile goes with it
        self.write("open", "")
        self.ok(self.spore("restart", "line/a"))
        self.got(*range(1, 1001))

    def test_the_next_hold_is_killed_before_it_has_it(self):
        """Another one takes it over."""
        self.between(b=self.READS)
        before = self.marked("spore-hold")
        os.kill(self.hold, signal.SIGSTOP)  # the next one waits for its answer
        self.write("open", "")
        new, = wait_until(lambda: [pid for pid in self.marked("spore-hold") if pid not in before], "the next hold")
        os.kill(new, signal.SIGKILL)
        os.kill(self.hold, signal.SIGCONT)
        if "does not hand over" in self.ok(self.spore("logs", "--stream", "events", "line/b")).stdout:
            self.skipTest("it waits for two seconds, and they were over")
        self.got(*range(1, 1001))
        self.assertEqual(self.tasks()["line/b"]["generation"], 3)

    def exact_programs(self):
        """A writer that goes on where the one before ended, and a reader that writes down what it has read, whatever comes."""
        common = ("import os, select, signal, sys\nasked, ask = os.pipe()\nos.set_blocking(ask, False)\nsignal.set_wakeup_fd(ask)\n"
                  "signal.signal(signal.SIGTERM, lambda *_: None)\n"
                  "def go(read, write):\n    return asked not in select.select([asked, *read], write, [])[0]\n")
        self.write("writer.py", common + "count = os.open('count', os.O_RDWR | os.O_CREAT)\n"
                   "at = int(os.pread(count, 20, 0) or 0)\n"
                   "while go([], [1]):\n    os.write(1, b'%d\\n' % at)\n    at += 1\n    os.pwrite(count, b'%d' % at, 0)\n")
        self.write("reader.py", common + "out = os.open('read', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
                   "while go([0], []):\n    os.write(out, os.read(0, 1000) or sys.exit('an end'))\n")

    def exact(self, version):
        self.write("spore.yaml", "spore: 1\nname: exact\ntasks:\n" + "".join(
            f"  {name}: {{ source: path:python3, args: [{name}.py, v{version[name]}], cwd: {self.work}, restart: never }}\n"
            for name in ("writer", "reader")) + "wires:\n  - writer.stdout -> reader.stdin\n")

    def test_again_and_again_with_kills_of_the_node(self):
        version = {"writer": 0, "reader": 0}
        self.exact_programs()
        random_ = random.Random(1)
        for i in range(100 if os.environ.get("SPORE_TEST_LONG") else 8):
            self.exact(version)
            if i % 2:
                node = json.loads(self.ok(self.spore("node", "status", "--json")).stdout)["pid"]
                timer = threading.Timer(random_.random() * 0.15, os.kill, (node, signal.SIGKILL))
                timer.start()
                self.spore("up", "-d")  # may lose its node
                timer.join()
            self.ok(self.spore("up", "-d"))
            wait_until(lambda: [t["state"] for t in self.tasks().values()] == ["running"] * 2, "both")
            for name in version:
                version[name] += random_.randrange(2)
        self.ok(self.spore("stop", "exact/writer"))
        wait_until(lambda: self.tasks()["exact/reader"]["state"] == "failed", "an end")
        with open(os.path.join(self.work, "read"), encoding="utf-8") as f:
            lines = f.read().split()
        self.assertEqual(lines, [str(n) for n in range(len(lines))])
        with open(os.path.join(self.work, "count"), encoding="utf-8") as f:
            self.assertEqual(len(lines), int(f.read()))

    def test_the_next_cannot_start(self):
        self.between(a="seq 1001 2000")
        self.line("seq 1001 2000", self.READS, wait=False, a={"cwd": "/no/such/folder"})
        self.until_state("a", "failed")
        self.got(*range(1, 1001))
        self.until_state("b", "ended")

    def test_the_program_before_gets_nothing_of_the_new_wire(self):
        slow = "  aslow: {{ source: path:sh, args: [-c, \"{} sleep 1000\"], ready: {{ log: is ready }} }}\n"
        self.pipe("old", writer="one", more=slow.format("echo it is ready; exec"))
        self.ok(self.spore("up", "-d", "--wait"))
        self.read("one")
        waits = f"while ! test -e {self.work}/go; do sleep 0.02; done; echo it is ready; exec"
        self.pipe("new", writer="two", more=slow.format(waits))
        up = self.start("up", "-d", "--wait", "--swap", text=True)
        wait_until(lambda: self.states()["aslow"][1] == 2 or self.states()["reader"][1] > 1, "the new aslow")
        self.assertEqual(self.states()["reader"][1], 1)
        self.write("go", "")
        self.assertEqual(up.wait(timeout=DEADLINE), 0)
        self.read("new")
        self.read("two")
        self.assertEqual(self.states()["reader"], ("running", 2))
        said = self.ok(self.spore("logs", "pipe/reader", "--raw", "-n", "100000")).stdout.splitlines()
        self.assertEqual(said.count("old"), 1)
        self.assertNotIn("two", said[:said.index("new")])


class Run(Up):
    def test_order_replicas_and_profiles(self):
        self.shop(extra="  many: { source: path:cat, stdin: open, replicas: 3, after: [web] }\n")
        self.up()
        self.assertEqual(sorted(self.tasks()), ["shop/db", "shop/many@1", "shop/many@2", "shop/many@3", "shop/web"])
        self.shop(extra="  many: { source: path:cat, stdin: open, replicas: 2, after: [web] }\n")
        self.assertEqual(self.plan()[1], ["shop/many@3"])
        self.up("--profile", "debug")
        self.assertEqual(sorted(self.tasks()), ["shop/console", "shop/db", "shop/many@1", "shop/many@2", "shop/web"])
        log = [line for line in self.spore("logs").stdout.splitlines() if "is ready" in line]
        order = [re.search(r"-- shop/(\w+)", line).group(1) for line in log if "-- shop/" in line]
        self.assertLess(order.index("db"), order.index("web"))
        self.assertLess(order.index("web"), order.index("many"))
        self.up()  # one that runs and is in no chosen profile is not touched
        self.assertEqual(self.tasks()["shop/console"]["state"], "running")

    def test_only_the_named_and_what_they_need(self):
        self.shop(extra="  other: { source: path:cat }\n")
        self.up("web", stdout="create     shop/db\ncreate     shop/web\n")
        self.up("console", stdout="create     shop/console\n")
        result = self.spore("up", "-d", "wbe")
        self.assertEqual((result.returncode, result.stderr),
                         (2, "spore: up: spore.yaml has no task 'wbe'\n  did you mean 'web'?\n"))
        os.mkdir(os.path.join(self.work, "market"))
        with open(os.path.join(self.work, "market", "spore.yaml"), "w") as f:
            f.write("spore: 1\ntasks: { stall: { source: path:cat } }\n")
        result = self.spore("up", "-d", "market")
        self.assertEqual((result.returncode, result.stderr), (
            2, "spore: up: spore.yaml has no task 'market'\n"
               "  the system of the folder is meant by: spore up ./market\n"))
        os.rename(os.path.join(self.work, "spore.yaml"), os.path.join(self.work, "market", "other.yaml"))
        result = self.spore("up", "-d", "market")
        self.assertEqual((result.returncode, result.stderr), (
            2, "spore: up: 'market' is taken for a task, and there is no spore.yaml in this folder or above it\n"
               "  the system of the folder is meant by: spore up ./market\n"))
        os.rename(os.path.join(self.work, "market", "other.yaml"), os.path.join(self.work, "spore.yaml"))
        result = self.spore("up", "-d", "--profile", "debgu")
        self.assertEqual((result.returncode, result.stderr),
                         (2, "spore: up: no task has the profile 'debgu'\n  did you mean 'debug'?\n"))

    def test_wait_says_what_for(self):
        self.shop(mode="gated")
        process = self.start("up", "-d", "--wait", text=True)
        line = process.stderr.readline()
        self.assertTrue(line.startswith("waiting for shop/"), line)
        self.write("go", "")
        self.assertEqual(process.wait(timeout=DEADLINE), 0)

    def test_wait_gives_up(self):
        self.shop(mode="gated")
        result = self.spore("up", "-d", "--wait", "--timeout", "300ms")
        self.assertEqual(result.returncode, 1)
        self.assertIn("spore: up: not ready in time: shop/web", result.stderr)
        self.shop(extra="  bad: { source: path:false, ready: notify }\n")
        result = self.spore("up", "-d", "--wait")
        self.assertEqual(result.returncode, 1)
        self.assertIn("spore: up: not ready: shop/bad", result.stderr)

    def test_two_projects_with_the_same_names(self):
        self.up()
        other = os.path.join(self.work, "other")
        for name in ("web.c", "db.sh", "spore.yaml"):
            with open(os.path.join(self.work, name), encoding="utf-8") as f:
                self.write("other/" + name, f.read(), 0o755)
        before = self.tasks()
        for command in (("up", "-d"), ("plan",)):
            result = self.spore(*command, cwd=other)
            self.assertEqual(result.returncode, 125)
            self.assertIn(f"there is a system shop already, of {self.work}/spore.yaml\n  give this one another name",
                          result.stderr)
        self.assertEqual(self.tasks()["shop/web"]["pid"], before["shop/web"]["pid"])
        self.write("other/spore.yaml", SHOP.format(mode="quick", level="low").replace("name: shop", "name: shop2"))
        self.ok(self.spore("up", "-d", "--wait", cwd=other))
        self.assertEqual(sorted(self.tasks()), ["shop/db", "shop/web", "shop2/db", "shop2/web"])
        self.ok(self.spore("down", cwd=other), "removed    shop2/db\nremoved    shop2/web\n")
        self.assertEqual(sorted(self.tasks()), ["shop/db", "shop/web"])

    def test_down_needs_no_manifest(self):
        self.up()
        pids = [t["pid"] for t in self.tasks().values()]
        self.write("spore.yaml", "no: [yaml")
        self.ok(self.spore("down"), "removed    shop/db\nremoved    shop/web\n")
        self.assertFalse([p for p in pids if os.path.exists(f"/proc/{p}")])
        self.ok(self.spore("down"), "spore.yaml is not up\n")
        self.shop()
        self.up()
        os.remove(os.path.join(self.work, "spore.yaml"))
        self.ok(self.spore("down", "shop"), "removed    shop/db\nremoved    shop/web\n")

    def test_an_optimised_build_is_no_change(self):
        self.up()
        before = self.tasks()["shop/web"]["pid"]
        self.ok(self.spore("build", "--opt", "web.c"))
        self.assertEqual(self.plan()[0]["web"][0], "unchanged")
        self.up()
        self.assertEqual(self.tasks()["shop/web"]["pid"], before)
        self.shop(level="high")
        action, changed = self.plan()[0]["web"][:2]
        self.assertEqual((action, "artifact" in changed, "env" in changed), ("replace", True, True))
        self.up()
        self.assertNotEqual(self.tasks()["shop/web"]["pid"], before)
        self.assertEqual(self.plan()[0]["web"][0], "unchanged")

    def test_an_optimised_build_comes_after_the_fast_one_is_listed(self):
        """However late that is: `up` would see another program, and start the task again."""
        libexec, gate = os.path.join(self.dir, "libexec"), os.path.join(self.dir, "gate")
        os.mkdir(libexec)
        for name in os.listdir(BUILD):
            if name.startswith("spore-") and os.path.isfile(os.path.join(BUILD, name)):
                os.symlink(os.path.join(BUILD, name), os.path.join(libexec, name))
        for name in ("libspore-trace.so", "tcc-prelude.h"):
            shutil.copy(os.path.join(BUILD, name), libexec)
        os.unlink(os.path.join(libexec, "spore-build"))
        shutil.copy(os.path.join(BUILD, "test", "system", "spore-build-full"), os.path.join(libexec, "spore-build"))
        os.mkfifo(gate)
        self.env.update(SPORE_LIBEXEC=libexec, SPORE_TEST_GATE=gate)

        def builds():
            return [b["state"] for b in json.loads(self.ok(self.spore("node", "builds", "--json")).stdout)]

        def open_gate():
            try:
                return os.fdopen(os.open(gate, os.O_WRONLY | os.O_NONBLOCK), "w")
            except OSError:
                return None
        self.ok(self.spore("node", "start"))
        self.write("web.c", WEB.format(2))  # so young that its entry is written after the program has begun
        process = self.start("up", "-d", "--wait")
        with wait_until(open_gate, "the builder at the gate"):
            self.assertEqual(builds(), [])
        os.unlink(gate)
        self.assertEqual((process.communicate(timeout=DEADLINE)[1], process.returncode), (b"", 0))
        before = self.tasks()["shop/web"]["pid"]
        wait_until(lambda: builds() == ["done"], "the optimised build")
        self.assertEqual(self.plan()[0]["web"][0], "unchanged")
        self.up()
        self.assertEqual(self.tasks()["shop/web"]["pid"], before)

    def test_rollback_goes_back_and_forth(self):
        self.up()
        self.write("web.c", WEB.format(2))
        self.up()
        wait_until(lambda: "web 2" in self.spore("logs", "web").stdout, "the second program")
        result = self.ok(self.spore("rollback", "web"))
        self.assertRegex(result.stdout, r"^shop/web is back at the artifact [\w-]+\n$")
        wait_until(lambda: self.spore("logs", "web").stdout.count("web 1") == 2, "the first program again")
        self.assertEqual(self.plan()[0]["web"][0], "replace")
        self.ok(self.spore("rollback", "web"))
        wait_until(lambda: self.spore("logs", "web").stdout.count("web 2") == 2, "the second program again")
        self.assertEqual(self.plan()[0]["web"][0], "unchanged")
        result = self.spore("rollback", "db")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no other program before", result.stderr)


class Foreground(Up):
    def test_shows_logs_and_stops_in_order(self):
        process = self.foreground()
        self.said("web is ready")
        pids = [t["pid"] for t in self.tasks().values()]
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(timeout=DEADLINE), 130)
        self.assertFalse([p for p in pids if os.path.exists(f"/proc/{p}")])
        self.said("stopping shop; once more kills")
        states = {n: t["state"] for n, t in self.tasks().items()}
        self.assertEqual(states, {"shop/db": "stopped", "shop/web": "stopped"})
        log = self.spore("logs").stdout
        self.assertLess(log.index("shop/web#1 was ended"), log.index("shop/db#1 is asked"))

    def test_second_interrupt_kills(self):
        self.write("db.sh", DB.replace("echo db begins", "trap '' TERM; echo db begins"), 0o755)
        process = self.foreground()
        self.said("web is ready")
        os.killpg(process.pid, signal.SIGINT)
        self.said("shop/db#1 is asked to end")
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(timeout=DEADLINE), 130)
        task = self.tasks()["shop/db"]
        self.assertEqual(task["state"], "stopped")

    def test_ends_with_its_tasks(self):
        self.write("spore.yaml", "spore: 1\nname: shop\ntasks:\n  one: { source: path:true }\n  two: { source: path:echo, args: [hello] }\n")
        process = self.foreground()
        self.assertEqual(process.wait(timeout=DEADLINE), 0)
        self.write("spore.yaml", "spore: 1\nname: shop\ntasks:\n  one: { source: path:false }\n")
        process = self.foreground()
        self.assertEqual(process.wait(timeout=DEADLINE), 1)
        self.said("shop/one failed")

    def test_watch_replaces_when_the_new_one_is_ready(self):
        self.shop(mode="gated")
        self.write("go", "")
        process = self.foreground("--watch")
        self.said("shop/web#1 is ready")
        first = self.tasks()["shop/web"]["pid"]
        self.write("web.c", "nonsense")
        self.said("web.c changed, building again")
        self.said("shop runs on as it was")
        self.assertEqual(self.tasks()["shop/web"]["pid"], first)
        os.remove(os.path.join(self.work, "go"))
        self.write("web.c", WEB.format(2))
        self.said("web.c changed)")
        self.said("web 2 gated")
        os.kill(first, 0)  # the old one is there, although the new one runs
        self.write("go", "")
        wait_until(lambda: not os.path.exists(f"/proc/{first}"), "the end of the old one")
        self.assertEqual(self.tasks()["shop/web"]["state"], "running")
        self.shop(mode="gated", level="high", extra="  more: { source: path:cat, stdin: open }\n")
        self.said("spore.yaml changed, building again")
        self.said("create     shop/more")
        self.said("shop/more#1 started")
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(timeout=DEADLINE), 130)

    def test_logs_after_a_system_was_forgotten(self):
        self.up()
        self.ok(self.spore("down"))
        process = self.foreground()
        self.said("web is ready")
        self.assertFalse([line for line in self.lines if "was ended" in line])  # of the run before
        os.killpg(process.pid, signal.SIGTERM)
        self.assertEqual(process.wait(timeout=DEADLINE), 143)


class Example(Up):
    def test_visits(self):
        folder = os.path.join(self.work, "visits")
        shutil.copytree(os.path.join(EXAMPLES, "visits"), folder)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.env["VISITS_PORT"] = str(s.getsockname()[1])
        self.env["VISITS_STATE"] = os.path.join(self.dir, "counts")
        self.ok(self.spore("up", "-d", "--wait", cwd=folder))
        wait_until(lambda: "you are visitor 2" in self.spore("logs", "visitor", cwd=folder).stdout, "two visits")
        os.kill(self.tasks()["visits/counter"]["pid"], signal.SIGKILL)
        wait_until(lambda: "you are visitor 4" in self.spore("logs", "visitor", cwd=folder).stdout, "visits after a kill")
        self.ok(self.spore("down", cwd=folder))
        self.assertEqual(self.tasks(), {})


if __name__ == "__main__":
    unittest.main()
