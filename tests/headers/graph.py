# SPDX-License-Identifier: BSL-1.0
"""The public headers as text: what each includes, and what its code says without comments and strings."""

import pathlib
import re

INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", re.M)
# Comments, then string and character literals. Raw strings hold assembly and may hold quotes.
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)

# What C++20 asks of a freestanding implementation, as far as this library uses it.
ALLOWED = {"atomic", "bit", "compare", "concepts", "cstddef", "cstdint", "limits", "new", "type_traits", "utility"}
# The files that may hold instructions: an architecture's own, and the ways into guests and out of them. Where an
# architecture has more than one of a kind the rest of the name tells them apart (world_switch_svm.hpp).
ARCHITECTURE_FILES = re.compile(r"(insn|world_switch)(_\w+)?\.hpp")


class Header:
    def __init__(self, path, root):
        self.path = path
        self.name = path.relative_to(root).as_posix()  # axhal/core/address.hpp
        self.text = path.read_text(encoding="utf-8")
        # Line numbers stay right: what is blanked out keeps its line ends.
        self.code = NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), self.text)
        self.includes = [match[2] for match in INCLUDE.finditer(self.text)]
        self.quoted = [match[2] for match in INCLUDE.finditer(self.text) if match[1] == '"']
        parts = self.name.split("/")[1:]
        self.folder = parts[0] if len(parts) > 1 else ""
        self.architecture = parts[1] if self.folder == "arch" and len(parts) > 2 else None
        self.has_instructions = self.architecture is not None and ARCHITECTURE_FILES.fullmatch(parts[-1]) is not None


class Graph:
    """All headers below an include folder, by name."""

    def __init__(self, include_folder):
        root = pathlib.Path(include_folder)
        self.headers = {}
        for path in sorted((root / "axhal").rglob("*.hpp")):
            header = Header(path, root)
            self.headers[header.name] = header

    def reached(self, name):
        """Every include that a header brings in through headers of this library, its own name left out."""
        found = set()
        waiting = [name]
        while waiting:
            header = self.headers.get(waiting.pop())
            for used in header.includes if header else ():
                if used not in found:
                    found.add(used)
                    waiting.append(used)
        found.discard(name)
        return found

    def standard(self, name):
        return sorted(used for used in self.reached(name) if "/" not in used and not used.endswith(".h"))

    def third_party(self, name):
        return sorted(used for used in self.reached(name) if "/" in used and not used.startswith("axhal/"))

    def needs_instructions_of(self, name):
        """The architecture whose instruction files a header is or reaches, or None."""
        for used in {name, *self.reached(name)}:
            header = self.headers.get(used)
            if header and header.has_instructions:
                return header.architecture
        return None
