#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs one checker of form over the tracked files that it is for.

usage: check_style.py format|tidy|shell|spelling|licences|ascii SOURCE_ROOT

Exit status 77 (skipped, with a line that says so) when the checker is not on this machine.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
WIDTH = 120
CLANG_VERSIONS = ("19", "20", "21", "22", "18", "17", "16")
LICENCE = "SPDX-License-Identifier: BSL-1.0"
WITHOUT_LICENCE_LINE = {"LICENSE", ".gitignore", ".editorconfig", ".clang-format", ".clang-tidy", "meson_options.txt"}
# Files that a reader sees whole in the README.
SHOWN = "tests/usage/consumer/"


def files_of(root):
    """Tracked files and new ones that are not ignored, by path below the root."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True,
                            text=True, check=False)
    if listed.returncode == 0:
        return [name for name in sorted(set(listed.stdout.split("\0"))) if name and (root / name).is_file()]
    # Not a checkout (an unpacked archive): everything but build folders.
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*")
                  if path.is_file() and path.relative_to(root).parts[0] not in ("build", ".git"))


def find(*names):
    for name in names:
        if shutil.which(name):
            return name
    print(f"{names[0]} is not on this machine")
    sys.exit(SKIPPED)


def versions(name):
    return [f"{name}-{version}" for version in CLANG_VERSIONS] + [name]


def report(command, root):
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def in_parallel(commands, root):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return "".join(pool.map(lambda command: report(command, root), commands))


def check_format(root, names):
    tool = find(*versions("clang-format"))
    wanted = [name for name in names if name.endswith((".hpp", ".cpp"))]
    return in_parallel([[tool, "--dry-run", "-Werror", *wanted[i : i + 20]] for i in range(0, len(wanted), 20)], root)


def check_tidy(root, names):
    tool = find(*versions("clang-tidy"))
    # Files with instructions belong to the cross build; what includes them refuses this one.
    sys.path.insert(0, str(root / "tests" / "headers"))
    sys.dont_write_bytecode = True
    import graph

    headers = graph.Graph(root / "include")
    pure = [name for name in headers.headers
            if not headers.needs_instructions_of(name) and not headers.third_party(name)]
    wanted = [name for name in pure if f"include/{name}" in names]
    # As a user sees them: included. A few files that include many, because each header would bring in the same others.
    with tempfile.TemporaryDirectory() as folder:
        commands = []
        for part in range(2 * (os.cpu_count() or 1)):
            source = pathlib.Path(folder) / f"part{part}.cpp"
            source.write_text("".join(f"#include <{name}>\n" for name in wanted[part :: 2 * (os.cpu_count() or 1)]))
            commands.append([tool, "--quiet", f"--config-file={root}/.clang-tidy", str(source), "--", "-std=c++20",
                             f"-I{root}/include"])
        return in_parallel(commands, root)


def check_shell(root, names):
    tool = find("shellcheck")
    wanted = [name for name in names if name.endswith(".sh") or first_line(root / name).startswith("#!") and
              re.search(r"\b(sh|bash)$", first_line(root / name))]
    return report([tool, "-x", "-P", "SCRIPTDIR", "-s", "bash", *[n for n in wanted if n == ".ci/run"]], root) + report(
        [tool, "-x", "-P", "SCRIPTDIR", "-s", "sh", *[n for n in wanted if n != ".ci/run"]], root)


def check_spelling(root, names):
    tool = find("codespell")
    words = root / "tests" / "style" / "words.txt"
    return report([tool, "--ignore-words", str(words), *[name for name in names if name != "LICENSE"]], root)


def first_line(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n")


def check_licences(root, names):
    wrong = []
    for name in names:
        base = name.rsplit("/", 1)[-1]
        shown_whole = name.startswith(SHOWN) and not name.endswith(".cpp")
        if base in WITHOUT_LICENCE_LINE or name.endswith((".md", ".txt")) or shown_whole:
            continue
        with open(root / name, "rb") as file:
            if LICENCE.encode() not in file.read(400):
                wrong.append(f"{name}: no line '{LICENCE}' near the top")
    return "\n".join(wrong)


def check_ascii(root, names):
    """Look-alike letters are invisible in a review; text that needs more than ASCII has no place in code."""
    wrong = []
    for name in names:
        for number, line in enumerate((root / name).read_bytes().split(b"\n"), 1):
            if not line.isascii() and not name.endswith(".md"):
                wrong.append(f"{name}:{number}: a character that is not ASCII")
            if line.endswith((b" ", b"\t", b"\r")) and not name.endswith(".md"):
                wrong.append(f"{name}:{number}: white space at the end of the line")
            if name.endswith((".py", ".build", ".sh")) and len(line) > WIDTH:
                wrong.append(f"{name}:{number}: {len(line)} columns")
    return "\n".join(wrong)


def main():
    kind, folder = sys.argv[1:]
    root = pathlib.Path(folder)
    check = {"format": check_format, "tidy": check_tidy, "shell": check_shell, "spelling": check_spelling,
             "licences": check_licences, "ascii": check_ascii}[kind]
    return check(root, files_of(root)) or 0


if __name__ == "__main__":
    sys.exit(main())
