# SPDX-License-Identifier: BSL-1.0
"""tools/bench: counts, exactly and repeatably, what exits of a guest cost in instructions of the hypervisor."""

import argparse
import pathlib
import subprocess

from . import build, emulator, packages, say, targets

# Instructions of the hypervisor per exit: what this project promises today, and what others take on the same machine
# (docs/benchmarks.md tells how they were counted).
ROWS = [
    # name in the guest's report, title, limit, Bao 2.0, Linux KVM nVHE
    ("hvc-psci-version", "HVC PSCI_VERSION", 188, 188, 1675),
    ("gicd-typer-read", "GICD_TYPER read", 225, 225, 2359),
    ("gicd-iidr-read", "GICD_IIDR read", 227, 227, 2358),
    ("gicd-isenabler1-read", "GICD_ISENABLER1 read", 1290, 1290, None),
    ("uart-fr-read", "UART status read", 225, None, None),
    ("virtual-timer-to-vector-min", "virtual timer to guest vector, least", None, 201, 2628),
    ("virtual-timer-to-vector-median", "virtual timer to guest vector, median", None, 206, 2946),
]
CPUS = {"cortex-a72": "cortex-a72,cntfrq=1000000000", "max": "max"}
TEXT_LIMIT = 61352


def measure(target, image, guest, cpu, log_folder):
    """Runs the counting guest once and returns its figures by name."""
    files = targets.GuestFiles(guest, guest.stat().st_size)
    counting = ("-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1")
    run = targets.Run(target, image, files, cpu=CPUS[cpu], emulator_arguments=counting)
    outcome = emulator.run(targets.command(run), log_folder / f"bench-{target.name}-{cpu}.log", 120)
    figures = {}
    for line in outcome.told.lines:
        if line.startswith("AXHAL-BENCH ") and "=" in line:
            name, _, value = line.removeprefix("AXHAL-BENCH ").partition("=")
            figures[name] = int(value)
    if "done" not in figures or outcome.told.verdict != "power-off":
        last = "\n".join(outcome.told.lines[-12:])
        raise say.Problem(f"the counting guest did not come to its end on {cpu}:\n{last}")
    if figures.get("check-100-nops") != 100:
        raise say.Problem(f"the method is off: 100 nops counted as {figures.get('check-100-nops')}")
    return figures


def text_bytes(elf):
    """Bytes of code in an image."""
    command = ["aarch64-linux-gnu-size", "-A", str(elf)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[1]) for line in listing.splitlines() if line.startswith(".text "))


def judge(target, cpu, figures):
    """Prints one processor's table; whether every figure is within its limit."""
    good = True
    rows = []
    for name, title, limit, bao, kvm in ROWS:
        value = figures[name]
        within = limit is None or value <= limit
        good = good and within
        shown = ["-" if number is None else str(number) for number in (limit, bao, kvm)]
        rows.append([title, str(value), shown[0] + ("" if within else "  EXCEEDED"), *shown[1:]])
    print(say.table([f"{target.name}, {cpu}", "instructions", "limit", "Bao 2.0", "Linux KVM nVHE"], rows))
    return good


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tools/bench",
        description="Counts the instructions that exits of a guest cost. The figures repeat exactly. "
        "Exit status 0 only if every figure is within its limit; 2 when the command cannot be carried out.")
    parser.add_argument("--cpu", choices=sorted(CPUS), action="append",
                        help="processor (default: all; may be repeated)")
    parser.add_argument("--images", metavar=("HYPERVISOR", "GUEST"), nargs=2, type=pathlib.Path,
                        help="images that are there (default: built first); the ELF of the first lies beside it")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    target = targets.target_of("aarch64")
    if options.images:
        image, guest = (path.resolve() for path in options.images)
        for path in (image, image.with_suffix(".elf"), guest):
            if not path.is_file():
                raise say.Problem(f"--images: {path} is not there")
    else:
        packages.ensure("demo")
        folder = build.for_images(target)
        image, guest = folder.make(target.image), folder.make(f"bench-{target.name}.bin")
    log_folder = build.ROOT / "build" / "bench"
    log_folder.mkdir(parents=True, exist_ok=True)
    good = True
    for cpu in options.cpu or CPUS:
        figures = measure(target, image, guest, cpu, log_folder)
        if figures != measure(target, image, guest, cpu, log_folder):
            raise say.Problem(f"two runs on {cpu} gave different figures")
        good = judge(target, cpu, figures) and good
    text = text_bytes(image.with_suffix(".elf"))
    print(f"hypervisor text: {text} bytes (limit {TEXT_LIMIT})")
    return 0 if good and text <= TEXT_LIMIT else 1


if __name__ == "__main__":
    say.run_command("tools/bench", main)
