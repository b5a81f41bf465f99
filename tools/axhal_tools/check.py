# SPDX-License-Identifier: BSL-1.0
"""tools/test: builds everything and runs every suite through `meson test`."""

import argparse
import json
import os
import subprocess

from . import build, guest, packages, say, targets

SUITES = ("headers", "unit", "golden", "laws", "conformance", "fail", "fuzz", "usage", "tools", "style", "examples",
          "images", "bench")
SCRIPTS = {"headers", "fail", "usage", "tools", "style"}  # suites that need nothing built
GOOD = {"OK", "EXPECTEDFAIL"}
TAIL = 25  # lines of a failed test's output that are shown


class Tally:
    """Results over all build folders."""

    def __init__(self):
        self.passed = 0
        self.skipped = []
        self.failed = []

    def add(self, folder, test):
        name = f"{folder.name}: {test['name']}"
        if test["result"] in GOOD:
            self.passed += 1
        elif test["result"] == "SKIP":
            self.skipped.append((name, last_lines(test, 1)))
        else:
            self.failed.append((f"{name} ({test['result'].lower()})", last_lines(test, TAIL)))

    def report(self):
        for name, why in self.skipped:
            print(f"skipped  {name}: {' '.join(why)}")
        for name, lines in self.failed:
            print(f"failed   {name}")
            for line in lines:
                print(f"         | {line}")
        print(f"{self.passed} passed, {len(self.failed)} failed")


def last_lines(test, count):
    text = (test.get("stdout") or "") + (test.get("stderr") or "")
    return text.rstrip().splitlines()[-count:]


def run_tests(folder, suites, tally):
    """Runs a folder's tests (of some suites, or all) and adds their results, as Meson's own log has them."""
    log = folder.path / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(folder.path)]
    for suite in suites:
        command += ["--suite", suite]
    # `meson test` builds the programs that its tests run; where they run none, it would build everything.
    if not set(suites) - SCRIPTS:
        command.append("--no-rebuild")
    progress = say.Progress(f"testing build/{folder.name}")
    output = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, "COLUMNS": "120"}) as work:
        for line in work.stdout:
            output.append(line.rstrip())
            if line.strip():
                progress.show(line.strip())
    progress.done()
    count = 0
    if log.is_file():
        for line in log.read_text(encoding="utf-8").splitlines():
            tally.add(folder, json.loads(line))
            count += 1
    if count == 0 and work.returncode != 0:
        tally.failed.append((f"{folder.name}: meson test", output[-TAIL:]))
    say.note(f"build/{folder.name}: {count} tests")


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="tools/test",
        description="Sets this machine up, builds everything (GCC; Clang with sanitizers; images), runs the tests, and "
        "ends with a line 'N passed, N failed'. The exit status is 0 only when none failed.")
    parser.add_argument("suite", nargs="*", help=f"only these suites (default: all): {', '.join(SUITES)}")
    options = parser.parse_args(arguments)
    for suite in options.suite:
        if suite not in SUITES:
            raise say.Problem(f"unknown suite '{suite}'; there is: {', '.join(SUITES)}")
    packages.ensure("demo")
    packages.ensure("test")
    only_images = bool(options.suite) and set(options.suite) <= {"images", "bench"}
    folders = [] if only_images else build.host_folders(packages.find_clang())
    folders += [build.for_images(target) for target in targets.architectures().values()]
    if not options.suite or {"images", "bench"} & set(options.suite):
        for architecture in targets.architectures():
            guest.linux(architecture)
    tally = Tally()
    for folder in folders:
        say.step(f"build/{folder.name}")
        try:
            if options.suite:
                folder.setup()
            else:
                folder.compile()
        except say.Problem as problem:
            tally.failed.append((f"{folder.name}: build", str(problem).splitlines()))
            continue
        run_tests(folder, options.suite, tally)
    tally.report()
    return 0 if not tally.failed and tally.passed else 1


if __name__ == "__main__":
    say.run_command("tools/test", main)
