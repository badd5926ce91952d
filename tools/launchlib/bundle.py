# SPDX-License-Identifier: BSD-2-Clause
"""The boot archive for arm64: guests' files and latch.cfg in one cpio archive ("newc"), the boot loader's initrd.

A line of latch.cfg is a file's name and the words that GRUB's module2 has on a PC.
"""
import os
import shutil

from .grubcfg import vm_words

CONFIG = "latch.cfg"
MODE_FILE = 0o100644


def entries(options):
    """(name in the archive, source file, words) of each module."""
    files = []
    for vm in options.vms:
        files.append((f"{vm.name}.kernel", vm.kernel, vm_words(vm)))
        if vm.initrd:
            files.append((f"{vm.name}.initrd", vm.initrd, f"{vm.name}:initrd"))
    for number, (path, text) in enumerate(options.module):
        files.append((f"module{number}", path, text))
    return files


def _pad(output):
    output.write(bytes(-output.tell() % 4))


def _header(output, number, name, mode, size):
    encoded = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(encoded), 0]
    output.write(b"070701" + b"".join(b"%08x" % field for field in fields) + encoded)
    _pad(output)


def write(options, target):
    """Writes the archive to `target`."""
    files = entries(options)
    config = "".join(f"{name} {words}\n" for name, _, words in files).encode()
    with open(target, "wb") as output:
        _header(output, 1, CONFIG, MODE_FILE, len(config))
        output.write(config)
        _pad(output)
        for number, (name, source, _) in enumerate(files, 2):
            _header(output, number, name, MODE_FILE, os.path.getsize(source))
            with open(source, "rb") as content:
                shutil.copyfileobj(content, output, 1 << 20)
            _pad(output)
        _header(output, 0, "TRAILER!!!", 0, 0)
