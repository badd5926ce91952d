#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns `nm -n` output into the assembly of the image's own symbol table (see lib/symbols.c for its layout).

Names are packed: a byte from 0x80 up stands for an entry of a dictionary of common pieces, which is found by joining
the most frequent pair again and again. The linker script places the table behind all other sections, so that its size
moves no symbol.
"""
import collections
import sys

FIRST_CODE = 0x80
PIECE_COUNT = 0x100 - FIRST_CODE


def most_frequent_pair(names):
    """The pair of neighbours that occurs most often, and how often."""
    pairs = collections.Counter()
    for name in names:
        pairs.update(zip(name, name[1:]))
    return max(pairs.items(), key=lambda item: (item[1], item[0]), default=(None, 0))


def join(name, pair):
    """The name's pieces with each occurrence of the pair made one."""
    joined = []
    for piece in name:
        if joined and (joined[-1], piece) == pair:
            joined[-1] = "".join(pair)
        else:
            joined.append(piece)
    return joined


def pack(texts):
    """Dictionary, and each text as a list of bytes."""
    names = [list(text) for text in texts]
    pieces = []
    while len(pieces) < PIECE_COUNT:
        pair, count = most_frequent_pair(names)
        if count < 4:
            break
        pieces.append("".join(pair))
        names = [join(name, pair) for name in names]
    codes = {piece: FIRST_CODE + i for i, piece in enumerate(pieces)}
    return pieces, [[codes[piece] if len(piece) > 1 else ord(piece) for piece in name] for name in names]


def main() -> None:
    symbols, origin = [], 0
    if "--empty" not in sys.argv:
        for line in sys.stdin:
            fields = line.split()
            if len(fields) == 3 and fields[2] == "symbol_origin":
                origin = int(fields[0], 16)
            elif len(fields) == 3 and fields[1] in "tT" and not fields[2].startswith("$"):
                symbols.append((int(fields[0], 16), fields[2]))
    pieces, names = pack([name for _, name in symbols])
    print("/* Made by tools/symbols.py */")
    print('.section .symbols, "a"')
    print(".balign 4\n.global symbol_count\nsymbol_count: .long %d" % len(symbols))
    print(".global symbol_distances\nsymbol_distances:")
    last = origin
    for address, _ in symbols:
        print(".uleb128 0x%x" % (address - last))
        last = address
    print(".global symbol_pieces\nsymbol_pieces:")
    for piece in pieces:
        print('.asciz "%s"' % piece)
    print(".global symbol_names\nsymbol_names:")
    for name in names:
        print(".byte " + ",".join(str(code) for code in name + [0]))


main()
