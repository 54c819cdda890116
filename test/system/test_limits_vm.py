"""Limits by the controllers of cgroup v2, in a virtual machine: what has none here, or belongs to somebody else, can be tested there."""

import json
import os
import re
import tempfile
import unittest

import vm
from spore_test import BUILD

GROUPS = "/sys/fs/cgroup"
SPORE = "/opt/spore/"

# Each `say NAME COMMAND` is what a test looks at.
SCRIPT = f"""#!/bin/sh
export PATH=/opt/spore:/bin HOME=/root SPORE_STORE=/tmp/store SPORE_STATE=/tmp/state SPORE_RUNTIME=/tmp/runtime LANG=C.UTF-8
G={GROUPS}
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
chmod 1777 /tmp

say() {{ echo "@@ $1"; shift; "$@" 2>&1; echo "@@ status $?"; }}
task() {{ # NAME OPTION... -- ARGUMENT... of the eater; then how it ended
	name=$1; shift
	say "$name.start" spore start --name "$name" "$@"
	say "$name.wait" spore wait --until ended --timeout 2m "$name"
	say "$name" spore inspect --json "$name"
}}
user() {{ # the same as an ordinary user whose node starts in the cgroup $1
	at=$1 name=$2; shift 2
	say "$name.start" eater as 1000 "$at" spore start --name "$name" "$@"
	at=$G/slice/other
	say "$name.wait" eater as 1000 "$at" spore wait --until ended --timeout 2m "$name"
	say "$name" eater as 1000 "$at" spore inspect --json "$name"
	eater as 1000 "$at" spore node stop
}}

# There is no cgroup v2 yet.
task none --limit memory=64M path:eater time 0
spore node stop
rm -rf /tmp/*

mount -t cgroup2 cgroup $G
mount -o remount,ro $G
task readonly --limit memory=64M path:eater time 0
spore node stop
rm -rf /tmp/*
mount -o remount,rw $G

# The root of all, as of a machine without service manager.
task memory --limit memory=64M path:eater memory 256 4
task enough --limit memory=64M --limit processes=64 --limit cpu=1 --limit required path:eater time 0
say again.start spore start --name again --limit memory=64M --restart on-failure path:eater memory 256 4
say again.twice sh -c 'until spore logs again | grep -q "again#3 started"; do sleep 0.1; done; spore logs again'
task processes --limit processes=20 path:eater processes 100
task time --limit cpu=0.2 path:eater time 3
task plain path:eater time 3
say uses spore start --name uses --limit memory=100M --nice 5 path:eater memory 32 2
say uses.ready sh -c 'until spore logs uses | grep -q ate; do sleep 0.1; done'
say uses.inspect spore inspect --json uses
say uses.exec spore exec uses sh -c 'cat /proc/self/cgroup; ulimit -v'
spore exec uses sleep 1000 &
for file in memory.max memory.swap.max memory.oom.group cpu.weight.nice; do
	say "leaf.$file" sh -c "for leaf in $G/spore-tasks/spore-hold-*; do cat \\$leaf/$file; done"
done
say kill-hold sh -c 'kill -9 $(cat $(ls -d /tmp/state/holds/_.uses.*)/lock | head -n 1)'
say stop spore stop uses again
spore rm uses again
say left sh -c "ls -d $G/spore-tasks/spore-hold-*"
spore node stop
say removed sh -c "ls -d $G/spore-*"
rm -rf /tmp/*

# An ordinary user: a folder of its own, as of user@UID.service, whose parent has the controllers.
export HOME=/tmp SPORE_STATE=/tmp/user-state SPORE_STORE=/tmp/user-store SPORE_RUNTIME=/tmp/user-runtime
mkdir -p $G/slice/mine/shell $G/slice/other
echo '+memory +pids +cpu' >$G/cgroup.subtree_control
echo '+memory +pids +cpu' >$G/slice/cgroup.subtree_control
chown 1000 $G/slice/mine $G/slice/mine/cgroup.procs $G/slice/mine/cgroup.subtree_control
chown 1000 $G/slice/mine/shell $G/slice/mine/shell/cgroup.procs $G/slice/mine/shell/cgroup.subtree_control
eater as 1000 $G/slice/mine/shell sleep 1000 &
shell=$!
user $G/slice/mine/shell above --limit memory=64M --limit processes=9 --limit cpu=0.5 --limit required path:eater memory 256 4
say above.folder sh -c "cat $G/slice/mine/cgroup.subtree_control"

# Only its own cgroup, and nobody else in it, as `systemd-run --scope -p Delegate=yes` gives it.
mkdir $G/slice/scope
chown 1000 $G/slice/scope $G/slice/scope/cgroup.procs $G/slice/scope/cgroup.subtree_control
user $G/slice/scope alone --limit memory=64M --limit required path:eater memory 256 4

# The same with a shell in it.
mkdir $G/slice/busy
chown 1000 $G/slice/busy $G/slice/busy/cgroup.procs $G/slice/busy/cgroup.subtree_control
eater as 1000 $G/slice/busy sleep 1000 &
busy=$!
user $G/slice/busy busy --limit memory=64M --limit cpu=0.5 path:eater time 0
user $G/slice/busy required --limit processes=9 --limit required path:eater time 0

# Nothing of its own.
user $G/slice/other other --limit memory=64M --limit cpu=0.5 path:eater time 0
kill $shell $busy
echo "@@ over"
eater off
"""

