#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The rules about headers, tested in turn: each must reject a header that breaks it, and let a good one pass."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TOP = "// SPDX-License-Identifier: BSL-1.0\n#pragma once\n"


class Layers(unittest.TestCase):
    def check(self, **files):
        """What check_layers.py says of a tree; `paging__table="..."` is include/axhal/paging/table.hpp."""
        with tempfile.TemporaryDirectory() as name:
            for file, text in files.items():
                path = pathlib.Path(name) / "axhal" / (file.replace("__", "/") + ".hpp")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(TOP + text, encoding="utf-8")
            done = subprocess.run([sys.executable, HERE / "check_layers.py", name], capture_output=True, text=True,
                                  check=False)
        return "" if done.returncode == 0 else done.stderr

    def test_good_headers_pass(self):
        self.assertEqual(self.check(
            core__a="#include <cstdint>\n// virtual, throw and #if in words\n",
            policy__b='#include <axhal/core/a.hpp>\nstatic_assert(true, "needs `try_lock`, throw, #define");\n',
            paging__c="#include <axhal/policy/b.hpp>\n#include <axhal/memory/d.hpp>\n",
            memory__d="void operator=(int) = delete;\n#if __has_include(<expected>)\n#include <expected>\n#endif\n",
            arch__riscv64__insn='#if !defined(__riscv)\n#error "no"\n#endif\ninline void f() { asm("nop"); }\n',
            arch__riscv64__e="#include <axhal/arch/riscv64/insn.hpp>\n#include <axhal/paging/c.hpp>\n",
            board__f="#include <axhal/arch/riscv64/e.hpp>\n"), "")

    def test_layers(self):
        for where, used in {"core__a": "policy/b", "policy__a": "paging/b", "paging__a": "arch/host/b",
                            "vdev__a": "arch/aarch64/b", "arch__aarch64__a": "arch/riscv64/b", "vcpu__a": "board/b",
                            "arch__host__a": "board/b", "irq__a": "conformance/b", "all": "arch/host/b"}.items():
            with self.subTest(where):
                self.assertIn("must not include", self.check(**{where: f"#include <axhal/{used}.hpp>\n"}))

    def test_names_of_architectures(self):
        for text in ("struct arm64_images {};\n", "inline int riscv = 1;\n", "enum class x86_mode { a };\n"):
            with self.subTest(text):
                self.assertIn("name of an architecture", self.check(boot__a=text))
                self.assertEqual(self.check(arch__riscv64__a=text, board__b=text), "")
        self.assertEqual(self.check(boot__a='// aarch64 in words\nstatic_assert(true, "riscv");\n'), "")

    def test_circles(self):
        self.assertIn("irq -> time -> irq", self.check(irq__a="#include <axhal/time/b.hpp>\n",
                                                       time__b="", time__c="#include <axhal/irq/d.hpp>\n", irq__d=""))

    def test_unknown_folder(self):
        self.assertIn("no place among the layers", self.check(misc__a=""))

    def test_code(self):
        for text, said in {
            "#if defined(__aarch64__)\n#endif\n": "conditional",
            "#ifdef FAST\n#endif\n": "conditional",
            "#if __cpp_lib_bit_cast && __riscv\n#endif\n": "conditional",
            "#define AXHAL_FAST 1\n": "macro AXHAL_FAST",
            'inline void f() { asm("nop"); }\n': "assembly",
            'inline void f() { __asm__("nop"); }\n': "assembly",
            "struct s { virtual void f(); };\n": "virtual",
            "inline int* f() { return new int; }\n": "heap",
            "inline void f(int* p) { delete p; }\n": "heap",
            "inline double x = 0;\n": "floating point",
            "inline thread_local int x = 0;\n": "thread-local",
            "inline void f() { throw 1; }\n": "exceptions",
            "#include <string>\n": "not a freestanding header",
            '#include "axhal/core/b.hpp"\n': "write #include <axhal/core/b.hpp>",
            "// caf\u00e9\n": "not ASCII",
        }.items():
            with self.subTest(text):
                self.assertIn(said, self.check(core__a=text))

    def test_first_lines(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "axhal" / "core" / "a.hpp"
            path.parent.mkdir(parents=True)
            path.write_text("#pragma once\n", encoding="utf-8")
            done = subprocess.run([sys.executable, HERE / "check_layers.py", name], capture_output=True, text=True,
                                  check=False)
        self.assertIn("licence line", done.stderr)


class Alone(unittest.TestCase):
    def check(self, text, file="core/a.hpp"):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "axhal" / file
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, HERE / "check_alone.py", name, "x86_64", "g++"], capture_output=True,
                                  text=True, check=False)
        return "" if done.returncode == 0 else done.stderr

    def test_good_header_passes(self):
        self.assertEqual(self.check(TOP + "#include <cstdint>\ninline std::uint8_t f() { return 0; }\n"), "")

    def test_forgotten_include(self):
        self.assertIn("uint8_t", self.check(TOP + "inline std::uint8_t f() { return 0; }\n"))

    def test_included_twice(self):
        self.assertIn("redefinition", self.check("inline int f() { return 0; }\n"))

    def test_jail(self):
        for name in ("string", "vector", "stdlib.h", "expected", "thread"):
            with self.subTest(name):
                self.assertIn(name, self.check(TOP + f"#include <{name}>\n"))

    def test_warnings_are_errors(self):
        self.assertIn("conversion", self.check(TOP + "inline short f(int x) { return x; }\n"))

    def test_foreign_instructions_must_refuse(self):
        silent = TOP + "inline void f() {}\n"
        self.assertIn("must refuse", self.check(silent, "arch/aarch64/insn.hpp"))
        speaks = TOP + '#if !defined(__aarch64__)\n#error "here; only an AArch64 build may include it"\n#endif\n'
        self.assertEqual(self.check(speaks, "arch/aarch64/insn.hpp"), "")


if __name__ == "__main__":
    unittest.main()
