# SPDX-License-Identifier: BSD-2-Clause
"""The debug shell, every command, on guests that spin with interrupts off; consoles under a flood."""
import json
import os
import re
import socket
import subprocess

import pytest

import harness

PROMPT = r"\r\x1b\[Klatch> (?!.)"
SPIN_READY = r"spin: ready, let go at (0x[0-9a-f]+), NMIs counted at (0x[0-9a-f]+), handler (0x[0-9a-f]+)\r"
FLOOD_LINES = 700


@pytest.fixture(scope="module")
def guest():
    """The guest that spins or floods."""
    return harness.require(os.path.join(harness.BUILD, "guests", "spin.elf"), "make guests")


class Shell:
    """A console with the shell in the foreground."""

    def __init__(self, run, escape="\x1d"):
        self.run = run
        run.send(escape + "s")
        run.expect(PROMPT)

    def __call__(self, command):
        """What a command prints, without the echo."""
        self.run.send(command + "\r")
        self.run.expect("\r\n")  # a long line is redrawn as it is typed, prompt and all, until it is entered
        text = self.run.expect(PROMPT)
        return re.sub(r"\x1b\[[0-9]*[A-Za-z]", "", text)


@pytest.fixture
def spin(console, latch_image, guest, request):
    """(shell, address of the word that ends the loop, of the counter of NMIs, of the handler)."""
    words = getattr(request, "param", "spin")
    run = console("--vm", f"name=spin,kernel={guest},mem=64M,cmdline={words}")
    run.expect(SPIN_READY)
    addresses = [int(text, 16) for text in run.child.match.groups()]
    return (Shell(run), *addresses)


def value_of(text, name):
    """A register in the output of regs or sregs."""
    return int(re.search(rf"\b{name} +([0-9a-f]+)\b", text)[1], 16)


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
    before, delivered = re.search(r"before: +RIP (0x[0-9a-f]+) IF=0.*NMIs open", text), "delivered: within" in text
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
    assert "delivered: within" in text and re.search(r"still in: .*NMIs blocked", text)
    assert "the handler has not ended for 1000 ms" in text
    # The second one waits, and it is said why.
    text = shell("nmi spin")
    assert re.search(r"not delivered for \d+ ms", text) and "pending: NMI vector 2 count 1: NMIs are blocked until IRET" in text
    shell.run.send(f"write spin {let_go:#x} 1\r")
    shell.run.expect("spin: let go after 2 NMIs")
    assert shell.run.status() == 1


def test_looking_into_a_guest(spin):
    shell, let_go, nmis, _ = spin
    regs, sregs = shell("regs spin"), shell("sregs spin")
    assert value_of(sregs, "efer") & 0x500 == 0x500 and value_of(sregs, "cr0") & 0x80000001 == 0x80000001
    assert re.search(r"^cs +\w+ base 0x0+ .* 64-bit", sregs, re.MULTILINE)
    walk = shell(f"walk spin {let_go:#x}")
    assert walk.count("at gpa") >= 3 and f"-> gpa {let_go:#x}" in walk
    hpa = re.search(rf"gpa {let_go:#x} -> hpa (0x[0-9a-f]+)", walk)[1]
    assert "no RAM (a device, or nothing)" in shell("walk spin gpa:0xfee00000")
    assert "not present" in shell("walk spin 0x7fffffffffff")
    # One place by its three addresses.
    shell("write spin gpa:0x8000 0x1122334455667788")
    assert "88 77 66 55 44 33 22 11" in shell("x spin gpa:0x8000 8")
    assert "88 77 66 55 44 33 22 11" in shell("x spin 0x8000 8")
    host = int(hpa, 16) - let_go + 0x8000
    assert "88 77 66 55" in shell(f"x host {host:#x} 8")
    shell(f"write host {host:#x} 0xabcd 2")
    assert "cd ab 66 55" in shell("x spin gpa:0x8000 8")
    assert "not readable" in shell("x host 0xfee00000") and "not writable" in shell("write host core_main 1")
    assert "not readable" in shell("x spin gpa:0xfee00000")
    # A register is written while the guest is out, and read back.
    shell("pause spin")
    shell("set spin r15 0x1234+1")
    assert value_of(shell("regs spin"), "r15") == 0x1235
    assert "cannot take" in shell("set spin cr3 0")
    shell("resume spin")
    block = shell("vmcb spin")
    assert re.search(r"^cr0 +0x\w+ pe .*pg", block, re.MULTILINE) and re.search(r"^exitcode +0x\w+ +\w", block, re.MULTILINE)
    assert f"{value_of(sregs, 'cr3'):016x}" in re.search(r"^cr3 +0x(\w+)", block, re.MULTILINE)[1]
    assert "try vmcb" in shell("vmcs spin")
    assert value_of(regs, "rsp") != 0
    finish(shell)


def test_the_machine(spin):
    shell, *_ = spin
    assert "cpu 0" in shell("cpu") and "free: " in shell("mem") and "host NMIs: 0 taken" in shell("irqs")
    assert "cpu: APIC ID 0" in shell("acpi") and re.search(r"Latch [0-9.]+, build [0-9a-f]{40}", shell("version"))
    assert "core_main+0x4" in shell("sym core_main+4")
    shell("log level warn")
    shell("ipi spin 0x50")
    assert "no such line" in shell("irq spin 99") and shell("irq spin 4") == ""
    assert "no interrupt has that number" in shell("ipi spin 3")
    saved = shell("events save spin").strip()
    assert re.fullmatch("[0-9a-f]{80}", saved)
    assert "loaded" in shell("events load spin " + saved)
    assert "loaded" not in shell("events load spin " + saved[:-2])
    assert re.search(r"log vm spin vcpu 0: inject-log version", shell("log spin"))
    finish(shell)


