# SPDX-License-Identifier: BSD-2-Clause
"""All scenarios and the NMI self-test in Bochs: without Latch, on AMD SVM, on Intel VMX with and without virtual NMIs. docs/worlds.md holds
what differs where, and why; it is read here."""
import re

import pytest

import harness
import scenarios

# (options of tools/launch, a line that Latch prints about it)
MACHINES = {
    "bochs-svm": (["--emu", "bochs-svm"], "NMIs: IRET intercept"),
    "bochs-vmx": (["--emu", "bochs-vmx"], "NMIs: virtual NMIs and NMI window"),
    # This model has the monitor trap flag, which soft NMIs need.
    "bochs-vmx soft": (["--emu", "bochs-vmx", "--cpu", "corei7_icelake_u", "--hv", "nmi=soft"], "NMIs: blocked by software"),
}
RULES = 16
OMISSIONS = [row for row in scenarios.documented_differences() if row.how == "not run"]


def guest(name, words, cmdline):
    """The argument of --vm."""
    path = harness.require(f"{harness.BUILD}/guests/{name}.elf", "make guests")
    return f"name=guest,kernel={path},mem=128M{words},cmdline={cmdline}"


def everything_in(world):
    """The guest's words: all scenarios but those that the table leaves out."""
    return " ".join(["all", "smp", *("-" + name for name in scenarios.names_in(world, "not run"))])


@pytest.mark.parametrize("world", scenarios.WORLDS)
def test_the_table_lists_each_variant_and_no_more(world):
    rows = [row for row in scenarios.documented_differences() if row.world == world]
    names = [row.name for row in rows]
    variants = {name for name, variant in scenarios.expectations() if variant in scenarios.WORLDS[world]}
    assert len(names) == len(set(names)) and all(row.basis in ("Intel", "soft", "Bochs") and row.why for row in rows)
    assert set(scenarios.names_in(world, "trace")) == variants - set(scenarios.names_in(world, "not run"))
    assert set(scenarios.names_in(world, "not run")) <= {*scenarios.NAMES, *scenarios.SMP_NAMES, *scenarios.QUAD_NAMES}
    assert {row.how for row in rows} <= {"trace", "not run", "fails", "if1"}


def test_a_needless_row_is_noticed():
    traces = {(name, ""): lines for (name, variant), lines in scenarios.expectations().items()
              if not variant and name not in scenarios.QUAD_NAMES}
    for name in scenarios.names_in("bochs-svm", "not run"):
        del traces[name, ""]
    found = scenarios.world_differences(traces, "bochs-svm")
    assert sorted(text.split("]")[0][1:] for text in found) == sorted(scenarios.names_in("bochs-svm", "trace"))


@pytest.mark.parametrize("emulator", ["bochs-svm", "bochs-vmx"])
def test_without_latch(launch, emulator):
    result = launch("--native", "--emu", emulator, "--cpus", "2", "--timeout", "240", "--vm",
                    guest("scenarios", "", everything_in("bochs native")), timeout=240)
    assert result.status == 0 and "SCENARIOS-END" in result.output, result
    found = scenarios.world_differences(scenarios.split(result.output), "bochs native")
    assert not found, "\n".join(found)


def test_iretd(launch):
    result = launch("--native", "--emu", "bochs-vmx", "--timeout", "60", "--vm",
                    guest("scenarios", "", "nmi-if1 iretd-in-64"))
    # What becomes of the guest then depends on what lies on its stack.
    assert "[nmi-if1]" in result.output and "[iretd-in-64]" not in result.output, result


@pytest.mark.parametrize("world", MACHINES)
def test_scenarios(launch, latch_image, world):
    options, line = MACHINES[world]
    result = launch(*options, "--timeout", "240", "--vm", guest("scenarios", ",cpus=2", everything_in(world)), timeout=240)
    assert result.status == 1 and line in result.output, result
    found = scenarios.world_differences(scenarios.split(result.output), world)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("world", ["bochs-svm", "bochs-vmx"])
def test_two_processors(launch, latch_image, world):
    """Each vCPU on a CPU of its own."""
    options, line = MACHINES[world]
    left_out = scenarios.names_in(world, "not run")
    names = [name for name in scenarios.SMP_NAMES if name not in left_out]
    result = launch(*options, "--cpus", "2", "--timeout", "240", "--vm", guest("scenarios", ",cpus=2", " ".join(names)),
                    timeout=240)
    assert result.status == 1 and line in result.output and "2 of 2 CPUs run" in result.output, result
    found = scenarios.world_differences(scenarios.split(result.output), world, names)
    assert not found, "\n".join(found)


def test_four_processors_without_latch(launch):
    """Skylake-X only: the Ryzen model has no x2APIC mode."""
    result = launch("--native", "--emu", "bochs-vmx", "--cpus", "4", "--timeout", "240", "--vm", guest("scenarios", "", "quad"),
                    timeout=240)
    found = scenarios.world_differences(scenarios.split(result.output), "bochs native", scenarios.QUAD_NAMES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("world", ["bochs-svm", "bochs-vmx"])
def test_four_processors(launch, latch_image, world):
    """Two vCPUs on each of two CPUs, and no tie between them: they move."""
    options, line = MACHINES[world]
    result = launch(*options, "--cpus", "2", "--timeout", "240", "--vm", guest("scenarios", ",cpus=4", "quad"), timeout=240)
    assert line in result.output and "2 of 2 CPUs run" in result.output, result
    found = scenarios.world_differences(scenarios.split(result.output), world, scenarios.QUAD_NAMES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("world", MACHINES)
def test_nmi_rules(launch, latch_image, world):
    options, line = MACHINES[world]
    words = "if1" if scenarios.names_in(world, "if1") == ["nmi-selftest"] else ""
    expected = scenarios.names_in(world, "fails")
    result = launch(*options, "--timeout", "240", "--vm", guest("nmi-selftest", "", words), timeout=240)
    failed = [f"nmi-selftest-{number}" for number in re.findall(r"(?m)^FAIL +([0-9]+) ", result.output)]
    assert failed == expected and line in result.output, result
    assert f"SELFTEST-END {RULES - len(expected)} of {RULES} rules hold" in result.output, result


@pytest.mark.parametrize("row", OMISSIONS, ids=[f"{row.world}: {row.name}" for row in OMISSIONS])
def test_left_out(row):
    pytest.skip(f"not run in {row.world}: {row.why}")


def test_floating_point_beside_exits(launch, latch_image):
    """One CPU enters and leaves its guest, the other's restores registers: QEMU's threads have to share a CPU of this machine."""
    result = launch("--cpus", "2", "--timeout", "110", "--vm", guest("spin", ",pin=0", "exits 15000"),
                    "--vm", guest("spin", ",pin=1", "fpu 15000").replace("name=guest", "name=other"))
    assert result.status == 1 and "exits: " in result.output and "fpu: " in result.output, result
