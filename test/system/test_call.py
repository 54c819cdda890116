"""Calls: spore call, programs that call each other and are killed meanwhile, and a program that only knows MessagePack-RPC."""

import json
import os
import signal
import socket
import sys
import threading
import unittest

from msgpack_mini import Short, pack, unpack
from spore_test import BUILD, DEADLINE, wait_until
from test_wires import WiresTest

PROGRAM = os.path.join(BUILD, "test/system/call_program")
HERE = os.path.dirname(os.path.abspath(__file__))


class CallTest(WiresTest):
    def service(self, name="s", *args, **more):
        result = self.begin(name, argv=[PROGRAM, *args], control=True, wait="started", **more)
        wait_until(lambda: [p for p in self.call("ports.list")["ports"] if p["name"] == f"{name}.calls" and p["open"]],
                   "the port")
        return result

    def asks(self, *args, status=0):
        result = self.spore("call", *args)
        self.assertEqual(result.returncode, status, result.stderr + result.stdout)
        return result


class Commands(CallTest):
    def test_parameters_and_results(self):
        self.service()
        for args, result in ((["1", "two", "null", "0.5"], '[1,"two",null,0.5]'), ([], "[]"), (["a=1", "b=x y"], '{"a":1,"b":"x y"}'),
                             (['{"k": [true]}'], '{"k":[true]}'), (["[1, 2]"], "[1,2]"), (["9007199254740993"], "[9007199254740993]")):
            self.assertEqual(self.asks("s.calls", "echo", *args).stdout, result + "\n")
        self.assertIn("some parameters have a name", self.asks("s.calls", "echo", "1", "a=1", status=2).stderr)
        self.assertIn("call: {\"a\":", self.asks("s.calls", "echo", '{"a": }', status=2).stderr)
        self.assertIn("which method?", self.asks("s.calls", status=2).stderr)

    def test_errors(self):
        self.service()
        said = self.asks("s.calls", "refuse", status=1)
        self.assertEqual(said.stderr, "spore: call: refuse: not today (error -32001)\n  data: {\"day\":7}\n")
        self.assertEqual(json.loads(self.asks("s.calls", "refuse", "--json", status=1).stdout),
                         {"error": {"code": -32001, "message": "not today", "data": {"day": 7}}})
        self.assertIn("there is no method nothing (error 10)", self.asks("s.calls", "nothing", status=1).stderr)
        self.assertIn("parameter 1, \"n\", has to be an integer", self.asks("s.calls", "parts", "x", status=1).stderr)
        self.assertIn("(error 3)", self.asks("s.calls", "hang", "--timeout", "0.2", status=1).stderr)
        self.said("s", "cancelled 1")
        left = int(self.asks("s.calls", "remaining", "--timeout", "100").stdout)
        self.assertTrue(50000 < left <= 100000, left)
        self.assertEqual(self.asks("s.calls", "remaining").stdout, "-1\n")

    def test_statuses(self):
        self.service()
        for args, status in ((("s.calls", "echo"), 0), (("s.calls", "refuse"), 1), (("node", "no.method"), 1),
                             (("s.calls", "hang", "--timeout", "0.1"), 1), (("s.calls",), 2), (("s.calls", "echo", "a=1", "2"), 2),
                             (("s", "echo"), 2), (("none.calls", "echo"), 1)):
            with self.subTest(args):
                self.asks(*args, status=status)
        self.assertEqual(json.loads(self.asks("node", "tasks.inspect", '["none"]', "--json", status=1).stdout)["error"]["code"], 10)

    def test_the_data_of_an_error_of_a_node(self):
        """Ours has none to say; one of another version may."""
        state = os.path.join(self.work, "other")
        os.mkdir(state)
        path = os.path.join(state, "socket")
        with open(os.path.join(state, "node.address"), "w") as f:
            f.write(path + "\n")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()

            def answer():
                c, _ = s.accept()
                with c:
                    data = b""
                    while piece := c.recv(65536):
                        data += piece
                        while data:
                            try:
                                (_, number, method, _), used = unpack(data)
                            except Short:
                                break
                            data = data[used:]
                            c.sendall(pack([1, number, None, [1, "node"]] if method == "$/hello" else
                                           [1, number, [-32050, "not " + method, {"day": 7}], None]))

            for more, said in (([], "spore: call: today: not today (error -32050)\n  data: {\"day\":7}\n"), (["--json"], "")):
                node = threading.Thread(target=answer)
                node.start()
                result = self.spore("call", "node", "today", *more, env=self.env | {"SPORE_STATE": state})
                node.join(DEADLINE)
                self.assertEqual((result.returncode, result.stderr), (1, said))
            self.assertEqual(json.loads(result.stdout), {"error": {"code": -32050, "message": "not today", "data": {"day": 7}}})

    def test_parts(self):
        self.service()
        said = self.asks("s.calls", "parts", "n=300")
        self.assertEqual(said.stdout.splitlines(), [str(i) for i in range(300)] + ["null"])
        self.assertEqual(said.stderr, 'progress: "all said"\n')
        lines = [json.loads(line) for line in self.asks("s.calls", "parts", "2", "--json").stdout.splitlines()]
        self.assertEqual(lines, [{"item": 0}, {"item": 1}, {"result": None}])

    def test_what_there_is(self):
        self.service()
        said = self.asks("s.calls", "--describe").stdout
        self.assertIn("call_program 3\n  echo -> nil\n      What it is given\n", said)
        self.assertIn("  parts n:int -> nil, parts n:int\n", said)
        described = json.loads(self.asks("s.calls", "--describe", "--json").stdout)
        self.assertEqual([m["name"] for m in described["methods"]], ["echo", "hang", "keep", "parts", "refuse", "release", "remaining"])
        self.assertEqual(self.asks("s.calls", "--names").stdout.split(), ["echo", "hang", "keep", "parts", "refuse", "release", "remaining"])
        self.assertEqual(self.asks("--names").stdout.split(), ["node", "s.calls"])
        self.assertIn("tasks.list", self.asks("node", "--names").stdout.split())
        tasks = json.loads(self.asks("node", "tasks.list").stdout)["tasks"]
        self.assertEqual([t["name"] for t in tasks], ["s"])
        self.assertIn("(error 10)", self.asks("node", "no.such", status=1).stderr)