def test_life(spin):
    shell, *_ = spin
    assert re.search(r"vm spin paused after \d+ us", shell("pause spin"))
    assert re.search(r"0 spin +paused", shell("vms"))
    # Nothing of it runs.
    first = value_of(shell("regs spin"), "rip")
    exits = re.search(r"spin +\.0 +0 held +(\d+)", shell("vcpus spin"))
    assert exits and exits[1] == "0" and value_of(shell("regs spin"), "rip") == first
    shell("resume spin")
    assert "running" in shell("vms")
    shell.run.send("reset spin\r")
    shell.run.expect("latch: vm spin ended: reset: by the shell")
    shell.run.expect(r"latch: vm spin restarts")
    shell.run.expect(r"spin: ready")
    shell.run.send("stop spin\r")
    shell.run.expect("latch: vm spin ended: stopped: by the shell")
    shell.run.send("start spin\r")
    shell.run.expect(r"spin: ready")
    finish(shell)


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


def test_breakpoints(spin):
    """Hardware breakpoint, watchpoint, single steps; the guest runs on undisturbed."""
    shell, let_go, nmis, handler = spin
    assert shell(f"break spin {handler:#x}") == ""
    shell.run.send("nmi spin\r")
    shell.run.expect(rf'latch: vm spin vcpu 0: break {handler:#x}; held until "continue spin"')
    shell.run.send("\x03\r")
    shell.run.expect(PROMPT)
    shell("version")
    assert value_of(shell("regs spin"), "rip") == handler and "held" in shell("vms")
    first, second = re.findall(r"RIP (0x[0-9a-f]+)", shell("step spin 2"))
    assert handler < int(first, 16) < handler + 16 and first != second
    assert shell(f"watch spin {nmis:#x} 8") == ""
    shell.run.send("continue spin\r")
    shell.run.expect(rf"latch: vm spin vcpu 0: watch {nmis:#x}; held")
    shell.run.send("\r")
    shell.run.expect(PROMPT)
    shell("unbreak spin")
    shell("vcpus")
    assert "running" in shell("vms")
    shell.run.send(f"write spin {let_go:#x} 1\r")
    shell.run.expect("spin: let go after 1 NMIs")
    assert shell.run.status() == 1


def test_editing_and_arguments(spin):
    shell, *_ = spin
    help_text = shell("help")
    names = re.findall(r"^([a-z]+(?: [a-z]+)?) {2,}", help_text, re.MULTILINE)
    assert len(names) > 35
    for name in names:
        assert shell(f"help {name}").startswith(name), name
        if name not in ("help",):
            wrong = shell(f"{name} !! 1 1 1 1")
            assert f"usage: {name}" in wrong and wrong.strip().count("\n") == 0, name
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
    # Long output stops at Ctrl-C, and at pages.
    shell.run.send("x spin 0x100000 65536\r")
    shell.run.expect("0000000000100100 ")
    shell.run.send("\x03")
    shell.run.expect(r"\^C")
    shell.run.expect(PROMPT)
    shell("page 10")
    shell.run.send("help\r")
    shell.run.expect("--more--")
    shell.run.send(" ")
    shell.run.expect("--more--")
    shell.run.send("q")
    shell.run.expect(PROMPT)
    shell("page 0")
    finish(shell)


def test_panic_report(spin):
    shell, *_ = spin
    shell("trace on")
    shell("vcpus")
    shell.run.send("panic really\r")
    shell.run.expect("latch: PANIC asked for at the shell")
    shell.run.expect("backtrace:")
    shell.run.expect("shell_panic")
    shell.run.expect("sched_loop")
    shell.run.expect(r"latch: trace cpu 0 at \d+ for \d+ exit \S+ vm spin vcpu 0 pc 0x[0-9a-f]+")
    shell.run.expect(r"latch: Latch [0-9.]+, build [0-9a-f]{16}")
    assert shell.run.status() == 70


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
    for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).split("\n"):
        if "atch" not in line:
            tag, rest = re.match(r"(?:\[(\w+)\] )?(.*)", line).groups()
            said[tag or "one"] += rest
    for stream in said.values():
        check_flood(re.findall(r"flood \d{5} [0-9a-f]{8}", stream))
    run.send("\rpoweroff\r")
    assert run.status() == 0


def test_kept_output(console, latch_image, guest):
    """mux=off: a background's output stays in its ring, what did not fit is counted, and the count is right."""
    run = console("--hv", "mux=off escape=^A", "--vm", f"name=one,kernel={guest},mem=64M,cmdline=flood {FLOOD_LINES}",
                  "--vm", f"name=two,kernel={guest},mem=64M,cmdline=flood {FLOOD_LINES}")
    quiet = run.expect("flood: done")
    assert "[two]" not in quiet
    check_flood(re.findall(r"flood \d{5} [0-9a-f]{8}", quiet))
    shell = Shell(run, "\x01")
    while "halted" not in shell("vcpus two"):
        pass
    run.send("\x011")
    run.expect(r"console: two said more than was kept: (\d+) bytes lost")
    lost = int(run.child.match[1])
    kept = run.expect("flood: done [0-9a-f]{8}\r\n")
    whole = 0
    total = 0
    for number in range(FLOOD_LINES):
        line, total = flood_line(number, total)
        whole += len(line) + 2
    whole += len(f"flood: done {total:08x}") + 2
    assert lost == whole - 4096
    assert f"flood {FLOOD_LINES - 1:05d}" in kept
    run.send("\x01spoweroff\r")
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
