"""examples/debian-sizes loses no package, whoever of its middle is killed or swapped; wires with redeliver."""

import os
import shutil
import signal
import unittest

from spore_test import wait_until
from test_wires import HERE, WiresTest

EXAMPLE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples", "debian-sizes")
PACKAGES = 20000


@unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory to find what was not released")
class DebianSizes(WiresTest):
    def test_kills_and_swaps(self):
        shutil.copytree(EXAMPLE, os.path.join(self.work, "sizes"))
        index = self.write("index", "".join(
            f"Package: p{i}\nSection: {'games' if i % 2 else 'non-free/libs'}\nInstalled-Size: 1024\nDepends: a, b (>= 1)\n\n"
            for i in range(PACKAGES)))
        manifest = os.path.join(self.work, "sizes", "spore.yaml")
        with open(manifest) as f:
            text = f.read()
        with open(manifest, "w") as f:
            f.write(text.replace('args: ["--seconds", "${SECONDS_LONG:-20}"]', f'args: ["--seconds", "4", "{index}"]'))
        self.ok(self.spore("up", "-d", "--wait", manifest))
        self.wired("debian-sizes/number.packages", "debian-sizes/weigh.packages")
        kills = 0
        for _ in range(8):
            pid = self.pid("debian-sizes/weigh")
            if not pid:
                break  # all has passed
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                break
            kills += 1
            wait_until(lambda p=pid: self.task("debian-sizes/weigh")["state"] == "ended"
                       or self.pid("debian-sizes/weigh") not in (0, p), "another weigh")
        swapped = self.spore("restart", "--swap", "debian-sizes/weigh")
        self.ok(self.spore("wait", "--until", "ended", "debian-sizes/report"))
        report = self.output("debian-sizes/report")
        self.assertIn(f"{PACKAGES} packages, 0 missing, ", report)
        self.assertRegex(report, rf"games +{PACKAGES // 2} +{PACKAGES // 2} +2\.0\n")
        self.assertRegex(report, rf"libs +{PACKAGES // 2} +{PACKAGES // 2} +2\.0\n")
        self.assertGreater(kills, 3)
        self.ok(swapped)


if __name__ == "__main__":
    unittest.main()
