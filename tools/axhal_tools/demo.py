# SPDX-License-Identifier: BSL-1.0
"""tools/demo: builds the example hypervisor, boots a guest in it, and prints what happened."""

import argparse
import pathlib
import shlex
import sys

from . import build, emulator, guest, packages, say, targets


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tools/demo",
        description="Boots a guest inside the example hypervisor, under an emulator, and prints one table. The exit "
        "status is 0 only if every guest passed its own checks and powered off (with --kernel or --interactive: "
        "powered off); 1 if one did not; 2 when the command cannot be carried out.")
    parser.add_argument("target", nargs="*", help=f"the machines (default: all): {', '.join(targets.TARGETS)}")
    parser.add_argument("--guest", choices=("linux", "payload"), default="linux",
                        help="Debian's Linux (default), or the tiny payload that exercises the exits")
    parser.add_argument("--kernel", metavar="FILE", help="a guest kernel of your own: Linux Image, ELF, or flat "
                        "binary; on x86_64 bzImage, PVH or Multiboot ELF, or boot sector")
    parser.add_argument("--initrd", metavar="FILE", help="an initial RAM disk of your own")
    parser.add_argument("--image", metavar="FILE",
                        help="a hypervisor image of your own (default: the example, built first)")
    parser.add_argument("--append", metavar="TEXT", default="",
                        help="more for the guest kernel's command line (--append=TEXT if it begins with -)")
    parser.add_argument("--vcpus", metavar="N", type=int, default=1,
                        help="virtual CPUs (default 1, which is all that the example hypervisor runs)")
    parser.add_argument("--memory", metavar="SIZE", default="256M",
                        help="the guest's memory, in K, M or G (default 256M; Debian's Linux needs at least 64M, "
                        "on riscv64 and x86_64 96M)")
    parser.add_argument("--interactive", action="store_true", help="hand the guest's console to you")
    parser.add_argument("--emulator-args", metavar="TEXT", default="",
                        help="more arguments for the emulator, as one word: --emulator-args='-smp 2'")
    limits = ", ".join(f"{name}: {target.time_limit}" for name, target in targets.TARGETS.items())
    parser.add_argument("--timeout", metavar="S", type=float,
                        help=f"seconds until a run is given up (default {limits}; none with --interactive)")
    parser.add_argument("--log", metavar="DIR", help="where console logs go (default build/demo)")
    options = parser.parse_args(arguments)
    if options.vcpus < 1:
        raise say.Problem("--vcpus must be at least 1")
    if options.timeout is not None and options.timeout <= 0:
        raise say.Problem("--timeout must be above 0")
    try:
        options.emulator_args = shlex.split(options.emulator_args)
    except ValueError as error:
        raise say.Problem(f"--emulator-args: {error}") from error
    options.memory = targets.parse_size(options.memory)
    options.target = [targets.target_of(name) for name in options.target or targets.TARGETS]
    if options.interactive and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise say.Problem("--interactive needs a terminal on standard input and output")
    if options.initrd and not options.kernel and options.guest != "linux":
        raise say.Problem("--initrd goes with a Linux guest or a --kernel of your own")
    return options


def readable(name, path):
    """The path and size of a file the user named."""
    file = pathlib.Path(path)
    try:
        with open(file, "rb") as opened:
            opened.read(1)
        size = file.stat().st_size
    except OSError as error:
        raise say.Problem(f"{name} {path}: {error.strerror}") from error
    if size == 0:
        raise say.Problem(f"{name} {path}: the file is empty")
    return file.resolve(), size


