"""Manual pages and completions, as made from the table of commands."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from spore_test import BUILD, SPORE, Terminal

DOCS = os.path.join(BUILD, "docs")


def run(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **options)


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


# What spore itself is asked for by completions.
STANDS_IN = ("case \"$*\" in 'ps --names') printf 'web\\nshop/db@1\\nshop/db@2\\n'; return;; 'call --names') printf 'node\\nshop/calc.calc\\n'; return;; "
             "'wires --names') printf 'web.out\\nshop/db@1.in\\nshop/db@2.in\\n'; return;; "
             "'call shop/calc.calc --names') printf 'add\\ndivide\\n'; return;; esac")


class Completion(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="spore-test-")
        self.addCleanup(shutil.rmtree, self.dir)
        for name in ("prog.c", "with space.c"):
            open(os.path.join(self.dir, name), "w").close()

    def bash(self, *words):
        """What Tab offers after WORDS, the last of which is begun."""
        script = (
            'set -u; . "$1"; shift; spore() { ' + STANDS_IN + '; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _spore; '
            'for r in ${COMPREPLY[@]+"${COMPREPLY[@]}"}; do printf "%s\\n" "$r"; done'
        )
        result = run("bash", "--norc", "-c", script, "bash", os.path.join(DOCS, "spore"), "spore", *words, cwd=self.dir)
        self.assertEqual(result.stderr, "")
        return sorted(result.stdout.splitlines())

    def test_bash_commands(self):
        self.assertIn("run", self.bash(""))
        self.assertEqual(self.bash("sto"), ["stop", "store"])
        self.assertEqual(self.bash("store", ""), ["gc", "ls", "verify"])
        self.assertEqual(self.bash("help", "stor"), ["store"])
        self.assertEqual(self.bash("--v"), ["--version"])

    def test_bash_options(self):
        self.assertIn("--opt", self.bash("run", "--"))
        self.assertEqual(self.bash("store", "gc", "--max-a"), ["--max-age"])
        self.assertEqual(self.bash("store", "gc", "--max-age", ""), [])

    def test_bash_operands(self):
        self.assertEqual(self.bash("run", "pro"), ["prog.c"])
        self.assertEqual(self.bash("run", "with"), ["with space.c"])
        self.assertEqual(self.bash("run", "--bin", "x", "pro"), ["prog.c"])
        # What follows the source belongs to the program.
        self.assertEqual(self.bash("run", "prog.c", "--"), [])
        self.assertEqual(self.bash("run", "prog.c", "pro"), ["prog.c"])
        self.assertEqual(self.bash("build", "prog.c", ""), [])

    def test_bash_tasks(self):
        self.assertEqual(self.bash("stop", "w"), ["web"])
        self.assertEqual(self.bash("stop", "web", "shop"), ["shop/db@1", "shop/db@2"])
        self.assertEqual(self.bash("start", "--after", "w"), ["web"])
        self.assertEqual(self.bash("inspect", "web", ""), [])

    def test_bash_ports(self):
        ports = ["shop/db@1.in", "shop/db@2.in", "web.out"]
        for command in ("cat", "send", "tap", "record", "serve", "fault", "wire", "unwire", "dead"):
            self.assertEqual(self.bash(command, ""), ports, command)
            self.assertEqual(self.bash(command, "w"), ["web.out"], command)
        for command in ("fault", "wire", "unwire", "dead"):
            self.assertEqual(self.bash(command, "web.out", "shop"), ports[:2], command)
            self.assertEqual(self.bash(command, "web.out", "shop/db.in", ""), [], command)
        # What follows the port is messages.
        self.assertEqual(self.bash("send", "web.out", ""), [])
        self.assertEqual(self.bash("replay", "pro"), ["prog.c"])
        self.assertEqual(self.bash("replay", "--speed", "2", "prog.c", "w"), ["web.out"])
        self.assertEqual(self.bash("why", "w"), ["web", "web.out"])
        self.assertEqual(self.bash("why", "web.out", "shop/db@1"), ["@1", "@1.in"])

    def test_bash_calls(self):
        self.assertEqual(self.bash("call", ""), ["node", "shop/calc.calc"])
        self.assertEqual(self.bash("call", "sh"), ["shop/calc.calc"])
        self.assertEqual(self.bash("call", "shop/calc.calc", ""), ["add", "divide"])
        self.assertEqual(self.bash("call", "shop/calc.calc", "d"), ["divide"])
        self.assertEqual(self.bash("call", "shop/calc.calc", "add", ""), [])
        self.assertIn("--describe", self.bash("call", "shop/calc.calc", "--d"))

    def test_bash_knows_what_help_shows(self):
        for command in self.bash(""):
            if not command.startswith("-"):
                result = run(SPORE, command, "--help")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(result.stderr, "")
        shown = {w for w in run(SPORE, "run", "--help").stdout.split() if re.match("--[a-z]", w)}
        self.assertLessEqual(shown - {"--help"}, set(self.bash("run", "--")))

    def typed(self, argv, ready):
        """A shell on a terminal, with completion as a person has it."""
        env = {"PATH": os.environ["PATH"], "HOME": self.dir, "TERM": "dumb", "LC_ALL": "C.UTF-8", "INPUTRC": "/dev/null"}
        terminal = Terminal(argv, env, self.dir)
        self.addCleanup(terminal.close)
        terminal.send(ready + "; printf 'now%s\\n' ready\n")
        terminal.expect("nowready")
        # What Tab made of the words is what the shell then runs.
        names = STANDS_IN.replace("shop/db", "db")
        terminal.send("spore() { " + names + "; printf '<%s>' \"$@\"; echo; }\n")
        return terminal

    def test_bash_with_tab(self):
        script = os.path.join(DOCS, "spore")
        terminal = self.typed(["bash", "--norc", "--noprofile", "-i"], f". '{script}'")
        terminal.send("spore stor\tver\t--js\t\n")
        terminal.expect("<store><verify><--json>")
        terminal.send("spore run --bin=x wi\t--\n")
        terminal.expect("<run><--bin=x><with space.c><-->")
        terminal.send("spore stop w\td\t1\t\n")
        terminal.expect("<stop><web><db@1>")
        terminal.send("spore wire d\t2\tdb@\t1\t\n")
        terminal.expect("<wire><db@2.in><db@1.in>")
        terminal.send("spore inspect d\t2\t\n")
        terminal.expect("<inspect><db@2>")
        terminal.send("spore replay pr\tw\t\n")
        terminal.expect("<replay><prog.c><web.out>")
        terminal.send("spore call sh\tdi\t7\n")
        terminal.expect("<call><shop/calc.calc><divide><7>")

    @needs("zsh")
    def test_zsh_with_tab(self):
        ready = f"fpath=('{DOCS}' $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste"
        terminal = self.typed(["zsh", "-f", "-i"], ready)
        terminal.send("spore stor\tver\t--js\t\n")
        terminal.expect("<store><verify><--json>")
        terminal.send("spore run --wat\twi\t\n")
        terminal.expect("<run><--watch><with space.c>")
        terminal.send("spore help stor\t\n")
        terminal.expect("<help><store>")
        terminal.send("spore stop we\tdb\t1\t\n")
        terminal.expect("<stop><web><db@1>")
        terminal.send("spore wire we\tdb\t2\t\n")
        terminal.expect("<wire><web.out><db@2.in>")
        terminal.send("spore send we\tdb\t\n")
        terminal.expect("<send><web.out><db>")
        terminal.send("spore replay pr\twe\t\n")
        terminal.expect("<replay><prog.c><web.out>")
        terminal.send("spore why shop/db.in web.\t\n")
        terminal.expect("<why><shop/db.in><web.out>")
        terminal.send("spore call sh\tdi\t7\n")
        terminal.expect("<call><shop/calc.calc><divide><7>")

    @needs("zsh")
    def test_zsh_parses(self):
        result = run("zsh", "-n", os.path.join(DOCS, "_spore"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    @needs("fish")
    def test_fish(self):
        path = os.path.join(DOCS, "spore.fish")
        result = run("fish", "-n", path)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

        def offered(line):
            names = ("function spore; switch \"$argv\"; case 'call --names'; printf 'node\\nshop/calc.calc\\n'; "
                     "case 'wires --names'; printf 'web.out\\ndb@1.in\\n'; "
                     "case 'call shop/calc.calc --names'; printf 'add\\ndivide\\n'; case '*'; printf 'web\\ndb@1\\n'; end; end")
            script = names + f"; source {path}; complete -C '{line}'"
            result = run("fish", "--no-config", "-c", script, cwd=self.dir, env={**os.environ, "HOME": self.dir})
            return [row.split("\t")[0] for row in result.stdout.splitlines()]

        self.assertIn("run", offered("spore "))
        self.assertEqual(sorted(offered("spore store ")), ["gc", "ls", "verify"])
        self.assertIn("--max-age", offered("spore store gc --"))
        self.assertEqual(offered("spore run --bin x pro"), ["prog.c"])
        self.assertNotIn("--opt", offered("spore run prog.c --"))
        self.assertEqual(sorted(offered("spore stop web ")), ["db@1", "web"])
        self.assertEqual(offered("spore start --after w"), ["web"])
        for command in ("cat", "send", "tap", "record", "serve", "fault", "wire", "unwire"):
            self.assertEqual(sorted(offered(f"spore {command} ")), ["db@1.in", "web.out"], command)
        self.assertEqual(sorted(offered("spore wire web.out ")), ["db@1.in", "web.out"])
        self.assertEqual(offered("spore fault web.out db@1.in "), [])
        self.assertEqual(offered("spore send web.out "), [])
        self.assertEqual(offered("spore replay pro"), ["prog.c"])
        self.assertEqual(offered("spore replay --speed 2 prog.c w"), ["web.out"])
        self.assertEqual(sorted(offered("spore why w")), ["web", "web.out"])
        self.assertEqual(sorted(offered("spore call ")), ["node", "shop/calc.calc"])
        self.assertEqual(sorted(offered("spore call shop/calc.calc ")), ["add", "divide"])
        self.assertEqual(offered("spore call shop/calc.calc d"), ["divide"])
        self.assertEqual(offered("spore call shop/calc.calc add "), [])


@needs("scdoc")
class Manual(unittest.TestCase):
    def test_a_page_for_each_command(self):
        names = [os.path.basename(p) for p in glob.glob(os.path.join(DOCS, "*.[17]"))]
        for name in ("spore.1", "spore-run.1", "spore-store.1", "spore-sources.7"):
            self.assertIn(name, names)

    @needs("man")
    def test_pages_render_without_warnings(self):
        for page in glob.glob(os.path.join(DOCS, "*.[17]")):
            env = {**os.environ, "MANWIDTH": "100", "MANROFFSEQ": "", "LC_ALL": "C.UTF-8"}
            result = run("man", "--warnings=w", "-l", page, env=env)
            self.assertEqual((result.returncode, result.stderr), (0, ""), page)
            self.assertIn("NAME", result.stdout)

    def test_page_of_sources_has_every_key(self):
        page = read("docs", "spore-sources.7.scd")
        table = read("src", "source", "directive.c").split("spore__directive_keys[] = {")[1].split("};")[0]
        keys = re.findall(r'\{"([\w-]+)", "', table)
        table = read("src", "source", "recipe.c").split("spore__recipe_keys[] = {")[1].split("};")[0]
        keys += re.findall(r"KEY\((\w+),", table)
        self.assertGreater(len(keys), 12)
        self.assertEqual([k for k in keys if not re.search(rf"^\*{k}\*", page, re.M)], [])


ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


class Written(unittest.TestCase):
    """What is written by hand names nothing that is not there."""

    pages = ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/env_vars.md", "docs/spore-sources.7.scd",
             "docs/spore.1.end.scd", "docs/design/README.md", "docs/design/two-tiers.md"]

    def test_commands_and_options(self):
        helps = {}

        def known(*command):
            if command not in helps:
                result = run(SPORE, *command, "--help")
                helps[command] = result.stdout if result.returncode == 0 else None
            return helps[command]

        seen = 0
        for page in self.pages:
            # As code: `spore store gc --max-age 30d`, "$ spore run hello.c", *spore store verify*.
            for words in re.findall(r"(?:^\$ |[`*]|&& |\./|build/)spore ([a-z][^`*\n;|&]*)", read(page), re.M):
                words = words.split()
                text = known(words[0])
                self.assertIsNotNone(text, f"{page}: spore {words[0]}")
                seen += 1
                if "Commands:" in text and len(words) > 1:
                    text = known(*words[:2])
                    self.assertIsNotNone(text, f"{page}: spore {' '.join(words[:2])}")
                for option in filter(lambda w: re.fullmatch(r"--[a-z-]+", w), words):
                    self.assertRegex(text, rf"{option}\b", f"{page}: spore {' '.join(words)}")
        self.assertGreater(seen, 12)

    def test_links(self):
        for page in filter(lambda p: p.endswith(".md"), self.pages):
            for target in re.findall(r"\]\(([^):#]+)\)", read(page)):
                self.assertTrue(os.path.exists(os.path.join(ROOT, os.path.dirname(page), target)), f"{page}: {target}")

    def test_every_variable_has_its_line(self):
        table = read("docs", "env_vars.md")
        names = set()
        for folder in ("src", "lib"):
            for path in glob.glob(os.path.join(ROOT, folder, "**", "*.c"), recursive=True):
                with open(path) as f:
                    text = f.read()
                names |= set(re.findall(r'getenv\("([A-Z_]+)"\)', text)) | set(re.findall(r'"(SPORE_[A-Z_]+[A-Z])=?"', text))
        self.assertIn("SPORE_STORE", names)
        self.assertEqual([n for n in sorted(names) if not re.search(rf"\b{n}\b", table)], [])


if __name__ == "__main__":
    unittest.main()
