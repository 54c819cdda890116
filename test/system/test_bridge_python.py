"""Clients of Debian's Python libraries, which nobody here wrote: redis, websockets, jsonrpclib-pelix, pynvim and msgpack."""

import subprocess
import unittest

from bridge_client import BridgeClientTest
from spore_test import DEADLINE, SPORE

PYTHON = "/usr/bin/python3"


def needs_module(name):
    try:
        there = subprocess.run([PYTHON, "-c", "import " + name], capture_output=True, timeout=DEADLINE).returncode == 0
    except OSError:
        there = False
    return unittest.skipUnless(there, "not installed: Python's " + name)


class Python(BridgeClientTest):
    def client(self, code, *args):
        result = subprocess.run(
            [PYTHON, "-c", code, *map(str, args)], env=self.env, text=True, capture_output=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    @needs_module("redis")
    def test_redis(self):
        code = """
import sys, redis
r = redis.Redis(unix_socket_path=sys.argv[1], decode_responses=True)
r.set("key", "value")
print(r.get("key"), r.ping())
try:
    r.execute_command("nonsense")
except redis.ResponseError as e:
    print(e)
pipe = r.pipeline(transaction=False)
for i in range(500):
    pipe.execute_command("SET", f"k{i}", i)
print(set(pipe.execute()), r.get("k499"))
"""
        path = self.bridge("json-rpc", "resp", *self.program)
        self.assertEqual(self.client(code, path), "value True\nunknown command: there is no nonsense\n{True} 499\n")

    @needs_module("redis")
    def test_redis_with_numbers(self):
        code = """
import sys, redis
r = redis.Redis(unix_socket_path=sys.argv[1], decode_responses=True)
print(r.execute_command("count", 3))
r.execute_command("set", "a", '{"b": [1, null]}')
r.execute_command("set", "c", "plain text")
print(r.execute_command("get", "a"), r.execute_command("get", "c"))
"""
        path = self.bridge("json-rpc", "resp,arguments=json", *self.program)
        self.assertEqual(self.client(code, path), "[0, 1, 2]\n['b', [1, None]] plain text\n")

    @needs_module("websockets")
    def test_websockets(self):
        code = """
import asyncio, json, sys, websockets
async def main():
    async with websockets.unix_connect(sys.argv[1], "ws://localhost/", compression="deflate") as w:
        async def call(id, method, *params):
            await w.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        await call(1, "set", "a", "x" * 200000)
        print(json.loads(await w.recv()))
        await (await w.ping())
        for i in range(100):
            await call(i, "get", "a")
        print(sum([len(json.loads(await w.recv())["result"]) for i in range(100)]))
        await w.send("{")
        print(json.loads(await w.recv())["error"]["code"])
        await call("last", "all")
        print(json.loads(await w.recv())["id"])
asyncio.run(main())
"""
        path = self.bridge("json-rpc", "websocket", *self.program)
        self.assertEqual(self.client(code, path), "{'jsonrpc': '2.0', 'id': 1, 'result': 'OK'}\n20000000\n-32700\nlast\n")

    @needs_module("jsonrpclib")
    def test_jsonrpclib(self):
        code = """
import sys, jsonrpclib
s = jsonrpclib.ServerProxy(f"http://127.0.0.1:{sys.argv[1]}/")
print(s.set("a", [1, {"b": None}]), s.get("a"), s.get(key="a"))
try:
    s.nonsense(1)
except jsonrpclib.jsonrpc.AppError as e:
    print("AppError", e)
except jsonrpclib.ProtocolError as e:
    print("ProtocolError", e)
many = jsonrpclib.MultiCall(s)
for i in range(20):
    many.get("a")
print(len(list(many())))
"""
        port = self.bridge_tcp("json-rpc", "json-rpc-http", *self.program)
        said = self.client(code, port)
        self.assertIn("OK [1, {'b': None}] [1, {'b': None}]\n", said)
        self.assertIn("there is no nonsense", said)
        self.assertTrue(said.endswith("\n20\n"), said)

    @needs_module("pynvim")
    def test_pynvim(self):
        code = """
import sys
from pynvim.msgpack_rpc import socket_session
s = socket_session(sys.argv[1])
s.error_wrapper = lambda e: RuntimeError(e)
print(s.request("set", "a", {"b": [1, 2.5, None]}), s.request("get", "a"))
try:
    s.request("nonsense")
except Exception as e:
    print(e)
"""
        path = self.bridge("json-rpc", "msgpack-rpc", *self.program)
        said = self.client(code, path)
        self.assertIn("OK {'b': [1, 2.5, None]}\n", said)
        self.assertIn("there is no nonsense", said)

    @needs_module("msgpack")
    def test_msgpack(self):
        """Values of every type and length, as Debian's msgpack writes them, also longer than they need be, are the same behind a bridge."""
        code = r"""
import json, msgpack, random, struct, subprocess, sys
edges = sorted({s * (1 << b) + d for b in (0, 5, 7, 8, 15, 16, 31, 32, 53, 63) for d in (-1, 0, 1) for s in (-1, 1)} | {2**64 - 1})
lengths = (0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536)
values = [None, True, False, 0.0, -0.0, 1.5, 0.1, 5e-324, 1.7976931348623157e308, 3.4028234663852886e38]
values += [i for i in edges if -2**63 <= i < 2**64]
values += ["x" * n for n in lengths] + ["\u00e9\u6c34\U0001f600" * n for n in (1, 11, 90)] + [bytes(n) for n in lengths]
values += [[i % 7 for i in range(n)] for n in lengths] + [{str(i): i for i in range(n)} for n in lengths]
values += [msgpack.ExtType(t, bytes(n)) for t in (0, 1, 127) for n in (0, 1, 2, 3, 4, 8, 12, 16, 17, 255, 256)]
r = random.Random(7)
def any_value(depth):
    kind = r.randrange(8 if depth < 6 else 6)
    return (None if kind == 0 else r.random() < 0.5 if kind == 1 else r.randrange(-2**63, 2**64) if kind == 2 else r.gauss(0, 1e9) if kind == 3
            else "".join(map(chr, r.choices(range(32, 0x250), k=r.randrange(40)))) if kind == 4 else r.randbytes(r.randrange(40)) if kind == 5
            else [any_value(depth + 1) for _ in range(r.randrange(6))] if kind == 6
            else {str(r.random()): any_value(depth + 1) for _ in range(r.randrange(6))})
values += [any_value(0) for _ in range(500)]
raw = [(v, msgpack.packb(v)) for v in values] + [(v, msgpack.packb(v, use_single_float=True)) for v in (0.0, -0.5, 1e10)]
# Longer than they need be.
raw += [(5, b"\xcc\5"), (5, b"\xcd\0\5"), (5, b"\xce\0\0\0\5"), (5, b"\xcf" + struct.pack(">Q", 5)), (-5, b"\xd0\xfb"), (-5, b"\xd1\xff\xfb"),
        (5, b"\xd3" + struct.pack(">q", 5)), ("a", b"\xd9\1a"), ("a", b"\xda\0\1a"), ("a", b"\xdb\0\0\0\1a"), (b"a", b"\xc5\0\1a"),
        ([1], b"\xdc\0\1\1"), ([1], b"\xdd\0\0\0\1\1"), ({"a": 1}, b"\xde\0\1\xa1a\1"), ({"a": 1}, b"\xdf\0\0\0\1\xa1a\1"),
        (msgpack.ExtType(9, b"ab"), b"\xc7\2\x09ab"), (msgpack.ExtType(9, b"ab"), b"\xc9\0\0\0\2\x09ab")]
sent = b"".join(b"\x94\0" + msgpack.packb(i) + b"\xa1m\x91" + bytes_ for i, (_, bytes_) in enumerate(raw))
came = subprocess.run([sys.argv[1], "bridge", "msgpack-rpc", "msgpack-rpc"], input=sent, stdout=subprocess.PIPE, check=True).stdout
unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=0)
unpacker.feed(came)
got = list(unpacker)
same = lambda a, b: repr(a) == repr(b) if isinstance(a, float) else type(a) is type(b) and a == b
bad = [(v, m) for (v, b), m in zip(raw, got) if not (m[0] == 0 and m[2] == "m" and len(m[3]) == 1 and same(m[3][0], msgpack.unpackb(b, strict_map_key=False)))]
print(len(raw) > 600, len(got) == len(raw), [m[1] for m in got] == list(range(len(raw))), bad[:3])
# What JSON can say is the same as Python's json says.
plain = [v for v in values if "ExtType" not in repr(v) and "b'" not in repr(v) and 'b"' not in repr(v)]
sent = b"".join(msgpack.packb([0, i, "m", [v]]) for i, v in enumerate(plain))
came = subprocess.run([sys.argv[1], "bridge", "msgpack-rpc", "json-rpc"], input=sent, stdout=subprocess.PIPE, check=True).stdout
got = [json.loads(line) for line in came.splitlines()]
print(len(plain) > 200, len(got) == len(plain), [p for p, m in zip(plain, got) if not same(p, m["params"][0])][:3])
"""
        self.assertEqual(self.client(code, SPORE), "True True True []\nTrue True []\n")


if __name__ == "__main__":
    unittest.main()
