"""What the machine may do to tasks: no room on the disk, no descriptors, no processes. It is said, it harms nobody else, and it passes."""

import collections
import json
import os
import resource
import shutil
import signal
import subprocess
import unittest

from hold_test import read_log
from msgpack_mini import Client, RpcError, unpack
from spore_test import BUILD, DEADLINE, SPORE, wait_until
from test_tasks import SLEEP, TasksTest as Base

# Numbered lines as fast as they are taken, until the file `enough` is there; then how many they were, and for ever nothing.
LINES = ("n=0; while [ ! -e $W/enough ]; do n=$((n+1)); echo $n; done; echo $n >$W/$SPORE_TASK.new; mv $W/$SPORE_TASK.new $W/$SPORE_TASK; " + SLEEP)


class FullDisk(Base):
    """The disk of the state folder is a small one, which only processes in a namespace of its own see."""

    def setUp(self):
        super().setUp()
        self.filler = os.path.join(self.state, "filler")
        self.spore("node", "stop")
        shutil.rmtree(self.state)
        os.mkdir(self.state)
        holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             'mount -t tmpfs -o size=8M,mode=700 none "$1" && echo up && read x', "sh", self.state],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": self.env["PATH"]})
        self.addCleanup(self.end, holder)
        if holder.stdout.readline() != b"up\n":
            self.skipTest("cannot mount a small file system: " + holder.stderr.read().decode().strip())
        self.enter = ["nsenter", "--user", "--mount", "--preserve-credentials", f"--target={holder.pid}", "env", f"--chdir={self.work}"]
        self.state = f"/proc/{holder.pid}/root{self.state}"
        self.filler = os.path.join(self.state, "filler")
        self.ok(self.inside("node", "start"))
        self.again()

    def clean(self):
        self.free()
        super().clean()

    def inside(self, *args):
        return subprocess.run([*self.enter, SPORE, *args], env=self.env, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=DEADLINE, check=False)

    def fill(self):
        """Until not a byte fits; others give back and take meanwhile."""
        with open(self.filler, "ab") as f:
            while (space := os.statvfs(self.state)).f_bavail > 0:
                try:
                    os.posix_fallocate(f.fileno(), os.fstat(f.fileno()).st_size, space.f_bavail * space.f_bsize)
                except OSError:
                    pass

    def free(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)

    def log(self, name):
        return read_log(os.path.join(self.state, "logs", "_", name))

    def lines(self, name):
        text = b"".join(b.payload for b in self.log(name) if b.kind == "stdout")
        return [int(line) for line in text.decode().split()]

    def wrote(self, name):
        path = os.path.join(self.work, name)
        wait_until(lambda: os.path.exists(path), "how much it wrote")
        with open(path, encoding="utf-8") as f:
            return int(f.read())

    @unittest.skipUnless(shutil.which("unshare") and shutil.which("nsenter"), "needs unshare and nsenter")
    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "needs the namespaces of Linux")
    def test_full_and_room_again(self):
        self.begin("waits", LINES, log__bytes=1 << 24)
        self.begin("drops", LINES, log__bytes=1 << 24, log__overflow="drop")
        self.begin("other")
        pids = {name: task["hold"]["pid"] for name, task in self.tasks().items()}
        wait_until(lambda: self.lines("waits") and self.lines("drops"), "their output")
        self.fill()
        self.until("waits", lambda t: "its output waits" in t["hold"].get("why", ""), "the full disk")
        self.until("drops", lambda t: "its output is dropped" in t["hold"].get("why", "") and t["hold"].get("lost", 0) > 0, "the full disk")
        self.assertIn("No space left", self.task("waits")["hold"]["why"])

        # Nothing is begun that would not be remembered, and what to do is said; what needs no room goes on.
        started = 0
        while True:
            self.fill()
            result = self.inside("start", "--name", f"more{started}", "path:sleep", "1000")
            if result.returncode != 0:
                break
            started += 1  # there was a page left in one of the files
            self.assertLess(started, 50)
        self.assertRegex(result.stderr, r"^spore: start: [^\n]*(full|No space left)[^\n]*\n  [^\n]*free some space[^\n]*\n$")
        self.assertNotIn(f"more{started}", self.tasks())
        self.ok(self.inside("ps"))
        self.ok(self.inside("logs", "-n", "1", "other"))
        self.ok(self.inside("stop", "other"))
        self.assertFalse(self.alive(pids["other"]))
        self.assertTrue(self.alive(pids["waits"]) and self.alive(pids["drops"]))

        self.free()
        self.until("waits", lambda t: "why" not in t["hold"], "room")
        self.until("drops", lambda t: "why" not in t["hold"], "room")
        self.ok(self.inside("start", "--name", "after", "path:sleep", "1000"))
        with open(os.path.join(self.work, "enough"), "w", encoding="utf-8"):
            pass
        total = self.wrote("waits")
        wait_until(lambda: self.lines("waits")[-1] == total, "its last line")
        self.assertEqual(self.lines("waits"), list(range(1, total + 1)))
        total = self.wrote("drops")
        lost = [unpack(b.payload)[0] for b in self.log("drops") if b.kind == "lost"]
        kept = self.lines("drops")
        self.assertEqual(len(kept), len(set(kept)))
        self.assertEqual(sum(m["bytes"] for m in lost) + sum(len(b.payload) for b in self.log("drops") if b.kind == "stdout"),
                         sum(len(f"{n}\n") for n in range(1, total + 1)))
        self.assertEqual(collections.Counter(b.kind for b in self.log("waits"))["lost"], 0)
        self.assertEqual({n: t["hold"]["pid"] for n, t in self.tasks().items() if n in ("waits", "drops")},
                         {n: pids[n] for n in ("waits", "drops")})
        self.call("tasks.remove", names=sorted(self.tasks()))

    @unittest.skipUnless(shutil.which("unshare") and shutil.which("nsenter"), "needs unshare and nsenter")
    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "needs the namespaces of Linux")
    def test_a_node_in_a_namespace_ends_no_task_outside(self):
        """It may not look at the holds outside, whose cgroups it sees, and takes none of them for gone."""
        env = {**self.env, "SPORE_STATE": os.path.join(self.dir, "outside"), "SPORE_RUNTIME": os.path.join(self.dir, "outside-runtime")}
        self.ok(self.spore("start", "--wait", "--name", "out", "path:sleep", "1000", env=env))
        pid = json.loads(self.ok(self.spore("ps", "--json", env=env)).stdout)[0]["pid"]
        for _ in range(3):
            self.ok(self.inside("node", "restart"))
        self.assertTrue(self.alive(pid))
        self.ok(self.spore("rm", "out", env=env))
        self.ok(self.spore("node", "stop", env=env))

    @unittest.skipUnless(shutil.which("unshare") and shutil.which("nsenter"), "needs unshare and nsenter")
    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "needs the namespaces of Linux")
    def test_the_node_is_killed_while_it_is_full(self):
        self.begin("web", restart="always")
        pid = self.task("web")["hold"]["pid"]
        self.fill()
        node = self.kill_node()
        wait_until(lambda: not self.alive(node), "its end")
        result = self.inside("ps")
        self.fill()
        if result.returncode != 0:
            self.assertRegex(result.stderr, r"(?m)^spore: [^\n]*(full|No space left)[^\n]*\n  [^\n]*free some space")
        self.assertTrue(self.alive(pid))
        self.free()
        self.ok(self.inside("ps"))
        self.again()
        task = self.until("web", lambda t: t["state"] == "running", "the task")
        self.assertEqual(task["hold"]["pid"], pid)
        self.call("tasks.remove", names=["web"])


