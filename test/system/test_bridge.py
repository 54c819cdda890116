"""spore bridge alone: as a filter, before a command, and as a listener, with peers that do not behave."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import unittest

from spore_test import SporeTest, wait_until

# Answers each request with its method and parameters; "exit", "die", "hang", "call", "tell", "parts" do as they say.
SERVER = r'''
import json, os, signal, sys
def say(m):
    print(json.dumps({"jsonrpc": "2.0", **m}), flush=True)
for line in sys.stdin:
    m = json.loads(line)
    method, id = m.get("method"), m.get("id")
    if method == "exit":
        sys.exit(m["params"][0])
    elif method == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif method == "hang":
        pass
    elif method == "call":
        waiting = id
        say({"id": "b", "method": "back", "params": [id]})
    elif method is None:
        say({"id": waiting, "result": m["error"]} if "error" in m else {"id": m["result"], "result": "called back"})
    elif method == "tell":
        say({"method": "told", "params": m["params"]})
    elif method == "parts":
        for n in range(3):
            say({"method": "$/item", "params": [id, n]})
        say({"id": id, "result": None})
    elif method == "fail":
        say({"id": id, "error": {"code": -7, "message": "as wished", "data": {"why": "so"}}})
    elif method == "pid":
        say({"id": id, "result": os.getpid()})
    elif id is not None:
        say({"id": id, "result": [method, m.get("params")]})
'''


def call(id, method, *params):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}


def lines(*messages):
    return "".join(json.dumps(m) + "\n" for m in messages)


class Client:
    """A client of a listener, that speaks JSON-RPC on lines."""

    def __init__(self, test, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        test.addCleanup(self.socket.close)
        self.file = self.socket.makefile("rb")
        test.addCleanup(self.file.close)

    def send(self, *messages):
        self.socket.sendall(lines(*messages).encode())

    def read(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, id, method, *params):
        self.send(call(id, method, *params))
        return self.read()


class BridgeTest(SporeTest):
    def setUp(self):
        super().setUp()
        self.server = self.write("server.py", SERVER)

    def listen(self, *args, to="json-rpc", come="json-rpc", command=None):
        path = os.path.join(self.dir, "listen")
        process = self.start("bridge", come, to, "--listen", "unix:" + path, *args, "--", *(command or [sys.executable, self.server]))
        wait_until(lambda: os.path.exists(path) or process.poll() is not None, "the listener")
        self.assertIsNone(process.poll())
        return process, path


class Filter(BridgeTest):
    def test_there_and_back(self):
        said = lines(call(1, "sum", 1, 2), {"jsonrpc": "2.0", "id": 1, "result": {"ä": [1.5, None, True]}},
                     {"jsonrpc": "2.0", "method": "told", "params": {"x": "y"}})
        there = self.spore("bridge", "json-rpc", "msgpack-rpc", input=said.encode(), text=False, pass_fds=self.many_files())
        self.assertEqual((there.returncode, there.stderr), (0, b""))
        self.assertTrue(there.stdout.startswith(b"\x94\x00\x01\xa3sum\x92\x01\x02"))
        back = self.spore("bridge", "msgpack-rpc", "json-rpc", input=there.stdout, text=False)
        self.assertEqual([json.loads(m) for m in back.stdout.splitlines()], [json.loads(m) for m in said.splitlines()])

    def test_every_framing(self):
        values = [5, "text", [1, {"a": None}], {}]
        text = "".join(json.dumps(v, separators=(",", ":")) + "\n" for v in values)
        for framing in ("u32be", "u32le", "varint", "netstring"):
            there = self.spore("bridge", "jsonl", framing + ",holds=msgpack", input=text.encode(), text=False)
            back = self.spore("bridge", framing + ",holds=msgpack", "jsonl", input=there.stdout, text=False)
            self.assertEqual(back.stdout.decode(), text, framing)

    def test_from_a_file_to_a_file(self):
        path = self.write("calls", lines(*[call(n, "m", "x" * 100) for n in range(5000)]))
        with open(path) as calls, open(os.path.join(self.work, "out"), "w+b") as out:
            self.ok(self.spore("bridge", "json-rpc", "lsp", stdin=calls, stdout=out))
            out.seek(0)
            self.assertEqual(out.read().count(b"Content-Length: "), 5000)

    def test_what_cannot_be_translated(self):
        result = self.spore("bridge", "json-rpc", "msgpack-rpc", text=False,
                            input=b'{"a":1,"a":2}\n"\xff"\n' + lines(call(1, "m")).encode() + b"[" * 40 + b"\n")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, b"\x94\x00\x01\xa1m\x90")
        for why in (b"this key is there twice", b"this is not UTF-8", b"too deeply"):
            self.assertIn(why, result.stderr)

    def test_cut_off(self):
        result = self.spore("bridge", "msgpack-rpc", "json-rpc", input=b"\x94\x00\x01", text=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"ends within a message", result.stderr)

    def test_reader_that_goes(self):
        process = self.start("bridge", "jsonl", "u32be,holds=json", stdin=subprocess.PIPE)
        process.stdout.close()
        try:
            for _ in range(100000):
                process.stdin.write(b'"some text"\n')
        except BrokenPipeError:
            pass
        wait_until(lambda: process.poll() is not None, "its end")
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass

    def test_wrong(self):
        for args, why in ((("json-rpc", "nothing"), "no protocol 'nothing'"), (("jsonl,odd=1", "lines"), "no option 'odd'"),
                          (("jsonl,holds=xml", "lines"), "holds=xml"), (("jsonl", "json-rpc"), "which method"), (("jsonl",), "which two"),
                          (("jsonl", "lines", "--listen", "127.0.0.1:1"), "nothing is there"),
                          (("jsonl", "lines", "--clients", "0"), "from 1 to"),
                          (("jsonl", "lines", "--each", "--", "cat"), "goes with --listen")):
            result = self.spore("bridge", *args)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn(why, result.stderr)

    def test_list(self):
        listed = json.loads(self.ok(self.spore("bridge", "--list", "--json")).stdout)
        names = [codec["name"] for codec in listed]
        for name in ("json-rpc", "lsp", "msgpack-rpc", "rpc", "lines", "jsonl", "u32be", "u32le", "varint", "netstring"):
            self.assertIn(name, names)
        self.assertIn("jsonl", self.ok(self.spore("bridge", "--list")).stdout)


    def test_document_says_what_is_lost(self):
        codecs = json.loads(self.ok(self.spore("bridge", "--list", "--json")).stdout)
        losses = dict.fromkeys(loss for codec in codecs for loss in codec["losses"])
        rows = ["| %s | %s |" % (loss, " ".join(f"`{c['name']}`" for c in codecs if loss in c["losses"])) for loss in losses]
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "bridges.md")) as f:
            text = f.read()
        table = text[text.index("| --- | --- |\n") + 14:text.index("## Strangers")].strip().split("\n")
        self.assertEqual(table, rows)


class Command(BridgeTest):
    def bridge(self, said, *args, come="json-rpc", to="json-rpc", command=None):
        return self.spore("bridge", come, to, *args, "--", *(command or [sys.executable, self.server]), input=said)

    def test_calls(self):
        result = self.ok(self.bridge(lines(call("a", "x", 1), call(2, "fail"), call(3, "parts"))))
        self.assertEqual([json.loads(m) for m in result.stdout.splitlines()], [
            {"jsonrpc": "2.0", "id": "a", "result": ["x", [1]]},
            {"jsonrpc": "2.0", "id": 2, "error": {"code": -7, "message": "as wished", "data": {"why": "so"}}},
            *[{"jsonrpc": "2.0", "method": "$/item", "params": [3, n]} for n in range(3)],
            {"jsonrpc": "2.0", "id": 3, "result": None}])

    def test_many_more_than_may_be_under_way(self):
        result = self.ok(self.bridge(lines(*[call(n, "m", n) for n in range(5000)])))
        self.assertEqual([json.loads(m)["result"] for m in result.stdout.splitlines()], [["m", [n]] for n in range(5000)])

    def test_parts_come_together(self):
        result = self.ok(self.bridge('[0]\n', to="jsonl,method=parts"))
        self.assertEqual(result.stdout, "[0,1,2]\n")

    def test_line_filter(self):
        result = self.ok(self.bridge(lines(call(1, "m", "ab"), call(2, "m", "c")), come="lines", command=["sed", "-u", "s/./&&/g"]))
        self.assertEqual([json.loads(m)["result"] for m in result.stdout.splitlines()], ["aabb", "cc"])

    def test_filters_of_servers(self):
        """Nobody answers in a filter: however many requests there are, all go over."""
        count = 1000
        result = self.spore("bridge", "resp", "jsonl", input="GET a\r\n" * count)
        self.assertEqual((result.returncode, result.stdout), (0, '"a"\n' * count))
        one = "POST /m HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n[7]"
        result = self.spore("bridge", "http", "jsonl", input=one * count)
        self.assertEqual((result.returncode, result.stdout), (0, "7\n" * count))

    def test_status(self):
        self.assertEqual(self.bridge(lines(call(1, "exit", 7))).returncode, 7)
        self.assertEqual(self.bridge("", command=["true"]).returncode, 0)
        died = self.bridge(lines(call(1, "die")))
        self.assertEqual(died.returncode, 128 + signal.SIGKILL)
        self.assertEqual(json.loads(died.stdout)["error"], {"code": 4, "message": "the program has ended"})
        none = self.bridge("", command=["no-such-program"])
        self.assertEqual(none.returncode, 127)
        self.assertIn("no such program", none.stderr)

    def test_deadline(self):
        process = self.start("bridge", "json-rpc", "json-rpc", "--", sys.executable, self.server, stdin=subprocess.PIPE, text=True)
        process.stdin.write(lines({"jsonrpc": "2.0", "method": "$/deadline", "params": [1, 50]}, call(1, "hang")))
        process.stdin.flush()
        self.assertEqual(json.loads(process.stdout.readline())["error"]["code"], 3)
        process.stdin.close()
        process.stdin = None
        self.assertEqual(process.wait(60), 0)

    def test_called_back(self):
        process = self.start("bridge", "json-rpc", "json-rpc", "--", sys.executable, self.server, stdin=subprocess.PIPE, text=True)
        process.stdin.write(lines(call(1, "call")))
        process.stdin.flush()
        back = json.loads(process.stdout.readline())
        self.assertEqual(back["method"], "back")
        process.stdin.write(lines({"jsonrpc": "2.0", "id": back["id"], "result": back["params"][0]}))
        process.stdin.flush()
        self.assertEqual(json.loads(process.stdout.readline()), {"jsonrpc": "2.0", "id": 1, "result": "called back"})

    def test_term_reaches_the_command(self):
        process = self.start("bridge", "json-rpc", "json-rpc", "--", sys.executable, self.server, stdin=subprocess.PIPE, text=True)
        process.stdin.write(lines(call(1, "pid")))
        process.stdin.flush()
        pid = json.loads(process.stdout.readline())["result"]
        process.terminate()
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_large(self):
        text = "ä" * 3000000
        result = self.ok(self.bridge(lines(call(1, "m", text)), command=[sys.executable, self.server]))
        self.assertEqual(json.loads(result.stdout)["result"], ["m", [text]])
        small = self.bridge(lines(call(1, "m", "x" * 1000)), "--largest", "500")
        self.assertIn("larger than the limit", small.stderr)

    def test_each_is_answered(self):
        """What is no message, or too large for one, is answered in its own protocol, behind what was asked before."""
        large = call(3, "m", "x" * 1000)
        asked = lines(call(1, "m", 1)) + "no JSON\n" + lines(call(2, "m", 2), large)
        result = self.ok(self.bridge(asked, "--largest", "500"))
        answers = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual({a["id"]: a["result"] for a in answers if "result" in a}, {1: ["m", [1]], 2: ["m", [2]]})
        errors = [a for a in answers if "error" in a]
        self.assertEqual([(e["id"], e["error"]["code"]) for e in errors], [(None, -32700), (None, -32600)])
        self.assertIn("larger than the limit", errors[1]["error"]["message"])

    def test_lines_are_answered_in_order(self):
        asked = "[1]\nno JSON\n[2]\n" + json.dumps(["x" * 1000]) + "\n"
        result = self.ok(self.bridge(asked, "--largest", "500", to="jsonl,method=m"))
        answers = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([answers[0], answers[2]], [["m", [[1]]], ["m", [[2]]]])
        self.assertIn("a value was expected", answers[1]["error"]["message"])
        self.assertIn("larger than the limit", answers[3]["error"]["message"])

    def test_place_of_what_is_refused(self):
        said = lines(call(1, "m")) + "no\n" + lines(call(2, "m"), {"x": 1}, call(3, "m"))
        result = self.spore("bridge", "json-rpc", "jsonl", input=said)
        self.assertEqual(result.returncode, 1, result)
        self.assertEqual(re.findall(r"message (\d+): ", result.stderr), ["2", "4"])
        self.assertEqual(len(result.stdout.splitlines()), 3)


class Listener(BridgeTest):
    def test_many_clients(self):
        _, path = self.listen()
        clients = [Client(self, path) for _ in range(20)]
        for n, client in enumerate(clients):
            client.send(call(1, "m", n), call("x", "m", -n))
        for n, client in enumerate(clients):
            self.assertEqual([client.read()["result"][1], client.read()["result"][1]], [[n], [-n]])
        # All are told, none can be called back.
        clients[0].send({"jsonrpc": "2.0", "method": "tell", "params": [5]})
        for client in clients:
            self.assertEqual(client.read()["method"], "told")
        self.assertIn("several clients", clients[3].ask(9, "call")["result"]["message"])

    def test_each_has_its_own(self):
        process, path = self.listen("--each")
        clients = [Client(self, path) for _ in range(3)]
        pids = [client.ask(1, "pid")["result"] for client in clients]
        self.assertEqual(len(set(pids)), 3)
        self.assertEqual(clients[0].ask(2, "call")["method"], "back")
        clients[1].socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: not os.path.exists(f"/proc/{pids[1]}"), "the end of its command")
        self.assertEqual(clients[2].ask(2, "m")["result"], ["m", None])
        clients[2].send(call(3, "die"))
        self.assertEqual(clients[2].read()["error"]["message"], "the program has ended")
        self.assertIsNone(clients[2].read())
        process.terminate()
        process.wait(60)
        wait_until(lambda: not os.path.exists(f"/proc/{pids[0]}"), "the end of the last command")

    def test_one_that_goes_and_one_that_stays(self):
        _, path = self.listen()
        one, other = Client(self, path), Client(self, path)
        one.send(call(1, "hang"))
        self.assertEqual(other.ask(1, "m", 1)["result"], ["m", [1]])
        one.file.close()
        one.socket.close()
        self.assertEqual(other.ask(2, "m", 2)["result"], ["m", [2]])

    def test_busy(self):
        _, path = self.listen("--in-flight", "3")
        client = Client(self, path)
        client.send(*[call(n, "hang") for n in range(3)], call(3, "m"))
        self.assertEqual(client.read()["error"]["code"], 9)

    def test_bytes_of_a_stranger(self):
        _, path = self.listen()
        client = Client(self, path)
        client.socket.sendall(b"\x00\x01\x02\n{\n")
        self.assertEqual([client.read()["error"]["code"], client.read()["error"]["code"]], [-32700, -32700])
        self.assertEqual(client.ask(1, "m")["result"], ["m", None])

    def test_split_and_slow(self):
        _, path = self.listen()
        client, other = Client(self, path), Client(self, path)
        for byte in lines(call(1, "m", "slow")).encode():
            client.socket.sendall(bytes([byte]))
        self.assertEqual(other.ask(1, "m")["result"], ["m", None])
        self.assertEqual(client.read()["result"], ["m", ["slow"]])

    def test_too_many_clients(self):
        _, path = self.listen("--clients", "2")
        first, second = Client(self, path), Client(self, path)
        self.assertEqual(second.ask(1, "m")["result"], ["m", None])
        third = Client(self, path)
        third.send(call(1, "m", 3))
        first.file.close()
        first.socket.close()
        self.assertEqual(third.read()["result"], ["m", [3]])

    def test_one_that_says_nothing(self):
        _, path = self.listen("--first", "1")
        silent = Client(self, path)
        self.assertIsNone(silent.read())

    def test_the_command_ends(self):
        process, path = self.listen()
        client = Client(self, path)
        client.send(call(1, "hang"), call(2, "exit", 3))
        self.assertEqual([client.read()["id"], client.read()["id"]], [1, 2])
        self.assertEqual(process.wait(60), 3)

    def test_one_that_reads_nothing(self):
        _, path = self.listen("--each")
        client = Client(self, path)
        client.socket.settimeout(0.5)
        sent = 0
        try:
            for n in range(100):
                client.socket.sendall(lines(call(n, "m", "x" * 500000)).encode())
                sent += 1
        except TimeoutError:
            pass
        self.assertLess(sent, 60)
        if os.environ.get("SPORE_POSIX"):
            return  # its processes cannot be told apart
        pid = next(pid for pid in self.marked() if self.is_bridge(pid))
        with open(f"/proc/{pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        if not os.environ.get("ASAN_OPTIONS"):
            self.assertLess(peak, 64 * 1024)

    @staticmethod
    def is_bridge(pid):
        with open(f"/proc/{pid}/status") as f:
            text = f.read()
        return "spore-bridge" in text.splitlines()[0] and "Seccomp:\t2" in text

    def test_connect(self):
        _, path = self.listen(to="msgpack-rpc")
        result = self.ok(self.spore("bridge", "msgpack-rpc", "json-rpc", "--connect", "unix:" + path, input=lines(call("q", "m", 1))))
        self.assertEqual(json.loads(result.stdout), {"jsonrpc": "2.0", "id": "q", "result": ["m", [1]]})

    def test_tcp(self):
        probe = socket.socket()
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        self.start("bridge", "json-rpc", "json-rpc", "--listen", f"127.0.0.1:{port}", "--", sys.executable, self.server)

        def connect():
            try:
                return socket.create_connection(("127.0.0.1", port))
            except OSError:
                return None
        with wait_until(connect, "the listener") as s, s.makefile("rb") as f:
            s.sendall(lines(call(1, "m")).encode())
            self.assertEqual(json.loads(f.readline())["result"], ["m", None])


@unittest.skipUnless(os.path.exists("/sys/kernel/security") or sys.platform == "linux", "Landlock")
class Confined(BridgeTest):
    def test_has_given_up_what_it_does_not_need(self):
        _, path = self.listen()
        client = Client(self, path)
        self.assertEqual(client.ask(1, "m")["result"], ["m", None])
        bridges = [pid for pid in self.marked() if Listener.is_bridge(pid)]
        if not bridges:
            self.skipTest("not confined on this platform")
        self.assertEqual(len(bridges), 1)


if __name__ == "__main__":
    unittest.main()
