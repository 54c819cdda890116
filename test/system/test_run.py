"""`spore run` and `spore build` on single files and scripts."""

import json
import os
import signal
import subprocess
import unittest

from spore_test import HELLO, SPORE, SporeTest


class Programs(SporeTest):
    def test_arguments_and_exit_status(self):
        self.write("args.c", '#include <stdio.h>\nint main(int c, char **v) { for (int i = 1; i < c; i++) '
                   'printf("[%s]", v[i]); return c; }\n')
        r = self.spore("run", "args.c", "--fast", "-x", "", "a b", "--")
        self.assertEqual((r.stdout, r.returncode), ("[--fast][-x][][a b][--]", 6))

    def test_status_of_a_signal(self):
        self.write("die.c", "#include <signal.h>\n#include <stdlib.h>\n"
                   "int main(int c, char **v) { raise(atoi(v[1])); return 0; }\n")
        for sig in (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
            self.assertEqual(self.spore("run", "die.c", str(int(sig))).returncode, 128 + sig)

    def test_streams(self):
        self.write("copy.c", "#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); "
                   'fputs("done", stderr); return 0; }\n')
        data = bytes(range(256)) * 5000
        r = self.spore("run", "copy.c", input=data, text=False)
        self.assertEqual((r.stdout, r.stderr), (data, b"done"))

    def test_here_document_and_pipe_in_a_shell(self):
        self.write("up.c", "#include <ctype.h>\n#include <stdio.h>\n"
                   "int main(void) { int c; while ((c = getchar()) != EOF) putchar(toupper(c)); return 0; }\n")
        r = subprocess.run(["sh", "-c", "spore run up.c <<X | tr A-C x\nabcd\nX\n"], cwd=self.work, env=self.env,
                           capture_output=True, text=True, timeout=60)
        self.assertEqual(r.stdout, "xxxD\n")

    def test_nothing_is_left_in_descriptors_and_environment(self):
        self.write("fds.c", "#include <dirent.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
                   'int main(void) { DIR *d = opendir("/proc/self/fd"); struct dirent *e; int self = dirfd(d);\n'
                   "while ((e = readdir(d)) != NULL) if (atoi(e->d_name) != self && e->d_name[0] != '.') "
                   'printf("%s ", e->d_name); return 0; }\n')
        for tier in ("--fast", "--opt"):
            self.assertEqual(sorted(self.spore("run", tier, "fds.c").stdout.split()), ["0", "1", "2"])
        self.write("env.sh", "env")
        plain = subprocess.run(["env"], env=self.env, capture_output=True, text=True).stdout.splitlines()
        ours = self.spore("run", "env.sh").stdout.splitlines()
        new = {line for line in ours if line not in plain and not line.startswith(("PWD=", "_=", "OLDPWD="))}
        self.assertEqual(new, {"SPORE_TASK=env.sh"})

    def test_ignored_signals_stay_ignored(self):
        self.write("hup.c", "#include <signal.h>\n#include <stdio.h>\nint main(void) { struct sigaction a;\n"
                   'sigaction(SIGHUP, NULL, &a); puts(a.sa_handler == SIG_IGN ? "ignored" : "default"); return 0; }\n')
        self.ok(self.spore("run", "hup.c"), "default\n")
        r = subprocess.run(["sh", "-c", "trap '' HUP; exec spore run hup.c"], cwd=self.work, env=self.env,
                           capture_output=True, text=True, timeout=60)
        self.assertEqual(r.stdout, "ignored\n")

    def test_script_line(self):
        self.write("tool", "#!/usr/bin/env -S spore run\n#include <stdio.h>\n"
                   'int main(int c, char **v) { printf("%d %s %d\\n", c, v[1], __LINE__); return 0; }\n', 0o755)
        for _ in range(2):
            r = subprocess.run(["./tool", "x"], cwd=self.work, env=self.env, capture_output=True, text=True, timeout=60)
            self.assertEqual((r.stdout, r.stderr), ("2 x 3\n", ""))
        self.assertEqual(self.spore("run", "--opt", "tool", "y").stdout, "2 y 3\n")

    def test_cplusplus(self):
        self.write("v.cpp", "#include <iostream>\n#include <vector>\nint main() { std::vector<int> v{1, 2, 3}; "
                   'std::cout << v.size() << "\\n"; }\n')
        self.ok(self.spore("run", "v.cpp"), "3\n")

    def test_scripts(self):
        self.write("a.py", "import sys; print(sys.argv[1:]); sys.exit(4)\n")
        r = self.spore("run", "a.py", "x", "-y")
        self.assertEqual((r.stdout, r.returncode), ("['x', '-y']\n", 4))
        self.write("a.sh", 'echo "$1"; kill -TERM $$\n')
        r = self.spore("run", "a.sh", "x")
        self.assertEqual((r.stdout, r.returncode), ("x\n", 128 + signal.SIGTERM))

    def test_javascript(self):
        if subprocess.run(["sh", "-c", "command -v node"], capture_output=True).returncode != 0:
            self.skipTest("no node")
        self.write("a.js", "console.log(process.argv[2])\n")
        self.ok(self.spore("run", "a.js", "x"), "x\n")

    def test_system_program(self):
        self.ok(self.spore("run", "path:echo", "-n", "x"), "x")
        self.assertEqual(self.spore("run", "path:no-such-program").returncode, 127)

    def test_no_end_is_missed(self):
        """The end of a program may be told at any moment of the wait for it."""
        self.write("end.c", "int main(void) { return 0; }\n")
        self.ok(self.spore("run", "end.c"))
        for _ in range(500):
            self.ok(self.spore("run", "end.c"), "")

    def test_many_at_once_build_once(self):
        self.write("one.c", HELLO)
        runs = [self.start("run", "one.c") for _ in range(12)]
        for run in runs:
            out, err = run.communicate(timeout=60)
            self.assertEqual((out, err, run.returncode), (b"hello\n", b"", 0))
        self.assertEqual(len(os.listdir(os.path.join(self.store, "artifacts"))), 1)


class LocalFiles(SporeTest):
    def test_headers_and_sources(self):
        self.write("common/limit.h", "#define LIMIT 7\n")
        self.write("p/part.h", "int part(void);\n")
        self.write("p/part.c", '#include "part.h"\n#include "../common/limit.h"\nint part(void) { return LIMIT; }\n')
        self.write("p/inc.c", "static int inc(int x) { return x + 1; }\n")
        main = '#include <stdio.h>\n#include "part.h"\n#include "inc.c"\n' \
               'int main(void) { printf("%d\\n", inc(part())); return 0; }\n'
        self.write("p/main.c", main)
        r = self.spore("run", "p/main.c")
        self.assertEqual(r.returncode, 125)
        self.assertIn("// spore: sources part.c", r.stderr)
        self.write("p/main.c", "// spore: sources part.c\n" + main)
        self.ok(self.spore("run", "p/main.c"), "8\n")
        self.write("common/limit.h", "#define LIMIT 9\n")
        self.ok(self.spore("run", "p/main.c"), "10\n")
        self.write("p/inc.c", "static int inc(int x) { return x + 2; }\n")
        self.ok(self.spore("run", "p/main.c"), "11\n")

    def test_file_name_and_place_do_not_matter(self):
        text = '#include <stdio.h>\nint main(void) { puts(__FILE__); return 0; }\n'
        self.write("a/x.c", text)
        self.write("b/x.c", text)
        for tier in ("--fast", "--opt"):
            self.ok(self.spore("run", tier, "a/x.c"), "x.c\n")
            self.assertTrue(self.build_json(tier, "b/x.c")["cached"])
            self.ok(self.spore("run", tier, os.path.join(self.work, "b/x.c")), "x.c\n")


class Directives(SporeTest):
    def test_math_and_threads_need_nothing(self):
        self.write("m.c", "#include <math.h>\n#include <pthread.h>\n#include <stdio.h>\n"
                   "static void *f(void *p) { *(double *)p = sqrt(*(double *)p); return NULL; }\n"
                   "int main(void) { double d = 144; pthread_t t; pthread_create(&t, NULL, f, &d); "
                   'pthread_join(t, NULL); printf("%g\\n", d); return 0; }\n')
        for tier in ("--fast", "--opt"):
            self.ok(self.spore("run", tier, "m.c"), "12\n")

    def test_flags_standard_and_compiler(self):
        self.write("f.c", "// spore: cflags -DNAME='\"a b\"' -Iinc\n/* spore: std gnu11 */\n#include <stdio.h>\n"
                   '#include <x.h>\nint main(void) { printf("%s %d %ld\\n", NAME, X, __STDC_VERSION__); return 0; }\n')
        self.write("inc/x.h", "#define X 5\n")
        self.ok(self.spore("run", "f.c"), "a b 5 201112\n")

    def test_mistakes(self):
        for text, expected in (
            ("// spore: lib -lz\n", "did you mean 'libs'?"),
            ("// spore: cflags -fplugin=x.so\n", "is not for a directive"),
            ("// spore: cflags -o /tmp/x\n", "is not for a directive"),
            ("// spore: std\n", "needs a value"),
            ("// spore: cflags 'x\n", "a quote is not closed"),
            ("// spore: pkg-config no-such-package-at-all\n", "no-such-package-at-all"),
            ("// spore: cc no-such-compiler\n", "no-such-compiler"),
        ):
            self.write("bad.c", text + HELLO)
            r = self.spore("run", "bad.c")
            self.assertEqual(r.returncode, 125, text)
            self.assertIn(expected, r.stderr)
            self.assertTrue(r.stderr.startswith("spore: bad.c: "), r.stderr)

    def test_text_that_only_looks_like_a_directive(self):
        self.write("s.c", '#include <stdio.h>\nint main(void) { puts("// spore: lib"); return 0; } // spored: x\n')
        self.ok(self.spore("run", "s.c"), "// spore: lib\n")

    def test_missing_header_and_library(self):
        self.write("h.c", "#include <no_such_header_anywhere.h>\nint main(void) { return 0; }\n")
        r = self.spore("run", "h.c")
        self.assertEqual(r.returncode, 125)
        self.assertIn("no_such_header_anywhere.h", r.stderr)
        self.write("u.c", "int uncompress(void); int main(void) { return uncompress(); }\n")
        r = self.spore("run", "u.c")
        self.assertEqual(r.returncode, 125)
        self.assertIn("// spore: libs", r.stderr)

    def test_remedies_name_the_directive(self):
        main = "int main(void) { return 0; }\n"
        for files, expected in (
            # Hardly anybody has this one installed; its Debian package is known.
            ({} if os.path.exists("/usr/include/gif_lib.h") else {"a.c": "#include <gif_lib.h>\n" + main}, "libgif-dev, then add this comment to the file: // spore: libs -lgif"),
            ({"a.c": '#include "mine.h"\n' + main}, "put mine.h where the file names it"),
            ({"a.c": "int omp_get_max_threads(void);\nint main(void) { return omp_get_max_threads(); }\n"},
             "// spore: cflags -fopenmp"),
            ({"a.c": "int other(int);\nint main(void) { return other(1); }\n",
              "unlike.c": "int main(void) { other(2); }\n", "near.c": "int other(int x)\n{\n\treturn x;\n}\n"},
             "// spore: sources near.c"),
            ({"a.c": "// spore: sources nowhere.c\n" + main}, "it names the source nowhere.c, which is not there"),
            ({"a.c": "// spore: cc gcc-1\n" + main}, "sudo apt-get install gcc-1\n"),
            ({"a.c": "// spore: cc no-such-compiler\n" + main}, "correct its name in the file"),
            ({"a.c": "// spore: std c42\n" + main}, "spore: a.c: does not compile: unrecognized"),
        ):
            for name, text in files.items():
                self.write(name, text)
            if not files:
                continue
            r = self.spore("run", "--opt", "a.c")
            self.assertEqual(r.returncode, 125, files)
            self.assertIn(expected, r.stderr)


class Errors(SporeTest):
    def test_compile_error_as_the_compiler_wrote_it(self):
        self.write("sub/e.c", "#include <stdio.h>\nint main(void)\n{\n\treturn x;\n}\n")
        r = self.spore("run", "sub/e.c")
        gcc = subprocess.run(["gcc", "-O2", "-o", "/dev/null", "sub/e.c"], cwd=self.work, capture_output=True, text=True,
                             env={**self.env, "LC_ALL": "C.UTF-8"})
        self.assertEqual(r.returncode, 125)
        self.assertTrue(r.stderr.startswith(gcc.stderr), r.stderr)
        self.assertIn("spore: sub/e.c: does not compile: sub/e.c:4: 'x' undeclared", r.stderr.replace("‘", "'").replace("’", "'"))
        d = self.build_json("sub/e.c")
        self.assertFalse(d["ok"])
        first = d["diagnostics"][0]
        self.assertEqual((first["file"], first["line"], first["column"], first["severity"]), ("sub/e.c", 4, 16, "error"))
        self.assertTrue(os.path.exists(d["log"]))

    def test_every_failure_as_json(self):
        self.write("l.c", "int f(void);\nint main(void) { return f(); }\n")
        (d,) = self.build_json("l.c")["diagnostics"]
        self.assertEqual((d["file"], d["line"], d["severity"]), ("l.c", None, "error"))
        self.assertIn("undefined reference to", d["message"])
        r = self.spore("build", "--json", "absent.c")
        self.assertEqual(r.returncode, 127)
        self.assertEqual(json.loads(r.stdout)["ok"], False)

    def test_statuses_and_remedies(self):
        r = self.spore("run", "absent.c")
        self.assertEqual(r.returncode, 127)
        r = self.spore("run", "echo")
        self.assertEqual(r.returncode, 127)
        self.assertIn("path:echo", r.stderr)
        self.write("data.txt", "x")
        r = self.spore("run", "data.txt")
        self.assertEqual(r.returncode, 126)
        r = self.spore("run", "/bin/true")
        self.assertEqual(r.returncode, 126)
        self.assertIn("path:", r.stderr)
        os.mkfifo(os.path.join(self.work, "fifo.c"))
        self.assertEqual(self.spore("run", "fifo.c").returncode, 126)

    def test_what_there_is_nothing_to_build_of(self):
        self.write("data.txt", "x")
        self.write("data.tar.gz", b"\x1f\x8b\x08\x00\x00\x00")
        self.write("tool.py", "import sys\nprint(sys.argv[1:])\n")
        for name, words in (("data.txt", "does not know what kind"), ("data.tar.gz", "binary")):
            r = self.spore("build", name)
            self.assertEqual((r.returncode, r.stdout), (126, ""))
            self.assertIn(words, r.stderr)
            r = self.spore("build", "--json", name)
            self.assertEqual(r.returncode, 126)
            said = json.loads(r.stdout)
            self.assertEqual((said["ok"], said["source"]), (False, name))
            self.assertIn(words, said["error"])
        r = self.spore("build", "tool.py")
        self.assertEqual((r.returncode, r.stdout), (0, ""))
        self.assertIn("spore run tool.py", r.stderr)
        said = self.build_json("tool.py")
        self.assertEqual((said["ok"], said["kind"]), (True, "script"))
        self.ok(self.spore("run", "tool.py", "--", "--json", "x"), "['--', '--json', 'x']\n")

    def test_usage(self):
        for args, expected in (
            (["rum", "x"], "did you mean 'spore run'?"),
            (["run", "--wach", "x"], "did you mean --watch?"),
            (["run"], "usage: spore run"),
            (["build", "a", "b"], "too many operands"),
            (["run", "--bin"], "needs a value"),
            (["run", "--fast", "--opt", "x.c"], "exclude each other"),
            (["store", "gc", "--max-age", "5x"], "give a whole number"),
        ):
            r = self.spore(*args)
            self.assertEqual(r.returncode, 2, args)
            self.assertIn(expected, r.stderr)
        self.assertIn("usage: spore", self.ok(self.spore("--help")).stdout)
        self.assertIn("--watch", self.ok(self.spore("help", "run")).stdout)
        self.assertRegex(self.ok(self.spore("--version")).stdout, r"^spore \d+\.\d+\.\d+\n$")

    def test_places(self):
        self.write("h.c", HELLO)
        env = {k: v for k, v in self.env.items() if k not in ("HOME", "SPORE_STORE")}
        r = self.spore("run", "h.c", env=env)
        self.assertEqual(r.returncode, 125)
        self.assertIn("HOME", r.stderr)
        r = self.spore("run", "h.c", env={**env, "XDG_CACHE_HOME": "relative"})
        self.assertIn("not an absolute path", r.stderr)
        r = self.spore("run", "h.c", env={**self.env, "SPORE_STORE": self.write("file", "x")})
        self.assertEqual(r.returncode, 125)
        self.assertIn("cannot use the store", r.stderr)
        os.makedirs(self.store)
        with open(os.path.join(self.store, "format"), "w") as f:
            f.write("spore-store 99\n")
        self.assertIn("another format", self.spore("run", "h.c").stderr)

    def test_missing_part_of_the_installation(self):
        self.write("h.c", HELLO)
        r = self.spore("run", "h.c", env={**self.env, "SPORE_LIBEXEC": self.home})
        self.assertEqual(r.returncode, 125)
        self.assertIn("SPORE_LIBEXEC", r.stderr)


if __name__ == "__main__":
    unittest.main()
