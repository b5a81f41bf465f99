#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Fails when a page shows code that is not the text of a file which the tests build.

usage: check_readme.py SOURCE_ROOT PAGE...

A code block in C++, Meson, CMake or wrap notation follows a line `<!-- from PATH -->` and holds the file PATH, its licence
line left out; other blocks (commands to type, drawings) are free.
"""

import pathlib
import re
import sys

BLOCK = re.compile(r"(?:^<!-- from (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
BUILT = {"cpp", "c++", "meson", "cmake", "ini"}


def problems(root, page):
    shown = 0
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        path, language, text = match.groups()
        if language not in BUILT:
            continue
        shown += 1
        if path is None:
            yield f"{page.name}: a {language} block does not say which file it is from"
        elif not (root / path).is_file():
            yield f"{page.name}: {path} does not exist"
        else:
            file = re.sub(r"\A(//|#) SPDX-License-Identifier: [^\n]*\n", "", (root / path).read_text(encoding="utf-8"))
            if file != text:
                yield f"{page.name}: the block from {path} is not what the file says"
    if page.name == "README.md" and shown == 0:
        yield "README.md: shows no code at all"


def main():
    root = pathlib.Path(sys.argv[1])
    return "\n".join(problem for page in sys.argv[2:] for problem in problems(root, pathlib.Path(page))) or 0


if __name__ == "__main__":
    sys.exit(main())
