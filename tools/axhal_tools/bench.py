# SPDX-License-Identifier: BSL-1.0
"""tools/bench: counts, exactly and repeatably, what exits of a guest cost in instructions of the hypervisor, and how
much later Linux comes to user space in it."""

import argparse
import dataclasses
import pathlib
import re

from . import build, code_size, emulator, guest, packages, say, targets


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure: its name in the guest's report, and what it must not pass and is compared with, in instructions.

    The limit is what this project promises today, the others what is taken elsewhere on the same machine
    (docs/benchmarks.md tells how that was counted).
    """

    name: str
    title: str
    limit: int | None = None
    bao: int | str | None = None
    kvm: int | str | None = None
    optional: bool = False  # reported only where the machine has what it is about


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine to count on: a processor, and the emulator's arguments where they are not the target's own."""

    cpu: str
    arguments: tuple = ()


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is counted on a target, on which machines by name, and how large the hypervisor's code may be, in bytes."""

    machines: dict
    rows: tuple
    kvm: str  # what the column of KVM's figures is called
    text: int | None  # None: there is no limit
    bao: str = "Bao 2.0"
    text_without_boot: int | None = None  # without what reads and writes device trees, kernel files and command lines
    linux: Machine | None = None  # the machine that Linux is started on; None: the target's own
    linux_limit: float = 3.0  # Linux's time to user space in the hypervisor, in times of the machine's without it
    is_long: bool = False  # Linux takes minutes there


# Both kinds of x86_64 have one counting guest, and their figures one meaning.
X86_ROWS = (
    Row("port-read-lsr", "port read, UART status"),
    Row("port-read-nobody", "port read, no device"),
    Row("hypercall", "VMMCALL, VMCALL"),
    Row("cpuid-0", "CPUID, leaf 0"),
    Row("cpuid-1", "CPUID, leaf 1"),
    Row("rdmsr-mtrrcap", "RDMSR, MTRRcap"),
    Row("apic-tpr-read", "local APIC, TPR read"),
    Row("apic-tpr-write", "local APIC, TPR write"),
    Row("apic-eoi-write", "local APIC, EOI write"),
    Row("io-apic-read", "I/O APIC read"),
    Row("x2apic-tpr-read", "RDMSR, x2APIC TPR"),
    Row("x2apic-tpr-write", "WRMSR, x2APIC TPR"),
    Row("x2apic-eoi-write", "WRMSR, x2APIC EOI"),
    Row("self-ipi-min", "IPI to itself, to guest vector, least"),
    Row("self-ipi-median", "IPI to itself, to guest vector, median"),
    Row("apic-timer-min", "APIC timer to guest vector, least"),
    Row("apic-timer-median", "APIC timer to guest vector, median"),
)


