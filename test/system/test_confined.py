"""A confined task reaches the ports that it is wired to, and nothing else of spore's or of other tasks."""

import collections
import json
import os
import re
import socket
import sys
import unittest

import confined_program
from spore_test import BUILD, wait_until
from test_hold_limits import landlock
from test_named import ports
from test_wires import HERE, PROGRAM, WiresTest

ESCAPE = os.path.join(HERE, "confined_program.py")
SWAPPED = os.path.join(BUILD, "test", "system", "swap_program")


class Others(WiresTest):
    """Tasks that are none of its business, and those at whose other end it may be."""

    def setUp(self):
        super().setUp()
        # Two others with a ring, one with files of its own and a socket that is told of readiness, and the one that it is wired to.
        for name, args in (("writer", ["send", "out", os.path.join(self.work, "enough")]), ("reader", ["take", "in"])):
            self.begin(name, argv=[SWAPPED, *args], control=True, ready="notify")
        self.wire("writer.out", "reader.in")
        self.wired("writer.out", "reader.in")
        self.begin("plain", ports=ports(pipe="fifo_in", socket="socket"), wait="started")
        self.call("tasks.start", spec=self.spec("waits", ready="notify"))
        self.talker("peer", "in", "spare")
        self.listener("abstract", "\0" + self.dir)
        self.datagrams = self.listener("datagrams", os.path.join(self.dir, "datagrams"), socket.SOCK_DGRAM)
        self.listener("abstract datagrams", "\0" + self.dir + "d", socket.SOCK_DGRAM)

    def listener(self, _, path, kind=socket.SOCK_STREAM):
        s = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(s.close)
        s.bind(path)
        if kind == socket.SOCK_STREAM:
            s.listen(8)
        return s

    def folder(self, name):
        return self.call("tasks.inspect", name=name)["folder"]

    def process(self, pid):
        """What another process may be asked for, and what it has of channels."""
        with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
            address = next(int(line.split("-")[0], 16) for line in f if " rw-p " in line)
        channels = [fd for fd, what in self.open_files(pid).items() if re.match(r"/memfd:|pipe:|socket:", what)]
        return {"pid": pid, "address": address, "channels": channels}

    def there(self):
        """All that the task has no part in."""
        holds = {name: self.task(name)["hold"] for name in ("writer", "reader", "plain", "peer")}
        places = {name: self.folder(name) for name in holds}
        processes = {name: h["pid"] for name, h in holds.items()}
        processes.update({f"hold of {name}": h["hold"] for name, h in holds.items()})
        processes["node"] = self.call("node.status")["pid"]
        return {
            "ports": ["mine", "spare", "out"],
            "sockets": {"node": self.sock, "port": os.path.join(places["plain"], "ports", "socket"),
                        **{"hold of " + name: os.path.join(folder, "sock") for name, folder in places.items()}},
            "datagrams": {"datagrams": os.path.join(self.dir, "datagrams"), "abstract datagrams": "@" + self.dir + "d",
                          "readiness": os.path.join(self.folder("waits"), "notify")},
            "abstract": "@" + self.dir,
            "fifos": {"port": os.path.join(places["plain"], "ports", "pipe")},
            "folders": {"state": self.state, "runtime": self.env["SPORE_RUNTIME"], "processes": "/proc",
                        "ports": os.path.join(places["plain"], "ports"), **places},
            "processes": {name: self.process(pid) for name, pid in processes.items()},
        }

    @staticmethod
    def outcomes(said):
        """{how it ended: what was tried}"""
        found = collections.defaultdict(set)
        for what, how in re.findall(r"^attempt (.*) (\w+)$", said, re.MULTILINE):
            found[how].add(what)
        return found


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX confines nothing")
@unittest.skipUnless(landlock() >= 6, "the kernel's Landlock does not guard signals")
class Confined(Others):
    def attempts(self, name, **more):
        """{how it ended: what was tried} of a task that tries it all."""
        there = self.there()
        self.begin(name, argv=[sys.executable, ESCAPE, json.dumps(there)], control=True, ready="notify",
                   env=["PATH=/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1"], ports=ports(held="fifo_in"), **more)
        self.said(name, "tried all")
        found = self.outcomes(self.output(name))
        self.assertGreater(sum(map(len, found.values())), 100)
        return found

    def test_it_reaches_its_ports_alone(self):
        found = self.attempts("evil", confine=True, confine__read=[HERE, sys.prefix, "/usr"])
        kinds = {
            "EACCES": "list|environment|memory|map|open channel|read|write|move",  # Landlock, and by it /proc
            "EPERM": "connect|pair|raw pair|make|read memory|write memory|trace|take channel|limit|signal|signal by descriptor",
            "EISCONN": "pair",  # of streams
            "EXDEV": "link",
        }
        for how, tried in found.items():
            self.assertIn(how, kinds, tried)
            for what in tried:
                self.assertRegex(what, f"^({kinds[how]}) ", how)
        self.assertFalse(self.came(self.datagrams))
        self.assertEqual(self.task("waits")["state"], "starting")
        # Others have the same names for theirs, and there are wires for them.
        self.wire("evil.mine", "peer.in")
        self.said("evil", "got mine [b'")
        self.assertEqual(re.findall(r"^channel .*", self.output("evil"), re.MULTILINE), ["channel mine peer.in"])
        self.assertEqual(self.wires()["writer.out", "reader.in"]["channels"], 1)

    def test_one_that_is_not_confined_reaches_them(self):
        """Else the other proves nothing. A machine may forbid to trace any but one's own children."""
        found = self.attempts("good")
        by_tracing = r"^(memory|map|open channel|take channel|read memory|write memory|trace|list descriptors|environment) of|^trace "
        for how, tried in found.items():
            for what in tried if how != "REACHED" else ():
                self.assertTrue(how == "EISCONN" and what.startswith("pair ") or how == "ENXIO" and what.startswith("open channel")
                                or how in ("EPERM", "EACCES") and re.search(by_tracing + "|^make", what), (what, how))
        self.assertTrue(self.came(self.datagrams))
        self.wait("waits")
        for what in ("connect node", "list state", "read port", "limit peer", "signal node", "pair readiness", "connect abstract"):
            self.assertIn(what, found["REACHED"])

    @staticmethod
    def came(datagrams):
        try:
            return datagrams.recv(100, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def test_its_hold_connects_to_nothing_for_it(self):
        """Where it cannot listen itself a link may lead to what it may not connect to."""
        path = os.path.join(self.dir, "other")
        listener = self.listener("other", path)
        link = f"ln -s {path} $SPORE_PORTS/mine; echo linked; exec sleep 1000"
        self.begin("evil", link, ports=ports(mine="listener"), confine=True, wait="started")
        self.said("evil", "linked")
        self.call("tasks.start", spec=self.spec("speaks", "echo hello; exec sleep 1000", enabled=False))
        self.wire("speaks.stdout", "evil.mine")
        self.call("tasks.begin", names=["speaks"])
        listener.setblocking(False)

        def is_refused():
            self.assertRaises(BlockingIOError, listener.accept)
            return "a confined task makes no sockets" in self.spore("logs", "--stream", "events", "evil").stdout
        wait_until(is_refused, "the refusal")


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "there are no rings")
@unittest.skipUnless(os.geteuid() == 0, "takes root, to be somebody else")
class AnotherUser(Others):
    def test_reaches_nothing(self):
        there = {**self.there(), "own": os.path.join(self.dir, "own")}
        there["folders"].pop("processes")  # of which everybody sees the numbers
        path = os.path.join(self.dir, "said")
        os.mkdir(there["own"])
        os.chmod(there["own"], 0o777)
        os.chmod(self.dir, 0o755)  # so that it is spore's own folders which keep others out
        child = os.fork()
        if child == 0:
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), 1)
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            confined_program.try_all(there)
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        with open(path, encoding="utf-8") as f:
            found = self.outcomes(f.read())
        self.assertGreater(sum(map(len, found.values())), 100)
        # An abstract socket of somebody who asks nobody who he is, and what is its own.
        self.assertEqual({w for w in found.pop("REACHED") if "abstract" not in w and w != "make io_uring"}, set())
        self.assertEqual(set(found) - {"EACCES", "EPERM", "EISCONN"}, set(), found)


if __name__ == "__main__":
    unittest.main()
