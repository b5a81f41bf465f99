#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""tools/bench and its reading of images, tested without an emulator."""

import contextlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from axhal_tools import bench, code_size, emulator, guest, say, targets, transcript  # noqa: E402

SIZES = """image.elf  :
section       size         addr
.text          20   2149580800
.rodata       100   2151677952
Total         120
"""
DISASSEMBLY = """
Disassembly of section .text:

0000000080200000 <f>:
    80200000:\t4501                \tli\ta0,0
    80200002:\t00050513          \tmv\ta0,a0
    80200006:\t8082                \tret

0000000080200008 <g>:
    80200008:\tbfd5                \tj\t80200000 <f>
\t...
"""
FRAMES = """0x0000000080200000
/x/include/axhal/core/bytes.hpp:10
/x/include/axhal/boot/device_tree.hpp:20 (discriminator 3)
/x/main.cpp:1
0x0000000080200002
/x/include/axhal/vdev/plic.hpp:3
/x/include/axhal/boot/phases.hpp:9
0x0000000080200006
??:0
0x0000000080200008
/x/hypervisor/riscv64/../guest_loader.hpp:3
"""


class CodeSize(unittest.TestCase):
    def test_listings(self):
        self.assertEqual(code_size.text_section(SIZES), (0x8020_0000, 20))
        with self.assertRaises(say.Problem):
            code_size.text_section("section size addr\n.data 4 5\n")
        self.assertEqual(code_size.instruction_sizes(DISASSEMBLY, 0x8020_0014),
                         [(0x8020_0000, 2), (0x8020_0002, 4), (0x8020_0006, 2), (0x8020_0008, 12)])
        self.assertEqual(len(code_size.frames_by_address(FRAMES)[0x8020_0000]), 3)

    def test_what_is_inlined_counts_with_its_caller(self):
        said = {"size": SIZES, "objdump": DISASSEMBLY, "addr2line": FRAMES}
        with mock.patch.object(code_size, "run_tool", lambda target, tool, *more, given="": said[tool]):
            self.assertEqual(code_size.bytes_of_files(None, "elf", code_size.BOOT_FILES), 2 + 12)
            said["addr2line"] = "0x0000000080200000\n??:0\n"
            with self.assertRaisesRegex(say.Problem, "no debug information"):
                code_size.bytes_of_files(None, "elf", code_size.BOOT_FILES)

    def test_which_files_are_for_booting(self):
        for path in ("/a/axhal/boot/device_tree_node.hpp", "/a/axhal/boot/detail/kernel_image_open.hpp",
                     "/a/hypervisor/guest_loader.hpp", "/a/hypervisor/riscv64/guest_tree.hpp"):
            self.assertTrue(code_size.BOOT_FILES.search(path), path)
        for path in ("/a/axhal/boot/phases.hpp", "/a/axhal/vdev/plic.hpp", "/a/hypervisor/guest_memory.hpp"):
            self.assertFalse(code_size.BOOT_FILES.search(path), path)

    @unittest.skipUnless(shutil.which("g++") and shutil.which("addr2line"), "no compiler here")
    def test_a_program(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "kept.hpp").write_text("[[gnu::noinline]] inline int kept(int x) { return x * 77 + 5; }\n")
            (folder / "left.hpp").write_text("[[gnu::always_inline]] inline int left(int x) { return x / 10; }\n")
            (folder / "main.cpp").write_text('#include "kept.hpp"\n#include "left.hpp"\n'
                                             "int volatile v;\nint main() { v = kept(v); v = left(v); }\n")
            subprocess.run(["g++", "-gdwarf-4", "-O1", "main.cpp", "-o", "program"], cwd=folder, check=True)
            host = mock.Mock(tool_prefix="")
            whole = code_size.text_bytes(host, folder / "program")
            found = {file: code_size.bytes_of_files(host, folder / "program", code_size.re.compile(file))
                     for file in (r"kept\.hpp", r"left\.hpp", r"main\.cpp", r"absent\.hpp")}
        self.assertTrue(0 < found[r"left\.hpp"] < found[r"main\.cpp"] < whole, found)
        self.assertTrue(0 < found[r"kept\.hpp"] < 16, found)
        self.assertEqual(found[r"absent\.hpp"], 0)


