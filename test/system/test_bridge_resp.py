"""RESP beside what others made of it: what the bridge says is read by hiredis and redis-cli, and what redis-server says is read by the bridge."""

import json
import math
import os
import random
import socket
import subprocess
import sys
import unittest

from bridge_client import BridgeClientTest, needs
from msgpack_mini import Short, pack, unpack
from spore_test import BUILD, DEADLINE, wait_until

try:
    import hiredis
except ImportError:  # a python3 that is not the system's
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import hiredis
    except ImportError:
        hiredis = None

# Speaks MessagePack-RPC: what it is called with is what it returns, of many the first.
ECHO = r"""
import sys
sys.path.insert(0, %r)
from msgpack_mini import Short, pack, unpack
data = b""
while chunk := sys.stdin.buffer.read1(1 << 20):
    data += chunk
    while data:
        try:
            message, used = unpack(data)
        except Short:
            break
        data = data[used:]
        if message[0] == 0:
            values = VALUES if message[2] == "value" else message[3]
            result = values[int(message[3][0])] if message[2] == "value" else values[0]
            sys.stdout.buffer.write(pack([1, message[1], None, result]))
    sys.stdout.buffer.flush()
"""

VALUES = [
    None, True, False, 0, 1, -1, 127, 128, -32769, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1,
    0.0, -0.0, 1.5, -2.25, 0.1, 1e300, 5e-324, 1.7976931348623157e308, 123456789012345680.0, math.inf, -math.inf,
    "", "x", "OK", "ok", "-ERR no error", "+OK", "two\r\nlines", "ä漢🙂", "\x00", "$5\r\nhello\r\n", "x" * 70000,
    b"", b"\x00\xff\xfe", bytes(range(256)), b"\r\n" * 50,
    [], [[]], [None], [1, "a", b"\xff", None, True, 2.5], [[1, [2, [3, [4]]]], []], list(range(1000)),
    {}, {"k": "v"}, {"a": {"b": [1, {"c": None}]}, "": ""}, {"n": 1, "f": 1.5, "t": True, "nil": None},
]


def flat(value):
    """VALUE as RESP2 has it: hiredis says bytes."""
    if value is None:
        return None
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if value < 2**63 else str(value).encode()
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [flat(v) for v in value]
    if isinstance(value, dict):
        return [flat(v) for pair in value.items() for v in pair]
    return value


def is_same(value, expected):
    if isinstance(expected, float):  # its digits are each one's own
        return isinstance(value, bytes) and float(value) == expected and math.copysign(1, float(value)) == math.copysign(1, expected)
    if isinstance(expected, list):
        return isinstance(value, list) and len(value) == len(expected) and all(map(is_same, value, expected))
    return type(value) is type(expected) and value == expected


