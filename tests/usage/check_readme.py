#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Fails when a page shows code that is not the text of a file which the tests build, or the index misses a page.

usage: check_readme.py SOURCE_ROOT PAGE... [--write]

A code block in C++, Meson, CMake or wrap notation follows a line `<!-- from PATH -->` and holds the file PATH, its
licence line left out; other blocks (commands to type, drawings) are free. `--write` brings the blocks to what the
files say.
"""

import pathlib
import re
import sys

BLOCK = re.compile(r"(?:^<!-- from (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
BUILT = {"cpp", "c++", "meson", "cmake", "ini"}


def shown_text(file):
    return re.sub(r"\A(//|#) SPDX-License-Identifier: [^\n]*\n", "", file.read_text(encoding="utf-8"))


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
        elif shown_text(root / path) != text:
            yield f"{page.name}: the block from {path} is not what the file says (--write brings it up to date)"
    if page.name == "README.md" and shown == 0:
        yield "README.md: shows no code at all"


def unlisted(root):
    """Pages in docs/ that the index there does not name."""
    index = (root / "docs" / "README.md").read_text(encoding="utf-8")
    for page in sorted((root / "docs").glob("*.md")):
        if page.name != "README.md" and f"]({page.name})" not in index:
            yield f"docs/README.md does not list {page.name}"


def write(root, page):
    def block(match):
        path, language, _ = match.groups()
        if path is None or not (root / path).is_file():
            return match[0]
        return f"<!-- from {path} -->\n```{language}\n{shown_text(root / path)}```"

    page.write_text(BLOCK.sub(block, page.read_text(encoding="utf-8")), encoding="utf-8")


def main():
    root, *pages = (pathlib.Path(word) for word in sys.argv[1:] if word != "--write")
    if "--write" in sys.argv:
        for page in pages:
            write(root, page)
    wrong = [problem for page in pages for problem in problems(root, page)]
    return "\n".join(wrong + list(unlisted(root))) or 0


if __name__ == "__main__":
    sys.exit(main())
