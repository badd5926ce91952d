# SPDX-License-Identifier: BSD-2-Clause
"""GDB and the console on one serial line: the launcher and tools/gdb-mux part them; stock GDB on arm64 guests."""
import os
import re
import socket
import subprocess
import sys

import pexpect
import pytest

import harness
import test_gdb
from debugger import Gdb, free_port, go_through_everything

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))

from launchlib import gdbmux  # noqa: E402

ARM64_DEBUGGEE = os.path.join(harness.BUILD, "guests", "arm64-debuggee.img")
LINUX = os.path.join(harness.BUILD, "guests", "arm64")
GDB = "gdb-multiarch"
COMPLAINTS = ("BUG:", "WARNING:", "Oops", "Call trace", "Unexpected", "soft lockup")
NUMBERS = 3000


def arm64_debuggee():
    """The argument of --vm."""
    return f"name=debuggee,kernel={harness.require(ARM64_DEBUGGEE, 'make guests-arm64')},mem=64M"


def gdb_on_debuggee(run, port):
    """GDB with the guest's symbols, attached where the guest runs."""
    run.expect(r"DEBUGGEE inner 0x([0-9a-f]+) ")
    inner = int(run.child.match[1], 16)
    run.expect("DEBUGGEE runs")
    gdb = Gdb(port, name=GDB)
    nm = subprocess.run(["nm", f"{ARM64_DEBUGGEE}.elf"], capture_output=True, text=True, check=True).stdout
    linked = int(re.search(r"^([0-9a-f]+) \w inner$", nm, re.MULTILINE)[1], 16)
    gdb(f"symbol-file {ARM64_DEBUGGEE}.elf -o {inner - linked:#x}")
    return gdb


def test_arm64_guest_notices_nothing(console, latch_arm64):
    port = free_port()
    run = console("--arch", "arm64", "--gdb-guest", str(port), "--vm", arm64_debuggee())
    gdb = gdb_on_debuggee(run, port)
    go_through_everything(gdb, "0xd4200000")
    gdb("delete")
    start = gdb.number("$pc")
    gdb("stepi")
    assert gdb.number("$pc") == start + 4
    gdb("break outer")
    assert "outer" in gdb("continue")
    gdb("delete")
    gdb("stepi 100")  # through steps, breakpoints and handlers of the guest's own
    assert gdb.number("$sctlr") & 1 == 0
    test_gdb.use_vector_register(gdb, "v3", "inner")
    gdb("set var end_now = 1")
    gdb.leave()
    run.expect("DEBUGGEE-END noticed 0\r")
    assert run.status() == 0


