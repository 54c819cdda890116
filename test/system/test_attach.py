"""`spore attach`: terminals of people on the terminal of a task."""

import os
import signal
import subprocess
import unittest

from spore_test import SPORE, Terminal
from test_cli_tasks import Tasks as TaskTest

PYTHON = "/usr/bin/python3"
SHELL = ("import os, signal, sys\n"
         "signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b'size %d\\n' % os.get_terminal_size(0).columns))\n"
         "print('on', flush=True)\n"
         "for line in sys.stdin:\n"
         "    if line.startswith('exit'): sys.exit(int(line.split()[1]))\n"
         "    print('<' + line.strip() + '>', flush=True)\n")


class Attach(TaskTest):
    def start_shell(self, *options):
        self.write("shell.py", SHELL)
        self.ok(self.spore("start", "--name", "shell", *options, "path:" + PYTHON.rsplit("/", 1)[1],
                           os.path.join(self.work, "shell.py")))

    def attach(self, *options):
        terminal = Terminal([SPORE, "attach", *options, "shell"], self.env, self.work)
        self.addCleanup(terminal.close)
        return terminal

    def test_two_attach_type_and_leave(self):
        self.start_shell("--tty")
        one = self.attach()
        one.expect("on")
        before = self.pid()
        one.send("hello\r")
        one.expect("<hello>")
        two = self.attach("--detach-keys", "ctrl-p,ctrl-q")
        two.expect("<hello>")  # what was there before
        two.send("again\x10x\r")
        one.expect("<again\x10x>")
        two.expect("<again\x10x>")
        two.resize(20, 61)
        one.expect("size 61")
        two.send("\x10\x11")
        two.expect("[shell goes on]")
        self.assertEqual(two.wait(), 0)
        one.send("\x1c\x04")
        one.expect("[shell goes on]")
        self.assertEqual(one.wait(), 0)
        self.assertEqual(self.pid(), before)

    def test_the_end_is_told(self):
        self.start_shell("--tty", "--restart", "never")
        one = self.attach()
        one.expect("on")
        one.send("exit 7\r")
        one.expect("[shell ended with 7]")
        self.assertEqual(one.wait(), 7)

    def test_the_terminal_is_as_before(self):
        self.start_shell("--tty")
        for end in (signal.SIGTERM, signal.SIGHUP, None):
            script = (f'stty -a >before; {SPORE} attach shell; echo "status $?"; stty -a >after; '
                      'cmp before after && echo same')
            terminal = Terminal(["/bin/sh", "-c", script], self.env, self.work)
            self.addCleanup(terminal.close)
            terminal.expect("on\r\n")
            if end is None:
                self.ok(self.spore("stop", "shell"))
                terminal.expect("was ended by signal 1")
            else:
                client = subprocess.run(["pgrep", "-P", str(terminal.pid), "-x", "spore"], capture_output=True,
                                        text=True, check=True).stdout
                os.kill(int(client), end)
                terminal.expect(f"status {128 + end}")
            terminal.expect("same")
            self.assertEqual(terminal.wait(), 0)

    def test_a_task_without_terminal(self):
        self.write("say.sh", "#!/bin/sh\necho begin; while read x; do echo \"<$x>\"; done; echo eof; exit 5\n", 0o755)
        self.ok(self.spore("start", "--name", "shell", "--stdin", "open", "--restart", "never", "say.sh"))
        client = subprocess.Popen([SPORE, "attach", "shell"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=self.env, cwd=self.work, text=True)
        self.addCleanup(self.end, client)
        self.assertEqual(client.stdout.readline(), "begin\n")
        client.stdin.write("one\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), "<one>\n")
        looker = subprocess.Popen([SPORE, "attach", "-r", "shell"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=self.env, cwd=self.work, text=True)
        self.addCleanup(self.end, looker)
        self.assertEqual([looker.stdout.readline() for _ in range(2)], ["begin\n", "<one>\n"])
        looker.send_signal(signal.SIGINT)
        self.assertEqual(looker.wait(30), 0)
        self.ok(self.spore("stop", "shell"))
        self.assertIn(client.wait(30), (5, 143))
        self.assertIn("[shell ", client.stderr.read())

    def test_what_cannot_be(self):
        result = self.spore("attach", "nobody")
        self.assertEqual(result.returncode, 1)
        self.assertIn("nobody", result.stderr)
        self.assertEqual(self.spore("attach", "--detach-keys", "strange", "x").returncode, 2)
        self.start_shell("--tty")
        self.ok(self.spore("stop", "shell"))
        result = self.spore("attach", "shell")
        self.assertEqual(result.returncode, 1)
        self.assertIn("does not run", result.stderr)

    def pid(self):
        return self.tasks()["shell"]["pid"]


del TaskTest

if __name__ == "__main__":
    unittest.main()
