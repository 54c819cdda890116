"""Transparent calls: the same C source with the function inside, in another program, and in Python."""

import json
import os
import shutil
import signal
import time
import unittest

from spore_test import BUILD, SporeTest, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "..", "examples", "transparent")
THERE = os.path.exists(os.path.join(BUILD, "spore-stubs"))

HEADER = """#include <stddef.h>
#include <stdint.h>
struct span { double low, high; };
// The mean of some numbers.
double mean(const double *v, size_t n);
char *repeat(const char *text, int times);
struct span range(const double *v, size_t n);
size_t reverse(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len);
void count(int n, void (*fn)(int i, void *arg), void *arg);
int slow(int ms);
int pid(void);
"""

FUNCTIONS = """#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "sums.h"
double mean(const double *v, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return n > 0 ? sum / (double)n : 0;
}
char *repeat(const char *text, int times)
{
	char *all = calloc(1, strlen(text) * (size_t)times + 1);
	for (int i = 0; i < times; i++)
		strcat(all, text);
	return all;
}
struct span range(const double *v, size_t n)
{
	struct span s = {v[0], v[0]};
	for (size_t i = 1; i < n; i++) {
		if (v[i] < s.low)
			s.low = v[i];
		if (v[i] > s.high)
			s.high = v[i];
	}
	return s;
}
size_t reverse(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len)
{
	*out_len = len < *out_len ? len : *out_len;
	for (size_t i = 0; i < *out_len; i++)
		out[i] = data[len - 1 - i];
	return len;
}
void count(int n, void (*fn)(int i, void *arg), void *arg)
{
	for (int i = 1; i <= n; i++)
		fn(i, arg);
}
int slow(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
	return ms;
}
int pid(void)
{
	return (int)getpid();
}
"""

# What it prints is the same wherever the functions are.
CLIENT = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sums.h"
static void add(int i, void *arg)
{
	*(int *)arg += i;
}
int main(void)
{
	const double v[] = {4, -1, 9};
	static uint8_t in[1 << 20], out[1 << 20];
	size_t out_len = sizeof out;
	int sum = 0, bad = 0;
	char *text = repeat("ab", 3);
	struct span s = range(v, 3);
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 7 + i / 1000);
	printf("mean %g\\n", mean(v, 3));
	printf("text %s\\n", text);
	free(text);
	printf("range %g %g\\n", s.low, s.high);
	count(100, add, &sum);
	printf("sum %d\\n", sum);
	printf("reversed %zu\\n", reverse(in, sizeof in, out, &out_len));
	for (size_t i = 0; i < out_len; i++)
		bad += out[i] != in[sizeof in - 1 - i];
	printf("of %zu bad %d\\n", out_len, bad);
	return 0;
}
"""

SAID = "mean 4\ntext ababab\nrange -1 9\nsum 5050\nreversed 1048576\nof 1048576 bad 0\n"

# MessagePack-RPC over standard input and output, each message behind its length: a program that knows neither spore nor C.
PYTHON = """import struct, sys
sys.path.insert(0, {here!r})
from msgpack_mini import pack, unpack
METHODS = {{
    "mean": lambda v: sum(v) / len(v) if v else 0,
    "repeat": lambda text, times: text * times,
    "range": lambda v: {{"low": min(v), "high": max(v), "more": None}},
    "reverse": lambda data, room: [len(data), data[::-1][:room]],
}}
def send(value):
    data = pack(value)
    sys.stdout.buffer.write(struct.pack("<I", len(data)) + data)
    sys.stdout.buffer.flush()
while head := sys.stdin.buffer.read(4):
    message, _ = unpack(sys.stdin.buffer.read(struct.unpack("<I", head)[0]))
    if message[0] != 0:
        continue
    _, number, method, params = message
    if method == "count":
        for i in range(1, params[0] + 1):
            send([2, "$/item", [number, i]])
        send([1, number, None, None])
    elif method in METHODS:
        send([1, number, None, METHODS[method](*params)])
    else:
        send([1, number, [-32601, "no such method", None], None])
