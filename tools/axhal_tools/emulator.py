# SPDX-License-Identifier: BSL-1.0
"""Runs one emulator to its end: console into a transcript and a log, with a time limit."""

import contextlib
import os
import pathlib
import select
import selectors
import shlex
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import tty

from . import bochs, say, transcript


class Outcome:
    """How a run ended: its transcript, the emulator's exit status (None: stopped by the time limit), the seconds."""

    def __init__(self, told, status, seconds, stderr=""):
        self.told = told
        self.status = status
        self.seconds = seconds
        self.stderr = stderr

    @property
    def timed_out(self):
        return self.status is None


def stop(process):
    """Ends a process of ours, gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def require(command):
    if not shutil.which(command[0]):
        raise say.Problem(f"{command[0]} is not on this machine; tools/setup installs it")


class Session:
    """A command that was started with its console on our side."""

    def __init__(self, command, folder):
        words = [*command, "-display", "none", "-monitor", "none", "-serial", "stdio"]
        # Errors into a file: a pipe that nobody reads while the console is read could fill up and stop the emulator.
        self.errors = open(folder / "errors", "w+b")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors)
        self.console = self.process.stdout.fileno()

    def result(self, status):
        """The exit status, and what the emulator says about it."""
        self.errors.seek(0)
        return status, self.errors.read().decode("utf-8", errors="replace").strip()

    def close(self):
        self.process.stdout.close()
        self.errors.close()


@contextlib.contextmanager
def started(command):
    """A session for a QEMU command or a machine under Bochs; it has ended, and its files are gone, after that."""
    is_bochs = isinstance(command, bochs.Machine)
    require([command.command] if is_bochs else command)
    with tempfile.TemporaryDirectory(prefix="axhal-") as name:
        session = (bochs.Session if is_bochs else Session)(command, pathlib.Path(name))
        try:
            yield session
        finally:
            stop(session.process)
            session.close()


def run(command, log, time_limit, on_line=None):
    """Runs `command` (see `targets.command`) with its serial console on our side, until it ends or `time_limit` seconds
    have passed.

    The console goes to the file `log` as it comes, and line by line into the transcript; `on_line(line, seconds)` is
    called for each line.
    """
    told = transcript.Transcript()
    begun = time.monotonic()
    with open(log, "wb") as record, started(command) as session:
        status = _pump(session, told, record, begun, time_limit, on_line)
        status, words = session.result(status)
    return Outcome(told, status, time.monotonic() - begun, words)


def _pump(session, told, record, begun, time_limit, on_line):
    """Moves console bytes until the emulator ends; its exit status, or None when the limit came first."""
    if session.console is None:
        return session.process.wait()
    selector = selectors.DefaultSelector()
    selector.register(session.console, selectors.EVENT_READ)
    rest = b""
    while True:
        now = time.monotonic() - begun
        if now > time_limit:
            told.add(transcript.clean(rest))
            return None
        if not selector.select(timeout=min(0.5, time_limit - now + 0.01)):
            if on_line:
                on_line("", now)
            continue
        data = os.read(session.console, 65536)
        now = time.monotonic() - begun
        record.write(data)
        record.flush()
        *lines, rest = (rest + data).split(b"\n")
        if not data:
            lines, rest = ([rest] if rest else []), b""
        for raw in lines:
            line = transcript.clean(raw)
            told.add(line, now)
            if on_line:
                on_line(line, now)
        if not data:
            return session.process.wait()


def run_interactive(command, log):
    """Hands the console to the user until the emulator ends. What was shown is read back from the log afterwards."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise say.Problem("--interactive needs a terminal on standard input and output")
    begun = time.monotonic()
    if isinstance(command, bochs.Machine):
        with open(log, "wb") as record, started(command) as session:
            status = _converse(session, record)
            # Stopped by the user's own wish: that is no error.
            status, words = (0, "") if status is None else session.result(status)
    else:
        require(command)
        status, words = subprocess.call([*command, "-display", "none", "-chardev",
                                         f"stdio,id=console,mux=on,signal=off,logfile={log}",
                                         "-serial", "chardev:console", "-mon", "chardev=console"]), ""
    told = transcript.Transcript()
    with open(log, "rb") as record:
        for raw in record:
            told.add(transcript.clean(raw))
    return Outcome(told, status, time.monotonic() - begun, words)


def _converse(session, record):
    """Joins the user's terminal and the console; the emulator's exit status, or None when the user stopped it.

    Ctrl-A and then X stops the machine, as with QEMU; Ctrl-A twice is a Ctrl-A for the guest.
    """
    if session.console is None:
        return session.process.wait()
    keys, screen = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(keys)
    after_control_a = False
    try:
        tty.setraw(keys)
        while True:
            ready = select.select([keys, session.console], [], [])[0]
            if session.console in ready:
                data = os.read(session.console, 65536)
                if not data:
                    return session.process.wait()
                record.write(data)
                os.write(screen, data)
            if keys in ready:
                for key in os.read(keys, 256):
                    if after_control_a and key in b"xX":
                        return None
                    was_after, after_control_a = after_control_a, key == 1 and not after_control_a
                    if not after_control_a and (key != 1 or was_after):
                        session.write(bytes([key]))
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
        os.write(screen, b"\r\n")


def shell_text(command):
    """The command as text for the user: one line that a shell understands, or what a machine under Bochs is made of."""
    if isinstance(command, bochs.Machine):
        return command.configuration("PORT") + command.script()
    return shlex.join(str(word) for word in command)
