# SPDX-License-Identifier: BSD-2-Clause
"""Guests that misbehave: the right exception, or the end of that machine with one record; the machine beside it runs on."""
import os
import re
import subprocess

import pytest

import harness

GUESTS = os.path.join(harness.BUILD, "guests")
SELFTEST_RULES = 16
# What QEMU's processor itself does otherwise with values that Latch leaves to the hardware.
QEMU_DEVIATIONS = {
    "LSTAR not canonical",
    "FS base not canonical",
    "KERNEL_GS base not canonical",
    "CR8 beyond 15",
    "CR8 high bit",
}


@pytest.fixture(scope="module")
def guest():
    """The hostile guest."""
    return harness.require(os.path.join(GUESTS, "hostile.elf"), "make guests")


@pytest.fixture(scope="module")
def selftest():
    """The NMI self-test, here the neighbour that must not notice."""
    return harness.require(os.path.join(GUESTS, "nmi-selftest.elf"), "make guests")


def hostile(guest, deed, words=""):
    """The argument of --vm."""
    return f"name=hostile,kernel={guest},mem=64M{words},cmdline={deed}"


def neighbour(selftest):
    """The argument of --vm for the machine beside."""
    return f"name=neighbour,kernel={selftest},mem=64M"


def wrong_lines(output):
    """Findings, without the emulator's own."""
    found = re.findall(r"WRONG (.*)", output)
    return [line for line in found if not any(line.startswith(text + " (") for text in QEMU_DEVIATIONS)]


@pytest.mark.parametrize("deed", ["faults", "ports", "mmio", "fault-addresses", "flood"])
def test_survivable(launch, latch_image, guest, deed):
    result = launch("--timeout", "110", "--vm", hostile(guest, deed))
    assert f"HOSTILE {deed}" in result.output and "HOSTILE-END" in result.output, result
    assert "PANIC" not in result.output, result
    assert wrong_lines(result.output) == [], result


def test_flood_does_not_flood_the_log(launch, latch_image, guest):
    result = launch("--timeout", "110", "--vm", hostile(guest, "flood"))
    assert "HOSTILE-END" in result.output, result
    assert len(result.output.split("\n")) < 300, result


ENDS = [
    ("triple-fault", "triple-fault"),
    # Empty memory reads as ones, which is no instruction: the guest gets #UD and ends by itself.
    ("jump-unmapped", "debug-exit"),
    ("tables-nowhere", "unhandled-exit"),
    ("stack-nowhere", "unhandled-exit"),
    ("idt-nowhere", "unhandled-exit"),
    ("idt-apic", "unhandled-exit"),
    # Real processors raise #GP at once; QEMU's refuses to go on with the guest's state.
    ("cr3-reserved", "unhandled-exit"),
]


@pytest.mark.parametrize("deed,reason", ENDS, ids=[deed for deed, _ in ENDS])
def test_ends_alone(launch, latch_image, guest, selftest, deed, reason):
    result = launch("--timeout", "110", "--hv", "on-end=stay", "--until", r"SELFTEST-END.*\n", "--vm", hostile(guest, deed),
                    "--vm", neighbour(selftest))
    records = re.findall(r"(?m)^latch: (?:error: )?vm hostile ended: ([a-z-]+)", result.output)
    assert len(records) == 1, result
    assert records[0] == reason, result
    assert "PANIC" not in result.output, result
    assert f"SELFTEST-END {SELFTEST_RULES} of {SELFTEST_RULES}" in result.output, result


@pytest.mark.parametrize("deed", ["reset-cf9", "reset-keyboard"])
def test_reset(launch, latch_image, guest, deed):
    result = launch("--timeout", "60", "--until", rf"HOSTILE {deed}(.|\n)*HOSTILE {deed}", "--vm", hostile(guest, deed))
    assert result.status == 0, result


def test_reset_clears(launch, latch_image, guest):
    """What the guest left in registers of the FPU, in breakpoints and MSRs does not outlive its reset."""
    result = launch("--timeout", "60", "--vm", hostile(guest, "reset-state"))
    assert result.output.count("HOSTILE reset-state") == 2, result
    assert "HOSTILE-END" in result.output and wrong_lines(result.output) == [], result


def test_reset_with_unstarted_cpu(launch, latch_image, guest):
    """A virtual CPU that was never started does not keep its machine from ending."""
    result = launch("--timeout", "60", "--until", r"HOSTILE reset-cf9(.|\n)*HOSTILE reset-cf9",
                    "--vm", hostile(guest, "reset-cf9", ",cpus=2"))
    assert result.status == 0, result


@pytest.mark.parametrize("deed", ["spin", "timers", "irqs", "nmis", "exits"])
def test_storm(launch, latch_image, guest, selftest, deed):
    """A machine that never rests takes no more than its share."""
    result = launch("--timeout", "110", "--hv", "on-end=stay", "--until", r"SELFTEST-END.*\n", "--vm", hostile(guest, deed),
                    "--vm", neighbour(selftest))
    assert "PANIC" not in result.output, result
    assert f"SELFTEST-END {SELFTEST_RULES} of {SELFTEST_RULES}" in result.output, result


def test_restart_loop(launch, latch_image, guest, selftest):
    """A machine that dies as it starts is restarted more and more rarely; the one beside has the CPU."""
    result = launch("--timeout", "60", "--hv", "on-end=restart", "--until", r"ended 6 times in short order",
                    "--vm", hostile(guest, "triple-fault"), "--vm", neighbour(selftest))
    assert result.status == 0 and "PANIC" not in result.output, result
    assert result.output.count("ended: triple-fault") <= 7, result
    free = set(re.findall(r"vm hostile restarts, (\d+) KiB free", result.output))
    assert len(free) == 1, result


def latch_address(name):
    """Where a function of Latch is, in hexadecimal."""
    symbols = subprocess.run(["nm", os.path.join(harness.BUILD, "x86", "latch.elf")], capture_output=True, text=True, check=True)
    return f"{int(re.search(rf'(?m)^([0-9a-f]+) . {name}$', symbols.stdout)[1], 16):x}"


def after_vmrun():
    """Where Latch goes on after an exit, with the guest's segments still loaded."""
    code = subprocess.run(["objdump", "-d", os.path.join(harness.BUILD, "x86", "latch.elf"), "--disassemble=svm_enter_loop"],
                          capture_output=True, text=True, check=True)
    return re.search(r"vmrun.*\n *([0-9a-f]+):", code.stdout)[1]


def test_breakpoints_on_latch(launch, latch_image, guest):
    """QEMU's processor keeps a guest's breakpoints after an exit."""
    places = [latch_address("svm_turn"), after_vmrun(), latch_address("cpus"), latch_address("vms")]
    result = launch("--timeout", "60", "--vm", hostile(guest, "break-host " + " ".join(places)))
    assert "HOSTILE-END 0 wrong" in result.output and "PANIC" not in result.output, result


def test_selftest_native(launch, selftest):
    """Without Latch: QEMU's processor breaks the MOV SS rule, and no other."""
    result = launch("--native", "--icount", "--timeout", "60", "--vm", neighbour(selftest))
    assert re.findall(r"FAIL +(\d+)", result.output) == ["11"], result


@pytest.mark.parametrize("way", ["iret", "auto"])
def test_selftest(launch, latch_image, selftest, way):
    result = launch("--icount", "--hv", f"nmi={way}", "--timeout", "110", "--vm", neighbour(selftest))
    assert f"SELFTEST-END {SELFTEST_RULES} of {SELFTEST_RULES}" in result.output, result
    assert result.status == 1, result
