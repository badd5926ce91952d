#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the relocation table of the arm64 image, as assembly: which words of its data hold addresses.

The argument is the first link, made with --emit-relocs. The table is a list of 16-bit distances in words of 8 bytes,
the first from the start of the image; boot/arm64/header.S adds how far the image was moved to each such word.
"""
import struct
import sys

R_AARCH64_ABS64 = 257
R_AARCH64_ABS32 = 258
SHT_RELA = 4
SHF_ALLOC = 2
HEADER_SIZE = 64


def sections(elf):
    """(name, type, flags, address, offset, size, info) of each section."""
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    entry, count, names_index = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQII", elf, table + i * entry) for i in range(count)]
    names = headers[names_index][4]
    for name, kind, flags, address, offset, size, _, info in headers:
        end = elf.index(b"\0", names + name)
        yield elf[names + name:end].decode(), kind, flags, address, offset, size, info


def main():
    """Reads the image, prints the table."""
    with open(sys.argv[1], "rb") as file:
        elf = file.read()
    all_sections = list(sections(elf))
    start = min(address for _, _, flags, address, _, size, _ in all_sections if flags & SHF_ALLOC and size)
    places = set()
    for name, kind, _, address, offset, size, info in all_sections:
        if name == ".got":
            # The linker's own: words that are not 0 are addresses.
            places |= {address + i for i in range(0, size, 8) if elf[offset + i:offset + i + 8] != bytes(8)}
        if kind != SHT_RELA or not all_sections[info][2] & SHF_ALLOC:
            continue
        for at in range(offset, offset + size, 24):
            place, what, _ = struct.unpack_from("<QQq", elf, at)
            if what & 0xFFFFFFFF == R_AARCH64_ABS32:
                sys.exit(f"relocs: a 32-bit address at {place:#x}: the image could not be moved")
            if what & 0xFFFFFFFF == R_AARCH64_ABS64 and place - start >= HEADER_SIZE:
                places.add(place)
    print("/* Made by tools/relocs.py */")
    print('.section .relocs, "a"')
    last = start
    for place in sorted(places):
        distance, odd = divmod(place - last, 8)
        if odd or distance > 0xFFFF:
            sys.exit(f"relocs: the word at {place:#x} is out of the table's reach")
        print(f".short {distance}")
        last = place


main()
