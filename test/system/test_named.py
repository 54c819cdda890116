"""Named ports of plain programs: FIFOs and sockets in SPORE_PORTS, and what carries their bytes."""

import json
import os
import re
import signal
import stat
import sys
import time
import unittest

from spore_test import BUILD, all_processes, wait_until
from test_plain import SOURCE, PlainTest

POSIX = os.environ.get("SPORE_POSIX")
NO_PUMP_STATE = "plain POSIX has no splice: what a killed pump has read is lost"


def ports(**kinds):
    return [f"{name} - - - - {kind.replace('_', '-')}" for name, kind in kinds.items()]


class NamedTest(PlainTest):
    def pumps(self, name=None):
        """The pumps of a task's hold, or all of this test's."""
        state = self.env["SPORE_STATE"].encode()
        parents = {pid: int(stat.rpartition(b")")[2].split()[1]) for pid, comm, stat, environ in all_processes("comm", "stat", "environ")
                   if comm == b"spore-pump\n" and state in environ}
        hold = self.task(name)["hold"].get("hold") if name is not None and parents else None
        return [pid for pid, parent in parents.items() if name is None or parent == hold]

    def kill_pump(self, name):
        before = wait_until(lambda: self.pumps(name), "a pump")
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: [p for p in self.pumps(name) if p not in before], "another pump")

    def folder(self, name):
        def look():  # it is there once the program is executed
            try:
                with open(f"/proc/{self.pid(name)}/environ", encoding="latin-1") as f:
                    return next((v[12:] for v in f.read().split("\0") if v.startswith("SPORE_PORTS=")), None)
            except OSError:
                return None
        return wait_until(look, "the folder of its ports")

    def no_pumps(self):
        wait_until(lambda: not self.pumps(), "the end of all pumps")


