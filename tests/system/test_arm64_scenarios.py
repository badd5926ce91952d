# SPDX-License-Identifier: BSD-2-Clause
"""The arm64 scenario guest: the same traces at EL1 without Latch (the reference) and under it."""
import pytest

import harness
import scenarios

GROUPS = {"all": ("", 1), "smp": ("smp-", 2), "its": ("its-", 2)}


@pytest.fixture(scope="module")
def guest():
    """The scenario guest, and what is expected of it."""
    return harness.require(scenarios.ARM64_GUEST, "make guests-arm64")


def check(result, group):
    """The traces of one group, complete and as expected."""
    assert "SCENARIOS-END" in result.output, result
    found = scenarios.arm64_differences(scenarios.split(result.output), GROUPS[group][0])
    assert not found, "\n".join(found)


def vm(guest, group, words=""):
    """The argument of --vm."""
    return f"name=scenarios,kernel={guest},mem=64M{words},cmdline=scenarios={group}"


def test_expectations_cover_enough():
    assert len(scenarios.arm64_names("")) >= 35
    assert len(scenarios.arm64_names("smp-")) >= 7
    assert len(scenarios.arm64_names("its-")) >= 9


@pytest.mark.parametrize("group", GROUPS)
def test_native_reference(launch, guest, group):
    check(launch("--arch", "arm64", "--native", "--icount", "--cpus", str(GROUPS[group][1]), "--timeout", "100",
                 "--vm", vm(guest, group)), group)


# Without and with the virtualization host extensions; with one list of pending interrupts more than there are list registers.
@pytest.mark.parametrize("cpu", ["cortex-a57", "neoverse-n1"])
@pytest.mark.parametrize("group, host_cpus", [("all", 1), ("smp", 2), ("smp", 1), ("its", 2), ("its", 1)])
def test_under_latch(launch, latch_arm64, guest, cpu, group, host_cpus):
    result = launch("--arch", "arm64", "--cpu", cpu, "--icount", "--cpus", str(host_cpus), "--timeout", "100",
                    "--vm", vm(guest, group, f",cpus={GROUPS[group][1]}"))
    assert result.status == 0, result
    check(result, group)
