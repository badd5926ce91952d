# SPDX-License-Identifier: BSD-2-Clause
"""Several machines with several CPUs each, at once, on one, two and four of the host's CPUs: each sees what it would see alone."""
import re

import pytest

import harness
import scenarios

# Machine and its words.
MACHINES = [("a", "cpus=4,share=300"), ("b", "cpus=4,prio=high,cap=50")]


def printed_by(name, output):
    """A machine's words without any blanks: a line that is long under way is broken where another machine's comes in between. The first
    machine's lines are bare, the other's have a tag."""
    found = []
    for line in output.split("\n"):
        tag = re.match(r"\[(b)\] (.*)", line)
        if (tag[1] if tag else "a") == name and not line.startswith("latch: "):
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
