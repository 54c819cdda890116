"""The store: never a stale result, whole after anything, and looked after."""

import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

from spore_test import HELLO, SPORE, SporeTest, wait_until

PRINTS = '#include <stdio.h>\nint main(void) {{ puts("{}"); return 0; }}\n'
WAITS = '#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("up"); fflush(stdout); pause(); return 0; }\n'


class Freshness(SporeTest):
    def test_touch_and_revert(self):
        path = self.write("a.c", PRINTS.format("one"))
        first = self.ok(self.spore("build", "a.c")).stdout
        os.utime(path)
        self.assertEqual(self.ok(self.spore("build", "a.c")).stdout, first)
        self.assertTrue(self.build_json("a.c")["cached"])
        self.write("a.c", PRINTS.format("two"))
        self.assertNotEqual(self.ok(self.spore("build", "a.c")).stdout, first)
        self.ok(self.spore("run", "a.c"), "two\n")
        self.write("a.c", PRINTS.format("one"))
        again = self.build_json("a.c")
        self.assertTrue(again["cached"])
        self.assertEqual(os.path.join(again["path"], again["programs"][0]) + "\n", first)

    def test_never_stale_within_one_tick_of_the_clock(self):
        for i in range(60):
            self.write("t.c", PRINTS.format(f"{i:03}"))
            self.ok(self.spore("run", "--fast", "t.c"), f"{i:03}\n")

    def test_never_stale_when_the_time_is_put_back(self):
        path = self.write("t.c", PRINTS.format("one"))
        os.utime(path, (1000000000, 1000000000))
        self.ok(self.spore("run", "t.c"), "one\n")
        self.write("t.c", PRINTS.format("two"))
        os.utime(path, (1000000000, 1000000000))
        self.ok(self.spore("run", "t.c"), "two\n")

    def test_header_within_one_tick(self):
        self.write("h.c", '#include <stdio.h>\n#include "v.h"\nint main(void) { puts(V); return 0; }\n')
        for i in range(30):
            self.write("v.h", f'#define V "{i:03}"\n')
            self.ok(self.spore("run", "h.c"), f"{i:03}\n")

    def test_headers_of_other_folders(self):
        other = os.path.join(self.home, "include")
        os.mkdir(other)
        self.write("h.c", f'// spore: cflags -Ifirst -I{other}\n#include <stdio.h>\n#include <v.h>\n'
                   "int main(void) { puts(V); return 0; }\n")
        os.mkdir(os.path.join(self.work, "first"))
        header = os.path.join(other, "v.h")
        for tier in ([], ["--opt"]):
            for value in ("one", "two"):
                with open(header, "w") as f:
                    f.write(f'#define V "{value}"\n')
                self.ok(self.spore("run", *tier, "h.c"), value + "\n")
            # A header that now comes before the one that was found.
            shadow = self.write("first/v.h", '#define V "shadow"\n')
            self.ok(self.spore("run", *tier, "h.c"), "shadow\n")
            os.unlink(shadow)
            self.ok(self.spore("run", *tier, "h.c"), "two\n")

    def test_names_that_no_record_can_say(self):
        """Inputs with such names are not known, so nothing may be taken for current."""
        self.write("new\nline/h.c", '#include <stdio.h>\n#include "v.h"\nint main(void) { puts(V); return 0; }\n')
        for tier in ("--fast", "--opt"):
            for value in ("one", "two", "one"):
                self.write("new\nline/v.h", f'#define V "{value}"\n')
                self.ok(self.spore("run", tier, "new\nline/h.c"), value + "\n")
                self.ok(self.spore("run", tier, "h.c", cwd=os.path.join(self.work, "new\nline")), value + "\n")
        for name in ("a b.c", "q'\"uo\\te.c", "new\nline.c", "\u00fcn\u00ef-\u65e5.c", "-dash.c", "@at.c", "d$x;y.c", "p%s%n.c"):
            self.write(name, HELLO)
            for options in ([], ["--opt"]):
                self.ok(self.spore("run", *options, "--", name), "hello\n")

    def test_optional_header_that_appears(self):
        self.write("o.c", '#include <stdio.h>\n#if __has_include("extra.h")\n#include "extra.h"\n#else\n#define E "none"\n'
                   "#endif\nint main(void) { puts(E); return 0; }\n")
        self.ok(self.spore("run", "--opt", "o.c"), "none\n")
        self.write("extra.h", '#define E "extra"\n')
        self.ok(self.spore("run", "--opt", "o.c"), "extra\n")

    def test_package_configuration(self):
        folder = os.path.join(self.home, "pc")
        os.mkdir(folder)
        self.write("inc/v.h", '#define V "from the package"\n')
        if os.geteuid() != 0:
            self.skipTest("packages are looked for in the system's folders only")
        pc = "/usr/local/lib/pkgconfig/spore-test.pc"
        os.makedirs(os.path.dirname(pc), exist_ok=True)
        self.addCleanup(os.unlink, pc)

        def package(flags):
            with open(pc, "w") as f:
                f.write(f"Name: spore-test\nDescription: x\nVersion: 1\nCflags: {flags}\n")
        package("-DV='\"one\"'")
        self.write("p.c", '// spore: pkg-config spore-test\n#include <stdio.h>\nint main(void) { puts(V); return 0; }\n')
        self.ok(self.spore("run", "--opt", "p.c"), "one\n")
        package("-DV='\"two\"'")
        self.ok(self.spore("run", "--opt", "p.c"), "two\n")

    def test_changed_compiler(self):
        if os.geteuid() != 0:
            self.skipTest("compilers are looked for in the system's folders only")
        compiler = "/usr/local/bin/spore-test-cc"
        self.addCleanup(os.unlink, compiler)

        def install(flag):
            with open(compiler, "w") as f:
                f.write(f'#!/bin/sh\nexec gcc {flag} "$@"\n')
            os.chmod(compiler, 0o755)
        install("-DV=1")
        self.write("c.c", '// spore: cc spore-test-cc\n#include <stdio.h>\nint main(void) { printf("%d\\n", V); return 0; }\n')
        self.ok(self.spore("run", "c.c"), "1\n")
        install("-DV=2")
        self.ok(self.spore("run", "c.c"), "2\n")

    def test_edited_while_it_is_compiled(self):
        path = self.write("e.c", PRINTS.format(0))
        stop = threading.Event()
        chance = random.Random(31)
        last = [0]

        def edit():
            while not stop.is_set():
                with open(path + ".new", "w") as f:
                    f.write(PRINTS.format(last[0] + 1))
                os.rename(path + ".new", path)
                last[0] += 1  # only now: what is read before may be the one before
                time.sleep(chance.choice((0.002, 0.03, 0.1)))
        editor = threading.Thread(target=edit)
        editor.start()
        try:
            for _ in range(20):
                before = last[0]
                r = self.spore("run", "e.c")
                if r.returncode == 0:
                    self.assertGreaterEqual(int(r.stdout), before)
                else:
                    self.assertIn("changing", r.stderr)
        finally:
            stop.set()
            editor.join()
        self.ok(self.spore("run", "e.c"), f"{last[0]}\n")

    def test_why(self):
        self.write("w.c", '#include "w.h"\nint main(void) { return W; }\n')
        self.write("w.h", "#define W 0\n")
        self.assertIn("never built", self.spore("build", "--why", "w.c").stderr)
        self.assertIn("no input changed", self.spore("build", "--why", "w.c").stderr)
        self.write("w.h", "#define W 1\n")
        self.assertEqual(self.spore("build", "--why", "w.c").stderr, "changed: w.h\n")

    def test_why_of_what_was_just_built(self):
        """Asked by the program itself: what the builder does after it has delivered it is waited for."""
        script = """for i in 1 2 3 4 5; do
            printf '#include <unistd.h>\\nint main(void) { return execl("%s", "spore", "build", "--why", "w%s.c", (char *)0); }\\n' "$0" $i > w$i.c
            "$0" run w$i.c > built
        done"""
        result = subprocess.run(["sh", "-c", script, SPORE], cwd=self.work, env=self.env, text=True, capture_output=True, check=True)
        self.assertRegex(result.stderr, r"\A(no input changed since the artifact \S+\n){5}\Z")

    def test_same_content_elsewhere(self):
        self.write("x/a.c", HELLO)
        self.write("y/a.c", HELLO)
        self.ok(self.spore("build", "x/a.c"))
        self.assertTrue(self.build_json("y/a.c")["cached"])

    def test_fast_then_optimised(self):
        self.write("f.c", HELLO)
        self.assertEqual(self.build_json("f.c")["tier"], "fast")
        self.assertEqual(self.build_json("--opt", "f.c")["tier"], "opt")
        self.assertEqual(self.build_json("f.c")["tier"], "opt")


