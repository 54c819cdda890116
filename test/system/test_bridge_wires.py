"""Wires between programs of different protocols: the node puts a bridge between them, whatever dies."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import unittest

from hold_test import read_log
from spore_test import BUILD, DEADLINE, all_processes, wait_until
from test_plain import PlainTest
from test_wires import HERE

PROGRAMS = os.path.join(HERE, "bridge_programs.py")
CALLS = os.path.join(BUILD, "test", "system", "calls_program")
LONG = os.environ.get("SPORE_TEST_LONG") == "1"


def bridges(state):
    """The outer processes of bridges of this state folder's node, with their inner ones."""
    found, parents = {}, {}
    for pid, line, stat, maps in all_processes("cmdline", "stat", "maps"):
        if line.split(b"\0")[1:2] == [b"between"] and f"{state}/holds/".encode() in maps:
            parents[pid] = int(stat.rpartition(b")")[2].split()[1])
    for pid, parent in parents.items():
        if parent in parents:
            found[parent] = pid
        else:
            found.setdefault(pid, 0)
    return found


class BridgeTest(PlainTest):
    def setUp(self):
        super().setUp()
        self.commands = {}

    def program(self, name, what, protocol, port="stdio", **more):
        """A task of bridge_programs.py."""
        path = os.path.join(self.work, name + ".commands")
        self.commands[name] = open(path, "ab", buffering=0)
        self.addCleanup(self.commands[name].close)
        spec = self.spec(name, argv=[sys.executable, PROGRAMS, what], enabled=False, ports=[f"{port} - - {protocol}"], **more)
        spec["env"].append("COMMANDS=" + path)
        self.call("tasks.start", spec=spec)

    def send(self, name, text):
        self.commands[name].write((text if isinstance(text, str) else json.dumps(text)).encode() + b"\n")

    def ask(self, name, number, method, params=None):
        self.send(name, {"jsonrpc": "2.0", "id": number, "method": method} | ({"params": params} if params else {}))

    def output(self, name, stream="stderr"):
        system, _, task = name.rpartition("/")
        blocks = read_log(os.path.join(self.state, "logs", system or "_", task))
        return b"".join(b.payload for b in blocks if b.kind == stream).decode()

    def heard(self, name):
        return [json.loads(line[6:]) for line in self.output(name).split("\n")[:-1] if line.startswith("heard ")]

    def answer(self, name, number):
        """The one answer to a call."""
        wait_until(lambda: any(m.get("id") == number for m in self.heard(name)), f"the answer to {number}")
        found, = [m for m in self.heard(name) if m.get("id") == number]
        return found

    def answers(self, name, numbers):
        """The one answer to each of many calls."""
        def look():
            found = [m for m in self.heard(name) if m.get("id") in numbers]
            return found if len(found) >= len(numbers) else None
        found = wait_until(look, "the answers")
        self.assertEqual(sorted(m["id"] for m in found), sorted(numbers))
        return {m["id"]: m for m in found}

    def results(self, name, numbers):
        return {number: m["result"] for number, m in self.answers(name, numbers).items()}

    def result(self, name, number):
        return self.answer(name, number)["result"]

    def bridge(self, inner=True):
        """The one that there is: its outer and its inner process."""
        return next(iter(wait_until(lambda: {o: i for o, i in bridges(self.state).items() if i or not inner}, "a bridge").items()))

    def c_program(self, name, *args, **more):
        path = os.path.join(self.work, name + ".commands")
        self.commands[name] = open(path, "ab", buffering=0)
        self.addCleanup(self.commands[name].close)
        self.call("tasks.start", spec=self.spec(name, argv=[CALLS, *args, path] if args[0] == "ask" else [CALLS, *args],
                                                control=True, enabled=False, **more))

    def editor(self, restart="always"):
        """A client of JSON-RPC in lines and a server of the language server protocol, joined."""
        self.program("editor", "lines_client", "json-rpc", restart=restart, restart__delay_ms=0)
        self.program("server", "lsp_server", "lsp", restart=restart, restart__delay_ms=0)
        self.wire("editor.stdio", "server.stdio")
        self.go("editor", "server")
        self.wired("editor.stdio", "server.stdio")