def symbol_file(folder, table):
    """An ELF file with these functions at their places, and nothing else in it."""
    base = min(table.values())
    lines = ['.section .kernel, "ax", %nobits'] + [f".org {at - base:#x}\n.globl {name}\n.type {name}, %function\n{name}:"
                                                   for name, at in sorted(table.items(), key=lambda item: item[1])]
    source, made, linked = (str(folder / name) for name in ("k.S", "k.o", "k"))
    with open(source, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n.skip 4096\n")
    subprocess.run(["aarch64-linux-gnu-as", source, "-o", made], check=True)
    subprocess.run(["aarch64-linux-gnu-ld", made, "-o", linked, "-e", "0", f"--section-start=.kernel={base:#x}"], check=True)
    return linked


def test_arm64_linux_with_two_cpus(console, latch_arm64, tmp_path):
    kernel, initrd = (harness.require(os.path.join(LINUX, file), "tools/bootstrap arm64") for file in ("vmlinuz", "initrd"))
    port = free_port()
    run = console("--arch", "arm64", "--cpus", "2", "--gdb-guest", str(port), "--vm",
                  f"name=linux,kernel={kernel},initrd={initrd},cpus=2,mem=512M,cmdline=console=ttyAMA0 nokaslr hostname=linux")
    run.expect_shell()
    table = test_gdb.symbols(run, "do_sys_openat2", "__arm64_sys_openat", "invoke_syscall")
    gdb = Gdb(port, name=GDB)
    gdb(f"symbol-file {symbol_file(tmp_path, table)}")
    threads = re.findall(r"^[* ] +(\d) +Thread (\d) \(linux vCPU (\d)\)", gdb("info threads"), re.MULTILINE)
    assert threads == [("1", "1", "0"), ("2", "2", "1")]

    # A function of the kernel, entered by a system call that the shell makes for us.
    gdb("break *do_sys_openat2")
    gdb.go()
    run.send("cat /proc/version\n")
    gdb.child.expect(r"Breakpoint 1,")
    gdb.child.expect(r"\(gdb\) $")
    assert gdb.number("$pc") == table["do_sys_openat2"]
    assert gdb.number("$cpsr") & 0xF == 5  # EL1h
    caller = gdb.number("$x30")
    assert 0 < caller - table["__arm64_sys_openat"] < 0x200, hex(caller)
    frames = re.findall(r"^#\d .*?(?: in )?(\w+) \(", gdb("backtrace"), re.MULTILINE)
    assert frames[:2] == ["do_sys_openat2", "__arm64_sys_openat"], frames  # without debug information no more is sure
    caller = gdb.number("((long *)$x29)[1]")
    assert 0 < caller - table["invoke_syscall"] < 0x200, hex(caller)
    assert "/" in gdb("x/s $x1")  # the file's name, by a user's pointer
    gdb("delete")
    # The tick is long due, and interrupts are open: it waits for the end of the step.
    assert gdb.number("$cpsr") & 0x80 == 0
    gdb("stepi")
    assert gdb.number("$pc") == table["do_sys_openat2"] + 4

    # The function's frame record, which its first instructions write.
    code = gdb("x/20i $pc")
    size = int(re.search(r"sub\s+sp, sp, #(0x[0-9a-f]+)", code)[1], 16)
    record = gdb.number("$sp") - size + int(re.search(r"stp\s+x29, x30, \[sp, #(\d+)\]", code)[1])
    frame = gdb.number("$x29")
    gdb(f"watch *(long *){record:#x}")
    assert "Hardware watchpoint 2" in gdb("continue")
    assert gdb.number(f"*(long *){record:#x}") == frame
    gdb("delete")
    start = gdb.number("$pc")
    gdb("stepi 5")
    assert gdb.number("$pc") != start
    gdb.go()
    assert "SIGINT" in gdb.interrupt()
    assert "Thread 2" in gdb("thread 2")
    assert gdb.number("$ttbr1") != 0

    # Both at once on the line: the console loses nothing, gets nothing that is not its own, in order.
    gdb.go()
    run.run("")
    run.send(f"seq 1 {NUMBERS}\n")
    for _ in range(4):
        assert "SIGINT" in gdb.interrupt()
        assert "0x" in gdb("x/200xb $sp")
        gdb.go()
    gdb.interrupt()
    gdb.leave()
    numbers = re.findall(r"^\d+$", run.expect(rf"\n{NUMBERS}\r\n(?={harness.PROMPT})"), re.MULTILINE)
    assert numbers[-(NUMBERS - 1):] == [str(i) for i in range(1, NUMBERS)]
    run.expect(harness.PROMPT)
    log = run.run("dmesg")
    assert not [word for word in COMPLAINTS if word in log], log
    run.send("poweroff -f\n")
    assert run.status() == 0


def test_pc_with_one_line(console, latch_image):
    harness.require(f"{harness.BUILD}/guests/debuggee.elf", "make guests")
    port = free_port()
    run = console("--hv", "gdb=console:debuggee escape=^A", "--gdb-guest", str(port), "--vm", test_gdb.debuggee())
    run.expect("DEBUGGEE runs")
    gdb = Gdb(port, f"{harness.BUILD}/guests/debuggee.elf.64")
    go_through_everything(gdb, "0xcc")
    test_gdb.end_guest(gdb, run)
    assert run.status() == 1


@pytest.mark.parametrize("arguments, status", [(("--until", "DEBUGGEE runs"), 0), (("--timeout", "3"), 124)])
def test_launcher_goes_on_as_ever(launch, latch_arm64, arguments, status):
    """Its other ways to end, with a port for debuggers open."""
    run = launch("--arch", "arm64", "--gdb-guest", str(free_port()), *arguments, "--vm", arm64_debuggee())
    assert run.status == status, run
    assert "\x1b_" not in run.output, run


def test_frames_come_apart_wherever_they_are_cut():
    """What reads the line: the same whatever pieces it comes in; what looks like a frame's beginning is not lost."""
    line = b"one\x1b[K\x1b_\x1eg$OK#9a\x1b\\two\x1b_\x1eg\x1b\\\x1b_x\x1b\x1b_\x1eg+\x1b\\three"
    for size in range(1, len(line)):
        parter, console, debugger = gdbmux.FromLine(), b"", b""
        for at in range(0, len(line), size):
            parts = parter.feed(line[at:at + size])
            console, debugger = console + parts[0], debugger + parts[1]
        assert (console, debugger) == (b"one\x1b[Ktwo\x1b_x\x1bthree", b"$OK#9a+"), size
    packer = gdbmux.ToLine()
    assert packer.feed(b"+$X0,2:#") + packer.feed(b"0") == b"\x1dg+"
    assert packer.feed(b"a\x03") == b"\x1dg$X0,2:#0a\x1dg\x03"
    typed = gdbmux.Typed()
    assert typed.feed(b"a\x1d") + typed.feed(b"s") + typed.feed(b"\x1d\x1d") == b"a\x1ds\x1d\x1d"


@pytest.fixture
def line(request):
    """A machine behind a TCP port, as behind a terminal server: (port, the process), which starts with the first caller."""
    server = socket.create_server(("127.0.0.1", 0))
    started = []

    def start(*arguments):
        connection, _ = server.accept()
        started.append(subprocess.Popen([harness.LAUNCH, *arguments], stdin=connection, stdout=connection,
                                        stderr=subprocess.DEVNULL))
        connection.close()
        return started[0]

    yield server.getsockname()[1], start
    server.close()
    for process in started:
        process.terminate()
        process.wait(30)


def test_gdb_mux(line, latch_arm64):
    """The tool on a line: console on its own terminal, gdb on its port; the shell's escape goes through."""
    line_port, start = line
    port = free_port()
    mux = pexpect.spawn(os.path.join(harness.ROOT, "tools", "gdb-mux"), [f"127.0.0.1:{line_port}", "--port", str(port)],
                        timeout=harness.PATIENCE_S, echo=False, encoding="latin-1")
    machine = start("--arch", "arm64", "--hv", "gdb=console", "--timeout", "300", "--vm", arm64_debuggee())
    mux.expect(r"inner 0x([0-9a-f]+) ")
    inner = int(mux.match[1], 16)
    mux.expect("DEBUGGEE runs")
    gdb = Gdb(port, name=GDB)
    gdb(f"break *{inner:#x}")
    assert "Breakpoint 1" in gdb("continue")
    mux.send("\x1ds")
    mux.expect("latch> ")
    mux.send("vms\r")
    mux.expect("held by the debugger|held")
    assert gdb.number("$pc") == inner
    gdb("delete")
    gdb.leave()
    mux.send("poweroff\r")
    mux.expect(pexpect.EOF)
    assert machine.wait(harness.PATIENCE_S) == 0


def test_gdb_mux_on_a_device():
    """A serial device, made raw: what the machine sends comes apart, what a debugger sends is packed."""
    master, slave = os.openpty()
    port = free_port()
    mux = pexpect.spawn(os.path.join(harness.ROOT, "tools", "gdb-mux"), [os.ttyname(slave), "--port", str(port), "--escape", "^B"],
                        timeout=harness.PATIENCE_S, echo=False)
    mux.expect(f"gdb-mux: port {port} is open\r\n")
    debugger = socket.create_connection(("127.0.0.1", port))
    with debugger:
        debugger.sendall(b"$g#67\x03")
        got = b""
        while len(got) < 10:
            got += os.read(master, 100)
        assert got == b"\x02g$g#67\x02g\x03"
        os.write(master, b"a\n\x1b_\x1eg$00#60\x1b\\b\r\n")
        mux.expect("a\nb\r\n")
        assert debugger.recv(100) == b"$00#60"
    mux.send("\x01x")
    mux.expect(pexpect.EOF)
    os.close(master)
    os.close(slave)
