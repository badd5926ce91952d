# SPDX-License-Identifier: BSD-2-Clause
"""Who gets a CPU: machines that share one whatever each does, words of the configuration, CPUs that are not there."""
import os
import re

import pytest

import harness
from shell import Shell

GUESTS = os.path.join(harness.BUILD, "guests")
RULES = 16


@pytest.fixture(scope="module")
def hostile():
    """A guest that spins with interrupts off for ever, when told so."""
    return harness.require(os.path.join(GUESTS, "hostile.elf"), "make guests")


@pytest.fixture(scope="module")
def selftest():
    """The machine beside it, which has to come to its end."""
    return harness.require(os.path.join(GUESTS, "nmi-selftest.elf"), "make guests")


@pytest.fixture(scope="module")
def meter():
    """A guest that tells how much of a CPU it got."""
    return harness.require(os.path.join(GUESTS, "spin.elf"), "make guests")


# Host CPUs, words of the spinning machine, words of the other.
@pytest.mark.parametrize("cpus, spinner, other", [
    (1, "prio=high,share=1000", "prio=low"),
    (2, "pin=1", "pin=1,share=500"),
    (2, "pin=0-1,cap=20", "pin=0"),
    (4, "pin=0,prio=high", "pin=0"),
])
def test_spinner_with_interrupts_off(launch, latch_image, hostile, selftest, cpus, spinner, other):
    result = launch("--cpus", str(cpus), "--timeout", "110", "--hv", "on-end=stay", "--until", r"SELFTEST-END.*\n",
                    "--vm", f"name=spinner,kernel={hostile},mem=64M,{spinner},cmdline=spin",
                    "--vm", f"name=other,kernel={selftest},mem=64M,{other}")
    assert "PANIC" not in result.output, result
    assert f"SELFTEST-END {RULES} of {RULES}" in result.output, result


# Words of the two machines; how much more the first gets, at least and at most.
@pytest.mark.parametrize("first, second, least, most", [
    ("share=300", "share=100", 2.6, 3.4),
    ("cap=20", "prio=low", 0.22, 0.28),
    ("prio=high", "prio=low", 0.9, 1.25),
])
def test_what_each_gets_of_one_cpu(launch, latch_image, meter, first, second, least, most):
    """Both spin with interrupts off. Instructions are counted: the same on a machine of any speed."""
    result = launch("--icount", "--timeout", "110", "--hv", "on-end=stay", "--until", r"(?s)meter: .*meter: .*turns",
                    "--vm", f"name=first,kernel={meter},mem=64M,{first},cmdline=meter 500",
                    "--vm", f"name=second,kernel={meter},mem=64M,{second},cmdline=meter 500")
    turns = {name or "first": int(count)  # the foreground's lines have no name
             for name, count in re.findall(r"(?m)^(?:\[(\w+)\] )?meter: (\d+) turns", result.output)}
    assert set(turns) == {"first", "second"}, result
    assert least <= turns["first"] / turns["second"] <= most, (turns, result)


def test_spinner_with_interrupts_off_on_vmx(launch, latch_image, meter):
    """Bochs takes no interrupt of the host's while a guest has them off: the preemption timer it is that ends it."""
    result = launch("--emu", "bochs-vmx", "--timeout", "110", "--hv", "on-end=stay", "--until", r"meter: \d+ turns",
                    "--vm", f"name=spinner,kernel={meter},mem=32M,prio=high,share=1000,cmdline=spin",
                    "--vm", f"name=other,kernel={meter},mem=32M,prio=low,cmdline=meter 30")
    assert "PANIC" not in result.output, result
    assert re.search(r"spin: ready", result.output), result
    assert re.search(r"meter: [1-9]\d* turns", result.output), result


def test_machines_on_cpus_of_their_own(launch, latch_image, hostile, selftest):
    """Three that spin on three CPUs, and one that has the fourth."""
    arguments = []
    for i in range(3):
        arguments += ["--vm", f"name=spinner{i},kernel={hostile},mem=64M,cmdline=spin"]
    result = launch("--cpus", "4", "--timeout", "110", "--hv", "on-end=stay", "--until", r"SELFTEST-END.*\n", *arguments,
                    "--vm", f"name=other,kernel={selftest},mem=64M")
    assert "self-check: 4 of 4 CPUs run" in result.output, result
    assert f"SELFTEST-END {RULES} of {RULES}" in result.output, result


def test_pin_to_cpus_that_are_not_there(launch, latch_image, selftest):
    result = launch("--cpus", "2", "--timeout", "60", "--vm", f"name=here,kernel={selftest},mem=64M,pin=1-9",
                    "--vm", f"name=nowhere,kernel={selftest},mem=64M,pin=2-9")
    assert "vm nowhere: vcpu 0: none of the CPUs that pin= names runs; CPUs here: 0-1" in result.output, result
    assert re.search(r"(?m)^latch: vm nowhere ended: config", result.output), result
    assert f"SELFTEST-END {RULES} of {RULES}" in result.output, result


def test_maxcpus(launch, latch_image, selftest):
    result = launch("--cpus", "4", "--timeout", "60", "--hv", "maxcpus=2 on-end=poweroff", "--until", r"SELFTEST-END.*\n",
                    "--vm", f"name=other,kernel={selftest},mem=64M,pin=1")
    assert "self-check: 2 of 4 CPUs run" in result.output, result
    assert f"SELFTEST-END {RULES} of {RULES}" in result.output, result


@pytest.mark.parametrize("emulator", ["bochs-svm", "bochs-vmx"])
def test_who_waits_in_a_loop_gives_way(console, latch_image, emulator):
    """
    Two vCPUs take a thousand turns on one CPU, each waiting for the other with PAUSE. The CPU tells of such loops, and each time the other
    gets the CPU: one exit a turn. Several thousand without that; QEMU's CPUs tell nothing.
    """
    kernel = harness.require(os.path.join(GUESTS, "scenarios.elf"), "make guests")
    run = console("--emu", emulator, "--hv", "on-end=stay", "--timeout", "110",
                  "--vm", f"name=turns,kernel={kernel},mem=64M,cpus=2,cmdline=smp-clocks-in-step")
    shell = Shell(run)
    shell("stop turns")
    shell("exits on")
    shell("start turns")
    shell.until("vms", "turns .*ended")
    counted = [int(count) for count in re.findall(r"(?m)^ +pause +(\d+)", shell("exits"))]
    assert len(counted) == 2 and 450 <= counted[1] <= 600 and counted[0] < 2 * counted[1], counted
