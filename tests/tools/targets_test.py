#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What tools/ know of targets and their guests, tested without a network, without root and without an emulator."""

import gzip
import itertools
import json
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from axhal_tools import guest, say, sources, targets  # noqa: E402

ARM, RISCV = guest.ARCHITECTURES["aarch64"], guest.ARCHITECTURES["riscv64"]
PC = guest.ARCHITECTURES["x86_64"]


class Guest(unittest.TestCase):
    IMAGES = {ARM: b"MZ" + bytes(54) + b"ARM\x64" + bytes(8),
              RISCV: b"MZo\x10" + bytes(44) + b"RISCV\0\0\0RSC\x05" + bytes(4),
              PC: b"MZ" + bytes(0x1fc) + b"\x55\xaa\xeb\x6aHdrS" + bytes(60)}

    def test_kernels(self):
        for architecture, image in self.IMAGES.items():
            with self.subTest(architecture.name):
                self.assertEqual(guest.plain_kernel(image, architecture), image)
                packed = gzip.compress(image)
                self.assertEqual(guest.plain_kernel(packed, architecture), image)
                zboot = b"MZ\0\0zimg" + b"".join(n.to_bytes(4, "little") for n in (64, len(packed), 0, 0)) + b"gzip"
                self.assertEqual(guest.plain_kernel(zboot.ljust(64, b"\0") + packed, architecture), image)
                with self.assertRaisesRegex(say.Problem, f"does not hold a {architecture.name} kernel"):
                    guest.plain_kernel(b"not a kernel" * 10, architecture)

    def test_a_kernel_of_another_architecture_is_refused(self):
        for one, other in itertools.permutations(self.IMAGES, 2):
            with self.assertRaises(say.Problem):
                guest.plain_kernel(self.IMAGES[one], other)

    def test_the_kernel_in_a_package(self):
        for name in ("vmlinuz-6.1.0-arm64", "vmlinux-6.12+deb13-riscv64"):
            with tempfile.TemporaryDirectory() as folder:
                boot = pathlib.Path(folder) / "boot"
                boot.mkdir()
                (boot / "System.map-6").write_text("")
                with self.assertRaises(say.Problem):
                    guest.find_kernel(boot.parent)
                (boot / name).write_text("k")
                self.assertEqual(guest.find_kernel(boot.parent), boot / name)

    def test_a_damaged_cache_is_noticed(self):
        with tempfile.TemporaryDirectory() as name:
            home = pathlib.Path(name)
            self.assertIsNone(guest.vouched(home))
            (home / "kernel").write_bytes(b"k")
            (home / "busybox").write_bytes(b"b")
            manifest = {"kernel": guest.sha256(b"k"), "busybox": guest.sha256(b"b"), "version": "1"}
            (home / "manifest.json").write_text(json.dumps(manifest))
            self.assertEqual(guest.vouched(home)["version"], "1")
            (home / "kernel").write_bytes(b"K")
            self.assertIsNone(guest.vouched(home))

    def test_mirror_variable(self):
        with mock.patch.dict(os.environ, {guest.MIRROR_VARIABLE: "http://m.example/debian stone"}):
            self.assertEqual([source.suite for source in guest.guest_sources(ARM)], ["stone"])
            self.assertEqual([source.suite for source in guest.guest_sources(RISCV)], ["stone"])
        with mock.patch.dict(os.environ, {guest.MIRROR_VARIABLE: "http://m.example/debian bookworm"}):
            self.assertEqual([source.suite for source in guest.guest_sources(ARM)], ["bookworm"])
            self.assertEqual([source.suite for source in guest.guest_sources(RISCV)], ["trixie"])
        with mock.patch.dict(os.environ, {guest.MIRROR_VARIABLE: "http://m.example/debian"}):
            with self.assertRaises(say.Problem):
                guest.guest_sources(ARM)

    def suites_on(self, codename, architecture):
        """Suites asked for on a machine of a release that knows backports and a stranger's archive too."""
        known = [sources.Source("http://a.example", f"{codename}{part}", ("main",), "/k.gpg")
                 for part in ("", "-updates", "-security", "-backports")]
        known.append(sources.Source("http://other.example", "nodistro", ("main",), "/o.gpg"))
        known.append(sources.Source("http://inline.example", codename, ("main",), "\n abc"))
        with mock.patch.object(sources, "configured", lambda: known), mock.patch.dict(os.environ), \
                mock.patch.object(sources, "release", lambda: ("debian", codename)):
            os.environ.pop(guest.MIRROR_VARIABLE, None)
            found = guest.guest_sources(architecture)
        self.assertEqual({(source.uri, source.signed_by) for source in found}, {("http://a.example", "/k.gpg")})
        return [source.suite for source in found]

    def test_the_machines_release_or_the_first_that_has_the_architecture(self):
        self.assertEqual(self.suites_on("bookworm", ARM), ["bookworm", "bookworm-updates", "bookworm-security"])
        self.assertEqual(self.suites_on("bookworm", RISCV), ["trixie", "trixie-updates", "trixie-security"])
        self.assertEqual(self.suites_on("trixie", RISCV), ["trixie", "trixie-updates", "trixie-security"])
        self.assertEqual(self.suites_on("forky", RISCV), ["forky", "forky-updates", "forky-security"])

    def test_updates_that_cannot_be_had_are_done_without(self):
        release = sources.Source("http://a.example", "stone", ("main",))
        updates = sources.Source("http://a.example", "stone-updates", ("main",))

        def run(apt, *_):
            if broken in (apt.folder / "sources.list").read_text():
                raise say.Problem("apt-get update failed")

        with tempfile.TemporaryDirectory() as name, mock.patch.object(guest.PrivateApt, "run", run), \
                mock.patch.object(say, "note") as note:
            folder = pathlib.Path(name) / "apt"
            listed = folder / "sources.list"
            broken = " none "
            guest.with_lists(folder, "riscv64", [release, updates])
            self.assertEqual((listed.read_text().count("\n"), note.called), (2, False))
            broken = "-updates "
            guest.with_lists(folder, "riscv64", [release, updates])
            self.assertEqual((listed.read_text().count("\n"), note.called), (1, True))
            broken = " stone "
            with self.assertRaises(say.Problem):
                guest.with_lists(folder, "riscv64", [release, updates])
            with self.assertRaises(say.Problem):
                guest.with_lists(folder, "riscv64", [release])

    def test_a_failed_fetch_says_why(self):
        with tempfile.TemporaryDirectory() as name:
            gone = sources.Source(f"file:{name}/nothing", "stone", ("main",))
            apt = guest.PrivateApt(pathlib.Path(name) / "apt", "arm64", [gone])
            with self.assertRaisesRegex(say.Problem, "failed while fetching the guest:\n  E: "):
                apt.run("apt-get", "update")


