# SPDX-License-Identifier: BSD-2-Clause
"""The view of touched memory, and with it the shoot-down of nested translations: a guest that hardly exits on a CPU of its own."""
import os
import re

import pytest

import harness
from shell import PATIENCE_TURNS, Shell

READY = r"spin: ready, let go at 0x[0-9a-f]+, .*turns at (0x[0-9a-f]+)[,\r]"
WORLDS = {
    "svm": ("spin.elf", ()),
    "vmx": ("spin.elf", ("--emu", "bochs-vmx")),
    "arm64": ("arm64-spin.img", ("--arch", "arm64", "--cpu", "neoverse-n1")),
    "arm64-without": ("arm64-spin.img", ("--arch", "arm64", "--cpu", "cortex-a57")),
}


@pytest.fixture(name="spin")
def fixture_spin(console, latch_image, latch_arm64, request):
    """(shell, address of the word that the guest counts in). The shell is on CPU 0, the guest on CPU 1."""
    name, options = WORLDS[request.param]
    guest = harness.require(os.path.join(harness.BUILD, "guests", name), "make guests guests-arm64")
    run = console(*options, "--cpus", "2", "--vm", f"name=spin,kernel={guest},mem=64M,pin=1,cmdline=spin")
    run.expect(READY)
    word = int(run.child.match[1], 16)
    return Shell(run), word


class Turns:
    """The guest's count, read in the host's memory: nobody is held, the guest does not exit."""

    def __init__(self, shell, word):
        self.shell = shell
        self.host = int(re.search(r"-> hpa (0x[0-9a-f]+)", shell(f"walk spin gpa:{word:#x}"))[1], 16)

    def now(self):
        """The count."""
        row = re.search(r"^[0-9a-f]{16} ((?: [0-9a-f]{2}){8})", self.shell(f"x host {self.host:#x} 8"), re.MULTILINE)
        return int.from_bytes(bytes.fromhex(row[1]), "little")

    def go_on(self):
        """Waits until the guest has counted on."""
        before = self.now()
        for _ in range(PATIENCE_TURNS):
            if self.now() > before:
                return
        raise AssertionError("the guest stands still")


@pytest.mark.parametrize("spin", ["svm", "vmx", "arm64"], indirect=True)
def test_touched_again(spin):
    """
    What the guest writes to without end is shown at each look. Its CPU holds the translation, so without the shoot-down it would
    note nothing after a look, which clears the flags, until the guest exits for another reason (the CPU's look at the console, twice
    a second; on VMX the preemption timer). Looks follow each other within milliseconds.
    """
    shell, word = spin
    turns = Turns(shell, word)
    pages = None
    for look in range(4):
        turns.go_on()
        ranges = shell.touched("spin")
        mine = [(start, end, page) for start, end, page, what in ranges if start <= word <= end and what == "written"]
        assert len(mine) == 1, f"look {look}: {ranges}"
        if look >= 2:
            # What it does is always the same, and so are the pages that it does it with.
            assert ranges == pages
        pages = ranges
    assert mine[0][2] in (4, 2048)
    assert sum(end + 1 - start for start, end, _, _ in pages) < 0x400000, "all of it, as if nothing had ever been cleared"
    shell.run.send("poweroff\r")
    assert shell.run.status() == 0


@pytest.mark.parametrize("spin", ["arm64-without"], indirect=True)
def test_not_offered(spin):
    """A CPU whose hardware does not keep the flags: one line, and the guest runs on."""
    shell, word = spin
    assert shell.touched("spin") is None
    Turns(shell, word).go_on()
    shell.run.send("poweroff\r")
    assert shell.run.status() == 0
