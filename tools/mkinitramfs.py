#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes a guest's initramfs: mkinitramfs.py OUTPUT BUSYBOX FOLDER...

The archive (cpio "newc", uncompressed: emulated guests should not spend their time unpacking) holds busybox, the
device nodes the kernel wants before devtmpfs, and every file of the FOLDERs at the path it has there. Missing
folders are skipped. The result depends on the contents only, and an unchanged archive is left alone.
"""
import os
import stat
import sys

FOLDERS = ("bin", "dev", "etc", "proc", "root", "sys", "tmp")
DEVICES = (("dev/console", 5, 1), ("dev/null", 1, 3), ("dev/ttyS0", 4, 64))


class Archive:
    """A cpio archive in the making."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        """One member; `content` is a file's bytes or a symbolic link's target."""
        self.inode += 1
        encoded = name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (self.inode, mode, 0, 0, links, 0, len(content), 0, 0, device[0], device[1], len(encoded), 0)
        self.data += b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self._align()
        self.data += content
        self._align()

    def _align(self):
        self.data += bytes(-len(self.data) % 4)

    def finish(self):
        """The whole archive."""
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def add_folder(archive, folder, known):
    """Adds the files below `folder`; parent folders are made as needed."""
    for where, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(folders) + sorted(files):
            path = os.path.join(where, name)
            inside = os.path.relpath(path, folder)
            info = os.lstat(path)
            if stat.S_ISDIR(info.st_mode):
                if inside not in known:
                    archive.add(inside, stat.S_IFDIR | 0o755)
                    known.add(inside)
            elif stat.S_ISLNK(info.st_mode):
                archive.add(inside, stat.S_IFLNK | 0o777, os.readlink(path).encode())
            elif not name.endswith(".md"):
                with open(path, "rb") as source:
                    archive.add(inside, stat.S_IFREG | (0o755 if info.st_mode & 0o100 else 0o644), source.read())


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: mkinitramfs.py OUTPUT BUSYBOX FOLDER...")
    output, busybox, overlays = sys.argv[1], sys.argv[2], sys.argv[3:]
    archive = Archive()
    for name in FOLDERS:
        archive.add(name, stat.S_IFDIR | 0o755)
    for name, major, minor in DEVICES:
        archive.add(name, stat.S_IFCHR | 0o600, device=(major, minor))
    with open(busybox, "rb") as source:
        archive.add("bin/busybox", stat.S_IFREG | 0o755, source.read())
    archive.add("bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    known = set(FOLDERS)
    for folder in overlays:
        if os.path.isdir(folder):
            add_folder(archive, folder, known)
    data = archive.finish()
    try:
        with open(output, "rb") as old:
            if old.read() == data:
                return
    except FileNotFoundError:
        pass
    with open(output + ".part", "wb") as target:
        target.write(data)
    os.replace(output + ".part", output)


main()
