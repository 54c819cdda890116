"""The tours of the README and of docs/channels.md do what they show: each ```sh block is run, in order, in one shell."""

import os
import re
import subprocess
import unittest

from spore_test import SPORE, SporeTest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def steps(text):
    """(command, expected output) of each `$ ` line in the ```sh blocks; `> ` lines go on with the command."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], []])
            elif line == ">" or line.startswith("> "):
                found[-1][0] += "\n" + line[2:]
            else:
                found[-1][1].append(line)
    return found


def pattern(lines):
    """`...` stands for any text; alone on a line for any number of lines."""
    out = ""
    for line in lines:
        if line == "...":
            out += r"(?:.*\n)*?"
        else:
            out += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.compile(out + r"\Z")


class Readme(SporeTest):
    def check(self, *path):
        self.env.pop("SPORE_NO_NODE")  # as a person would have it
        self.addCleanup(subprocess.run, [SPORE, "node", "stop"], env=self.env, capture_output=True, timeout=60)
        with open(os.path.join(ROOT, *path)) as f:
            tour = steps(f.read())
        self.assertGreater(len(tour), 10)
        shell = ""
        for i, (command, _) in enumerate(tour):
            shell += f"{command}\nprintf '\\n[%s]\\n' {i}\n"
        result = subprocess.run(
            ["bash", "--norc"], input=shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=240, cwd=self.work, env=self.env,
        )
        rest = result.stdout
        for i, (command, expected) in enumerate(tour):
            output, mark, rest = rest.partition(f"\n[{i}]\n")
            self.assertTrue(mark, f"the shell ended in: {command}\n{output}")
            if output and not output.endswith("\n"):
                output += "\n"
            self.assertRegex(output, pattern(expected), command)

    def test_begins_with_the_two_commands(self):
        with open(os.path.join(ROOT, "README.md")) as f:
            head = f.read(400)
        self.assertLess(head.index("make run"), head.index("make test"))

    def test_tour(self):
        self.check("README.md")

    @unittest.skipIf(os.environ.get("SPORE_POSIX"), "plain POSIX has no shared memory to publish in")
    def test_channels(self):
        self.check("docs", "channels.md")


if __name__ == "__main__":
    unittest.main()
