"""A person as the peer of a port: spore send, cat and replay at ports of plain programs, and what is refused or waited for."""

import os
import subprocess
import sys
import unittest

from spore_test import DEADLINE, wait_until
from test_named import NamedTest, ports
from test_plain import LIBSPORE

CONNECTS = """
import os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.path.join(os.environ["SPORE_PORTS"], "ask"))
try:
    s.sendall(b"hello\\n")
except OSError:  # whoever sent has gone already
    pass
try:
    for line in s.makefile("rb"):
        print("got", line.decode().strip(), flush=True)
except OSError:  # and has not read it
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
        two = self.spore("send", "a.in", "a line\nand another")
        self.assertEqual((two.returncode, two.stderr.splitlines()),
                         (1, ["spore: send: a.in: it takes lines, and there is a newline in the message",
                              "  on standard input each line is a message"]))
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


class Waiting(NamedTest):
    """What never comes is refused at once, and what is waited for is said."""

    TOOLS = (("cat",), ("send",), ("tap",), ("record", "-o", "x.rec"))

    def refused(self, port, why, remedy):
        for command in self.TOOLS:
            result = self.spore(*command, port, input="x\n")
            self.assertEqual((result.returncode, result.stdout, result.stderr.splitlines()),
                             (1, "", [f"spore: {command[0]}: {port} {why}" if why[0] != ":" else f"spore: {command[0]}{why}",
                                      "  " + remedy]))

    def test_stdio_that_is_not_wired(self):
        self.begin("a", wait="started")
        wired = "'spore wire --tap' before its task is started makes it a port"
        self.refused("a.stdout", "is not wired: what is written there is logged", "'spore logs -f --stream stdout a' shows it; " + wired)
        self.refused("a.stderr", "is logged, and cannot be wired", "'spore logs -f --stream stderr a' shows it")
        self.refused("a.stdin", "is not wired",
                     wired + "; one that is started with --stdin open is typed to by 'spore attach'")
        self.begin("open", wait="started", stdin="open")
        self.refused("open.stdin", "is not wired", "'spore attach open' types to it")
        self.begin("tty", wait="started", tty=True)
        self.refused("tty.stdout", "is the terminal of its task, and no port", "'spore attach tty' shows it, and types to it")

    def test_ports_of_a_program_without_libspore(self):
        self.begin("a", wait="started")
        self.refused("a.frames", ": a has no port frames: its program does not link libspore",
                     "say what it has it as in 'ports' of its task: as: fifo-in, fifo-out, socket or listener")
        self.begin("b", wait="started", ports=["out - - - - fifo-out", "both - - - - socket"])
        self.refused("b.uot", ": b has no port uot: its program does not link libspore", "out, both is what it has")

    def waits(self, *command):
        """The tool, and what it says that it waits for."""
        process = self.start(*command, stdin=subprocess.PIPE)
        return process, process.stderr.readline().decode()

    def test_a_port_that_may_come(self):
        code = LIBSPORE + "c = Control(['stream-1'])\nc.open('in', 'connect')\nwhile True:\n    c.hear()\n"
        self.begin("a", argv=[sys.executable, "-c", code], control=True, wait="started", ports=["frames messages publish -"])
        wait_until(lambda: self.ports_of("a"), "its port")
        for command in self.TOOLS:
            for port, note in (("other", "a has no port other open, but in, frames; waiting for it"),
                               ("frames", "a has not opened its port frames yet; waiting for it")):
                process, said = self.waits(*command, "a." + port)
                self.assertEqual(said, f"{command[0]}: {note}\n")
                process.kill()
        for command in self.TOOLS[2:]:
            process, said = self.waits(*command, "a.in")
            self.assertEqual(said, f"{command[0]}: a.in has no channel; waiting for one\n")
            process.kill()
        waiting = [self.waits(*command, "a.other")[0] for command in self.TOOLS]
        self.call("tasks.stop", names=["a"])
        for command, process in zip(self.TOOLS, waiting):
            self.assertEqual(process.wait(DEADLINE), 1)
            self.assertIn(f"spore: {command[0]}: a has ended\n", process.stderr.read().decode())

    def ports_of(self, name):
        return [p for p in self.call("ports.list")["ports"] if p["name"].startswith(name + ".") and p["open"]]

    def test_a_program_that_is_to_come(self):
        code = LIBSPORE + """
import os, sys
if not os.path.exists("now"):
    sys.exit(3)
c = Control(["stream-1"])
c.open("out", "connect")
while True:
    c.hear()
"""
        self.begin("a", argv=[sys.executable, "-c", code], control=True, wait="started", restart="always", restart__delay_ms=500)
        process, said = self.waits("tap", "a.out")
        if "has no port" in said:  # it was just at work
            said = process.stderr.readline().decode()
        self.assertRegex(said, r"^tap: a does not run at the moment(: .*)?; waiting for its port out\n")
        self.write("now", "")
        while "has no channel" not in said:
            said = process.stderr.readline().decode()
        process.kill()
        self.call("tasks.stop", names=["a"])
        self.until("a", "stopped")
        result = self.spore("cat", "a.out")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^spore: cat: a(: it does not run| has ended)\n")  # its hold may just be ending


if __name__ == "__main__":
    unittest.main()
