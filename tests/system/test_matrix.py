# SPDX-License-Identifier: BSD-2-Clause
"""Several machines with several CPUs each, at once, on one, two and four of the host's CPUs: each sees what it would see alone."""
import os
import re

import pytest

import harness
import scenarios
from shell import Shell

FIRST = "a"
# Machine and its words.
MACHINES = [(FIRST, "cpus=4,share=300"), ("b", "cpus=4,prio=high,cap=50")]


def printed_by(name, output):
    """A machine's words without any blanks: a line that is long under way is broken where another machine's comes in between. The first
    machine's lines are bare, the others' have a tag."""
    found = []
    for line in output.split("\n"):
        tag = re.match(r"\[(b|m\d)\] (.*)", line)
        if (tag[1] if tag else FIRST) == name and not line.startswith("latch: "):
            found += (tag[2] if tag else line).split()
    return "".join(found)


def expected_of(names):
    """The same for all these scenarios in a row."""
    traces = scenarios.expectations()
    words = " ".join(f"[{name}] " + " ".join(traces[name, ""]) for name in names)
    return "".join(words.split()) + "SCENARIOS-END"


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_machines_with_several_cpus_at_once(launch, latch_image, cpus):
    arguments = []
    guest = harness.require(scenarios.GUEST, "make guests")
    for name, words in MACHINES:
        arguments += ["--vm", f"name={name},kernel={guest},mem=64M,{words},cmdline=quad"]
    result = launch("--cpus", str(cpus), "--timeout", "110", *arguments)
    assert f"self-check: {cpus} of {cpus} CPUs run" in result.output, result
    for name, _ in MACHINES:
        assert expected_of(scenarios.QUAD_NAMES) in printed_by(name, result.output), f"machine {name}: {result}"


# A machine of each number of CPUs from one to eight: 36 in all.
SIZES = {FIRST: 1, **{f"m{size}": size for size in range(2, 9)}}


def all_pairs(size):
    """What the guest `pairs` prints at its end: two interrupts from each CPU to each, an NMI to each other one, five timers each."""
    return f"pairs:{size}CPUs,{2 * size * size}interrupts,{size * (size - 1)}NMIs,{5 * size}timers"


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_machines_of_every_size_at_once(console, latch_image, cpus):
    """No interrupt, NMI or timer between any two CPUs of any machine is lost, and everybody's books balance."""
    guest = harness.require(os.path.join(harness.BUILD, "guests", "pairs.elf"), "make guests")
    arguments = []
    for name, size in SIZES.items():
        arguments += ["--vm", f"name={name},kernel={guest},mem=32M,cpus={size}"]
    run = console("--cpus", str(cpus), *arguments)
    run.expect(f"self-check: {cpus} of {cpus} CPUs run")
    output = ""
    while any(all_pairs(size) not in printed_by(name, output) for name, size in SIZES.items()):
        output += run.expect("\n") + "\n"
        assert not re.search(r"latch: vm \w+ ended", output), output
    shell = Shell(run)
    for name, size in SIZES.items():
        assert shell(f"events {name}").count("books: balanced") == size
