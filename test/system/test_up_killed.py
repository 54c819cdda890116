"""`spore up` that is killed between its wires and its tasks: the next one makes everything right, and nothing is left of the first."""

import os
import socket
import threading
import unittest

from spore_test import DEADLINE, wait_until
from test_tasks import TasksTest

FIRST = """spore: 1
name: line
tasks:
  a: { source: ./count.sh, args: [one] }
  b: { source: ./take.sh, args: [b] }
  c: { source: ./take.sh, args: [c] }
wires:
  - a.stdout -> b.stdin
"""
SECOND = FIRST.replace("[one]", "[two]").replace("b.stdin", "c.stdin")


class Killed(TasksTest):
    def setUp(self):
        super().setUp()
        # It does not end because its reader does.
        self.write("count.sh", "trap '' PIPE; i=0; while sleep 0.02; do i=$((i+1)); echo $1 $i; done 2>/dev/null\n")
        self.write("take.sh", "while read x; do echo $1 got $x; done; echo end\n")

    def between(self, listener, real):
        """Passes on what the commands and the node say, until the node has answered the second call of wires.add: the first was dry."""
        def carry(one, other, asks):
            while data := one.recv(65536):
                if asks:
                    self.asked += data.count(b"wires.add")
                elif self.asked > 1:
                    self.up.kill()
                    break
                other.sendall(data)
            for end in (one, other):
                end.shutdown(socket.SHUT_RDWR)

        def quietly(*args):
            try:
                carry(*args)
            except OSError:
                pass

        with listener:
            while self.asked < 2:
                try:
                    client = listener.accept()[0]
                except OSError:
                    return
                node = socket.socket(socket.AF_UNIX)
                node.connect(real)
                threads = [threading.Thread(target=quietly, args=args) for args in ((client, node, True), (node, client, False))]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                client.close()
                node.close()

    def up_that_is_killed(self):
        path = os.path.join(self.state, "node.address")
        with open(path) as f:
            real = f.read().strip()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(real + ".between")
        listener.listen()
        listener.settimeout(DEADLINE)
        self.address(path, real + ".between")
        self.asked = 0
        self.up = self.start("up", "-d")
        self.between(listener, real)
        self.assertEqual(self.up.wait(), -9)
        os.unlink(real + ".between")
        self.address(path, real)

    @staticmethod
    def address(path, text):
        with open(path, "w") as f:
            f.write(text + "\n")

    def wires(self):
        return [(w["from"], w["to"], w["state"]) for w in self.call("wires.list")["wires"]]

    def passes(self, name, text):
        """More comes than there was."""
        def lines():
            return self.spore("logs", "--raw", f"line/{name}").stdout.count(f"{name} got {text} ")
        before = lines()
        wait_until(lambda: lines() > before + 2, f"{name} to get more of {text}")

    def test_a_new_system(self):
        self.write("spore.yaml", FIRST)
        self.call("tasks.list")
        self.up_that_is_killed()
        self.assertEqual((self.wires(), self.tasks()), ([("line/a.stdout", "line/b.stdin", "waiting")], {}))
        # Nothing of it is left when it is ended instead, or comes otherwise.
        self.ok(self.spore("down"))
        self.assertEqual(self.wires(), [])
        self.up_that_is_killed()
        self.write("spore.yaml", SECOND)
        self.ok(self.spore("up", "-d"))
        self.passes("c", "two")
        self.assertEqual(self.wires(), [("line/a.stdout", "line/c.stdin", "wired")])

    def test_one_that_runs(self):
        for back in (False, True):
            self.write("spore.yaml", FIRST)
            self.ok(self.spore("up", "-d"))
            self.passes("b", "one")
            self.write("spore.yaml", SECOND)
            self.up_that_is_killed()
            # Whose stdin is wired no more was started anew by the node, and has read the end.
            wait_until(lambda: self.task("line/b")["state"] == "ended", "b to end")
            self.assertEqual(self.task("line/a")["state"], "running")
            if back:
                self.write("spore.yaml", FIRST)
            self.ok(self.spore("up", "-d"))
            self.passes("b" if back else "c", "one" if back else "two")
            self.assertEqual(self.wires(), [("line/a.stdout", f"line/{'b' if back else 'c'}.stdin", "wired")])
            self.assertEqual(self.ok(self.spore("plan")).stdout, "unchanged  3 tasks of line\n")


if __name__ == "__main__":
    unittest.main()
