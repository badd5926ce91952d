# SPDX-License-Identifier: BSD-2-Clause
"""The debug shell on arm64: every command that its help lists, on a guest that spins with interrupts off and its MMU on."""
import os
import re

import pytest

import harness
import shell

READY = r"spin: ready, let go at (0x[0-9a-f]+), turns at (0x[0-9a-f]+), loop (0x[0-9a-f]+)\r"


@pytest.fixture(name="boot")
def fixture_boot(console, latch_arm64):
    """boot(OPTIONS...) starts the guest: (run, addresses)."""
    guest = harness.require(os.path.join(harness.BUILD, "guests", "arm64-spin.img"), "make guests-arm64")

    def start(*options):
        run = console("--arch", "arm64", *options, "--vm", f"name=spin,kernel={guest},mem=64M,cmdline=spin")
        run.expect(READY)
        return run, [int(text, 16) for text in run.child.match.groups()]

    return start


class Arm64(shell.Checks):
    """What arm64 has of its own."""

    PC, SP, CLOSED, SPARE = "pc", "sp", "I=1", "x15"
    NESTED, GUEST_LEVELS = "stage 2", 2
    DEVICE, LINE = 0x9000000, 40
    REASON = r"0x000 none"

    NMI = "SError"

    def handler(self):
        """Of an SError from EL1 with its own stack."""
        return shell.value_of(self.shell("sregs spin"), "vbar") + 0x380

    def check_sregs(self):
        """Of EL1."""
        text = self.shell("sregs spin")
        assert shell.value_of(text, "sctlr") & 1 and shell.value_of(text, "ttbr0") & 0xfff == 0
        assert "MPIDR 0x0 power on" in text and "CNTV ctl" in text

    def check_ich(self):
        """The virtual CPU interface, and interrupts that are somewhere in it."""
        self.shell("irq spin 40")
        text = self.shell("ich spin")
        assert re.search(r"VMCR 0x[0-9a-f]+: mask 0x[0-9a-f]+ group0 off group1 on", text)
        assert re.search(r"interrupt 40 +queued edge group1 latched", text)

    def check_ipi(self):
        """A software-generated interrupt; why it is not delivered."""
        assert "no interrupt has that number" in self.shell("ipi spin 16") and self.shell("ipi spin 3") == ""
        assert re.search(r"pending: interrupt 3 priority 0xa0: PSTATE.I is set", self.shell("events spin"))
        assert self.shell("ipi spin 2") == ""
        assert re.search(r"pending: interrupt 2 priority 0xa0: it is not enabled", self.shell("events spin"))

    def check_events_save(self):
        """The interrupt controller has them."""
        assert "keeps its events in the interrupt controller" in self.shell("events save spin")

    def check_events_load(self):
        """Likewise."""
        assert "not supported" in self.shell("events load spin 00")

    def check_log(self):
        """There is none, and that is said."""
        assert "no log" in self.shell("log spin")

    def check_dt(self):
        """What the device tree said."""
        text = self.shell("dt")
        assert "GICv3, PSCI by smc, 1 CPUs" in text and "console: 0x9000000 .. " in text
        assert "cpu: affinity 0x0" in text and re.search(r"memory: 0x40000000 \.\. 0x7fffffff", text)


def test_every_command(boot):
    Arm64(boot).all()


def test_guest_let_go(boot):
    """The cure of docs/shell.md's story: the loop ends by a write, the guest runs to its end."""
    run, words = boot()
    run_shell = shell.Shell(run)
    assert "entered: " in run_shell("nmi spin")
    run_shell.send(f"write spin {words[0]:#x} 1 8")
    run.expect("spin: let go after 1 SErrors")
    run.expect("latch: vm spin ended: ")
    assert run.status() == 0
