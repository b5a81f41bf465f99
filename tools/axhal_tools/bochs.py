# SPDX-License-Identifier: BSL-1.0
"""Bochs, an emulator with Intel's VT-x: a PC that starts from a CD, on which GRUB and its Multiboot files are."""

import contextlib
import dataclasses
import pathlib
import re
import select
import shutil
import socket
import subprocess
import time

from . import say

SHARE = pathlib.Path("/usr/share/bochs")
BIOS, VGA_BIOS = SHARE / "BIOS-bochs-latest", SHARE / "VGABIOS-lgpl-latest"
GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
# The loader has what it needs in itself: no menu, no file of its own to look for.
GRUB_MODULES = ("biosdisk", "iso9660", "multiboot", "linux", "boot")
# Words that Bochs ends with where the machine wanted its end; every other panic is an error.
ENDS = ("ACPI control: soft power off", "Shutdown port: shutdown requested")
SHOWN_LINES = 5
START_SECONDS = 120

# Time goes by instructions alone, so that a run repeats. Only what the machine needs is there: no sound, no ports that
# nothing is connected to; the screen, which nobody sees, is looked at once in a second.
FIXED = """\
display_library: rfb, options="timeout=0"
plugin_ctrl: unmapped=1, biosdev=1, serial=1, extfpuirq=1, speaker=0, parallel=0, iodebug=0, gameport=0
vga: extension=none, update_freq=1
clock: sync=none, time0=1
panic: action=fatal
error: action=ignore
info: action=report
boot: cdrom
"""


def grub_word(word):
    """A word of GRUB's command language. GRUB hands it on to what it loads, in double quotes where it has spaces."""
    for refused in "'\\\n":
        if refused in word:
            raise say.Problem(f"GRUB, which starts the machine under Bochs, cannot pass {refused!r} to what it loads")
    return f"'{word}'"


def grub_words(line):
    """The words of a kernel's command line, in which double quotes hold one together."""
    return [grub_word(word.replace('"', "")) for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', line)]


@dataclasses.dataclass
class Machine:
    """A PC under Bochs and what GRUB loads there: (GRUB's command, file, command line) each, in this order."""

    command: str  # of Bochs
    cpu: str
    memory: int  # in bytes
    loads: list
    options: tuple = ()  # more lines of Bochs's configuration
    arguments: tuple = ()  # and words for its command line, which come last

    def script(self):
        lines = [" ".join([command, f"/file{number}", *grub_words(line)])
                 for number, (command, _, line) in enumerate(self.loads)]
        return "\n".join([*lines, "boot"]) + "\n"

    def configuration(self, console_port):
        size = self.memory >> 20
        return FIXED + "".join(line + "\n" for line in [
            f"romimage: file={BIOS}",
            f"vgaromimage: file={VGA_BIOS}",
            f"memory: guest={size}, host={size}",
            f"cpu: model={self.cpu}, count=1, reset_on_triple_fault=0",
            *self.options,
            "ata0-master: type=cdrom, path=disc.iso, status=inserted",
            f"com1: enabled=1, mode=socket-client, dev=127.0.0.1:{console_port}",
            "log: bochs.log",
        ])

    def make_disc(self, folder):
        """Writes `disc.iso` into the folder."""
        disc = folder / "disc"
        disc.mkdir()
        (folder / "grub.cfg").write_text(self.script())
        for number, (_, path, _) in enumerate(self.loads):
            (disc / f"file{number}").symlink_to(pathlib.Path(path).resolve())
        step(["grub-mkimage", "-d", GRUB, "-O", "i386-pc-eltorito", "-o", "disc/grub.img", "-c", "grub.cfg", "-p",
              "/", *GRUB_MODULES], folder)
        # Links are followed: no file is copied twice.
        step(["xorriso", "-as", "mkisofs", "-quiet", "-f", "-o", "disc.iso", "-b", "grub.img", "-no-emul-boot",
              "-boot-load-size", "4", "-boot-info-table", "disc"], folder)

    def prepare(self, folder, console_port):
        """Writes everything for a run into its folder, and returns the command that starts it there."""
        self.make_disc(folder)
        (folder / "bochsrc").write_text(self.configuration(console_port))
        # Debian's Bochs is the one with a debugger; that is told to go on.
        (folder / "commands").write_text("c\n")
        return [self.command, "-q", "-f", "bochsrc", "-rc", "commands", *self.arguments]


def step(command, folder):
    if not shutil.which(command[0]):
        raise say.Problem(f"{command[0]} is not on this machine; tools/setup installs it")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n  ".join(done.stderr.strip().splitlines()[-SHOWN_LINES:])
        raise say.Problem(f"{command[0]} failed:\n  {last}")


def judge(log):
    """How a run ended by itself, from the lines of Bochs's log: the exit status, and words for an error."""
    panics = [line.partition(">>PANIC<<")[2].strip() for line in log if ">>PANIC<<" in line]
    if panics and panics[0] in ENDS:
        return 0, ""
    return 1, panics[0] if panics else "\n".join(log[-SHOWN_LINES:])


class Session:
    """A machine that was started: its process, and its console to read from and write to."""

    def __init__(self, machine, folder):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as listener:
            command = machine.prepare(folder, listener.getsockname()[1])
            self.output = open(folder / "output", "wb")
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.output,
                                            stderr=subprocess.STDOUT)
            self.connection = self._accept(listener)
        # Where the machine never came so far: nothing will be read.
        self.console = self.connection.fileno() if self.connection else None

    def _accept(self, listener):
        """The serial line, which is there before the machine starts; None when Bochs ended before that."""
        begun = time.monotonic()
        while not select.select([listener], [], [], 0.1)[0]:
            if self.process.poll() is not None:
                return None
            if time.monotonic() - begun > START_SECONDS:
                self.process.kill()
                self.process.wait()
                raise say.Problem(f"Bochs did not start within {START_SECONDS} s")
        return listener.accept()[0]

    def write(self, data):
        self.connection.sendall(data)

    def result(self, status):
        """The exit status (None stays None) and what the emulator says about it."""
        log = self._lines("bochs.log") or self._lines("output")
        if status is None:
            return None, ""
        return judge(log)

    def _lines(self, name):
        with contextlib.suppress(OSError):
            return (self.folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
        return []

    def close(self):
        if self.connection:
            self.connection.close()
        self.output.close()
