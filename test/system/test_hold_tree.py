"""The end of a task is the end of all that it started, whatever that does to escape."""

import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

from hold_test import HOLD, HoldTest
from spore_test import wait_until

POSIX = "SPORE_POSIX" in os.environ
# The machine is not for this test alone: a bomb of busy processes, and the microseconds that those live that run away, which is still less
# than any look through all processes takes.
BOMB, LIFE = (200, 0) if "SPORE_TEST_LONG" in os.environ else (40, 500)

# Each of these ends by itself after a minute, so that a test that fails leaves nothing behind.
PROGRAM = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static time_t end;
static int *count;

static void say(const char *what)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%s %d\n", what, (int)getpid());
	(void)!write(1, text, (size_t)n);
}

static void sit(void)
{
	while (time(NULL) < end)
		sleep(1);
	exit(0);
}

static void ignore(void)
{
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

/* Never the same process for long. */
static void run_away(useconds_t life)
{
	ignore();
	while (time(NULL) < end) {
		setsid();
		usleep(life);
		pid_t pid = fork();
		if (pid > 0)
			_exit(0);
	}
	_exit(0);
}

static void bomb(int most)
{
	ignore();
	while (time(NULL) < end) {
		if (__atomic_load_n(count, __ATOMIC_RELAXED) < most && fork() == 0) {
			__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
			setsid();
		}
	}
	_exit(0);
}

static void *thread(void *arg)
{
	(void)arg;
	sit();
	return NULL;
}

int main(int argc, char *argv[])
{
	end = time(NULL) + 60;
	count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)argc;
	if (strcmp(argv[1], "daemon") == 0) {
		if (fork() > 0)
			exit(argc > 2 ? atoi(argv[2]) : 0);
		setsid();
		ignore();
		if (fork() > 0)
			_exit(0);
		say("daemon");
		sit();
	}
	if (strcmp(argv[1], "family") == 0) {
		if (fork() == 0) {
			setsid();
			if (fork() > 0)
				_exit(0);
			ignore();
			say("far");
			sit();
		}
		if (fork() == 0) {
			say("near");
			sit();
		}
		wait(NULL);
		say("program");
		sit();
	}
	if (strcmp(argv[1], "stopped") == 0) {
		say("stopped");
		raise(SIGSTOP);
		sit();
	}
	if (strcmp(argv[1], "run") == 0) {
		for (int i = 0; i < 3; i++)
			if (fork() == 0)
				run_away((useconds_t)atoi(argv[2]));
		say("program");
		sit();
	}
	if (strcmp(argv[1], "bomb") == 0) {
		if (fork() == 0)
			bomb(atoi(argv[2]));
		say("program");
		while (__atomic_load_n(count, __ATOMIC_RELAXED) < atoi(argv[2]) / 2)
			usleep(1000);
		say("full");
		sit();
	}
	if (strcmp(argv[1], "threads") == 0) {
		pthread_t t;
		if (fork() > 0)
			exit(0);
		setsid();
		ignore();
		pthread_create(&t, NULL, thread, NULL);
		say("thread");
		pthread_exit(NULL);
	}
	return 1;
}
"""


class TreeTest(HoldTest):
    def folder_for_another(self):
        """The folder of a hold that is to be started by other means."""
        hold = self.hold("exec sleep 1000", task="inner")
        hold.phase("running")
        hold.send("kill")
        hold.finish()
        os.unlink(os.path.join(hold.folder, "status"))  # else it would not begin again
        return hold, hold.folder

    @staticmethod
    def connects(hold):
        try:
            hold.connect().close()
            return True
        except OSError:
            return False


class Tree(TreeTest):
    subreaper = False  # do without a cgroup, where there could be one

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="spore-test-")
        cls.program = os.path.join(cls.folder.name, "tree")
        subprocess.run(["cc", "-O1", "-o", cls.program, "-x", "c", "-", "-pthread"], input=PROGRAM.encode(), check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def clean(self):
        # What does not carry the test's environment any more is known by its program.
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == self.program:
                    os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass
        super().clean()

    def running(self):
        """The processes of the program that live."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == self.program and not self.gone(pid):
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def tree(self, *args, **spec):
        return self.hold({"argv": [self.program, *args], "stop.grace_ms": 300, **spec})

    def setUp(self):
        super().setUp()
        if self.subreaper:
            self.env["SPORE_NO_CGROUP"] = "1"

    def said(self, hold, word):
        """The process that said WORD."""
        return wait_until(lambda: next((int(m[1]) for m in re.finditer(rb"%s (\d+)\n" % word.encode(), hold.output())),
                                       None), word)

    def assertEnds(self, hold):
        state = hold.finish()
        self.assertEqual(self.running(), [])
        self.assertNotIn("survivors", state)
        return state

    def test_it_ignores_the_signal(self):
        hold = self.hold({"sh": "trap '' TERM; echo here; while :; do sleep 1; done", "stop.grace_ms": 200})
        hold.phase("running")
        wait_until(hold.output)
        before = time.monotonic()
        hold.send("stop", -1)
        self.assertEqual(hold.finish()["signal"], signal.SIGKILL)
        self.assertGreater(time.monotonic() - before, 0.19)
        self.assertEqual(len(hold.events("killed")), 1)

    def test_grace_of_the_request(self):
        hold = self.hold({"sh": "trap '' TERM; echo here; while :; do sleep 1; done", "stop.grace_ms": 3600000})
        hold.phase("running")
        wait_until(hold.output)
        hold.send("stop", 3600000)
        hold.phase("stopping")
        hold.send("stop", 10)  # somebody lost patience
        self.assertEqual(hold.finish()["signal"], signal.SIGKILL)

    def test_it_is_stopped(self):
        hold = self.tree("stopped", **{"stop.grace_ms": 3600000})
        pid = self.said(hold, "stopped")
        hold.phase("running")
        wait_until(lambda: open(f"/proc/{pid}/stat").read().split()[2] == "T")
        hold.send("stop", -1)
        self.assertEqual(self.assertEnds(hold)["signal"], signal.SIGTERM)

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_who_left_the_group(self):
        hold = self.tree("family")
        for word in ("far", "near", "program"):
            self.said(hold, word)
        hold.phase("running")
        self.assertEqual(len(self.running()), 3)
        hold.send("stop", -1)
        self.assertEqual(self.assertEnds(hold)["signal"], signal.SIGTERM)

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_what_a_program_leaves_behind_ends_with_it(self):
        hold = self.tree("daemon", "3")
        self.said(hold, "daemon")
        state = self.assertEnds(hold)
        self.assertEqual((state["end"], state["code"]), ("exited", 3))
        self.assertEqual(len(hold.events("killed")), 1)

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_what_is_left_is_gone_before_the_next_run(self):
        hold = self.tree("daemon", "3", **{"restart": "always", "restart.delay_ms": 1, "restart.limit": 2,
                                           "stop.grace_ms": 250})
        self.assertEnds(hold)
        daemons = re.findall(rb"daemon (\d+)", hold.output())
        self.assertEqual(len(daemons), 3)

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_kill_at_once(self):
        hold = self.tree("family", **{"restart": "always", "stop.grace_ms": 3600000})
        self.said(hold, "program")
        hold.phase("running")
        hold.send("kill")
        self.assertEqual(self.assertEnds(hold)["signal"], signal.SIGKILL)

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_they_fork_while_being_killed(self):
        hold = self.tree("run", str(LIFE), **{"stop.grace_ms": 100})
        self.said(hold, "program")
        hold.phase("running")
        hold.send("stop", -1)
        self.assertEnds(hold)

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_a_bomb(self):
        hold = self.tree("bomb", str(BOMB), **{"stop.grace_ms": 100})
        hold.phase("running")
        self.said(hold, "full")
        hold.send("stop", -1)
        self.assertEnds(hold)

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_a_thread_outlives_the_first(self):
        hold = self.tree("threads", **{"stop.grace_ms": 250})
        self.said(hold, "thread")
        self.assertEnds(hold)

    def test_a_child_that_keeps_the_pipes(self):
        hold = self.hold("sleep 1000 & echo done")
        state = hold.finish()
        self.assertEqual((state["end"], state.get("code", 0)), ("exited", 0))
        self.assertEqual(hold.output(), b"done\n")
        self.assertEqual(hold.events("killed"), [])  # it was asked and went

    def test_what_is_left_may_finish(self):
        hold = self.hold("(sleep 0.05; echo late) &")
        hold.finish()
        self.assertEqual(hold.output(), b"late\n")
        self.assertEqual(hold.events("killed"), [])

    def test_a_pipe_that_a_stranger_keeps(self):
        hold = self.hold("echo here; exec sleep 1000")
        pid = hold.phase("running")["pid"]
        wait_until(hold.output)
        with open(f"/proc/{pid}/fd/1", "wb", buffering=0) as stranger:
            hold.send("stop", -1)
            hold.finish()
            self.assertEqual(hold.output(), b"here\n")
            self.assertRaises(BrokenPipeError, stranger.write, b"x")

    @unittest.skipIf(POSIX, "plain POSIX knows the process group only")
    def test_another_hold_below_lives_on(self):
        # As a node would be that a task's program started, with the holds that it started.
        other, inner = self.folder_for_another()
        hold = self.hold({"argv": ["/bin/sh", "-c", f"{HOLD} {inner} 5 & echo here; exec sleep 1000"],
                          "env": ["=".join(item) for item in self.env.items()]})
        hold.phase("running")
        wait_until(lambda: b"here" in hold.output() and self.connects(other))
        hold.send("stop", -1)
        hold.finish()
        peer = other.connect()
        self.assertEqual(peer.receive()[0], "hello")
        self.assertEqual(peer.receive()[1]["run"], 5)
        peer.send("stop", -1)
        while peer.receive():
            pass
        peer.close()


