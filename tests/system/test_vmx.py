# SPDX-License-Identifier: BSD-2-Clause
"""Intel VMX, on Bochs: our guests, Debian's kernel, both ways of delivering NMIs, CPUs that lack something."""
import pytest

import harness
import scenarios

EMU = ("--emu", "bochs-vmx")
# Has the monitor trap flag, which soft NMIs need.
ICELAKE = (*EMU, "--cpu", "corei7_icelake_u")
# In 64-bit mode this emulator's IRETD leaves RSP and SS where they are: the guest does not survive that.
LEFT_OUT = ["iretd-in-64"]
# Without virtual NMIs, one NMI a second while the guest keeps interrupts off: these would take a quarter of an hour. Their
# twins "-if1" run.
SOFT_LEFT_OUT = ["nmi-movss-storm", "nmi-movss-flags-storm"]
# ... and an IRET inside the handler is not seen, so that NMIs open at the handler's own.
SOFT_FAILS = ["FAIL  5 an IRET inside the handler opens NMIs", "FAIL  6 an exception's IRET inside the handler opens NMIs"]


def guest(name, words="mem=64M", cmdline=""):
    """The argument of --vm."""
    path = harness.require(f"{harness.BUILD}/guests/{name}.elf", "make guests")
    return f"name=guest,kernel={path},{words},cmdline={cmdline}"


def test_nmi_rules(launch, latch_image):
    result = launch(*EMU, "--hv", "on-end=stay", "--timeout", "120", "--until", "rules hold",
                    "--vm", guest("nmi-selftest"))
    assert "SELFTEST-END 16 of 16 rules hold" in result.output, result


def test_scenarios(launch, latch_image):
    cmdline = " ".join(["all", *("-" + name for name in LEFT_OUT)])
    result = launch(*EMU, "--hv", "on-end=stay", "--timeout", "240", "--until", "SCENARIOS-END", "--vm",
                    guest("scenarios", "mem=128M", cmdline), timeout=240)
    names = [name for name in scenarios.NAMES if name not in LEFT_OUT]
    found = scenarios.differences(scenarios.split(result.output), "vmx", False, names)
    assert not found, "\n".join(found)


def test_exit_costs(launch, latch_image):
    result = launch(*EMU, "--hv", "on-end=stay mitigations=off", "--timeout", "120", "--until", "BENCH-END", "--vm",
                    guest("bench"))
    figures = {line.split()[1]: int(line.split()[2]) for line in result.output.split("\n")
               if line.startswith("BENCH ")}
    # Instructions, the guest's own and the emulator's price of the world switch included.
    assert 0 < figures["cpuid"] <= 280, figures
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


def test_soft_scenarios(launch, latch_image):
    left_out = LEFT_OUT + SOFT_LEFT_OUT
    cmdline = " ".join(["all", *("-" + name for name in left_out)])
    result = launch(*ICELAKE, "--hv", "nmi=soft on-end=stay", "--timeout", "240", "--until", "SCENARIOS-END", "--vm",
                    guest("scenarios", "mem=128M", cmdline), timeout=240)
    names = [name for name in scenarios.NAMES if name not in left_out]
    found = scenarios.differences(scenarios.split(result.output), "vmx soft", False, names)
    assert not found and "NMIs: blocked by software" in result.output, "\n".join(found)


def test_soft_nmi_rules(launch, latch_image):
    result = launch(*ICELAKE, "--hv", "nmi=soft on-end=stay", "--timeout", "120", "--until", "rules hold",
                    "--vm", guest("nmi-selftest", cmdline="if1"))
    failed = [line for line in result.output.split("\n") if line.startswith("FAIL")]
    assert "SELFTEST-END 14 of 16 rules hold" in result.output, result
    assert [line.split(" (")[0] for line in failed] == SOFT_FAILS, result


def test_linux(launch, latch_image, linux):
    cmdline = ("console=ttyS0 mitigations=off quiet tsc=reliable no_timer_check lpj=4000000 "
               "8250.nr_uarts=1")
    result = launch(*EMU, "--timeout", "400", "--until", "latch-guest: ready", "--vm",
                    linux.vm(kernel=linux.elf, words="mem=256M", cmdline=cmdline), timeout=400)
    assert "latch-guest: ready" in result.output, result
