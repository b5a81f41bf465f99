# SPDX-License-Identifier: BSL-1.0
"""The machines that images are made for, and how each is started under its emulator."""

import dataclasses
import json

from . import say

MIB = 1 << 20
TWO_MIB = 2 * MIB


@dataclasses.dataclass(frozen=True)
class Target:
    """A machine under an emulator. Addresses and sizes are in bytes."""

    name: str
    emulator: str
    machine: tuple  # arguments that make the machine
    bare_machine: tuple  # and those of the same machine as a guest sees it, for one that runs without a hypervisor
    cpu: str  # the processor unless a run asks for another
    memory_beside: int  # what the machine has beside the guest's memory: for the image and for what is loaded
    kernel_address: int  # where the guest's kernel file is put for the hypervisor to find
    initrd_address: int  # and the initial RAM disk, unless the kernel reaches that far
    console: str  # words for the guest's kernel: what its first serial port is called, and how it is reached early
    cross_file: str
    tool_prefix: str  # of the binary utilities for its images
    image: str  # file name of the example hypervisor
    payload: str  # file name of the tiny guest of our own


TARGETS = {
    "aarch64": Target(
        name="aarch64",
        emulator="qemu-system-aarch64",
        machine=("-M", "virt,virtualization=on,gic-version=2", "-nic", "none"),
        bare_machine=("-M", "virt,gic-version=2", "-nic", "none"),
        cpu="cortex-a72",
        memory_beside=768 * MIB,
        kernel_address=0x5000_0000,
        initrd_address=0x5800_0000,
        console="console=ttyAMA0 earlycon",
        cross_file="tools/cross/aarch64.ini",
        tool_prefix="aarch64-linux-gnu-",
        image="hypervisor-aarch64.bin",
        payload="payload-aarch64.bin",
    ),
    "riscv64": Target(
        name="riscv64",
        emulator="qemu-system-riscv64",
        machine=("-M", "virt", "-nic", "none"),
        bare_machine=("-M", "virt", "-nic", "none"),
        cpu="rv64,h=true",
        # The emulator puts the device tree at the end of memory or just below 3 GiB, whichever comes first. Memory
        # begins at 2 GiB, so beyond the first GiB the guest's has one piece to itself, however large it is.
        memory_beside=1088 * MIB,
        kernel_address=0x9000_0000,
        initrd_address=0x9800_0000,
        console="console=ttyS0 earlycon=sbi",
        cross_file="tools/cross/riscv64.ini",
        tool_prefix="riscv64-linux-gnu-",
        image="hypervisor-riscv64.bin",
        payload="payload-riscv64.bin",
    ),
}


def target_of(name):
    if name not in TARGETS:
        raise say.Problem(f"unknown target '{name}'; there is: {', '.join(TARGETS)}")
    return TARGETS[name]


def parse_size(text):
    """Bytes in a text like 256M, 1G or 65536K. A number without a unit counts mebibytes, as QEMU has it."""
    units = {"K": 1 << 10, "M": MIB, "G": 1 << 30}
    unit = text[-1:].upper()
    digits = text[:-1] if unit in units else text
    if not digits.isdecimal() or int(digits) == 0:
        raise say.Problem(f"'{text}' is not a size; write a whole number above 0 and K, M or G (say 256M)")
    return int(digits) * units.get(unit, MIB)


def format_size(size):
    """The shortest text that `parse_size` and the hypervisor read as `size`, a multiple of 1 KiB."""
    for unit, bytes_of_unit in (("G", 1 << 30), ("M", MIB)):
        if size % bytes_of_unit == 0:
            return f"{size // bytes_of_unit}{unit}"
    return f"{size // 1024}K"


@dataclasses.dataclass
class GuestFiles:
    """What one guest is started with."""

    kernel: object  # None: there is no guest
    kernel_size: int
    initrd: object = None
    command_line: str = ""


@dataclasses.dataclass
class Run:
    """One start of a target: its guest and everything that may differ from the usual."""

    target: Target
    image: object
    guest: GuestFiles
    memory: int = 256 * MIB
    vcpus: int = 1
    cpu: str = ""
    machine: tuple = ()  # instead of the target's own, with and without a hypervisor
    emulator_arguments: tuple = ()


def machine_memory(run):
    """Memory of the machine: the guest's, but room for 256 MiB at least, and what its target wants beside it."""
    return max(256 * MIB, -(-run.memory // MIB) * MIB) + run.target.memory_beside


def loader(**properties):
    # The notation of JSON, in which commas and spaces of a command line need no escapes.
    return ["-device", json.dumps({"driver": "guest-loader", **properties})]


def command(run):
    """The emulator's command line for a run, without its console.

    The emulator's guest loader puts each file into memory and describes it in the device tree below `/chosen`
    (`multiboot,module`, `multiboot,kernel` or `multiboot,ramdisk`), where the hypervisor finds it.
    """
    target = run.target
    words = [target.emulator, *(run.machine or target.machine), "-cpu", run.cpu or target.cpu]
    words += ["-m", f"{machine_memory(run) // MIB}M", "-no-reboot", "-kernel", str(run.image)]
    words += ["-append", f"axhal.memory={format_size(run.memory)} axhal.vcpus={run.vcpus}"]
    if run.guest.kernel:
        words += loader(addr=target.kernel_address, kernel=str(run.guest.kernel), bootargs=run.guest.command_line)
    if run.guest.initrd:
        after = target.kernel_address + run.guest.kernel_size
        words += loader(addr=max(target.initrd_address, -(-after // TWO_MIB) * TWO_MIB), initrd=str(run.guest.initrd))
    return words + list(run.emulator_arguments)


def bare_command(run):
    """The same for the guest alone: its kernel is what the machine starts, and the machine's memory is the guest's."""
    target = run.target
    words = [target.emulator, *(run.machine or target.bare_machine), "-cpu", run.cpu or target.cpu]
    words += ["-m", f"{run.memory // MIB}M", "-smp", str(run.vcpus), "-no-reboot", "-kernel", str(run.guest.kernel)]
    if run.guest.initrd:
        words += ["-initrd", str(run.guest.initrd)]
    return words + ["-append", run.guest.command_line, *run.emulator_arguments]
