# SPDX-License-Identifier: BSL-1.0
"""Runs one emulator to its end: console into a transcript and a log, with a time limit."""

import os
import selectors
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from . import say, transcript


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


def run(command, log, time_limit, on_line=None):
    """Runs `command` with its serial console on our side, until it ends or `time_limit` seconds have passed.

    The console goes to the file `log` as it comes, and line by line into the transcript; `on_line(line, seconds)` is
    called for each line.
    """
    require(command)
    command = [*command, "-display", "none", "-monitor", "none", "-serial", "stdio"]
    told = transcript.Transcript()
    started = time.monotonic()
    # Errors into a file: a pipe that nobody reads while the console is read could fill up and stop the emulator.
    with open(log, "wb") as record, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as process:
            try:
                status = _pump(process, told, record, started, time_limit, on_line)
            finally:
                stop(process)
        errors.seek(0)
        stderr = errors.read().decode("utf-8", errors="replace").strip()
    return Outcome(told, status, time.monotonic() - started, stderr)


def _pump(process, told, record, started, time_limit, on_line):
    """Moves console bytes until the process ends; its exit status, or None when the limit came first."""
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    rest = b""
    while True:
        now = time.monotonic() - started
        if now > time_limit:
            told.add(transcript.clean(rest))
            return None
        if not selector.select(timeout=min(0.5, time_limit - now + 0.01)):
            if on_line:
                on_line("", now)
            continue
        data = os.read(process.stdout.fileno(), 65536)
        now = time.monotonic() - started
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
            return process.wait()


def run_interactive(command, log):
    """Hands the console to the user until the emulator ends. What was shown is read back from the log afterwards."""
    require(command)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise say.Problem("--interactive needs a terminal on standard input and output")
    command = [*command, "-display", "none", "-chardev", f"stdio,id=console,mux=on,signal=off,logfile={log}",
               "-serial", "chardev:console", "-mon", "chardev=console"]
    started = time.monotonic()
    status = subprocess.call(command)
    told = transcript.Transcript()
    with open(log, "rb") as record:
        for raw in record:
            told.add(transcript.clean(raw))
    return Outcome(told, status, time.monotonic() - started)


def shell_text(command):
    """The command as one line that a shell understands."""
    return shlex.join(str(word) for word in command)