class Line:
    """A connection whose replies hiredis reads."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)
        self.reader = hiredis.Reader()

    def say(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def hear(self):
        while (reply := self.reader.gets()) is False:
            chunk = self.socket.recv(1 << 20)
            if not chunk:
                raise AssertionError("the connection ended")
            self.reader.feed(chunk)
        return reply

    def call(self, *words):
        self.say(*words)
        return self.hear()


@unittest.skipIf(hiredis is None, "not installed: python3-hiredis")
class Said(BridgeClientTest):
    def setUp(self):
        super().setUp()
        here = os.path.dirname(os.path.abspath(__file__))
        program = (ECHO % here).replace("VALUES", "(" + repr(VALUES).replace("inf", "float('inf')") + ")", 1)
        self.path = self.bridge("msgpack-rpc", "resp", sys.executable, self.write("echo.py", program))
        self.line = Line(self.path)
        self.addCleanup(self.line.socket.close)

    def test_replies_read_by_hiredis(self):
        for i in range(len(VALUES)):  # all at once, since a reply that is too long or short spoils those behind it
            self.line.say("value", i)
        for value in VALUES:
            with self.subTest(value=repr(value)[:80]):
                self.assertTrue(is_same(self.line.hear(), flat(value)))
        self.assertEqual(self.line.call("ping"), b"PONG")

    def test_commands_of_any_bytes(self):
        rnd = random.Random(1)
        for _ in range(300):
            said = rnd.randbytes(rnd.choice([0, 1, 2, 3, 10, 100, 5000]))
            self.assertEqual(self.line.call("echo", said), b"OK" if said == b"OK" else said)

    @needs("redis-cli")
    def test_resp3_read_by_redis_cli(self):
        # It shows no big numbers and no bytes, and doubles as it likes.
        plain = [
            (i, v) for i, v in enumerate(VALUES)
            if not isinstance(v, (bytes, float)) and "\\x" not in repr(v) and len(repr(v)) < 1000 and v not in (2**63, 2**64 - 1)
        ]
        commands = "".join(f"value {i}\n" for i, _ in plain)
        out = self.run_client("redis-cli", "-3", "--json", "-s", self.path, input=commands)
        replies = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(replies), len(plain))
        for (_, value), reply in zip(plain, replies):
            with self.subTest(value=repr(value)[:80]):
                self.assertEqual(reply, value)


@unittest.skipIf(hiredis is None, "not installed: python3-hiredis")
@needs("redis-server")
class Heard(BridgeClientTest):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.dir, "redis")
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir", self.work,
             "--enable-debug-command", "local"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_until(lambda: server.poll() is not None or self.connects(socket.AF_UNIX, self.path), "redis-server")

    def through(self, version):
        """Calls redis-server through the bridge, in MessagePack-RPC."""
        p = subprocess.Popen(
            [os.path.join(BUILD, "spore"), "bridge", f"resp,version={version}", "msgpack-rpc", "--connect", "unix:" + self.path],
            env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.addCleanup(p.stdin.close)
        data = b""

        def call(method, *params):
            nonlocal data
            p.stdin.write(pack([0, 1, method, list(params)]))
            p.stdin.flush()
            while True:
                try:
                    message, used = unpack(data)
                    break
                except (Short, IndexError):
                    chunk = os.read(p.stdout.fileno(), 1 << 20)
                    if not chunk:
                        raise AssertionError("the bridge ended")
                    data += chunk
            data = data[used:]
            self.assertEqual(message[:2], [1, 1])
            return message[2] if message[2] is not None else message[3]

        return call

    def test_types_of_resp3(self):
        call = self.through(3)
        for kind, value in [
            ("string", "Hello World"), ("integer", 12345), ("double", 3.141), ("null", None), ("array", [0, 1, 2]),
            ("set", [0, 1, 2]), ("map", {0: False, 1: True, 2: False}), ("verbatim", "This is a verbatim\nstring"), ("true", True), ("false", False),
            ("bignum", "1234567999999999999999999999999999999"),
        ]:
            with self.subTest(kind=kind):
                reply = call("debug", "protocol", kind)
                self.assertEqual(reply, value)
                self.assertIs(type(reply), type(value))
        # Attributes say nothing about the value that they stand before.
        self.assertEqual(call("debug", "protocol", "attrib"), "Some real reply following the attribute")

    def test_types_of_resp2(self):
        call = self.through(2)
        for script, value in [
            ("return 5", 5), ("return -7", -7), ("return 'text'", "text"), ("return false", None), ("return {1,{2,'x',{}},false}", [1, [2, "x", []], None]),
            ("return {ok='fine'}", "fine"), ("return '\\255'", b"\xff"), ("return ''", ""),
        ]:
            with self.subTest(script=script):
                self.assertEqual(call("eval", script, 0), value)
        self.assertEqual(call("eval", "return redis.error_reply('MY own error')", 0)[:2], [-32000, "MY own error"])
        self.assertEqual(call("nonsense")[0], -32601)

    def test_commands_of_any_bytes(self):
        call = self.through(3)
        other = Line(self.path)  # what redis-server really has
        self.addCleanup(other.socket.close)
        rnd = random.Random(2)
        for i in range(200):
            key = rnd.randbytes(rnd.choice([1, 5, 40]))
            value = rnd.randbytes(rnd.choice([0, 1, 10, 1000, 70000]))
            self.assertEqual(call("set", key, value), "OK")
            self.assertEqual(other.call("get", key), value)
            reply = call("get", key)
            self.assertEqual(reply if isinstance(reply, bytes) else reply.encode(), value)
        for value, text in [(5, b"5"), (-(2**63), b"-9223372036854775808"), (2**64 - 1, b"18446744073709551615"), (True, b"1"), ("", b""), (None, b"")]:
            call("set", "scalar", value)
            self.assertEqual(other.call("get", "scalar"), text)
        for value in (0.1, 1e300, -2.5):
            call("set", "scalar", value)
            self.assertEqual(float(other.call("get", "scalar")), value)


if __name__ == "__main__":
    unittest.main()