class Fifos(NamedTest):
    def test_a_batch_in_either_order(self):
        self.define("a", 'seq 1 100000 > "$SPORE_PORTS/out"', ports=ports(out="fifo_out"))
        self.define("b", 'sort -n -r < "$SPORE_PORTS/in" | head -n 1', ports=ports(**{"in": "fifo_in"}))
        self.wire("a.out", "b.in")
        for order in ("ab", "ba"):
            for name in order:
                self.go(name)
            self.ended("a", "b")
        self.assertEqual(self.output("b"), "100000\n" * 2)
        self.no_pumps()

    def test_with_stdin_and_stdout_and_much(self):
        size = 50 << 20
        self.define("a", f"head -c {size} /dev/zero | tr '\\0' x")
        self.define("b", 'tr x y < "$SPORE_PORTS/in" > "$SPORE_PORTS/out"', ports=ports(**{"in": "fifo_in"}, out="fifo_out"))
        self.define("c", "cksum")
        self.wire("a.stdout", "b.in")
        self.wire("b.out", "c.stdin")
        self.go("c", "b", "a")
        self.ended("a", "b", "c")
        self.assertEqual(self.output("c"), os.popen(f"head -c {size} /dev/zero | tr '\\0' y | cksum").read())

    def test_nothing_at_all_is_an_end_too(self):
        # The writer has come and gone before anybody reads.
        self.define("a", ': > "$SPORE_PORTS/out"; : > gone', ports=ports(out="fifo_out"))
        self.define("b", 'until [ -e gone ]; do sleep 0.01; done; cat "$SPORE_PORTS/in"; echo end',
                    ports=ports(**{"in": "fifo_in"}))
        self.wire("a.out", "b.in")
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual(self.output("b"), "end\n")

    def test_the_writer_opens_it_again_and_again(self):
        self.define("a", 'for i in 1 2 3 4 5; do echo $i > "$SPORE_PORTS/out"; done', ports=ports(out="fifo_out"))
        self.define("b", 'cat "$SPORE_PORTS/in"', ports=ports(**{"in": "fifo_in"}))
        self.wire("a.out", "b.in")
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual(self.output("b"), "1\n2\n3\n4\n5\n")

    def test_a_reader_that_is_gone_ends_the_writer(self):
        self.define("a", 'yes > "$SPORE_PORTS/out"', ports=ports(out="fifo_out"))
        self.define("b", 'head -n 1 "$SPORE_PORTS/in"', ports=ports(**{"in": "fifo_in"}))
        self.wire("a.out", "b.in")
        self.go("a", "b")
        self.ended("a", "b")
        self.assertEqual(self.output("b"), "y\n")
        # The shell says what yes died of.
        self.assertIn(self.task("a")["hold"].get("code", 0) or self.task("a")["hold"].get("signal"), (1, 141, 13))
        self.no_pumps()

    def events(self, name, event):
        text = self.spore("logs", "--json", "--stream", "events", name).stdout
        return [e for e in map(json.loads, text.splitlines()) if event in e["text"]]

    def gated(self, reader):
        """A that writes a line, and B, when they are told by their gates, of which each is opened once; the FIFO of B."""
        self.define("a", 'read x < gate-a; exec > "$SPORE_PORTS/out"; echo line; exec sleep 1000', ports=ports(out="fifo_out"))
        self.define("b", reader, ports=ports(**{"in": "fifo_in"}))
        for name in "abc":
            os.mkfifo(os.path.join(self.work, "gate-" + name))
        self.go("a", "b")
        return os.path.join(self.folder("b"), "in")

    def tell(self, name):
        with open(os.path.join(self.work, "gate-" + name), "w", encoding="utf-8") as f:
            f.write("go\n")

    def a_second(self):
        began = time.monotonic()
        wait_until(lambda: time.monotonic() > began + 1, "some more attempts")

    def test_a_fifo_that_is_gone_before_the_channel_comes(self):
        path = self.gated('read x < gate-b; exec head -n 1 "$SPORE_PORTS/in"')
        os.unlink(path)
        self.wire("a.out", "b.in")
        wait_until(lambda: "could not pass the last channel on" in self.why("a.out", "b.in")[1], "the reason")
        self.a_second()
        os.mkfifo(path, 0o600)
        for name in "ab":
            self.tell(name)
        self.said("b", "line\n")
        # Said once, whatever came of the attempts after that.
        self.assertEqual(len(self.events("b", "its FIFO cannot be opened")), 1)

    def test_a_fifo_that_is_gone_under_its_pump(self):
        path = self.gated('exec 3<"$SPORE_PORTS/in"; read x < gate-b; rm "$SPORE_PORTS/in"; exec 3<&-; read x < gate-c; '
                          'exec cat "$SPORE_PORTS/in"')
        self.wire("a.out", "b.in")
        self.wired("a.out", "b.in")
        self.tell("b")
        wait_until(lambda: self.events("b", "its pump was ended"), "the end of the pump")
        self.a_second()
        self.assertLessEqual(len(self.events("b", "its pump was ended")), 2)
        # Another one in its place is opened, and has what comes.
        os.mkfifo(path, 0o600)
        for name in "ca":
            self.tell(name)
        self.said("b", "line\n")
        self.assertEqual(len(self.events("b", "another FIFO is in the place")), 1)
        self.assertLessEqual(len(self.events("b", "its pump was ended")), 2)

    def test_a_fifo_that_its_writer_makes_anew(self):
        """What was written before arrives, and so does what is written to the next one."""
        self.define("a", 'exec 3> "$SPORE_PORTS/out"; echo before >&3; rm "$SPORE_PORTS/out"; mkfifo "$SPORE_PORTS/out"; '
                         'exec 3>&-; exec > "$SPORE_PORTS/out"; echo after; exec sleep 1000', ports=ports(out="fifo_out"))
        self.define("b", 'exec cat "$SPORE_PORTS/in"', ports=ports(**{"in": "fifo_in"}))
        self.wire("a.out", "b.in")
        self.go("a", "b")
        self.said("b", "before\nafter\n")

    def counting(self):
        """A that counts into B, for ever; each number comes once, in order."""
        self.define("a", 'exec > "$SPORE_PORTS/out"; echo start; i=0; while :; do i=$((i+1)); echo $i; sleep 0.002; done',
                    ports=ports(out="fifo_out"), restart="always", restart__delay_ms=0)
        self.define("b", 'echo new; exec cat "$SPORE_PORTS/in"', ports=ports(**{"in": "fifo_in"}), restart="always",
                    restart__delay_ms=0)
        self.wire("a.out", "b.in")
        self.go("a", "b")
        self.said("b", "\n20\n")

    def check_count(self, restarts):
        """Nothing is missing, twice there, or out of order, but where A began anew."""
        starts, last = 0, 0
        for line in self.output("b").splitlines():
            if line == "start":
                starts, last = starts + 1, 0
            elif line != "new":
                self.assertEqual(int(line), last + 1)
                last += 1
        self.assertEqual(starts, restarts)

    @unittest.skipIf(POSIX, NO_PUMP_STATE)
    def test_pumps_are_killed(self):
        self.counting()
        for i in range(6):
            self.kill_pump("ab"[i % 2])
        length = len(self.output("b"))
        wait_until(lambda: len(self.output("b")) > length + 500, "more")
        self.check_count(1)
        self.assertEqual(self.output("b").count("new"), 1)

    def test_the_programs_are_killed(self):
        self.counting()
        for i in range(4):
            name = "ba"[i % 2]
            pid = self.pid(name)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.pid(name) not in (0, pid), f"{name} again")
            length = len(self.output("b"))
            wait_until(lambda: len(self.output("b")) > length + 100, "more")
        self.assertEqual(self.output("b").count("start"), 3)
        self.assertEqual(self.wires()["a.out", "b.in"]["transport"], "pipe")

    def test_the_node_is_killed(self):
        self.counting()
        pumps = sorted(self.pumps())
        self.kill_node()
        self.again()
        self.wired("a.out", "b.in")
        length = len(self.output("b"))
        wait_until(lambda: len(self.output("b")) > length + 200, "more")
        self.assertEqual(sorted(self.pumps()), pumps)
        self.check_count(1)

    @unittest.skipIf(POSIX, "plain POSIX does not end the program of a hold that is killed")
    def test_the_holds_are_killed(self):
        self.counting()
        for name in "ab":
            before = self.task(name)["hold"]
            os.kill(before["hold"], signal.SIGKILL)
            wait_until(lambda: self.pid(name) not in (0, before["pid"]), f"{name} again")
            wait_until(lambda: self.why("a.out", "b.in")[0] == "wired", "a new channel")
            length = len(self.output("b"))
            wait_until(lambda: len(self.output("b")) > length + 100, "more")
        self.call("tasks.stop", names=["a", "b"])
        self.no_pumps()

    def test_another_wire_while_both_run(self):
        self.counting()
        self.define("c", 'exec cat "$SPORE_PORTS/in"', ports=ports(**{"in": "fifo_in"}))
        self.go("c")
        self.call("wires.remove", wires=[{"from": "a.out", "to": "b.in"}])
        self.wire("a.out", "c.in")
        self.said("c", "\n")
        # The one has read to its end; the other goes on, and has not noticed.
        self.said("b", "new\n", 2)
        first, before = int(self.output("c").split()[0]), int(self.output("b").split()[-2])
        self.assertGreater(first, before)
        self.assertEqual(self.task("a")["hold"].get("restarts", 0), 0)

    def test_back_pressure_and_memory(self):
        self.define("a", 'exec head -c 1000000000 /dev/zero > "$SPORE_PORTS/out"', ports=ports(out="fifo_out"))
        self.define("b", 'exec 3< "$SPORE_PORTS/in"; echo open; exec sleep 1000', ports=ports(**{"in": "fifo_in"}))
        self.wire("a.out", "b.in")
        self.go("a", "b")
        self.said("b", "open")
        def written():
            with open(f"/proc/{self.pid('a')}/io") as f:
                return int(f.read().split("wchar: ")[1].split()[0])
        def waits():
            before = written()
            time.sleep(0.1)
            return before > 0 and written() == before
        wait_until(waits, "the writer to wait")
        self.assertLess(written(), 1 << 20)
        for pump in self.pumps():
            with open(f"/proc/{pump}/status") as f:
                self.assertLess(int(f.read().split("VmRSS:")[1].split()[0]), 50_000)

    def test_who_may_open_them(self):
        self.define("a", "exec sleep 1000", ports=ports(**{"in": "fifo_in"}, out="fifo_out", both="socket"))
        self.go("a")
        self.until("a", "running")
        folder = self.folder("a")
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        modes = {n: os.lstat(os.path.join(folder, n)).st_mode for n in os.listdir(folder)}
        self.assertEqual({n: stat.S_IMODE(m) for n, m in modes.items()}, dict.fromkeys(("in", "out", "both"), 0o600))
        self.assertEqual([stat.S_IFMT(modes[n]) for n in ("in", "out", "both")],
                         [stat.S_IFIFO, stat.S_IFIFO, stat.S_IFSOCK])
        self.call("tasks.stop", names=["a"])
        self.assertFalse(os.path.exists(folder))

    def test_refusals(self):
        self.define("a", "exec sleep 1000", ports=ports(**{"in": "fifo_in"}, out="fifo_out", both="socket"))
        self.define("b", "exec sleep 1000", ports=["plain bytes - -"])
        for left, right, duplex, words in [
                ("a.in", "b.stdin", False, "a.in is read by its program (fifo-in), so it stands on the right"),
                ("b.stdout", "a.out", False, "a.out is written by its program (fifo-out), so it stands on the left"),
                ("a.out", "b.stdio", True, "a.out is a FIFO, which goes one way"),
                ("a.out", "b.plain", False, "b.plain: its program does not link libspore: say what it has it as"),
                ("a.out", "b.none", False, "its program has no ports"),
        ]:
            with self.assertRaises(Exception, msg=(left, right)) as caught:
                self.call("wires.add", wires=[{"from": left, "to": right, "duplex": duplex}])
            self.assertIn(words, str(caught.exception))


