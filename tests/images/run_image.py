#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs one image test of a target (common.toml, TARGET.toml), or lists their names.

usage: run_image.py list TARGET
       run_image.py run NAME TARGET IMAGE PAYLOADS FOLDER

PAYLOADS is where this build makes the guests of our own, FOLDER where it has made the tests' firmware; logs go to
`logs/TARGET` in that.
"""

import gzip
import pathlib
import re
import shlex
import signal
import struct
import sys
import tomllib

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from axhal_tools import emulator, guest, say, targets  # noqa: E402

SHOWN_LINES = 40
TIMEOUT = 180  # seconds, where a block states no other
MIB = 1 << 20


ELF_MACHINE = {"x86_64": 62, "aarch64": 183, "riscv64": 243}
RAM = {"x86_64": 0, "aarch64": 0x4000_0000, "riscv64": 0x8000_0000}


def elf_header(machine):
    """A 64-bit little-endian ELF header that announces one program header of one page, entered at its start."""
    start = RAM[machine] + 0x20_0000
    return (b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
            + struct.pack("<HHIQQQIHHHHHH", 2, ELF_MACHINE[machine], 1, start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
            + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, 4096, 4096, 4096))


def image_header(machine, size):
    """The first bytes of a Linux Image, or of a bzImage with one sector of setup code, that states `size` bytes."""
    if machine == "x86_64":
        # From setup_sects to cmdline_size, by offset; whatever is not named is zero.
        fields = {0x1F1: b"\x01", 0x1FE: b"\x55\xaa", 0x200: b"\xeb\x6a", 0x202: b"HdrS\x0f\x02", 0x211: b"\x01",
                  0x22C: b"\xff\xff\xff\x7f", 0x230: b"\0\0\x20\0", 0x234: b"\x01\x15\x03", 0x238: b"\xff\x07",
                  0x258: struct.pack("<QI", 0x100_0000, min(size, 0xFFFF_F000))}
        header = bytearray(1024)
        for at, value in fields.items():
            header[at : at + len(value)] = value
        return bytes(header)
    if machine == "aarch64":
        return struct.pack("<IIQQQQQQ4sI", 0x1400_0000, 0, 0, size, 0xA, 0, 0, 0, b"ARM\x64", 0)
    return struct.pack("<IIQQQIIQ8s4sI", 0x0000_006F, 0, 0x20_0000, size, 0, 2, 0, 0, b"RISCV", b"RSC\x05", 0)


def without_header(image):
    """A Linux Image as a flat binary: its first two instructions stay, the rest of its header is wiped."""
    return image[:8] + bytes(56) + image[64:]


def another(machine):
    return "riscv64" if machine == "aarch64" else "aarch64"


WORDS_OF_A_PROGRAM = b"AXHAL-GUEST verdict=ok\r\n\0"


def pc_program(at, is_16_bit):
    """Writes its words to the first serial port and switches the virtual PC off by its PM1a control register."""
    to_16 = b"" if is_16_bit else b"\x66"  # operand-size prefix
    begin = b"\xfa"  # cli
    if is_16_bit:
        begin += b"\x31\xc0\x8e\xd8"  # xor ax, ax; mov ds, ax
    rest = to_16 + b"\xba\xf8\x03"  # mov dx, 0x3f8
    rest += b"\xac\x08\xc0\x74\x03\xee\xeb\xf8"  # 1: lodsb; or al, al; jz 2f; out dx, al; jmp 1b
    rest += to_16 + b"\xba\x04\x06" + to_16 + b"\xb8\x00\x34" + to_16 + b"\xef"  # 2: mov dx, 0x604; mov ax, 0x3400; out
    rest += b"\xf4\xeb\xfd"  # 3: hlt; jmp 3b
    size = 2 if is_16_bit else 4
    words = at + len(begin) + 1 + size + len(rest)
    return begin + b"\xbe" + words.to_bytes(size, "little") + rest + WORDS_OF_A_PROGRAM  # mov si, words


def boot_sector():
    return pc_program(0x7C00, True).ljust(510, b"\0") + b"\x55\xaa"


def pvh_kernel():
    """A 64-bit ELF of a PC whose note names its 32-bit entry (Xen's PVH)."""
    at, start = 0x100, 0x20_0000
    program = pc_program(start + at, False)
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", start + at)
    whole = at + len(program)
    header = (b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
              + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start + at, 64, 0, 0, 64, 56, 2, 0, 0, 0)
              + struct.pack("<IIQQQQQQ", 1, 7, 0, start, start, whole, whole, 4096)
              + struct.pack("<IIQQQQQQ", 4, 4, 0xC0, start + 0xC0, start + 0xC0, len(note), len(note), 4))
    return (header.ljust(0xC0, b"\0") + note).ljust(at, b"\0") + program