"""


@unittest.skipUnless(THERE, "spore was built without transparent calls")
class Calls(SporeTest):
    def setUp(self):
        super().setUp()
        self.write("sums.h", HEADER)
        self.write("inside.c", "// spore: sources functions.c\n" + CLIENT)
        self.write("functions.c", FUNCTIONS)
        self.write("client.c", "// spore: calls sums.h via sums\n" + CLIENT)
        self.write("server.c", "// spore: serves sums.h via sums\n" + FUNCTIONS)

    def with_node(self):
        del self.env["SPORE_NO_NODE"]
        self.addCleanup(self.end_node)

    def end_node(self):
        names = self.spore("ps", "--names").stdout.split()
        if names:
            self.spore("rm", *names)
        self.spore("node", "stop")

    def system(self, server, more="", client="./client.c"):
        self.write("spore.yaml", f"""spore: 1
name: calls
tasks:
  client: {{ source: {client} }}
  {server}
wires:
  - client.sums <> server.{more or "sums"}
""")

    def output(self, task, count):
        def lines():
            found = [json.loads(line) for line in self.spore("logs", "--json", task).stdout.splitlines()]
            found = [r["text"] for r in found if r.get("stream") == "stdout"]
            return found if len(found) >= count else None
        return wait_until(lines, f"{count} lines of {task}")

    def test_in_the_program_itself(self):
        self.ok(self.spore("run", "inside.c"), SAID)

    def test_in_another_program(self):
        self.with_node()
        for tier in ("--fast", "--opt"):
            self.ok(self.spore("build", tier, "client.c"))
            self.ok(self.spore("build", tier, "server.c"))
        self.system("server: { source: ./server.c }")
        self.ok(self.spore("up", "-d"))
        self.assertEqual(self.output("calls/client", 6), SAID.splitlines())

    def test_in_python(self):
        self.with_node()
        self.write("server.py", PYTHON.format(here=HERE))
        self.system("server: { source: ./server.py, ports: { stdio: { framing: u32le } } }", "stdio")
        self.ok(self.spore("up", "-d"))
        self.assertEqual(self.output("calls/client", 6), SAID.splitlines())

    def test_the_example(self):
        self.with_node()
        shutil.copytree(EXAMPLE, self.work, dirs_exist_ok=True)
        self.ok(self.spore("up", "-d"))
        rest = ["count: 6 words, 30 letters", "backwards: lives function a where knows nobody",
                "words: nobody, knows, where, a, function, lives"]
        self.assertEqual(self.output("transparent/asks-c", 4), ["where: a C program", *rest])
        self.assertEqual(self.output("transparent/asks-python", 4), ["where: a Python program", *rest])

    def test_the_example_of_a_service(self):
        """examples/calls: what its manifest says to try."""
        self.with_node()
        shutil.copytree(os.path.join(EXAMPLE, "..", "calls"), self.work, dirs_exist_ok=True)
        self.ok(self.spore("up", "-d", "--wait"))
        primes = [n for n in range(2, 61) if all(n % i for i in range(2, n))]
        self.assertEqual(self.output("calls/ask", 4 + len(primes))[:4], ["factor 2", "factor 2", "factor 3", "factor 5"])
        self.assertEqual(self.output("calls/ask", 4 + len(primes))[4:4 + len(primes)], [f"prime {p}" for p in primes])
        self.assertEqual(self.ok(self.spore("call", "calls/primes.primes", "factor", "91")).stdout, "7\n")
        said = self.ok(self.spore("call", "calls/primes.primes", "list", "30")).stdout.split()
        self.assertEqual(said, [str(p) for p in primes if p <= 30] + ["10"])
        self.assertIn("1 has no factors", self.spore("call", "calls/primes.primes", "factor", "1").stderr)

    def test_what_check_knows_of_them(self):
        """A source says what ports it has, so a manifest need not."""
        shutil.copytree(EXAMPLE, self.work, dirs_exist_ok=True)
        said = self.ok(self.spore("check")).stdout
        self.assertIn("asks-python.text and python.stdio by the bridge rpc > json-rpc", said)
        self.assertNotIn("asks-c.text", said)
        for recipe in ("serves: [sums.h via sums]", "serves: [sums.h]"):
            self.write("service/spore.yaml", f"spore: 1\nrecipe: {{ {recipe} }}\n")
            self.system("server: { source: ./service, ports: { sums: { protocol: other } } }")
            self.assertIn("server.sums has the protocol other here, and rpc in its source", self.spore("check").stdout)

    def test_a_server_that_is_killed(self):
        self.with_node()
        self.write("client.c", """// spore: calls sums.h via sums