class Upkeep(SporeTest):
    def artifact(self, source, *options):
        d = self.build_json(*options, source)
        return d["path"], os.path.join(d["path"], d["programs"][0])

    def tamper(self, program):
        os.chmod(program, 0o755)
        with open(program, "r+b") as f:
            f.seek(100)
            f.write(b"tampered")

    def test_altered_artifact_is_found_and_built_again(self):
        self.write("a.c", HELLO)
        _, program = self.artifact("a.c")
        self.assertEqual(self.spore("store", "verify").returncode, 0)
        self.tamper(program)
        r = self.spore("store", "verify", "--json")
        self.assertEqual(r.returncode, 1)
        self.assertEqual(json.loads(r.stdout)[0]["source"], os.path.join(self.work, "a.c"))
        self.ok(self.spore("run", "a.c"), "hello\n")
        self.assertEqual(self.spore("store", "verify").returncode, 0)

    def test_altered_program_is_never_run(self):
        self.write("a.c", HELLO)
        _, program = self.artifact("a.c")
        self.tamper(program)
        self.ok(self.spore("run", "a.c"), "hello\n")
        self.assertEqual(self.spore("store", "verify").returncode, 0)

    def test_list(self):
        path = self.write("a.c", HELLO)
        self.ok(self.spore("run", "a.c"))
        (entry,) = json.loads(self.ok(self.spore("store", "ls", "--json")).stdout)
        self.assertEqual((entry["source"], entry["kind"], entry["tier"]), (path, "file", "fast"))
        self.assertGreater(entry["size"], 1000)
        self.assertIn(path, self.ok(self.spore("store", "ls")).stdout)

    def test_collection_spares_what_is_in_use(self):
        self.write("idle.c", HELLO)
        self.write("busy.c", WAITS)
        self.write("orphan.c", '#include <stdio.h>\n#include <unistd.h>\nint main(void) { if (fork() != 0) return 0; setsid(); '
                   'puts("up"); fflush(stdout); pause(); return 0; }\n')
        self.ok(self.spore("run", "idle.c"))
        busy = self.start("run", "busy.c")
        self.assertEqual(busy.stdout.readline(), b"up\n")
        orphan = self.start("run", "orphan.c")
        self.assertEqual(orphan.stdout.readline(), b"up\n")
        orphan.wait(timeout=60)
        posix = os.environ.get("SPORE_POSIX") == "1"  # only a lock tells there, and an orphan has none
        dry = self.ok(self.spore("store", "gc", "--max-size", "0", "--dry-run")).stdout
        self.assertIn("would remove", dry)
        out = self.ok(self.spore("store", "gc", "--max-size", "0")).stdout
        self.assertIn("1 in use" if posix else "2 in use", out)
        left = {e["source"] for e in json.loads(self.spore("store", "ls", "--json").stdout)}
        self.assertEqual(left, {os.path.join(self.work, n) for n in ("busy.c", "orphan.c")[:1 if posix else 2]})
        busy.kill()
        busy.wait()
        self.ok(self.spore("run", "idle.c"), "hello\n")

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "only a lock tells there")
    def test_collection_in_a_store_behind_a_link(self):
        self.write("orphan.c", '#include <stdio.h>\n#include <unistd.h>\nint main(void) { if (fork() != 0) return 0; setsid(); '
                   'puts("up"); fflush(stdout); pause(); return 0; }\n')
        os.mkdir(os.path.join(self.dir, "there"))
        os.symlink("there", self.store)
        orphan = self.start("run", "orphan.c")
        self.assertEqual(orphan.stdout.readline(), b"up\n")
        orphan.wait(timeout=60)
        self.assertIn("1 in use", self.ok(self.spore("store", "gc", "--max-size", "0")).stdout)

    def test_age(self):
        self.write("old.c", HELLO)
        self.write("new.c", PRINTS.format("new"))
        path, _ = self.artifact("old.c")
        self.artifact("new.c")
        past = time.time() - 40 * 86400
        os.utime(os.path.join(self.store, "meta", os.path.basename(path)), (past, past))
        self.ok(self.spore("store", "gc"))
        self.assertEqual([e["source"] for e in json.loads(self.spore("store", "ls", "--json").stdout)],
                         [os.path.join(self.work, "new.c")])

    def test_index_of_rubbish_is_no_obstacle(self):
        self.write("a.c", HELLO)
        self.ok(self.spore("run", "a.c"), "hello\n")
        entry = os.path.join(self.store, "index") + "".join("/+" + p for p in self.work.strip("/").split("/")) + "/+a.c/fast"
        for text in (b"", b"\0" * 100, b"spore-index 1\nid ../../x\nend\n", b"spore-index 1\nfile 1 2\nend\n"):
            with open(entry, "wb") as f:
                f.write(text)
            self.ok(self.spore("run", "a.c"), "hello\n")
        meta = os.path.join(self.store, "meta")
        for name in os.listdir(meta):
            with open(os.path.join(meta, name), "wb") as f:
                f.write(b"rubbish\n")
        os.unlink(entry)
        self.ok(self.spore("run", "a.c"), "hello\n")
        with open(os.path.join(self.store, "hashes"), "wb") as f:
            f.write(os.urandom(5000))
        self.write("a.c", PRINTS.format("x"))
        self.ok(self.spore("run", "a.c"), "x\n")


if __name__ == "__main__":
    unittest.main()