class Bridged(BridgeTest):
    def test_calls(self):
        self.editor()
        wire = self.wires()["editor.stdio", "server.stdio"]
        self.assertEqual((wire["transport"], wire["bridge"]), ("bridge json-rpc > lsp", "json-rpc > lsp"))
        self.ask("editor", 1, "echo", [{"name": "ä", "n": 9007199254740993}])
        self.assertEqual(self.result("editor", 1), [{"name": "ä", "n": 9007199254740993}])
        self.ask("editor", 2, "fail")
        self.assertEqual(self.answer("editor", 2)["error"], {"code": -32001, "message": "no", "data": [1, 2]})
        self.ask("editor", "three", "echo", ["by name"])
        self.assertEqual(self.result("editor", "three"), ["by name"])
        # A notification, there and back.
        self.send("editor", {"jsonrpc": "2.0", "method": "tell", "params": ["news"]})
        wait_until(lambda: {"jsonrpc": "2.0", "method": "told", "params": ["news"]} in self.heard("editor"), "the notification")
        # Many at once, and a large one.
        for n in range(100, 200):
            self.ask("editor", n, "echo", [n])
        self.assertEqual(self.results("editor", range(100, 200)), {n: [n] for n in range(100, 200)})
        text = "x" * 1000000
        self.ask("editor", 4, "echo", [text])
        self.assertEqual(self.result("editor", 4), [text])
        self.assertEqual(len(bridges(self.state)), 1)

    def test_it_ends_with_the_wire(self):
        self.editor()
        self.ask("editor", 1, "pid")
        first = self.result("editor", 1)
        self.assertGreater(first, 0)
        self.call("tasks.stop", names=["server"])
        wait_until(lambda: not bridges(self.state), "the bridge to end")
        self.go("server")
        self.wired("editor.stdio", "server.stdio")
        self.said("editor", "begins", 2)  # its stdin had ended
        self.call("tasks.stop", names=["editor", "server"])
        wait_until(lambda: not bridges(self.state), "the bridge to end")

    def test_what_cannot_be_translated_is_parked(self):
        self.editor()
        self.send("editor", "this is no JSON")
        self.ask("editor", 1, "echo", ["goes on"])
        self.assertEqual(self.result("editor", 1), ["goes on"])
        self.assertEqual(self.answer("editor", None)["error"]["code"], -32700)
        dead, = json.loads(self.ok(self.spore("dead", "--json")).stdout)
        self.assertEqual((dead["number"], dead["from"], dead["to"], dead["place"], dead["state"], dead["bytes"]),
                         (1, "editor.stdio", "server.stdio", 1, "parked", "this is no JSON"))
        self.assertIn("a value was expected", dead["why"])
        self.assertIn("editor.stdio -> server.stdio, message 1 of 15 bytes", self.ok(self.spore("dead", "editor")).stdout)
        self.assertEqual(self.ok(self.spore("dead", "other")).stdout, "")
        self.assertEqual(self.wires()["editor.stdio", "server.stdio"]["parked"], 1)
        self.assertIn("1 parked ('spore dead')", self.ok(self.spore("wires")).stdout)
        # Sent again it is as wrong as before, and another one in the list.
        self.ok(self.spore("dead", "editor.stdio", "--resend=1"))
        states = {d["number"]: d["state"] for d in json.loads(self.ok(self.spore("dead", "--json")).stdout)}
        self.assertEqual(states, {1: "dropped", 2: "parked"})
        self.ok(self.spore("dead", "server.stdio", "--drop=all"))
        self.assertEqual(json.loads(self.ok(self.spore("dead", "--json")).stdout), [])
        self.assertIn("there is no such message", self.spore("dead", "server.stdio", "--drop=1").stderr)
        wait_until(lambda: "could not be translated" in self.spore("logs", "bridge-editor-stdio").stdout, "its log")

    def test_what_is_not_its_protocol(self):
        self.program("editor", "lines_client", "json-rpc")
        self.define("server", "printf 'no header of lsp\\n\\n'; exec sleep 1000", ports=["stdio - - lsp"])
        self.wire("editor.stdio", "server.stdio")
        self.go("editor", "server")
        words = ("server.stdio sent what the bridge to editor.stdio cannot read, so it closed that channel; "
                 "'spore logs bridge-editor-stdio' says what")
        wait_until(lambda: self.wires()["editor.stdio", "server.stdio"]["broken"] == words, "the wire to say so")
        self.assertIn("server.stdio: ", self.spore("logs", "bridge-editor-stdio").stdout)

    def test_faults(self):
        """It can be cut; a delay has no place in it."""
        self.c_program("caller", "ask", "calls", restart="always")
        self.c_program("other", "serve", "api")
        self.wire("caller.calls", "other.api", from_protocol="rpc", to_protocol="rpc")
        self.go("caller", "other")
        self.wired("caller.calls", "other.api")
        self.assertEqual(self.wires()["caller.calls", "other.api"]["bridge"], "")
        self.program("filter", "filter_of_lines", "jsonl")
        self.unwire("caller.calls", "other.api")
        self.wire("caller.calls", "filter.stdio", from_protocol="rpc")
        self.go("filter")
        self.wired("caller.calls", "filter.stdio")
        p = self.spore("fault", "caller.calls", "delay=5ms")
        self.assertNotEqual(p.returncode, 0)

    def test_one_way(self):
        self.define("numbers", "echo '{\"n\": 1}'; echo '[2, 3]'; echo '\"text\"'", ports=["stdout - - jsonl"])
        self.program("taker", "take_u32be", "u32be", "stdin")
        self.wire("numbers.stdout", "taker.stdin")
        self.go("numbers", "taker")
        self.ended("numbers", "taker")
        self.assertEqual(self.output("taker").count("took"), 3)
        self.assertIn("ends", self.output("taker"))
        wait_until(lambda: not bridges(self.state), "the bridge to end")