MULTIBOOT = struct.pack("<III", 0x1BADB002, 0, -0x1BADB002 & 0xFFFF_FFFF)


def multiboot_kernel():
    """A 32-bit ELF of a PC with a Multiboot header."""
    at, start = 0x100, 0x20_0000
    program = pc_program(start + at, False)
    whole = at + len(program)
    header = (b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
              + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, start + at, 52, 0, 0, 52, 32, 1, 0, 0, 0)
              + struct.pack("<IIIIIIII", 1, 0, start, start, whole, whole, 7, 4096))
    return (header.ljust(0xC0, b"\0") + MULTIBOOT).ljust(at, b"\0") + program


MADE = {
    "elf-of-another": lambda machine: elf_header(another(machine)).ljust(4096, b"\0"),
    "elf-cut-short": lambda machine: elf_header(machine)[:100],
    "image-of-another": lambda machine: image_header(another(machine), 65536).ljust(65536, b"\0"),
    "image-too-large": lambda machine: image_header(machine, 1 << 40).ljust(65536, b"\0"),
    "boot-sector": lambda _: boot_sector(),
    "boot-sector-without-mark": lambda _: boot_sector()[:510] + bytes(2),
    "pvh": lambda _: pvh_kernel(),
    "pvh-cut-short": lambda _: pvh_kernel()[:-8],
    "elf-without-note": lambda machine: elf_header(machine).ljust(4096, b"\0"),
    "multiboot": lambda _: multiboot_kernel(),
    "multiboot-with-wrong-checksum": lambda _: multiboot_kernel().replace(MULTIBOOT, MULTIBOOT[:-1] + b"\0"),
    "bzimage-cut-short": lambda machine: image_header(machine, 65536)[:900],
    "gzip": lambda machine: gzip.compress(elf_header(machine)),
    "large-file": lambda machine: b"070701" + bytes(80 * MIB),
}


def made(kind, machine, folder):
    """A file of a kind in MADE."""
    path = folder / f"{kind}.made"
    path.write_bytes(MADE[kind](machine))
    return path


def prepare(test, target, payloads, folder):
    """The guest's files as the test wants them."""
    kind = test["guest"]
    if kind == "none":
        return targets.GuestFiles(None, 0)
    initrd = None
    words = [target.console]
    if kind == "linux":
        linux = guest.linux(target.architecture)
        kernel, initrd = linux.kernel, linux.initrd
        words.append("rdinit=/init")
    elif kind in ("payload", "sweep", "boot-sector"):
        kernel = payloads / f"{kind}-{target.architecture}.bin"
    elif kind == "payload-elf":
        kernel = (payloads / target.payload).with_suffix(".elf")
    elif kind == "payload-raw":
        kernel = folder / "payload-raw.made"
        kernel.write_bytes(without_header((payloads / target.payload).read_bytes()))
    else:
        kernel = made(kind.removeprefix("made:"), target.architecture, folder)
    if "initrd" in test:
        initrd = made(test["initrd"].removeprefix("made:"), target.architecture, folder)
    words.append(test.get("append", ""))
    if guest.is_boot_sector(kernel):
        words = []
    return targets.GuestFiles(kernel, kernel.stat().st_size, initrd, " ".join(word for word in words if word))


def run_machine(test, target, image, payloads, log):
    """Starts the image as the test describes. Returns the console's lines and what is wrong with how it ended."""
    more = test.get("emulator", [])
    if "bios" in test:
        more = [*more, "-bios", str(log.parents[2] / test["bios"])]
    run = targets.Run(
        target, image, prepare(test, target, payloads, log.parent),
        memory=targets.parse_size(test.get("memory", "256M")),
        vcpus=test.get("vcpus", 1),
        cpu=test.get("cpu", ""),
        machine=tuple(test.get("machine", ())),
        emulator_arguments=tuple(more))
    limit = test.get("timeout", TIMEOUT)
    command = targets.bare_command(run) if test.get("bare") else targets.command(run)
    outcome = emulator.run(command, log, limit)
    wrong = []
    if outcome.timed_out:
        wrong.append(f"no end within {limit} s")
    elif outcome.status != 0:
        wrong.append(f"the emulator ended with status {outcome.status}: {outcome.stderr}")
    return outcome.told.lines, wrong


