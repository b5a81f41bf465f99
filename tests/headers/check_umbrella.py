#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Keeps axhal/axhal.hpp, which is to include every portable header and nothing else.

usage: check_umbrella.py INCLUDE_FOLDER [--write]

Portable are core, policy and the folders over them. Left out are the laws (for tests), what needs another library
(hal.hpp, format.hpp), what belongs to one machine (arch, board), and what other headers keep to themselves (detail).
"""

import pathlib
import sys

import graph

FOLDERS = ("core", "policy", "memory", "paging", "irq", "time", "cpu", "console", "vcpu", "vdev", "boot")
HEAD = """// SPDX-License-Identifier: BSL-1.0
#pragma once

// All portable headers. Beside them stand, each to be included by those who need it: axhal/hal.hpp (composition, with
// Boost.Hana), axhal/format.hpp (formatters, with {fmt}), the laws in axhal/conformance/, and what belongs to one
// machine in axhal/arch/ and axhal/board/. This file is written by tests/headers/check_umbrella.py include --write.

"""


def wanted(headers):
    names = ["axhal/version.hpp"]
    for folder in FOLDERS:
        names += [name for name, header in headers.headers.items()
                  if header.folder == folder and "/detail/" not in name]
    return HEAD + "".join(f"#include <{name}>\n" for name in sorted(names))


def main():
    include, *rest = sys.argv[1:]
    file = pathlib.Path(include) / "axhal" / "axhal.hpp"
    text = wanted(graph.Graph(include))
    if rest == ["--write"]:
        file.write_text(text, encoding="ascii")
        return 0
    if not file.is_file() or file.read_text(encoding="ascii") != text:
        return f"{file} is out of date; run: tests/headers/check_umbrella.py include --write"
    return 0


if __name__ == "__main__":
    sys.exit(main())