def report(plan, **changed):
    """What a counting guest says: every figure at its limit, but for those that are changed (None: left out)."""
    figures = {bench.NOPS: 100, **{row.name: row.limit or 7 for row in plan.rows}, "done": 1}
    figures.update({name.replace("_", "-"): value for name, value in changed.items()})
    return [f"AXHAL-BENCH {name}={value}" for name, value in figures.items() if value is not None]


class Counting(unittest.TestCase):
    target = targets.TARGETS["riscv64"]
    plan = bench.PLANS["riscv64"]

    def measure(self, lines, verdict="axhal: verdict=power-off"):
        told = transcript.Transcript()
        for line in [*lines, verdict]:
            told.add(line)
        with mock.patch.object(emulator, "run", return_value=emulator.Outcome(told, 0, 1.0)) as run, \
                tempfile.NamedTemporaryFile() as guest:
            figures = bench.measure(self.target, pathlib.Path("/image"), pathlib.Path(guest.name), "aia-no-sstc",
                                    pathlib.Path("/logs"))
        return figures, run.call_args[0][0]

    def test_the_machine_that_was_asked_for(self):
        figures, command = self.measure(report(self.plan))
        self.assertEqual(figures["sbi-get-spec-version"], 235)
        self.assertIn("virt,aia=aplic-imsic", command)
        self.assertIn("rv64,h=true,sstc=off", command)
        self.assertIn("shift=0,sleep=off", command)

    def test_a_report_that_is_not_whole_is_refused(self):
        for said, lines in {
            "reported no uart-lsr-read on riscv64, aia-no-sstc": report(self.plan, uart_lsr_read=None),
            "did not come to its end": report(self.plan, done=None),
            "100 nops counted as 101": report(self.plan, check_100_nops=101),
            "100 nops counted as None": report(self.plan, check_100_nops=None),
        }.items():
            with self.assertRaisesRegex(say.Problem, said):
                self.measure(lines)
        with self.assertRaisesRegex(say.Problem, "did not come to its end"):
            self.measure(report(self.plan), verdict="axhal: verdict=crash")

    def judge(self, **changed):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            good = bench.judge(self.target, "sstc", bench.read_figures(report(self.plan, **changed)))
        return good, shown.getvalue()

    def test_limits(self):
        good, shown = self.judge()
        self.assertTrue(good)
        self.assertRegex(shown, r"SBI get_spec_version +235 +235 +235 +1080")
        good, shown = self.judge(plic_claim_read=295)
        self.assertFalse(good)
        self.assertRegex(shown, r"PLIC claim read +295 +294  EXCEEDED")
        self.assertTrue(self.judge(sbi_timer_to_vector_min=100000)[0])

    def test_a_tenth_of_the_peer(self):
        rows = bench.with_peer((bench.Row("a", "A"), bench.Row("b", "B")), {"a": 1509})
        self.assertEqual([(row.limit, row.kvm) for row in rows], [(150, 1509), (None, None)])

    def test_columns_without_figures_are_left_out(self):
        for name, heads in (("x86_64-svm", "limit +Linux KVM, SVM$"), ("x86_64-vmx", "limit$")):
            plan, shown = bench.PLANS[name], io.StringIO()
            with contextlib.redirect_stdout(shown):
                good = bench.judge(targets.TARGETS[name], "m", bench.read_figures(report(plan)))
            self.assertTrue(good)
            self.assertRegex(shown.getvalue().splitlines()[0], f"^{name}, m +instructions +{heads}")

    def test_code_without_a_limit(self):
        shown = io.StringIO()
        with mock.patch.object(code_size, "text_bytes", lambda *_: 1 << 30), contextlib.redirect_stdout(shown):
            self.assertTrue(bench.judge_size(targets.TARGETS["x86_64-svm"], "elf"))
        self.assertIn("no limit", shown.getvalue())

    def test_rows_that_not_every_machine_has(self):
        self.assertIn("stimecmp write", self.judge()[1])
        without = {"stimecmp_write": None, "stimecmp_to_vector_min": None, "stimecmp_to_vector_median": None}
        good, shown = self.judge(**without)
        self.assertTrue(good)
        self.assertNotIn("stimecmp", shown)
        self.assertNotIn("stimecmp-write", self.measure(report(self.plan, **without))[0])

    def test_the_size_of_the_code(self):
        for text, boot, good in ((61440, 40000, True), (61441, 40000, False), (61440, 61440 - 31745, False)):
            with mock.patch.object(code_size, "text_bytes", lambda *_, text=text: text), \
                    mock.patch.object(code_size, "bytes_of_files", lambda *_, boot=boot: boot), \
                    contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(bench.judge_size(self.target, "elf"), good)

    def judge_linux(self, *boots):
        """`boots`: what Linux says without and in the hypervisor."""
        outcomes = []
        for lines in boots:
            told = transcript.Transcript()
            for line in lines:
                told.add(line, 4.0)
            outcomes.append(emulator.Outcome(told, 0, 5.0))
        shown = io.StringIO()
        with tempfile.NamedTemporaryFile() as kernel:
            linux = mock.Mock(kernel=pathlib.Path(kernel.name), initrd=None)
            with contextlib.redirect_stdout(shown), mock.patch.object(guest, "linux", return_value=linux), \
                    mock.patch.object(emulator, "run", side_effect=outcomes) as run:
                good = bench.judge_linux(self.target, pathlib.Path("/image"), pathlib.Path("/logs"))
        bare, inside = (call.args[0] for call in run.call_args_list)
        self.assertEqual([words[words.index("-kernel") + 1] for words in (bare, inside)], [kernel.name, "/image"])
        self.assertTrue("shift=0,sleep=off" in bare and "shift=0,sleep=off" in inside)
        return good, shown.getvalue()

    def test_linux(self):
        def says(seconds, verdict="ok"):
            return [f"AXHAL-GUEST userspace={seconds}", f"AXHAL-GUEST verdict={verdict}"]

        good, shown = self.judge_linux(says("0.50"), says("1.50"))
        self.assertTrue(good)
        self.assertIn("1.50 s (plain: 0.50 s), 3.00 times (limit 3); here 4.0 s (plain: 4.0 s)", shown)
        good, shown = self.judge_linux(says("0.50"), says("1.51"))
        self.assertFalse(good)
        self.assertIn("EXCEEDED", shown)
        for boots in ([says("0.50", "failed")], [says("0.50"), says("0.60", "failed")], [says("0.50"), ["a panic"]],
                      [["AXHAL-GUEST verdict=ok"]], [says("0.00")], [says("0.5[ 1.2] x")]):
            with self.assertRaisesRegex(say.Problem, "Linux did not come"):
                self.judge_linux(*boots)

    def test_lines_of_others(self):
        self.assertEqual(bench.read_figures(["AXHAL-BENCH a-1=7", "AXHAL-BENCH unexpected exception", "AXHAL-BENCH x=",
                                             "axhal: AXHAL-BENCH y=1"]), {"a-1": 7})

    def test_every_target_has_a_plan(self):
        self.assertEqual(set(bench.PLANS), set(targets.TARGETS))

    def test_arguments(self):
        self.assertEqual([target.name for target in bench.parse([]).target], list(targets.TARGETS))
        self.assertEqual(bench.parse(["riscv64", "--machine", "aia"]).machine, ["aia"])
        for arguments in (["mips"], ["--machine", "none"], ["aarch64", "--machine", "aia"], ["--images", "a", "b"]):
            with self.assertRaises(say.Problem, msg=arguments):
                bench.parse(arguments)


if __name__ == "__main__":
    unittest.main()
