"""The node: one per user, found and started without a race, and alive after what strangers and accidents do to it."""

import concurrent.futures
import json
import os
import resource
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import unittest

from msgpack_mini import Client, RpcError, pack
from spore_test import BUILD, DEADLINE, SporeTest, wait_until

# A build that says what it is asked, then waits for the gate (a FIFO) when there is one.
FAKE_BUILD = """#!/bin/sh
for last; do :; done
echo "begin $last" >> "$SPORE_STORE.log"
if [ -p "$SPORE_STORE.gate" ]; then read go < "$SPORE_STORE.gate"; fi
case $last in *bad*) echo "spore: $last: it is bad" >&2; exit 125;; esac
echo "end $last" >> "$SPORE_STORE.log"
"""


class NodeTest(SporeTest):
    def setUp(self):
        super().setUp()
        del self.env["SPORE_NO_NODE"]
        self.libexec = os.path.join(self.dir, "libexec")
        os.mkdir(self.libexec)
        os.symlink(os.path.join(BUILD, "spore-node"), os.path.join(self.libexec, "spore-node"))
        with open(os.path.join(self.libexec, "spore-build"), "w", encoding="utf-8") as f:
            f.write(FAKE_BUILD)
        os.chmod(os.path.join(self.libexec, "spore-build"), 0o700)
        self.env["SPORE_LIBEXEC"] = self.libexec
        self.state = self.env["SPORE_STATE"]

    def status(self):
        result = self.spore("node", "status", "--json")
        return json.loads(result.stdout)

    def begin(self):
        self.ok(self.spore("node", "start"))
        return self.status()["pid"]

    def address(self):
        with open(os.path.join(self.state, "node.address"), encoding="utf-8") as f:
            return f.read().strip()

    def client(self, **options):
        client = Client(self.address(), timeout=DEADLINE, **options)
        self.addCleanup(client.close)
        return client

    def nodes(self):
        return self.marked("spore-node")

    def log(self):
        with open(os.path.join(self.state, "node.log"), encoding="utf-8") as f:
            return f.read()

    def ran(self):
        try:
            with open(self.store + ".log", encoding="utf-8") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def gone(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return f.read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.gone(pid), "the node's death")

    def states(self, client):
        return {b["source"]: b["state"] for b in client.call("builds.list")["builds"]}


class Life(NodeTest):
    def test_start_status_stop(self):
        result = self.spore("node", "status")
        self.assertEqual((result.returncode, result.stdout), (1, "not running\n"))
        pid = self.begin()
        self.assertEqual(self.begin(), pid)
        self.assertEqual(os.stat(self.address()).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(self.address())).st_mode & 0o777, 0o700)
        self.ok(self.spore("node", "stop"), "stopped\n")
        wait_until(lambda: self.gone(pid), "the end of the node")
        self.assertFalse(os.path.exists(os.path.join(self.env["SPORE_RUNTIME"], "node.sock")))
        self.ok(self.spore("node", "stop"), "not running\n")

    def test_restart_makes_another(self):
        pid = self.begin()
        self.ok(self.spore("node", "restart"))
        self.assertNotEqual(self.status()["pid"], pid)

    def test_twenty_starters_make_one_node(self):
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            results = list(pool.map(lambda _: self.spore("node", "start"), range(20)))
        self.assertEqual({r.returncode for r in results}, {0}, [r.stderr for r in results])
        self.assertEqual(len({r.stdout for r in results}), 1)
        self.assertEqual(len(self.nodes()), 1)

    def test_killed_node_is_replaced(self):
        pid = self.begin()
        self.kill(pid)
        self.assertNotEqual(self.begin(), pid)

    def test_killed_while_it_starts(self):
        """A node of which the first ones are killed before they are ready: whoever started it tries again, but not for ever."""
        path = os.path.join(self.libexec, "spore-node")
        os.unlink(path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho >>{self.dir}/begun\n[ $(wc -l <{self.dir}/begun) -gt $DIES ] || kill -9 $$\n"
                    f"exec {BUILD}/spore-node\n")
        os.chmod(path, 0o700)
        result = self.spore("node", "start", env={**self.env, "DIES": "1000"})
        self.assertEqual(result.returncode, 125)
        self.assertRegex(result.stderr, "^spore: node: it ended before it was ready\n  node.log [^\n]+\n$")
        with open(os.path.join(self.dir, "begun"), encoding="utf-8") as f:
            begun = len(f.readlines())
        self.ok(self.spore("node", "start", env={**self.env, "DIES": str(begun + 2)}))
        self.ok(self.spore("node", "stop"), "stopped\n")

    def test_sigterm_stops_cleanly(self):
        pid = self.begin()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: self.gone(pid), "the node's end")
        self.assertEqual(os.listdir(self.env["SPORE_RUNTIME"]), [])
        self.assertIn("stopped", self.log())

    def test_no_node_forbids_starting(self):
        result = self.spore("node", "start", env={**self.env, "SPORE_NO_NODE": "1"})
        self.assertEqual(result.returncode, 125)
        self.assertIn("SPORE_NO_NODE", result.stderr)
        self.assertEqual(self.nodes(), [])

    def test_holds_nothing_of_its_starter(self):
        extra = os.open(self.write("extra", ""), os.O_RDONLY)
        self.addCleanup(os.close, extra)
        self.ok(self.spore("node", "start", pass_fds=[extra]))
        pid = self.status()["pid"]
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:
                continue  # it was of what it did at its start
            self.assertNotIn(self.work, target)
            self.assertNotIn("pts", target)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        self.assertNotEqual(int(fields[3]), os.getsid(0))
        self.assertNotEqual(int(fields[3]), pid)  # no leader: no terminal can become its own
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")

    def test_idle_is_small_and_sleeps(self):
        self.begin()
        client = self.client()
        status = client.call("node.status")
        path = f"/proc/{status['pid']}/status"

        def switches():
            with open(path, encoding="utf-8") as f:
                return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)

        before = switches()
        threading.Event().wait(3)  # nothing is to happen, so there is nothing to wait for
        self.assertLessEqual(switches() - before, 3)
        if status["private_kib"] is not None and not self.sanitized():
            self.assertLessEqual(status["private_kib"], 8192)


