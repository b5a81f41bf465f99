# SPDX-License-Identifier: BSL-1.0
"""The Linux guest: Debian's unmodified kernel package and its static busybox, fetched for the guest's architecture.

apt itself fetches and checks them (signature of the archive, hash of each package), in a state folder of its own, so
that the machine's package lists and architectures stay as they are. The result lies in a cache outside the build
folders and is checked by hash each time it is used.
"""

import contextlib
import dataclasses
import fcntl
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import cpio, say, sources

# For a machine whose own sources offer no packages of that architecture: "URI SUITE", say of a Debian mirror.
MIRROR_VARIABLE = "AXHAL_GUEST_MIRROR"
DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
INIT = pathlib.Path(__file__).resolve().parent.parent / "guest" / "init"


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What Debian calls an architecture and its kernels, and what marks these."""

    name: str
    magic: bytes
    at: int = 56  # where the magic stands: in a plain Image here
    flavour: str = ""  # of the kernel, where the general one is not the one to take
    since: str = ""  # the first release that has it, where older ones that serve us do not


ARCHITECTURES = {
    "aarch64": Architecture("arm64", b"ARM\x64"),
    "riscv64": Architecture("riscv64", b"RSC\x05", since="trixie"),
    # A bzImage, as it is; the general kernel spends most of its start in unpacking itself.
    "x86_64": Architecture("amd64", b"HdrS", at=0x202, flavour="cloud-"),
}
OLD_RELEASES = ("buster", "bullseye", "bookworm")  # those before "trixie"


def cache_folder():
    """Where fetched things are kept: `$AXHAL_CACHE`, else `axhal` in the user's cache folder."""
    own = os.environ.get("AXHAL_CACHE")
    if own:
        return pathlib.Path(own)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "axhal"


class LinuxGuest:
    """A kernel, an initial RAM disk, and what they are."""

    def __init__(self, kernel, initrd, version):
        self.kernel = kernel
        self.initrd = initrd
        self.version = version


def suite_with(architecture, suite):
    """The suite to ask for packages of an architecture: `suite`, or its like in the first release that has them."""
    codename, dash, part = suite.partition("-")
    if architecture.since and codename.rstrip("/") in OLD_RELEASES:
        return architecture.since + dash + part
    return suite


def guest_sources(architecture):
    """The sources to fetch a guest from: the named mirror, else those of this machine's own release.

    A release that is older than the architecture is replaced by the first that has it, from the same archive.
    """
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        words = named.split()
        if len(words) != 2:
            raise say.Problem(f"{MIRROR_VARIABLE} must be a mirror's address and a suite, separated by a space")
        return [sources.Source(words[0], suite_with(architecture, words[1]), ("main",), DEBIAN_KEYS)]
    _, codename = sources.release()
    found = sources.of_release(codename, sources.configured())
    # A key written into the sources file itself has no file name that the private apt could be given.
    return [dataclasses.replace(source, suite=suite_with(architecture, source.suite))
            for source in found if "\n" not in source.signed_by]


