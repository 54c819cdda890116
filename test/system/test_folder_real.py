"""Real programs, as Debian ships their sources, with nothing added: every build system."""

import concurrent.futures
import hashlib
import json
import os
import subprocess
import unittest

from spore_test import BUILD, SPORE, SporeTest

FETCH = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "fetch-source")
SOURCES = os.environ.get("SPORE_TEST_SOURCES") or os.path.join(BUILD, "sources")

# name: (build system, arguments, what it prints or None, standard input)
PACKAGES = {
    "hello": ("autotools", ["--greeting=hi"], "hi\n", ""),
    "less": ("autotools", ["--version"], None, ""),
    "dash": ("autotools", ["-c", "echo $((6 * 7))"], "42\n", ""),
    "mawk": ("autotools", ["{ n += $1 } END { print n }"], "42\n", "40\n2\n"),
    "dos2unix": ("make", [], "a\nb\n", "a\r\nb\r\n"),
    "figlet": ("make", ["hi"], None, ""),
    "bzip2": ("make", ["--help"], None, ""),
    "tree": ("make", ["--noreport", "."], ".\n", ""),
    "zopfli": ("cmake", ["-h"], None, ""),
    "bubblewrap": ("meson", ["--version"], None, ""),
}
MAIN = {"bubblewrap": "bwrap", "bzip2": "bzip2"}


def digest(folder):
    """Over names, contents and times of all files."""
    h = hashlib.sha256()
    for root, folders, files in sorted(os.walk(folder)):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(root, name)
            st = os.lstat(path)
            h.update(f"{path} {st.st_mode} {st.st_size} {st.st_mtime_ns}\n".encode())
    return h.hexdigest()


class RealPackages(SporeTest):
    def build_one(self, name):
        system, args, expected, stdin = PACKAGES[name]
        source = os.path.join(SOURCES, name)
        before = digest(source)
        result = subprocess.run([SPORE, "build", "--json", source], env=self.env, capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=400)
        built = json.loads(result.stdout)
        if not built["ok"]:
            return f"{name}: {built['error']} (log {built['log']})"
        run = ["run", *(["--bin", MAIN[name]] if name in MAIN else []), source, *args]
        for _ in range(2):
            r = subprocess.run([SPORE, *run], env=self.env, capture_output=True, text=True, input=stdin, timeout=400,
                               cwd=self.home)
            said = r.stdout + r.stderr
            if expected is not None and r.stdout != expected:
                return f"{name}: printed {said!r}, not {expected!r}"
            if not said.strip():
                return f"{name}: printed nothing"
        again = json.loads(subprocess.run([SPORE, "build", "--json", source], env=self.env, capture_output=True, text=True,
                                          timeout=400).stdout)
        if not again["cached"] or again["id"] != built["id"]:
            return f"{name}: built again although nothing changed"
        if digest(source) != before:
            return f"{name}: its source folder was written to"
        if built["build_system"] != system:
            return f"{name}: built with {built['build_system']}, not {system}"
        return None

    def test_ten_packages_of_all_build_systems(self):
        fetched = subprocess.run([FETCH, SOURCES, *PACKAGES], capture_output=True, text=True, timeout=300)
        if fetched.returncode != 0:
            self.skipTest("the sources cannot be fetched: " + fetched.stderr.strip().splitlines()[-1])
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            failures = [f for f in pool.map(self.build_one, PACKAGES) if f]
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()
