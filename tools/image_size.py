#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints what the image takes: its contents against the limits, and the memory it occupies once loaded.

The debugger is counted for itself (boot/debugger.ld.h says what belongs to it), with the symbol table, which is there
for whoever reads a backtrace."""
import struct
import sys

CONTENT_LIMIT = 160 * 1024  # of the hypervisor proper
DEBUGGER_LIMIT = 80 * 1024  # of the shell, the gdb stub, and the names for backtraces
MEMORY_LIMIT = 4 * 1024 * 1024
SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE = 2, 4, 1
SHT_NOBITS = 8


def sections(elf: bytes):
    """Yields (name, type, flags, address, size) of every section."""
    (offset,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, names_index = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, offset + i * size) for i in range(count)]
    names = headers[names_index][4]
    for name, kind, flags, address, _, length in headers:
        end = elf.index(b"\0", names + name)
        yield elf[names + name:end].decode(), kind, flags, address, length


def main() -> int:
    with open(sys.argv[1], "rb") as file:
        elf = file.read()
    totals = {"text": 0, "rodata": 0, "data": 0, "debugger": 0, "symbols": 0, "zeroed": 0}
    first, last = None, 0
    for name, kind, flags, address, length in sections(elf):
        if not flags & SHF_ALLOC or length == 0:
            continue
        first = address if first is None else min(first, address)
        last = max(last, address + length)
        if kind == SHT_NOBITS:
            key = "zeroed"
        elif name.startswith(".debugger"):
            key = "debugger"
        elif name == ".symbols":
            key = "symbols"
        elif flags & SHF_EXECINSTR:
            key = "text"
        elif flags & SHF_WRITE:
            key = "data"
        else:
            key = "rodata"
        totals[key] += length
    contents = totals["text"] + totals["rodata"] + totals["data"]
    debugger = totals["debugger"] + totals["symbols"]
    print("  ".join("%s %d" % item for item in totals.items()))
    for what, size, limit in (("hypervisor: text+rodata+data", contents, CONTENT_LIMIT),
                              ("debugger and symbols", debugger, DEBUGGER_LIMIT)):
        print("%s %d of %d bytes (%.0f %%)" % (what, size, limit, 100 * size / limit))
    print("all %d bytes" % (contents + debugger))
    print("memory of the loaded image %d KiB of %d KiB (page tables and VMs come on top)"
          % ((last - first) // 1024, MEMORY_LIMIT // 1024))
    fits = contents <= CONTENT_LIMIT and debugger <= DEBUGGER_LIMIT and last - first <= MEMORY_LIMIT
    return 0 if fits else 1


sys.exit(main())
