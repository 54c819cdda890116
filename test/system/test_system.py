"""Systems from a spore.yaml: check, graph, the schema and the manual page."""

import json
import os
import re
import unittest

from spore_test import HELLO, SporeTest

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

SHOP = """spore: 1
name: shop
tasks:
  web: { source: ./web.c, after: { db: ready, once: completed }, replicas: 2 }
  db: { source: path:sh, ready: { tcp: 5433 }, control: true }
  once: { source: path:true, profiles: [debug] }
wires:
  - web.words -> db.in
"""


class Check(SporeTest):
    def setUp(self):
        super().setUp()
        self.write("web.c", HELLO)
        self.write("spore.yaml", SHOP)

    def check(self, *args, **options):
        return self.spore("check", *args, **options)

    def test_good(self):
        self.ok(self.check(), "spore.yaml: no mistakes, 3 tasks\n")

    def test_finds_all_mistakes(self):
        self.write("spore.yaml", SHOP.replace("./web.c", "./wbe.c").replace("ready: {", "redy: {") + "wire: []\n")
        result = self.check()
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], f"spore.yaml:4:18: source: {self.work}/wbe.c: No such file or directory")
        self.assertEqual(lines[1], 'spore.yaml:5:26: db has no key "redy"; did you mean "ready"?')
        self.assertEqual(lines[2], 'spore.yaml:9:1: spore.yaml has no key "wire"; did you mean "wires"?')
        found = json.loads(self.check("--json").stdout)
        self.assertFalse(found["ok"])
        self.assertEqual([(f["line"], f["level"]) for f in found["findings"]],
                         [(4, "error"), (5, "error"), (9, "error")])

    def test_sources_of_no_known_kind(self):
        """What `up` would say when it has begun to build."""
        self.write("notes.xyz", "hello\n")
        self.write("words/README", "nothing\n")
        self.write("words/main.py", "print(1)\n")
        os.makedirs(os.path.join(self.work, "empty"))
        self.write("own/main.py", "print(1)\n")
        self.write("own/spore.yaml", "spore: 1\nrecipe: { run: [python3, main.py] }\n")
        self.write("deep/a/b/main.c", HELLO)
        self.write("made/Makefile", "all:\n")
        self.write("script", "#!/bin/sh\n", 0o755)
        names = ("notes.xyz", "words", "empty", "own", "deep", "made", "script")
        self.write("spore.yaml", "spore: 1\nname: s\ntasks:\n" + "".join(f"  t{i}: {{ source: ./{n} }}\n" for i, n in enumerate(names)))
        unknown = "spore does not know what kind of source it is; give it an ending that tells (.c, .cpp, .py, .sh, .js) or a #! line"
        no_way = ("no way to build it was found (no Meson, CMake, configure, Makefile or C files); "
                  "write how into its spore.yaml (recipe:)")
        result = self.check()
        self.assertEqual((result.returncode, result.stdout.splitlines()),
                         (1, [f"spore.yaml:4:17: source: {self.work}/notes.xyz: {unknown}",
                              f"spore.yaml:5:17: source: {self.work}/words: {no_way}",
                              f"spore.yaml:6:17: source: {self.work}/empty: {no_way}"]))

    def test_found_upwards_past_a_recipe(self):
        self.write("lib/spore.yaml", "spore: 1\nrecipe: { build: [make] }\n")
        result = self.ok(self.check(cwd=os.path.join(self.work, "lib")))
        self.assertIn("work/spore.yaml: no mistakes", result.stdout)

    def test_named(self):
        elsewhere = os.path.join(self.dir, "home")
        self.ok(self.check(self.work, cwd=elsewhere))
        self.ok(self.check(os.path.join(self.work, "spore.yaml"), cwd=elsewhere))
        result = self.check("none.yaml", cwd=elsewhere)
        self.assertEqual(result.returncode, 127)
        self.assertTrue(result.stderr.startswith("spore: none.yaml: No such file"), result.stderr)
        result = self.check(cwd=elsewhere)
        self.assertEqual(result.returncode, 127)
        self.assertIn("there is no spore.yaml in this folder or above it\n  write one", result.stderr)

    def test_environment_files_and_secrets(self):
        self.write("a.env", "A=${HOME}\nB=${NOWHERE}\n")
        self.write("spore.yaml", "spore: 1\ntasks:\n  web:\n    source: web.c\n    env_file: a.env\n"
                   "    secrets: { K: { file: key }, L: { env: NOWHERE } }\n")
        result = self.check()
        self.assertIn(f"5:15: env_file: {self.work}/a.env:2: the variable NOWHERE is not set", result.stdout)
        self.assertIn(f"6:19: K: cannot read {self.work}/key: No such file or directory", result.stdout)
        self.assertIn("6:37: the secret L: the variable NOWHERE is not set", result.stdout)
        self.write("key", "hidden value\n")
        self.ok(self.check(env=dict(self.env, NOWHERE="x")), "spore.yaml: no mistakes, 1 task\n")

    def test_schema(self):
        schema = json.loads(self.ok(self.check("--schema")).stdout)
        self.assertIn("grace", schema["properties"]["tasks"]["additionalProperties"]["properties"]["stop"]["properties"])
        try:
            import jsonschema
            import yaml
        except ImportError:
            self.skipTest("python3-jsonschema and python3-yaml are not installed")
        validator = jsonschema.Draft202012Validator
        validator.check_schema(schema)
        for text in (SHOP, self.manual_example()):
            validator(schema).validate(yaml.safe_load(text))
        for good, wrong in (("source:", "sorce:"), ("replicas: 2", "replicas: 0"), ("tcp: 5433", "tcp: port"),
                            ("ready: {", "ready: soon, stop: {"), ("profiles: [debug]", "profiles: debug"),
                            ("web.words ->", "web.words"), ("spore: 1", "spore: 2"), ("name: shop", "name: a b"),
                            ("{ db: ready,", "{ db: soon,")):
            self.assertIn(good, SHOP)
            with self.assertRaises(jsonschema.ValidationError, msg=wrong):
                validator(schema).validate(yaml.safe_load(SHOP.replace(good, wrong)))

    def manual_example(self):
        with open(os.path.join(SOURCES, "docs", "spore-manifest.7.scd")) as f:
            blocks = re.findall(r"^```\n(.*?)^```$", f.read(), re.M | re.S)
        return blocks[1].replace("\\", "")

    def test_example_of_the_manual(self):
        self.write("spore.yaml", self.manual_example())
        for name in ("web.c", "clean.sh", "local.env", "key.txt", "database/main.c"):
            self.write(name, "")
        self.write("bin/sqlite3", "", 0o755)
        result = self.check(env=dict(self.env, PATH=os.path.join(self.work, "bin") + ":" + self.env["PATH"]))
        self.ok(result, "spore.yaml: no mistakes, 4 tasks\n")


