#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the uncompressed ELF kernel held in a Linux bzImage: extract-vmlinux.py BZIMAGE OUTPUT."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from launchlib import bzimage  # noqa: E402
from launchlib.errors import LaunchError  # noqa: E402


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: extract-vmlinux.py BZIMAGE OUTPUT")
    try:
        bzimage.extract_elf(sys.argv[1], sys.argv[2])
    except LaunchError as error:
        sys.exit(f"extract-vmlinux.py: {error}")


main()
