# SPDX-License-Identifier: BSD-2-Clause
"""The machine's own CPUs: tables that name CPUs which do not come up, APIC IDs that need x2APIC mode, TSCs out of step, many CPUs. The tables are
changed in the machine's memory by a debugger, before Latch reads them."""
import contextlib
import os
import re
import struct

import pytest

import debugger
import harness

ELF = os.path.join(harness.BUILD, "x86", "latch.elf")
X2APIC_ONLY = 0x1234
MOVED_TICKS = 5000000000  # by selftest=tsc


@pytest.fixture(autouse=True)
def _image(latch_image):
    """Every test here needs Latch."""


class Memory:
    """The stopped machine's physical memory by GDB."""

    def __init__(self, gdb):
        self.gdb = gdb

    def read(self, at, size):
        """Bytes."""
        return b"".join(struct.pack("<I", self.gdb.number(f"*(unsigned *){at + i:#x}")) for i in range(0, size + 3, 4))[:size]

    def write(self, at, data):
        """The same."""
        for i, byte in enumerate(data):
            self.gdb(f"set *(unsigned char *){at + i:#x} = {byte}")

    def madt(self):
        """Address and bytes of the MADT, by the root pointer as firmware of a PC leaves it."""
        found = self.gdb('find /b 0xe0000, 0xfffff, 0x52, 0x53, 0x44, 0x20, 0x50, 0x54, 0x52, 0x20')
        rsdt = self.gdb.number(f"*(unsigned *)({found.split()[0]} + 16)")
        for i in range((self.gdb.number(f"*(unsigned *){rsdt + 4:#x}") - 36) // 4):
            table = self.gdb.number(f"*(unsigned *){rsdt + 36 + 4 * i:#x}")
            if self.read(table, 4) == b"APIC":
                return table, self.read(table, self.gdb.number(f"*(unsigned *){table + 4:#x}"))
        raise AssertionError("no MADT")


def replace_cpu(madt, number, entry):
    """The table with the entries of as many of its CPUs, from the one with this APIC ID on, replaced as the new entry needs."""
    at = madt.index(struct.pack("<BBBBI", 0, 8, number, number, 1))
    assert len(entry) % 8 == 0
    changed = bytearray(madt[:at] + entry + madt[at + len(entry):])
    changed[9] = (changed[9] - sum(changed)) & 0xFF
    return bytes(changed)


@pytest.fixture(name="boot_changed")
def fixture_boot_changed(console):
    """boot_changed(CHANGE, ARGUMENTS...): Latch on a machine whose MADT, as bytes, went through CHANGE; or whose debugger it calls."""

    def start(change, *arguments):
        port = debugger.free_port()
        run = console("--gdb", str(port), *arguments)
        run.expect("waiting for a debugger")
        gdb = debugger.Gdb(port, ELF)
        gdb("hbreak x86_boot_main")
        gdb("continue")
        gdb("delete")
        change(gdb)
        gdb.leave()
        return run

    return start


def madt_changed(change):
    """For boot_changed: the change, put into effect."""

    def apply(gdb):
        memory = Memory(gdb)
        at, before = memory.madt()
        after = change(before)
        assert len(after) == len(before) and sum(after) % 256 == 0
        memory.write(at, after)

    return apply


def never_arrives(gdb):
    """The CPU gets its start-up IPI and then makes no progress until it has been given up."""
    first = "*(short *)&host_ap_main"
    insn = gdb.number(first)
    gdb("hbreak arch_cpus_start")
    gdb("continue")
    gdb("delete")
    gdb(f"set {first} = 0xfeeb")
    gdb("hbreak log_warn")
    gdb("continue")
    gdb("delete")
    gdb(f"set {first} = {insn:#x}")


@pytest.mark.parametrize("change, cpus, said", [
    (madt_changed(lambda madt: replace_cpu(madt, 2, struct.pack("<BBBBI", 0, 8, 2, 9, 1))), 3,
     "CPU with APIC ID 9 is left out: it does not answer"),
    (madt_changed(lambda madt: replace_cpu(madt, 2, struct.pack("<BBHIII", 9, 16, 0, X2APIC_ONLY, 1, 2))), 4,
     f"CPU with APIC ID {X2APIC_ONLY} is left out: its APIC ID needs x2APIC mode"),
    (never_arrives, 2, "CPU with APIC ID 1 is left out: it does not answer"),
], ids=["not there", "x2APIC only", "too late"])
def test_cpu_that_does_not_come_up(boot_changed, linux, change, cpus, said):
    """It is reported and left out; Linux runs on the others."""
    run = boot_changed(change, "--cpus", str(cpus), "--vm", linux.vm(kernel=linux.elf, words="cpus=2,mem=256M"))
    run.child.expect_exact(f"warning: {said}")
    here, listed = {2: (1, 2), 3: (2, 3), 4: (2, 3)}[cpus]
    run.child.expect_exact(f"self-check: {here} of {listed} CPUs run")
    run.expect_shell()
    assert run.run("nproc").strip() == "2"
    run.send("poweroff -f\n")
    assert run.status() == 0


def guest(name, words, cmdline):
    """The argument of --vm."""
    path = harness.require(f"{harness.BUILD}/guests/{name}.elf", "make guests")
    return f"name=guest,kernel={path},mem=128M,{words},cmdline={cmdline}"


@pytest.mark.parametrize("emulator, mode", [("bochs-svm", "xAPIC"), ("bochs-vmx", "x2APIC")])
@pytest.mark.parametrize("selftest", ["none", "tsc"])
def test_clocks(launch, emulator, mode, selftest):
    """Also where they were not in step: what the guest's CPUs read never goes backwards. Intel's run in x2APIC mode. QEMU's have one TSC for all."""
    result = launch("--emu", emulator, "--cpus", "3", "--hv", f"selftest={selftest}", "--timeout", "120", "--vm",
                    guest("scenarios", "cpus=2,pin=0/2", "smp-clocks-in-step"), timeout=120)
    assert f"self-check: local APIC {mode}" in result.output and "self-check: 3 of 3 CPUs run" in result.output, result
    assert "no TSC behind the other's" in result.output, result
    ahead = re.findall(r"warning: CPU ([12]): its TSC was ([0-9]+) ticks ahead of the boot CPU's: set in step\n", result.output)
    assert [cpu for cpu, _ in ahead] == (["1", "2"] if selftest == "tsc" else []), result
    assert all(abs(int(ticks) - MOVED_TICKS) < 1000000 for _, ticks in ahead), result


def test_many_cpus(launch):
    """Each with an idle loop of its own; a vCPU is pinned to the last."""
    result = launch("--cpus", "64", "--timeout", "110", "--vm", guest("scenarios", "cpus=2,pin=0/63", "smp"))
    assert "self-check: 64 of 64 CPUs run" in result.output and "SCENARIOS-END" in result.output, result
