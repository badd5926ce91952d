# SPDX-License-Identifier: BSD-2-Clause
"""The scenario guest: the same traces without Latch (the reference), and under it with each way of delivering NMIs."""
import pytest

import harness
import scenarios


@pytest.fixture(scope="module")
def guest():
    """The scenario guest."""
    return harness.require(scenarios.GUEST, "make guests")


def vm(guest, words="", group="all"):
    """The argument of --vm."""
    return f"name=scenarios,kernel={guest},mem=128M{words},cmdline={group}"


def test_expectations_cover_enough():
    assert len(scenarios.NAMES) >= 25


def test_a_wrong_trace_is_noticed():
    traces = {key: list(lines) for key, lines in scenarios.expectations().items() if key[0] in scenarios.NAMES}
    assert scenarios.differences(traces, "qemu", False) == []
    traces["nmi-two-inside", ""] += ["  nmi @nmi_sent", "  /nmi"]
    del traces["irq-cr8", ""]
    found = scenarios.differences(traces, "qemu", False)
    assert len(found) == 2 and found[0].startswith("[nmi-two-inside] should be") and found[1] == "[irq-cr8] did not run"


def test_native_reference(launch, guest):
    # Instructions counted: without it QEMU notices an NMI some instructions late.
    result = launch("--native", "--icount", "--timeout", "60", "--vm", vm(guest))
    assert result.status == 1, result
    found = scenarios.differences(scenarios.split(result.output), "qemu", native=True)
    assert not found, "\n".join(found)


def test_native_reference_two_cpus(launch, guest):
    result = launch("--native", "--icount", "--cpus", "2", "--timeout", "60", "--vm", vm(guest, group="smp"))
    found = scenarios.differences(scenarios.split(result.output), "qemu", True, scenarios.SMP_NAMES)
    assert not found, "\n".join(found)


def test_native_reference_four_cpus(launch, guest):
    # QEMU lets an NMI run a CPU that waits for its start-up, from the reset vector.
    names = [name for name in scenarios.QUAD_NAMES if name != "quad-nmi-before-start"]
    result = launch("--native", "--icount", "--cpus", "4", "--timeout", "90", "--vm", vm(guest, group=" ".join(names)))
    found = scenarios.differences(scenarios.split(result.output), "qemu", True, names)
    assert not found, "\n".join(found)


# All taking turns on one CPU, two on each, each on its own.
@pytest.mark.parametrize("cpus, options", [(1, "nmi=iret selftest=events"), (2, "nmi=iret"), (4, "nmi=auto")])
def test_four_cpus_under_latch(launch, latch_image, guest, cpus, options):
    result = launch("--cpus", str(cpus), "--hv", options, "--timeout", "100", "--vm", vm(guest, ",cpus=4", "quad"))
    found = scenarios.differences(scenarios.split(result.output), "qemu", False, scenarios.QUAD_NAMES)
    assert not found, "\n".join(found)


# selftest=events: the event state is saved, serialised, loaded and restored each time that events are scheduled.
@pytest.mark.parametrize("options", ["nmi=iret", "nmi=auto", "nmi=iret selftest=events"])
def test_under_latch(launch, latch_image, guest, options):
    # Instructions counted: a slow machine must not let a storm of NMIs outrun its handler.
    result = launch("--icount", "--hv", options, "--timeout", "100", "--vm", vm(guest, ",cpus=2", "all smp"))
    assert "SCENARIOS-END" in result.output, result
    found = scenarios.differences(scenarios.split(result.output), "qemu", False, scenarios.NAMES + scenarios.SMP_NAMES)
    assert not found, "\n".join(found)
