# SPDX-License-Identifier: BSL-1.0
"""Writes the archive that Linux unpacks as its initial RAM disk ("newc", kernel document "initramfs buffer format").

Needs no root: a device node is a line in the archive, not a file on this machine. The same input gives the same bytes.
"""

import stat


class Archive:
    """Collects files, then gives the archive's bytes. Paths are relative to the root, parents first."""

    def __init__(self):
        self.out = bytearray()
        self.count = 0

    def _add(self, path, mode, content=b"", device=(0, 0)):
        name = path.encode() + b"\0"
        self.count += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        # inode, mode, uid, gid, links, time, size, device of the file (2), device of the node (2), name size, checksum
        fields = (self.count, mode, 0, 0, links, 0, len(content), 0, 0, *device, len(name), 0)
        self.out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self._align()
        self.out += content
        self._align()

    def _align(self):
        self.out += bytes(-len(self.out) % 4)

    def folder(self, path):
        self._add(path, stat.S_IFDIR | 0o755)

    def file(self, path, content, mode=0o755):
        self._add(path, stat.S_IFREG | mode, content)

    def character_device(self, path, major, minor):
        self._add(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def finish(self):
        """The bytes of the archive; nothing can be added after that."""
        self._add("TRAILER!!!", 0)
        self.out += bytes(-len(self.out) % 512)
        return bytes(self.out)
