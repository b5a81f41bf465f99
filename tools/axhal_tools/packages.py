# SPDX-License-Identifier: BSL-1.0
"""What the project needs on a machine, how to see whether it is there, and how to get what is missing."""

import dataclasses
import os
import pathlib
import platform
import re
import shutil
import subprocess

from . import bochs, say, sources

BACKPORTS_FILE = pathlib.Path("/etc/apt/sources.list.d/axhal-backports.sources")
CLANG_VERSIONS = ("19", "20", "21", "22", "18", "17", "16")  # the best tried first


def run(command):
    """Output of a command, or None when it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def numbers(version):
    """The leading numbers of a version, for comparing: "1:10.0.2+ds" is (10, 0, 2)."""
    return tuple(int(part) for part in re.findall(r"\d+", re.sub(r"^\d+:", "", version).split("-")[0])[:3])


def version_of(*command):
    """A probe: the first version number that a command prints."""

    def probe():
        found = re.search(r"\d+(\.\d+)+|\b\d+\b", run(command) or "")
        return found[0] if found else None

    return probe


def first_version(*commands):
    """A probe: the version of the first command that is there."""
    return lambda: next((version for version in (version_of(*command)() for command in commands) if version), None)


def package_config(name):
    """A probe: the version of a library, by its pkg-config file."""
    return version_of("pkg-config", "--modversion", name)


def qemu_with(emulator, firmware):
    """A probe: the version of an emulator, where it finds the firmware that it starts by default."""

    def probe():
        folders = (run([emulator, "-L", "help"]) or "").split("\n")
        there = any((pathlib.Path(folder) / firmware).is_file() for folder in folders if folder)
        return version_of(emulator, "--version")() if there else None

    return probe


def bochs_with(*firmware):
    """A probe: the version of Bochs, where its firmware is there too."""

    def probe():
        found = re.search(r"Bochs x86 Emulator (\d+(\.\d+)+)", run(["bochs-bin", "--help"]) or "")
        return found[1] if found and all(path.is_file() for path in firmware) else None

    return probe


def grub_with(module):
    """A probe: the version of GRUB's image maker, where it has its parts for PCs."""
    return lambda: version_of("grub-mkimage", "--version")() if (bochs.GRUB / module).is_file() else None


def header(name):
    """A probe: whether the machine has a C++ header."""
    return lambda: "0" if any(os.path.exists(f"{root}/include/{name}") for root in ("/usr", "/usr/local")) else None


def python_module(name):
    """A probe: whether the system's Python has a module."""
    return lambda: "0" if run([system_python(), "-c", f"import {name}"]) is not None else None


def system_python():
    """The interpreter that distribution packages install modules for."""
    return "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"


def find_clang():
    """The C++ compiler command of the best Clang that has its run-time library (sanitizers, libFuzzer), or None."""
    for command in [f"clang++-{version}" for version in CLANG_VERSIONS] + ["clang++"]:
        version = version_of(command, "-dumpversion")()
        if version and numbers(version) >= (16,):
            library = (run([command, "-print-file-name=libclang_rt.fuzzer-x86_64.a"]) or "").strip()
            folder = (run([command, "-print-runtime-dir"]) or "").strip()
            if os.path.isabs(library) or any(pathlib.Path(folder).glob("libclang_rt.fuzzer*.a")):
                return command
    return None


def clang_version():
    command = find_clang()
    return version_of(command, "-dumpversion")() if command else None


def clang_tool(name):
    """A probe: `name`, or `name-N` for a Clang that serves us."""
    return first_version(*[(f"{name}-{version}", "--version") for version in CLANG_VERSIONS], (name, "--version"))


@dataclasses.dataclass(frozen=True)
class Need:
    """One thing the project needs: `probe()` tells its version (None: absent), `choices` name packages for it.

    Each choice is a list of packages, the first of which carries the version; the first choice that the machine's
    sources offer in a sufficient version is taken.
    """

    name: str
    probe: object
    least: str
    choices: tuple
    groups: tuple = ("test",)
    optional: bool = False

    def missing(self):
        version = self.probe()
        return version is None or numbers(version) < numbers(self.least)


def per_clang(*patterns):
    return tuple([pattern.format(version) for pattern in patterns] for version in CLANG_VERSIONS)