class Limits(Base):
    def node_with(self, **limits):
        """Another node, with other limits from its start."""
        self.spore("node", "stop")

        def lower():
            for name, value in limits.items():
                resource.setrlimit(getattr(resource, name), (value, value))
        self.ok(self.spore("node", "start", preexec_fn=lower))
        return self.again()

    def opened(self):
        return len(os.listdir(f"/proc/{self.call('node.status')['pid']}/fd"))

    def test_few_descriptors(self):
        """A node that has no descriptors left answers all the same, says what waits for them, and starts that as soon as it can."""
        self.node_with(RLIMIT_NOFILE=64)
        names = [f"t{i}" for i in range(70)]
        refused = 0
        for name in names:
            try:
                self.begin(name, wait=None)
            except RpcError as e:
                self.assertIn("Too many open files; raise the limit of open files", e.text)
                refused += 1
        tasks = self.tasks()
        short = [n for n, t in tasks.items() if "open files" in (t.get("why") or "").lower()]
        self.assertGreater(len(short) + refused, 0)
        running = [n for n in names if n in tasks and n not in short]
        self.assertGreater(len(running), 20)
        self.assertTrue(self.wait(*running)["reached"])
        self.ok(self.spore("ps"))  # there is room for those who ask
        pids = {n: self.task(n)["hold"]["pid"] for n in running}
        self.assertEqual(sorted(self.call("tasks.stop", names=running[:20])["stopped"]), sorted(running[:20]))
        self.begin(short[0] if short else names[-1], replace="always")
        for n in running[20:]:
            self.assertEqual(self.task(n)["hold"]["pid"], pids[n])

    def test_twenty_thousand_descriptors(self):
        """A high limit costs nothing, neither at the start of the node nor of a task; programs get the limit that the starter had."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and hard < 20000:
            self.skipTest(f"the limit is {hard} here")
        self.node_with(RLIMIT_NOFILE=20000)
        for i in range(5):
            self.begin(f"t{i}")
        with open(f"/proc/{self.task('t0')['hold']['pid']}/limits", encoding="utf-8") as f:
            self.assertRegex(f.read(), r"Max open files +20000 +20000 ")
        clients = []
        for _ in range(200):
            clients.append(Client(self.sock, timeout=DEADLINE))
            self.addCleanup(clients[-1].close)
        for client in clients:
            self.assertIsNone(client.call("node.ping"))

    @unittest.skipIf(os.geteuid() == 0, "root has as many processes as it wants")
    def test_no_process_can_be_made(self):
        self.begin("web", restart="always")
        node = self.call("node.status")["pid"]
        before = resource.prlimit(node, resource.RLIMIT_NPROC)
        resource.prlimit(node, resource.RLIMIT_NPROC, (1, before[1]))
        self.fails(15, "too many processes", "tasks.start", spec=self.spec("more"))
        result = self.spore("start", "--name", "third", "path:sleep", "1000")
        self.assertEqual(result.returncode, 125, result.stderr)
        self.assertRegex(result.stderr, r"^spore: start: third: it cannot be started: [^\n]+\n  there are too many processes: [^\n]+\n$")
        tasks = self.tasks()
        self.assertEqual({n: t["state"] for n, t in tasks.items()}, {"web": "running", "more": "failed", "third": "failed"})
        # One whose hold is killed meanwhile is started again as soon as that can be.
        os.kill(tasks["web"]["hold"]["hold"], signal.SIGKILL)
        self.until("web", lambda t: "too many processes" in t.get("why", "") and t["state"] == "waiting", "what it waits for")
        resource.prlimit(node, resource.RLIMIT_NPROC, (before[1], before[1]))
        self.assertTrue(self.wait("web")["reached"])
        self.assertEqual(self.task("web")["generation"], 2)
        self.call("tasks.begin", names=["more", "third"])
        self.assertTrue(self.wait("more", "third")["reached"])
        self.assertEqual(self.call("node.status")["pid"], node)


class Upgrade(Base):
    def test_restart_replaces_the_program_of_the_node(self):
        libexec = os.path.join(self.dir, "libexec")
        os.mkdir(libexec)
        for name in ("spore-hold", "spore-build", "spore-logs"):
            os.symlink(os.path.join(BUILD, name), os.path.join(libexec, name))
        node = os.path.join(libexec, "spore-node")
        shutil.copy(os.path.join(BUILD, "spore-node"), node)
        self.spore("node", "stop")
        self.env["SPORE_LIBEXEC"] = libexec
        self.ok(self.spore("node", "start"))
        self.again()
        self.begin("web", LINES.replace("echo $n; done", "echo $n; sleep 0.01; done"))
        pid = self.task("web")["hold"]["pid"]
        for _ in range(5):
            shutil.copy(os.path.join(BUILD, "spore-node"), node + ".new")
            os.rename(node + ".new", node)  # as an installation does
            self.ok(self.spore("node", "restart"))
            self.again()
            found, new = os.stat(f"/proc/{self.call('node.status')['pid']}/exe"), os.stat(node)
            self.assertEqual((found.st_dev, found.st_ino), (new.st_dev, new.st_ino))
            task = self.task("web")
            self.assertEqual((task["state"], task["hold"]["pid"]), ("running", pid))  # at once, not only after a while
        with open(os.path.join(self.work, "enough"), "w", encoding="utf-8"):
            pass
        count = os.path.join(self.work, "web")
        wait_until(lambda: os.path.exists(count), "how many lines it wrote")
        with open(count, encoding="utf-8") as f:
            total = int(f.read())

        def lines():
            blocks = read_log(os.path.join(self.state, "logs", "_", "web"))
            return [int(line) for line in b"".join(b.payload for b in blocks if b.kind == "stdout").split()]
        wait_until(lambda: len(lines()) >= total, "its last line")
        self.assertEqual(lines(), list(range(1, total + 1)))


class Clock(Base):
    """Holds and node have a wall clock that is set; the tests' own, and the commands', is not."""

    def setUp(self):
        super().setUp()
        self.spore("node", "stop")
        libexec = os.path.join(self.dir, "libexec")
        os.mkdir(libexec)
        for name in ("spore-node", "spore-hold"):
            shutil.copy(os.path.join(BUILD, "test", "system", name + "-clock"), os.path.join(libexec, name))
        for name in ("spore-build", "spore-logs"):
            os.symlink(os.path.join(BUILD, name), os.path.join(libexec, name))
        self.env.update(SPORE_LIBEXEC=libexec, SPORE_TEST_CLOCK=os.path.join(self.dir, "clock"))
        self.set_clock(3600)
        self.ok(self.spore("node", "start"))
        self.again()

    def set_clock(self, ahead):
        path = self.env["SPORE_TEST_CLOCK"]
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(str(ahead))
        os.rename(path + ".new", path)

    def test_it_is_set_back(self):
        gate, ticks = os.path.join(self.work, "gate"), os.path.join(self.work, "ticks")
        os.mkfifo(gate)
        self.begin("web", "for n in 1 2 3 4 5; do echo $n; read x <$W/gate; done; " + SLEEP)
        self.begin("fails", "exit 1", restart="always", restart__delay_ms=20, restart__max_ms=20, wait=None)
        self.begin("tick", "echo >>$W/ticks", every="1s", wait=None)

        def count():
            return os.path.getsize(ticks) if os.path.exists(ticks) else 0

        def restarts_of(task):  # it may have no hold yet
            return task.get("hold", {}).get("restarts", 0)

        def shown():
            return self.ok(self.spore("logs", "--stream", "stdout", "web")).stdout.split()
        for n, ahead in enumerate((3600, 0, -7200, 86400, -86400), 1):
            self.set_clock(ahead)
            if n > 1:
                with open(gate, "w", encoding="utf-8"):
                    pass
            wait_until(lambda n=n: len(shown()) == n, "a line")
            before, restarts = count(), restarts_of(self.task("fails"))
            wait_until(lambda before=before: count() > before, "its period")
            self.until("fails", lambda t, restarts=restarts: restarts_of(t) >= restarts + 3, "three restarts")
            self.assertRegex(self.ok(self.spore("ps", "-a")).stdout, r"\nweb +running +\d+ +1 +0 +\d+s ")
        self.assertEqual(shown(), ["1", "2", "3", "4", "5"])
        records = [json.loads(line) for line in self.ok(self.spore("logs", "--json", "--stream", "stdout", "web")).stdout.splitlines()]
        times, order = [r["time"] for r in records], [r["monotonic_ns"] for r in records]
        self.assertEqual(order, sorted(order))
        self.assertEqual([n for n in sorted(range(5), key=lambda n: times[n])], [4, 2, 1, 0, 3])  # as the clock was at each
        self.assertEqual(self.task("web")["hold"]["run"], 1)
        self.assertEqual(self.call("tasks.stop", names=["web", "fails", "tick"])["waiting"], [])


del Base

if __name__ == "__main__":
    unittest.main()
