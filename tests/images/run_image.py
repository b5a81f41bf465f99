#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs one image test of images.toml, or lists their names.

usage: run_image.py list
       run_image.py run NAME TARGET IMAGE PAYLOAD LOG_FOLDER
"""

import pathlib
import re
import struct
import sys
import tomllib

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from axhal_tools import emulator, guest, say, targets  # noqa: E402

SHOWN_LINES = 40
MIB = 1 << 20


def elf_header(machine):
    """A 64-bit little-endian ELF header that announces one program header of one page, entered at its start."""
    return (b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
            + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x4008_0000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
            + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x4008_0000, 0x4008_0000, 4096, 4096, 4096))


def image_header(size):
    """The header of an arm64 Linux Image that states `size` bytes."""
    return struct.pack("<IIQQQQQQ4sI", 0x1400_0000, 0, 0, size, 0xA, 0, 0, 0, b"ARM\x64", 0)


def without_header(image):
    """A Linux Image as a flat binary: its first instruction stays, the rest of its header is wiped."""
    return image[:4] + bytes(60) + image[64:]


MADE = {
    "elf-x86_64": lambda: elf_header(62).ljust(4096, b"\0"),
    "elf-cut-short": lambda: elf_header(183)[:100],
    "image-too-large": lambda: image_header(1 << 40).ljust(65536, b"\0"),
    "large-file": lambda: b"070701" + bytes(80 * MIB),
}


def made(kind, folder):
    """A file of a kind in MADE."""
    path = folder / f"{kind}.made"
    path.write_bytes(MADE[kind]())
    return path


def prepare(test, target, payload, folder):
    """The guest's files as the test wants them."""
    console = f"console={target.console} earlycon"
    kind = test["guest"]
    initrd = None
    words = [console]
    if kind == "linux":
        linux = guest.linux(target.name)
        kernel, initrd = linux.kernel, linux.initrd
        words.append("rdinit=/init")
    elif kind in ("payload", "sweep"):
        kernel = pathlib.Path(payload).with_name(f"{kind}-{target.name}.bin")
    elif kind == "payload-elf":
        kernel = pathlib.Path(payload).with_suffix(".elf")
    elif kind == "payload-raw":
        kernel = folder / "payload-raw.made"
        kernel.write_bytes(without_header(pathlib.Path(payload).read_bytes()))
    else:
        kernel = made(kind.removeprefix("made:"), folder)
    if "initrd" in test:
        initrd = made(test["initrd"].removeprefix("made:"), folder)
    words.append(test.get("append", ""))
    return targets.GuestFiles(kernel, kernel.stat().st_size, initrd, " ".join(word for word in words if word))


def run_machine(test, target, image, payload, folder, log):
    """Starts the image as the test describes. Returns the console's lines and what is wrong with how it ended."""
    run = targets.Run(
        target, image, prepare(test, target, payload, folder),
        memory=targets.parse_size(test.get("memory", "256M")),
        vcpus=test.get("vcpus", 1),
        cpu=test.get("cpu", ""),
        machine=tuple(test.get("machine", ())),
        emulator_arguments=tuple(test.get("emulator", ())))
    limit = test.get("timeout", 180)
    outcome = emulator.run(targets.command(run), log, limit)
    wrong = []
    if outcome.timed_out:
        wrong.append(f"no end within {limit} s")
    elif outcome.status != 0:
        wrong.append(f"the emulator ended with status {outcome.status}: {outcome.stderr}")
    return outcome.told.lines, wrong


def run_demo(test, target, image, log):
    """Drives tools/demo on a terminal of its own. Returns what it shows and what is wrong with how it ended."""
    import pexpect

    command = [str(ROOT / "tools" / "demo"), target.name, "--image", str(image), "--log", str(log.parent / "demo")]
    if test["interactive"]:
        command.append("--interactive")
    limit = test.get("timeout", 180)
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


def judge(test, lines):
    for pattern in test["expect"]:
        if not any(re.search(pattern, line) for line in lines):
            yield f"no line matches: {pattern}"
    for pattern in test.get("forbid", ()):
        for line in lines:
            if re.search(pattern, line):
                yield f"a line that must not be there: {line}"
                break


def run_test(name, target_name, image, payload, folder):
    test = TESTS[name]
    target = targets.target_of(target_name)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    if "interactive" in test:
        lines, wrong = run_demo(test, target, image, log)
    else:
        lines, wrong = run_machine(test, target, image, payload, folder, log)
    wrong += judge(test, lines)
    if wrong:
        print(f"the console's last lines ({log}):")
        print("\n".join(lines[-SHOWN_LINES:]))
        print("\n".join(wrong))
    return 1 if wrong else 0


def load(path):
    """The tests of a file by name; a test that expects nothing, or says something unknown, is an error."""
    with open(path, "rb") as file:
        tests = tomllib.load(file)["test"]
    known = {"name", "guest", "initrd", "cpu", "machine", "memory", "vcpus", "append", "emulator", "expect", "forbid",
             "timeout", "interactive"}
    for test in tests:
        if not test.get("expect") or not set(test) <= known:
            sys.exit(f"{path}: test {test.get('name')}: no `expect`, or unknown keys {sorted(set(test) - known)}")
    by_name = {test["name"]: test for test in tests}
    if len(by_name) != len(tests):
        sys.exit(f"{path}: a name is used twice")
    return by_name


TESTS = load(HERE / "images.toml")


def main():
    if sys.argv[1:] == ["list"]:
        print("\n".join(TESTS))
        return 0
    try:
        return run_test(*sys.argv[2:])
    except say.Problem as problem:
        return str(problem)


if __name__ == "__main__":
    sys.exit(main())