#include <stdio.h>
#include <unistd.h>
#include <spore/call.h>
#include "sums.h"
int main(void)
{
	const double v[] = {1, 3};
	setvbuf(stdout, NULL, _IOLBF, 0);
	spore_call_deadline(1);
	while (slow(200) != 0 || spore_call_status() != SPORE_ETIMEOUT)
		;
	printf("late\\n");
	spore_call_deadline(SPORE_FOREVER);
	int p = pid();
	printf("pid %d\\n", p);
	int r = slow(1000000);
	printf("slow %d status %d\\n", r, (int)spore_call_status());
	do {
		r = pid();
	} while (spore_call_status() != SPORE_OK);
	printf("again %d\\n", r != p && r != 0);
	printf("mean %g\\n", mean(v, 2));
}
""")
        self.system("server: { source: ./server.c, restart: always }")
        self.ok(self.spore("up", "-d"))
        said = self.output("calls/client", 2)
        self.assertEqual(said[0], "late")
        pid = int(said[1].split()[1])

        def sleeping():
            with open(f"/proc/{pid}/wchan", encoding="utf-8") as f:
                where = f.read()
            with open(f"/proc/{pid}/syscall", encoding="utf-8") as f:
                call = f.read().split()[0]
            return "nanosleep" in where or call in ("35", "230")
        try:
            wait_until(sleeping, "the call to be executed")
        except (OSError, AssertionError):
            pass  # the kernel does not say: the call may end before it has begun, with the same words
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.output("calls/client", 5)[2:], ["slow 0 status 4", "again 1", "mean 2"])

    def test_what_it_is_made_from(self):
        first = self.build_json("client.c")
        self.assertTrue(first["ok"], first)
        self.assertTrue(self.build_json("client.c")["cached"])
        # Another comment is another header, which has the same code but for its description.
        self.write("sums.h", HEADER.replace("mean of some", "average of some"))
        second = self.build_json("client.c")
        self.assertNotEqual(first["id"], second["id"])
        self.write("sums.h", HEADER)
        self.assertEqual(self.build_json("client.c")["id"], first["id"])
        # What it includes counts as well.
        self.write("types.h", "typedef double number;\n")
        self.write("sums.h", HEADER.replace("#include <stddef.h>", '#include <stddef.h>\n#include "types.h"')
                   .replace("double mean(const double *v", "number mean(const number *v"))
        third = self.build_json("client.c")
        self.assertTrue(third["ok"], third)
        self.write("types.h", "typedef float number;\n")
        self.assertNotIn(self.build_json("client.c")["id"], (first["id"], third["id"]))

    def test_what_the_store_keeps(self):
        """Code of calls is collected when its header is another one, or it was not used for long."""
        stubs = os.path.join(self.env["SPORE_STORE"], "stubs")

        def kept():
            return os.listdir(stubs) if os.path.isdir(stubs) else []

        def header(text, count):
            self.write("sums.h", text)

            def build():  # of a header that is so young that it may be changing nothing is kept
                self.write("client.c", f"// spore: calls sums.h via sums\n// {time.time()}\n" + CLIENT)
                self.ok(self.spore("build", "client.c"))
                return len(kept()) == count

            wait_until(build, "an entry")

        header(HEADER, 1)
        first, = kept()
        self.ok(self.spore("store", "gc"))
        self.assertEqual(os.listdir(stubs), [first])
        header(HEADER + "int more(int n);\n", 2)
        self.write(os.path.join(stubs, "0123.999999999.part"), "cut short")
        self.assertIn("code of calls", self.ok(self.spore("store", "gc", "--dry-run")).stdout)
        self.assertEqual(len(os.listdir(stubs)), 3)
        self.ok(self.spore("store", "gc"))
        second, = os.listdir(stubs)
        self.assertNotEqual(second, first)
        os.utime(os.path.join(stubs, second), (0, 0))
        self.ok(self.spore("store", "gc", "--max-age", "30d"))
        self.assertEqual(os.listdir(stubs), [])
        self.write("sums.h", HEADER + "int more(int n);\nint less(int n);\n")
        self.assertTrue(self.build_json("client.c")["ok"])

    def test_in_cplusplus(self):
        self.with_node()
        header = '#pragma once\n#ifdef __cplusplus\nextern "C" {\n#endif\n' + HEADER + "#ifdef __cplusplus\n}\n#endif\n"
        self.write("sums.h", header)
        self.write("client.cpp", """// spore: calls sums.h via sums
