# SPDX-License-Identifier: BSL-1.0
"""How large an image's code is, in all and by the source files that it comes from."""

import re
import subprocess

from . import say

# What a hypervisor with its machine and its guests built in does without: reading the loader's device tree (devices,
# memory map, the guest's order), kernel files and command lines, and writing the guest's device tree.
BOOT_FILES = re.compile(
    r"/axhal/boot/(detail/)?(command_line|device_tree|elf_program|guest_layout|image_\w+|kernel_image|modules)"
    r"|/axhal/memory/(memory_map|range_set)\.hpp$"
    r"|/axhal/arch/riscv64/isa\.hpp$"
    r"|/hypervisor/(.*/)?(guest_(loader|tree)\w*|host_memory|device_check|tree_source)\.hpp$")


def run_tool(target, tool, *arguments, given=""):
    """Output of a binary utility for a target's images."""
    command = [target.tool_prefix + tool, *map(str, arguments)]
    try:
        return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise say.Problem(f"{' '.join(command[:3])} failed: {error}") from error


def text_bytes(target, elf):
    """Bytes of code in an image."""
    return text_section(run_tool(target, "size", "-A", elf))[1]


def text_section(listing):
    """Address and size of the code, from what `size -A` lists."""
    for line in listing.splitlines():
        words = line.split()
        if words[:1] == [".text"]:
            return int(words[2]), int(words[1])
    raise say.Problem("the image has no section .text")


def instruction_sizes(disassembly, end):
    """Address and size of each instruction, from what `objdump -d` prints; the last one ends at `end`."""
    found = (re.match(r"\s*([0-9a-f]+):\t", line) for line in disassembly.splitlines())
    starts = [int(match[1], 16) for match in found if match]
    return [(start, after - start) for start, after in zip(starts, starts[1:] + [end])]


def frames_by_address(answers):
    """The source files of each address, innermost first, from what `addr2line -a -i` answers."""
    frames = {}
    here = None
    for line in answers.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line):
            here = frames.setdefault(int(line, 16), [])
        else:
            here.append(line.rpartition(":")[0])
    return frames


def bytes_of_files(target, elf, files):
    """Bytes of code that come from files whose path `files` finds, what is inlined there included.

    An instruction counts when such a file is anywhere in its chain of inlined functions. Needs debug information, in
    DWARF 4: binutils 2.40 mixes up the files of DWARF 5.
    """
    start, size = text_section(run_tool(target, "size", "-A", elf))
    instructions = instruction_sizes(run_tool(target, "objdump", "-d", "-j", ".text", elf), start + size)
    asked = "".join(f"{address:#x}\n" for address, _ in instructions)
    frames = frames_by_address(run_tool(target, "addr2line", "-a", "-i", "-e", elf, given=asked))
    if not any(path.endswith(".hpp") for paths in frames.values() for path in paths):
        raise say.Problem(f"{elf} has no debug information, so its code cannot be told apart")
    return sum(length for address, length in instructions
               if any(files.search(path) for path in frames.get(address, ())))
