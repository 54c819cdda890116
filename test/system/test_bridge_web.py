"""spore bridge for curl and redis-cli: in front of Python, jq and Neovim."""

import http.server
import json
import socket
import subprocess
import sys
import threading
import unittest

from bridge_client import BridgeClientTest, needs

FILTER = r"""
import json, sys
for line in sys.stdin:
    value = json.loads(line)
    print(json.dumps({"sum": sum(value)}), flush=True)
"""


@needs("curl")
class CurlTest(BridgeClientTest):
    def curl(self, path, url, *options, status=200):
        out = self.run_client(
            "curl", "--silent", "--show-error", "--unix-socket", path, "--write-out", "\n%{http_code}", *options, "http://localhost/" + url
        )
        body, code = out.rsplit("\n", 1)
        self.assertEqual(int(code), status, body)
        return json.loads(body) if body else None

    def test_calls(self):
        path = self.bridge("json-rpc", "http", *self.program)
        self.assertEqual(self.curl(path, "set", "--json", '["k", {"deep": [1, 2.5, null]}]'), "OK")
        self.assertEqual(self.curl(path, "get?key=k"), {"deep": [1, 2.5, None]})
        self.assertEqual(self.curl(path, "get?k"), {"deep": [1, 2.5, None]})
        self.assertEqual(self.curl(path, "count", "--json", "[3]"), [0, 1, 2])
        self.assertEqual(
            self.curl(path, "none", "--json", "[5]", status=404), {"code": -32601, "message": "there is no none", "data": [5]}
        )
        self.assertIsNone(self.curl(path, "set", "--json", '["k", 2]', "--header", "Prefer: respond-async", status=202))
        self.assertEqual(self.curl(path, "get?k"), 2)
        # A large body, for which curl asks first.
        large = self.write("large.json", json.dumps(["large", "x" * 3_000_000]))
        self.assertEqual(self.curl(path, "set", "--json", "@" + large, "--header", "Expect: 100-continue"), "OK")
        self.assertEqual(len(self.curl(path, "get?large")), 3_000_000)
        chunked = ["--header", "Transfer-Encoding: chunked"]
        self.assertEqual(self.curl(path, "set", "--json", '["c", 1]', *chunked), "OK")
        # Both on one connection.
        out = self.run_client(
            "curl", "--silent", "--unix-socket", path, "http://localhost/get?k", "http://localhost/get?c", "--write-out", " %{num_connects}\n"
        )
        self.assertEqual(out, "2 1\n1 0\n")

    def test_events(self):
        path = self.bridge("json-rpc", "http", *self.program)
        out = self.run_client(
            "curl", "--silent", "--no-buffer", "--unix-socket", path, "--header", "Accept: text/event-stream", "--json", "[2]",
            "http://localhost/count",
        )
        self.assertEqual(
            out,
            ":\n\nevent: progress\ndata: 0.0\n\nevent: item\ndata: 0\n\nevent: progress\ndata: 0.5\n\nevent: item\ndata: 1\n\n"
            "event: result\ndata: null\n\n",
        )
        listener = subprocess.Popen(
            ["curl", "--silent", "--no-buffer", "--unix-socket", path, "http://localhost/$events"], stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.end, listener)
        listener.stdin = listener.stderr = None
        self.assertEqual(listener.stdout.readline(), ":\n")  # it listens
        self.assertIsNone(self.curl(path, "tell", "--json", '["news"]'))
        lines = [listener.stdout.readline() for _ in range(3)]
        self.assertEqual(lines, ["\n", "event: told\n", 'data: ["news"]\n'])

    def test_token(self):
        path = self.bridge("json-rpc", "http,token=sesame", *self.program)
        self.curl(path, "get?k", status=401)
        self.assertIsNone(self.curl(path, "get?k", "--oauth2-bearer", "sesame"))
        self.curl(path, "get?k", "--header", "Host: evil.example", "--oauth2-bearer", "sesame", status=403)

    def test_json_rpc_batch(self):
        path = self.bridge("json-rpc", "json-rpc-http", *self.program)
        batch = [{"jsonrpc": "2.0", "id": n, "method": "set", "params": [str(n), n]} for n in range(3)]
        answers = self.curl(path, "", "--json", json.dumps(batch))
        self.assertEqual(sorted(a["id"] for a in answers), [0, 1, 2])

    @needs("jq")
    def test_jq(self):
        path = self.bridge("jsonl", "http", "jq", "--compact-output", "--unbuffered", "{name, n: (.list | length)}")
        for n in range(3):
            self.assertEqual(self.curl(path, "any", "--json", json.dumps({"name": n, "list": [0] * n})), {"name": n, "n": n})

    def test_filter(self):
        path = self.bridge("jsonl", "http", sys.executable, self.write("filter.py", FILTER))
        self.assertEqual(self.curl(path, "any", "--json", "[1, 2, 3.5]"), {"sum": 6.5})

    @needs("pylsp")
    def test_pylsp(self):
        path = self.bridge("lsp", "http", "pylsp")
        about = self.curl(path, "initialize", "--json", '{"processId": null, "rootUri": null, "capabilities": {}}')
        self.assertTrue(about["capabilities"]["hoverProvider"])
        later = ["--header", "Prefer: respond-async"]
        self.assertIsNone(self.curl(path, "initialized", "--json", "{}", *later, status=202))
        document = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "def known(first):\n    pass\n\nknown\n"}
        self.assertIsNone(self.curl(path, "textDocument/didOpen", "--json", json.dumps({"textDocument": document}), *later, status=202))
        at = {"textDocument": {"uri": document["uri"]}, "position": {"line": 3, "character": 2}}
        self.assertIn("known(first)", json.dumps(self.curl(path, "textDocument/hover", "--json", json.dumps(at))))
        self.assertEqual(
            self.curl(path, "textDocument/definition", "--json", json.dumps(at))[0]["range"]["start"], {"line": 0, "character": 4}
        )
        self.assertEqual(self.curl(path, "nonsense", "--json", "{}", status=404)["code"], -32601)
        self.assertIsNone(self.curl(path, "shutdown", "--json", "{}"))

    @needs("nvim")
    def test_neovim(self):
        path = self.bridge("msgpack-rpc", "http", "nvim", "--embed", "--headless", "--clean")
        self.assertIsNone(self.curl(path, "nvim_buf_set_lines", "--json", '[0, 0, -1, false, ["one", "zwei ä", "three"]]'))
        self.curl(path, "nvim_command", "--json", '["2delete"]')
        self.assertEqual(self.curl(path, "nvim_buf_get_lines", "--json", "[0, 0, -1, true]"), ["one", "three"])
        self.assertEqual(self.curl(path, "nvim_eval", "--json", '["1 + 1"]'), 2)
        error = self.curl(path, "nvim_eval", "--json", '["nonsense("]', status=500)
        self.assertIn("nonsense", json.dumps(error))