SERVER = """import os, socket, sys, time
path = os.path.join(os.environ["SPORE_PORTS"], "ask")
{before}
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print("listens", os.getpid(), flush=True)
while True:
    client, _ = server.accept()
    for line in client.makefile("rb"):
        client.sendall(b"%d %d\\n" % (os.getpid(), 2 * int(line)))
        {after}
    client.close()
    print("end", flush=True)
"""
CLIENT = 'exec 3<>{go}; while read n <&3; do echo $n; read answer || exit; echo "$n: $answer" >&2; done'


class Listening(NamedTest):
    """A program that listens in SPORE_PORTS itself."""

    def server(self, kind="listener", before="", after="pass", **more):
        path = self.write("server.py", SERVER.format(before=before, after=after))
        self.define("server", f"exec {sys.executable} {path}", ports=ports(ask=kind), restart="always", restart__delay_ms=0, **more)

    def asks(self, name, n):
        """The answer to N, and which instance of the server it is of."""
        with open(self.fifo, "w", encoding="utf-8") as f:
            f.write(f"{n}\n")
        found = wait_until(lambda: re.search(fr"^{n}: (\d+) (\d+)$", self.output(name, "stderr"), re.M), f"the answer to {n}")
        self.assertEqual(int(found[2]), 2 * n)
        return int(found[1])

    def begin_client(self):
        self.fifo = os.path.join(self.work, "go")
        os.mkfifo(self.fifo)
        self.define("client", CLIENT.format(go=self.fifo), restart="always", restart__delay_ms=0)
        self.wire("client.stdio", "server.ask", duplex=True)

    def test_it_is_connected_to(self):
        self.server()
        self.begin_client()
        self.go("client", "server")
        first = self.asks("client", 1)
        self.assertEqual(self.asks("client", 2), first)
        self.assertEqual(self.pid("server"), first)
        # Its next instance can listen, and goes on with the same client, whose next instance it serves as well.
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: self.pid("server") not in (0, first), "the next instance")
        wait_until(lambda: self.output("server").count("listens") == 2, "it to listen")
        second = self.asks("client", 3)
        self.assertEqual(second, self.pid("server"))
        client = self.pid("client")
        os.kill(client, signal.SIGKILL)
        wait_until(lambda: self.pid("client") not in (0, client), "the next client")
        self.assertEqual(self.asks("client", 4), second)
        self.kill_node()
        self.again()
        self.assertEqual(self.asks("client", 5), second)
        self.assertNotIn("end", self.output("server"))
        self.ok(self.spore("stop", "client"))
        wait_until(lambda: "end\n" in self.output("server"), "the end of file")
        self.call("tasks.stop", names=["server"])
        self.no_pumps()

    def test_it_listens_late_and_closes_each_time(self):
        late = os.path.join(self.work, "late")
        os.mkfifo(late)
        self.server(before=f"open({late!r}).read()", after="break")
        self.begin_client()
        self.go("client", "server")
        self.until("client", "running")
        with open(late, "w", encoding="utf-8"):
            pass
        answers = set()
        for n in (1, 2, 3):  # what is asked before it has closed is lost with the connection
            answers.add(self.asks("client", n))
            wait_until(lambda: self.output("server").count("end") >= n, "its closing")
        self.assertEqual(len(answers), 1)

    def test_one_that_should_connect(self):
        """It takes away the socket that it was to connect to: that is said, with the remedy."""
        self.server("socket", before="os.unlink(path)")
        self.begin_client()
        self.go("client", "server")
        wait_until(lambda: "one that listens itself says as: listener" in self.output("server", "events"), "what is wrong")


