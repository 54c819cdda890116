"""JSON as a bridge reads and writes it, beside what others make of the same texts: Python's json, and Node.js and jq where they are installed. Where verdicts differ
the reason is in a list here, and nothing else may."""

import itertools
import json
import math
import random
import shutil
import struct
import subprocess
import unittest

from spore_test import SporeTest

LONE = "a lone surrogate"
TWICE = "a key that is there twice"
LARGE = "an integer that neither 64 bits nor a double hold, or a number beyond all doubles"
DEEP = "more than 32 levels"

# Each is one line. Valid for the grammar of RFC 8259, and what we refuse of them all the same.
VALID = [
    "null", "true", "false", "0", "-0", "-0.0", "1", "-1", "10", "1.5", "0.1", "1e1", "1E1", "1e+1", "1e-1", "0e0", "0E+0", "-0e-0", "1.0e5", "123456789", "2147483648", "4294967296",
    "9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615",
    "1e308", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308", "2.2250738585072011e-308", "5e-324", "4.9406564584124654e-324", "2e-324", "1e-400", "-1e-400", "0.1e-400", "1e22", "1e23",
    "123456789012345678e-5", "0.30000000000000004", "179769313486231570000e288", "1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203124",
    "0." + "0" * 300 + "1", "1" + "0" * 22 + ".5", '""', '"a"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u0000"', '"\\u001f\\u007f\\u0080"', '"\\u00e4"', '"\\u20AC"', '"\\ud83d\\ude00"', '"\\uDBFF\\uDFFF"', '"\\ufffe\\uffff"', '"ä€😀"', '"\u007f"', '"\u2028\u2029"', '"\ufeff"', '"a/b"',
    '"' + "x" * 1000 + '"', '"' + "ä" * 100 + '\\n"', "[]", "[ ]", "{}", "{ }", "[1]", "[1,2]", " [ 1 , 2 ] ", "\t[1]\t", "[[],[],{}]", '{"a":1}', '{"a":{"b":[]}}', '{"":0}', '{"a":1,"b":2}', '{ "a" : 1 , "b" : 2 }', '{"\\u0061":1}',
    '{"ä":1}', "[" * 32 + "]" * 32, '{"a":' * 31 + "[]" + "}" * 31, "[" + ",".join("1" * 20) + "]", json.dumps({f"k{n}": n for n in range(100)}), '["' + '","'.join("abcdefghij") + '"]',
]
REFUSED = {
    '"\\ud800"': LONE, '"\\udc00"': LONE, '"\\ud800a"': LONE, '"\\ud800\\u0041"': LONE, '"\\udc00\\ud800"': LONE, '"\\ud800\\ud800\\udc00"': LONE, '{"\\udfff":1}': LONE,
    '{"a":1,"a":1}': TWICE, '{"a":1,"\\u0061":2}': TWICE, '[{"b":{"a":1,"b":2,"a":3}}]': TWICE, '{"":1,"":2}': TWICE,
    "18446744073709551617": LARGE, "-9223372036854775809": LARGE, "1e309": LARGE, "-1e999": LARGE, "1.8e308": LARGE, "179769313486231570000e289": LARGE, "123456789012345678901234567890": LARGE,
    "[" * 33 + "]" * 33: DEEP, '{"a":' * 33 + "1" + "}" * 33: DEEP,
}
INVALID = [
    "nul", "nulll", "True", "TRUE", "undefined", "NaN", "-NaN", "Infinity", "-Infinity", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1E-", "0x10", "1_000", "1,", "--1", "-", "+", "1 2", "0b1", "1f", "1e1.5", "１",
    '"', '"a', "'a'", '"\\', '"\\x"', '"\\a"', '"\\\'"', '"\\u"', '"\\u12"', '"\\u123g"', '"\\U0041"', '"\t"', '"a\x01b"', '"\x1f"', '"\\u00e"', '"a"b', '"a" "b"', "a", "\\u0061",
    "[", "]", "[1", "[1,", "[,", "[,1]", "[1,,2]", "[1,]", "[1 2]", "[1;2]", "[}", "[1}", "{", "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{,}", '{"a"}', '{"a",1}', '{"a"=1}', "{a:1}", "{'a':1}", '{1:1}', '{null:1}', '{"a":1 "b":2}',
    '{"a"::1}', '{"a":1]', "[[]", "[]]", "{}}", "[] []", "/**/1", "1//", "#", "[1]/**/", "\ufeff1", "\u00a01", "\f1", "\v1", "*", "[*]", "[1:2]", '["a":1]', "[\"\\u00A\"]", '["\\ud83d\\u"]',
]
# Where jq 1.6 is not the grammar: it takes these, and refuses some lone surrogates as well.
JQ_TAKES = {"NaN", "-NaN", "Infinity", "-Infinity", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", '"\x1f"', "\ufeff1", "\f1", "\v1"}


def same(a, b):
    """The same value: integers exactly, doubles bit by bit."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and a == b


def no_constant(name):
    raise ValueError(name)


def python(text):
    """(valid, value) by Python, made as strict as the grammar."""
    try:
        # str.strip and the like take more for white space, json.loads does not.
        return True, json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return False, None


def any_value(r, depth=0):
    kind = r.randrange(9 if depth < 4 else 7)
    if kind == 0:
        return r.choice([None, True, False])
    if kind == 1:
        return r.randrange(-(2**63), 2**64)
    if kind == 2:
        return r.randrange(-1000, 100000)
    if kind == 3:
        f = struct.unpack("<d", r.randbytes(8))[0]
        return f if math.isfinite(f) else 0.5
    if kind == 4:
        return round(r.uniform(-1e6, 1e6), r.randrange(6))
    if kind in (5, 6):
        return "".join(chr(r.choice([r.randrange(32, 127), r.randrange(0, 32), 34, 92, 0xE4, 0x20AC, 0x1F600])) for _ in range(r.randrange(40)))
    if kind == 7:
        return [any_value(r, depth + 1) for _ in range(r.randrange(20))]
    return {f"{r.randrange(1000)}{'k' * r.randrange(20)}": any_value(r, depth + 1) for _ in range(r.randrange(20))}


class Peers(SporeTest):
    def ours(self, texts):
        """[(taken, what was written)] of each: it is between two lines that are known."""
        said = "".join(f'"#{n}"\n{text}\n' for n, text in enumerate([*texts, "0"]))
        result = self.spore("bridge", "jsonl", "jsonl", input=said.encode(), text=False)
        answers, at = [None] * len(texts), -1
        for line in result.stdout.decode().split("\n")[:-1]:
            if line == f'"#{at + 1}"':
                at += 1
            elif at < len(texts):
                answers[at] = line
        self.assertEqual(at, len(texts))
        return answers

    def each(self, program, texts, script):
        """What another program says of each text: true or false on a line."""
        result = subprocess.run([shutil.which(program), *script], input="\n".join(texts).encode(), capture_output=True, timeout=60)
        self.assertEqual(result.returncode, 0, result)
        return [json.loads(line) for line in result.stdout.decode().splitlines()]

    def test_valid(self):
        for text, written in zip(VALID, self.ours(VALID)):
            with self.subTest(text[:80]):
                self.assertIsNotNone(written)
                valid, value = python(text)
                self.assertTrue(valid)
                self.assertTrue(same(json.loads(written), value), written[:200])

    def test_invalid(self):
        for text, written in zip(INVALID, self.ours(INVALID)):
            with self.subTest(text):
                self.assertIsNone(written)
                self.assertFalse(python(text)[0])

    def test_refused_for_a_reason(self):
        """The grammar has these; the reasons are those that docs/bridges.md names."""
        for (text, why), written in zip(REFUSED.items(), self.ours(list(REFUSED))):
            with self.subTest(text[:80], why=why):
                self.assertIsNone(written)
                self.assertTrue(python(text)[0])

    def test_broken_texts(self):
        """One character of a valid text gone, doubled or another one: both take it, or neither does."""
        texts = set()
        for text in VALID:
            if len(text) > 60:
                continue
            for i in range(len(text)):
                texts |= {text[:i] + text[i + 1 :], text[: i + 1] + text[i:], text[:i]}
                texts |= {text[:i] + c + text[i + 1 :] for c in '"\\0,:]}e.-'}
        # What is empty is no message of a line.
        texts = sorted(t for t in texts if t.strip(" \t") and not t.startswith('"#'))
        self.assertGreater(len(texts), 1000)
        for text, written in zip(texts, self.ours(texts)):
            valid, value = python(text)
            if valid == (written is not None):
                continue
            with self.subTest(text):
                self.assertIsNone(written)  # only ever stricter, and for these reasons:
                self.assertTrue(self.reason(text, value))

    def reason(self, text, value):
        keys = []

        def pairs(items):
            keys.append([k for k, _ in items])
            return dict(items)

        json.loads(text, object_pairs_hook=pairs)
        if any(len(set(k)) < len(k) for k in keys):
            return TWICE
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return LONE
        numbers = [n for n in self.walk(value) if isinstance(n, (int, float))]
        return LARGE if any(not -(2**63) <= n < 2**64 for n in numbers) else None

    def walk(self, value):
        if isinstance(value, (list, dict)):
            return list(itertools.chain.from_iterable(map(self.walk, value.values() if isinstance(value, dict) else value)))
        return [value]

    def test_values(self):
        r = random.Random(7)
        values = [any_value(r) for _ in range(3000)]
        values = [v for v in values if not (isinstance(v, str) and v.startswith("#"))]
        for ascii_only in (True, False):
            for value, written in zip(values, self.ours([json.dumps(v, ensure_ascii=ascii_only) for v in values])):
                self.assertIsNotNone(written, value)
                self.assertTrue(same(json.loads(written), value), (value, written))

    def test_doubles_are_shortest(self):
        r = random.Random(11)
        doubles = [struct.unpack("<d", r.randbytes(8))[0] for _ in range(3000)]
        doubles = [f for f in doubles if math.isfinite(f)] + [2.0**e for e in range(-1074, 1024, 7)]
        for f, written in zip(doubles, self.ours([repr(f) for f in doubles])):
            self.assertTrue(same(json.loads(written), f), (f, written))
            digits = [t.lstrip("-").split("e")[0].replace(".", "").strip("0") for t in (written, repr(f))]
            self.assertEqual(*digits)

    @unittest.skipUnless(shutil.which("node"), "Node.js is not installed")
    def test_node(self):
        texts = [*VALID, *REFUSED, *INVALID]
        script = 'const say = t => { try { JSON.parse(t); return true } catch { return false } }; for (const t of require("fs").readFileSync(0, "utf8").split("\\n")) console.log(say(t))'
        for text, theirs, written in zip(texts, self.each("node", texts, ["-e", script]), self.ours(texts), strict=True):
            with self.subTest(text[:80]):
                self.assertEqual(theirs, written is not None or text in REFUSED)

    @unittest.skipUnless(shutil.which("jq"), "jq is not installed")
    def test_jq(self):
        texts = [*VALID, *REFUSED, *INVALID]
        script = ["-R", "-c", "try (fromjson | true) catch false"]
        for text, theirs, written in zip(texts, self.each("jq", texts, script), self.ours(texts), strict=True):
            with self.subTest(text[:80]):
                if text not in JQ_TAKES and REFUSED.get(text) != LONE:
                    self.assertEqual(theirs, written is not None or text in REFUSED)


if __name__ == "__main__":
    unittest.main()
