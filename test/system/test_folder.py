"""Folders of sources, one small project for each build system, and what is said when they do not build."""

import os
import shutil
import unittest

from spore_test import SporeTest

MAIN = '#include <stdio.h>\nint main(void)\n{\n\tputs("%s");\n\treturn 0;\n}\n'


def needs(*tools):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


class FolderTest(SporeTest):
    def project(self, files, name="thing"):
        for path, text in files.items():
            mode = 0o755 if text.startswith("#!") else None
            self.write(os.path.join(name, path), text, mode)
        return os.path.join(self.work, name)

    def runs(self, files, says, name="thing"):
        folder = self.project(files, name)
        before = self.snapshot(folder)
        self.ok(self.spore("run", folder), says + "\n")
        self.assertEqual(self.snapshot(folder), before, "the user's folder was written")
        return folder

    @staticmethod
    def snapshot(folder):
        found = {}
        for root, _, names in os.walk(folder):
            for name in names:
                st = os.lstat(os.path.join(root, name))
                found[os.path.join(root, name)] = (st.st_size, st.st_mtime_ns, st.st_mode)
        return found

    def fails(self, files, *words, name="thing"):
        result = self.spore("build", self.project(files, name))
        self.assertEqual(result.returncode, 125, result.stdout)
        for word in words:
            self.assertIn(word, result.stderr)
        return result


class Systems(FolderTest):
    @needs("meson", "ninja")
    def test_meson(self):
        self.runs({
            "meson.build": "project('other', 'c')\nexecutable('other', 'main.c', install: true)\n"
                           "if get_option('tests')\n  error('tests are on')\nendif\n",
            "meson_options.txt": "option('tests', type: 'boolean', value: true)\n",
            "main.c": MAIN % "meson",
        }, "meson")

    @needs("cmake")
    def test_cmake_with_a_library_of_its_own(self):
        self.runs({
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.5)\nproject(thing C)\n"
                              "option(THING_TESTS \"\" ON)\nif(THING_TESTS)\nmessage(FATAL_ERROR on)\nendif()\n"
                              "add_library(part SHARED part.c)\nadd_executable(thing main.c)\n"
                              "target_link_libraries(thing part)\n"
                              "install(TARGETS thing part)\n",
            "part.c": 'const char *part(void)\n{\n\treturn "cmake";\n}\n',
            "main.c": "#include <stdio.h>\nconst char *part(void);\nint main(void)\n{\n\tputs(part());\n}\n",
        }, "cmake")

    @needs("autoreconf", "automake", "make")
    def test_autotools_from_configure_ac(self):
        self.runs({
            "configure.ac": "AC_INIT([thing], [1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\n"
                            "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
            "Makefile.am": "bin_PROGRAMS = thing\nthing_SOURCES = main.c\n",
            "main.c": MAIN % "autotools",
        }, "autotools")

    @needs("make")
    def test_a_configure_script_that_knows_no_options(self):
        self.runs({
            "configure": "#!/bin/sh\n[ $# -eq 0 ] || { echo \"unknown option $1\"; exit 1; }\n"
                         "echo 'WORD = plain' > config.mk\n",
            "Makefile": "include config.mk\nthing: main.c\n\tcc -DWORD='\"$(WORD)\"' -o $@ main.c\n"
                        "install: thing\n\tmkdir -p $(prefix)/bin && cp thing $(prefix)/bin\n",
            "main.c": "#include <stdio.h>\nint main(void)\n{\n\tputs(WORD);\n}\n",
        }, "plain")

    @needs("make")
    def test_kconfig(self):
        self.runs({
            "Kconfig": "config WORD\n",
            "Makefile": "all: thing\ndefconfig:\n\techo WORD=kconfig > .config\n-include .config\n"
                        "thing: main.c .config\n\tcc -DWORD='\"$(WORD)\"' -o $@ main.c\n",
            "main.c": "#include <stdio.h>\nint main(void)\n{\n\tputs(WORD);\n}\n",
        }, "kconfig")

    @needs("make")
    def test_a_makefile_without_install(self):
        self.runs({"Makefile": "thing: main.c\n\t$(CC) -o $@ main.c\n", "main.c": MAIN % "make"}, "make")

    @needs("make")
    def test_a_makefile_finds_its_data(self):
        self.runs({
            "Makefile": "BINDIR = /usr/bin\nDATADIR = /usr/share/thing\n"
                        "thing: main.c\n\t$(CC) -DDATA='\"$(DATADIR)/word\"' -o $@ main.c\n"
                        "install: thing\n\tmkdir -p $(BINDIR) $(DATADIR)\n\tcp thing $(BINDIR)\n\tcp word $(DATADIR)\n",
            "word": "data\n",
            "main.c": "#include <stdio.h>\nint main(void)\n{\n\tchar s[9];\n\tFILE *f = fopen(DATA, \"r\");\n"
                      "\tif (f == NULL || fgets(s, sizeof s, f) == NULL)\n\t\treturn 1;\n\tfputs(s, stdout);\n"
                      "\tfclose(f);\n}\n",
        }, "data")

    @needs("make")
    def test_a_makefile_one_level_down(self):
        self.runs({"src/Makefile": "thing: main.c\n\t$(CC) -o $@ main.c\n", "src/main.c": MAIN % "down",
                   "README": "x\n"}, "down")

    @needs("make")
    def test_a_makefile_that_asks_for_the_system(self):
        self.runs({"Makefile": "help:\n\t@echo choose a system\nlinux: main.c\n\tcc -o thing main.c\n",
                   "main.c": MAIN % "linux"}, "linux")

    def test_files_alone(self):
        self.runs({
            "main.c": '#include <stdio.h>\n#include "part.h"\nint main(void)\n{\n\tprintf("%g\\n", part(4));\n}\n',
            "include/part.h": "double part(double x);\n",
            "lib/part.c": '#include <math.h>\n#include "part.h"\ndouble part(double x)\n{\n\treturn sqrt(x);\n}\n',
        }, "2")


