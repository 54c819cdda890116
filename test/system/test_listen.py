"""Wires whose left end is a listener: `listen ADDRESS (PROTOCOL) <> A.PORT` in a manifest."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

from spore_test import BUILD, DEADLINE, SporeTest, wait_until

CALLS = os.path.join(BUILD, "test", "system", "calls_program")
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bridge_programs.py")

MANIFEST = f"""spore: 1
name: shop
tasks:
  api:
    source: path:{CALLS}
    args: [serve, api]
    control: true
    stop: {{ grace: 1s }}
    ports: {{ api: {{ kind: messages, shape: serve, protocol: rpc }} }}
wires:
  - listen unix:http (http) <> api.api
  - {{ from: "listen unix:jsonl (json-rpc)", to: api.api }}
"""


class Listen(SporeTest):
    def setUp(self):
        super().setUp()
        del self.env["SPORE_NO_NODE"]
        self.addCleanup(self.end_node)

    def end_node(self):
        self.spore("down", "shop")
        self.spore("node", "stop")

    def up(self, manifest):
        self.write("spore.yaml", manifest)
        self.ok(self.spore("up", "-d", "--wait"))

    def tasks(self):
        return {t["name"]: t for t in json.loads(self.ok(self.spore("ps", "-a", "--json")).stdout)}

    def wires(self):
        return {w["from"]: w for w in json.loads(self.ok(self.spore("wires", "--json")).stdout)}

    def connect(self, name):
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.settimeout(DEADLINE)
        s.connect(os.path.join(self.work, name))
        return s

    def post(self, method, params, name="http", token=None):
        """Status and body of the answer over HTTP."""
        body = json.dumps(params).encode()
        s = self.connect(name)
        s.sendall(b"POST /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n%s"
                  b"Content-Length: %d\r\n\r\n%s"
                  % (method.encode(), b"Authorization: Bearer %s\r\n" % token.encode() if token else b"", len(body), body))
        got = b""
        while piece := s.recv(65536):
            got += piece
        s.close()
        head, _, body = got.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body) if body else None

    def test_a_service(self):
        self.up(MANIFEST)
        self.assertEqual(self.post("twice", {"n": 4}), (200, {"n": 4, "twice": 8}))
        with self.connect("jsonl") as s, s.makefile("rw") as f:
            f.write('{"jsonrpc":"2.0","id":"a","method":"echo","params":[1,"two"]}\n')
            f.flush()
            self.assertEqual(json.loads(f.readline())["result"], [1, "two"])
        # What is shown of it.
        at = f"unix:{self.work}/http (http)"
        wire = self.wires()["shop/listen-http.http"]
        self.assertEqual((wire["listens"], wire["bridge"], wire["to"]), (at, "http > rpc", "shop/api.api"))
        self.assertIn("base64", wire["losses"])
        self.assertIn("listens at " + at, self.ok(self.spore("wires")).stdout)
        self.assertIn(f"shop/listen-http.http listens at {at}", self.ok(self.spore("why", "shop/listen-http", "shop/api")).stdout)
        self.assertIn("listens at " + at, self.ok(self.spore("graph")).stdout)
        checked = self.ok(self.spore("check")).stdout
        self.assertIn(f"wires: the task listen-http listens at {at} for api.api", checked)
        self.assertIn("listen-http.http and api.api by the bridge http > rpc; what is lost: ", checked)
        self.ok(self.spore("down"))
        planned = self.ok(self.spore("plan")).stdout
        self.assertIn(f"listens at {at}", planned)

    def test_what_dies(self):
        self.up(MANIFEST)
        # What is under way when the program is gone gets an error; what comes before it is back waits for that.
        answers = {}

        def ask(key, *call):
            answers[key] = self.post(*call)

        hanging = threading.Thread(target=ask, args=("hang", "hang", []))
        hanging.start()
        wait_until(lambda: "hangs" in self.spore("logs", "shop/api").stdout, "the call that hangs")
        self.ok(self.spore("stop", "shop/api"))
        hanging.join(DEADLINE)
        self.assertEqual(answers["hang"][0], 502, answers)
        self.assertIn("ended", json.dumps(answers["hang"][1]))
        waiting = self.connect("http")
        waiting.sendall(b"POST /twice HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{\"n\": 5}")
        waiting.settimeout(0.3)
        self.assertRaises(TimeoutError, waiting.recv, 1)
        waiting.settimeout(DEADLINE)
        self.ok(self.spore("start", "shop/api"))
        got = b""
        while piece := waiting.recv(65536):
            got += piece
        self.assertRegex(got, rb"(?s)^HTTP/1.1 200 .*\r\n\r\n\{\"n\":5,\"twice\":10\}$")
        # Nobody notices that there is no node; the next one knows what is wired.
        self.ok(self.spore("node", "stop"))
        self.assertEqual(self.post("twice", {"n": 6})[0], 200)
        self.assertEqual(self.wires()["shop/listen-http.http"]["listens"], f"unix:{self.work}/http (http)")
        self.assertEqual(self.post("twice", {"n": 7})[0], 200)
        # The listener is a task like others.
        os.kill(self.tasks()["shop/listen-http"]["pid"], signal.SIGKILL)
        wait_until(lambda: self.tasks()["shop/listen-http"]["restarts"] == 1 and
                   self.tasks()["shop/listen-http"]["state"] == "running", "the next listener")
        self.assertEqual(self.post("twice", {"n": 8})[0], 200)

    def test_unwire(self):
        self.up(MANIFEST)
        pid = self.tasks()["shop/listen-http"]["pid"]
        self.ok(self.spore("unwire", "shop/listen-http.http", "shop/api.api"))
        wait_until(lambda: self.tasks()["shop/listen-http"]["pid"] != pid, "the end of the listener")
        self.assertRaises(ConnectionRefusedError, self.connect, "http")
        with self.connect("jsonl") as s, s.makefile("rw") as f:  # the other one goes on
            f.write('{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}\n')
            f.flush()
            self.assertEqual(json.loads(f.readline())["result"], [1])
        self.ok(self.spore("up", "-d", "--wait"))
        wait_until(lambda: self.tasks()["shop/listen-http"]["state"] == "running", "the listener")
        self.assertEqual(self.post("twice", {"n": 4})[0], 200)
        # Without its line there is no such task.
        self.up(MANIFEST.replace("  - listen unix:http (http) <> api.api\n", ""))
        self.assertNotIn("shop/listen-http", self.tasks())
        self.assertRaises(ConnectionRefusedError, self.connect, "http")

    def test_a_token(self):
        self.env["TOKEN"] = "secret-word"
        self.up(MANIFEST.replace("(http)", "(http,token=${TOKEN})"))
        self.assertEqual(self.post("twice", {"n": 4})[0], 401)
        self.assertEqual(self.post("twice", {"n": 4}, token="secret-word")[0], 200)
        for args in (["wires"], ["inspect", "shop/listen-http"], ["ps", "-a"], ["graph"], ["check"]):
            self.assertNotIn("secret-word", self.spore(*args).stdout, args)

    def test_a_filter_of_lines(self):
        """A program that knows of nothing but lines."""
        self.env["COMMANDS"] = os.devnull
        self.up(f"""spore: 1
name: shop
tasks:
  filter:
    source: path:{sys.executable}
    args: ["{PROGRAMS}", filter_of_lines]
    env: {{ COMMANDS: /dev/null }}
wires:
  - listen unix:http (http) <> filter.stdio (jsonl)
""")
        self.assertEqual(self.post("any", {"n": 4}), (200, {"n": 4, "twice": 8}))
        self.assertEqual(self.wires()["shop/listen-http.http"]["bridge"], "http > jsonl")
        self.ok(self.spore("restart", "shop/filter"))
        # The bridge may hear of it a moment after it was asked again.
        wait_until(lambda: self.post("any", {"n": 5}) == (200, {"n": 5, "twice": 10}), "an answer of the next instance")


if __name__ == "__main__":
    unittest.main()