def guest_files(options, target, folder):
    """The guest's files and command line for a target, and the name that the table shows."""
    initrd = readable("--initrd", options.initrd)[0] if options.initrd else None
    if options.kernel:
        path, size = readable("--kernel", options.kernel)
        words = [options.append] if guest.is_boot_sector(path) else [target.console, options.append]
        name = path.name
    elif options.guest == "payload":
        path = folder.make(target.payload)
        size = path.stat().st_size
        words = [options.append]
        name = "payload"
    else:
        linux = guest.linux(target.architecture)
        path, size = linux.kernel, linux.kernel.stat().st_size
        initrd = initrd or linux.initrd
        words = [target.console, "rdinit=/init", "axhal.shell" if options.interactive else "panic=-1", options.append]
        name = "linux"
    return name, targets.GuestFiles(path, size, initrd, " ".join(word for word in words if word))


def judge(options, outcome):
    """The verdict for the table, and whether it is the one that was hoped for."""
    told = outcome.told
    if outcome.timed_out:
        return f"no end within {outcome.seconds:.0f} s", False
    if told.verdict != "power-off":
        return told.verdict or ("refused by the hypervisor" if told.errors else "ended without a verdict"), False
    if outcome.status != 0:
        return f"powered off, but the emulator ended with status {outcome.status}", False
    if options.kernel or options.interactive:
        return "powered off", True
    if options.guest == "linux" and "userspace" not in told.guest:
        return "powered off before user space", False
    if told.guest.get("verdict") != "ok":
        return f"powered off; guest's own verdict: {told.guest.get('verdict', 'none')}", False
    return "ok, powered off", True


def boot(options, target, log_folder):
    """Builds and runs one target. Returns its row of the table and whether all went well."""
    folder = build.for_images(target)
    if options.image:
        image = readable("--image", options.image)[0]
    else:
        say.step(f"{target.name}: building the example hypervisor")
        image = folder.make(target.image)
    name, files = guest_files(options, target, folder)
    run = targets.Run(target, image, files, options.memory, options.vcpus,
                      emulator_arguments=tuple(options.emulator_args))
    command = targets.command(run)
    log = log_folder / f"{target.name}-{build.file_stem(name)}.log"
    log.with_suffix(".command").write_text(emulator.shell_text(command) + "\n")
    say.step(f"{target.name}: booting {name} (console in {log})")
    if options.interactive:
        shell = "leave the shell, or " if name == "linux" else ""
        say.note(f"the way out: {shell}press Ctrl-A and then X to stop the machine")
        outcome = emulator.run_interactive(command, log)
    else:
        progress = say.Progress("booting")
        last = ""

        def on_line(line, _):
            nonlocal last
            last = line or last
            progress.show(last)

        outcome = emulator.run(command, log, options.timeout or target.time_limit, on_line)
        progress.done()
    verdict, good = judge(options, outcome)
    if options.kernel and not options.interactive:
        print("\n".join(outcome.told.lines))
    if not good:
        explain(outcome, log)
    seconds = outcome.told.userspace_seconds
    row = [target.name, name, outcome.told.reported(), f"{seconds:.1f}" if seconds is not None else "-",
           outcome.told.exits_text(), verdict]
    return row, good


def explain(outcome, log):
    """Shows what is known about a run that went wrong."""
    for error in outcome.told.errors:
        say.note(f"the hypervisor says: {error}")
    if outcome.stderr:
        say.note(f"the emulator says: {outcome.stderr}")
    if not outcome.told.errors and outcome.told.lines:
        say.note(f"the last lines of the console ({log}):")
        for line in outcome.told.lines[-12:]:
            say.note(f"  {line}")


def main(arguments):
    options = parse(arguments)
    if options.image and len(options.target) != 1:
        raise say.Problem("--image goes with exactly one target")
    for name in ("image", "kernel", "initrd"):
        if getattr(options, name):
            readable(f"--{name}", getattr(options, name))
    packages.ensure("demo")
    log_folder = pathlib.Path(options.log) if options.log else build.ROOT / "build" / "demo"
    try:
        log_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise say.Problem(f"--log {log_folder}: {error.strerror}") from error
    results = [boot(options, target, log_folder) for target in options.target]
    print(say.table(["target", "guest", "reported", "seconds to user space", "exits by kind", "verdict"],
                    [row for row, _ in results]))
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    say.run_command("tools/demo", main)
