# SPDX-License-Identifier: BSD-2-Clause
"""Guests that misbehave: the right exception, or the end of that machine with one record; the machine beside it runs on."""
import os
import re

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


@pytest.mark.parametrize("deed", ["faults", "ports", "mmio", "flood"])
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


def test_selftest_native(launch, selftest):
    """Without Latch: QEMU's processor breaks the MOV SS rule, and no other."""
    result = launch("--native", "--icount", "--timeout", "60", "--vm", neighbour(selftest))
    assert re.findall(r"FAIL +(\d+)", result.output) == ["11"], result


@pytest.mark.parametrize("way", ["iret", "auto"])
def test_selftest(launch, latch_image, selftest, way):
    result = launch("--icount", "--hv", f"nmi={way}", "--timeout", "110", "--vm", neighbour(selftest))
    assert f"SELFTEST-END {SELFTEST_RULES} of {SELFTEST_RULES}" in result.output, result
    assert result.status == 1, result
