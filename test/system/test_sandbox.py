"""Build scripts that mean harm: what they try must fail, and nothing of them may stay."""

import os
import shutil
import socket
import subprocess
import unittest

from spore_test import SporeTest, all_processes


def bubblewrap_works():
    if shutil.which("bwrap") is None:
        return False
    return subprocess.run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(bubblewrap_works(), "bubblewrap does not work here")
class Sandbox(SporeTest):
    def build(self, script, *options):
        """Runs the script as a recipe; what it prints as `word: ...` lines comes back, since the build makes a program of it."""
        self.write("evil/script", script)
        self.write("evil/spore.yaml", "spore: 1\nrecipe:\n  build: [sh ./script > said 2>&1 || true, "
                                      "\"{ echo '#!/bin/sh'; echo 'cat <<END'; cat said; echo END; } > evil; chmod +x evil\"]\n"
                                      "  outputs: [evil]\n")
        return self.ok(self.spore("run", *options, os.path.join(self.work, "evil"))).stdout

    def test_the_home_folder_is_not_there(self):
        secret = os.path.join(self.home, "secret")
        with open(secret, "w") as f:
            f.write("treasure")
        said = self.build(f"cat {secret}; ls -a ~ {self.home}; ls /root /home; echo over\n")
        self.assertIn("over", said)
        self.assertNotIn("treasure", said)
        self.assertNotIn("secret\n", said)

    def test_nothing_outside_is_written(self):
        outside = os.path.join(self.dir, "outside")
        os.mkdir(outside)
        said = self.build(f"echo x > {outside}/file && echo wrote-it\necho x > /usr/wrong && echo wrote-it\n"
                          f"echo x > {self.work}/evil/new && echo wrote-it\necho x > /new && echo wrote-it\necho over\n")
        self.assertIn("over", said)
        self.assertNotIn("wrote-it", said)
        self.assertEqual(os.listdir(outside), [])
        self.assertFalse(os.path.exists(os.path.join(self.work, "evil", "new")))

    @unittest.skipUnless(shutil.which("python3"), "needs python3")
    def test_no_network_not_even_this_machine(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            said = self.build("python3 - <<'X'\nimport socket\nfor host in ('127.0.0.1', '192.0.2.1'):\n"
                              f"    try:\n        socket.create_connection((host, {port}), 2)\n        print('reached')\n"
                              "    except OSError as e:\n        print('refused')\nX\n")
        self.assertEqual(said.split(), ["refused", "refused"])

    def test_no_process_stays(self):
        mark = "86399." + str(os.getpid())
        self.build(f"(setsid sleep {mark} >/dev/null 2>&1 </dev/null &) &\nsetsid sh -c 'sleep {mark} & sleep {mark}' >/dev/null 2>&1 &\n"
                   "echo started\n")
        self.assertEqual([pid for pid, line in all_processes("cmdline") if mark.encode() in line], [])

    def test_standard_input_is_at_its_end(self):
        self.assertEqual(self.build("cat; read line || echo nothing\n").split(), ["nothing"])

    def test_the_environment_is_clean(self):
        self.env["TREASURE"] = "gold"
        self.assertNotIn("gold", self.build("env\n"))

    def test_an_endless_log_is_ended(self):
        self.write("evil/spore.yaml", "spore: 1\nrecipe:\n  build: [\"yes $(printf '%01000d' 0)\"]\n")
        result = self.spore("build", os.path.join(self.work, "evil"))
        self.assertEqual(result.returncode, 125)
        self.assertIn("printed more than", result.stderr)


if __name__ == "__main__":
    unittest.main()