class Repairs(FolderTest):
    @needs("make")
    def test_common_definitions(self):
        self.runs({"Makefile": "thing: a.o b.o\n\t$(CC) -o $@ a.o b.o\n", "x.h": "int shared;\n",
                   "a.c": '#include <stdio.h>\n#include "x.h"\nint main(void)\n{\n\tputs("common");\n\treturn shared;\n}\n',
                   "b.c": '#include "x.h"\nint *where(void)\n{\n\treturn &shared;\n}\n'}, "common")

    @needs("make")
    def test_a_library_that_was_forgotten(self):
        self.runs({"Makefile": "thing: main.c\n\t$(CC) -fno-builtin -o $@ main.c\n",
                   "main.c": '#include <math.h>\n#include <stdio.h>\nint main(int c, char **v)\n{\n'
                             '\t(void)v;\n\tprintf("%g\\n", cos(c - 1));\n}\n'}, "1")

    @needs("make")
    def test_warnings_as_errors(self):
        self.runs({"Makefile": "thing: main.c\n\t$(CC) -Wall -Werror -o $@ main.c\n",
                   "main.c": '#include <stdio.h>\nint main(void)\n{\n\tint unused;\n\tputs("warned");\n}\n'}, "warned")

    @needs("make")
    def test_an_owner_that_cannot_be_given(self):
        self.runs({"Makefile": "thing: main.c\n\t$(CC) -o $@ main.c\n"
                               "install: thing\n\tinstall -D -o nobody -g nogroup thing $(PREFIX)/bin/thing\n",
                   "main.c": MAIN % "owned"}, "owned")

    @needs("cmake", "make")
    def test_another_build_system_when_one_fails(self):
        self.runs({"CMakeLists.txt": "message(FATAL_ERROR \"not today\")\n",
                   "Makefile": "thing: main.c\n\t$(CC) -o $@ main.c\n", "main.c": MAIN % "second"}, "second")