class Places(NodeTest):
    def test_vanished_socket_is_made_again(self):
        pid = self.begin()
        os.unlink(self.address())
        wait_until(lambda: os.path.exists(self.address()), "the socket")
        self.assertEqual(self.status()["pid"], pid)

    def test_vanished_runtime_folder_is_made_again(self):
        pid = self.begin()
        for _ in range(3):
            os.unlink(self.address())
            try:
                os.rmdir(self.env["SPORE_RUNTIME"])
            except OSError:
                pass  # the node was quicker
            self.ok(self.spore("node", "status"))
            self.assertEqual(self.status()["pid"], pid)

    def listens(self):
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.address()) == 0

    def log(self):
        with open(os.path.join(self.state, "node.log"), encoding="utf-8") as f:
            return f.read()

    def test_the_socket_is_made_again_when_there_is_room(self):
        """Without being asked: a client would start a node, or say that there is none."""
        pid = self.begin()
        address, record = self.address(), os.path.join(self.state, "node.address")
        runtime, aside = self.env["SPORE_RUNTIME"], os.path.join(self.dir, "aside")
        beside = record + ".new"
        os.mkdir(beside)  # no record can be written: none has to be, as long as the one that is there is true
        os.unlink(address)
        wait_until(self.listens, "the socket")
        with open(record, "w", encoding="utf-8") as f:
            f.write("/nowhere\n")
        os.unlink(address)
        wait_until(lambda: "cannot be made again: " + record in self.log(), "that it is said")
        self.assertFalse(os.path.exists(address))
        os.rmdir(beside)
        wait_until(lambda: self.address() == address and self.listens(), "the socket")
        os.kill(pid, signal.SIGSTOP)  # an empty place would be taken by the node
        os.rename(runtime, aside)
        with open(runtime, "w", encoding="utf-8"):
            pass
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: "not a folder but a file" in self.log(), "that it is said")
        os.unlink(runtime)
        wait_until(self.listens, "the socket")
        self.assertEqual(self.status()["pid"], pid)
        self.assertEqual(self.log().count("cannot be made again"), 2)

    def test_removed_state_folder_ends_the_node(self):
        pid = self.begin()
        os.unlink(os.path.join(self.state, "node.lock"))
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: self.gone(pid), "the node's end")
        self.begin()
        self.assertEqual(len(self.nodes()), 1)

    def test_long_path_is_refused_with_the_remedy(self):
        self.env["SPORE_RUNTIME"] = os.path.join(self.dir, "r" * 120)
        result = self.spore("node", "start")
        self.assertEqual(result.returncode, 125)
        self.assertIn("too long", result.stderr)
        self.assertIn("SPORE_RUNTIME", result.stderr)
        wait_until(lambda: self.nodes() == [], "its end")

    def test_foreign_runtime_folder_is_refused(self):
        target = os.path.join(self.dir, "elsewhere")
        os.mkdir(target)
        os.symlink(target, self.env["SPORE_RUNTIME"])
        result = self.spore("node", "start")
        self.assertEqual(result.returncode, 125)
        self.assertIn("link", result.stderr)
        self.assertEqual(os.listdir(target), [])

    def test_open_runtime_folder_is_closed(self):
        os.mkdir(self.env["SPORE_RUNTIME"])
        os.chmod(self.env["SPORE_RUNTIME"], 0o777)
        self.begin()
        self.assertEqual(os.stat(self.env["SPORE_RUNTIME"]).st_mode & 0o777, 0o700)