class Folder(NamedTest):
    """A folder that is a program has the ports of its spore.yaml, whoever starts it."""

    def setUp(self):
        super().setUp()
        self.write("double/main.sh", '#!/bin/sh\nwhile read n; do echo $((2 * n)); done < "$SPORE_PORTS/in" > "$SPORE_PORTS/out"\n')
        os.chmod(os.path.join(self.work, "double", "main.sh"), 0o755)
        self.recipe("in: { as: fifo-in }, out: { as: fifo-out }")

    def recipe(self, ports):
        self.write("double/spore.yaml", f"spore: 1\nrecipe: {{ run: [./main.sh] }}\nports: {{ {ports} }}\n")

    def test_started_by_hand(self):
        self.define("a", "seq 1 1000")
        self.define("b", "tail -n 1")
        self.ok(self.spore("start", "./double"), "double\n")
        self.wire("a.stdout", "double.in")
        self.wire("double.out", "b.stdin")
        self.go("a", "b")
        self.ended("a", "double", "b")
        self.assertEqual(self.output("b"), "2000\n")
        self.assertEqual(self.call("tasks.inspect", name="double")["spec"]["ports"], ports(**{"in": "fifo_in"}, out="fifo_out"))
        # Other ports are another specification.
        self.recipe("in: { as: fifo-in }, other: { as: fifo-out }")
        self.ok(self.spore("start", "--replace", "./double"), "double\n")
        wait_until(lambda: os.path.exists(os.path.join(self.folder("double"), "other")), "the new port")

    def test_what_is_wrong_is_said(self):
        self.recipe("in: { as: fifo }")
        result = self.spore("start", "./double")
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertIn("spore: double/spore.yaml:3:", result.stderr)
        self.assertIn("fifo-in", result.stderr)
        self.assertNotIn("double", self.tasks())

    def test_tasks_in_the_same_file_are_others(self):
        self.write("double/spore.yaml", "spore: 1\nname: more\nrecipe: { run: [./main.sh] }\n"
                                        "ports: { in: { as: fifo-in }, out: { as: fifo-out } }\n"
                                        "tasks: { lost: { source: ./not-there.c, env_file: not-there.env } }\n")
        self.ok(self.spore("start", "--name", "twice", "./double"), "twice\n")
        self.assertEqual(sorted(os.listdir(self.folder("twice"))), ["in", "out"])


