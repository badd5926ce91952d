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


def test_messages_of_a_device(launch, latch_arm64, guest):
    """The same LPIs, made by the device of msi-test=on: nothing of the reference, made by commands, changes."""
    result = launch("--arch", "arm64", "--icount", "--cpus", "2", "--timeout", "100",
                    "--vm", vm(guest, "its device=msi-test", ",cpus=2,msi-test=on"))
    assert result.status == 0, result
    check(result, "its")


def test_no_device_unless_asked_for(launch, latch_arm64, guest):
    """Without the word its page is a hole."""
    result = launch("--arch", "arm64", "--icount", "--cpus", "2", "--timeout", "100",
                    "--vm", vm(guest, "its-lpi device=msi-test", ",cpus=2"))
    assert "SCENARIOS-END" not in result.output and "0xb000008" in result.output, result


# Without and with the virtualization host extensions; with one list of pending interrupts more than there are list registers.
@pytest.mark.parametrize("cpu", ["cortex-a57", "neoverse-n1"])
@pytest.mark.parametrize("group, host_cpus", [("all", 1), ("smp", 2), ("smp", 1), ("its", 2), ("its", 1)])
def test_under_latch(launch, latch_arm64, guest, cpu, group, host_cpus):
    result = launch("--arch", "arm64", "--cpu", cpu, "--icount", "--cpus", str(host_cpus), "--timeout", "100",
                    "--vm", vm(guest, group, f",cpus={GROUPS[group][1]}"))
    assert result.status == 0, result
    check(result, group)