class Strangers(NodeTest):
    def alive(self, pid):
        self.assertEqual(self.client().call("node.status")["pid"], pid)

    def refused(self, data):
        client = self.client(hello=False)
        client.socket.sendall(data)
        answer = client.receive()
        self.assertEqual(answer[0], 1)
        self.assertIsNone(client.receive())
        return answer[2]

    def test_hostile_bytes(self):
        pid = self.begin()
        deep = b"\x91" * 200
        for data in (b"\xc1", b"\x00", b"GET / HTTP/1.0\r\n\r\n", b"\x94\x00", deep, b"\xdf\xff\xff\xff\xff",
                     pack([0, 1, "node.status", []]), pack([0, 1, 7, []]), pack([9, 9, 9]), pack([])):
            client = self.client(hello=False)
            client.socket.sendall(data)
            client.socket.shutdown(socket.SHUT_WR)
            while client.receive() is not None:
                pass
        self.alive(pid)

    def test_oversized_messages(self):
        pid = self.begin()
        self.assertEqual(self.refused(b"\xdb" + struct.pack(">I", 2 << 20) + b"x")[0], 5)
        client = self.client()
        client.socket.sendall(b"\x94\x00\x01\xa4ping\xdb" + struct.pack(">I", 0xffffffff))
        self.assertEqual(client.receive()[2][0], 5)
        self.alive(pid)

    def test_foreign_major_version_is_answered_in_words(self):
        self.begin()
        with self.assertRaises(RpcError) as caught:
            self.client(major=7)
        self.assertEqual(caught.exception.code, 8)
        self.assertIn("version 1", caught.exception.text)
        self.assertIn("7", caught.exception.text)

    def test_bytes_one_by_one(self):
        self.begin()
        client = self.client()
        for byte in pack([0, 5, "node.ping", []]):
            client.socket.sendall(bytes([byte]))
        self.assertEqual(client.receive(), [1, 5, None, None])

    def test_describe_lists_every_method(self):
        self.begin()
        described = self.client().call("$/describe")
        methods = {m["name"]: m for m in described["methods"]}
        self.assertLessEqual({"node.ping", "node.status", "node.stop", "builds.optimise", "builds.list"}, set(methods))
        self.assertEqual(methods["builds.optimise"]["params"][0]["name"], "source")

    def test_errors_name_what_is_wrong(self):
        self.begin()
        client = self.client()
        for method, params, code in (("no.such", [], 10), ("builds.optimise", [], 1), ("builds.optimise", [5], 1),
                                     ("builds.optimise", ["relative.c"], 1), ("builds.optimise", ["/none.c"], 10),
                                     ("builds.optimise", ["/" + "x" * 9000], 5), ("builds.optimise", ["/a\0b"], 1)):
            with self.assertRaises(RpcError) as caught:
                client.call(method, *params)
            self.assertEqual(caught.exception.code, code, method)

    def test_many_connections(self):
        pid = self.begin()
        clients = [self.client() for _ in range(256)]
        with self.assertRaises(RpcError) as caught:
            self.client()
        self.assertEqual(caught.exception.code, 9)
        for client in clients:
            client.close()
        wait_until(lambda: self.spore("node", "status").returncode == 0, "room for a connection")
        self.assertEqual(self.status()["pid"], pid)

    def test_silent_connections_keep_nobody_out(self):
        pid = self.begin()
        silent = []
        for i in range(300):
            silent.append(socket.socket(socket.AF_UNIX))
            self.addCleanup(silent[-1].close)
            silent[-1].connect(self.address())
            if i % 3 == 1:
                silent[-1].sendall(b"\x94")  # some begin to say something
        for _ in range(3):
            self.alive(pid)
        self.ok(self.spore("node", "status"))
        self.assertIn(b"too many connections", silent[0].recv(4096))
        self.assertEqual(silent[0].recv(4096), b"")

    def test_peer_that_never_reads(self):
        pid = self.begin()
        client = self.client()
        client.socket.setblocking(False)
        calls = pack([0, 1, "$/describe", []]) * 1000
        sent = 0
        try:
            while sent < 64 << 20:
                sent += client.socket.send(calls)
        except (BlockingIOError, ConnectionError):
            pass
        self.alive(pid)
        if not self.sanitized():
            self.assertLess(self.client().call("node.status")["private_kib"] or 0, 32 << 10)