class PrivateApt:
    """apt for another architecture, with all its state in one folder."""

    def __init__(self, folder, architecture, source_list):
        self.folder = folder
        for part in ("lists/partial", "archives/partial", "parts"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text("".join(source.one_line(architecture) + "\n" for source in source_list))
        self.options = [
            f"APT::Architecture={architecture}",
            f"APT::Architectures={architecture}",
            f"Dir::State={folder}",
            "Dir::State::status=/dev/null",
            f"Dir::State::lists={folder}/lists",
            f"Dir::Cache={folder}",
            f"Dir::Cache::archives={folder}/archives",
            f"Dir::Etc::sourcelist={folder}/sources.list",
            f"Dir::Etc::sourceparts={folder}/parts",
            "Acquire::Languages=none",
            # As root, apt would fetch as another user, who cannot write here.
            "APT::Sandbox::User=root",
        ]

    def run(self, tool, *arguments):
        command = [tool, "-q"] + [word for option in self.options for word in ("-o", option)] + list(arguments)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()[-3:]
            raise say.Problem(f"{tool} {arguments[0]} failed while fetching the guest:\n  " + "\n  ".join(said))
        return done.stdout

    def versions(self, package):
        """The records of a package, the newest first."""
        return [dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", record, re.M))
                for record in self.run("apt-cache", "show", "--all-versions", package).strip().split("\n\n")]

    def fetch(self, package):
        """Fetches the newest version of a package; apt checks its hash. Returns the file and its record."""
        record = self.versions(package)[0]
        say.note(f"fetching {package} {record['Version']} ({int(record['Size']) / 1e6:.1f} MB)")
        for old in self.folder.glob(f"{package}_*.deb"):
            old.unlink()
        self.run("apt-get", "download", package)
        (file,) = self.folder.glob(f"{package}_*.deb")
        if sha256(file.read_bytes()) != record["SHA256"]:
            raise say.Problem(f"{file.name} is not what the archive's list says (wrong SHA-256)")
        return file, record


def with_lists(folder, architecture, source_list):
    """apt with fresh lists: those of the release alone where a mirror's lists of its updates are not whole."""
    apt = PrivateApt(folder, architecture, source_list)
    try:
        apt.run("apt-get", "update")
    except say.Problem as problem:
        release_itself = [source for source in source_list if "-" not in source.suite]
        if release_itself in ([], source_list):
            raise
        say.note(f"without the release's updates, because {problem}")
        shutil.rmtree(folder)
        apt = PrivateApt(folder, architecture, release_itself)
        apt.run("apt-get", "update")
    return apt


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def plain_kernel(content, architecture):
    """A bootable kernel from what a package may hold: an Image or bzImage, a gzip of one, or an EFI zboot wrapper."""
    if content[4:8] == b"zimg":
        start = int.from_bytes(content[8:12], "little")
        size = int.from_bytes(content[12:16], "little")
        if content[24:28] != b"gzip":
            raise say.Problem("the kernel package holds a compressed kernel of a kind that is not known here")
        content = content[start : start + size]
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[architecture.at : architecture.at + 4] != architecture.magic:
        raise say.Problem(f"the kernel package does not hold a {architecture.name} kernel")
    return content


def is_bzimage(kernel):
    """Whether a file is a Linux kernel of a PC, in the form that a boot loader of PCs takes."""
    with open(kernel, "rb") as file:
        return file.read(0x206)[0x202:] == b"HdrS"


def is_boot_sector(kernel):
    """Whether a file is the first sector of a PC's disk, which takes no command line."""
    content = kernel.read_bytes() if kernel.stat().st_size == 512 else b""
    return content[510:] == b"\x55\xaa"


def initial_ram_disk(busybox, init):
    """The initial RAM disk: busybox, our first process, the folders it needs."""
    archive = cpio.Archive()
    for folder in ("bin", "dev", "proc", "sys", "tmp"):
        archive.folder(folder)
    # The kernel opens this one for the first process, before anything is mounted.
    archive.character_device("dev/console", 5, 1)
    archive.file("bin/busybox", busybox)
    archive.file("init", init)
    return gzip.compress(archive.finish(), mtime=0)


@contextlib.contextmanager
def locked(folder):
    """Only one process at a time prepares a guest."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unpack(package, folder):
    done = subprocess.run(["dpkg-deb", "-x", package, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise say.Problem(f"{package.name} cannot be unpacked: {done.stderr.strip()}")


def fetch_parts(name, home):
    """Fetches kernel and busybox into `home` and writes the manifest that vouches for them."""
    architecture = ARCHITECTURES[name]
    kernels = f"linux-image-{architecture.flavour}{architecture.name}"
    where = guest_sources(architecture)
    if not where:
        raise say.Problem("this machine's package sources name no archive to fetch a guest from; set "
                          f"{MIRROR_VARIABLE} to a Debian mirror and suite, or give --kernel and --initrd")
    say.step(f"fetching the Linux guest for {name} (once; kept in {home})")
    apt = with_lists(home / "apt", architecture.name, where)
    try:
        depends = apt.versions(kernels)[0]["Depends"]
    except say.Problem as problem:
        raise say.Problem(f"the archives of this machine have no {kernels}; set "
                          f"{MIRROR_VARIABLE} to a Debian mirror and suite, or give --kernel and --initrd\n"
                          f"  ({problem})") from problem
    kernel_package, kernel_record = apt.fetch(re.match(r"linux-image-[^ ,]+", depends)[0])
    busybox_package, busybox_record = apt.fetch("busybox-static")
    with tempfile.TemporaryDirectory(dir=home) as folder:
        root = pathlib.Path(folder)
        unpack(kernel_package, root)
        unpack(busybox_package, root)
        kernel = find_kernel(root)
        parts = {"kernel": plain_kernel(kernel.read_bytes(), architecture), "busybox": find_busybox(root).read_bytes()}
        manifest = {"version": kernel.name.partition("-")[2], "packages": {}}
        for record in (kernel_record, busybox_record):
            manifest["packages"][record["Package"]] = {"version": record["Version"], "sha256": record["SHA256"]}
        for part, content in parts.items():
            (home / part).write_bytes(content)
            manifest[part] = sha256(content)
    (home / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    # The lists and packages have served: a later fetch starts from fresh lists anyway.
    shutil.rmtree(home / "apt")


def find_kernel(root):
    """The kernel in an unpacked package: vmlinuz-VERSION, or vmlinux-VERSION where it is not compressed."""
    found = list((root / "boot").glob("vmlinu[xz]-*"))
    if len(found) != 1:
        raise say.Problem("the kernel package does not hold one kernel below /boot")
    return found[0]


def find_busybox(root):
    """busybox in an unpacked package: in /bin, or in /usr/bin where the two are one."""
    for path in (root / "bin" / "busybox", root / "usr" / "bin" / "busybox"):
        if path.is_file():
            return path
    raise say.Problem("the busybox package holds no busybox")


def vouched(home):
    """The manifest of what is in `home`, or None unless every part is there and as fetched."""
    try:
        manifest = json.loads((home / "manifest.json").read_text())
        whole = all(sha256((home / name).read_bytes()) == manifest[name] for name in ("kernel", "busybox"))
    except (OSError, ValueError, KeyError):
        return None
    return manifest if whole else None


def linux(architecture):
    """The Linux guest of an architecture, fetched first where it is not in the cache or is damaged there."""
    home = cache_folder() / f"linux-{architecture}"
    with locked(home):
        manifest = vouched(home)
        if manifest is None:
            fetch_parts(architecture, home)
            manifest = vouched(home)
        content = initial_ram_disk((home / "busybox").read_bytes(), INIT.read_bytes())
        initrd = home / f"initrd-{sha256(content)[:16]}.gz"
        if not initrd.is_file():
            partial = home / "initrd.partial"
            partial.write_bytes(content)
            partial.rename(initrd)
        return LinuxGuest(home / "kernel", initrd, manifest["version"])
