# SPDX-License-Identifier: BSL-1.0
"""The machines that images are made for, and how each is started under its emulator."""

import dataclasses
import json

from . import bochs, guest, say

MIB = 1 << 20
TWO_MIB = 2 * MIB
BOCHS = "bochs-bin"  # the emulator that is no QEMU: bochs.py has what is different


@dataclasses.dataclass(frozen=True)
class Target:
    """A machine under an emulator. Addresses and sizes are in bytes."""

    name: str
    architecture: str  # whose images and guests it runs; targets of one architecture share them
    emulator: str
    machine: tuple  # arguments that make the machine
    bare_machine: tuple  # and those of the same machine as a guest sees it, for one that runs without a hypervisor
    cpu: str  # the processor unless a run asks for another
    memory_beside: int  # what the machine has beside the guest's memory: for the image and for what is loaded
    console: str  # words for the guest's kernel: what its first serial port is called, and how it is reached early
    time_limit: int  # seconds in which Linux comes to its end on a busy machine
    # Where QEMU's guest loader puts the guest's kernel file and, unless that reaches so far, the initial RAM disk.
    # None: they are modules of a Multiboot loader, which finds places itself.
    kernel_address: int | None = None
    initrd_address: int | None = None
    below_devices: int = 0  # a PC's memory beyond this goes on above 4 GiB, and what is below ends at 2 GiB then

    @property
    def cross_file(self):
        return f"tools/cross/{self.architecture}.ini"

    @property
    def tool_prefix(self):
        """Of the binary utilities for its images."""
        return f"{self.architecture}-linux-gnu-"

    @property
    def image(self):
        """File name of the example hypervisor."""
        return f"hypervisor-{self.architecture}.bin"

    @property
    def payload(self):
        """File name of the tiny guest of our own."""
        return f"payload-{self.architecture}.bin"


TARGETS = {
    "aarch64": Target(
        name="aarch64",
        architecture="aarch64",
        emulator="qemu-system-aarch64",
        machine=("-M", "virt,virtualization=on,gic-version=2", "-nic", "none"),
        bare_machine=("-M", "virt,gic-version=2", "-nic", "none"),
        cpu="cortex-a72",
        memory_beside=768 * MIB,
        console="console=ttyAMA0 earlycon",
        time_limit=300,
        kernel_address=0x5000_0000,
        initrd_address=0x5800_0000,
    ),
    "riscv64": Target(
        name="riscv64",
        architecture="riscv64",
        emulator="qemu-system-riscv64",
        machine=("-M", "virt", "-nic", "none"),
        bare_machine=("-M", "virt", "-nic", "none"),
        cpu="rv64,h=true",
        # The emulator puts the device tree at the end of memory or just below 3 GiB, whichever comes first. Memory
        # begins at 2 GiB, so beyond the first GiB the guest's has one piece to itself, however large it is.
        memory_beside=1088 * MIB,
        console="console=ttyS0 earlycon=sbi",
        time_limit=300,
        kernel_address=0x9000_0000,
        initrd_address=0x9800_0000,
    ),
    "x86_64-svm": Target(
        name="x86_64-svm",
        architecture="x86_64",
        emulator="qemu-system-x86_64",
        machine=("-M", "q35", "-nic", "none"),
        bare_machine=("-M", "q35", "-nic", "none"),
        cpu="max,+svm,+npt",
        memory_beside=512 * MIB,
        console="console=ttyS0 earlyprintk=ttyS0,115200",
        time_limit=300,
        below_devices=0xB000_0000,
    ),
    "x86_64-vmx": Target(
        name="x86_64-vmx",
        architecture="x86_64",
        emulator=BOCHS,
        machine=("cpu: ips=50000000",),
        bare_machine=("cpu: ips=50000000",),
        cpu="corei7_haswell_4770",
        memory_beside=256 * MIB,
        console="console=ttyS0 earlyprintk=ttyS0,115200",
        time_limit=900,
    ),
}


