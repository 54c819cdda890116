"""SIGKILL to node, holds, builders and clients at random moments under load: whoever was not killed notices nothing, and nothing is left.

SPORE_TEST_KILLS says how often, or SPORE_TEST_LONG many times; SPORE_TEST_SEED chooses what is done and when."""

import collections
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time
import unittest

from hold_test import read_log
from msgpack_mini import unpack
from spore_test import DEADLINE, SPORE, wait_until
from test_kill import WholeTest

SEED = int(os.environ.get("SPORE_TEST_SEED", "4711"))
KILLS = int(os.environ.get("SPORE_TEST_KILLS", "1000" if os.environ.get("SPORE_TEST_LONG") else "120"))
POSIX = bool(os.environ.get("SPORE_POSIX"))
SANITIZED = os.environ.get("SPORE_SANITIZE", "none") != "none"
CLIENTS = 5
EXTRAS = 6  # tasks that come and go
AGAIN_MS = 1200  # what was at work for a second is started again at once
BUFFER = 64 * 1024 + 256 * 1024  # of a pipe and of a hold: what may be lost with a hold

# Numbered lines, each in one piece, until it is asked to end or its time is over; the file says how far it got.
COUNT = r"""#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t end;
static void on_end(int sig) { (void)sig; end = 1; }
static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = 3000000};
	const char *mark = getenv("SPORE_INSTANCE");
	long until = argc > 2 ? now_ms() + atol(argv[2]) : 0;
	char text[4096];
	signal(SIGTERM, on_end);
	signal(SIGHUP, on_end); /* of its terminal */
	snprintf(text, sizeof text, "%s/%s", argv[1], mark != NULL ? strrchr(mark, '/') + 1 : "none");
	int file = open(text, O_RDWR | O_CREAT, 0600);
	if (file < 0 || ftruncate(file, sizeof(long)) != 0)
		return 9;
	volatile long *wrote = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (wrote == MAP_FAILED)
		return 9;
	for (long n = 1; !end && (until == 0 || now_ms() < until); n++) {
		int len = snprintf(text, sizeof text, "%ld\n", n);
		if (write(1, text, (size_t)len) != len)
			return 8;
		*wrote = n;
		nanosleep(&pause, NULL);
	}
	int len = snprintf(text, sizeof text, "end %ld\n", *wrote);
	return write(1, text, (size_t)len) == len ? 0 : 8;
}
"""

SAYS = """#include <spore/spore.h>

int main(void)
{
	int64_t n = 0;
	while (!spore_stop_wait(3))
		spore_log(SPORE_INFO, "count", spore_int("n", ++n));
	spore_log(SPORE_INFO, "end", spore_int("n", n));
	return 0;
}
"""

PRINTS = '#include <stdio.h>\nint main(void) {{ printf("{0}\\n"); return 0; }}\n'


class Client:
    """A running command, and what may become of it."""

    def __init__(self, test, args, expected=None):
        self.args, self.expected, self.since, self.killed = args, expected, test.disturbed, False
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen([SPORE, *args], cwd=test.work, env=test.env, start_new_session=True,
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err)

    def read(self):
        result = []
        for f in (self.out, self.err):
            f.seek(0)
            result.append(f.read().decode(errors="replace"))
            f.close()
        return result


