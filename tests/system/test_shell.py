# SPDX-License-Identifier: BSD-2-Clause
"""The debug shell, every command, on guests that spin with interrupts off; consoles under a flood."""
import json
import os
import re
import socket
import subprocess

import pytest

import harness
import shell as latch_shell
from shell import PROMPT, Shell, value_of

SPIN_READY = r"spin: ready, let go at (0x[0-9a-f]+), NMIs counted at (0x[0-9a-f]+), handler (0x[0-9a-f]+), turns at (0x[0-9a-f]+)\r"
FLOOD_LINES = 700


@pytest.fixture(scope="module")
def guest():
    """The guest that spins or floods."""
    return harness.require(os.path.join(harness.BUILD, "guests", "spin.elf"), "make guests")


@pytest.fixture
def spin(console, latch_image, guest, request):
    """(shell, address of the word that ends the loop, of the counter of NMIs, of the handler)."""
    words = getattr(request, "param", "spin")
    run = console("--vm", f"name=spin,kernel={guest},mem=64M,cmdline={words}")
    run.expect(SPIN_READY)
    addresses = [int(text, 16) for text in run.child.match.groups()[:3]]
    return (Shell(run), *addresses)


class X86(latch_shell.Checks):
    """What x86 has of its own."""

    PC, SP, CLOSED, SPARE = "rip", "rsp", "IF=0", "r15"
    GUEST_LEVELS = 3
    DEVICE, LINE = 0xfee00000, 4
    BLOCK, OTHER_BLOCK = "", ""

    def check_sregs(self):
        """In 64-bit mode."""
        text = self.shell("sregs spin")
        assert value_of(text, "efer") & 0x500 == 0x500 and value_of(text, "cr0") & 0x80000001 == 0x80000001
        assert re.search(r"^cs +\w+ base 0x0+ .* 64-bit", text, re.MULTILINE)
        assert "cannot take" in self.shell("set spin cr3 0")

    def check_vmcb(self):
        """Field by field with names, or which one there is; the same CR3 as sregs shows."""
        text = self.shell(f"{self.BLOCK} spin")
        assert re.search(r"^cr0 +0x\w+ pe .*pg", text, re.MULTILINE) and re.search(self.BLOCK_REASON, text, re.MULTILINE), text
        assert int(re.search(r"^cr3 +0x(\w+)", text, re.MULTILINE)[1], 16) == value_of(self.shell("sregs spin"), "cr3")
        assert f"try {self.BLOCK}" in self.shell(f"{self.OTHER_BLOCK} spin")

    check_vmcs = check_vmcb

    def check_nmi(self):
        """Counted by the guest, too."""
        before = self.nmis()
        super().check_nmi()
        assert self.nmis() == before + 2
        assert "books: balanced" in self.shell("events spin")

    def nmis(self):
        """The guest's own count."""
        row = re.search(r"^[0-9a-f]{16} ((?: [0-9a-f]{2}){8})", self.shell(f"x spin {self.words[3]:#x} 8"), re.MULTILINE)
        return int.from_bytes(bytes.fromhex(row[1]), "little")

    def check_ipi(self):
        """Pending, and why."""
        assert self.shell("ipi spin 0x50") == "" and "no interrupt has that number" in self.shell("ipi spin 3")

    def check_events_save(self):
        """As bytes."""
        assert re.fullmatch("[0-9a-f]{80}", self.shell("events save spin").strip())

    def check_events_load(self):
        """What was saved; half of it not."""
        saved = self.shell("events save spin").strip()
        assert "loaded" in self.shell("events load spin " + saved)
        assert "loaded" not in self.shell("events load spin " + saved[:-2])

    def check_log(self):
        """For the replay tool."""
        self.shell("nmi spin")
        text = self.shell("log spin")
        assert re.search(r"log vm spin vcpu 0: inject-log version", text) and "build/tools/replay FILE" in text
        assert len(re.findall(r"^log vm spin vcpu 0: inject [0-9a-f]", text, re.MULTILINE)) >= 2

    def check_acpi(self):
        """What the MADT said."""
        assert "cpu: APIC ID 0" in self.shell("acpi")