def architectures():
    """Each architecture once, with one of its targets."""
    first = {}
    for target in TARGETS.values():
        first.setdefault(target.architecture, target)
    return first


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
    wanted = max(256 * MIB, -(-run.memory // MIB) * MIB) + run.target.memory_beside
    # The guest's lies in one piece: then above 4 GiB.
    return wanted if wanted <= (run.target.below_devices or wanted) else wanted + (2 << 30)


def own_words(run):
    """The words for the hypervisor itself."""
    return f"axhal.memory={format_size(run.memory)} axhal.vcpus={run.vcpus}"


def loader(**properties):
    # The notation of JSON, in which commas and spaces of a command line need no escapes.
    return ["-device", json.dumps({"driver": "guest-loader", **properties})]


def by_guest_loader(run):
    """QEMU's arguments for the guest's files, by its guest loader.

    It puts each file into memory and describes it in the device tree below `/chosen` (`multiboot,module`,
    `multiboot,kernel` or `multiboot,ramdisk`), where the hypervisor finds it.
    """
    words = []
    if run.guest.kernel:
        words += loader(addr=run.target.kernel_address, kernel=str(run.guest.kernel), bootargs=run.guest.command_line)
    if run.guest.initrd:
        after = run.target.kernel_address + run.guest.kernel_size
        words += loader(addr=max(run.target.initrd_address, -(-after // TWO_MIB) * TWO_MIB),
                        initrd=str(run.guest.initrd))
    return words


def by_multiboot(run):
    """QEMU's arguments for the guest's files as Multiboot modules, with a comma between one and the next.

    The words of each begin with its file's name; the hypervisor leaves that out.
    """
    modules = guest_modules(run)
    for path, _ in modules:
        if " " in str(path):
            raise say.Problem(f"{path}: QEMU's Multiboot loader ends a file's name at its first space")
    texts = [f"{path} {line}".rstrip().replace(",", ",,") for path, line in modules]
    return ["-initrd", ",".join(texts)] if texts else []


def guest_modules(run):
    """Files of the guest as a Multiboot loader takes them: (file, words), the kernel first."""
    modules = []
    if run.guest.kernel:
        modules.append((run.guest.kernel, run.guest.command_line))
    if run.guest.initrd:
        modules.append((run.guest.initrd, ""))
    return modules


def under_bochs(run, machine, memory, loads):
    return bochs.Machine(run.target.emulator, run.cpu or run.target.cpu, memory, loads, run.machine or machine,
                         tuple(run.emulator_arguments))


def command(run):
    """What starts a run, for `emulator.run`: a command line of QEMU without its console, or a machine under Bochs."""
    target = run.target
    if target.emulator == BOCHS:
        loads = [("multiboot", run.image, own_words(run))]
        loads += [("module", path, line) for path, line in guest_modules(run)]
        return under_bochs(run, target.machine, machine_memory(run), loads)
    words = [target.emulator, *(run.machine or target.machine), "-cpu", run.cpu or target.cpu]
    words += ["-m", f"{machine_memory(run) // MIB}M", "-no-reboot", "-kernel", str(run.image)]
    words += ["-append", own_words(run)]
    words += by_multiboot(run) if target.kernel_address is None else by_guest_loader(run)
    return words + list(run.emulator_arguments)


def bare_command(run):
    """The same for the guest alone: its kernel is what the machine starts, and the machine's memory is the guest's."""
    target = run.target
    if target.emulator == BOCHS:
        first, *others = guest_modules(run)
        how = ("linux", "initrd") if guest.is_bzimage(run.guest.kernel) else ("multiboot", "module")
        loads = [(how[0], *first), *[(how[1], *other) for other in others]]
        return under_bochs(run, target.bare_machine, run.memory, loads)
    words = [target.emulator, *(run.machine or target.bare_machine), "-cpu", run.cpu or target.cpu]
    words += ["-m", f"{run.memory // MIB}M", "-smp", str(run.vcpus), "-no-reboot", "-kernel", str(run.guest.kernel)]
    if run.guest.initrd:
        words += ["-initrd", str(run.guest.initrd)]
    return words + ["-append", run.guest.command_line, *run.emulator_arguments]
