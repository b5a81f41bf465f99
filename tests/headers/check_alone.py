#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compiles each public header on its own, twice in a row, where only the allowed standard headers can be found.

usage: check_alone.py INCLUDE_FOLDER ARCHITECTURE COMPILER [FLAG...]

The standard headers that may be used are linked into a folder (the jail) with the internals they are made of; the C
library is out of reach, whatever the compiler would find by itself. GCC 12 and Clang accept every header with
`-ffreestanding`, so that flag alone would prove nothing. Files with instructions of another architecture than
ARCHITECTURE must refuse to compile, by their own `#error`.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import graph

# Folders and headers inside the standard library that the allowed headers are made of.
INTERNALS = {"ext", "debug", "initializer_list", "version"}
# `std::atomic::wait` needs threads of an operating system, which <atomic> of a Linux tool chain always declares.
WITHOUT_THREADS = "bits/atomic_wait.h"
# The standard library asks the C library's header for its version, which decides nothing here.
FEATURES = "#define __GLIBC_PREREQ(major, minor) 0\n"


def search_path(compiler):
    """The folders that a compiler searches for C++ headers, in order."""
    said = subprocess.run([*compiler, "-E", "-v", "-x", "c++", "/dev/null"], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stderr
    listed = re.search(r"#include <\.\.\.> search starts here:\n(.*?)End of search list", said, re.S)
    return [pathlib.Path(line.strip()).resolve() for line in listed[1].splitlines()]


def link_all(source, folder):
    """A folder with links to everything in `source`."""
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)


def build_jail(folder, compiler):
    """Flags that replace a compiler's own search path by the jail in `folder`."""
    std = folder / "std"
    std.mkdir()
    (std / "features.h").write_text(FEATURES, encoding="ascii")
    flags = ["-nostdinc", "-ffreestanding", "-isystem", str(std)]
    for number, path in enumerate(search_path(compiler)):
        if (path / "type_traits").is_file():
            link_all(path / "bits", std / "bits")
            (std / WITHOUT_THREADS).unlink(missing_ok=True)
            (std / WITHOUT_THREADS).touch()
            for name in graph.ALLOWED | INTERNALS:
                if (path / name).exists():
                    (std / name).symlink_to(path / name)
        elif (path / "bits" / "c++config.h").is_file():
            part = folder / f"std-{number}"
            part.mkdir()
            (part / "bits").symlink_to(path / "bits")
            flags += ["-isystem", str(part)]
        elif (path / "stddef.h").is_file() and (path / "stdint.h").is_file() and not (path / "stdlib.h").exists():
            flags += ["-isystem", str(path)]  # the compiler's own headers
    return flags


def check_jail(folder, compile_text):
    """A jail that lets everything through would prove nothing: these must be caught, and the allowed ones found."""
    for name in ("string", "optional", "array", "span", "cstdlib", "stdlib.h", "unistd.h"):
        if compile_text(folder, f"#include <{name}>\n").returncode == 0:
            return f"the jail is open: <{name}> can be included"
    done = compile_text(folder, "".join(f"#include <{name}>\n" for name in sorted(graph.ALLOWED)))
    return f"the jail lacks an allowed header:\n{done.stderr}" if done.returncode else None


def main():
    include, architecture, *compiler = sys.argv[1:]
    headers = graph.Graph(include)
    if not headers.headers:
        return f"no header below {include}"
    # A compiler may come with words of its own in front (a cache); its flags begin at the first dash.
    first_flag = next((at for at, word in enumerate(compiler) if word.startswith("-")), len(compiler))
    command = compiler[:first_flag]
    flags = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", f"-I{include}",
             *compiler[first_flag:]]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        jail = build_jail(folder, command)

        def compile_text(_, text, jailed=True):
            where = jail if jailed else ["-ffreestanding"]
            return subprocess.run([*command, *flags, *where, "-fsyntax-only", "-x", "c++", "-"], input=text,
                                  capture_output=True, text=True, check=False)

        wrong = [problem] if (problem := check_jail(folder, compile_text)) else []

        def check(header):
            machine = headers.needs_instructions_of(header.name)
            foreign = machine not in (None, architecture)
            if foreign and not header.has_instructions:
                return None  # what it includes refuses; that is checked there
            # Headers of other libraries have their own needs, so what uses them is compiled outside the jail.
            jailed = not headers.third_party(header.name)
            done = compile_text(folder, f"#include <{header.name}>\n" * 2, jailed)
            if foreign:
                refused = done.returncode != 0 and re.search(r"#error.*only an? .* build may include it", done.stderr)
                said = f"{header.name}: must refuse a build for {architecture} in words\n{done.stderr}"
                return None if refused else said
            return f"{header.name}:\n{done.stderr}" if done.returncode else None

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            wrong += [problem for problem in pool.map(check, headers.headers.values()) if problem]
    print(f"{len(headers.headers)} headers")
    return "\n".join(wrong) or 0


if __name__ == "__main__":
    sys.exit(main())