@unittest.skipIf(POSIX, "plain POSIX has no cgroup to do without")
class WithoutCgroup(Tree):
    """The same, where no cgroup can be made: as for most users."""

    subreaper = True

    def test_it_is_said(self):
        hold = self.hold("exec sleep 1000")
        self.assertEqual(hold.phase("running")["tree"], "subreaper")


class Cgroup(TreeTest):
    def setUp(self):
        super().setUp()
        self.base = self.cgroup("self")
        if POSIX or self.base is None or not os.access(self.base, os.W_OK):
            self.skipTest("no cgroup can be made here")

    @staticmethod
    def cgroup(pid):
        """The folder of its cgroup of version 2."""
        with open("/proc/self/mountinfo") as f:
            mounts = [line.split()[4] for line in f if " - cgroup2 " in line]
        with open(f"/proc/{pid}/cgroup") as f:
            paths = [line.strip()[3:] for line in f if line.startswith("0::")]
        return os.path.normpath(mounts[0] + paths[0]) if mounts and paths else None

    def test_one_of_its_own_and_gone_afterwards(self):
        hold = self.hold("exec sleep 1000")
        state = hold.phase("running")
        self.assertEqual(state["tree"], "cgroup")
        leaf = self.cgroup(state["pid"])
        self.assertEqual(os.path.basename(leaf), f"spore-hold-{hold.process.pid}")
        self.assertEqual(os.path.basename(os.path.dirname(leaf)), "spore-tasks")
        self.assertNotIn("spore-tasks", self.cgroup(hold.process.pid))
        hold.send("stop", -1)
        hold.finish()
        self.assertFalse(os.path.exists(leaf))

    def test_all_of_it_is_killed_at_once(self):
        hold = self.hold("setsid sh -c 'trap \"\" TERM; echo far; while :; do sleep 1; done' & exec sleep 1000")
        hold.phase("running")
        wait_until(hold.output)
        hold.send("kill")
        hold.finish()
        self.assertEqual(len(hold.events("killed")), 1)

    def test_a_hold_below_another_stands_beside_it(self):
        other, folder = self.folder_for_another()
        hold = self.hold({"argv": ["/bin/sh", "-c", f"{HOLD} {folder} 5 & exec sleep 1000"],
                          "env": ["=".join(item) for item in self.env.items()]})
        outer = hold.phase("running")["pid"]
        wait_until(lambda: self.connects(other))
        peer = other.connect()
        peer.receive()
        state = peer.receive()[1]
        while "pid" not in state:
            state = peer.receive()[1]
        self.assertEqual(os.path.dirname(self.cgroup(state["pid"])), os.path.dirname(self.cgroup(outer)))
        self.assertNotEqual(self.cgroup(state["pid"]), self.cgroup(outer))
        hold.send("kill")
        hold.finish()
        os.kill(state["pid"], 0)
        peer.send("stop", -1)
        while peer.receive():
            pass
        peer.close()


if __name__ == "__main__":
    unittest.main()
