#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares the decoder's instruction lengths with objdump's.

Usage: decode_vs_objdump.py HELPER [--bytes N] [--seed N] [FILE...]
Disassembles N random bytes as 16-, 32- and 64-bit code, and the text of any ELF FILEs as 64-bit code. Where the two
differ on purpose is listed in EXPECTED; any other difference fails.
"""
import argparse
import random
import re
import subprocess
import sys
import tempfile

MACHINES = {1: "i8086", 2: "i386", 3: "i386:x86-64"}
LINE = re.compile(r"^\s*[0-9a-f]+:\t((?:[0-9a-f]{2} )+)\s*\t(.*)$")
# objdump disassembles what the CPU refuses (LOCK on anything, CR1, test registers), joins FWAIT with the instruction
# after it, and splits off prefixes that it does not like.
EXPECTED = re.compile(r"\block\b|%cr(1|5|6|7|9|1\d)|%tr\d|%db(8|9|1\d)|\(bad\)|^\.byte|\brex|^(data16|addr(16|32)|[c-gs]s|repn?z)*$")


def disassemble(arguments):
    """Yields (hex bytes, text) of each instruction."""
    command = ["objdump", "-w", "-z", "--insn-width=16"] + arguments
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stdout:
            found = LINE.match(line.rstrip("\n"))
            if found:
                yield found.group(1).strip(), found.group(2).strip()


def compare(helper, mode, instructions):
    """Prints the differences; returns (instructions, unexpected differences)."""
    rows = [(code, text) for code, text in instructions if not EXPECTED.search(text) and code.split()[0] != "9b"]
    ours = subprocess.run([helper], input="".join(f"{mode} {code}\n" for code, _ in rows), text=True,
                          stdout=subprocess.PIPE, check=True).stdout.split("\n")
    wrong = 0
    for (code, text), line in zip(rows, ours):
        status, length = map(int, line.split())
        count = len(code.split())
        if (status, length) != (0, count) and not re.match(r"(?:2e|36|3e|26|64|65|66|67|f2|f3) 9b", code):
            wrong += 1
            if wrong <= 20:
                print(f"mode {mode}: {code}: objdump {count} ({text}), ours {length} status {status}")
    return len(rows), wrong


def main():
    """Exit status 1 if any length differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("helper")
    parser.add_argument("--bytes", type=int, default=200000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    total = wrong = 0
    noise = random.Random(options.seed).randbytes(options.bytes)
    with tempfile.NamedTemporaryFile() as binary:
        binary.write(noise)
        binary.flush()
        for mode, machine in MACHINES.items():
            seen, bad = compare(options.helper, mode, disassemble(["-D", "-b", "binary", "-m", machine, binary.name]))
            total, wrong = total + seen, wrong + bad
    for name in options.files:
        seen, bad = compare(options.helper, 3, disassemble(["-d", name]))
        total, wrong = total + seen, wrong + bad
    print(f"{total} instruction lengths compared with objdump, {wrong} differ")
    sys.exit(1 if wrong else 0)


main()
