"""examples/debian-sizes on the packages that this machine knows: with its graph live and a tap open, one of it killed again and again, and one swapped, all at
once, it loses no package. What it says is reckoned here once more."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

from spore_test import DEADLINE, wait_until
from test_wires import HERE, WiresTest

EXAMPLE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples", "debian-sizes")
SYSTEM = "debian-sizes"
SECONDS = 5
FEWEST = 20000  # a machine that knows less gets these on top


def known():
    """The index of all packages, as a file."""
    text = b""
    if shutil.which("apt-cache"):
        text = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    if not text and os.path.exists("/var/lib/dpkg/status"):
        with open("/var/lib/dpkg/status", "rb") as f:
            text = f.read()
    return text.strip() + b"\n\n" + b"".join(
        b"Package: p%d\nSection: %s\nInstalled-Size: %d\nDepends: a, b (>= 1)\n\n" % (i, b"games" if i % 2 else b"non-free/libs", i)
        for i in range(max(0, FEWEST - text.count(b"\nPackage: "))))


def reckon(index):
    """{section: (packages, MiB, dependencies per package)}, and how many packages."""
    sections, packages = collections.defaultdict(lambda: [0, 0, 0]), 0
    for stanza in re.split(r"\n{2,}", index.decode(errors="surrogateescape").strip()):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*?)[ \t]*$", stanza, re.MULTILINE))
        if "Package" not in fields:
            continue
        packages += 1
        s = sections[fields.get("Section", "").split("/")[-1] or "none"]
        s[0] += 1
        s[1] += int(fields.get("Installed-Size") or 0)
        s[2] += len(fields["Depends"].split(",")) if fields.get("Depends") else 0
    return {name: (str(n), str(kib // 1024), f"{depends / n:.1f}") for name, (n, kib, depends) in sections.items()}, packages


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory to find what was not released")
class DebianSizes(WiresTest):
    def look_on(self, name, *command):
        """A command whose output is kept in the file that is returned."""
        path = os.path.join(self.work, name)
        with open(path, "wb") as f:
            return self.start(*command, stdout=f), path

    @staticmethod
    def lines(path):
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().split("\n")[:-1]

    def kill(self, name):
        """False: all has passed."""
        pid = self.pid(name)
        try:
            os.kill(pid or 1 << 30, signal.SIGKILL)
        except ProcessLookupError:
            return False
        wait_until(lambda: self.task(name)["state"] == "ended" or self.pid(name) not in (0, pid), "another one")
        return True

    def test_all_at_once(self):
        index = known()
        shutil.copytree(EXAMPLE, os.path.join(self.work, "sizes"))
        manifest = os.path.join(self.work, "sizes", "spore.yaml")
        with open(manifest) as f:
            text = f.read()
        path = self.write("index", index)
        changed = text.replace('args: ["--seconds", "${SECONDS_LONG:-20}"]', f'args: ["--seconds", "{SECONDS}", "{path}"]')
        self.assertNotEqual(changed, text)
        self.write("sizes/spore.yaml", changed)
        self.ok(self.spore("up", "-d", "--wait", manifest))
        self.wired(f"{SYSTEM}/number.packages", f"{SYSTEM}/weigh.packages")
        graph, seen_graph = self.look_on("graph", "graph", "--live", "--json", manifest)
        tap, seen_tap = self.look_on("tap", "tap", "--json", f"{SYSTEM}/number.packages")
        wait_until(lambda: self.lines(seen_graph) and len(self.lines(seen_tap)) > 100, "the graph and the tap")
        weigh = f"{SYSTEM}/weigh"
        kills = sum(self.kill(weigh) for _ in range(4))
        before = self.pid(weigh)
        self.ok(self.spore("restart", "--swap", weigh))
        self.assertNotEqual(self.pid(weigh), before)
        kills += sum(self.kill(weigh) for _ in range(4))
        self.assertEqual((graph.poll(), tap.poll()), (None, None))
        self.assertGreater(kills, 4)
        self.ok(self.spore("wait", "--until", "ended", f"{SYSTEM}/report"))
        self.is_right(index)
        # Whoever looked on saw it all along.
        states = [json.loads(line) for line in self.lines(seen_graph)]
        seen = {json.dumps(t, sort_keys=True) for s in states for t in s["tasks"] if t["name"] == "weigh"}
        self.assertGreater(len(seen), 1, seen)
        self.assertEqual(tap.wait(DEADLINE), 0)
        self.assertGreater(len(self.lines(seen_tap)), 1000)
        graph.terminate()

    def is_right(self, index):
        sections, packages = reckon(index)
        report = self.output(f"{SYSTEM}/report").splitlines()
        self.assertRegex(report[-1], rf"^{packages} packages, 0 missing, \d+ came again$")
        rows = [line.split() for line in report[1:-1]]
        self.assertEqual([int(r[2]) for r in rows], sorted((int(s[1]) for s in sections.values()), reverse=True)[:10])
        for name, *row in rows:
            self.assertEqual(tuple(row), sections[name], name)


if __name__ == "__main__":
    unittest.main()