def run_demo(test, target, image, log):
    """Drives tools/demo on a terminal of its own. Returns what it shows and what is wrong with how it ended."""
    import pexpect

    command = [str(ROOT / "tools" / "demo"), target.name, "--image", str(image), "--log", str(log.with_suffix(""))]
    command.append("--emulator-args=" + shlex.join(test.get("emulator", ())))
    if test["interactive"]:
        command.append("--interactive")
    limit = test.get("timeout", TIMEOUT)
    wrong = []
    with open(log, "wb") as record:
        child = pexpect.spawn(command[0], command[1:], timeout=limit, dimensions=(50, 200))
        child.logfile_read = record
        awaited = "the start"
        try:
            for awaited, typed in test["interactive"]:
                child.expect(awaited.encode())
                if typed:
                    # A single control character is a key; anything else is a line.
                    child.send(typed if len(typed) == 1 else typed + "\r")
            awaited = "the end"
            child.expect(pexpect.EOF)
        except (pexpect.TIMEOUT, pexpect.EOF) as problem:
            wrong.append(f"waiting for {awaited!r}: {type(problem).__name__}")
        child.close()
    if not wrong and child.exitstatus != 0:
        wrong.append(f"tools/demo ended with status {child.exitstatus}")
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "").split("\n")
    return lines, wrong


def judge(test, lines, target):
    for pattern in test["expect"]:
        pattern = pattern.replace("TARGET", target)
        if not any(re.search(pattern, line) for line in lines):
            yield f"no line matches: {pattern}"
    for pattern in test.get("forbid", ()):
        for line in lines:
            if re.search(pattern, line):
                yield f"a line that must not be there: {line}"
                break


def run_test(name, target_name, image, payloads, folder):
    test = load(HERE, target_name)[name]
    target = targets.target_of(target_name)
    log = pathlib.Path(folder) / "logs" / target_name / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if "image" in test:
        image = pathlib.Path(image).with_name(test["image"])
    if "interactive" in test:
        lines, wrong = run_demo(test, target, image, log)
    else:
        lines, wrong = run_machine(test, target, image, pathlib.Path(payloads), log)
    wrong += judge(test, lines, target_name)
    if wrong:
        print(f"the console's last lines ({log}):")
        print("\n".join(lines[-SHOWN_LINES:]))
        print("\n".join(wrong))
    return 1 if wrong else 0


def load(folder, target):
    """The tests of a target by name; a test that expects nothing, or says something unknown, is an error."""
    always = {"name", "image", "guest", "emulator", "expect", "forbid", "timeout", "architectures"}
    architecture = targets.target_of(target).architecture
    by_name = {}
    with open(folder / f"{target}.toml", "rb") as file:
        has_common = tomllib.load(file).get("common", True)
    for path in [folder / "common.toml"] * has_common + [folder / f"{target}.toml"]:
        with open(path, "rb") as file:
            tests = tomllib.load(file)["test"]
        for test in tests:
            # What tools/demo is not told by this program must not look as if it were.
            known = always | ({"interactive"} if "interactive" in test else
                              {"bare", "bios", "initrd", "cpu", "machine", "memory", "vcpus", "append"})
            if not test.get("expect") or not set(test) <= known:
                sys.exit(f"{path}: test {test.get('name')}: no `expect`, or unknown keys {sorted(set(test) - known)}")
            if architecture not in test.get("architectures", [architecture]):
                continue
            if by_name.setdefault(test["name"], test) is not test:
                sys.exit(f"{path}: the name {test['name']} is used twice")
    return by_name


def main():
    if sys.argv[1] == "list":
        print("\n".join(load(HERE, sys.argv[2])))
        return 0
    # An emulator that was started is ended too when Meson's patience is over.
    signal.signal(signal.SIGTERM, say.interrupt)
    try:
        return run_test(*sys.argv[2:])
    except say.Problem as problem:
        return str(problem)


if __name__ == "__main__":
    sys.exit(main())