#include "sums.h"
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>
int main()
{
	const std::vector<double> v{1, 2, 6};
	std::cout << mean(v.data(), v.size()) << std::endl;
	std::unique_ptr<char, decltype(&std::free)> text(repeat("ab", 3), &std::free);
	std::cout << std::string(text.get()) << std::endl;
	std::vector<int> seen;
	count(4, [](int i, void *arg) { static_cast<std::vector<int> *>(arg)->push_back(i); }, &seen);
	std::cout << seen.size() << std::endl;
}
""")
        functions = "".join(line.replace("(char *)", "static_cast<char *>").replace("char *all = calloc", "char *all = (char *)calloc") + "\n"
                            for line in FUNCTIONS.split("\n"))
        self.write("server.cpp", "// spore: serves sums.h via sums\n" + functions)
        for count, server in enumerate(("server.cpp", "server.c"), 1):
            self.system("server: { source: ./" + server + " }", client="./client.cpp")
            self.ok(self.spore("up", "-d"))
            self.assertEqual(self.output("calls/client", 3 * count), ["3", "ababab", "4"] * count)
            self.ok(self.spore("down"))

    def test_what_cannot_be_carried(self):
        self.write("sums.h", HEADER + "union u { int i; float f; };\nint bad(union u x);\nint worse(void *p);\n")
        result = self.spore("run", "client.c")
        self.assertEqual(result.returncode, 125)
        self.assertRegex(result.stderr, r"sums\.h:13:17: error: bad: a union cannot be carried")
        self.assertRegex(result.stderr, r"sums\.h:14:17: error: worse: how much p \(void \*\) points to is not known")
        self.assertIn("size_t len", result.stderr)
        found = {(d["line"], d["severity"]) for d in self.build_json("client.c")["diagnostics"]}
        self.assertIn((13, "error"), found)
        self.write("client.c", "// spore: calls none.h\nint main(void) { return 0; }\n")
        result = self.spore("run", "client.c")
        self.assertIn("none.h", result.stderr)
        self.write("client.c", "// spore: calls sums.h from sums\nint main(void) { return 0; }\n")
        self.assertIn("line 1", self.spore("run", "client.c").stderr)

    def test_a_folder(self):
        self.with_node()
        for name, text in (("app/sums.h", HEADER), ("app/main.c", "// spore: calls sums.h\n" + CLIENT),
                           ("service/sums.h", HEADER), ("service/functions.c", FUNCTIONS),
                           ("service/spore.yaml", "spore: 1\nrecipe: { serves: [sums.h via sums], main: service }\n"),
                           ("service/main.c", "#include <spore/call.h>\nint main(void)\n{\n\treturn spore_call_serve();\n}\n")):
            self.write(name, text)
        self.system("server: { source: ./service }", client="./app")
        self.ok(self.spore("up", "-d"))
        self.assertEqual(self.output("calls/client", 6), SAID.splitlines())
        self.write("service/sums.h", HEADER + "int bad(void *p);\n")
        result = self.spore("build", "service")
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"bad: how much")

    def test_a_header_from_a_description(self):
        self.write("d.json", json.dumps({"program": "py", "methods": [
            {"name": "text.upper", "help": "In capitals", "params": [{"name": "text", "type": "str"}],
             "result": [{"name": "", "type": "str"}]},
            {"name": "size", "params": [{"name": "path", "type": "str"}, {"name": "deep", "type": "bool", "optional": True}],
             "result": [{"name": "files", "type": "int"}, {"name": "names", "type": "array"}]}]}))
        header = self.ok(self.spore("stubs", "--from", "d.json", "--name", "py")).stdout
        self.assertIn("const char *py_text_upper(const char *text);", header)
        self.assertIn("In capitals.", header)
        self.assertRegex(header, r"void py_size\(const char \*path, const bool \*deep /\* spore: null \*/, int64_t \*files")
        self.write("py.h", header)
        self.write("use.c", '// spore: calls py.h\n#include <stdio.h>\n#include <spore/call.h>\n#include "py.h"\nint main(void)\n{\n\tspore_call_deadline(1);\n'
                            '\tprintf("%d\\n", py_text_upper("a") == NULL);\n}\n')
        self.ok(self.spore("run", "use.c"), "1\n")  # nothing is wired to it
        code = self.ok(self.spore("stubs", "--calls", "sums.h")).stdout
        self.assertIn("double mean(const double *v, size_t n)", code)


if __name__ == "__main__":
    unittest.main()
