"""A program in the foreground has the terminal, the keys and the signals as if a shell had started it."""

import os
import signal
import subprocess
import unittest

from spore_test import SPORE, SporeTest, Terminal, wait_until

READY = """#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static volatile sig_atomic_t got;
static void on(int s) { got = s; }
int main(int c, char **v) {
	signal(SIGTERM, on); signal(SIGUSR1, on); signal(SIGWINCH, on);
	if (c > 1) signal(SIGINT, on);
	printf("%s-%d-up\\n", "is", (int)getpid()); fflush(stdout);
	while (!got) pause();
	printf("signal %d\\n", (int)got); fflush(stdout);
	return 7;
}
"""


class Signals(SporeTest):
    def started(self, *args):
        self.write("ready.c", READY)
        process = self.start("run", "ready.c", *args, text=True)
        word, pid, up = process.stdout.readline().strip().split("-")
        self.assertEqual((word, up), ("is", "up"))
        return process, int(pid)

    def test_what_is_sent_to_spore_reaches_the_program(self):
        for sig in (signal.SIGTERM, signal.SIGUSR1):
            process, _ = self.started()
            process.send_signal(sig)
            out, _ = process.communicate(timeout=60)
            self.assertEqual((out, process.returncode), (f"signal {int(sig)}\n", 7))

    def test_with_many_descriptors(self):
        many = self.many_files()
        self.write("hello.sh", "#!/bin/sh\necho hello\n", mode=0o755)
        result = self.ok(self.spore("run", "hello.sh", pass_fds=many))
        self.assertEqual((result.stdout, result.stderr), ("hello\n", ""))
        self.write("ready.c", READY.replace("while (!got) pause();", ""))
        result = self.spore("run", "ready.c", pass_fds=many)
        self.assertEqual((result.returncode, result.stdout.splitlines()[1:], result.stderr), (7, ["signal 0"], ""))

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no signal for the death of a parent")
    def test_killing_spore_ends_the_program(self):
        process, pid = self.started()
        process.kill()
        process.wait()

        def gone():
            try:
                with open(f"/proc/{pid}/stat") as f:
                    return f.read().rpartition(")")[2].split()[0] in "ZX"
            except FileNotFoundError:
                return True
        wait_until(gone, "the end of the program")

    def test_killing_the_program_is_told(self):
        process, pid = self.started()
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(process.wait(timeout=60), 128 + signal.SIGKILL)

    def test_stop_and_continue(self):
        process, pid = self.started()
        os.kill(pid, signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 7)


class InAShell(SporeTest):
    def setUp(self):
        super().setUp()
        self.write("ready.c", READY)
        self.ok(self.spore("build", "--opt", "ready.c"))
        env = {**self.env, "PS1": "prompt> ", "TERM": "xterm", "HISTFILE": "", "BASH_SILENCE_DEPRECATION_WARNING": "1"}
        self.shell = Terminal(["bash", "--norc", "--noprofile", "-i"], env, self.work)
        self.addCleanup(self.shell.close)
        self.shell.send("set +o history; bind 'set enable-bracketed-paste off'; stty -echo; echo go$((1))\n")
        self.shell.expect("go1")
        self.shell.expect("prompt> ")

    def test_interrupt(self):
        self.shell.send("spore run ready.c\n")
        self.shell.expect("-up")
        self.shell.send("\x03")
        self.shell.expect("prompt> ")
        self.shell.send("echo status=$?\n")
        self.shell.expect("status=130")

    def test_interrupt_that_the_program_handles(self):
        self.shell.send("spore run ready.c x; echo status=$?\n")
        self.shell.expect("-up")
        self.shell.send("\x03")
        self.shell.expect("signal 2")
        self.shell.expect("status=7")

    def test_interrupt_ends_a_loop(self):
        self.shell.send("for i in 1 2 3; do spore run ready.c; done; echo after\n")
        self.shell.expect("-up")
        self.shell.send("\x03")
        self.assertNotIn("-up", self.shell.expect("prompt> "))

    def test_job_control(self):
        self.shell.send("spore run ready.c\n")
        self.shell.expect("-up")
        self.shell.send("\x1a")
        self.shell.expect("Stopped")
        self.shell.send("jobs; echo listed=$?\n")
        self.shell.expect("listed=0")
        self.shell.send("bg; echo bg=$?\n")
        self.shell.expect("bg=0")
        self.shell.send("jobs -r; echo running=$?\n")
        self.assertIn("Running", self.shell.expect("running=0"))
        self.shell.send("fg\n")
        self.shell.expect("spore run")
        wait_until(lambda: os.tcgetpgrp(self.shell.fd) != self.shell.pid, "the job in the foreground")
        self.shell.send("\x1a")
        self.shell.expect("Stopped")
        self.shell.send("fg; echo status=$?\n")
        self.shell.expect("spore run")
        wait_until(lambda: os.tcgetpgrp(self.shell.fd) != self.shell.pid, "the job in the foreground")
        os.killpg(os.tcgetpgrp(self.shell.fd), signal.SIGTERM)
        self.shell.expect("signal 15")
        self.shell.expect("status=7")

    def test_window_size(self):
        self.shell.send("spore run ready.c\n")
        self.shell.expect("-up")
        subprocess.run(["stty", "rows", "33", "cols", "77"], stdin=self.shell.fd, check=True)
        self.shell.expect(f"signal {int(signal.SIGWINCH)}")
        self.shell.expect("prompt> ")
        self.shell.send("spore run path:stty size\n")
        self.shell.expect("33 77")

    def test_pager(self):
        self.write("long.txt", "".join(f"line {i}\n" for i in range(1, 500)))
        self.shell.send("spore run path:less long.txt; echo status=$?\n")
        self.shell.expect("line 1\r\n")
        self.shell.send("G")
        self.shell.expect("line 499")
        self.shell.send("q")
        self.shell.expect("status=0")

    def test_editor(self):
        self.shell.send("spore run path:vi -u NONE note.txt\n")
        self.shell.expect("note.txt")
        self.shell.send("ihello from vi\x1b")
        self.shell.send("\x1a")
        self.shell.expect("Stopped")
        self.shell.send("echo stopped=$?\n")
        self.shell.expect(f"stopped={128 + signal.SIGTSTP}")
        self.shell.send("fg; echo status=$?\n")
        wait_until(lambda: os.tcgetpgrp(self.shell.fd) != self.shell.pid, "the editor in the foreground")
        self.shell.send(":wq\n")
        self.shell.expect("status=0")
        with open(os.path.join(self.work, "note.txt")) as f:
            self.assertEqual(f.read(), "hello from vi\n")

    def test_shell_as_the_program(self):
        self.shell.send("spore run path:bash --norc --noprofile -i\n")
        self.shell.expect("prompt> ")
        self.shell.send("spore run ready.c\n")
        self.shell.expect("-up")
        self.shell.send("\x1a")
        self.shell.expect("Stopped")
        # A shell refuses its first exit while it knows of a stopped job; fg returns when there is none, whoever was faster.
        self.shell.send("kill -9 %1; fg; exit 5\n")
        self.shell.expect("prompt> ")
        self.shell.send("echo status=$?\n")
        self.shell.expect("status=5")


if __name__ == "__main__":
    unittest.main()
