# SPDX-License-Identifier: BSD-2-Clause
"""Intel VMX, on Bochs: costs, CPUs that lack something. Scenarios and NMI rules are in test_worlds.py, Linux in test_one_iso.py."""
import pytest

import harness

EMU = ("--emu", "bochs-vmx")


def guest(name, words="mem=64M", cmdline=""):
    """The argument of --vm."""
    path = harness.require(f"{harness.BUILD}/guests/{name}.elf", "make guests")
    return f"name=guest,kernel={path},{words},cmdline={cmdline}"


@pytest.mark.parametrize("mitigations", ["on", "off"])
def test_exit_costs(launch, latch_image, mitigations):
    """Instructions, Bochs counts them by its TSC: the guest's own and the emulator's price of the switch included."""
    result = launch(*EMU, "--hv", f"on-end=stay mitigations={mitigations}", "--timeout", "120", "--until", "BENCH-END",
                    "--vm", guest("bench"))
    figures = {line.split()[1]: int(line.split()[2]) for line in result.output.split("\n")
               if line.startswith("BENCH ")}
    assert 0 < figures["cpuid"] <= 150, figures
    assert figures["cr8_write"] <= 2, figures


@pytest.mark.parametrize("cpu,missing", [
    ("core2_penryn_t9600", ["extended page tables (EPT)", "unrestricted guest"]),
    ("corei5_lynnfield_750", ["unrestricted guest"]),
    ("p4_prescott_celeron_336", ["not offered by this CPU"]),
])
def test_cpu_lacks_something(launch, latch_image, cpu, missing):
    result = launch(*EMU, "--cpu", cpu, "--timeout", "60", "--until", "all VMs ended.*", "--vm", guest("bench"))
    lines = [line for line in result.output.split("\n") if "error: VMX" in line]
    for word in missing:
        assert sum(word in line for line in lines) == 1, result
    assert "BENCH" not in result.output


def test_soft_nmis_need_the_monitor_trap(launch, latch_image):
    result = launch(*EMU, "--hv", "nmi=soft", "--timeout", "60", "--until", "all VMs ended.*", "--vm", guest("bench"))
    assert "nmi=soft: this CPU has no monitor trap flag" in result.output, result