TOOLS = ["sh", "mount", "chmod", "chown", "mkdir", "rm", "cat", "ls", "grep", "head", "sleep"]


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no cgroups")
@unittest.skipIf(os.environ.get("SPORE_SANITIZE", "none") != "none", "sanitizers take more memory than the limits allow")
class LimitsVm(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        why = vm.missing()
        if why:
            raise unittest.SkipTest(why)
        programs = {SPORE + name: os.path.join(BUILD, name)
                    for name in ("spore", "spore-node", "spore-hold", "spore-logs", "spore-build", "spore-system")}
        programs["/bin/eater"] = os.path.join(BUILD, "test", "system", "eater")
        with tempfile.TemporaryDirectory(prefix="spore-test-") as folder:
            initramfs = os.path.join(folder, "initramfs")
            vm.pack(initramfs, SCRIPT, programs, TOOLS)
            cls.said = vm.run(initramfs, os.path.join(folder, "log"), memory=1024)
        if os.environ.get("SPORE_TEST_VERBOSE"):
            print(cls.said)
        cls.parts = {name: (text, int(status)) for name, text, status in
                     re.findall(r"^@@ (\S+)\n(.*?)^@@ status (\d+)$", cls.said, re.M | re.S)}

    def setUp(self):
        self.assertIn("@@ over", self.said)

    def inspect(self, name):
        text, status = self.parts[name]
        self.assertEqual(status, 0, text)
        return json.loads(text[text.index("{"):])

    def ended(self, name):
        """(status or -signal, why, limits, their reason)"""
        told = self.inspect(name)
        hold = told["task"].get("hold", {})
        state = told["history"][0]["state"] if told.get("history") else hold
        code = -state["signal"] if state.get("signal") else state.get("code", 0)
        return code, state.get("why", ""), told["limits"], state.get("limits_why", "")

    def output(self, name):
        return [line["text"] for line in self.inspect(name)["last_lines"] if line.get("stream") == "stdout"]

    def test_memory_of_all_together(self):
        self.assertEqual(self.ended("memory"), (-9, "out of memory (limit 64M)", {"memory": "enforced"}, ""))
        self.assertNotIn("ate 256", self.output("memory"))

    def test_what_is_enough(self):
        self.assertEqual(self.ended("enough"),
                         (0, "", {"memory": "enforced", "processes": "enforced", "cpu": "enforced"}, ""))

    def test_processes(self):
        self.assertEqual(self.ended("processes"),
                         (1, "processes or threads were refused (limit 20)", {"processes": "enforced"}, ""))
        self.assertEqual(self.output("processes"), ["forked 19"])

    def test_processors(self):
        self.assertEqual(self.ended("time")[2:], ({"cpu": "enforced"}, ""))
        share = int(self.output("time")[0].split()[1])
        self.assertTrue(10 <= share <= 30, share)
        self.assertGreater(int(self.output("plain")[0].split()[1]), 60)

    def test_what_it_uses(self):
        told = self.inspect("uses.inspect")
        self.assertTrue(32 << 10 <= told["task"]["peak_kib"] < 100 << 10, told["task"])
        self.assertIn(str(100 << 20) + "\n", self.parts["leaf.memory.max"][0])
        self.assertIn("5\n", self.parts["leaf.cpu.weight.nice"][0])
        self.assertIn("1\n", self.parts["leaf.memory.oom.group"][0])

    def test_it_is_started_again_with_the_same_limit(self):
        text = self.parts["again.twice"][0]
        self.assertGreaterEqual(text.count("out of memory (limit 64M)"), 2, text)

    def test_exec_counts_towards_the_limits(self):
        self.assertRegex(self.parts["uses.exec"][0], r"0::/spore-tasks/spore-hold-\d+\nunlimited\n")

    def test_nothing_is_left(self):
        self.assertEqual(self.parts["kill-hold"][1], 0, self.parts["kill-hold"])
        self.assertNotEqual(self.parts["left"][1], 0, self.parts["left"])
        self.assertNotEqual(self.parts["removed"][1], 0, self.parts["removed"])

    def test_an_ordinary_user_below_its_folder(self):
        all_three = {"memory": "enforced", "processes": "enforced", "cpu": "enforced"}
        self.assertEqual(self.ended("above"), (-9, "out of memory (limit 64M)", all_three, ""))

    def test_an_ordinary_user_with_a_cgroup_of_its_own(self):
        self.assertEqual(self.ended("alone"), (-9, "out of memory (limit 64M)", {"memory": "enforced"}, ""))

    def test_somebody_else_is_there(self):
        _, _, limits, why = self.ended("busy")
        self.assertEqual(limits, {"memory": "each-process", "cpu": "not-enforced"})
        self.assertRegex(why, r"^other processes are in the cgroup /slice/busy \(\d+ sleep\)$")
        self.assertIn("all limits are required: other processes are in", self.parts["required"][0])

    def test_none_of_its_own(self):
        self.assertEqual(self.ended("other")[2:], ({"memory": "each-process", "cpu": "not-enforced"},
                                                   "the cgroup /slice/other is not this user's"))

    def test_no_cgroups(self):
        self.assertEqual(self.ended("none")[2:], ({"memory": "each-process"}, "there is no cgroup v2"))
        self.assertEqual(self.ended("readonly")[2:],
                         ({"memory": "each-process"}, "the cgroups are mounted read-only"))


if __name__ == "__main__":
    unittest.main()
