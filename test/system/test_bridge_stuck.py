"""Clients of listeners that ask and never read, that say their request a byte at a time, that say nothing, and that are too many."""

import base64
import json
import os
import re
import socket
import sys
import unittest

from bridge_client import BridgeClientTest
from spore_test import BUILD, DEADLINE, wait_until

# "big" returns 100 KB, "hang" nothing; whatever else is asked is what is returned.
PROGRAM = r"""
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if "id" in m and m["method"] != "hang":
        result = "x" * 100000 if m["method"] in ("big", "tools/call") else m.get("params") or {}
        print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": result}), flush=True)
"""
with open(os.path.join(BUILD, "spore-bridge"), "rb") as program:
    SANITIZED = re.search(rb"__[at]san_init", program.read()) is not None
MOST_KB = 120_000  # of all answers that nobody reads there are 200 MB


def http(path, body=None, **heads):
    text = json.dumps(body) if body is not None else ""
    lines = [f"{'POST' if body is not None else 'GET'} {path} HTTP/1.1", "Host: localhost", *(f"{k.replace('_', '-')}: {v}" for k, v in heads.items())]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(text)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + text).encode()


class Http:
    to = "http"

    def open(self, client):
        pass

    def big(self):
        return http("/big")

    def answered(self, client):
        client.sendall(http("/echo?a"))
        return b'["a"]' in until(client, rb'\["a"\]$')


class JsonRpcHttp(Http):
    to = "json-rpc-http"

    def big(self):
        return http("/", {"jsonrpc": "2.0", "id": 1, "method": "big"})

    def answered(self, client):
        client.sendall(http("/", {"jsonrpc": "2.0", "id": 1, "method": "echo", "params": ["a"]}))
        return until(client, rb'"result":\["a"\]\}$')


class McpHttp:
    to = "mcp-http"
    accept = {"Accept": "application/json, text/event-stream"}

    def open(self, client):
        client.sendall(http("/mcp", {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}}, **self.accept))
        head = until(client, rb'"result":\{\}\}$')
        self.heads = dict(self.accept, Mcp_Session_Id=re.search(rb"Mcp-Session-Id: (\w+)", head)[1].decode())
        self.count = 0

    def big(self):
        self.count += 1
        return http("/mcp", {"jsonrpc": "2.0", "id": self.count, "method": "tools/call", "params": {}}, **self.heads)

    def answered(self, client):
        other = McpHttp()
        other.open(client)
        client.sendall(http("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"a": 1}}, **other.heads))
        return until(client, rb'"result":\{"a":1\}\}$')


class Resp:
    to = "resp"

    def open(self, client):
        pass

    def big(self):
        return b"*1\r\n$3\r\nbig\r\n"

    def answered(self, client):
        client.sendall(b"*2\r\n$4\r\necho\r\n$1\r\na\r\n")
        return until(client, rb"\*1\r\n\$1\r\na\r\n$")


class WebSocket:
    to = "websocket"

    def open(self, client):
        client.sendall(
            http("/", None, Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Version=13, Sec_WebSocket_Key=base64.b64encode(bytes(16)).decode())
        )
        until(client, rb"\r\n\r\n$")

    @staticmethod
    def frame(method, params):
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        return b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text

    def big(self):
        return self.frame("big", [])

    def answered(self, client):
        self.open(client)
        client.sendall(self.frame("echo", ["a"]))
        return until(client, rb'"result":\["a"\]\}$')


KINDS = [Http, JsonRpcHttp, McpHttp, Resp, WebSocket]


def until(client, pattern):
    data = b""
    while not re.search(pattern, data[-4096:]):
        chunk = client.recv(1 << 16)
        if not chunk:
            raise AssertionError("the connection ended behind " + repr(data[-500:]))
        data += chunk
    return data


class Stuck(BridgeClientTest):
    def setUp(self):
        super().setUp()
        self.program = [sys.executable, self.write("program.py", PROGRAM)]

    def connect(self, path):
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.settimeout(DEADLINE)
        s.connect(path)
        return s

    def memory(self):
        """The most that the processes of the bridge have had, in KB."""
        most, pids = 0, [self.server.pid]
        while pids:
            pid = pids.pop()
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                pids += map(int, f.read().split())
            with open(f"/proc/{pid}/status") as f:
                most = max(most, int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]))
        return most

    def one_never_reads(self, kind):
        path = self.bridge("json-rpc", kind.to, *self.program)
        stuck, good = kind(), self.connect(path)
        client = self.connect(path)
        stuck.open(client)
        client.setblocking(False)
        said = b""
        for _ in range(40):
            said += b"".join(stuck.big() for _ in range(50))
            try:
                while said:
                    said = said[client.send(said):]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                break  # one may part with it
            # What was asked before is answered by then.
            self.assertTrue(kind().answered(good))
            good.close()
            good = self.connect(path)
        if not SANITIZED:  # which keeps what was freed
            self.assertLess(self.memory(), MOST_KB)
        self.assertTrue(kind().answered(good))
        client.close()

    def test_one_never_reads(self):
        for kind in KINDS:
            with self.subTest(kind=kind.to):
                self.one_never_reads(kind)
                self.end_server()

    def end_server(self):
        self.server.terminate()
        self.server.wait()
        os.unlink(os.path.join(self.dir, "socket")) if os.path.exists(os.path.join(self.dir, "socket")) else None

    def test_slow_and_silent(self):
        """A head a byte at a time, the beginning of a message, and nothing at all are cut off, each while another one is served."""
        for kind in KINDS:
            with self.subTest(kind=kind.to):
                path = self.bridge("json-rpc", kind.to, *self.program, options=["--first", "1"])
                part, silent = self.connect(path), self.connect(path)
                part.sendall(b"*1\r\n$3\r\n" if kind is Resp else b"POST /bi")
                self.assertTrue(kind().answered(self.connect(path)))
                for client in (part, silent):
                    while client.recv(4096):  # a listener of HTTP may say why
                        pass
                self.assertTrue(kind().answered(self.connect(path)))
                self.end_server()

    def test_too_many(self):
        for kind in KINDS:
            with self.subTest(kind=kind.to):
                path = self.bridge("json-rpc", kind.to, *self.program, options=["--clients", "2"])
                wait_until(lambda: self.taken(kind, path), "the last of who looked whether it listens to be gone")
                first, second = self.connect(path), self.connect(path)
                self.assertTrue(kind().answered(first))
                self.assertTrue(kind().answered(second))
                third = self.connect(path)  # the system takes it; the bridge not yet
                third.settimeout(0.2)
                with self.assertRaises(socket.timeout):
                    kind().answered(third)
                third.settimeout(DEADLINE)
                first.close()
                self.assertTrue(third.recv(1))
                second.close()
                third.close()
                self.end_server()

    def test_one_leaves_while_it_waits_to_be_read(self):
        """Of a pipeline the rest is read when some is answered. Who closes it before makes room for the next."""
        path = self.bridge("json-rpc", "resp", *self.program, options=["--clients", "1"])
        wait_until(lambda: self.taken(Resp, path), "the last of who looked whether it listens to be gone")
        with self.connect(path) as client:
            client.sendall(b"echo here\r\n" + b"hang\r\n" * 300)
            until(client, rb"here\r\n$")
        self.assertTrue(Resp().answered(self.connect(path)))

    def taken(self, kind, path):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE)
            s.connect(path)
            return kind().answered(s)


if __name__ == "__main__":
    unittest.main()