class Elsewhere(NamedTest):
    """Where the state folder's path is too long for the address of a socket."""

    def setUp(self):
        super().setUp()
        self.ok(self.spore("node", "stop"))
        self.state = self.env["SPORE_STATE"] = os.path.join(self.dir, "state-" + 70 * "x")
        self.ok(self.spore("node", "start"))
        self.again()

    def variable(self, name, variable):
        def found():  # before it is executed it has the environment of its hold
            with open(f"/proc/{self.pid(name)}/environ", encoding="latin-1") as f:
                return [v.partition("=")[2] for v in f.read().split("\0") if v.startswith(variable + "=")]
        return wait_until(found, "its environment")[0]

    def places(self):
        """Both folders of the task `a`, whose program is there."""
        ports = self.folder("a")
        notify = os.path.dirname(self.variable("a", "NOTIFY_SOCKET"))
        self.assertTrue(ports.startswith("/tmp/spore-ports-") and notify.startswith("/tmp/spore-notify-"), (ports, notify))
        self.assertEqual([stat.S_IMODE(os.stat(p).st_mode) for p in (ports, notify)], [0o700, 0o700])
        return [ports, notify]

    def gone(self, places):
        wait_until(lambda: not any(map(os.path.exists, places)), "the removal of its folders")

    def test_what_a_killed_hold_leaves_is_removed(self):
        self.define("a", "echo here; exec sleep 1000", ports=ports(ask="socket"), ready="notify", restart="always", restart__delay_ms=0)
        self.go("a")
        before = self.places()
        for of_node in (lambda: None, self.kill_node):
            hold = self.task("a")["hold"]["hold"]
            os.kill(hold, signal.SIGKILL)
            of_node()
            self.ok(self.spore("node", "start"))
            self.again()
            self.gone(before)
            wait_until(lambda: self.task("a")["hold"].get("hold", hold) not in (0, hold) and self.pid("a"), "another hold")
            before = self.places()
        # Nobody is there when it is killed, nor wants it any more afterwards.
        hold = self.task("a")["hold"]["hold"]
        self.ok(self.spore("node", "stop"))
        os.kill(hold, signal.SIGKILL)
        wait_until(lambda: not self.alive(hold), "its end")
        self.assertTrue(all(map(os.path.exists, before)))
        self.ok(self.spore("node", "start"))
        self.again()
        self.gone(before)
        wait_until(lambda: self.task("a")["hold"].get("hold", hold) not in (0, hold) and self.pid("a"), "another hold")
        before = self.places()
        self.ok(self.spore("rm", "a"))
        self.gone(before)


