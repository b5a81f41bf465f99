#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Builds a stranger's project that uses this library, the way a stranger would, and runs its program.

usage: consume.py METHOD SOURCE_ROOT COMPILER [FLAG...]

METHOD is one of
    include       the include folder on the compiler's command line
    freestanding  the same for a freestanding C++20 build with our flags, compiled and linked without any library
    wrap          a Meson subproject that a wrap file fetches
    pkg-config    an installed copy, found by pkg-config
    meson         an installed copy, found by Meson's dependency()
    cmake         an installed copy, found by CMake's find_package()
    moved         the same after the installation was moved to another folder

Exit status 77 (skipped) when the build tool of the method is not on the machine.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
NEEDED_TOOL = {"cmake": "cmake", "moved": "cmake", "pkg-config": "pkg-config", "meson": "pkg-config", "wrap": "git"}
FREESTANDING = ["-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]


class Consumer:
    def __init__(self, root, compiler, folder):
        self.root = root
        self.compiler = compiler
        self.folder = folder
        self.project = folder / "project"
        shutil.copytree(root / "tests" / "usage" / "consumer", self.project)
        self.environment = {**os.environ, "CXX": compiler[0], "LC_ALL": "C"}

    def run(self, *command, **variables):
        done = subprocess.run([str(word) for word in command], cwd=self.project, capture_output=True, text=True,
                              check=False, env={**self.environment, **variables})
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def compile(self, *flags):
        strict = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        self.run(*self.compiler, *strict, *flags, "main.cpp", "-o", "consumer")

    def install(self):
        """Installs the library into a folder of its own and returns it."""
        build, prefix = self.folder / "axhal-build", self.folder / "prefix"
        self.run("meson", "setup", build, self.root, "-Dtests=disabled", "-Dexamples=disabled", f"--prefix={prefix}")
        self.run("meson", "install", "-C", build)
        return prefix

    def include(self):
        self.compile(f"-I{self.root}/include")
        self.run("./consumer")

    def freestanding(self):
        self.compile(f"-I{self.root}/include", *FREESTANDING, "-nostdlib", "-static", "-Wl,--entry=main")

    def wrap(self):
        wrap = self.project / "subprojects" / "axhal.wrap"
        # What the working tree holds now, as a repository of its own: a clone has committed files only.
        upstream = self.folder / "upstream"
        shutil.copytree(self.root, upstream, ignore=shutil.ignore_patterns(".git", "build", "build-*"))
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
        self.run("git", "init", "-q", upstream)
        self.run("git", "-C", upstream, "add", "-A")
        self.run("git", "-C", upstream, *identity, "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "now")
        wrap.write_text(wrap.read_text().replace("ADDRESS_OF_THE_REPOSITORY", f"file://{upstream}"))
        self.run("meson", "setup", "build")
        self.run("meson", "compile", "-C", "build")
        self.run("build/consumer")
        ours = [test for test in json.loads(self.run("meson", "introspect", "--tests", "build"))]
        if ours:
            sys.exit(f"as a subproject the library must not bring its tests: {ours[0]['name']}")

    def pkg_config(self):
        path = str(self.install() / "share" / "pkgconfig")
        flags = self.run("pkg-config", "--cflags", "--libs", "axhal", PKG_CONFIG_PATH=path).split()
        self.compile(*flags)
        self.run("./consumer")

    def meson(self):
        path = str(self.install() / "share" / "pkgconfig")
        shutil.rmtree(self.project / "subprojects")
        self.run("meson", "setup", "build", f"--pkg-config-path={path}")
        self.run("meson", "compile", "-C", "build")
        self.run("build/consumer")

    def cmake(self):
        self._cmake(self.install())

    def moved(self):
        self._cmake(self.install().rename(self.folder / "elsewhere"))

    def _cmake(self, prefix):
        self.run("cmake", "-G", "Ninja", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}")
        self.run("cmake", "--build", "build")
        self.run("build/consumer")
        # A version that this one does not promise to serve must be refused.
        lists = self.project / "CMakeLists.txt"
        lists.write_text(lists.read_text().replace("find_package(axhal 0.1 ", "find_package(axhal 9.0 "))
        refused = subprocess.run(["cmake", "-G", "Ninja", "-S", ".", "-B", "other", f"-DCMAKE_PREFIX_PATH={prefix}"],
                                 cwd=self.project, capture_output=True, text=True, check=False, env=self.environment)
        if refused.returncode == 0 or "axhal" not in refused.stderr:
            sys.exit(f"find_package(axhal 9.0) must be refused\n{refused.stderr}")


def main():
    method, root, *compiler = sys.argv[1:]
    tool = NEEDED_TOOL.get(method)
    if tool and not shutil.which(tool):
        print(f"{tool} is not on this machine")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        consumer = Consumer(pathlib.Path(root), compiler, pathlib.Path(folder))
        getattr(consumer, method.replace("-", "_"))()
    return 0


if __name__ == "__main__":
    sys.exit(main())
