# SPDX-License-Identifier: BSL-1.0
"""Meson build folders below build/: one for each compiler and machine."""

import json
import os
import pathlib
import re
import subprocess

from . import say

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class BuildFolder:
    """A build folder with fixed options; set up when it is first used, and kept."""

    def __init__(self, name, arguments=(), environment=None):
        self.name = name
        self.path = ROOT / "build" / name
        self.arguments = list(arguments)
        self.environment = environment or {}

    def _run(self, command, title):
        """Runs a step, showing its last line while it works; its whole output when it fails."""
        progress = say.Progress(title)
        lines = []
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", env={**os.environ, **self.environment}) as work:
            for line in work.stdout:
                lines.append(line.rstrip())
                if line.strip():
                    progress.show(line.strip())
        progress.done()
        if work.returncode != 0:
            raise say.Problem(f"{title} failed: {' '.join(map(str, command))}\n" + "\n".join(lines[-60:]))
        return lines

    def setup(self):
        """Makes the folder ready; one that was set up with other options is set up afresh."""
        record = self.path / "axhal-options.json"
        wanted = json.dumps({"arguments": self.arguments, "environment": self.environment})
        if (self.path / "build.ninja").is_file() and record.is_file() and record.read_text() == wanted:
            # Build files that changed since then are read again.
            self._run(["ninja", "-C", str(self.path), "build.ninja"], f"reading the build files of build/{self.name}")
            return
        wipe = ["--wipe"] if (self.path / "meson-private").is_dir() else []
        command = ["meson", "setup", *wipe, str(self.path), str(ROOT), *self.arguments]
        self._run(command, f"setting up build/{self.name}")
        record.write_text(wanted)

    def compile(self, *wanted):
        """Builds the named targets, or everything."""
        self.setup()
        self._run(["ninja", "-C", str(self.path), *wanted], f"building build/{self.name}")

    def output(self, file_name):
        """The path of a build product by its file name, whichever folder makes it."""
        self.setup()
        listed = subprocess.run(["meson", "introspect", "--targets", str(self.path)], capture_output=True, text=True,
                                check=False)
        if listed.returncode != 0:
            raise say.Problem(f"meson introspect failed for build/{self.name}: {listed.stderr.strip()}")
        for target in json.loads(listed.stdout):
            for path in target["filename"]:
                if pathlib.Path(path).name == file_name:
                    return pathlib.Path(path)
        raise say.Problem(f"build/{self.name} makes no file {file_name}")

    def make(self, file_name):
        """Builds one product and returns its path."""
        path = self.output(file_name)
        self.compile(str(path.relative_to(self.path)))
        return path


def for_images(target):
    """The folder that makes a target's images: one for all targets of an architecture."""
    cross_file = str(ROOT / target.cross_file)
    return BuildFolder(target.architecture, ["--cross-file", cross_file, "-Dtests=enabled", "-Dbenchmarks=enabled"])


def host_folders(clang):
    """The folders of the host tests: GCC as consumers use it, and Clang (its command) with the sanitizers."""
    common = ["-Dtests=enabled", "-Dexamples=enabled"]
    sanitized = ["-Doptimization=1", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                 "-Dcpp_args=-fno-sanitize-recover=all"]
    return [
        BuildFolder("gcc", [*common, "-Ddebug=false", "-Doptimization=2"], {"CXX": "g++"}),
        BuildFolder("clang", [*common, *sanitized], {"CXX": clang}),
    ]


def file_stem(text):
    """A text as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
