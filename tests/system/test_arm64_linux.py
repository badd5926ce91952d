# SPDX-License-Identifier: BSD-2-Clause
"""Debian's unmodified arm64 kernel on Latch: to a shell and back on each kind of CPU, two vCPUs."""
import os
import re

import pytest

import harness

IMAGE = os.path.join(harness.BUILD, "arm64", "Image")
FOLDER = os.path.join(harness.BUILD, "guests", "arm64")
COMPLAINTS = ("BUG:", "WARNING:", "Oops", "Call trace", "soft lockup", "rcu_sched detected", "clocksource: Marking", "spurious")
# CPU of the machine, GIC of the machine, physical CPUs.
MACHINES = [("cortex-a57", "3", "1"), ("neoverse-n1", "3", "2"), ("max,pauth-impdef=on", "3", "2"), ("neoverse-n1", "4", "2")]


def vm(name="linux", words="cpus=2,mem=512M"):
    """The argument of --vm."""
    kernel, initrd = (harness.require(os.path.join(FOLDER, file), "tools/bootstrap arm64") for file in ("vmlinuz", "initrd"))
    return f"name={name},kernel={kernel},initrd={initrd},{words},cmdline=console=ttyAMA0 hostname={name}"


@pytest.fixture(name="boot")
def fixture_boot(console):
    """boot(ARGUMENTS...) gives Linux at its prompt."""
    harness.require(IMAGE, "make ARCH=arm64 build")

    def run(*arguments, guest=None):
        linux = console("--arch", "arm64", *arguments, "--vm", guest or vm())
        linux.expect_shell()
        return linux

    return run


def power_off(run, name="linux"):
    """Ends Linux and expects the record and the exit status."""
    run.send("poweroff -f\n")
    run.expect(rf"latch: vm {name} ended: poweroff: PSCI SYSTEM_OFF at vcpu \d PC 0x")
    assert run.status() == 0


@pytest.mark.parametrize("cpu,gic,cpus", MACHINES)
def test_shell_on_two_cpus(boot, cpu, gic, cpus):
    run = boot("--cpu", cpu, "--gic", gic, "--cpus", cpus)
    assert re.match(r"Linux 6\.1\.\S+ aarch64$", run.run("uname -srm").strip())
    assert run.run("nproc").strip() == "2"
    interrupts = run.run("cat /proc/interrupts")
    assert re.search(r"^ *\d+: +[1-9]\d* +[1-9]\d* +GICv3 +27 Level +arch_timer", interrupts, re.MULTILINE), interrupts
    assert re.search(r"^ *\d+: +[1-9]\d* +\d+ +GICv3 +33 Level +uart-pl011", interrupts, re.MULTILINE), interrupts
    log = run.run("dmesg")
    assert "psci: PSCIv1.1 detected in firmware" in log and "All CPU(s) started at EL1" in log, log
    for word in COMPLAINTS:
        assert word not in log, log
    # Not offered, whatever the machine has.
    features = run.run("grep -m1 Features /proc/cpuinfo").split()
    assert "fp" in features and not {"sve", "mte", "sme"} & set(features), features
    power_off(run)


def test_floating_point_belongs_to_its_vcpu(boot):
    """Two vCPUs take turns on one CPU, and both compute with FP registers all the time."""
    run = boot()
    sums = "awk 'BEGIN { for (i = 1; i <= 60000; i++) s += 1 / (i * i + 0.5); printf \"%.12f\\n\", s }'"
    alone = run.run(sums).strip()
    assert re.fullmatch(r"-?\d\.\d{12}", alone), alone
    both = run.run(f"({sums} > /tmp/a & {sums} > /tmp/b; wait); cat /tmp/a /tmp/b").split()
    assert both == [alone, alone]
    power_off(run)


def test_reboot_starts_afresh(boot):
    run = boot("--cpus", "2")
    run.run("echo left > /tmp/something")
    run.send("reboot -f\n")
    run.expect("latch: vm linux ended: reset: PSCI SYSTEM_RESET")
    free = re.search(r"\d+ KiB free", run.expect("latch-guest: ready"))[0]
    run.expect(harness.PROMPT)
    assert run.run("cat /tmp/something 2>&1").strip().endswith("No such file or directory")
    assert run.run("nproc").strip() == "2"
    run.send("reboot -f\n")
    run.expect(free)  # a life costs nothing
    run.expect_shell()
    power_off(run)


def test_two_machines_side_by_side(console):
    harness.require(IMAGE, "make ARCH=arm64 build")
    run = console("--arch", "arm64", "--cpus", "2", "--vm", vm("one", "cpus=1,mem=256M"), "--vm", vm("two", "cpus=1,mem=256M"))
    run.expect(r"\[two\] latch-guest: ready")
    run.send("\n")
    run.expect(r"one:[^ ]*# ")
    run.send("poweroff -f\n")
    run.expect("latch: vm one ended: poweroff")
    run.send("\x1d1")
    run.send("\n")
    run.expect(r"two:[^ ]*# ")
    power_off(run, "two")


def test_looked_into_while_it_runs(boot):
    """What the shell shows of a vCPU is what the vCPU has: its code where the PC points, found by its own page tables."""
    run = boot("--cpus", "2")
    run.send("\x1ds")
    run.expect("latch> ")

    def shell(command):
        run.send(command + "\r")
        return run.expect("latch> ")

    shell("pause linux")
    regs = shell("regs linux.1")
    pc = int(re.search(r"\bpc +([0-9a-f]{16})", regs)[1], 16)
    sp = int(re.search(r"\bsp +([0-9a-f]{16})", regs)[1], 16)
    assert pc >> 48 == 0xFFFF and pc & 3 == 0 and sp >> 48 == 0xFFFF and sp & 15 == 0, regs
    walk = shell("walk linux.1 $pc")
    physical = int(re.search(r"-> gpa 0x([0-9a-f]+)", walk)[1], 16)
    assert physical & 0xFFF == pc & 0xFFF and 0x40000000 <= physical < 0x60000000, walk
    bytes_of = r" ((?:[0-9a-f]{2} ){8})"
    by_pc = re.search(bytes_of, shell("x linux.1 $pc 8"))[1]
    assert by_pc == re.search(bytes_of, shell(f"x linux.1 gpa:{physical:#x} 8"))[1]
    assert "not present" in shell("walk linux.1 0xffffdead00000000")
    assert "no RAM" in shell("walk linux.1 gpa:0x9000000")
    shell("resume linux")
    run.send("exit\r")
    run.expect("console: now linux")  # a line feed right behind the return would be the shell's
    run.send("\n")
    run.expect(harness.PROMPT)
    assert run.run("nproc").strip() == "2"
    power_off(run)
