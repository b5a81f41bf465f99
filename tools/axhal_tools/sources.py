# SPDX-License-Identifier: BSL-1.0
"""The package sources that this machine is configured with, in both of apt's notations."""

import dataclasses
import pathlib
import re

SOURCES_FOLDER = pathlib.Path("/etc/apt")


@dataclasses.dataclass(frozen=True)
class Source:
    """One archive, one suite of it, the components taken from it."""

    uri: str
    suite: str
    components: tuple
    signed_by: str = ""  # a key file, or a key in the deb822 notation (lines after the first are indented)

    def one_line(self, architecture):
        """This source in the notation of `sources.list`, for one architecture. The key must be in a file."""
        signed = f" signed-by={self.signed_by}" if self.signed_by else ""
        return f"deb [arch={architecture}{signed}] {self.uri} {self.suite} {' '.join(self.components)}"

    def stanza(self):
        """This source in the deb822 notation."""
        signed = f"Signed-By: {self.signed_by}\n" if self.signed_by else ""
        return f"Types: deb\nURIs: {self.uri}\nSuites: {self.suite}\nComponents: {' '.join(self.components)}\n{signed}"


def parse_deb822(text):
    """Sources in a `*.sources` file."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = {}
        name = None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and name:
                fields[name] += "\n" + line
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = tuple(fields.get("components", "").split())
                found.append(Source(uri, suite, components, fields.get("signed-by", "")))
    return found


def parse_list(text):
    """Sources in a `*.list` file."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)", line)
        if match:
            options = dict(word.split("=", 1) for word in (match[1] or "").split() if "=" in word)
            found.append(Source(match[2], match[3], tuple(match[4].split()), options.get("signed-by", "")))
    return found


def configured(folder=SOURCES_FOLDER):
    """Every source of the machine, in the order that apt reads the files."""
    found = []
    parts = folder / "sources.list.d"
    files = [folder / "sources.list"] + (sorted(parts.iterdir()) if parts.is_dir() else [])
    for file in files:
        if not file.is_file():
            continue
        if file.suffix == ".list":
            found += parse_list(file.read_text(encoding="utf-8", errors="replace"))
        elif file.suffix == ".sources":
            found += parse_deb822(file.read_text(encoding="utf-8", errors="replace"))
    return found


def release(path=pathlib.Path("/etc/os-release")):
    """The distribution's id and code name, as the machine itself states them; empty texts where it does not."""
    fields = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            fields[name] = value.strip().strip('"')
    return fields.get("ID", ""), fields.get("VERSION_CODENAME", "")


def of_release(codename, sources):
    """The sources of the release itself, its updates and its security fixes; nobody else's archives."""
    wanted = {codename, f"{codename}-updates", f"{codename}-security"}
    return [source for source in sources if source.suite.rstrip("/") in wanted]


def backports_of(codename, sources):
    """The backports of the release from the archive that the release itself comes from, or None."""
    for source in sources:
        if source.suite.rstrip("/") == codename:
            return dataclasses.replace(source, suite=f"{codename}-backports", components=("main",))
    return None
