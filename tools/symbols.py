#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns `nm -n` output into the assembly of the image's own symbol table (see lib/symbols.c for its layout).

Names are packed: each byte is the number of an entry of a dictionary of pieces, which starts with the single characters
and grows by joining the most frequent pair of neighbours again and again. A name's last character is another than the
same one inside a name, so that a piece tells whether it ends a name; those that do have the highest numbers. The linker
script places the table behind all other sections, so that its size moves no symbol.
"""
import collections
import sys

PIECE_COUNT = 0x100
END = "\n"  # behind a name's last character
LAST = 0x80  # on a piece's last character


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
    """Dictionary, and each text as a list of numbers."""
    names = [[*text[:-1], text[-1] + END] for text in texts]
    while True:
        used = collections.Counter(piece for name in names for piece in name)
        pair, count = most_frequent_pair(names)
        if len(used) >= PIECE_COUNT or count < 4:
            break
        names = [join(name, pair) for name in names]
    # Frequent ones first: who unpacks has less to skip.
    pieces = sorted(used, key=lambda piece: (piece.endswith(END), -used[piece], piece))
    codes = {piece: i for i, piece in enumerate(pieces)}
    return pieces, [[codes[piece] for piece in name] for name in names]


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
    print(".global symbol_first_end\nsymbol_first_end: .byte %d" % sum(not piece.endswith(END) for piece in pieces))
    print(".global symbol_pieces\nsymbol_pieces:")
    for piece in pieces:
        *inner, last = piece.rstrip(END).encode()
        print(".byte " + ",".join(str(byte) for byte in [*inner, last | LAST]))
    print(".global symbol_names\nsymbol_names:")
    for name in names:
        print(".byte " + ",".join(str(code) for code in name))


main()