class Confined(NamedTest):
    @unittest.skipIf(POSIX, "plain POSIX confines nothing")
    def test_it_sees_its_own_folder(self):
        self.define("a", 'cat "$SPORE_PORTS/in"', ports=ports(**{"in": "fifo_in"}), confine=True)
        self.define("b", "echo hello")
        self.wire("b.stdout", "a.in")
        self.go("a", "b")
        self.ended("b")
        wait_until(lambda: self.task("a")["state"] in ("ended", "failed"), "its end")
        if "cannot be confined here" in self.task("a")["hold"].get("why", ""):
            return
        self.assertEqual(self.output("a"), "hello\n", self.task("a"))


class Example(NamedTest):
    def test_four_programs(self):
        system = os.path.join(SOURCE, "examples/named-ports/spore.yaml")
        self.env["PATH"] = BUILD + ":" + self.env["PATH"]
        self.ok(self.spore("check", system))
        self.ok(self.spore("up", "-d", system))
        self.ended("named-ports/meter", "named-ports/judge", "named-ports/siren", "named-ports/root")
        self.assertEqual(self.output("named-ports/judge"), "the roots are 5050 together\n")
        self.assertEqual(self.output("named-ports/siren"), "".join(f"alarm: {i} is high\n" for i in (25, 50, 75, 100)))
        self.no_pumps()
        self.ok(self.spore("down", system))


if __name__ == "__main__":
    unittest.main()