class Builds(NodeTest):
    def gate(self):
        os.mkfifo(self.store + ".gate")

    def open_gate(self):
        with open(self.store + ".gate", "w", encoding="utf-8") as f:
            os.unlink(self.store + ".gate")
            f.write("go\n")

    def test_builds_one_after_the_other_once_each(self):
        self.begin()
        client = self.client()
        self.gate()
        first, second = self.write("first.c", ""), self.write("second.c", "")
        client.call("builds.optimise", first)
        for _ in range(5):
            client.call("builds.optimise", second)
        wait_until(self.ran, "the first build")
        self.assertEqual(self.states(client), {first: "running", second: "queued"})
        self.assertEqual(client.call("node.status")["builds"], {"queued": 1, "running": 1, "done": 0, "failed": 0})
        self.open_gate()
        wait_until(lambda: set(self.states(client).values()) == {"done"}, "both builds")
        self.assertEqual(self.ran(), ["begin " + first, "end " + first, "begin " + second, "end " + second])

    def test_asked_again_while_it_runs(self):
        self.begin()
        client = self.client()
        self.gate()
        source = self.write("a.c", "")
        client.call("builds.optimise", source)
        wait_until(self.ran, "the build")
        client.call("builds.optimise", source)
        self.open_gate()
        wait_until(lambda: self.ran().count("end " + source) == 2, "the second build")

    def test_params_by_name(self):
        self.begin()
        client = self.client()
        source = self.write("a.c", "")
        client.send(0, 77, "builds.optimise", {"source": source})
        self.assertEqual(client.receive(), [1, 77, None, None])

    def test_a_failure_is_recorded_and_not_tried_again(self):
        self.begin()
        client = self.client()
        source = self.write("bad.c", "")
        client.call("builds.optimise", source)
        wait_until(lambda: self.states(client) == {source: "failed"}, "the failure")
        reason = client.call("builds.list")["builds"][0]["reason"]
        self.assertIn("status 125", reason)
        self.assertIn("it is bad", reason)
        listed = json.loads(self.ok(self.spore("node", "builds", "--json")).stdout)
        self.assertEqual([(b["source"], b["state"], b["reason"]) for b in listed], [(source, "failed", reason)])
        self.assertIn("it is bad", self.ok(self.spore("node", "builds")).stdout)
        self.ok(self.spore("node", "restart"))
        self.assertEqual(self.ran(), ["begin " + source])
        client = self.client()
        client.call("builds.optimise", source)
        wait_until(lambda: len(self.ran()) == 2, "another try when asked")

    def test_queue_survives_kill(self):
        pid = self.begin()
        client = self.client()
        self.gate()
        first, second = self.write("first.c", ""), self.write("second.c", "")
        gone = self.write("gone.c", "")
        for source in (first, gone, second):
            client.call("builds.optimise", source)
        wait_until(self.ran, "the build")
        self.kill(pid)
        os.unlink(gone)
        os.unlink(self.store + ".gate")
        self.begin()
        client = self.client()
        wait_until(lambda: set(self.states(client).values()) == {"done"}, "the builds")
        self.assertEqual(self.ran(), ["begin " + first] + [w + s for s in (first, second) for w in ("begin ", "end ")])

    def test_stop_ends_the_build_and_keeps_it(self):
        self.begin()
        client = self.client()
        self.gate()
        source = self.write("a.c", "")
        client.call("builds.optimise", source)
        wait_until(self.ran, "the build")
        self.ok(self.spore("node", "stop"))
        os.unlink(self.store + ".gate")
        self.begin()
        client = self.client()
        wait_until(lambda: self.states(client) == {source: "done"}, "the build after the restart")

    def test_a_wish_without_waiting_for_the_answer(self):
        self.begin()
        source = self.write("a.c", "")
        client = self.client(hello=False)
        client.socket.sendall(pack([0, 0, "$/hello", [1, "test"]]) + pack([2, "builds.optimise", [source]]))
        client.close()
        watcher = self.client()
        wait_until(lambda: self.states(watcher) == {source: "done"}, "the build")

    def test_old_entries_are_pruned(self):
        self.begin()
        client = self.client()
        for i in range(110):
            client.call("builds.optimise", self.write(f"{i}.c", ""))
        wait_until(lambda: set(self.states(client).values()) == {"done"}, "the builds")
        self.assertEqual(len(self.states(client)), 100)