def with_peer(rows, figures):
    """Rows with a limit, a tenth of what KVM takes, and KVM's figure, for those that `figures` names."""
    return tuple(dataclasses.replace(row, limit=figures[row.name] // 10, kvm=figures[row.name])
                 if row.name in figures else row for row in rows)


# QEMU cannot count where a program sets the timer of a local APIC in x2APIC mode ("Bad icount read").
NO_X2APIC = "max,+svm,+npt,-x2apic"
SSTC_OFF = "rv64,h=true,sstc=off"
AIA = ("-M", "virt,aia=aplic-imsic", "-nic", "none")

PLANS = {
    "aarch64": Plan(
        machines={"cortex-a72": Machine("cortex-a72,cntfrq=1000000000"), "max": Machine("max")},
        rows=(
            Row("hvc-psci-version", "HVC PSCI_VERSION", 188, 188, 1675),
            Row("gicd-typer-read", "GICD_TYPER read", 225, 225, 2359),
            Row("gicd-iidr-read", "GICD_IIDR read", 227, 227, 2358),
            Row("gicd-isenabler1-read", "GICD_ISENABLER1 read", 1290, 1290),
            Row("uart-fr-read", "UART status read", 225),
            Row("virtual-timer-to-vector-min", "virtual timer to guest vector, least", None, 201, 2628),
            Row("virtual-timer-to-vector-median", "virtual timer to guest vector, median", None, 206, 2946),
        ),
        kvm="Linux KVM nVHE",
        text=61352,
    ),
    "riscv64": Plan(
        machines={"sstc": Machine("rv64,h=true"), "no-sstc": Machine(SSTC_OFF), "aia": Machine("rv64,h=true", AIA),
                  "aia-no-sstc": Machine(SSTC_OFF, AIA)},
        rows=(
            Row("sbi-get-spec-version", "SBI get_spec_version", 235, 235, 1080),
            Row("sbi-probe-extension", "SBI probe_extension", 251, 251, 1193),
            Row("plic-priority-read", "PLIC priority read", 284, 284, 1420),
            Row("plic-claim-read", "PLIC claim read", 294, 294),
            Row("uart-lsr-read", "UART status read", 284),
            Row("sbi-timer-to-vector-min", "SBI timer to guest vector, least", None, "473 (no Sstc)", "3855 (no Sstc)"),
            Row("sbi-timer-to-vector-median", "SBI timer to guest vector, median"),
            Row("stimecmp-write", "stimecmp write", optional=True),
            Row("stimecmp-to-vector-min", "stimecmp to guest vector, least", optional=True),
            Row("stimecmp-to-vector-median", "stimecmp to guest vector, median", optional=True),
        ),
        kvm="Linux KVM, AIA",
        text=60 * 1024,
        text_without_boot=31 * 1024,
    ),
    "x86_64-svm": Plan(
        machines={"svm": Machine(NO_X2APIC)},
        rows=with_peer(X86_ROWS, {"port-read-lsr": 1501, "port-read-nobody": 1501, "hypercall": 3353, "cpuid-0": 3036,
                                  "cpuid-1": 3036, "rdmsr-mtrrcap": 3148, "apic-tpr-read": 4077,
                                  "apic-tpr-write": 4077, "apic-eoi-write": 4077, "io-apic-read": 4259}),
        bao="",
        kvm="Linux KVM, SVM",
        text=None,
        linux=Machine(NO_X2APIC),
        linux_limit=4.0,
    ),
    "x86_64-vmx": Plan(
        machines={"vmx": Machine("corei7_haswell_4770")},
        rows=X86_ROWS,
        bao="",
        kvm="",
        text=None,
        linux_limit=4.0,
        is_long=True,
    ),
}
NOPS = "check-100-nops"
# One instruction takes a nanosecond of the machine's time, whatever it takes of ours.
COUNTING = ("-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1")


def counting(target):
    """Arguments that make time a count of instructions. With Bochs it always is."""
    return COUNTING if target.emulator.startswith("qemu-") else ()


def read_figures(lines):
    """The guest's report: figures by name. Lines of another form are somebody else's."""
    found = (re.fullmatch(r"AXHAL-BENCH ([a-z0-9-]+)=(\d+)", line) for line in lines)
    return {match[1]: int(match[2]) for match in found if match}


def measure(target, image, counting_guest, name, log_folder):
    """Runs the counting guest once on a machine of the target's plan and returns its figures by name."""
    plan = PLANS[target.name]
    machine = plan.machines[name]
    files = targets.GuestFiles(counting_guest, counting_guest.stat().st_size)
    run = targets.Run(target, image, files, cpu=machine.cpu, machine=machine.arguments,
                      emulator_arguments=counting(target))
    outcome = emulator.run(targets.command(run), log_folder / f"bench-{target.name}-{name}.log", 120)
    figures = read_figures(outcome.told.lines)
    missing = [row.name for row in plan.rows if row.name not in figures and not row.optional]
    if "done" not in figures or outcome.told.verdict != "power-off" or missing:
        last = "\n".join(outcome.told.lines[-12:])
        what = f"reported no {', '.join(missing)}" if "done" in figures and missing else "did not come to its end"
        raise say.Problem(f"the counting guest {what} on {target.name}, {name}:\n{last}")
    if figures.get(NOPS) != 100:
        raise say.Problem(f"the method is off: 100 nops counted as {figures.get(NOPS)} on {target.name}, {name}")
    return figures


def time_to_user_space(command, what, log, time_limit):
    """Boots Linux by `command`. Returns the seconds to its first process: of the machine's time, and of ours."""
    told = emulator.run(command, log, time_limit).told
    seconds = re.fullmatch(r"\d+\.\d+", told.guest.get("userspace", ""))
    # A kernel that switches a bare machine off does not wait for what its serial port still has to send.
    ended = told.guest.get("verdict") == "ok" or any("reboot: Power down" in line for line in told.lines)
    if not ended or not seconds or float(seconds[0]) == 0:
        last = "\n".join(told.lines[-12:])
        raise say.Problem(f"Linux did not come to its end {what}:\n{last}")
    return float(seconds[0]), told.userspace_seconds


def judge_linux(target, image, log_folder):
    """Prints how much later Linux comes to user space in the hypervisor; whether that is within the limit."""
    plan = PLANS[target.name]
    machine = plan.linux or Machine(target.cpu)
    linux = guest.linux(target.architecture)
    files = targets.GuestFiles(linux.kernel, linux.kernel.stat().st_size, linux.initrd,
                               f"{target.console} rdinit=/init panic=-1")
    run = targets.Run(target, image, files, cpu=machine.cpu, machine=machine.arguments,
                      emulator_arguments=counting(target))
    log = log_folder / f"bench-{target.name}-linux"
    plain, plain_here = time_to_user_space(targets.bare_command(run), f"on plain {target.name}",
                                           log.with_suffix(".plain.log"), target.time_limit)
    inside, inside_here = time_to_user_space(targets.command(run), f"in the hypervisor on {target.name}",
                                             log.with_suffix(".log"), target.time_limit)
    good = inside <= plan.linux_limit * plain
    print(f"{target.name}: Linux to user space: {inside:.2f} s (plain: {plain:.2f} s), {inside / plain:.2f} times "
          f"(limit {plan.linux_limit:g}){'' if good else '  EXCEEDED'}; "
          f"here {inside_here:.1f} s (plain: {plain_here:.1f} s)")
    return good


def judge(target, name, figures):
    """Prints the table of one machine; whether every figure is within its limit."""
    plan = PLANS[target.name]
    good = True
    rows = []
    for row in plan.rows:
        if row.name not in figures:
            continue
        value = figures[row.name]
        within = row.limit is None or value <= row.limit
        good = good and within
        # Columns of figures that nobody has counted are left out.
        peers = [number for number, who in ((row.bao, plan.bao), (row.kvm, plan.kvm)) if who]
        shown = ["-" if number is None else str(number) for number in (row.limit, *peers)]
        rows.append([row.title, str(value), shown[0] + ("" if within else "  EXCEEDED"), *shown[1:]])
    heads = [who for who in (plan.bao, plan.kvm) if who]
    print(say.table([f"{target.name}, {name}", "instructions", "limit", *heads], rows))
    return good


def judge_size(target, elf):
    """Prints the size of the hypervisor's code; whether it is within its limits."""
    plan = PLANS[target.name]
    text = code_size.text_bytes(target, elf)
    good = plan.text is None or text <= plan.text
    print(f"{target.name}: hypervisor text: {text} bytes ({'no limit' if plan.text is None else f'limit {plan.text}'})")
    if plan.text_without_boot is not None:
        rest = text - code_size.bytes_of_files(target, elf, code_size.BOOT_FILES)
        good = good and rest <= plan.text_without_boot
        print(f"{target.name}: without device trees, kernel files and command lines: {rest} bytes "
              f"(limit {plan.text_without_boot})")
    return good


def parse(arguments):
    names = {name: " ".join(plan.machines) for name, plan in PLANS.items()}
    parser = argparse.ArgumentParser(
        prog="tools/bench",
        description="Counts the instructions that exits of a guest cost, and compares Linux's way to user space with "
        "plain QEMU's. The figures repeat exactly. "
        "Exit status 0 only if every figure is within its limit; 2 when the command cannot be carried out.")
    parser.add_argument("target", nargs="*", help=f"the targets (default: all): {', '.join(PLANS)}")
    parser.add_argument("--machine", metavar="NAME", action="append",
                        help="only this one, and no Linux (may be repeated): "
                        + "; ".join(f"{name}: {machines}" for name, machines in names.items()))
    parser.add_argument("--long", action="store_true",
                        help="also compares Linux's way to user space under Bochs (x86_64-vmx), which takes minutes")
    parser.add_argument("--images", metavar=("HYPERVISOR", "GUEST"), nargs=2, type=pathlib.Path,
                        help="images of one target (default: built first); the ELF of the first lies beside it")
    options = parser.parse_args(arguments)
    options.target = [targets.target_of(name) for name in options.target or PLANS]
    if options.images and len(options.target) != 1:
        raise say.Problem("--images goes with exactly one target")
    known = [name for target in options.target for name in PLANS[target.name].machines]
    for name in options.machine or ():
        if name not in known:
            raise say.Problem(f"--machine: unknown machine '{name}'; there is: {', '.join(known)}")
    return options


def count(options, target, log_folder):
    """Counts on one target; whether everything is within its limits."""
    if options.images:
        image, counting_guest = (path.resolve() for path in options.images)
    else:
        folder = build.for_images(target)
        image, counting_guest = folder.make(target.image), folder.make(f"bench-{target.architecture}.bin")
    good = True
    for name in PLANS[target.name].machines:
        if options.machine and name not in options.machine:
            continue
        figures = measure(target, image, counting_guest, name, log_folder)
        if figures != measure(target, image, counting_guest, name, log_folder):
            raise say.Problem(f"two runs on {target.name}, {name} gave different figures")
        good = judge(target, name, figures) and good
    if not options.machine and (options.long or not PLANS[target.name].is_long):
        good = judge_linux(target, image, log_folder) and good
    return judge_size(target, image.with_suffix(".elf")) and good


def main(arguments):
    options = parse(arguments)
    if options.images:
        for path in (options.images[0], options.images[0].with_suffix(".elf"), options.images[1]):
            if not path.is_file():
                raise say.Problem(f"--images: {path} is not there")
    else:
        packages.ensure("demo")
    log_folder = build.ROOT / "build" / "bench"
    log_folder.mkdir(parents=True, exist_ok=True)
    # Every target is counted, even where an earlier one is over a limit.
    results = [count(options, target, log_folder) for target in options.target]
    return 0 if all(results) else 1


if __name__ == "__main__":
    say.run_command("tools/bench", main)