class Soak(WholeTest):
    def setUp(self):
        super().setUp()
        del self.env["SPORE_NO_NODE"]
        self.chance = random.Random(SEED)
        self.state = self.env["SPORE_STATE"]
        self.counts = os.path.join(self.dir, "counts")
        os.mkdir(self.counts)
        self.clients, self.kills, self.failed = [], collections.Counter(), collections.Counter()
        self.killed_holds = collections.defaultdict(set)  # task: generations
        self.disturbed = self.serial = self.extras = 0
        self.there = []  # extra tasks, the oldest first

    def clean(self):
        try:
            self.spore("node", "stop")
        finally:
            super().clean()

    # ---- whom to kill

    @staticmethod
    def command_line(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return f.read().decode().split("\0")
        except OSError:
            return []

    def shoot(self, name, wanted=lambda pid: True):
        """SIGKILL to one that runs the program NAME; its process, None when there is none."""
        found = [pid for pid in self.marked(name) if wanted(pid)]
        if not found:
            return None
        pid = self.chance.choice(found)
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return None
        try:
            if pid not in self.marked(name):  # its number may be another's by now
                return None
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            for client in self.clients:  # `spore build` becomes the builder
                client.killed |= client.process.pid == pid
            return pid
        except OSError:
            return None
        finally:
            os.close(handle)

    def kill_hold(self):
        hold = {}

        def expendable(pid):
            found = re.search(r"/holds/_\.((?:victim|extra)\d+)\.(\d+)$", (self.command_line(pid) + ["", ""])[1])
            hold[pid] = found and found.groups()
            return found is not None
        pid = self.shoot("spore-hold", expendable)
        if pid is None:
            return False
        task, generation = hold[pid]
        self.killed_holds[task].add(int(generation))
        return True

    def kill_client(self):
        running = [c for c in self.clients if c.process.poll() is None]
        if not running:
            return False
        client = self.chance.choice(running)
        client.killed = True
        client.process.kill()
        return True

    def kill_one(self):
        kind = self.chance.choices(("client", "builder", "node", "hold"), (9, 5, 3, 0 if POSIX else 3))[0]
        done = {"client": self.kill_client, "hold": self.kill_hold,
                "builder": lambda: self.shoot("spore-build") is not None,
                "node": lambda: self.shoot("spore-node") is not None}[kind]()
        if done:
            self.kills[kind] += 1
            self.disturbed += kind != "client"

    # ---- the load

    def source(self):
        self.serial += 1
        return self.write(f"s{self.serial}.c", PRINTS.format(self.serial)), f"{self.serial}\n"

    def begin_client(self):
        kind = self.chance.choices(("run", "build", "start", "change", "ps", "logs", "inspect", "restart"), (8, 3, 4, 6, 3, 3, 2, 1))[0]
        args, expected = [kind], None
        if len(self.there) > EXTRAS:
            args = ["rm", self.there.pop(0)]
        elif kind == "run":
            path, expected = self.source()
            args = ["run", self.chance.choice(("--fast", "--fast", "--opt")), path]
        elif kind == "build":
            args = ["build", self.source()[0]]
        elif kind == "start":
            self.extras += 1
            self.there.append(f"extra{self.extras}")
            args = ["start", "--name", f"extra{self.extras}", *self.chance.choice(([], ["--wait"], ["--restart", "always"])),
                    self.chance.choice(("count.c", self.source()[0])), self.counts]
        elif kind == "change" and self.there:
            args = [self.chance.choice(("stop", "restart", "rm")), self.chance.choice(self.there)]
            if args[0] == "rm":
                self.there.remove(args[1])
        elif kind == "logs":
            args = ["logs", "-n", "3", "plain"]
        elif kind == "inspect":
            args = ["inspect", "--json", "plain"]
        elif kind == "restart":
            args = ["node", "restart"]
            self.disturbed += 1
        else:
            args = ["ps", "-a"]
        self.clients.append(Client(self, args, expected))

    def end_client(self, client):
        status = client.process.wait(DEADLINE)
        out, err = client.read()
        if client.args[:2] == ["node", "restart"]:
            self.disturbed += 1
        if client.args[0] == "rm" and client.args[1] not in self.there and (client.killed or status == 125):
            self.there.insert(0, client.args[1])
        if client.killed:
            return
        what = f"seed {SEED}, after {sum(self.kills.values())} kills: {client.args}: {status}: {out}{err}"
        if status == 0:
            self.assertTrue(client.expected is None or out == client.expected, what)
            return
        # What it needed was killed under it, or the task is not (yet, or any more) what a client that was killed was to make of it.
        self.assertRegex(err, r"^spore: ([^\n]+: it was removed|[^\n]+\n  [^\n]+)\n", what)
        self.assertTrue(self.disturbed > client.since or any(a.startswith("extra") for a in client.args), what)
        self.assertIn(status, (1, 125), what)
        self.failed[client.args[0]] += 1

    def reap_clients(self, everyone=False):
        for client in list(self.clients):
            if everyone or client.process.poll() is not None:
                self.clients.remove(client)
                self.end_client(client)

    def look(self):
        """Between the kills everything works at once, and those that were let alone are as they were."""
        self.reap_clients(everyone=True)
        listed = {t["name"]: t for t in json.loads(self.ok(self.spore("ps", "--json", "-a")).stdout)}
        for name, pid in self.steady.items():
            self.assertEqual((name, listed[name]["state"], listed[name]["pid"]), (name, "running", pid), f"{self.kills}")
        path, expected = self.source()
        self.ok(self.spore("run", path), expected)
        for name in os.listdir(self.work):
            if name.startswith("s") and name != "says.c":
                os.unlink(os.path.join(self.work, name))

    # ---- what has to be true

    def runs(self, name):
        """{(generation, run): [numbers, the last words]} of a task's log, every block of it there once."""
        folder = os.path.join(self.state, "logs", "_", name)
        generation, expected, text, cut = 0, 1, collections.defaultdict(bytes), set()
        for block in read_log(folder):
            if block.kind == "file":
                now = unpack(block.payload)[0]["generation"]
                if now != generation:
                    generation, expected = now, 1
                    cut.add(now)
            self.assertEqual(block.sequence, expected, (name, generation))
            expected += 1
            if block.kind == "end":
                cut.discard(generation)
            elif block.kind == "records":
                at = 0
                while at < len(block.payload):
                    size = int.from_bytes(block.payload[at:at + 4], "little")
                    record = unpack(block.payload[at + 4:at + 4 + size])[0]
                    self.assertEqual(record[0], "log", name)
                    text[generation, block.run] += b"%s%d\n" % (b"end " if record[3] == "end" else b"", record[4]["n"])
                    at += 4 + size
            elif block.kind in ("stdout", "tty"):
                text[generation, block.run] += block.payload
            else:
                self.assertIn(block.kind, ("file", "event"), name)
        result = {}
        for key, data in text.items():
            lines = data.replace(b"\r\n", b"\n").decode().split("\n")
            self.assertEqual(lines[-1], "", (name, key))
            last = lines[-2] if lines[-2].startswith("end ") else None
            numbers = [int(line) for line in lines[:-2 if last else -1]]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), (name, key))
            if last:
                self.assertEqual(last, f"end {len(numbers)}", (name, key))
            result[key] = (len(numbers), last is not None)
        return result, cut

    def check_steady(self, name):
        runs, cut = self.runs(name)
        self.assertEqual((cut, list(runs)), (set(), [(1, 1)]), name)
        self.assertTrue(runs[1, 1][1], name)

    def check_again(self):
        runs, cut = self.runs("again")
        self.assertEqual((cut, list(runs)), (set(), [(1, n) for n in range(1, len(runs) + 1)]))
        self.assertEqual({whole for _, whole in runs.values()}, {True})

    def check_victim(self, name):
        runs, cut = self.runs(name)
        killed = self.killed_holds[name]
        self.assertLessEqual(cut, killed, name)  # nobody else's end is missing
        numbers = [run for _, run in runs]
        self.assertEqual(numbers, sorted(set(numbers)), name)
        lost = 0
        for (generation, run), (count, whole) in runs.items():
            self.assertEqual(whole, generation not in killed, (name, generation, run))
            with open(os.path.join(self.counts, f"_.{name}.{generation}#{run}"), "rb") as f:
                wrote = int.from_bytes(f.read(8), "little")
            self.assertLessEqual(count, wrote + 1, (name, generation, run))
            lost = max(lost, sum(len(f"{n}\n") for n in range(count + 1, wrote + 1)))
        self.assertLessEqual(lost, BUFFER)
        shown = [json.loads(line) for line in self.ok(self.spore("logs", "--json", "--stream", "events", name)).stdout.splitlines()]
        gaps = [r["generation"] for r in shown if r["event"] in ("gap", "lost")]
        self.assertEqual(gaps, sorted(cut), name)  # one each
        return lost

    def without_a_node(self):
        """What is to be started again is, when there is no node."""
        self.ok(self.spore("node", "stop"))
        wait_until(lambda: not self.marked("spore-node"), "the end of the node")

        def runs():
            return sum(name.startswith("_.again.") for name in os.listdir(self.counts))
        before = runs()
        wait_until(lambda: runs() > before, "another run")  # for each of which it waits up to 36 s by now
        self.assertEqual(self.marked("spore-node"), [])

    def leftovers(self):
        self.assertEqual([n for n in os.listdir(self.state) if n.endswith((".new", ".part"))], [])
        wait_until(lambda: not os.listdir(os.path.join(self.state, "gone")), "the removal of old folders")
        self.assertEqual(os.listdir(os.path.join(self.state, "holds")), [])
        self.ok(self.spore("node", "stop"))
        self.assertEqual(os.listdir(self.env["SPORE_RUNTIME"]), [])
        self.env["SPORE_NO_NODE"] = "1"
        self.whole()

    def begin_tasks(self):
        self.write("count.c", COUNT)
        self.write("says.c", SAYS)
        names = ["plain", "terminal"]
        self.ok(self.spore("start", "--wait", "--name", "plain", "count.c", self.counts))
        self.ok(self.spore("start", "--wait", "--name", "terminal", "--tty", "--restart", "always", "count.c", self.counts))
        if not SANITIZED:
            self.ok(self.spore("start", "--wait", "says.c"))
            names.append("says")
        self.ok(self.spore("start", "--name", "again", "--restart", "always", "count.c", self.counts, str(AGAIN_MS)))
        self.victims = [] if POSIX else [f"victim{i}" for i in range(4)]
        for name in self.victims:
            self.ok(self.spore("start", "--wait", "--name", name, "--restart", "always", "count.c", self.counts))
        listed = {t["name"]: t for t in json.loads(self.ok(self.spore("ps", "--json")).stdout)}
        self.steady = {name: listed[name]["pid"] for name in names}

    def test_soak(self):
        self.begin_tasks()
        looked = 0
        while (total := sum(self.kills.values())) < KILLS:
            while len(self.clients) < CLIENTS:
                self.begin_client()
            time.sleep(self.chance.random() * 0.03)  # the moment is what the seed says, not when something is ready
            self.kill_one()
            self.reap_clients()
            if total - looked >= 50:
                looked = total
                self.look()
        self.look()
        self.assertEqual(set(self.kills), {"client", "builder", "node"} | ({"hold"} if not POSIX else set()))
        self.without_a_node()
        for name in self.victims:  # a new node looks after what the last one had to put off
            self.ok(self.spore("wait", "--timeout", "60s", name))
        self.ok(self.spore("stop", *self.steady, "again", *self.victims))
        for name in self.steady:
            self.check_steady(name)
        self.check_again()
        lost = max([self.check_victim(name) for name in self.victims], default=0)
        status = json.loads(self.ok(self.spore("node", "status", "--json")).stdout)
        self.assertIsNone(status["corrupted"])
        self.ok(self.spore("rm", *[t["name"] for t in json.loads(self.ok(self.spore("ps", "-a", "--json")).stdout)]))
        self.leftovers()
        print(f"# seed {SEED}: {dict(self.kills)}, commands that had to give up: {dict(self.failed)}, bytes lost with a hold: {lost}", flush=True)


if __name__ == "__main__":
    unittest.main()
