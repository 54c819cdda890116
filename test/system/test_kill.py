"""SIGKILL and a full disk, at any moment: the store stays whole, the next run is right, and nothing is left behind."""

import os
import random
import resource
import shutil
import signal
import subprocess
import time
import unittest

from spore_test import BUILD, DEADLINE, HELLO, SPORE, SporeTest, all_processes, wait_until

PRINTS = '#include <stdio.h>\n#include "part.h"\nint main(void) {{ printf("{} %d\\n", X); return 0; }}\n'
SEED = int(os.environ.get("SPORE_TEST_SEED", "4711"))
LONG = "SPORE_TEST_LONG" in os.environ  # as often as finds the rare; else as often as finds what is plainly wrong
MAKEFILE = "thing: main.o one.o two.o\n\tcc -o $@ $^\n%.o: %.c\n\tcc -c $<\ninstall: thing\n\tinstall -D thing $(DESTDIR)$(PREFIX)/bin/thing\n"


def is_dead(pid):
    """Its files closed, its locks released: not only its memory gone, which is when its environment cannot be read any more."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


class WholeTest(SporeTest):
    def processes(self):
        """Those that this test started, whatever became of their parents."""
        mark = self.dir.encode()
        return [pid for pid, environ, line in all_processes("environ", "cmdline") if mark in environ or mark in line]

    def whole(self):
        """The store after all that; only once no process is left."""
        try:
            wait_until(lambda: not self.processes(), "the end of all processes")
        except AssertionError as e:
            said = subprocess.run(["ps", "-o", "pid,ppid,stat,args", "-p", ",".join(map(str, self.processes()))], text=True,
                                  capture_output=True, check=False).stdout
            raise AssertionError(f"{e}:\n{said}") from None
        r = self.spore("store", "verify")
        self.assertEqual((r.returncode, "0 altered" in r.stdout), (0, True), r.stdout + r.stderr)

        def collected():
            self.ok(self.spore("store", "gc"))
            return not [name for _, _, names in os.walk(self.store) for name in names if name.endswith(".part")]
        # The number of a process that was killed is that of its zombie, until somebody has reaped it, or of another process by then.
        wait_until(collected, "the end of what killed processes left")
        self.assertEqual(os.listdir(os.path.join(self.store, "stage")), [])
        records = set(os.listdir(os.path.join(self.store, "meta")))
        self.assertEqual(records, set(os.listdir(os.path.join(self.store, "artifacts"))))


class Killed(WholeTest):
    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)
        self.write("part.h", "#define X 1\n")

    def kill(self, argv, moment, group=False):
        """Starts ARGV and kills it, or all that it started too, that many seconds later."""
        process = subprocess.Popen(argv, cwd=self.work, env=self.env, start_new_session=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
        process.wait()

    def rounds(self, count, argv_of, longest, group=False):
        """Kills COUNT builds of ever new contents of k.c, and looks now and then."""
        for i in range(count):
            with self.subTest(seed=SEED, round=i):
                self.write("k.c", PRINTS.format(i))
                argv, share = argv_of(i)
                self.kill(argv, self.chance.random() * longest * share, group)
                if i % 10 == 9:
                    self.ok(self.spore("run", "--fast", "k.c"), f"{i} 1\n")
        self.ok(self.spore("run", "k.c"), f"{count - 1} 1\n")
        self.whole()

    def test_builder(self):
        build = os.path.join(BUILD, "spore-build")
        self.rounds(120 if LONG else 30, lambda i: ([build, "build", "--tier=" + ("opt" if i % 4 == 0 else "fast"), "k.c"],
                                    6 if i % 4 == 0 else 1), 0.012)

    def test_run(self):
        self.rounds(80 if LONG else 20, lambda i: ([SPORE, "run", "--opt" if i % 4 == 0 else "--fast", "k.c"], 6 if i % 4 == 0 else 1), 0.014)

    def test_all_at_once(self):
        self.rounds(80 if LONG else 20, lambda i: ([SPORE, "run", "--opt" if i % 4 == 0 else "--fast", "k.c"], 6 if i % 4 == 0 else 1), 0.014,
                    group=True)

    @unittest.skipUnless(shutil.which("make"), "needs make")
    def test_folder(self):
        self.write("thing/Makefile", MAKEFILE)
        self.write("thing/two.c", "int two(void) { return 2; }\n")
        self.write("thing/main.c", '#include <stdio.h>\nint one(void), two(void);\n'
                   'int main(void) { printf("%d %d\\n", one(), two()); return 0; }\n')
        folder = os.path.join(self.work, "thing")
        rounds = 30 if LONG else 12
        for i in range(rounds):
            with self.subTest(seed=SEED, round=i):
                self.write("thing/one.c", f"int one(void) {{ return {i}; }}\n")
                command = [SPORE, "run", "thing"] if i % 2 == 0 else [os.path.join(BUILD, "spore-build"), "build", "thing"]
                self.kill(command, self.chance.random() * 0.3, group=i % 3 == 0)
                if i % 6 == 5:
                    self.ok(self.spore("run", folder), f"{i} 2\n")
        self.ok(self.spore("run", folder), f"{rounds - 1} 2\n")
        self.whole()

    def test_node(self):
        del self.env["SPORE_NO_NODE"]
        for i in range(12 if LONG else 6):
            with self.subTest(seed=SEED, round=i):
                self.write("k.c", PRINTS.format(i))
                self.ok(self.spore("run", "k.c"), f"{i} 1\n")

                def nodes():
                    found = []
                    for pid in self.processes():
                        try:
                            with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                                if f.read() == "spore-node\n":
                                    found.append(pid)
                        except OSError:
                            pass
                    return found
                node = wait_until(nodes, "the node")
                time.sleep(self.chance.random() * 0.1)  # while it starts, builds, or does nothing any more
                for pid in node:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.ok(self.spore("run", "k.c"), f"{i} 1\n")
                # A wish that went to a dying node is repeated by the next run of that source; here each round has another.
                wait_until(lambda: all(map(is_dead, node)), "the end of the node")
        self.ok(self.spore("build", "--opt", "k.c"))
        self.ok(self.spore("node", "stop"))
        self.whole()


class FullDisk(WholeTest):
    def said(self, r, expected):
        """Either it worked, or it says what and why, and what to do."""
        if r.returncode == 0:
            self.assertEqual(r.stdout, expected)
            return True
        self.assertEqual(r.returncode, 125, r.stderr)
        self.assertEqual(r.stdout, "")
        self.assertRegex(r.stderr, "(?m)^spore: .*(No space left on device|disk is full|File too large|larger than the limit)")
        self.assertRegex(r.stderr, "(?m)^  .*(free some space|ulimit -f)")
        return False

    def test_each_call(self):
        """Each system call that takes room fails, alone and with all after it."""
        libexec = os.path.join(self.dir, "libexec")
        os.mkdir(libexec)
        for name in ("libspore-trace.so", "tcc-prelude.h"):
            shutil.copy(os.path.join(BUILD, name), libexec)
        shutil.copy(os.path.join(BUILD, "test", "system", "spore-build-full"), os.path.join(libexec, "spore-build"))
        self.env["SPORE_LIBEXEC"] = libexec
        calls = os.path.join(self.dir, "calls")
        self.write("part.h", "#define X 1\n")
        self.write("thing/Makefile", MAKEFILE)
        self.write("thing/main.c", '#include <stdio.h>\nint one(void), two(void);\n'
                   'int main(void) { printf("%d %d\\n", one(), two()); return 0; }\n')
        self.write("thing/two.c", "int two(void) { return 1; }\n")
        serial = 0

        def change():
            nonlocal serial
            serial += 1
            self.write("f.c", PRINTS.format(serial))
            self.write("thing/one.c", f"int one(void) {{ return {serial}; }}\n")
            return f"{serial} 1\n"
        kinds = [(["--fast", "f.c"], 1 if LONG else 3), (["--opt", "f.c"], 3 if LONG else 8)]
        if shutil.which("make"):
            kinds.append((["thing"], 7 if LONG else 16))
        for args, step in kinds:
            expected = change()
            with open(calls, "w", encoding="utf-8"):
                pass
            self.ok(self.spore("run", *args, env={**self.env, "SPORE_TEST_CALLS": calls}), expected)
            wait_until(lambda: not self.processes(), "the end of the build")
            count = os.path.getsize(calls)
            self.assertGreater(count, 5)
            failed = 0
            for at in range(1, count + 1, step):
                for length in (0, 1):
                    with self.subTest(args=args, at=at, length=length):
                        expected = change()
                        r = self.spore("run", *args, env={**self.env, "SPORE_TEST_FULL": f"{at} {length}"})
                        failed += not self.said(r, expected)
                        self.ok(self.spore("run", *args), expected)
            self.assertGreater(failed, 0)
        self.whole()

    def small(self, size):
        """Mounts a file system of SIZE bytes as the store, seen by what self.spore starts from now on."""
        os.mkdir(self.store)
        holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             'mount -t tmpfs -o size="$2",mode=700 none "$1" && echo up && read x', "sh", self.store, str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": self.env["PATH"]})
        self.addCleanup(self.end, holder)
        if holder.stdout.readline() != b"up\n":
            self.skipTest("cannot mount a small file system: " + holder.stderr.read().decode().strip())
        return ["nsenter", "--user", "--mount", "--preserve-credentials", f"--target={holder.pid}", "env", f"--chdir={self.work}"], holder.pid

    @unittest.skipUnless(shutil.which("unshare") and shutil.which("nsenter"), "needs unshare and nsenter")
    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "needs the namespaces of Linux")
    def test_each_page(self):
        """The disk has room for ever more pages, until the build fits: every tool meets the end of it."""
        enter, holder = self.small("4M")

        def run(*args):
            return subprocess.run([*enter, SPORE, *args], env=self.env, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                                  timeout=DEADLINE, check=False)
        store = f"/proc/{holder}/root{self.store}"
        filler = os.path.join(store, "filler")
        self.write("part.h", "#define X 1\n")
        self.write("first.c", HELLO)
        self.ok(run("run", "--fast", "first.c"), "hello\n")
        serial = 0
        for tier in ("--fast", "--opt"):
            worked = pages = 0
            while worked < 2:
                self.assertLess(pages, 120, "it never works")
                with self.subTest(tier=tier, pages=pages):
                    serial += 1
                    self.write("f.c", PRINTS.format(serial) + f"static char big[{8192 * 2}] = {{1}};\nchar *p = big;\n")
                    with open(filler, "wb") as f:
                        space = os.statvfs(store)
                        os.posix_fallocate(f.fileno(), 0, max(1, space.f_bavail - pages) * space.f_bsize)
                    r = run("run", tier, "f.c")
                    worked += self.said(r, f"{serial} 1\n")
                    os.unlink(filler)
                    r = run("store", "verify")
                    self.assertEqual(r.returncode, 0, r.stdout)
                    r = run("run", tier, "f.c")
                    self.assertEqual((r.stdout, r.stderr), (f"{serial} 1\n", ""))
                pages += (1 if tier == "--fast" else 3) * (1 if LONG else 3)
                run("store", "gc", "--max-size", "0")
            self.assertGreater(pages, 3, "it was never full")

    def test_each_limit_of_the_size_of_files(self):
        self.write("part.h", "#define X 1\n")
        self.ok(self.spore("run", "--fast", self.write("first.c", HELLO)), "hello\n")
        serial = 0
        for tier in ("--fast", "--opt"):
            worked, limit = 0, 512
            while worked < 3:
                self.assertLess(limit, 1 << 20, "it never works")
                with self.subTest(tier=tier, limit=limit):
                    serial += 1
                    self.write("f.c", PRINTS.format(serial))

                    def lower(limit=limit):
                        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                    r = self.spore("run", tier, "f.c", preexec_fn=lower)
                    worked += self.said(r, f"{serial} 1\n")
                    self.ok(self.spore("run", tier, "f.c"), f"{serial} 1\n")
                limit = limit * 3 // 2 if LONG else limit * 2
            self.assertGreater(limit, 4096)
        self.whole()


class ReadOnly(SporeTest):
    def test_read_only_store(self):
        if os.geteuid() == 0:
            self.skipTest("root writes anywhere")
        self.write("a.c", HELLO)
        self.ok(self.spore("run", "--fast", "a.c"), "hello\n")
        for root, _, names in os.walk(self.store):
            os.chmod(root, 0o500)
            for name in names if root.endswith("/meta") else ():
                os.chmod(os.path.join(root, name), 0o400)
        # What is there can be used, also when the file's times have to be taken for nothing.
        for tier in ("--fast", "--fast"):
            self.ok(self.spore("run", tier, "a.c"), "hello\n")
            os.utime(os.path.join(self.work, "a.c"))
        self.write("b.c", HELLO)
        r = self.spore("run", "b.c")
        self.assertEqual(r.returncode, 125)
        self.assertIn("SPORE_STORE", r.stderr)


if __name__ == "__main__":
    unittest.main()