@needs("redis-cli", "redis-benchmark")
class RedisTest(BridgeClientTest):
    def cli(self, path, *words, **options):
        return self.run_client("redis-cli", "-s", path, *words, **options)

    def test_cli(self):
        path = self.bridge("json-rpc", "resp", *self.program)
        self.assertEqual(self.cli(path, "set", "a", "b c"), "OK\n")
        self.assertEqual(self.cli(path, "get", "a"), "b c\n")
        self.assertEqual(self.cli(path, "get", "none"), "\n")
        self.assertEqual(self.cli(path, "ping"), "PONG\n")
        self.assertEqual(self.cli(path, "nonsense"), "ERR unknown command: there is no nonsense\n\n")
        self.assertEqual(self.cli(path, "-3", "--json", "all"), '{"a":"b c"}\n')
        self.assertEqual(self.cli(path, input="set n 1\nget n\nget a\n"), "OK\n1\nb c\n")

    def test_benchmark(self):
        path = self.bridge("json-rpc", "resp", *self.program)
        out = self.run_client("redis-benchmark", "-s", path, "-n", "2000", "-c", "8", "-P", "4", "-t", "set,get", "--csv")
        self.assertIn('"SET"', out)
        self.assertIn('"GET"', out)
        self.assertNotIn("rror", out)



class Mcp(BridgeClientTest):
    """A client of servers of the Model Context Protocol that do what they should not."""

    def ask(self, answer, said):
        """What comes of SAID, and the bodies that the server got, which answers the first with ANSWER and others with 202."""
        bodies = []

        class Server(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = answer(bodies[0]) if len(bodies) == 1 else b""
                self.send_response(200 if body else 202)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.send_error(405)

            def do_DELETE(self):
                self.send_error(405)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        server.daemon_threads = True
        server.handle_error = lambda *args: None  # who leaves is no news
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            return self.spore("bridge", "mcp-http", "jsonl,method=x", "--connect", f"127.0.0.1:{server.server_port}", input=said), bodies
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_a_request_in_place_of_an_answer(self):
        """It is refused, as who is at the other side cannot be called; the call that it came for was asked once, and ends with an error."""
        result, bodies = self.ask(lambda body: b'{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}}', "{}\n")
        self.assertGreaterEqual(result.returncode, 0, result)
        self.assertIn("before the result", json.loads(result.stdout)["error"]["message"])
        self.assertEqual([b["method"] for b in bodies if "method" in b], ["x"])

    def test_nobody_is_there(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            result = self.spore("bridge", "mcp-http", "jsonl,method=x", "--connect", f"127.0.0.1:{s.getsockname()[1]}", input="{}\n")
        self.assertIn("Connection refused", result.stderr)


if __name__ == "__main__":
    unittest.main()