NEEDS = (
    Need("pkg-config", version_of("pkg-config", "--version"), "0", (["pkgconf"], ["pkg-config"])),
    Need("Meson", version_of("meson", "--version"), "1.0", (["meson"],), ("demo", "test")),
    Need("Ninja", version_of("ninja", "--version"), "1.8", (["ninja-build"],), ("demo", "test")),
    Need("C++ compiler (GCC)", version_of("g++", "-dumpfullversion"), "12", (["g++"],)),
    Need("second C++ compiler (Clang, with libFuzzer)", clang_version, "16",
         per_clang("clang-{}", "libclang-rt-{}-dev", "llvm-{}")),
    Need("Catch2", package_config("catch2-with-main"), "3", (["catch2"],)),
    Need("fmt", package_config("fmt"), "9", (["libfmt-dev"],)),
    Need("Boost.Hana", header("boost/hana/map.hpp"), "0", (["libboost-dev"],), ("demo", "test")),
    Need("tl::expected", header("tl/expected.hpp"), "0", (["libexpected-dev"],)),
    Need("device-tree compiler", version_of("dtc", "--version"), "1.6", (["device-tree-compiler"],)),
    Need("ACPI compiler", version_of("iasl", "-v"), "20200925", (["acpica-tools"],), optional=True),
    Need("libfdt", header("libfdt.h"), "0", (["libfdt-dev"],)),
    Need("libfdt for Python", python_module("libfdt"), "0", (["python3-libfdt"],)),
    Need("pexpect", python_module("pexpect"), "0", (["python3-pexpect"],)),
    Need("C++ compiler for AArch64", version_of("aarch64-linux-gnu-g++", "-dumpfullversion"), "12",
         (["g++-aarch64-linux-gnu"],), ("demo", "test")),
    Need("QEMU for AArch64", version_of("qemu-system-aarch64", "--version"), "8", (["qemu-system-arm"],),
         ("demo", "test")),
    Need("C++ compiler for RISC-V", version_of("riscv64-linux-gnu-g++", "-dumpfullversion"), "12",
         (["g++-riscv64-linux-gnu"],), ("demo", "test")),
    Need("QEMU for RISC-V, with OpenSBI", qemu_with("qemu-system-riscv64", "opensbi-riscv64-generic-fw_dynamic.bin"),
         "8", (["qemu-system-riscv", "opensbi"], ["qemu-system-misc", "opensbi"]), ("demo", "test")),
    # The plain compiler by its long name; where that is the machine's own, g++ brings it.
    Need("C++ compiler for x86_64", version_of("x86_64-linux-gnu-g++", "-dumpfullversion"), "12",
         (["g++-x86-64-linux-gnu"],) if platform.machine() != "x86_64" else (["g++"],), ("demo", "test")),
    Need("QEMU for x86_64, with its firmware", qemu_with("qemu-system-x86_64", "bios-256k.bin"), "8",
         (["qemu-system-x86"],), ("demo", "test")),
    # The first package that a graphical interface could come from is not the one that is wanted.
    Need("Bochs, with its firmware", bochs_with(bochs.BIOS, bochs.VGA_BIOS), "2.7",
         (["bochs", "bochs-term", "bochsbios", "vgabios"],), ("demo", "test")),
    Need("GRUB for PCs", grub_with("multiboot.mod"), "2.04", (["grub-pc-bin", "grub-common"],), ("demo", "test")),
    Need("xorriso", version_of("xorriso", "-version"), "1.4", (["xorriso"],), ("demo", "test")),
    Need("Git", version_of("git", "--version"), "2", (["git"],), optional=True),
    Need("CMake", version_of("cmake", "--version"), "3.20", (["cmake"],), optional=True),
    Need("clang-format", clang_tool("clang-format"), "16", per_clang("clang-format-{}"), optional=True),
    Need("clang-tidy", clang_tool("clang-tidy"), "16", per_clang("clang-tidy-{}"), optional=True),
    Need("shellcheck", version_of("shellcheck", "--version"), "0.8", (["shellcheck"],), optional=True),
    Need("Zydis", header("Zydis/Zydis.h"), "0", (["libzydis-dev"],), optional=True),
    Need("codespell", version_of("codespell", "--version"), "2", (["codespell"],), optional=True),
)


def as_root(command):
    """`command` as it must be called to change the machine."""
    if os.geteuid() == 0:
        return command
    if shutil.which("sudo"):
        return ["sudo", *command]
    raise say.Problem("packages must be installed, but this is neither root nor is there sudo; run tools/setup as root")


