# SPDX-License-Identifier: BSD-2-Clause
"""Sizes as people write them: 512M, 4G, 65536K."""
import re

from .errors import LaunchError

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
UNITS = {"": MIB, "K": KIB, "M": MIB, "G": GIB}


def parse_size(text, what):
    """Bytes; a bare number is MiB."""
    match = re.fullmatch(r"([0-9]{1,9})([KMG]?)", text, re.IGNORECASE)
    if not match or int(match[1]) == 0:
        raise LaunchError(f"{what} must be a size such as 512M or 4G, not '{text}'")
    return int(match[1]) * UNITS[match[2].upper()]
