"""`spore run --watch`: builds and starts again on a change, and keeps what works."""

import os
import signal
import threading
import unittest

from spore_test import SporeTest, wait_until

SERVES = """#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "version.h"
static volatile sig_atomic_t end;
static void on(int s) {{ (void)s; end = 1; }}
int main(void) {{ signal(SIGTERM, on); printf("up {} %s\\n", VERSION); fflush(stdout); while (!end) pause();
puts("down"); return 0; }}
"""


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX looks every 250 ms and reacts too slowly for these")
class Watch(SporeTest):
    def setUp(self):
        super().setUp()
        self.write("version.h", '#define VERSION "a"\n')
        self.write("s.c", SERVES.format(1))

    def watch(self, *args):
        self.process = self.start("run", "--watch", *args, text=True)
        self.errors = []
        threading.Thread(target=self.collect, daemon=True).start()
        return self.process

    def collect(self):
        try:
            for line in self.process.stderr:
                self.errors.append(line)
        except ValueError:
            pass  # closed at the end of the test

    def line(self):
        return self.process.stdout.readline().strip()

    def said(self, text):
        wait_until(lambda: any(text in line for line in self.errors), f"'{text}' in {self.errors}")

    def test_change_of_source_and_header(self):
        self.watch("s.c")
        self.assertEqual(self.line(), "up 1 a")
        self.write("s.c", SERVES.format(2))
        self.assertEqual((self.line(), self.line()), ("down", "up 2 a"))
        self.write("version.h", '#define VERSION "b"\n')
        self.assertEqual((self.line(), self.line()), ("down", "up 2 b"))
        self.said("version.h changed, building again")

    def test_no_builder_is_left_behind(self):
        watch = self.watch("s.c")
        self.assertEqual(self.line(), "up 1 a")

        def children():
            with open(f"/proc/{watch.pid}/task/{watch.pid}/children") as f:
                return f.read().split()
        wait_until(lambda: len(children()) == 1, "the builder's end")

    def test_failing_build_leaves_the_old_one(self):
        self.watch("s.c")
        self.assertEqual(self.line(), "up 1 a")
        self.write("s.c", "nonsense")
        self.said("the build failed; the one before runs on")
        self.write("s.c", SERVES.format(3))
        self.assertEqual((self.line(), self.line()), ("down", "up 3 a"))

    def test_begins_with_a_failing_build(self):
        self.write("s.c", "nonsense")
        self.watch("s.c")
        self.said("waiting for a change")
        self.write("s.c", SERVES.format(4))
        self.assertEqual(self.line(), "up 4 a")

    def test_program_that_ends(self):
        self.write("once.c", '#include <stdio.h>\nint main(void) { puts("one"); return 3; }\n')
        self.watch("once.c")
        self.assertEqual(self.line(), "one")
        self.said("ended with status 3; waiting for a change")
        self.write("once.c", '#include <stdio.h>\nint main(void) { puts("two"); return 0; }\n')
        self.assertEqual(self.line(), "two")

    def test_interrupt_ends_both(self):
        for sig in (signal.SIGINT, signal.SIGTERM):
            process = self.watch("s.c")
            self.assertEqual(self.line(), "up 1 a")
            process.send_signal(sig)
            process.wait(timeout=60)
            self.assertNotEqual(process.returncode, -signal.SIGKILL)

    def test_script(self):
        self.write("w.py", 'import sys, time\nprint("py 1", flush=True)\ntime.sleep(600)\n')
        self.watch("w.py")
        self.assertEqual(self.line(), "py 1")
        self.write("w.py", 'import sys, time\nprint("py 2", flush=True)\ntime.sleep(600)\n')
        self.assertEqual(self.line(), "py 2")

    def test_new_file_in_a_folder(self):
        self.write("f/Makefile", "f: f.c\n\t$(CC) -o $@ f.c\n")
        program = '#include <stdio.h>\n#include <unistd.h>\n#if __has_include("extra.h")\n#include "extra.h"\n#else\n' \
                  '#define E "none"\n#endif\nint main(void) { puts(E); fflush(stdout); pause(); return 0; }\n'
        self.write("f/f.c", program)
        self.watch("f")
        self.assertEqual(self.line(), "none")
        self.write("f/extra.h", '#define E "extra"\n')
        self.write("f/f.c", program + "\n")
        self.assertEqual(self.line(), "extra")


if __name__ == "__main__":
    unittest.main()
