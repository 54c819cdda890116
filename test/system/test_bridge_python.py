"""Clients of Debian's Python libraries, which nobody here wrote: redis, websockets, jsonrpclib-pelix and pynvim."""

import subprocess
import unittest

from bridge_client import BridgeClientTest
from spore_test import DEADLINE

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


if __name__ == "__main__":
    unittest.main()
