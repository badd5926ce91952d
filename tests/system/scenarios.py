# SPDX-License-Identifier: BSD-2-Clause
"""Traces of the scenario guest: parsing them, and what each is expected to be on which machine."""
import collections
import fnmatch
import os
import re

import harness

GUEST = os.path.join(harness.BUILD, "guests", "scenarios.elf")
EXPECTED = os.path.join(harness.ROOT, "guests", "scenarios", "expected.txt")
ARM64_GUEST = os.path.join(harness.BUILD, "guests", "arm64-scenarios.img")
ARM64_EXPECTED = os.path.join(harness.ROOT, "guests", "arm64", "scenarios", "expected.txt")
HEADER = re.compile(r"(?m)^\[([a-z0-9-]+)(?: \| ([a-z -]+))?\]$")


def split(text):
    """{(name, variant): [lines]} of traces; lines that belong to none are left out."""
    found = {}
    lines = None
    for line in text.split("\n"):
        match = HEADER.match(line)
        if match:
            lines = found.setdefault((match.group(1), match.group(2) or ""), [])
        elif lines is not None and line.startswith("  "):
            lines.append(line.rstrip())
    return found


def expectations(path=EXPECTED):
    """A file of expected traces."""
    with open(path, encoding="ascii") as file:
        return split(file.read())


NAMES = [name for name, variant in expectations() if not variant and not name.startswith(("smp-", "quad-"))]
SMP_NAMES = [name for name, variant in expectations() if not variant and name.startswith("smp-")]
QUAD_NAMES = [name for name, variant in expectations() if not variant and name.startswith("quad-")]


# Variants of expected.txt that hold in a world of docs/worlds.md, the first that is there.
WORLDS = {
    "bochs native": ("bochs native", "vmx"),
    "bochs-svm": ("bochs-svm",),
    "bochs-vmx": ("vmx",),
    "bochs-vmx soft": ("vmx soft", "vmx"),
}
WORLDS_PAGE = os.path.join(harness.ROOT, "docs", "worlds.md")
Difference = collections.namedtuple("Difference", "world name how basis why")


def documented_differences():
    """The table in docs/worlds.md, one Difference per name."""
    found = []
    with open(WORLDS_PAGE, encoding="utf-8") as page:
        for line in page:
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if len(cells) == 5 and cells[0].strip("`") in WORLDS:
                found += [Difference(cells[0].strip("`"), name, *cells[2:]) for name in cells[1].split(", ")]
    return found


def names_in(world, how):
    """Names that the table has for this world."""
    return [row.name for row in documented_differences() if row.world == world and row.how == how]


def world_differences(traces, world, names=None):
    """One text per scenario whose trace is not the one demanded in this world of docs/worlds.md, or that should not be there.
    `names`: all that are to run, without it all that the table does not leave out."""
    allowed = expectations()
    left_out = names_in(world, "not run")
    names = names or [name for name in NAMES + SMP_NAMES if name not in left_out]
    found = [f"[{name}] is not to be here" for name, _ in traces if name not in names]
    for name in names:
        lines = traces.get((name, ""))
        variants = [variant for variant in (*WORLDS[world], "") if (name, variant) in allowed]
        pattern = allowed[name, variants[0]]
        if lines is None:
            found.append(f"[{name}] did not run")
        elif not same(lines, pattern):
            found.append(f"[{name}] should be\n" + "\n".join(pattern) + "\nbut is\n" + "\n".join(lines))
    return found


def same(lines, patterns):
    """Line by line, with * in patterns."""
    return len(lines) == len(patterns) and all(fnmatch.fnmatchcase(l, p) for l, p in zip(lines, patterns))


def differences(traces, machine, native, names=None):
    """One text per scenario whose trace is none of those allowed on this machine."""
    allowed = expectations()
    found = []
    names = names or NAMES
    for name in names:
        lines = traces.get((name, ""))
        variants = ["", machine] + ([f"{machine} native"] if native else [])
        patterns = [allowed[name, variant] for variant in variants if (name, variant) in allowed]
        if lines is None:
            found.append(f"[{name}] did not run")
        elif not any(same(lines, pattern) for pattern in patterns):
            found.append(f"[{name}] should be\n" + "\n".join(patterns[0]) + "\nbut is\n" + "\n".join(lines))
    found += [f"[{name}] is not in expected.txt" for name, _ in traces if name not in names]
    return found


def arm64_names(group):
    """Names of the arm64 scenarios: group "smp-", "its-", or "" for those of one CPU."""
    names = [name for name, _ in expectations(ARM64_EXPECTED)]
    if group:
        return [name for name in names if name.startswith(group)]
    return [name for name in names if not name.startswith(("smp-", "its-"))]


def arm64_differences(traces, group):
    """One text per scenario of the group whose trace is not the expected one."""
    allowed = expectations(ARM64_EXPECTED)
    found = []
    for name in arm64_names(group):
        lines = traces.get((name, ""))
        if lines is None:
            found.append(f"[{name}] did not run")
        elif not same(lines, allowed[name, ""]):
            found.append(f"[{name}] should be\n" + "\n".join(allowed[name, ""]) + "\nbut is\n" + "\n".join(lines))
    return found + [f"[{name}] is not expected here" for name, _ in traces if name not in arm64_names(group)]