def apt(*arguments):
    """Runs apt-get and shows its output as it comes."""
    command = as_root(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "Dpkg::Use-Pty=0", *arguments])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as work:
        lines = []
        for line in work.stdout:
            lines.append(line.rstrip())
            say.note(line.rstrip())
    if work.returncode != 0:
        errors = [line for line in lines if line.startswith("E:")][:3] or lines[-3:]
        raise say.Problem(f"apt-get {arguments[0]} failed (network? package sources?):\n  " + "\n  ".join(errors))


def offers(package):
    """What the machine's sources offer of a package: the version apt would take, and all versions with their suites.

    The second part maps a version to the suites that have it.
    """
    text = run(["apt-cache", "policy", package]) or ""
    candidate = re.search(r"^  Candidate: (\S+)", text, re.M)
    versions = {}
    version = None
    for line in text.splitlines():
        if match := re.match(r"^(?: \*\*\*|    ) (\S+) -?\d+$", line):
            version = match[1]
            versions[version] = []
        elif version and (match := re.match(r"^ +-?\d+ \S+ ([^/\s]+)/\S+ ", line)):
            versions[version].append(match[1])
    taken = candidate[1] if candidate and candidate[1] != "(none)" else None
    return taken, versions


def choose(need):
    """The packages for a need and the suite to ask for ("" for the usual one), or None when nothing serves."""
    for choice in need.choices:
        candidate, versions = offers(choice[0])
        if candidate and numbers(candidate) >= numbers(need.least):
            # A package that backports alone have is taken from there without being asked; what it needs is not.
            suites = versions.get(candidate, [])
            from_backports = bool(suites) and all(suite.endswith("-backports") for suite in suites)
            return choice, suites[0] if from_backports else ""
        for version, suites in versions.items():
            if numbers(version) >= numbers(need.least):
                for suite in suites:
                    return choice, suite
    return None


def add_backports():
    """Makes the release's backports known to apt. True when that was needed and possible."""
    _, codename = sources.release()
    known = sources.configured()
    wanted = f"{codename}-backports"
    backports = sources.backports_of(codename, known)
    if not codename or backports is None or any(source.suite == wanted for source in known):
        return False
    say.step(f"adding {wanted} from the archive that this machine already uses ({BACKPORTS_FILE})")
    try:
        subprocess.run(as_root(["tee", str(BACKPORTS_FILE)]), input=backports.stanza(), text=True, check=True,
                       stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        raise say.Problem(f"cannot write {BACKPORTS_FILE}") from error
    return True


def plan(missing):
    """Packages to install by suite, and the needs that no source can serve."""
    by_suite = {}
    unserved = []
    for need in missing:
        chosen = choose(need)
        if chosen is None:
            unserved.append(need)
        else:
            by_suite.setdefault(chosen[1], []).extend(chosen[0])
    return by_suite, unserved


def describe(needs):
    return ", ".join(f"{need.name} >= {need.least}" if need.least != "0" else need.name for need in needs)


def ensure(group):
    """Makes sure that everything of a group ("demo" or "test") is on the machine; raises `Problem` in clear words."""
    missing = [need for need in NEEDS if group in need.groups and need.missing()]
    if not missing:
        return
    required = [need for need in missing if not need.optional]
    say.step(f"missing on this machine: {describe(missing)}")
    if not shutil.which("apt-get"):
        if not required:
            return
        raise say.Problem(f"this machine has no apt-get; please install by its own means: {describe(required)}")
    try:
        install(missing)
    except say.Problem as problem:
        if required:
            raise
        say.note(str(problem))
    still = [need for need in required if need.missing()]
    if still:
        raise say.Problem(
            f"still missing: {describe(still)}. The package sources of this machine do not offer them in these "
            "versions; add a source that does, or install them by hand, and run this again.")
    for need in missing:
        if need.optional and need.missing():
            say.note(f"without {need.name}: the checks that use it are skipped")


def install(missing):
    """Installs what serves the needs, adding the release's backports where a required one is served by nothing else."""
    apt("update")
    by_suite, unserved = plan(missing)
    if any(not need.optional for need in unserved) and add_backports():
        apt("update")
        by_suite, unserved = plan(missing)
    for suite, packages in sorted(by_suite.items()):
        say.step(f"installing {' '.join(packages)}" + (f" from {suite}" if suite else ""))
        # The suite as the default release, not per package: dependencies then come from there too.
        apt("install", "-y", "--no-install-recommends", *(["-t", suite] if suite else []), *packages)
