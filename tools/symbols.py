#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns `nm -n` output into the assembly of the image's own symbol table (see lib/symbols.h).

The table is two arrays in .rodata.symbols: the addresses (32-bit, sorted; the image lies below 4 GiB or is
relative to image_start) and the names, each terminated. The linker script places it behind all other sections, so
that its size moves no symbol.
"""
import sys


def main() -> None:
    symbols = []
    if "--empty" not in sys.argv:
        for line in sys.stdin:
            fields = line.split()
            if len(fields) == 3 and fields[1] in "tT":
                symbols.append((int(fields[0], 16), fields[2]))
    print("/* Made by tools/symbols.py */")
    print('.section .symbols, "a"')
    print(".balign 4\n.global symbol_count\nsymbol_count: .long %d" % len(symbols))
    print(".global symbol_addresses\nsymbol_addresses:")
    for address, _ in symbols:
        print(".long 0x%x" % (address & 0xFFFFFFFF))
    print(".global symbol_names\nsymbol_names:")
    for _, name in symbols:
        print('.asciz "%s"' % name)


main()
