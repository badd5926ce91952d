# SPDX-License-Identifier: BSD-2-Clause
"""Debian's unmodified kernel on Latch, to a shell and back."""
import hashlib
import random
import re
import time

import pytest

import harness

MIB = 1 << 20
# A character costs the emulator several exits of 20 us and more; the machine may be shared.
SLOW_S = 900
END_RECORD = r"latch: vm linux ended: {}"
# As a test of what reaches a guest: Linux ignores words it does not know.
ODD_WORDS = 'a.b="two words" c.d=\'x\' e.f=$HOME g.h=\\n i.j={k} l.m=a,b;c'


def boot(console, linux, *arguments, **vm):
    """Linux at its prompt. The ELF kernel takes a third of the bzImage's time."""
    run = console(*harness.NATIVE, *arguments, "--vm", linux.vm(**{"kernel": linux.elf, **vm}))
    run.expect_shell()
    return run


def power_off(run):
    """Ends Linux and expects the record and the exit status."""
    run.send("poweroff -f\n")
    if not harness.NATIVE:
        run.expect(END_RECORD.format("poweroff"))
    assert run.status() == 0


@pytest.fixture(autouse=True)
def _image(latch_image):
    """Every test here needs Latch."""


def test_shell_session(console, linux):
    run = boot(console, linux, kernel=linux.bzimage)
    assert re.match(r"Linux 6\.1\.\S+ x86_64$", run.run("uname -srm").strip())
    interrupts = run.run("cat /proc/interrupts")
    assert re.search(r"^ *4: +[1-9][0-9]* +IO-APIC +4-edge +ttyS0", interrupts, re.MULTILINE), interrupts
    assert re.search(r"^ *LOC: +[1-9]", interrupts, re.MULTILINE), interrupts
    assert run.run("cat /proc/cmdline").strip().endswith("console=ttyS0 hostname=linux")
    memory = int(re.search(r"MemTotal: +(\d+) kB", run.run("head -1 /proc/meminfo"))[1])
    assert 400 << 10 < memory <= 512 << 10
    assert "hypervisor" in run.run("grep -m1 flags /proc/cpuinfo") or harness.NATIVE
    assert " svm" not in run.run("grep -m1 flags /proc/cpuinfo") or harness.NATIVE
    power_off(run)


def test_kernel_log_has_no_complaint(console, linux):
    run = boot(console, linux)
    log = run.run("dmesg")
    for word in ("BUG:", "WARNING:", "Oops", "Call Trace", "soft lockup", "clocksource: Marking", "spurious"):
        assert word not in log, log
    power_off(run)


def test_time_passes_as_it_should(console, linux):
    run = boot(console, linux)
    started = time.monotonic()
    before = float(run.run("cat /proc/uptime").split()[0])
    run.run("sleep 3")
    after = float(run.run("cat /proc/uptime").split()[0])
    elapsed = time.monotonic() - started
    assert 3 <= after - before <= elapsed + 0.5
    power_off(run)


def test_mebibyte_out_of_the_console(console, linux):
    run = boot(console, linux)
    wanted = run.run("dd if=/dev/urandom of=/tmp/f bs=1k count=780 2>/dev/null; base64 /tmp/f | sha256sum").split()[0]
    run.send("echo; base64 /tmp/f; echo --end--\n")
    run.expect("\r\n\r\n")
    text = run.expect("--end--\r\n", timeout=SLOW_S)  # no word that base64 could spell
    run.expect(harness.PROMPT)
    assert len(text) > MIB
    assert hashlib.sha256(text.encode()).hexdigest() == wanted
    power_off(run)