class Libspore(BridgeTest):
    """Calls of C programs that link libspore."""

    def lines(self, name):
        return super().output(name, "stdout").splitlines()

    def says(self, name, text):
        wait_until(lambda: any(text in line for line in self.lines(name)), f"{name} to say {text!r}")

    def test_a_filter_of_lines(self):
        """A filter in Python, which knows of nothing but lines, is called by a C program."""
        self.c_program("caller", "ask", "calls")
        self.program("filter", "filter_of_lines", "jsonl")
        self.wire("caller.calls", "filter.stdio", from_protocol="rpc")
        self.go("caller", "filter")
        self.wired("caller.calls", "filter.stdio")
        self.send("caller", "any 21")
        self.says("caller", "21 twice 42")
        pids = self.pid("caller"), self.pid("filter")
        # The bridge dies while the filter thinks: an error, and the answer that nobody waits for is not taken for the next.
        self.send("caller", "any 22")
        self.says("caller", "22 twice 44")
        os.kill(self.bridge()[1], signal.SIGSTOP)
        self.send("caller", "any 23")
        os.kill(self.bridge()[1], signal.SIGKILL)
        wait_until(lambda: any(line.startswith("23 ") for line in self.lines("caller")), "an answer or an error")
        self.send("caller", "any 24")
        self.says("caller", "24 twice 48")
        self.assertEqual((self.pid("caller"), self.pid("filter")), pids)

    def test_a_service(self):
        """A C service is called by a program that speaks JSON-RPC; large messages too."""
        self.c_program("api", "serve", "api")
        self.program("client", "lines_client", "json-rpc")
        self.wire("client.stdio", "api.api")
        self.go("client", "api")
        self.wired("client.stdio", "api.api")
        self.assertEqual(self.wires()["client.stdio", "api.api"]["transport"], "bridge json-rpc > rpc")
        self.ask("client", 1, "twice", {"n": 4})
        self.assertEqual(self.result("client", 1), {"n": 4, "twice": 8})
        self.ask("client", 2, "echo", ["x" * 500000, None, 1.5, {"a": [True]}])
        self.assertEqual(self.result("client", 2), ["x" * 500000, None, 1.5, {"a": [True]}])
        self.ask("client", 3, "nothing")
        self.assertIn("error", self.answer("client", 3))
        self.ask("client", 4, "hang")
        self.says("api", "hangs")
        os.kill(self.bridge()[1], signal.SIGKILL)
        self.assertIn("the bridge was killed", self.answer("client", 4)["error"]["message"])
        self.ask("client", 5, "twice", {"n": 5})
        self.assertEqual(self.result("client", 5), {"n": 5, "twice": 10})
        # The service ends for good: its client hears so.
        self.ask("client", 6, "hang")
        wait_until(lambda: self.lines("api").count("hangs") == 2, "the second call that has no answer")
        os.kill(self.pid("api"), signal.SIGKILL)
        self.assertIn("has ended", self.answer("client", 6)["error"]["message"])