class Accidents(NodeTest):
    @unittest.skipIf(os.environ.get("SPORE_SANITIZE") == "thread", "vfork is fork there, and a failed exec goes unseen")
    def test_missing_build_program_is_a_reason(self):
        os.unlink(os.path.join(self.libexec, "spore-build"))
        self.begin()
        source = self.write("a.c", "")
        client = self.client()
        client.call("builds.optimise", source)
        wait_until(lambda: self.states(client) == {source: "failed"}, "the failure")
        self.assertIn("cannot be started", client.call("builds.list")["builds"][0]["reason"])

    def test_corrupted_database_is_kept_aside(self):
        self.begin()
        self.ok(self.spore("node", "stop"))
        with open(os.path.join(self.state, "node.db"), "wb") as f:
            f.write(b"this is no database" * 1000)
        self.begin()
        kept = self.status()["corrupted"]
        self.assertTrue(kept.startswith(os.path.join(self.state, "node.db.corrupt-")), kept)
        with open(kept, "rb") as f:
            self.assertTrue(f.read().startswith(b"this is no database"))
        self.assertIn("corrupted", self.log())
        source = self.write("a.c", "")
        client = self.client()
        client.call("builds.optimise", source)
        wait_until(lambda: self.states(client) == {source: "done"}, "the build")

    def test_damaged_page_is_noticed_at_start(self):
        self.begin()
        self.ok(self.spore("node", "stop"))
        path = os.path.join(self.state, "node.db")
        with open(path, "r+b") as f:
            f.seek(4096)
            f.write(b"\xff" * 4096)
        self.begin()
        self.assertTrue(self.status()["corrupted"])

    def test_state_that_cannot_be_written(self):
        pid = self.begin()
        source = self.write("a.c", "")
        db = sqlite3.connect(os.path.join(self.state, "node.db"), isolation_level=None)
        self.addCleanup(db.close)
        db.execute("BEGIN IMMEDIATE")
        client = self.client()
        with self.assertRaises(RpcError) as caught:
            client.call("builds.optimise", source)
        self.assertEqual(caught.exception.code, 15)
        db.execute("ROLLBACK")
        client.call("builds.optimise", source)
        self.assertEqual(self.status()["pid"], pid)

    def test_no_memory_fails_the_request_only(self):
        pid = self.begin()
        if self.sanitized():
            self.skipTest("a sanitizer reserves address space without end")
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        with open(f"/proc/{pid}/statm", encoding="utf-8") as f:
            size = int(f.read().split()[0]) * resource.getpagesize()
        large = pack([0, 1, "node.ping", ["x" * 900000]])
        clients = [self.client() for _ in range(4)]
        resource.prlimit(pid, resource.RLIMIT_AS, (size, before[1]))
        failures = 0
        for client in clients:
            try:
                client.socket.sendall(large)
                failures += client.receive() != [1, 1, None, None]
            except ConnectionError:
                failures += 1
        resource.prlimit(pid, resource.RLIMIT_AS, before)
        self.assertGreater(failures, 0)
        client = self.client()
        client.socket.sendall(large)
        self.assertEqual(client.receive(), [1, 1, None, None])
        self.assertEqual(self.status()["pid"], pid)

    def test_bounded_log(self):
        self.begin()
        self.ok(self.spore("node", "stop"))
        path = os.path.join(self.state, "node.log")
        with open(path, "a", encoding="utf-8") as f:
            f.write("x" * (300 << 10))
        self.begin()
        self.assertLess(os.path.getsize(path), 4096)
        self.assertGreater(os.path.getsize(path + ".1"), 300 << 10)