def test_quarter_mebibyte_into_the_console(console, linux):
    run = boot(console, linux)
    chance = random.Random(1)
    lines = ["%0128x" % chance.getrandbits(512) for _ in range(MIB // 4 // 129 + 1)]
    data = "\n".join(lines) + "\n"
    assert len(data) >= MIB // 4
    run.send("stty -echo; echo READY; sha256sum | sed 's/ .*/ SUM/'; stty echo\n")
    run.expect("READY\r\n")
    # A terminal's line buffer takes 4095 bytes and drops the rest: the guest's side must keep up by flow control.
    for start in range(0, len(data), 1 << 14):
        run.send(data[start:start + (1 << 14)])
    run.send("\x04")
    printed = run.expect(" SUM\r\n", timeout=SLOW_S)
    assert printed.split()[-1] == hashlib.sha256(data.encode()).hexdigest()
    run.expect(harness.PROMPT)
    power_off(run)


def test_control_c_and_job_control(console, linux):
    run = boot(console, linux)
    run.send("echo started; sleep 1000\n")
    run.expect("\nstarted\r\n")
    run.send("\x03")
    run.expect(harness.PROMPT)
    assert "no job control" not in run.run("sleep 2 & kill %1; wait; echo done")
    power_off(run)


def test_reboot_starts_the_guest_again(console, linux):
    if harness.NATIVE:
        pytest.skip("the emulator ends at a reset")
    run = boot(console, linux, kernel=linux.bzimage)
    run.run("touch /root/here")
    run.send("reboot -f\n")
    run.expect(END_RECORD.format("reset"))
    run.expect_shell()
    assert "here" not in run.run("ls /root").split()
    power_off(run)


def test_many_reboots_cost_no_memory(console, linux):
    if harness.NATIVE:
        pytest.skip("the emulator ends at a reset")
    run = boot(console, linux)
    free = set()
    for _ in range(5):
        run.send("reboot -f\n")
        run.expect(r"vm linux restarts, \d+ KiB free")
        free.add(run.child.after)
        run.expect_shell()
    assert len(free) == 1, free
    power_off(run)


def test_leaving_the_shell_powers_off(console, linux):
    run = boot(console, linux)
    run.send("exit\n")
    assert run.status() == 0


def test_debug_exit_is_the_exit_status(console, linux):
    run = boot(console, linux)
    run.send("mknod /tmp/port c 1 4; printf '\\005' | dd of=/tmp/port bs=1 seek=244 2>/dev/null\n")
    if not harness.NATIVE:
        run.expect(END_RECORD.format("debug-exit code=5"))
    assert run.status() == 11


def test_elf_kernel_by_its_pvh_note(console, linux):
    run = boot(console, linux, kernel=linux.elf)
    assert "x86_64" in run.run("uname -m")
    power_off(run)


def test_boot_through_uefi(console, linux):
    run = boot(console, linux, "--uefi", kernel=linux.bzimage)
    power_off(run)


def test_command_line_arrives_unchanged(console, linux):
    cmdline = f"console=ttyS0 {ODD_WORDS}"
    run = boot(console, linux, cmdline=cmdline)
    assert run.run("cat /proc/cmdline").strip().endswith(f"{cmdline} hostname=linux")
    power_off(run)


@pytest.mark.parametrize("mem", ["96M", "3G", "5G"])
def test_memory_sizes(console, linux, mem):
    """5G reaches over the hole below 4 GiB on both sides of the fence: guest-physical and host-physical."""
    run = boot(console, linux, words=f"mem={mem}")
    size = {"96M": 96 << 10, "3G": 3 << 20, "5G": 5 << 20}[mem]
    total = int(re.search(r"MemTotal: +(\d+) kB", run.run("head -1 /proc/meminfo"))[1])
    assert 0.4 * size < total <= size
    power_off(run)


def test_two_machines_at_once(console, linux):
    if harness.NATIVE:
        pytest.skip("one machine is all there is without Latch")
    run = console("--vm", linux.vm(name="one", kernel=linux.elf, words="mem=128M", cmdline="console=ttyS0 quiet"),
                  "--vm", linux.vm(name="two", kernel=linux.elf, words="mem=160M", cmdline="console=ttyS0 quiet"))
    # They boot side by side, so whose prompt comes first is open; lines of the one in the background carry its name.
    run.expect("\none:/root# ")
    run.send("\x1d1")
    run.send("\n")
    run.expect("\ntwo:/root# ")
    run.send("poweroff -f\n")
    run.expect("latch: vm two ended: poweroff")
    run.send("\x1d0")
    run.send("\n")
    run.expect("\none:/root# ")
    assert "MemTotal" in run.run("head -1 /proc/meminfo")
    run.send("poweroff -f\n")
    run.expect("latch: vm one ended: poweroff")
    assert run.status() == 0
