"""A person as the peer of a port: spore send, cat and replay at ports of plain programs, and what is refused or waited for."""

import os
import sys
import unittest

from spore_test import wait_until
from test_named import NamedTest, ports

CONNECTS = """
import os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.path.join(os.environ["SPORE_PORTS"], "ask"))
try:
    s.sendall(b"hello\\n")
    for line in s.makefile("rb"):
        print("got", line.decode().strip(), flush=True)
except OSError:  # nobody has read what it said
    pass
print("end", flush=True)
"""


class NamedPorts(NamedTest):
    """A FIFO or socket that nothing is wired to."""

    def tell(self, fifo, text):
        with open(os.path.join(self.work, fifo), "w", encoding="utf-8") as f:
            f.write(text)

    def joined(self, name, *command):
        """A process that has become the peer: its pump runs. The hold may have to see first that the one before has gone."""
        def attempt():
            process = self.start(*command)
            wait_until(lambda: self.pumps(name) or process.poll() is not None, "the channel, or a refusal")
            return process if process.poll() is None else None
        wait_until(lambda: not self.pumps(name), "the end of the one before")
        return wait_until(attempt, "a place at the port")

    def ports(self):
        return {p["name"]: (p["open"], p["channels"]) for p in self.call("ports.list")["ports"]}

    def test_what_is_sent_to_a_fifo(self):
        self.define("a", 'while :; do sed "s/^/got /" < "$SPORE_PORTS/in"; echo end; done', ports=ports(**{"in": "fifo_in"}))
        self.go("a")
        self.until("a", "running")
        self.ok(self.spore("send", "a.in", "one", "two words"))
        self.said("a", "got one\ngot two words\nend\n")
        self.ok(self.spore("send", "a.in", input="three\n"))
        self.said("a", "got three\nend\n")
        # And it can be wired as before.
        self.define("b", "echo four")
        self.wire("b.stdout", "a.in")
        self.go("b")
        self.said("a", "got four\nend\n")

    def test_what_is_replayed_to_a_fifo(self):
        head = b"spore-rec 1\n"
        self.define("a", 'exec sed "s/^/got /" < "$SPORE_PORTS/in"', ports=ports(**{"in": "fifo_in"}))
        self.go("a")
        self.write("none.rec", head)
        self.ok(self.spore("replay", "none.rec", "a.in"))
        self.ended("a")
        self.assertEqual(self.output("a"), "")

    def test_what_comes_out_of_a_fifo(self):
        """Who looks for a while leaves it as it was: the writer goes on, and is heard by the next."""
        os.mkfifo(os.path.join(self.work, "go"))
        self.define("a", 'exec 3<> go > "$SPORE_PORTS/out"; while read n <&3; do echo line $n; echo $n >&2; done',
                    ports=ports(out="fifo_out"))
        self.go("a")
        self.until("a", "running")
        keep = os.open(os.path.join(self.work, "go"), os.O_RDWR)
        self.addCleanup(os.close, keep)
        for i in range(3):
            cat = self.joined("a", "cat", "a.out")
            os.write(keep, b"%d\n" % i)
            self.assertEqual(cat.stdout.readline(), b"line %d\n" % i)
            second = self.spore("cat", "a.out")
            self.assertEqual(second.returncode, 1)
            self.assertEqual(second.stderr.splitlines(),
                             ["spore: cat: a.out has a channel already: another 'spore cat', 'send' or the like is its peer",
                              "  it is free when that has ended"])
            self.assertEqual(self.ports()["a.out"], (True, 0))  # the node has no part in it
            cat.kill()
            cat.wait()
        self.define("b", "exec cat")
        self.wire("a.out", "b.stdin")
        self.go("b")
        self.until("b", "running")
        os.write(keep, b"9\n")
        self.said("b", "line 9\n")
        self.assertEqual(self.task("a")["hold"].get("restarts", 0), 0)
        refused = self.spore("cat", "a.out")
        self.assertEqual((refused.returncode, refused.stderr.splitlines()[0]), (1, "spore: cat: a.out has a channel already"))
        refused = self.spore("send", "b.stdin", "x")
        self.assertEqual((refused.returncode, refused.stderr.splitlines()[0]),
                         (1, "spore: send: b.stdin is a pipe to what it is wired to, which nobody else can have"))

    def test_both_ways_over_a_socket(self):
        self.call("tasks.start", spec=self.spec("a", "", enabled=False, restart="always", restart__delay_ms=0,
                                                argv=[sys.executable, "-c", CONNECTS], ports=ports(ask="socket")))
        self.go("a")
        self.until("a", "running")
        for i in range(3):
            self.ok(self.spore("send", "a.ask", f"hello {i}"))
            self.said("a", f"got hello {i}\nend\n")
            self.ok(self.spore("cat", "-n", "1", "a.ask"), "hello\n")
        wait_until(lambda: self.ports()["a.ask"] == (True, 0), "the port to be open again")

    def test_a_killed_node_hears_nothing_of_it(self):
        self.define("a", 'exec sleep 1000 > "$SPORE_PORTS/out"', ports=ports(out="fifo_out"))
        self.go("a")
        self.until("a", "running")
        cat = self.joined("a", "cat", "a.out")
        self.kill_node()
        self.again()
        wait_until(lambda: self.ports().get("a.out") == (True, 0), "its ports")
        self.assertIsNone(cat.poll())


if __name__ == "__main__":
    unittest.main()