class Targets(unittest.TestCase):
    def run_of(self, target="aarch64", **more):
        files = targets.GuestFiles("/k,1", more.pop("kernel_size", 1000), "/i", 'console=ttyAMA0 quiet,x="a b"')
        return targets.Run(targets.TARGETS[target], "/image", files, **more)

    BZIMAGE = Guest.IMAGES[PC]
    QEMUS = [name for name, target in targets.TARGETS.items() if target.emulator != targets.BOCHS]

    def devices(self, run):
        words = targets.command(run)
        return [json.loads(words[i + 1]) for i, word in enumerate(words) if word == "-device"]

    def test_sizes(self):
        for text, size in {"256M": 256 << 20, "1G": 1 << 30, "64": 64 << 20, "65536K": 64 << 20, "2g": 2 << 30}.items():
            self.assertEqual(targets.parse_size(text), size)
            self.assertEqual(targets.parse_size(targets.format_size(size)), size)
        for text in ("", "M", "0", "-1G", "1.5G", "12X", "0x10M"):
            with self.assertRaises(say.Problem, msg=text):
                targets.parse_size(text)

    def test_files_are_placed_apart(self):
        kernel, initrd = self.devices(self.run_of())
        self.assertEqual((kernel["addr"], kernel["kernel"]), (0x5000_0000, "/k,1"))
        self.assertEqual(kernel["bootargs"], 'console=ttyAMA0 quiet,x="a b"')
        self.assertEqual(initrd, {"driver": "guest-loader", "addr": 0x5800_0000, "initrd": "/i"})
        _, initrd = self.devices(self.run_of(kernel_size=(128 << 20) + 1))
        self.assertEqual(initrd["addr"], 0x5820_0000)

    def test_the_machine_has_room_for_the_guest(self):
        self.assertEqual(targets.machine_memory(self.run_of()), 1 << 30)
        self.assertEqual(targets.machine_memory(self.run_of(memory=64 << 20)), 1 << 30)
        self.assertEqual(targets.machine_memory(self.run_of(memory=1 << 30)), (1 << 30) + (768 << 20))
        self.assertEqual(targets.machine_memory(self.run_of(memory=(1 << 30) + 1024)), (1 << 30) + (769 << 20))

    def test_on_riscv64_the_guest_fits_above_the_device_tree(self):
        tree = 3 << 30  # the emulator puts it below this address where memory goes on behind
        for memory in (64 << 20, 256 << 20, 1 << 30, 4 << 30):
            run = self.run_of("riscv64", memory=memory)
            end = 0x8000_0000 + targets.machine_memory(run)
            self.assertGreaterEqual(end - tree, memory + (2 << 20))
        kernel, initrd = self.devices(run)
        self.assertEqual((kernel["addr"], initrd["addr"]), (0x9000_0000, 0x9800_0000))
        _, initrd = self.devices(self.run_of("riscv64", kernel_size=(128 << 20) + 1))
        self.assertEqual(initrd["addr"], 0x9820_0000)

    def test_a_run_may_change_the_machine(self):
        for target in self.QEMUS:
            usual = targets.TARGETS[target]
            words = targets.command(self.run_of(target))
            self.assertEqual(words[0], usual.emulator)
            self.assertEqual(words[1 : 1 + len(usual.machine)], list(usual.machine))
            self.assertEqual(words[words.index("-cpu") + 1], usual.cpu)
        words = targets.command(self.run_of("riscv64", cpu="max", machine=("-M", "virt,aia=aplic-imsic")))
        self.assertEqual(words[1:5], ["-M", "virt,aia=aplic-imsic", "-cpu", "max"])

    def test_no_guest(self):
        for target in self.QEMUS:
            run = self.run_of(target)
            run.guest = targets.GuestFiles(None, 0)
            self.assertEqual(self.devices(run), [])
            self.assertNotIn("-initrd", targets.command(run))

    def test_files_as_multiboot_modules(self):
        words = targets.command(self.run_of("x86_64-svm"))
        self.assertEqual(words[words.index("-initrd") + 1], '/k,,1 console=ttyAMA0 quiet,,x="a b",/i')
        self.assertEqual(words[words.index("-append") + 1], "axhal.memory=256M axhal.vcpus=1")
        run = self.run_of("x86_64-svm")
        run.guest = targets.GuestFiles("/k", 1)
        self.assertEqual(targets.command(run)[-2:], ["-initrd", "/k"])
        run.guest = targets.GuestFiles("/a folder/k", 1)
        with self.assertRaisesRegex(say.Problem, "first space"):
            targets.command(run)

    def test_on_a_pc_the_guest_fits_below_the_devices_or_above_4_gib(self):
        for memory in (64 << 20, 256 << 20, 1 << 30, 2 << 30, (9 << 30) // 4, 3 << 30):
            machine = targets.machine_memory(self.run_of("x86_64-svm", memory=memory))
            split = machine > 0xB000_0000  # the emulator's own rule for this machine
            largest = max(2 << 30, machine - (2 << 30)) if split else machine
            self.assertGreaterEqual(largest, memory + (256 << 20))

    def test_the_guest_alone(self):
        words = targets.bare_command(self.run_of(memory=96 << 20, emulator_arguments=("-icount", "1")))
        self.assertEqual(words[words.index("-M") + 1], "virt,gic-version=2")
        self.assertEqual(words[words.index("-m") + 1], "96M")
        self.assertEqual(words[words.index("-kernel") + 1], "/k,1")
        self.assertEqual(words[words.index("-initrd") + 1], "/i")
        self.assertEqual(words[-4:], ["-append", 'console=ttyAMA0 quiet,x="a b"', "-icount", "1"])
        words = targets.bare_command(self.run_of("riscv64", machine=("-M", "virt,aia=aplic-imsic"), cpu="max"))
        self.assertEqual(words[1:5], ["-M", "virt,aia=aplic-imsic", "-cpu", "max"])

    def test_a_machine_under_bochs(self):
        run = self.run_of("x86_64-vmx", memory=1 << 30, emulator_arguments=("cpu: ips=5000000",))
        machine = targets.command(run)
        self.assertEqual((machine.command, machine.cpu, machine.memory), ("bochs-bin", "corei7_haswell_4770", 5 << 28))
        self.assertEqual(machine.loads, [("multiboot", "/image", "axhal.memory=1G axhal.vcpus=1"),
                                         ("module", "/k,1", 'console=ttyAMA0 quiet,x="a b"'), ("module", "/i", "")])
        self.assertEqual((machine.options, machine.arguments), (run.target.machine, ("cpu: ips=5000000",)))
        run.cpu, run.machine = "tigerlake", ("clock: sync=none",)
        self.assertEqual((targets.command(run).cpu, targets.command(run).options), ("tigerlake", run.machine))
        with tempfile.NamedTemporaryFile() as kernel:
            run.guest.kernel = kernel.name
            bare = targets.bare_command(run)
            self.assertEqual([word for word, _, _ in bare.loads], ["multiboot", "module"])
            kernel.write(self.BZIMAGE)
            kernel.flush()
            bare = targets.bare_command(run)
        self.assertEqual([word for word, _, _ in bare.loads], ["linux", "initrd"])
        self.assertEqual(bare.memory, 1 << 30)
        run.guest = targets.GuestFiles(None, 0)
        self.assertEqual(len(targets.command(run).loads), 1)

    def test_every_target_is_known_everywhere(self):
        for name, target in targets.TARGETS.items():
            self.assertEqual(target.name, name)
            self.assertIn(target.architecture, guest.ARCHITECTURES)
            self.assertIn(targets.architectures()[target.architecture].name, targets.TARGETS)
            self.assertTrue((ROOT / target.cross_file).is_file())
            self.assertIn(f"'{target.tool_prefix}g++'", (ROOT / target.cross_file).read_text())
            self.assertIn("console=", target.console)

    def test_the_users_arguments_come_last(self):
        self.assertEqual(targets.command(self.run_of(emulator_arguments=("-icount", "1")))[-2:], ["-icount", "1"])


if __name__ == "__main__":
    unittest.main()
