#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compiles a file that must not compile, and checks that it fails for the reason it states.

usage: expect_fail.py SOURCE COMPILER [FLAG...]

The reason stands in the file as one or more lines `// EXPECT: <regular expression>`; each must match what the compiler
says. Where the file has lines between `#if defined(AXHAL_CORRECT)` and its `#else`, that neighbour must compile: it
shows that the mistake, and not a missing include or a misspelt name, is what the compiler refuses.
"""

import pathlib
import re
import subprocess
import sys


def compile_file(compiler, source, *flags):
    command = [*compiler, *flags, "-fsyntax-only", str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main():
    source, *compiler = sys.argv[1:]
    text = pathlib.Path(source).read_text(encoding="utf-8")
    expected = re.findall(r"^// EXPECT: (.+)$", text, re.M)
    if not expected:
        return f"{source}: has no line `// EXPECT: <regular expression>`; a failure must say why it fails"

    wrong = compile_file(compiler, source)
    if wrong.returncode == 0:
        return f"{source}: compiled, but must not"
    # Neither the file's own name nor the source lines that a compiler quotes may satisfy a pattern: only its words may.
    said = "\n".join(
        line for line in wrong.stderr.replace(source, "").splitlines() if not re.match(r"\s*\d*\s*\|", line)
    )
    unseen = [pattern for pattern in expected if not re.search(pattern, said)]
    if unseen:
        return f"{source}: failed for another reason; did not see {unseen} in:\n{wrong.stderr}"

    if "defined(AXHAL_CORRECT)" in text:
        right = compile_file(compiler, source, "-DAXHAL_CORRECT")
        if right.returncode != 0:
            return f"{source}: its correct neighbour does not compile:\n{right.stderr}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
