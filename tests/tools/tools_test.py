#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The modules behind tools/, tested without a network, without root and without an emulator."""

import gzip
import os
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

from axhal_tools import bochs, check, cpio, demo, emulator, guest, packages, say, sources, transcript  # noqa: E402

DEB822 = """# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: stone stone-updates
Components: main
Signed-By: /keys/a.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: stone
Components: main

Types: deb
URIs: http://inline.example/debian
Suites: stone-security
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""


class Sources(unittest.TestCase):
    def test_deb822(self):
        found = sources.parse_deb822(DEB822)
        self.assertEqual([(source.uri, source.suite) for source in found], [
            ("http://mirror.example/debian", "stone"), ("http://mirror.example/debian", "stone-updates"),
            ("http://inline.example/debian", "stone-security")])
        self.assertEqual(found[0].signed_by, "/keys/a.gpg")
        self.assertEqual(found[2].components, ("main", "contrib"))
        self.assertIn("\n abc", found[2].signed_by)

    def test_list(self):
        found = sources.parse_list(
            "# deb http://no.example x main\n"
            "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian stone main contrib # why\n"
            "deb-src http://mirror.example/debian stone main\ndeb http://other.example ./\n")
        self.assertEqual(found, [
            sources.Source("http://mirror.example/debian", "stone", ("main", "contrib"), "/k.gpg"),
            sources.Source("http://other.example", "./", ())])

    def test_backports_come_from_the_same_archive(self):
        found = sources.parse_deb822(DEB822)
        backports = sources.backports_of("stone", found)
        self.assertEqual(sources.parse_deb822(backports.stanza()), [
            sources.Source("http://mirror.example/debian", "stone-backports", ("main",), "/keys/a.gpg")])
        self.assertIsNone(sources.backports_of("sand", found))

    def test_a_machine(self):
        with tempfile.TemporaryDirectory() as name:
            etc = pathlib.Path(name)
            (etc / "sources.list.d").mkdir()
            (etc / "sources.list").write_text("deb http://a.example stone main\n")
            (etc / "sources.list.d" / "b.sources").write_text(DEB822)
            (etc / "sources.list.d" / "c.list.save").write_text("deb http://saved.example stone main\n")
            (etc / "os-release").write_text('ID=debian\nVERSION_CODENAME="stone"\n')
            found = sources.configured(etc)
            self.assertEqual(len(found), 4)
            self.assertEqual(sources.release(etc / "os-release"), ("debian", "stone"))
            self.assertEqual(len(sources.of_release("stone", found)), 4)
            self.assertEqual(sources.of_release("sand", found), [])

    def test_one_line(self):
        source = sources.Source("http://a.example", "stone", ("main",), "/k.gpg")
        self.assertEqual(source.one_line("arm64"), "deb [arch=arm64 signed-by=/k.gpg] http://a.example stone main")


POLICY = """thing:
  Installed: (none)
  Candidate: 7.2+dfsg-1
  Version table:
     1:10.0.2-2~bpo 100
        100 http://mirror.example/debian stone-backports/main amd64 Packages
     7.2+dfsg-1 500
        500 http://mirror.example/debian stone/main amd64 Packages
