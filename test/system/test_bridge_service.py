"""One service in C, on a port of its own protocol, called from redis-cli, a page in Chromium, Neovim and Python, none of which knows."""

import http.server
import json
import os
import socket
import subprocess
import threading
import unittest

from bridge_client import BridgeClientTest, needs
from spore_test import BUILD, DEADLINE, wait_until
from test_bridge_wires import Libspore

PAGE = """<!doctype html><script>
fetch("http://127.0.0.1:PORT/twice", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"n": 21}'})
	.then(r => r.text(), e => String(e))
	.then(text => fetch("/done", {method: "POST", body: text}));
</script>"""


class OneService(Libspore):
    test_a_filter_of_lines = test_a_service = None
    connects = staticmethod(BridgeClientTest.connects)

    def setUp(self):
        super().setUp()
        self.c_program("api", "serve", "api")
        self.go("api")
        wait_until(lambda: self.task("api")["state"] == "running", "the service")

    def serve(self, *args):
        p = subprocess.Popen(
            [os.path.join(BUILD, "spore"), "serve", "api.api", *args], env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        self.addCleanup(p.stderr.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.terminate)
        return p

    def at(self, spec):
        """A socket at which the service speaks SPEC."""
        path = os.path.join(self.work, "socket")
        p = self.serve("--as=" + spec, "--listen=unix:" + path)
        wait_until(lambda: p.poll() is not None or self.connects(socket.AF_UNIX, path), "the listener")
        self.assertIsNone(p.poll(), p.stderr.read() if p.poll() is not None else "")
        return path

    def run_client(self, *command):
        result = subprocess.run(command, env=self.env, text=True, capture_output=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout + result.stderr

    @needs("redis-cli")
    def test_redis_cli(self):
        path = self.at("resp")
        self.assertEqual(self.run_client("redis-cli", "-s", path, "echo", "a", "b c"), "a\nb c\n")
        self.assertIn("no method", self.run_client("redis-cli", "-s", path, "nothing"))

    @needs("nvim")
    def test_neovim(self):
        path = self.at("msgpack-rpc")
        lua = f"""
            local service = vim.fn.sockconnect('pipe', '{path}', {{rpc = true}})
            print(vim.json.encode({{vim.rpcrequest(service, 'echo', 'from Neovim', 1.5)}}))
            print(pcall(vim.rpcrequest, service, 'nothing'))
        """
        said = self.run_client("nvim", "--headless", "--clean", "-c", "lua " + " ".join(lua.split("\n")), "-c", "qall!")
        self.assertIn('[["from Neovim",1.5]]', said)
        self.assertIn("false", said)

    def test_python(self):
        path = self.at("json-rpc")
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE)
            s.connect(path)
            with s.makefile("rw") as f:
                f.write('{"jsonrpc":"2.0","id":"p","method":"twice","params":{"n":4}}\n')
                f.flush()
                self.assertEqual(json.loads(f.readline()), {"jsonrpc": "2.0", "id": "p", "result": {"n": 4, "twice": 8}})

    @needs("chromium")
    def test_page(self):
        done = threading.Event()
        said = []

        class Site(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE.replace("PORT", str(number)).encode())

            def do_POST(self):
                said.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
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
        for _ in range(20):  # another one may take the port before
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                number = s.getsockname()[1]
            p = self.serve(f"--as=http,cors=http://127.0.0.1:{site.server_port}", f"--listen=127.0.0.1:{number}")
            wait_until(lambda: p.poll() is not None or self.connects(socket.AF_INET, ("127.0.0.1", number)), "the listener")
            if p.poll() is None:
                break
        browser = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             f"--user-data-dir={self.work}/profile", "--remote-debugging-port=0", f"http://127.0.0.1:{site.server_port}/"],
            env=dict(self.env, XDG_CONFIG_HOME=self.work, XDG_CACHE_HOME=self.work), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.addCleanup(browser.wait)
        self.addCleanup(browser.kill)
        self.assertTrue(done.wait(DEADLINE), "the page has not said what it saw")
        self.assertEqual(said, ['{"n":21,"twice":42}'])


del Libspore

if __name__ == "__main__":
    unittest.main()
