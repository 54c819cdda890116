"""Listeners of spore bridge, and clients that nobody here wrote."""

import os
import shutil
import socket
import subprocess
import sys
import unittest

from spore_test import DEADLINE, SporeTest, wait_until

# Keeps values; speaks JSON-RPC on lines. "tell" notifies, "count" has parts and progress.
STORE = r"""
import json, sys
kept = {}
def say(**m):
    print(json.dumps({"jsonrpc": "2.0", **m}), flush=True)
for line in sys.stdin:
    m = json.loads(line)
    method, params, id = m.get("method"), m.get("params", []), m.get("id")
    if method == "set":
        kept[params[0]] = params[1]
        result = "OK"
    elif method == "get":
        result = kept.get(params[0] if isinstance(params, list) else params["key"])
    elif method == "all":
        result = kept
    elif method == "tell":
        say(method="told", params=params)
        result = None
    elif method == "count":
        for n in range(params[0]):
            say(method="$/progress", params=[id, n / params[0]])
            say(method="$/item", params=[id, n])
        result = None
    else:
        say(id=id, error={"code": -32601, "message": "there is no " + str(method), "data": params})
        continue
    if id is not None:
        say(id=id, result=result)
"""

def needs(*programs):
    missing = [p for p in programs if shutil.which(p) is None]
    return unittest.skipIf(missing, "not installed: " + " ".join(missing))


class BridgeClientTest(SporeTest):
    def setUp(self):
        super().setUp()
        self.program = [sys.executable, self.write("store.py", STORE)]

    def bridge(self, from_, to, *command, options=()):
        """A listener on a Unix socket; its path."""
        path = os.path.join(self.dir, "socket")
        self.server = self.start("bridge", from_, to, *options, "--listen", "unix:" + path, "--", *command)
        self.listening(lambda: self.connects(socket.AF_UNIX, path))
        return path

    def bridge_tcp(self, from_, to, *command, options=()):
        """A listener on a port of this machine; the port. Another one may take it before, then the next is tried."""
        for _ in range(20):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            self.server = self.start("bridge", from_, to, *options, "--listen", f"127.0.0.1:{port}", "--", *command)
            if self.listening(lambda: self.connects(socket.AF_INET, ("127.0.0.1", port)), again=True):
                return port
        raise AssertionError("no port could be had")

    @staticmethod
    def connects(family, address):
        with socket.socket(family) as s:
            try:
                s.connect(address)
                return True
            except OSError:
                return False

    def listening(self, connects, again=False):
        wait_until(lambda: self.server.poll() is not None or connects(), "the listener")
        if self.server.poll() is None:
            return True
        said = self.server.stderr.read().decode()
        if again and "in use" in said:
            return False
        raise AssertionError(said)

    def run_client(self, *command, **options):
        options.setdefault("timeout", DEADLINE)
        result = subprocess.run(command, text=True, capture_output=True, env=self.env, cwd=self.work, **options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout
