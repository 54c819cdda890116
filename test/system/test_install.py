"""What `make install` puts into place works from there."""

import json
import os
import shutil
import subprocess
import unittest

from spore_test import BUILD, HELLO, SPORE, SporeTest


class Install(SporeTest):
    def setUp(self):
        super().setUp()
        self.dest = os.path.join(self.dir, "dest")
        result = subprocess.run(
            ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", self.dest],
            capture_output=True, text=True, timeout=120,
        )
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        result = subprocess.run(["meson", "introspect", "--buildoptions", BUILD], capture_output=True, text=True, timeout=120)
        options = {o["name"]: o["value"] for o in json.loads(result.stdout)}
        self.prefix = self.dest + options["prefix"]
        self.libexec = os.path.join(self.prefix, options["libexecdir"], "spore")
        self.env["PATH"] = os.path.join(self.prefix, "bin") + ":" + os.environ["PATH"]
        # It was not installed where it was made for: only below the folder of this test.
        self.env["SPORE_LIBEXEC"] = self.libexec

    def run_installed(self, *argv):
        return subprocess.run(
            argv, cwd=self.work, env=self.env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)

    def test_programs(self):
        self.assertEqual(shutil.which("spore", path=self.env["PATH"]), os.path.join(self.prefix, "bin", "spore"))
        self.write("hello.c", HELLO)
        self.ok(self.run_installed("spore", "run", "hello.c"), "hello\n")
        self.ok(self.run_installed("spore", "run", "hello.c"), "hello\n")
        doctor = self.run_installed("spore", "doctor")
        self.ok(doctor)
        self.assertIn(self.libexec, doctor.stdout)

    def test_pages_and_completions(self):
        help_text = subprocess.run([SPORE, "help"], capture_output=True, text=True, timeout=60).stdout
        commands = [line.split()[0] for line in help_text.split("Commands:\n")[1].split("\n\n")[0].splitlines()
                    if line.startswith("  ") and line[2] != " "]
        self.assertGreater(len(commands), 5)
        share = os.path.join(self.prefix, "share")
        for path in ("bash-completion/completions/spore", "zsh/site-functions/_spore", "fish/vendor_completions.d/spore.fish"):
            self.assertTrue(os.path.exists(os.path.join(share, path)), path)
        if shutil.which("scdoc"):
            for page in ["man1/spore.1", "man7/spore-sources.7"] + [f"man1/spore-{c}.1" for c in commands]:
                self.assertTrue(os.path.exists(os.path.join(share, "man", page)), page)
        if shutil.which("scdoc") and shutil.which("man"):
            self.env["MANPATH"] = os.path.join(share, "man")
            self.assertIn("--watch", self.ok(self.run_installed("man", "spore-run")).stdout)

    def test_anyone_may_use_it(self):
        for root, folders, files in os.walk(self.prefix):
            for name in folders + files:
                mode = os.stat(os.path.join(root, name)).st_mode
                self.assertTrue(mode & 0o004, os.path.join(root, name))
                self.assertFalse(mode & 0o022, os.path.join(root, name))


if __name__ == "__main__":
    unittest.main()
