# SPDX-License-Identifier: BSD-2-Clause
"""Stock GDB attached to guests: a guest that looks for traces of it, and Debian's kernel."""
import re
import subprocess

import pytest

import harness
from debugger import Gdb, free_port, go_through_everything


@pytest.fixture
def program():
    """The guest that looks for traces, with its symbols."""
    harness.require(f"{harness.BUILD}/guests/debuggee.elf", "make guests")
    return f"{harness.BUILD}/guests/debuggee.elf.64"


def debuggee(words="mem=64M"):
    """The argument of --vm."""
    return f"name=debuggee,kernel={harness.BUILD}/guests/debuggee.elf,{words}"


def look_at_system_registers(gdb):
    """In 64-bit mode."""
    assert gdb.number("$cr0") & 0x80000001 == 0x80000001
    assert gdb.number("$efer") & 0x500 == 0x500


def go_in_steps(gdb):
    """Single steps, the guest standing at middle()."""
    start = gdb.number("$pc")
    stack = gdb.number("$sp")
    assert start == gdb.number("(long)&middle")
    gdb("stepi")
    assert gdb.number("$pc") == gdb.number("(long)&inner") and gdb.number("$sp") == stack - 8
    assert start < gdb.number("*(long *)$sp") < start + 16
    assert "Value returned is" in gdb("finish")
    gdb("delete")
    # Through MOV DR, CPUID, PUSHF, POPF with the guest's own TF, its #DB handler, INT3.
    gdb("stepi 200")


def use_vector_register(gdb, name, breakpoint_at):
    """What a debugger writes there is there when the guest has run, and is not in the others."""
    assert "<unavailable>" not in gdb(f"info registers {name}")
    gdb(f"set var ${name}.v2_int64[1] = 0x1122334455667788")
    gdb(f"break {breakpoint_at}")
    gdb("continue")
    assert gdb.number(f"${name}.v2_int64[1]") == 0x1122334455667788
    assert gdb.number(f"${name}.v2_int64[0]") == 0
    assert gdb.number(f"${name[:-1]}5.v2_int64[1]") == 0
    gdb("delete")


def use_wide_registers(gdb):
    """The upper halves of AVX registers: what the guest has put there, and what a debugger does."""
    assert [gdb.number(f"$ymm0.v4_int64[{i}]") for i in range(4)] == [0x1111, 0x2222, 0x3333, 0x4444]
    assert gdb.number("$ymm9.v4_int64[3]") == 0
    gdb("set var $ymm9.v4_int64[3] = 0x1122334455667788")
    gdb("break inner")
    gdb("continue")
    assert [gdb.number(f"$ymm9.v4_int64[{i}]") for i in range(4)] == [0, 0, 0, 0x1122334455667788]
    assert gdb.number("$ymm0.v4_int64[3]") == 0x4444 and gdb.number("$ymm8.v4_int64[3]") == 0
    gdb("delete")


def end_guest(gdb, run):
    """The guest says whether it has noticed anything."""
    gdb("set var end_now = 1")
    gdb.leave()
    run.expect("DEBUGGEE-END noticed 0\r")


def test_a_guest_notices_nothing(console, latch_image, program):
    port = free_port()
    run = console("--gdb-guest", str(port), "--vm", debuggee())
    run.expect("DEBUGGEE runs")
    gdb = Gdb(port, program)
    go_through_everything(gdb, "0xcc")
    look_at_system_registers(gdb)
    go_in_steps(gdb)
    use_vector_register(gdb, "xmm3", "inner")
    use_wide_registers(gdb)
    assert gdb.number("$mxcsr") == 0x1F80 and gdb.number("$fctrl") == 0x40  # as at power-on
    gdb("set var $fctrl = 0x27f")
    assert "Could not write" in gdb("set var $mxcsr = 0x80000000")
    gdb("stepi")
    assert gdb.number("$fctrl") == 0x27F and gdb.number("$mxcsr") == 0x1F80
    end_guest(gdb, run)
    assert run.status() == 1


def test_a_guest_notices_nothing_on_intel(console, latch_image, program):
    port = free_port()
    run = console("--emu", "bochs-vmx", "--cpu", "corei7_icelake_u", "--gdb-guest", str(port), "--vm", debuggee())
    run.expect("DEBUGGEE runs")
    gdb = Gdb(port, program)
    # No steps here: this emulator takes the exit that the monitor trap flag asks for only after an injected event,
    # else at the next exit of another kind. Where GDB steps over a breakpoint that is late, but early enough.
    go_through_everything(gdb, "0xcc")
    look_at_system_registers(gdb)
    use_vector_register(gdb, "xmm3", "inner")
    before = gdb.number("$pc")
    gdb("stepi")
    assert gdb.number("$pc") != before
    end_guest(gdb, run)


def test_interrupt_detach_and_sudden_death(console, latch_image, program):
    port = free_port()
    run = console("--gdb-guest", str(port), "--vm", debuggee())
    run.expect("DEBUGGEE runs")
    gdb = Gdb(port, program)
    gdb.go()
    assert "SIGINT" in gdb.interrupt()
    gdb("break inner")
    gdb("watch counter")
    assert "inner" in gdb("continue")
    gdb.die()
    # The next one finds a VM that stands, and nothing of what the other had set.
    gdb = Gdb(port, program)
    assert "0xcc" not in gdb("x/4xb inner")
    gdb.go()
    run.expect("DEBUGGEE runs")
    gdb.die()
    # ... or one that runs.
    gdb = Gdb(port, program)
    gdb("set var end_now = 0")
    gdb.leave()
    run.expect("DEBUGGEE runs")
    gdb = Gdb(port, program)
    assert "debuggee" in gdb("monitor vms")
    gdb("monitor nonsense")
    end_guest(gdb, run)
    assert run.status() == 1


