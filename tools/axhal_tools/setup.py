# SPDX-License-Identifier: BSL-1.0
"""tools/setup: makes a machine able to build, run and test the project."""

import argparse

from . import guest, packages, say, targets


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="tools/setup",
        description="Installs what is missing on this machine (by apt, as root or through sudo; from the release's "
        "backports where needed) and fetches the Linux guests. Does nothing where all is there.")
    parser.add_argument("group", nargs="?", choices=("demo", "test"), default="test",
                        help="what to prepare for: the demonstration alone, or everything (default)")
    parser.add_argument("--no-guest", action="store_true", help="do not fetch the Linux guests")
    options = parser.parse_args(arguments)
    packages.ensure("demo")
    packages.ensure(options.group)
    if not options.no_guest:
        for architecture in targets.architectures():
            guest.linux(architecture)
    say.step("everything is there")
    return 0


if __name__ == "__main__":
    say.run_command("tools/setup", main)
