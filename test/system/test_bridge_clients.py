"""spore bridge for the packages ws and @modelcontextprotocol/sdk, in front of language servers and a published server, and for pages in Chromium."""

import http.server
import json
import os
import socket
import subprocess
import threading
import unittest

from bridge_client import BridgeClientTest, needs
from spore_test import BUILD, DEADLINE, wait_until

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients")
NPM = os.path.isdir(os.path.join(CLIENTS, "node_modules"))


@unittest.skipUnless(NPM, "npm ci in test/clients")
@needs("node")
class NodeTest(BridgeClientTest):
    def client(self, name, *args):
        out = self.run_client("node", os.path.join(CLIENTS, name), *args)
        return [json.loads(line) for line in out.splitlines()]

    def test_mcp(self):
        server = os.path.join(CLIENTS, "node_modules/@modelcontextprotocol/server-everything/dist/index.js")
        port = self.bridge_tcp("mcp", "mcp-http", "node", server, options=["--each"])
        self.assertEqual(
            [
                step if step[0] != "sampling" else ["sampling", "asked back: " in step[1]]
                for step in self.client("mcp.mjs", f"http://127.0.0.1:{port}/mcp")
            ],
            [
                ["session", 32, "mcp-servers/everything"],
                ["tools", True],
                ["echo", "Echo: hi"],
                ["progress", [1, 2, 3]],
                ["roots"],
                ["sampling", True],
                ["aborted", True],
                ["still there", "Echo: yes"],
                ["error", "none"],
                ["unknown session", 404],
                ["closed"],
            ],
        )

    def test_mcp_of_a_server_over_http(self):
        """The other way round: the SDK's client on standard input and output, the published server over HTTP."""
        script = os.path.join(CLIENTS, "node_modules/@modelcontextprotocol/server-everything/dist/index.js")
        for _ in range(20):  # another one may take the port before
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            log = open(os.path.join(self.work, "server.log"), "w+")
            self.addCleanup(log.close)
            server = subprocess.Popen(
                ["node", script, "streamableHttp"], env=dict(self.env, PORT=str(port)), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            wait_until(lambda: server.poll() is not None or self.connects(socket.AF_INET, ("127.0.0.1", port)), "the server")
            if server.poll() is None:
                break
        steps = self.client("mcp_stdio.mjs", os.path.join(BUILD, "spore"), f"127.0.0.1:{port}")
        # The SDK drops the last of progress that comes in one piece with the result.
        self.assertEqual([step if step[0] != "progress" else ["progress", step[1][:2]] for step in steps], [
            ["server", "mcp-servers/everything"],
            ["tools", True],
            ["echo", ["Echo: 1", "Echo: 2", "Echo: 3"]],
            ["progress", [1, 2]],
            ["roots"],
            ["sampling", True],
            ["aborted", True],
            ["logged", "string"],
            ["still there", "Echo: yes"],
            ["closed"],
        ])
        with open(log.name) as f:
            self.assertIn("Received session termination request", f.read())

    def lsp(self, file, language, *command):
        port = self.bridge_tcp("lsp", "websocket,payload=lsp", *command, options=["--each"])
        return self.client("lsp.mjs", f"ws://127.0.0.1:{port}/", file, language)

    @needs("clangd")
    def test_clangd(self):
        file = self.write("a.c", "int broken = \"text\";\nint known;\n")
        about, diagnostics, hover, closed = self.lsp(file, "c", "clangd", "--log=error")
        self.assertEqual(about, {"compressed": False, "hover": True})
        self.assertIn("incompatible pointer to integer conversion", diagnostics[0].lower())
        self.assertIn("known", json.dumps(hover))
        self.assertEqual(closed, {"closed": 1000})

    @needs("pylsp")
    def test_pylsp(self):
        file = self.write("a.py", "import os, nonsense(\ndef known():\n    pass\n")
        about, diagnostics, _, closed = self.lsp(file, "python", "pylsp")
        self.assertTrue(about["hover"])
        self.assertTrue(diagnostics)
        self.assertEqual(closed, {"closed": 1000})


PAGE = """<!doctype html><script>
const steps = [];
const done = () => fetch("/done", {method: "POST", body: JSON.stringify(steps)});
(async () => {
	try {
		const call = async (method, ...params) => (await fetch(HTTP + method, {
			method: "POST",
			headers: {"Content-Type": "application/json", "Authorization": "Bearer t"},
			body: JSON.stringify(params),
		})).json();
		steps.push(await call("set", "k", "from a page"));
		const events = new EventSource(HTTP + "$events?access_token=t");
		await new Promise(resolve => events.onopen = resolve);
		const told = new Promise(resolve => events.addEventListener("told", e => resolve(JSON.parse(e.data))));
		await call("tell", 1, 2);
		steps.push(await told);
		events.close();
		const socket = new WebSocket(WS + "?access_token=t");
		await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error("no socket")); });
		const answer = new Promise(resolve => socket.onmessage = e => resolve(JSON.parse(e.data)));
		socket.send(JSON.stringify({jsonrpc: "2.0", id: "w", method: "set", params: ["x", 1]}));
		steps.push(await answer);
		const other = await fetch(OTHER + "get?k", {headers: {"Authorization": "Bearer t"}}).then(() => "answered", () => "refused");
		steps.push(other);
	} catch (e) {
		steps.push(String(e));
	}
	done();
})();
</script>"""


@needs("chromium")
class ChromiumTest(BridgeClientTest):
    def test_page(self):
        done = threading.Event()
        steps = []
        test = self

        class Site(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(test.page.encode())

            def do_POST(self):
                steps.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()
                done.set()

            def log_message(self, *args):
                pass

        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        origin = f"http://127.0.0.1:{site.server_port}"
        http_port = self.bridge_tcp("json-rpc", f"http,token=t,cors={origin}", *self.program)
        ws_port = self.bridge_tcp("json-rpc", f"websocket,token=t,cors={origin}", *self.program)
        other_port = self.bridge_tcp("json-rpc", "http,token=t", *self.program)
        self.page = (
            PAGE.replace("HTTP", f'"http://127.0.0.1:{http_port}/"')
            .replace("WS", f'"ws://127.0.0.1:{ws_port}/"')
            .replace("OTHER", f'"http://127.0.0.1:{other_port}/"')
        )
        env = dict(self.env, XDG_CONFIG_HOME=self.home, XDG_CACHE_HOME=self.home)
        browser = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             f"--user-data-dir={self.home}/profile", "--remote-debugging-port=0", origin + "/"],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        self.addCleanup(browser.wait)
        self.addCleanup(browser.kill)
        self.assertTrue(done.wait(DEADLINE), "the page has not said what it saw")
        self.assertEqual(
            steps, ["OK", [1, 2], {"jsonrpc": "2.0", "id": "w", "result": "OK"}, "refused"]
        )


if __name__ == "__main__":
    unittest.main()
