# SPDX-License-Identifier: BSL-1.0
"""Messages to the person in front of the terminal: steps, live progress, and errors that end a command."""

import shutil
import signal
import sys
import time


class Problem(Exception):
    """Something the user can understand and mend. Its text is all they need."""


def step(text):
    """Announces a step on standard error, where it does not mix with a command's result."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def note(text):
    """A remark under the step announced last."""
    print(f"    {text}", file=sys.stderr, flush=True)


class Progress:
    """One line that shows a long step is alive.

    On a terminal the line is rewritten in place; elsewhere (a log file) a fresh line is printed at most every
    `quiet_seconds`, so that a log stays readable.
    """

    def __init__(self, title, quiet_seconds=10.0):
        self.title = title
        self.quiet_seconds = quiet_seconds
        self.started = time.monotonic()
        self.printed = self.started
        self.live = sys.stderr.isatty()
        self.width = 0

    def show(self, detail):
        now = time.monotonic()
        text = f"    {self.title} [{now - self.started:5.1f} s] {detail}"
        if self.live and now - self.printed > 0.1:
            text = text[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write("\r" + text.ljust(self.width))
            sys.stderr.flush()
            self.width = len(text)
            self.printed = now
        elif not self.live and now - self.printed > self.quiet_seconds:
            print(text, file=sys.stderr, flush=True)
            self.printed = now

    def done(self):
        if self.live and self.width:
            sys.stderr.write("\r" + " " * self.width + "\r")
            sys.stderr.flush()


def table(head, rows):
    """Rows of texts under a head, in columns as wide as their widest text; a text may have several lines."""
    cells = [[text.split("\n") for text in row] for row in [head, *rows]]
    widths = [max(len(line) for row in cells for line in row[column]) for column in range(len(head))]
    out = []
    for number, row in enumerate(cells):
        for line in range(max(len(cell) for cell in row)):
            parts = [(cell[line] if line < len(cell) else "").ljust(width) for cell, width in zip(row, widths)]
            out.append("  ".join(parts).rstrip())
        if number == 0:
            out.append("  ".join("-" * width for width in widths))
    return "\n".join(out)


def interrupt(*_):
    raise KeyboardInterrupt


def run_command(name, main):
    """Runs `main(arguments) -> status` and exits: a `Problem` becomes one line and status 2, Ctrl-C status 130.

    A request to end from elsewhere is taken like Ctrl-C, so that an emulator that was started is ended too.
    """
    for request in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(request, interrupt)
    try:
        status = main(sys.argv[1:])
    except Problem as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        status = 130
    sys.exit(status)
