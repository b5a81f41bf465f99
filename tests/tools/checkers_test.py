#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The small programs that judge other files, tested in turn: each must reject what it is there to reject."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

TESTS = pathlib.Path(__file__).resolve().parent.parent


def run(script, *arguments):
    """What a script says when it fails, or an empty text when it is content."""
    done = subprocess.run([sys.executable, TESTS / script, *map(str, arguments)], capture_output=True, text=True,
                          check=False)
    return done.stderr if done.returncode else ""


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


class ExpectFail(Folder):
    def check(self, text, name="case.cpp"):
        return run("fail/expect_fail.py", self.write(name, text), "g++", "-std=c++20")

    def test_the_stated_reason_is_accepted(self):
        self.assertEqual(self.check('// EXPECT: needs .first.\nstatic_assert(false, "needs `first`");\n'), "")

    def test_what_compiles_is_refused(self):
        self.assertIn("compiled, but must not", self.check("// EXPECT: anything\nint x;\n"))

    def test_without_a_reason(self):
        self.assertIn("has no line", self.check('static_assert(false, "why");\n'))

    def test_another_reason(self):
        self.assertIn("another reason", self.check('// EXPECT: needs `first`\nstatic_assert(false, "else");\n'))

    def test_every_reason_must_be_seen(self):
        self.assertIn("another reason", self.check('// EXPECT: one\n// EXPECT: two\nstatic_assert(false, "one");\n'))

    def test_neither_file_name_nor_quoted_source_counts(self):
        self.assertIn("another reason", self.check("// EXPECT: idle\nint x = y;\n", "misses_idle.cpp"))
        self.assertIn("another reason", self.check("// EXPECT: idle\nint idle_value = undeclared;\n"))

    def test_the_correct_neighbour_must_compile(self):
        case = '// EXPECT: why\n#if defined(AXHAL_CORRECT)\n{}\n#else\nstatic_assert(false, "why");\n#endif\n'
        self.assertEqual(self.check(case.format("int x;")), "")
        self.assertIn("neighbour", self.check(case.format("int x = y;")))


class Readme(Folder):
    def check(self, page, write=False):
        self.write("README.md", page)
        self.write("code.cpp", "// SPDX-License-Identifier: BSL-1.0\nint x;\n")
        self.write("docs/README.md", "[one](one.md)\n")
        self.write("docs/one.md", "")
        return run("usage/check_readme.py", self.folder, self.folder / "README.md", *(["--write"] if write else []))

    def test_the_same_text_passes(self):
        self.assertEqual(self.check("<!-- from code.cpp -->\n```cpp\nint x;\n```\n```sh\ntools/demo\n```\n"), "")

    def test_everything_else_does_not(self):
        for page, said in {
            "<!-- from code.cpp -->\n```cpp\nint y;\n```\n": "not what the file says",
            "<!-- from gone.cpp -->\n```cpp\nint x;\n```\n": "does not exist",
            "```cpp\nint x;\n```\n": "does not say which file",
            "no code\n": "shows no code",
        }.items():
            with self.subTest(said):
                self.assertIn(said, self.check(page))

    def test_write_repairs(self):
        self.assertEqual(self.check("<!-- from code.cpp -->\n```cpp\n```\nafter\n", write=True), "")
        self.assertIn("int x;\n```\nafter", (self.folder / "README.md").read_text())

    def test_a_page_missing_from_the_index(self):
        self.write("docs/two.md", "")
        self.assertIn("does not list two.md", self.check("<!-- from code.cpp -->\n```cpp\nint x;\n```\n"))


class Version(Folder):
    def check(self, header="0.1.0", project="0.1.0", changelog="0.1.0"):
        lines = [f"#define AXHAL_VERSION_{part} {number}\n"
                 for part, number in zip(("MAJOR", "MINOR", "PATCH"), header.split("."))]
        return run("headers/check_version.py", self.write("version.hpp", "".join(lines)), project,
                   self.write("CHANGELOG.md", f"# Changes\n\n## {changelog} (now)\n\n## 0.0.1\n"))

    def test_all_three_must_agree(self):
        self.assertEqual(self.check(), "")
        self.assertIn("meson.build says 0.2.0", self.check(project="0.2.0"))
        self.assertIn("version.hpp says 0.1.1", self.check(header="0.1.1"))
        self.assertIn("is 0.0.9", self.check(changelog="0.0.9"))