class Svm(X86):
    """AMD's, on QEMU."""

    BLOCK, OTHER_BLOCK, NESTED = "vmcb", "vmcs", "NPT"
    BLOCK_REASON = r"^exitcode +0x\w+ +\w"
    REASON = r"0x060 intr +[1-9]"


class Vmx(X86):
    """Intel's, on Bochs."""

    BLOCK, OTHER_BLOCK, NESTED = "vmcs", "vmcb", "EPT"
    BLOCK_REASON = r"^exit_reason +0x\w+ +\w"
    REASON = r"0x034 preemption_timer +[1-9]"
    CAN_STEP = False  # this CPU has no monitor trap flag
    LEFT_OUT = ENDS = ("reboot", "poweroff", "spoil", "panic")  # the same code as on AMD


@pytest.mark.parametrize("checks, options", [(Svm, ()), (Vmx, ("--emu", "bochs-vmx"))], ids=["svm", "vmx"])
def test_every_command(console, latch_image, guest, checks, options):
    def boot():
        run = console(*options, "--vm", f"name=spin,kernel={guest},mem=64M,cmdline=spin")
        run.expect(SPIN_READY)
        let_go, nmis, handler, turns = (int(text, 16) for text in run.child.match.groups())
        return run, (let_go, turns, handler, nmis)

    checks(boot).all()


def finish(shell):
    """The end, as operators make it."""
    shell.run.send("poweroff\r")
    assert shell.run.status() == 0


def test_spinning_guest_is_found_and_let_go(spin):
    """docs/shell.md's story: which vCPU, where, interrupts off, an NMI, the cure."""
    shell, let_go, nmis, handler = spin
    assert re.search(r"spin +\.0 +0 runs +\d+ +RIP 0x[0-9a-f]+ IF=0", shell("vcpus spin"))
    regs = shell("regs spin")
    assert "IF=0" in regs and value_of(regs, "rflags") & 0x200 == 0
    # Three calls deep: the loop, its caller, the caller's caller, guest_main at least.
    frames = re.findall(r"^#\d+ +0x([0-9a-f]+)", shell("stack spin"), re.MULTILINE)
    assert len(frames) >= 4
    code = {int(frame, 16) & ~0xffff for frame in frames[:4]}
    assert code == {handler & ~0xffff}
    text = shell("nmi spin.0")
    before, delivered = re.search(r"before: +RIP (0x[0-9a-f]+) IF=0.*NMIs open", text), re.search(r"entered: +after \d+ us", text)
    assert before and delivered and re.search(r"after: .*NMIs open", text), text
    assert re.search(r"^[0-9a-f]+  01 00 00 00", shell(f"x spin {nmis:#x} 8"), re.MULTILINE)
    assert "NMI: posted=1 delivered=1 collapsed=0" in shell("events spin")
    assert "books: balanced" in shell("events spin.0")
    shell.run.send(f"write spin {let_go:#x} 1 4\r")  # the guest may end before the prompt is back
    shell.run.expect("spin: let go after 1 NMIs")
    shell.run.expect("latch: vm spin ended: debug-exit code=0")
    assert shell.run.status() == 1


@pytest.mark.parametrize("spin", ["deaf"], indirect=True)
def test_nmi_handler_that_never_ends(spin):
    shell, let_go, _, handler = spin
    text = shell("nmi spin")
    assert re.search(r"entered: +after", text) and re.search(r"still in: .*NMIs blocked", text)
    assert "the handler has not ended for 1000 ms" in text
    # The second one waits, and it is said why.
    text = shell("nmi spin")
    assert re.search(r"not delivered for \d+ ms", text) and "pending: NMI vector 2 count 1: NMIs are blocked until IRET" in text
    shell.run.send(f"write spin {let_go:#x} 1\r")
    shell.run.expect("spin: let go after 2 NMIs")
    assert shell.run.status() == 1