class Recipes(FolderTest):
    def test_commands_and_outputs(self):
        self.runs({
            "spore.yaml": "spore: 1\nrecipe:\n  build:\n    - cc -DWORD=\"\\\"$WORD\\\"\" -o thing one.c\n    - [strip, thing]\n"
                          "  outputs: [thing]\n  env: { WORD: recipe }\n",
            "one.c": "#include <stdio.h>\nint main(void)\n{\n\tputs(WORD);\n}\n",
        }, "recipe")

    @needs("make")
    def test_a_forced_system_in_a_subfolder(self):
        self.runs({"spore.yaml": "spore: 1\nrecipe: { system: make, dir: deep/er }\n",
                   "deep/er/Makefile": "thing: main.c\n\t$(CC) -o $@ main.c\n", "deep/er/main.c": MAIN % "deep"}, "deep")

    def test_a_mistake_is_placed(self):
        self.fails({"spore.yaml": "spore: 1\nrecipe:\n  biuld: [make]\n"}, "spore.yaml:3:3:", 'did you mean "build"')

    def test_a_failing_command(self):
        self.fails({"spore.yaml": "spore: 1\nrecipe:\n  build: [echo so sad; exit 3]\n", "x": "\n"}, "so sad")


class Reports(FolderTest):
    @needs("make")
    def test_everything_missing_at_once(self):
        result = self.fails({"Makefile": "thing: a.o b.o\n\t$(CC) -o $@ a.o b.o\n",
                             "a.c": "#include <nosuch/one.h>\nint main(void)\n{\n}\n",
                             "b.c": "#include <nosuch/two.h>\n"}, "nosuch/one.h", "nosuch/two.h")
        self.assertNotIn("Traceback", result.stderr)

    def test_a_library_is_said_to_have_no_program(self):
        self.fails({"part.c": "int part(void)\n{\n\treturn 1;\n}\n"}, "main")

    def test_nothing_to_build(self):
        self.fails({"README": "words\n"}, "no way to build")


class Increments(FolderTest):
    def objects(self):
        found = {}
        for root, _, names in os.walk(self.store):
            for name in names:
                if name.endswith(".o"):
                    st = os.stat(os.path.join(root, name))
                    found[name] = (st.st_ino, st.st_mtime_ns)
        return found

    def compiled(self, files, change):
        """The objects made anew after a change."""
        folder = self.project(files)
        self.ok(self.spore("build", folder))
        before = self.objects()
        path, text = change
        self.write(os.path.join("thing", path), text)
        self.ok(self.spore("build", folder))
        after = self.objects()
        return sorted(name for name in after if after[name] != before.get(name))

    PARTS = {
        "main.c": '#include "a.h"\nint main(void)\n{\n\treturn a() - 1;\n}\n',
        "a.c": '#include "a.h"\nint a(void)\n{\n\treturn 1;\n}\n',
        "b.c": "int b(void)\n{\n\treturn 2;\n}\n",
        "a.h": "int a(void);\n",
    }

    def test_one_file_of_many(self):
        self.assertEqual(self.compiled(self.PARTS, ("b.c", "int b(void)\n{\n\treturn 3;\n}\n")), ["b.c.o"])

    def test_a_header(self):
        self.assertEqual(self.compiled(self.PARTS, ("a.h", "int a(void);\nint more(void);\n")), ["a.c.o", "main.c.o"])

    @needs("make")
    def test_a_makefile_keeps_its_objects(self):
        files = dict(self.PARTS, Makefile="thing: main.o a.o b.o\n\t$(CC) -o $@ main.o a.o b.o\n")
        self.assertEqual(self.compiled(files, ("b.c", "int b(void)\n{\n\treturn 3;\n}\n")), ["b.o"])

    def test_a_mistake_is_mended(self):
        folder = self.project(self.PARTS)
        self.ok(self.spore("run", folder))
        self.write("thing/b.c", "int b(void)\n{\n\treturn wrong;\n}\n")
        result = self.spore("build", folder)
        self.assertEqual(result.returncode, 125)
        self.assertIn("wrong", result.stderr)
        self.write("thing/b.c", self.PARTS["b.c"])
        self.ok(self.spore("run", folder))


if __name__ == "__main__":
    unittest.main()
