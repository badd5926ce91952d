# SPDX-License-Identifier: BSD-2-Clause
"""From the boot loader to the self-check: what a machine has, and what it lacks, is said in plain lines."""
import re

import pytest

CHECKED = r"self-check: console com1"


@pytest.mark.parametrize("firmware, revision", [([], 0), (["--uefi"], 2)], ids=["bios", "uefi"])
def test_self_check(launch, firmware, revision):
    """BIOS and UEFI boot the same image and find the same kind of machine."""
    run = launch(*firmware, "--mem", "512M", "--until", CHECKED)
    assert run.status == 0, run
    assert re.search(r"^latch: self-check: Latch \S+ for x86, build [0-9a-f]{16}$", run.output, re.M), run
    assert f"ACPI revision {revision} " in run.output, run
    assert "MADT yes, FADT yes, MCFG yes, power-off yes, reset register yes" in run.output, run
    assert "local APIC xAPIC, ID 0, timer one-shot" in run.output, run


def test_counted_clock(launch):
    """Where instructions are counted the TSC runs at exactly 1 GHz, and the calibration finds that."""
    run = launch("--icount", "--until", CHECKED)
    assert "TSC 1000000 kHz from ACPI PM timer" in run.output, run
    assert "one-shot 1000000 kHz" in run.output, run


@pytest.mark.parametrize("size, mebibytes", [("64M", 63), ("6G", 6143)])
def test_memory(launch, size, mebibytes):
    """All RAM is found, above 4 GiB too, and nearly all of it is free."""
    run = launch("--mem", size, "--until", CHECKED)
    total, free = map(int, re.search(r"memory (\d+) MiB in \d+ regions, (\d+) MiB free", run.output).groups())
    assert total == mebibytes, run
    assert total - free <= 4, run


@pytest.mark.parametrize("cpu, line", [
    ("qemu32", "this CPU has no 64-bit mode"),
    ("qemu64,-nx", "this CPU has no NX page protection, or the firmware disabled it"),
    ("max,-apic", "this machine has no local APIC, or the firmware disabled it"),
])
def test_missing_feature(launch, cpu, line):
    """A CPU that cannot run Latch at all gets one line."""
    run = launch("--cpu", cpu, "--timeout", "60")
    assert run.status == 70, run
    assert f"latch: PANIC {line}\n" in run.output, run


def test_without_acpi(launch):
    """The old timer is the reference then; one CPU, and the console is polled."""
    run = launch("--cpus", "2", "--machine-args=-machine pc,acpi=off", "--until", "CPUs run")
    assert run.status == 0, run
    assert "warning: no usable ACPI tables" in run.output, run
    assert re.search(r"TSC \d+ kHz from 8254", run.output), run
    assert "1 of 1 CPUs run" in run.output, run


@pytest.mark.parametrize("options, count", [("", 4), ("maxcpus=2", 2), ("maxcpus=1", 1)])
def test_processors(launch, options, count):
    """Every CPU of the MADT comes up unless the user wants fewer."""
    run = launch("--cpus", "4", "--hv", f"console=com1 {options}", "--until", "CPUs run")
    assert f"self-check: {count} of 4 CPUs run" in run.output, run