class Graph(SporeTest):
    def setUp(self):
        super().setUp()
        self.write("web.c", HELLO)
        self.write("spore.yaml", SHOP)

    def test_text(self):
        self.ok(self.spore("graph"),
                "shop\n"
                "  db\n"
                "  once  (profile debug)\n"
                "  web  after db ready, once completed  (2 replicas)\n"
                "wires:\n"
                "  web.words -> db.in\n")

    def test_other_forms(self):
        self.assertIn('"db" -> "web" [label="ready", style=dashed];', self.ok(self.spore("graph", "--dot")).stdout)
        self.assertIn('t0 -. "ready" .-> t2', self.ok(self.spore("graph", "--mermaid")).stdout)
        graph = json.loads(self.ok(self.spore("graph", "--json")).stdout)
        self.assertEqual([t["name"] for t in graph["tasks"]], ["db", "once", "web"])
        self.assertEqual(graph["tasks"][2]["after"], {"db": "ready", "once": "completed"})
        self.assertEqual(graph["wires"][0]["from"], {"task": "web", "port": "words"})
        self.assertEqual(self.spore("graph", "--dot", "--json").returncode, 2)

    def test_wrong_manifest(self):
        self.write("spore.yaml", SHOP.replace("db: ready", "bd: ready"))
        result = self.spore("graph")
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertEqual(result.stderr,
                         'spore: spore.yaml:4:36: after: there is no task "bd"; did you mean "db"?\n')


if __name__ == "__main__":
    unittest.main()