class HeaderList(Folder):
    def test_the_page_follows_the_headers(self):
        self.write("include/axhal/core/a.hpp", "#pragma once\n#include <cstdint>\n")
        self.write("include/axhal/core/b.hpp", "#pragma once\n#include <axhal/core/a.hpp>\n#include <bit>\n")
        include, page = self.folder / "include", self.folder / "headers.md"
        self.assertIn("out of date", run("headers/list_headers.py", include, page))
        run("headers/list_headers.py", include, page, "--write")
        self.assertEqual(run("headers/list_headers.py", include, page), "")
        self.assertRegex(page.read_text(), r"core/b\.hpp` \| `<bit>` `<cstdint>` \|")
        self.write("include/axhal/core/a.hpp", "#pragma once\n#include <compare>\n")
        self.assertIn("out of date", run("headers/list_headers.py", include, page))


class ImageTests(Folder):
    OTHER = '[[test]]\nname = "other"\nguest = "linux"\nexpect = ["x"]\n'

    def load(self, text, of_target=OTHER):
        copy = self.folder / "tests" / "images"
        copy.mkdir(parents=True)
        shutil.copy(TESTS / "images" / "run_image.py", copy)
        (copy / "common.toml").write_text(text)
        (copy / "riscv64.toml").write_text(of_target)
        (self.folder / "tools").symlink_to(TESTS.parent / "tools")
        command = [sys.executable, copy / "run_image.py", "list", "riscv64"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        shutil.rmtree(copy.parent)
        (self.folder / "tools").unlink()
        return done.stdout + done.stderr

    def test_blocks(self):
        good = '[[test]]\nname = "a"\nguest = "linux"\nexpect = ["x"]\n'
        self.assertEqual(self.load(good), "a\nother\n")
        self.assertIn("used twice", self.load(good * 2))
        self.assertIn("used twice", self.load(good, good))
        self.assertIn("no `expect`", self.load(good.replace('["x"]', "[]")))
        self.assertIn("unknown keys", self.load(good + "expects = 1\n"))
        self.assertEqual(self.load(good + 'interactive = []\nemulator = ["-S"]\n'), "a\nother\n")
        self.assertEqual(self.load(good + 'bios = "b"\n'), "a\nother\n")
        self.assertIn("unknown keys ['bios']", self.load(good + 'interactive = []\nbios = "b"\n'))

    def test_judgement(self):
        sys.path.insert(0, str(TESTS / "images"))
        import run_image

        test = {"expect": ["^TARGET: verdict=ok$"], "forbid": ["panic"]}
        self.assertEqual(list(run_image.judge(test, ["riscv64: verdict=ok"], "riscv64")), [])
        self.assertEqual(len(list(run_image.judge(test, ["riscv64: verdict=ok"], "aarch64"))), 1)
        self.assertEqual(len(list(run_image.judge(test, ["verdict=okay", "a panic", "panic"], "riscv64"))), 2)

    def test_how_a_block_is_started(self):
        sys.path.insert(0, str(TESTS / "images"))
        import run_image
        from axhal_tools import targets

        started = []

        def run(command, log, limit):
            started.append(command)
            return mock.Mock(timed_out=limit == 5, status=limit - 180, stderr="", told=mock.Mock(lines=["x"]))

        self.write("payload-riscv64.bin", "p")
        log = self.folder / "logs" / "riscv64" / "a.log"
        with mock.patch.object(run_image.emulator, "run", run):
            def start(**test):
                _, wrong = run_image.run_machine({"guest": "payload", **test}, targets.TARGETS["riscv64"],
                                                 self.folder / "image", self.folder, log)
                return " ".join(map(str, started[-1])), wrong

            command, wrong = start(guest="none", bios="f.bin")
            self.assertIn(f"-kernel {self.folder}/image ", command)
            self.assertTrue(command.endswith(f"-bios {self.folder}/f.bin"))
            self.assertNotIn("guest-loader", command)
            self.assertEqual(wrong, [])
            command, _ = start(bare=True, cpu="max")
            self.assertIn("-cpu max", command)
            self.assertIn(f"-kernel {self.folder}/payload-riscv64.bin ", command)
            self.assertNotIn("guest-loader", command)
            self.assertIn("no end within 5 s", start(timeout=5)[1])
            self.assertIn("status 1", start(timeout=181)[1][0])

    def test_made_files(self):
        sys.path.insert(0, str(TESTS / "images"))
        import run_image

        self.assertEqual(len(run_image.elf_header("x86_64")), 64 + 56)
        for machine, magic in {"aarch64": b"ARM\x64", "riscv64": b"RSC\x05"}.items():
            header = run_image.image_header(machine, 0x1234)
            self.assertEqual((len(header), header[16:24], header[56:60]), (64, b"\x34\x12" + bytes(6), magic))
            self.assertNotEqual(run_image.MADE["image-of-another"](machine)[56:60], magic)
        named = set()
        for file in (TESTS / "images").glob("*.toml"):
            named |= set(re.findall(r'"made:([^"]+)"', file.read_text(encoding="utf-8"))) - {"KIND"}
        self.assertEqual(named, set(run_image.MADE))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