"""


class Packages(unittest.TestCase):
    def need(self, least, *choices):
        return packages.Need("thing", lambda: None, least, choices or (["thing", "thing-data"],))

    def test_versions_compare_as_numbers(self):
        self.assertEqual(packages.numbers("1:10.0.2+ds-2+deb13u1~bpo12+1"), (10, 0, 2))
        self.assertLess(packages.numbers("7.2.22"), packages.numbers("10.0"))
        self.assertEqual(packages.numbers("12.2.0-14"), (12, 2, 0))

    def test_need(self):
        self.assertTrue(packages.Need("x", lambda: None, "0", ()).missing())
        self.assertFalse(packages.Need("x", lambda: "0", "0", ()).missing())
        self.assertTrue(packages.Need("x", lambda: "2.13.8", "3", ()).missing())
        self.assertFalse(packages.Need("x", lambda: "3.7.1", "3", ()).missing())

    def test_choice_by_version(self):
        with mock.patch.object(packages, "run", lambda command: POLICY if command[-1] == "thing" else ""):
            self.assertEqual(packages.choose(self.need("7")), (["thing", "thing-data"], ""))
            self.assertEqual(packages.choose(self.need("8")), (["thing", "thing-data"], "stone-backports"))
            self.assertIsNone(packages.choose(self.need("11")))
            self.assertEqual(packages.choose(self.need("7", ["absent"], ["thing"])), (["thing"], ""))
            by_suite, unserved = packages.plan([self.need("7"), self.need("8"), self.need("11")])
            self.assertEqual(by_suite, {"": ["thing", "thing-data"], "stone-backports": ["thing", "thing-data"]})
            self.assertEqual(len(unserved), 1)

    def test_what_backports_alone_have_comes_from_there_with_what_it_needs(self):
        alone = POLICY.replace("7.2+dfsg-1\n  V", "1:10.0.2-2~bpo\n  V").partition("     7.2")[0]
        self.assertIn("Candidate: 1:10.0.2-2~bpo", alone)
        with mock.patch.object(packages, "run", lambda command: alone):
            self.assertEqual(packages.choose(self.need("8"))[1], "stone-backports")

    def test_an_emulator_without_its_firmware_is_missing(self):
        with tempfile.TemporaryDirectory() as name:
            said = {"-L": f"/does/not/exist\n{name}\n", "--version": "QEMU emulator version 10.0.2 (Debian)\n"}
            with mock.patch.object(packages, "run", lambda command: said[command[1]]):
                probe = packages.qemu_with("qemu-system-x", "firmware.bin")
                self.assertIsNone(probe())
                (pathlib.Path(name) / "firmware.bin").write_text("")
                self.assertEqual(probe(), "10.0.2")
        self.assertIsNone(packages.qemu_with("no-such-emulator", "firmware.bin")())

    def test_bochs_without_its_firmware_is_missing(self):
        said = "x\n   Bochs x86 Emulator 2.7\n   Built from SVN snapshot on August  1, 2021\n"
        with tempfile.TemporaryDirectory() as name, mock.patch.object(packages, "run", lambda command: said):
            firmware = pathlib.Path(name) / "BIOS"
            self.assertIsNone(packages.bochs_with(firmware)())
            firmware.write_text("")
            self.assertEqual(packages.bochs_with(firmware)(), "2.7")
        with mock.patch.object(packages, "run", lambda command: None):
            self.assertIsNone(packages.bochs_with()())

    def test_grub_without_its_parts_for_pcs_is_missing(self):
        with mock.patch.object(packages, "run", lambda command: "grub-mkimage (GRUB) 2.06-13+deb12u2\n"), \
                tempfile.TemporaryDirectory() as name, mock.patch.object(bochs, "GRUB", pathlib.Path(name)):
            self.assertIsNone(packages.grub_with("multiboot.mod")())
            (pathlib.Path(name) / "multiboot.mod").write_text("")
            self.assertEqual(packages.numbers(packages.grub_with("multiboot.mod")()), (2, 6))

    def test_nothing_is_touched_when_all_is_there(self):
        with mock.patch.object(packages, "NEEDS", (packages.Need("x", lambda: "1", "1", (["x"],)),)), \
                mock.patch.object(packages, "apt", side_effect=AssertionError("apt was called")):
            packages.ensure("test")

    def test_what_cannot_be_had_is_named(self):
        need = packages.Need("Flux", lambda: None, "88", (["flux"],))
        with mock.patch.object(packages, "NEEDS", (need,)), mock.patch.object(packages, "apt"), \
                mock.patch.object(packages, "add_backports", lambda: False), \
                mock.patch.object(packages, "run", lambda command: ""), mock.patch.object(say, "step"), \
                mock.patch.object(shutil, "which", lambda name: name):
            with self.assertRaisesRegex(say.Problem, "Flux >= 88"):
                packages.ensure("test")

    def test_what_is_optional_may_stay_away(self):
        need = packages.Need("Flux", lambda: None, "88", (["flux"],), optional=True)
        with mock.patch.object(packages, "NEEDS", (need,)), mock.patch.object(say, "step"), \
                mock.patch.object(packages, "apt", side_effect=say.Problem("no network")), \
                mock.patch.object(shutil, "which", lambda name: name), mock.patch.object(say, "note") as note:
            packages.ensure("test")
        self.assertIn("without Flux: the checks that use it are skipped", [call[0][0] for call in note.call_args_list])

    def test_without_root_and_sudo(self):
        with mock.patch.object(os, "geteuid", lambda: 1000), mock.patch.object(shutil, "which", lambda name: None):
            with self.assertRaisesRegex(say.Problem, "neither root nor is there sudo"):
                packages.as_root(["apt-get", "update"])

    def test_failure_of_apt_is_shown(self):
        with tempfile.TemporaryDirectory() as name:
            fake = pathlib.Path(name) / "apt-get"
            fake.write_text("#!/bin/sh\necho 'E: Could not resolve the mirror'\nexit 100\n")
            fake.chmod(0o755)
            path = f"{name}:{os.environ['PATH']}"
            with mock.patch.dict(os.environ, {"PATH": path}), mock.patch.object(say, "note"), \
                    mock.patch.object(packages, "as_root", lambda command: command):
                with self.assertRaisesRegex(say.Problem, "apt-get update failed.*\n.*Could not resolve"):
                    packages.apt("update")


class Archive(unittest.TestCase):
    def test_the_same_input_gives_the_same_bytes(self):
        self.assertEqual(guest.initial_ram_disk(b"b", b"i"), guest.initial_ram_disk(b"b", b"i"))

    @unittest.skipUnless(shutil.which("cpio"), "cpio is not on this machine")
    def test_cpio_reads_it(self):
        disk = gzip.decompress(guest.initial_ram_disk(b"busy" * 1000, b"#!/bin/busybox sh\n"))
        done = subprocess.run(["cpio", "-itv", "--quiet"], input=disk, capture_output=True, check=True)
        listed = done.stdout.decode()
        self.assertRegex(listed, r"crw------- .* 5, +1 .* dev/console")
        self.assertRegex(listed, r"-rwxr-xr-x .* 4000 .* bin/busybox")
        with tempfile.TemporaryDirectory() as name:
            subprocess.run(["cpio", "-id", "--quiet", "init", "bin/busybox"], input=disk, cwd=name, check=True,
                           capture_output=True)
            self.assertEqual((pathlib.Path(name) / "init").read_text(), "#!/bin/busybox sh\n")

    def test_layout(self):
        archive = cpio.Archive()
        archive.file("a", b"xyz", 0o600)
        out = archive.finish()
        self.assertEqual(out[:14], b"07070100000001")
        self.assertEqual(int(out[14:22], 16), 0o100600)
        self.assertEqual(int(out[54:62], 16), 3)
        self.assertEqual(out[110:112], b"a\0")
        self.assertEqual(out[112:116], b"xyz\0")
        self.assertIn(b"TRAILER!!!", out)


CONSOLE = """axhal: board qemu virt
AXHAL-GUEST userspace=1.25
AXHAL-GUEST kernel=6.1.0
AXHAL-GUEST memory_kib=229508
AXHAL-GUEST verdict=ok
[    3.2] reboot: Power downaxhal: exits mmio=36000 wfi=12
axhal: exits hypercall=3 mmio=1
axhal: verdict=power-off
""".splitlines()


class Transcript(unittest.TestCase):
    def read(self, lines):
        told = transcript.Transcript()
        for number, line in enumerate(lines):
            told.add(line, float(number))
        return told

    def test_lines(self):
        told = self.read(CONSOLE)
        self.assertEqual(told.userspace_seconds, 1.0)
        self.assertEqual(told.exits, {"mmio": 36001, "wfi": 12, "hypercall": 3})
        self.assertEqual(told.verdict, "power-off")
        self.assertEqual(told.exits_text(), "mmio 36001, wfi 12\nhypercall 3")
        self.assertEqual(told.reported(), "kernel 6.1.0\nmemory 229508 KiB\nverdict ok")

    def test_errors(self):
        self.assertEqual(self.read(["axhal: error: needs EL2, was entered at EL1"]).errors,
                         ["needs EL2, was entered at EL1"])

    def test_terminal_controls(self):
        self.assertEqual(transcript.clean(b"\x1b[6n\x1b[1;32mok\x1b[0m\r\n"), "ok")

    def test_nothing_said(self):
        told = self.read([])
        self.assertEqual((told.verdict, told.reported(), told.exits_text()), ("", "nothing", "not reported"))


class Verdicts(unittest.TestCase):
    def judge(self, lines, status=0, arguments=()):
        told = transcript.Transcript()
        for line in lines:
            told.add(line, 1.0)
        return demo.judge(demo.parse(list(arguments)), emulator.Outcome(told, status, 1.0))

    def test_success(self):
        self.assertEqual(self.judge(CONSOLE), ("ok, powered off", True))

    def test_everything_else_is_no_success(self):
        without = [line for line in CONSOLE if "userspace" not in line]
        failed = [line.replace("verdict=ok", "verdict=failed") for line in CONSOLE]
        silent = [line for line in CONSOLE if "verdict=ok" not in line]
        crashed = [line.replace("power-off", "crash") for line in CONSOLE]
        for lines in (without, failed, silent, crashed, CONSOLE[:-1], []):
            self.assertFalse(self.judge(lines)[1], lines)
        self.assertFalse(self.judge(CONSOLE, status=1)[1])
        self.assertEqual(self.judge(CONSOLE, status=None), ("no end within 1 s", False))

    def test_the_payload_has_no_user_space(self):
        lines = ["AXHAL-GUEST failures=0", "AXHAL-GUEST verdict=ok", "axhal: verdict=power-off"]
        self.assertTrue(self.judge(lines, arguments=["--guest", "payload"])[1])
        self.assertFalse(self.judge(lines)[1])

    def test_a_kernel_of_ones_own_need_only_power_off(self):
        arguments = ["--kernel", "/k"]
        self.assertTrue(self.judge(["axhal: verdict=power-off"], arguments=arguments)[1])
        self.assertFalse(self.judge(["axhal: verdict=crash"], arguments=arguments)[1])

    def test_bad_arguments(self):
        for arguments in (["mips"], ["--memory", "much"], ["--vcpus", "0"], ["--timeout", "0"],
                          ["--emulator-args", "'"]):
            with self.assertRaises(say.Problem, msg=arguments):
                demo.parse(arguments)
        with self.assertRaisesRegex(say.Problem, "No such file"):
            demo.readable("--kernel", "/does/not/exist")


class Emulator(unittest.TestCase):
    def run_fake(self, script, limit=20.0):
        """Runs a shell script in place of an emulator; it ignores the arguments that are added for one."""
        with tempfile.TemporaryDirectory() as name:
            log = pathlib.Path(name) / "log"
            outcome = emulator.run(["sh", "-c", script], log, limit)
            return outcome, log.read_bytes()

    def test_lines_and_log(self):
        outcome, log = self.run_fake("printf 'AXHAL-GUEST userspace=1\\r\\naxhal: verdict=power-off'; exit 3")
        self.assertEqual(outcome.told.verdict, "power-off")
        self.assertEqual(outcome.status, 3)
        self.assertIsNotNone(outcome.told.userspace_seconds)
        self.assertEqual(log, b"AXHAL-GUEST userspace=1\r\naxhal: verdict=power-off")

    def test_time_limit(self):
        outcome, _ = self.run_fake("echo begun; exec sleep 60", limit=0.5)
        self.assertTrue(outcome.timed_out)
        self.assertEqual(outcome.told.lines[0], "begun")
        self.assertLess(outcome.seconds, 10)

    def test_words_of_the_emulator(self):
        outcome, _ = self.run_fake("echo 'cannot set up guest memory' >&2; exit 1")
        self.assertIn("cannot set up", outcome.stderr)

    def test_missing_emulator(self):
        with self.assertRaisesRegex(say.Problem, "not on this machine"):
            emulator.run(["no-such-emulator"], "/dev/null", 1)


class Bochs(unittest.TestCase):
    def test_words_for_grub(self):
        words = bochs.grub_words('console=ttyS0  a="b, c" "d=e f"')
        self.assertEqual(words, ["'console=ttyS0'", "'a=b, c'", "'d=e f'"])
        self.assertEqual(bochs.grub_words(""), [])
        for line in ("it's", "a\\b"):
            with self.assertRaisesRegex(say.Problem, "cannot pass"):
                bochs.grub_words(line)

    def test_what_a_machine_is_made_of(self):
        machine = bochs.Machine("bochs-bin", "tigerlake", 512 << 20,
                                [("multiboot", "/image", "a=1"), ("module", "/k", 'x="y z"'), ("module", "/i", "")],
                                ("cpu: ips=7",), ("clock: sync=none",))
        self.assertEqual(machine.script(), "multiboot /file0 'a=1'\nmodule /file1 'x=y z'\nmodule /file2\nboot\n")
        lines = machine.configuration(1234).splitlines()
        for line in ("memory: guest=512, host=512", "cpu: model=tigerlake, count=1, reset_on_triple_fault=0",
                     "com1: enabled=1, mode=socket-client, dev=127.0.0.1:1234", "panic: action=fatal"):
            self.assertIn(line, lines)
        self.assertGreater(lines.index("cpu: ips=7"), lines.index("memory: guest=512, host=512"))

    def test_ends(self):
        self.assertEqual(bochs.judge(["1p[ACPI  ] >>PANIC<< ACPI control: soft power off", "x"]), (0, ""))
        self.assertEqual(bochs.judge(["1p[UNMAP ] >>PANIC<< Shutdown port: shutdown requested"]), (0, ""))
        self.assertEqual(bochs.judge(["1p[CPU0  ] >>PANIC<< exception(): 3rd fault"]), (1, "exception(): 3rd fault"))
        self.assertEqual(bochs.judge(["bad line", "of configuration"]), (1, "bad line\n" + "of configuration"))

    def run_fake(self, script, limit=20.0):
        """Runs a Python program in place of Bochs: `console` is its end of the serial line, `log` writes bochs.log."""
        head = ("import re, socket\n"
                "port = int(re.search(r'127.0.0.1:(\\d+)', open('bochsrc').read())[1])\n"
                "log = lambda line: open('bochs.log', 'a').write(line + '\\n')\n")
        with tempfile.TemporaryDirectory() as name:
            fake = pathlib.Path(name) / "fake-bochs"
            fake.write_text(f"#!{sys.executable}\n{head}{script}\n")
            fake.chmod(0o755)
            machine = bochs.Machine(str(fake), "model", 1 << 20, [])
            with mock.patch.object(bochs.Machine, "make_disc", lambda *_: None):
                return emulator.run(machine, pathlib.Path(name) / "log", limit)

    CONNECT = "console = socket.create_connection(('127.0.0.1', port))\n"

    def test_a_run(self):
        outcome = self.run_fake(self.CONNECT +
                                "console.sendall(b'AXHAL-GUEST userspace=1\\r\\naxhal: verdict=power-off')\n"
                                "log('>>PANIC<< ACPI control: soft power off'); raise SystemExit(1)")
        self.assertEqual((outcome.told.verdict, outcome.status), ("power-off", 0))
        self.assertIsNotNone(outcome.told.userspace_seconds)

    def test_a_panic_is_an_error(self):
        outcome = self.run_fake(self.CONNECT + "log('>>PANIC<< 3rd fault'); raise SystemExit(1)")
        self.assertEqual((outcome.status, outcome.stderr), (1, "3rd fault"))

    def test_a_machine_that_does_not_start(self):
        outcome = self.run_fake("print('no such model', flush=True); raise SystemExit(1)")
        self.assertEqual((outcome.status, outcome.stderr), (1, "no such model"))

    def test_time_limit(self):
        outcome = self.run_fake(self.CONNECT + "console.sendall(b'begun\\n'); import time; time.sleep(60)", limit=1.5)
        self.assertTrue(outcome.timed_out)
        self.assertLess(outcome.seconds, 20)


class Tally(unittest.TestCase):
    def test_counts(self):
        folder = mock.Mock()
        folder.name = "gcc"
        tally = check.Tally()
        for result in ("OK", "FAIL", "TIMEOUT", "SKIP", "ERROR", "UNEXPECTEDPASS", "EXPECTEDFAIL"):
            tally.add(folder, {"name": result.lower(), "result": result, "stdout": "why"})
        self.assertEqual((tally.passed, len(tally.failed), len(tally.skipped)), (2, 4, 1))


class Table(unittest.TestCase):
    def test_columns(self):
        self.assertEqual(say.table(["a", "long"], [["one\ntwo", "x"]]), "a    long\n---  ----\none  x\ntwo")


if __name__ == "__main__":
    unittest.main()