# --- Linux -----------------------------------------------------------------------------------------------------

def symbols(run, *names):
    """Addresses out of the guest's own table."""
    pattern = "|".join(names)
    lines = run.run(f"grep -E ' ({pattern})$' /proc/kallsyms").splitlines()
    found = {line.split()[2]: int(line.split()[0], 16) for line in lines if len(line.split()) == 3}
    assert sorted(found) == sorted(names), lines
    return found


def test_linux_with_two_cpus(console, latch_image, linux):
    port = free_port()
    run = console("--cpus", "2", "--gdb-guest", str(port), "--vm",
                  linux.vm(kernel=linux.elf, words="mem=512M,cpus=2", cmdline="console=ttyS0 nokaslr"))
    run.expect_shell()
    table = symbols(run, "do_sys_openat2", "do_sys_open", "__x64_sys_openat", "jiffies_64", "tick_do_update_jiffies64")
    gdb = Gdb(port)
    threads = re.findall(r"^[* ] +(\d) +Thread (\d) \(linux vCPU (\d)\)", gdb("info threads"), re.MULTILINE)
    assert threads == [("1", "1", "0"), ("2", "2", "1")]

    # A function of the kernel, entered by a system call that the shell makes for us.
    gdb(f"break *{table['do_sys_openat2']:#x}")
    gdb.go()
    run.send("cat /proc/version\n")
    gdb.child.expect(r"hit Breakpoint 1|Breakpoint 1,")
    gdb.child.expect(r"\(gdb\) $")
    assert gdb.number("$pc") == table["do_sys_openat2"]
    assert gdb.number("$cs") & 3 == 0
    # The caller's address is on the stack: inside one of the two that call it.
    caller = gdb.number("*(long *)$sp")
    assert any(0 < caller - table[name] < 0x200 for name in ("do_sys_open", "__x64_sys_openat")), hex(caller)
    backtrace = gdb("backtrace 2")
    assert f"{caller:#x}".replace("0x", "0x") in backtrace.replace("0x0000", "0x"), backtrace
    # The file's name, by a user's pointer.
    assert "/" in gdb("x/s $rsi")
    gdb("delete")

    gdb(f"watch *(long *){table['jiffies_64']:#x}")
    before = gdb.number(f"*(long *){table['jiffies_64']:#x}")
    text = gdb("continue")
    assert "Hardware watchpoint 2" in text, text
    assert gdb.number(f"*(long *){table['jiffies_64']:#x}") > before
    gdb("delete")

    start = gdb.number("$pc")
    gdb("stepi 5")
    assert gdb.number("$pc") != start
    gdb.go()
    assert "SIGINT" in gdb.interrupt()
    assert "linux vCPU 1" in gdb("thread 2") or "Thread 2" in gdb("thread 2")
    assert gdb.number("$cr3") != 0
    gdb.leave()

    assert "Linux version" in run.run("") + run.run("cat /proc/version")
    log = run.run("dmesg")
    for word in ("BUG:", "Oops", "int3:", "Call Trace", "general protection"):
        assert word not in log, log
    run.send("poweroff -f\n")
    assert run.status() == 0


# --- The shell's own words -------------------------------------------------------------------------------------

def test_break_watch_and_step_in_the_shell(console, latch_image, program):
    addresses = {}
    for line in subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout.splitlines():
        address, _, name = line.partition(" ")
        addresses[name.split()[-1]] = int(address, 16)
    run = console("--vm", debuggee())
    run.expect("DEBUGGEE runs")
    run.send("\x1ds")
    prompt = "latch> "
    run.expect(prompt)

    def ask(command):
        run.send(command + "\r")
        run.expect(re.escape(command) + "\r\n")
        return run.expect(prompt)

    ask(f"break debuggee {addresses['inner']:#x}")
    run.expect(f"break 0x{addresses['inner']:x}; held")
    assert re.search(rf"rip +(0x)?0*{addresses['inner']:x}", ask("regs debuggee")), "stands elsewhere"
    assert f"{addresses['inner']:x}" in ask("break debuggee")
    steps = re.findall(r"RIP 0x([0-9a-f]+)", ask("step debuggee 2"))
    assert len(steps) == 2 and addresses["inner"] < int(steps[0], 16) < int(steps[1], 16) < addresses["inner"] + 16
    ask("unbreak debuggee")
    ask(f"watch debuggee {addresses['counter']:#x} 8")
    run.expect(f"watch 0x{addresses['counter']:x}; held")
    assert "aligned" in ask(f"watch debuggee {addresses['counter'] + 1:#x} 8")
    ask("continue debuggee")
    run.expect(f"watch 0x{addresses['counter']:x}; held")
    assert "held by" not in ask("continue debuggee")
    run.expect(f"watch 0x{addresses['counter']:x}; held")
    ask(f"write debuggee {addresses['end_now']:#x} 1")
    ask("unbreak debuggee")
    run.expect("DEBUGGEE-END noticed 0\r")
