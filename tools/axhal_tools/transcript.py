# SPDX-License-Identifier: BSL-1.0
"""What the lines on a machine's console say.

The hypervisor and its guest share one serial line. Lines for programs to read begin with a word of their own:

    axhal: exits KIND=COUNT ...        how often the guest left for the hypervisor, by kind; several lines add up
    axhal: verdict=WORD                how the guest ended: power-off, reset or crash
    axhal: error: TEXT                 why something was refused
    AXHAL-GUEST KEY=VALUE              what the guest found; `userspace` comes first, `verdict` last
"""

import re

CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")
SHOWN_KEYS = ("kernel", "machine", "cpus", "memory_kib", "passed", "failures")


def clean(raw):
    """A console line as text, without line ends and terminal controls."""
    return CONTROL.sub(b"", raw).decode("utf-8", errors="replace").rstrip("\n")


class Transcript:
    """Reads console lines one by one and keeps what they mean."""

    def __init__(self):
        self.lines = []
        self.guest = {}
        self.exits = {}
        self.errors = []
        self.verdict = ""
        self.userspace_seconds = None

    def add(self, line, seconds=None):
        """Takes one line; `seconds` is the time since the start of the machine, where it is known."""
        self.lines.append(line)
        # What the guest has begun to write may stand before the hypervisor's words on the same line.
        if match := re.search(r"axhal: (.*)$", line):
            self._hypervisor(match[1])
        elif match := re.search(r"AXHAL-GUEST ([a-z_]+)=(.*)$", line):
            self.guest.setdefault(match[1], match[2])
            if match[1] == "verdict":
                self.guest["verdict"] = match[2]
            if match[1] == "userspace" and self.userspace_seconds is None:
                self.userspace_seconds = seconds

    def _hypervisor(self, text):
        if text.startswith("exits "):
            for kind, count in re.findall(r"([\w-]+)=(\d+)", text):
                self.exits[kind] = self.exits.get(kind, 0) + int(count)
        elif match := re.match(r"verdict=([\w-]+)", text):
            self.verdict = match[1]
        elif match := re.match(r"error: (.*)", text):
            self.errors.append(match[1])

    def reported(self):
        """What the guest reported, for the table."""
        found = [f"{key.removesuffix('_kib')} {self.guest[key]}" + (" KiB" if key.endswith("_kib") else "")
                 for key in SHOWN_KEYS if key in self.guest]
        if self.guest.get("verdict"):
            found.append(f"verdict {self.guest['verdict']}")
        return "\n".join(found) or "nothing"

    def exits_text(self, columns=2):
        """Exits by kind, the most frequent first, a few on each line."""
        ordered = sorted(self.exits.items(), key=lambda item: (-item[1], item[0]))
        parts = [f"{kind} {count}" for kind, count in ordered if count]
        rows = [", ".join(parts[i : i + columns]) for i in range(0, len(parts), columns)]
        return "\n".join(rows) or "not reported"
