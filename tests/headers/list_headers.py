#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Keeps docs/headers.md, the list of what each public header brings in.

usage: list_headers.py INCLUDE_FOLDER PAGE [--write]

Without `--write` it fails when the page is not what the headers say.
"""

import pathlib
import sys

import graph

HEAD = """# What each header needs

Every public header compiles alone, with only the allowed standard headers in reach (`tests/headers/check_alone.py`).
This page is written by `tests/headers/list_headers.py include docs/headers.md --write`; a test compares the two.

| header | standard headers, its own and those of what it includes | other libraries |
|---|---|---|
"""


def page(headers):
    rows = []
    for name in headers.headers:
        standard = " ".join(f"`<{used}>`" for used in headers.standard(name))
        others = " ".join(f"`<{used}>`" for used in headers.third_party(name))
        rows.append(f"| `{name}` | {standard} | {others} |")
    return HEAD + "\n".join(rows) + "\n"


def main():
    include, path, *rest = sys.argv[1:]
    file = pathlib.Path(path)
    wanted = page(graph.Graph(include))
    if rest == ["--write"]:
        file.write_text(wanted, encoding="utf-8")
        return 0
    if not file.is_file() or file.read_text(encoding="utf-8") != wanted:
        return f"{path} is out of date; run: tests/headers/list_headers.py include docs/headers.md --write"
    return 0


if __name__ == "__main__":
    sys.exit(main())
