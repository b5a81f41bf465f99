#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Fails when a header breaks the order of layers, or uses what a freestanding header may not.

usage: check_layers.py INCLUDE_FOLDER

    core <- policy <- {memory paging irq time cpu console vcpu vdev boot conformance} <- arch/<a> <- board

A portable layer may use other portable layers as long as no circle comes of it; an architecture never uses another one.
What differs between architectures is below arch/ and board/ alone: no name in other code tells of one.
"""

import re
import sys

import graph

PORTABLE = {"memory", "paging", "irq", "time", "cpu", "console", "vcpu", "vdev", "boot", "conformance"}
MAY_USE = {
    "core": {"core"},
    "policy": {"core", "policy"},
    **{layer: {"core", "policy"} | PORTABLE - {"conformance"} for layer in PORTABLE - {"conformance"}},
    "conformance": {"core", "policy"} | PORTABLE,
    "detail": {"detail"},  # another library's headers behind one of ours
    "": {"", "core", "policy", "detail"} | PORTABLE,
    "arch": {"core", "policy", "arch"} | PORTABLE,
    "board": {"", "core", "policy", "arch", "board"} | PORTABLE,
}
# Where a conditional asks what the compiler or its library can do, it chooses no architecture.
FEATURE_QUESTION = re.compile(r"__has_include|__cpp_\w+|__has_builtin|__STDC_HOSTED__")
FORBIDDEN = {
    r"\bvirtual\b": "virtual functions",
    r"\b(throw|try|catch)\b": "exceptions",
    r"\b(dynamic_cast|typeid)\b": "run-time type information",
    r"\b(float|double)\b": "floating point",
    r"\bthread_local\b": "thread-local variables",
    r"\bnew\s+[A-Za-z_:]": "heap allocation",
    r"\b(?<!= )delete\s+[A-Za-z_]": "heap release",
    r"\b(malloc|free|printf|abort)\s*\(": "the C library",
    r"\bstd::(string|string_view|vector|array|span|optional|variant|function|map|unique_ptr|shared_ptr|cout)\b":
        "hosted parts of the standard library",
    r"(?m)^using\s+namespace\b": "a using-directive outside a function",
}


ARCHITECTURE_NAME = re.compile(r"(?i)aarch64|arm64|armv[78]|risc_?v|x86|amd64")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def broken_layers(header):
    for used in header.includes:
        if not used.startswith("axhal/"):
            continue
        parts = used.split("/")[1:]
        layer = parts[0] if len(parts) > 1 else ""
        if layer not in MAY_USE[header.folder]:
            yield f"{header.folder or 'the top folder'} must not include {used}"
        if layer == "arch" and header.architecture is not None and parts[1] != header.architecture:
            yield f"arch/{header.architecture} must not include {used}"


def broken_includes(header):
    for used in header.quoted:
        yield f'write #include <{used}>, not "{used}"'
    for used in header.includes:
        guarded = f"__has_include(<{used}>)" in header.text
        if "/" not in used and used not in graph.ALLOWED and not guarded:
            yield f"<{used}> is not a freestanding header that this library uses"


def broken_code(header):
    for match in re.finditer(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)\b(.*)$", header.code, re.M):
        condition = FEATURE_QUESTION.sub("", header.text.splitlines()[line_of(header.code, match.start()) - 1])
        asked = FEATURE_QUESTION.search(match[2]) and not re.search(r"__(aarch64|arm|x86_64|i386|riscv)", condition)
        if not header.has_instructions and not asked:
            yield f"line {line_of(header.code, match.start())}: a conditional; selection is a type here"
    for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", header.code, re.M):
        if not (header.name == "axhal/version.hpp" and match[1].startswith("AXHAL_VERSION_")):
            yield f"line {line_of(header.code, match.start())}: the macro {match[1]}"
    for match in re.finditer(r"\b(__)?asm(__)?\b", header.code):
        if not header.has_instructions:
            yield f"line {line_of(header.code, match.start())}: assembly outside insn*.hpp and world_switch*.hpp"
    for pattern, what in FORBIDDEN.items():
        for match in re.finditer(pattern, header.code):
            if match[0] == "thread_local" and header.architecture == "host":
                continue  # the simulated machine runs each of its CPUs on a thread of the host
            yield f"line {line_of(header.code, match.start())}: {what} ({match[0].strip()})"


def broken_names(header):
    if header.folder in ("arch", "board"):
        return
    # Includes are the layers' business.
    code = re.sub(r"(?m)^[ \t]*#[ \t]*include.*$", "", header.code)
    for match in ARCHITECTURE_NAME.finditer(code):
        yield f"line {line_of(code, match.start())}: the name of an architecture ({match[0]}) in portable code"


def broken_form(header):
    lines = header.text.splitlines()
    if lines[:2] != ["// SPDX-License-Identifier: BSL-1.0", "#pragma once"]:
        yield "must begin with the licence line and #pragma once"
    for number, line in enumerate(lines, 1):
        if not line.isascii():
            yield f"line {number}: a character that is not ASCII"


def circles(headers):
    """Circles of portable folders: each is a way from a folder back to itself."""
    uses = {}
    for header in headers.headers.values():
        for used in header.includes:
            layer = used.split("/")[1] if used.startswith("axhal/") and used.count("/") > 1 else ""
            if header.folder in PORTABLE and layer in PORTABLE and layer != header.folder:
                uses.setdefault(header.folder, set()).add(layer)
    for start in sorted(uses):
        waiting = [(start, (start,))]
        seen = set()
        while waiting:
            here, way = waiting.pop()
            for there in sorted(uses.get(here, ())):
                if there == start and start == min(way):
                    yield f"layers in a circle: {' -> '.join(way + (start,))}"
                elif there not in seen:
                    seen.add(there)
                    waiting.append((there, way + (there,)))


def main():
    headers = graph.Graph(sys.argv[1])
    if not headers.headers:
        return f"no header below {sys.argv[1]}"
    wrong = list(circles(headers))
    for header in headers.headers.values():
        if header.folder not in MAY_USE:
            wrong.append(f"{header.name}: the folder {header.folder}/ has no place among the layers")
            continue
        for check in (broken_layers, broken_includes, broken_code, broken_names, broken_form):
            wrong += [f"{header.name}: {what}" for what in check(header)]
    return "\n".join(wrong) or 0


if __name__ == "__main__":
    sys.exit(main())
