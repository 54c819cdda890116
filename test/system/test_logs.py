"""`spore logs` over logs that are written as a hold writes them."""

import base64
import json
import os
import re
import resource
import select
import subprocess
import time

from msgpack_mini import pack
from spore_test import BUILD, DEADLINE, SPORE, SporeTest, Terminal

WRITER = os.path.join(BUILD, "test", "system", "log_writer")
FILE, STDOUT, STDERR, TTY, RECORDS, EVENT, LOST, END = range(8)
OPEN_END = 1


class Writer:
    """The hold of a task, as far as its log goes."""

    def __init__(self, test, task, generation=1, system="", size=1 << 20, files=4):
        os.makedirs(test.env["SPORE_STATE"], exist_ok=True)
        self.folder = os.path.join(test.env["SPORE_STATE"], "logs", system or "_", task)
        argv = [WRITER, test.env["SPORE_STATE"], system, task, str(generation), str(size), str(files)]
        self.process = subprocess.Popen(argv, env=test.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        test.addCleanup(test.end, self.process)
        test.assertEqual(self.process.stdout.readline(), b"ok\n")

    def put(self, payload, kind=STDOUT, flags=OPEN_END, run=1, wall=0, monotonic=0, times=1):
        if isinstance(payload, str):
            payload = payload.encode()
        head = f"{kind} {flags} {run} {wall} {monotonic} {len(payload)} {times}\n".encode()
        self.process.stdin.write(head + payload)
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer != b"ok\n":
            raise AssertionError(answer)
        return self

    def event(self, event, **more):
        return self.put(pack({"event": event, **more}), EVENT, 0)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def files(self):
        return sorted(os.path.join(self.folder, name) for name in os.listdir(self.folder))


def record(level, text, **fields):
    message = pack(["log", level, 1700000000000000000, text, fields])
    return len(message).to_bytes(4, "little") + message


class Follower:
    """A running `spore logs -f`, read as it comes."""

    def __init__(self, test, *args):
        self.process = test.start("logs", "-f", *args)
        self.text = b""

    def expect(self, text):
        """Everything up to TEXT, which is waited for."""
        wanted, end = text.encode(), time.monotonic() + DEADLINE
        while wanted not in self.text:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not chunk:
                raise AssertionError(f"no {text!r} in {self.text[-1000:]!r}")
            self.text += chunk
        before, _, self.text = self.text.partition(wanted)
        return before.decode() + text


class Reading(SporeTest):
    def logs(self, *args, **options):
        return self.ok(self.spore("logs", *args, **options)).stdout

    def test_lines_of_all_streams_in_order(self):
        Writer(self, "web").put("one\ntw").put("err\n", STDERR).put("o\nlast").event("exited", text="exited with 0").close()
        self.assertEqual(self.logs("web"), "one\nerr\ntwo\nlast\n-- exited with 0\n")
        self.assertEqual(self.logs("--stream", "stdout", "web"), "one\ntwo\nlast\n")
        self.assertEqual(self.logs("--stream", "stderr", "web"), "err\n")
        self.assertEqual(self.logs("--stream", "events", "web"), "-- exited with 0\n")
        self.assertEqual(self.logs("--raw", "--stream", "stdout", "web"), "one\ntwo\nlast")

    def test_binary_bytes_come_through(self):
        data = bytes(range(256)) * 3 + b"\nend"
        Writer(self, "bin").put(data).close()
        self.assertEqual(self.logs("--raw", "bin", text=False), data)
        self.assertEqual(self.logs("bin", text=False), data + b"\n")
        lines = [json.loads(line) for line in self.logs("--json", "bin").splitlines()]
        self.assertEqual((lines[0]["text"], lines[0]["base64"]), (data[:10].decode(), None))
        self.assertEqual(base64.b64decode(lines[1]["base64"]), data.split(b"\n")[1])

    def test_terminal_gets_no_control_characters(self):
        Writer(self, "evil").put("a\x1b]0;title\x07b\rc\x1b[31mred\tx\u00e9\n").close()
        env = dict(self.env, TERM="xterm")
        terminal = Terminal([SPORE, "logs", "evil"], env, self.work)
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.expect("\n"), "a\\x1b]0;title\\x07b\\x0dc\x1b[31mred\tx\u00e9\x1b[0m\r")
        env["NO_COLOR"] = "1"
        plain = Terminal([SPORE, "logs", "evil"], env, self.work)
        self.addCleanup(plain.close)
        self.assertEqual(plain.expect("\n"), "a\\x1b]0;title\\x07b\\x0dcred\tx\u00e9\r")

    def test_json_lines_and_records_are_understood(self):
        w = Writer(self, "web")
        w.put('{"level":"WARNING","msg":"low\\nmemory","time":"2026-01-02T03:04:05.5Z","left":12,"of":{"a":[1]},"who":"a b"}\n')
        w.put('{"no": "message"}\n{"msg": broken}\n')
        w.put(record(4, "cannot listen", port=80), RECORDS, 0)
        w.close()
        self.assertEqual(
            self.logs("web"),
            'warn  low\\nmemory left=12 of={"a":[1]} who="a b"\n{"no": "message"}\n{"msg": broken}\n'
            "error cannot listen port=80\n",
        )
        records = [json.loads(line) for line in self.logs("--json", "web").splitlines()]
        self.assertEqual([r["level"] for r in records], ["warn", None, None, "error"])
        self.assertEqual(records[0]["fields"], {"left": 12, "of": {"a": [1]}, "who": "a b"})
        self.assertEqual(records[0]["said"], "2026-01-02T03:04:05.500000000Z")
        self.assertEqual(records[0]["text"], "low\nmemory")
        self.assertEqual(records[1]["fields"], {"no": "message"})
        self.assertEqual(records[3]["fields"], {"port": 80})
        self.assertEqual(records[3]["said"], "2023-11-14T22:13:20.000000000Z")
        self.assertEqual(self.logs("--level", "error", "web"), "error cannot listen port=80\n")
        self.assertEqual(len(self.logs("--level", "warn", "web").splitlines()), 2)
        self.assertEqual(self.logs("--grep", "port=8.$", "web"), "error cannot listen port=80\n")
        self.assertEqual(self.logs("--raw", "--level", "warn", "web")[:20], '{"level":"WARNING","')

    def test_json_has_one_shape(self):
        w = Writer(self, "web", system="shop").put("line\n").event("started", pid=7)
        w.put(pack({"bytes": 5, "why": "the disk is full"}), LOST, 0).put(record(2, "hi"), RECORDS, 0).put(b"x\xff").close()
        keys = (
            "time monotonic_ns boot system task replica generation run said stream level event text base64 continues partial fields"
        ).split()
        records = [json.loads(line) for line in self.logs("--json", "shop/web").splitlines()]
        self.assertEqual(len(records), 5)
        for r in records:
            self.assertEqual(list(r), keys)
            self.assertEqual((r["system"], r["task"], r["replica"], r["generation"], r["run"]), ("shop", "web", 0, 1, 1))
            self.assertRegex(r["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
        self.assertEqual([r["event"] for r in records], [None, "started", "lost", None, None])
        self.assertEqual(records[1]["fields"], {"pid": 7})
        self.assertEqual(records[2]["text"], "lost here: 5 bytes: the disk is full")
        self.assertTrue(records[4]["partial"])

    def test_many_tasks_in_order_of_time(self):
        second = 1000000000
        a, b = Writer(self, "a"), Writer(self, "bee", system="shop")
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        wall = time.time_ns()
        for i in range(20):
            # monotonic time alone decides, where boots are known: the wall clock is set back again and again
            (a if i % 3 else b).put(f"{i}\n", monotonic=start + i, wall=wall + (i if "SPORE_POSIX" in os.environ else -(i % 3) * second))
        a.close(), b.close()
        lines = self.logs("a", "shop/bee").splitlines()
        self.assertEqual([int(line.split("| ")[1]) for line in lines], list(range(20)))
        self.assertEqual({line.split("|")[0].strip() for line in lines}, {"a", "shop/bee"})
        self.assertEqual(self.logs("--times", "-n", "1", "a", "bee").count("|"), 1)
        self.assertEqual(len(self.logs().splitlines()), 20)

    def test_names(self):
        Writer(self, "web", system="shop").put("shop\n").close()
        Writer(self, "web", system="blog").put("blog\n").close()
        Writer(self, "one@1", system="shop").put("1\n").close()
        Writer(self, "one@2", system="shop").put("2\n").close()
        self.assertEqual(self.logs("blog/web"), "blog\n")
        self.assertEqual(self.logs("one@2"), "2\n")
        self.assertEqual(len(self.logs("one").splitlines()), 2)
        twice = self.spore("logs", "web")
        self.assertEqual(twice.returncode, 125)
        self.assertIn("shop/web", twice.stderr)
        Writer(self, "web").put("none\n").close()
        self.assertEqual(self.logs("web"), "none\n")
        nothing = self.spore("logs", "nothing")
        self.assertEqual((nothing.returncode, nothing.stdout), (125, ""))
        self.assertIn("spore: logs: nothing: ", nothing.stderr)
        self.assertEqual(self.spore("logs", "../web").returncode, 125)

    def test_the_last_records(self):
        w = Writer(self, "web", size=200000, files=4)
        for i in range(3000):
            w.put(f"{i:050}\n")
        w.put("open").close()
        everything = self.logs("web").splitlines()
        self.assertGreater(len(w.files()), 2)
        for n in (0, 1, 2, 5, 800, 10000):
            self.assertEqual(self.logs("-n", str(n), "web").splitlines(), everything[len(everything) - n if n < len(everything) else 0 :], n)
        self.assertEqual(self.logs("-n", "2", "--grep", "7$", "web").splitlines(), [f"{2987:050}", f"{2997:050}"])
        Writer(self, "other").put("later\n").close()
        self.assertEqual(self.logs("-n", "2", "web", "other").split(), ["web", "|", "open", "other", "|", "later"])

    def test_since_and_until(self):
        w = Writer(self, "web", size=65536)
        now, mono = time.time_ns(), time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        minute = 60 * 1000000000
        for i in range(60):
            w.put(f"{i:800}\n", wall=now - (60 - i) * minute, monotonic=mono - (60 - i) * minute)
        w.close()
        numbers = lambda *args: [int(line) for line in self.logs(*args, "web").split("\n") if line]
        self.assertEqual(numbers("--since", "10m30s"), list(range(50, 60)))
        self.assertEqual(numbers("--since", "10m30s", "--until", "5m30s"), list(range(50, 55)))
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((now - 3 * minute) / 1e9 - 30))
        self.assertEqual(numbers("--since", stamp), [57, 58, 59])
        self.assertEqual(numbers("--until", stamp)[-1], 56)
        self.assertEqual(numbers("-n", "1", "--until", "5m30s"), [54])

    def test_mistakes(self):
        Writer(self, "web").close()
        for args in (["--since", "soon"], ["--level", "loud"], ["--grep", "("], ["-n", "x"], ["--stream", "stdin"], ["--json", "--raw"]):
            result = self.spore("logs", *args, "web")
            self.assertEqual((result.returncode, result.stdout), (2, ""), args)
            self.assertRegex(result.stderr, r"^spore: logs: .+\n  .+\n$")

    def test_damage_costs_only_itself(self):
        w = Writer(self, "web")
        for i in range(20):
            w.put(f"line {i}\n")
        w.close()
        (path,) = w.files()
        with open(path, "r+b") as f:
            data = f.read()
            f.seek(data.index(b"line 7"))
            f.write(b"LINE")
        lines = self.logs("web").splitlines()
        self.assertEqual([l for l in lines if l.startswith("line")], [f"line {i}" for i in range(20) if i != 7])
        self.assertEqual([l for l in lines if l.startswith("--")], ["-- 1 block of the log is missing here"])

    def test_a_killed_hold_leaves_one_gap(self):
        w = Writer(self, "web").put("one\ntwo")
        self.assertEqual(self.logs("web"), "one\ntwo\n")  # while it lives there is no gap
        w.kill()
        with open(w.files()[0], "ab") as f:
            f.write(b"SLB1 cut off")
        Writer(self, "web", generation=2).put("three\n").close()
        lines = self.logs("web").splitlines()
        self.assertEqual(lines[:2] + lines[3:], ["one", "two", "three"])
        self.assertRegex(lines[2], "^-- the log ends without its end")
        gap = json.loads(self.logs("--json", "--stream", "events", "web"))
        self.assertEqual((gap["event"], gap["level"]), ("gap", "warn"))

    def test_a_reader_that_has_enough(self):
        w = Writer(self, "web").put("x" * 99 + "\n", times=2000)
        result = subprocess.run(["sh", "-c", '"$0" logs web | head -n 1', SPORE], env=self.env, capture_output=True, text=True)
        self.assertEqual((result.stdout, result.stderr), ("x" * 99 + "\n", ""))
        # and one that waits: it ends as soon as nobody reads
        process = self.start("logs", "-f", "web")
        self.assertTrue(process.stdout.read(100))
        process.stdout.close()
        self.assertEqual(process.wait(DEADLINE), 0)
        w.close()


class Following(SporeTest):
    def test_rotation_runs_and_generations(self):
        w = Writer(self, "web", size=65536, files=4)
        f = Follower(self, "web")
        expected = 0
        for i in range(3000):
            w.put(f"{i:060}\n", run=1 + i // 1000)
            if i % 100 == 99:  # so that nothing is removed before it was read
                text = f.expect(f"{i:060}\n")
                self.assertEqual([int(line) for line in text.split()], list(range(expected, i + 1)))
                expected = i + 1
        self.assertGreater(int(re.search(r"1-(\d+)\.log", max(w.files(), key=os.path.getmtime)).group(1)), 4)
        second = Writer(self, "web", generation=2, size=65536)
        second.put("new\n")
        self.assertEqual(f.expect("new\n"), "new\n")
        w.put("old\n").close()
        self.assertEqual(f.expect("old\n"), "old\n")
        second.put("newer\n")
        self.assertEqual(f.expect("newer\n"), "newer\n")
        second.kill()
        third = Writer(self, "web", generation=3)
        self.assertRegex(f.expect("lost\n"), r"^-- the log ends without its end[^\n]*\n$")
        third.put("newest\n")
        self.assertEqual(f.expect("newest\n"), "newest\n")

    def test_last_records_then_more(self):
        w = Writer(self, "web").put("1\n2\n3\n4")
        f = Follower(self, "-n", "2", "web")
        f.expect("3\n")
        w.put("4\n5\n")
        self.assertEqual(f.expect("5\n"), "44\n5\n")

    def test_tasks_that_do_not_exist_yet(self):
        f = Follower(self, "later", "shop/web")
        self.assertIn(b"later: there is no such task yet", f.process.stderr.readline())
        Writer(self, "later").put("here\n")
        f.expect("later")
        f.expect("| here\n")
        w = Writer(self, "web", system="shop").put("too\n")
        f.expect("shop/web | too\n")
        every = Follower(self)
        every.expect("| too\n")
        Writer(self, "third", system="new").put("hello\n")
        every.expect("new/third | hello\n")
        w.put("more\n")
        every.expect("shop/web  | more\n")

    def test_a_log_that_was_removed(self):
        w = Writer(self, "web").put("first\n").close()
        f = Follower(self, "web")
        f.expect("first\n")
        for path in w.files():
            os.unlink(path)
        os.rmdir(w.folder)
        Writer(self, "web").put("again\n")
        self.assertEqual(f.expect("again\n"), "again\n")

    def test_many_writers_none_lost_or_doubled(self):
        writers = {name: Writer(self, name, size=16 << 20) for name in ("a", "b", "c", "d")}
        f = Follower(self)
        for i in range(400):
            for name, w in writers.items():
                w.put(f"{name} {i}\n{name} {i}.")
        for name, w in writers.items():
            w.put(f"\n{name} end\n")
        text = ""
        while sum(f"| {name} end\n" in text for name in writers) < 4:
            text += f.expect("end\n")
        lines = [line.split("| ")[1] for line in text.splitlines()]
        for name in writers:
            mine = [line.split()[1] for line in lines if line.startswith(name)]
            expected = ["0"] + [f"{i}.{name}" for i in range(399)] + ["399.", "end"]
            self.assertEqual(mine, expected)

    def test_question_without_newline_on_a_terminal(self):
        w = Writer(self, "web")
        terminal = Terminal([SPORE, "logs", "-f", "web"], dict(self.env, NO_COLOR="1"), self.work)
        self.addCleanup(terminal.close)
        w.put("password: ")
        terminal.expect("password: ")
        w.put("ok\nnext\n")
        self.assertEqual(terminal.expect("next"), "ok\r\n")


class Large(SporeTest):
    def peak_kib(self, argv):
        """Runs it to its end, counting what it writes: (bytes, the most memory that it had)."""
        process = subprocess.Popen(argv, env=self.env, stdout=subprocess.PIPE)
        self.addCleanup(self.end, process)
        total = peak = 0
        while chunk := process.stdout.read(1 << 20):
            total += len(chunk)
            with open(f"/proc/{process.pid}/status") as f:
                found = re.search(r"VmHWM:\s*(\d+) kB", f.read())
            peak = max(peak, int(found.group(1)) if found else 0)
        self.assertEqual(process.wait(), 0)
        return total, peak

    def test_a_line_of_a_gigabyte(self):
        block, times = b"0123456789abcdef" * 16384, 4096 if os.environ.get("SPORE_SANITIZE", "none") == "none" else 256
        w = Writer(self, "web", size=2 << 30, files=300)
        w.put(block, times=times).close()
        total, peak = self.peak_kib([SPORE, "logs", "web"])
        self.assertEqual(total, len(block) * times + 1)
        if os.environ.get("SPORE_SANITIZE", "none") == "none":
            self.assertTrue(0 < peak < 16 * 1024, peak)
        count = self.spore("logs", "--json", "-n", "3", "web").stdout.splitlines()
        self.assertEqual([len(json.loads(line)["text"]) for line in count], [65536] * 3)
        self.assertTrue(all(json.loads(line)["continues"] for line in count))

    def test_many_generations_with_few_descriptors(self):
        for generation in range(1, 301):
            Writer(self, "web", generation=generation, size=64 << 20, files=1000).put(f"{generation}\n").close()
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        result = subprocess.run([SPORE, "logs", "web"], env=self.env, capture_output=True, text=True, preexec_fn=limit)
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout.split(), [str(i) for i in range(1, 301)])
