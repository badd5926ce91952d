# SPDX-License-Identifier: BSD-2-Clause
"""NMIs that hit the machine while guests run and Latch works: CPU 1 sends them to CPU 0 without end (selftest=nmis). The traces of the
scenarios stay as they are; those that are storms themselves are left out, they count what comes in a given time. On Intel, where an NMI's
exit eats it; AMD's are in test_host_nmi.py."""
import re

import pytest

import harness
import scenarios
from test_worlds import MACHINES

STORMS = [name for name in scenarios.NAMES if "storm" in name]


def all_but(names):
    """The guest's words."""
    return " ".join(["all", *("-" + name for name in names if name in scenarios.NAMES)])


def check(result, names, found):
    """All traces as expected, and enough NMIs seen to have met everything."""
    counts = re.findall(r"selftest nmis: sent=(\d+) arrived=(\d+)", result.output)
    assert "SCENARIOS-END" in result.output and counts, result
    sent, arrived = (int(number) for number in counts[-1])
    assert 500 <= arrived <= sent, result
    assert names and not found, "\n".join(found)


def launch_options(options):
    """The options with those of the storm, in one --hv."""
    words = ["hostnmi=ignore", "selftest=nmis"]
    if "--hv" in options:
        words.append(options[options.index("--hv") + 1])
        options = options[:options.index("--hv")] + options[options.index("--hv") + 2:]
    return [*options, "--cpus", "2", "--hv", " ".join(words)]


@pytest.mark.parametrize("world", [world for world in MACHINES if world.startswith("bochs-vmx")])
def test_intel(launch, latch_image, world):
    guest = harness.require(scenarios.GUEST, "make guests")
    left_out = scenarios.names_in(world, "not run") + STORMS
    names = [name for name in scenarios.NAMES if name not in left_out]
    result = launch(*launch_options(MACHINES[world][0]), "--timeout", "240", "--vm",
                    f"name=guest,kernel={guest},mem=128M,cmdline={all_but(left_out)}", timeout=240)
    check(result, names, scenarios.world_differences(scenarios.split(result.output), world, names))