class Served(Libspore):
    test_a_filter_of_lines = test_a_service = None

    def post(self, path, method, params):
        """The body of the answer over HTTP; None: nobody was there."""
        body = json.dumps(params).encode()
        s = socket.socket(socket.AF_UNIX)
        try:
            s.settimeout(DEADLINE)
            s.connect(path)
            s.sendall(b"POST /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (method.encode(), len(body), body))
            got = b""
            while piece := s.recv(65536):
                got += piece
        except OSError:
            return None
        finally:
            s.close()
        head, _, body = got.partition(b"\r\n\r\n")
        return json.loads(body) if head.startswith(b"HTTP/1.1 200") else None

    def test_over_http(self):
        self.c_program("api", "serve", "api")
        self.go("api")
        path = os.path.join(self.work, "http")
        with subprocess.Popen([os.path.join(BUILD, "spore"), "serve", "api.api", "--http=unix:" + path], env=self.env,
                              stderr=subprocess.PIPE, text=True) as p:
            try:
                wait_until(lambda: self.post(path, "twice", {"n": 4}) == {"n": 4, "twice": 8}, "an answer")
                self.assertEqual(self.post(path, "echo", [1, "two"]), [1, "two"])
                self.assertIsNone(self.post(path, "nothing", []))
                self.ok(self.spore("restart", "api"))
                wait_until(lambda: self.post(path, "twice", {"n": 5}) == {"n": 5, "twice": 10}, "an answer of the next instance")
            finally:
                p.terminate()
            self.assertIn("waiting for it", p.communicate(timeout=DEADLINE)[1])
        self.assertEqual(self.spore("serve", "api.api").returncode, 2)

    def test_under_nohup(self):
        """What was ignored stays so, for the listener too."""
        self.c_program("api", "serve", "api")
        self.go("api")
        path = os.path.join(self.work, "http")
        with subprocess.Popen(["nohup", os.path.join(BUILD, "spore"), "serve", "api.api", "--http=unix:" + path], env=self.env, start_new_session=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
            try:
                wait_until(lambda: self.post(path, "echo", [1]) == [1], "an answer")
                os.killpg(p.pid, signal.SIGHUP)
                self.assertEqual(self.post(path, "echo", [2]), [2])
                self.assertIsNone(p.poll())
            finally:
                p.terminate()
        self.assertIsNone(self.post(path, "echo", [3]))


class Refused(BridgeTest):
    def test_words(self):
        self.program("a", "lines_client", "json-rpc")
        self.program("b", "lsp_server", "own")
        self.program("c", "filter_of_lines", "jsonl")
        self.fails(1, "b.stdio speaks own, and a.stdio speaks json-rpc, and no bridge knows own", "wires.add",
                   wires=[{"from": "a.stdio", "to": "b.stdio"}])
        self.fails(1, "jsonl has no option 'methd'; did you mean 'method'?", "wires.add",
                   wires=[{"from": "a.stdio", "to": "c.stdio", "to_protocol": "jsonl,methd=x"}])
        self.fails(1, "is to be lossless, and the bridge json-rpc > jsonl is not", "wires.add",
                   wires=[{"from": "a.stdio", "to": "c.stdio", "lossless": True}])
        self.wire("a.stdio", "c.stdio")
        self.assertEqual(self.wires()["a.stdio", "c.stdio"]["lossless"], False)


class Killed(BridgeTest):
    def echo(self, number, text):
        self.ask("editor", number, "echo", [text])
        self.assertEqual(self.result("editor", number), [text])

    def test_the_inner_process(self):
        """Nothing ends: who waits gets an error, and the next call goes through the same pipes."""
        self.editor()
        self.echo(1, "before")
        editor, server = self.pid("editor"), self.pid("server")
        self.ask("editor", 2, "hang")
        self.said("server", "got hang")
        outer, inner = self.bridge()
        os.kill(inner, signal.SIGKILL)
        error = self.answer("editor", 2)["error"]
        self.assertIn("the bridge was killed", error["message"])
        self.echo(3, "after")
        self.assertEqual(bridges(self.state).keys(), {outer})
        self.assertNotEqual(self.bridge()[1], inner)
        self.assertEqual((self.pid("editor"), self.pid("server")), (editor, server))
        self.assertIn("its inner process was ended by signal 9", self.ok(self.spore("logs", "bridge-editor-stdio")).stdout)

    def test_the_inner_process_while_much_passes(self):
        self.editor(restart="never")
        self.echo(1, "before")
        rounds = 20 if LONG else 4
        for n in range(rounds):
            for k in range(50):
                self.ask("editor", 1000 * (n + 1) + k, "echo", [k])
            os.kill(self.bridge()[1], signal.SIGKILL)
            numbers = range(1000 * (n + 1), 1000 * (n + 1) + 50)
            # Each is answered once: with what was asked for, or with an error. A kill in the middle of a read or write ends the channel.
            wait_until(lambda: self.task("editor")["state"] != "running" or
                       len([m for m in self.heard("editor") if m.get("id") in numbers]) >= 50, "the answers, or the end")
            if self.task("editor")["state"] != "running":
                break
            for number, a in self.answers("editor", numbers).items():
                self.assertTrue("error" in a or a["result"] == [number % 1000])

    def test_the_outer_process(self):
        self.editor()
        self.echo(1, "before")
        self.ask("editor", 2, "hang")
        self.said("server", "got hang")
        os.kill(self.bridge()[0], signal.SIGKILL)
        # The channel is over, which both programs see, and are started again with a new one.
        self.said("editor", "begins", 2)
        self.said("server", "begins", 2)
        self.wired("editor.stdio", "server.stdio")
        wait_until(lambda: self.output("server").count("got echo") >= 2, "the commands of the new instance")

    def test_either_program(self):
        self.editor()
        self.echo(1, "before")
        self.ask("editor", 2, "hang")
        self.said("server", "got hang")
        os.kill(self.pid("server"), signal.SIGKILL)
        self.assertIn("started again before it answered", self.answer("editor", 2)["error"]["message"])
        self.said("server", "begins", 2)
        self.echo(3, "by the second instance")
        os.kill(self.pid("editor"), signal.SIGKILL)
        self.said("editor", "begins", 2)
        # The new one sends the commands of its file, and has all answers.
        self.said("editor", "heard", 5)
        self.assertEqual(len(bridges(self.state)), 1)

    def test_the_node(self):
        self.editor()
        self.echo(1, "before")
        found = bridges(self.state)
        self.kill_node()
        self.again()
        self.wired("editor.stdio", "server.stdio")
        self.assertEqual(bridges(self.state), found)
        self.assertEqual(self.wires()["editor.stdio", "server.stdio"]["transport"], "bridge json-rpc > lsp")
        self.echo(2, "with another node")
        # Which knows it: it hears of a program that is started again, and of the bridge's own death.
        self.ask("editor", 4, "hang")
        self.said("server", "got hang")
        os.kill(self.pid("server"), signal.SIGKILL)
        self.assertIn("started again", self.answer("editor", 4)["error"]["message"])
        self.echo(5, "and so on")
        os.kill(self.bridge()[0], signal.SIGKILL)
        self.said("editor", "begins", 2)
        self.wired("editor.stdio", "server.stdio")
        wait_until(lambda: self.output("server").count("got echo") >= 6, "the commands of the new instance")

    def test_a_pipeline(self):
        """More commands at once than may be under way: the rest is read when some are answered."""
        self.program("client", "lines_client", "resp")
        self.program("server", "lsp_server", "lsp")
        self.wire("client.stdio", "server.stdio")
        self.go("client", "server")
        self.wired("client.stdio", "server.stdio")
        self.send("client", "\n".join(f"echo {n}" for n in range(500)))
        wait_until(lambda: self.output("client").count("heard *1") == 500, "the replies")
        self.assertEqual(re.findall(r"heard (\d+)\r?\n", self.output("client")), [str(n) for n in range(500)])

    def test_a_restart_without_a_node(self):
        """The next node tells the bridge that a program was started again; once, and of none that it knows of."""
        self.editor()
        self.echo(1, "before")
        found, pid = bridges(self.state), self.pid("server")
        self.ask("editor", 4, "hang")
        self.said("server", "got hang")
        self.kill_node()
        os.kill(pid, signal.SIGKILL)
        self.said("server", "begins", 2)
        self.again()  # the holds start one
        self.assertIn("started again", self.answer("editor", 4)["error"]["message"])
        self.echo(5, "by the second instance")
        self.ask("editor", 6, "hang")
        self.said("server", "got hang", 2)
        self.kill_node()
        self.again()
        self.wired("editor.stdio", "server.stdio")
        self.echo(7, "with a third node")
        self.assertNotIn(6, [m.get("id") for m in self.heard("editor")])
        self.assertEqual(bridges(self.state), found)


if __name__ == "__main__":
    unittest.main()