def test_traces(spin, tmp_path):
    shell, *_ = spin
    shell("exits on")
    shell("trace on")
    shell("vcpus")
    shell("regs spin")
    shell("trace off")
    counted = shell("exits")
    assert re.search(r"host-event +[1-9]\d* +[1-9]\d* +[1-9]\d* +[1-9]\d*", counted), counted
    dump = shell("trace dump")
    shell("exits off")
    assert "trace cpu 0" in dump
    (tmp_path / "log").write_text(dump)
    made = subprocess.run([os.path.join(harness.ROOT, "tools", "trace-to-json"), str(tmp_path / "log")],
                          capture_output=True, check=True)
    events = json.loads(made.stdout)["traceEvents"]
    exits = [event for event in events if event["ph"] == "X"]
    assert exits and all(event["dur"] >= 0 and event["ts"] > 0 for event in exits)
    assert {event["args"]["name"] for event in events if event["name"] == "process_name"} >= {"spin"}
    finish(shell)


def test_editing_and_arguments(spin):
    shell, *_ = spin
    # Typed with mistakes and mended: cursor keys, completion, history.
    shell.run.send("ms\x01v\x05\x1b[D\x1b[C\r")
    shell.run.expect(r"0 spin ")
    shell.run.expect(PROMPT)
    shell.run.send("vers\t\r")
    shell.run.expect("Latch [0-9.]+, build")
    shell.run.expect(PROMPT)
    shell.run.send("\x1b[A\x1b[A\r")
    shell.run.expect(r"0 spin ")
    shell.run.expect(PROMPT)
    # Long output stops at Ctrl-C.
    shell.run.send("x spin 0x100000 65536\r")
    shell.run.expect("0000000000100100 ")
    shell.run.send("\x03")
    shell.run.expect(r"\^C")
    shell.run.expect(PROMPT)
    finish(shell)


def flood_line(number, total):
    """One line of the flooding guest, and the running sum."""
    total = (total * 31 + number) & 0xffffffff
    return f"flood {number:05d} {total:08x}", total


def check_flood(lines):
    """All lines in order, nothing lost or doubled."""
    total = 0
    for number, line in enumerate(lines):
        expected, total = flood_line(number, total)
        assert line == expected
    assert len(lines) == FLOOD_LINES


def test_flood_starves_no_one(console, latch_image, guest):
    """Two guests that print without end, one of them in the background: all of both arrives, and the shell answers."""
    run = console("--vm", f"name=one,kernel={guest},mem=64M,cmdline=flood {FLOOD_LINES}",
                  "--vm", f"name=two,kernel={guest},mem=64M,cmdline=flood {FLOOD_LINES}")
    text = run.expect("flood 00000 ") + "flood 00000 "
    run.send("\x1dsversion\r")
    text += run.expect(r"Latch [0-9.]+, build [^\r]+\r")
    assert "done" not in text
    for _ in range(2):
        text += "\n" + run.expect("flood: done") + "flood: "
    # Lines without a tag are of the first one, from before the shell came. A line that was broken goes on in the next.
    said = {"one": "", "two": ""}
    for line in text.split("\n"):
        if "atch" not in line:
            tag, rest = re.match(r"(?:\[(\w+)\] )?(.*)", line).groups()
            said[tag or "one"] += rest
    assert all(f"\n[{name}] flood " in text for name in said)
    for stream in said.values():
        check_flood(re.findall(r"flood \d{5} [0-9a-f]{8}", stream))
    run.send("\rpoweroff\r")
    assert run.status() == 0


def test_marks(console, latch_image, guest):
    """Each of Latch's own lines begins with the mark."""
    run = console("--hv", "marks=on", "--vm", f"name=one,kernel={guest},mem=64M,cmdline=spin")
    text = run.expect("spin: ready")
    lines = [line for line in text.split("\n") if "latch: vm one" in line]
    assert lines and all(line.startswith("\x1elatch: ") for line in lines)
    finish(Shell(run))


def test_port_of_its_own(console, latch_image, guest, tmp_path):
    """shell=com2: the console stays the guest's."""
    path = str(tmp_path / "com2")
    run = console("--hv", "shell=com2", "--machine-args", f"-chardev socket,id=com2,path={path},server=on,wait=off "
                  "-serial chardev:com2", "--vm", f"name=one,kernel={guest},mem=64M,cmdline=spin")
    run.expect("spin: ready")
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)
        wire.settimeout(harness.PATIENCE_S)
        wire.sendall(b"vms\r")
        got = b""
        while b"0 one " not in got:
            got += wire.recv(4096)
        run.send("\x1ds")
        run.expect("latch: console: the shell has com2")
        wire.sendall(b"poweroff\r")
        assert run.status() == 0
