#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Fails when the version in the header, in the build files and at the top of the changelog are not the same.

usage: check_version.py VERSION_HEADER PROJECT_VERSION CHANGELOG
"""

import pathlib
import re
import sys


def main():
    header, project, changelog = sys.argv[1:]
    text = pathlib.Path(header).read_text(encoding="utf-8")
    numbers = [re.search(rf"#define AXHAL_VERSION_{part} (\d+)$", text, re.M) for part in ("MAJOR", "MINOR", "PATCH")]
    stated = ".".join(match[1] if match else "?" for match in numbers)
    if stated != project:
        return f"{header} says {stated}, meson.build says {project}"
    newest = re.search(r"^## (\d+\.\d+\.\d+)", pathlib.Path(changelog).read_text(encoding="utf-8"), re.M)
    if not newest or newest[1] != project:
        return f"the newest entry of {changelog} is {newest[1] if newest else 'missing'}, meson.build says {project}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