class Ends(CallTest):
    def test_a_killed_service_ends_calls_once(self):
        self.service(restart="always")
        self.begin("c", argv=[PROGRAM, "client", "100"], control=True, wait="started")
        self.wire("c.to", "s.calls")
        for times in (1, 2, 3):
            self.said("c", "in flight 100", times)
            os.kill(self.pid("s"), signal.SIGKILL)
            wait_until(lambda: self.output("c").count("ended 100: ") >= times, "the end of all calls")
        self.said("c", "in flight 100", 4)
        for line in self.output("c").splitlines():
            if line.startswith("ended 100"):
                self.assertIn(line, ("ended 100: 100 closed, 0 returned", "ended 100: 0 closed, 100 returned"))

    def test_a_killed_client_is_noticed(self):
        self.service()
        self.begin("c", argv=[PROGRAM, "client", "50"], control=True, wait="started", restart="always")
        self.wire("c.to", "s.calls")
        self.said("c", "in flight 50")
        os.kill(self.pid("c"), signal.SIGKILL)
        self.said("s", "cancelled 50\n")
        self.said("c", "in flight 50", 2)


    def test_a_call_that_is_answered_when_its_client_is_gone(self):
        self.service()
        counts = []
        for i in range(1, 11):
            client = self.start("call", "s.calls", "keep")
            self.said("s", "kept", i)
            client.kill()
            client.wait()
            self.said("s", "left", i)
            self.asks("s.calls", "release")
            counts.append(self.fds(self.pid("s")))
        # Its channel to the last that asked is over soon, the others are.
        wait_until(lambda: self.fds(self.pid("s")) <= min(counts), f"no more descriptors than {counts}")


class Others(CallTest):
    def test_a_program_that_speaks_messagepack_rpc(self):
        """Over a plain socket: a Python program without libspore, which has its own MessagePack."""
        code = f"""
import os, socket, sys
sys.path.insert(0, {HERE!r})
from msgpack_mini import Short, pack, unpack
s = socket.socket(socket.AF_UNIX)
s.connect(os.path.join(os.environ["SPORE_PORTS"], "ask"))
s.sendall(pack([2, "no such notice", []]) + pack([0, 1, "echo", ["a", 2, b"b"]]) + pack([0, 2, "refuse", []]))
s.sendall(pack([0, 3, "hang", []]) + pack([2, "$/cancel", [3]]))
for byte in pack([0, 4, "parts", {{"n": 3}}]):
    s.sendall(bytes([byte]))
data, messages = b"", []
while len(messages) < 8:
    data += s.recv(65536)
    while data:
        try:
            message, used = unpack(data)
        except Short:
            break
        messages.append(message)
        data = data[used:]
for m in messages:
    print(m, flush=True)
"""
        self.service("s", "bytes")
        self.begin("p", argv=[sys.executable, "-c", code], ports=["ask - - - - socket"])
        self.wire("p.ask", "s.calls")
        self.said("p", "[1, 4, None, None]")
        said = self.output("p").splitlines()
        self.assertEqual(said[:2], ["[1, 1, None, ['a', 2, b'b']]", "[1, 2, [-32001, 'not today', {'day': 7}], None]"])
        self.assertIn("[1, 3, [13, 'nobody waits', None], None]", said)
        self.assertEqual([m for m in said if "item" in m], [f"[2, '$/item', [4, {i}]]" for i in range(3)])


if __name__ == "__main__":
    unittest.main()
