# SPDX-License-Identifier: BSD-2-Clause
"""Linux with several CPUs, on one and on several of the machine's: load that loses nothing, and books that balance."""
import re

import pytest

import harness

CALM = "console=ttyS0 quiet"


@pytest.fixture(autouse=True)
def _image(latch_image):
    """Every test here needs Latch."""


@pytest.fixture
def boot(console, linux):
    """boot(HOST_CPUS, GUEST_CPUS): Linux at its prompt, all its CPUs running, the load program in its /bin."""
    initrd = harness.require(linux.initrd + "-load", "make test-guests")

    def start(host_cpus, guest_cpus, cmdline=CALM):
        vm = f"name=linux,kernel={linux.elf},initrd={initrd},cpus={guest_cpus},mem=512M,cmdline={cmdline} hostname=linux"
        run = console("--cpus", str(host_cpus), "--vm", vm)
        run.expect_shell()
        assert run.run("nproc").split() == [str(guest_cpus)]
        return run

    return start


def check_books(run, guest_cpus):
    """Every vCPU's books, by the console's key."""
    run.send("\x1de")
    for _ in range(guest_cpus):
        run.expect(r"latch: events vm linux vcpu \d+ books: ")
        run.expect("\n")
        assert run.child.before.strip() == b"balanced"


def power_off(run):
    """Ends Linux and expects the record and the exit status."""
    run.send("\n")
    run.expect(harness.PROMPT)
    run.send("poweroff -f\n")
    run.expect("latch: vm linux ended: poweroff")
    assert run.status() == 0


@pytest.mark.parametrize("host_cpus, guest_cpus", [(1, 2), (2, 4), (4, 8)])
def test_load_on_all_cpus(boot, host_cpus, guest_cpus):
    """IPIs, TLB shoot-downs, local timers and wake-ups at once: the program itself finds what is lost."""
    run = boot(host_cpus, guest_cpus)
    printed = run.run("load ipi 200 & load timers 100 & load wake 300 & wait", timeout=harness.PATIENCE_S * 4)
    for kind, rounds in (("ipi", 200), ("timers", 100), ("wake", 300)):
        assert f"load: {kind} ok: {rounds * guest_cpus} rounds on {guest_cpus} CPUs" in printed, printed
    complaints = run.run("dmesg | grep -E 'BUG|WARNING|rcu:.*stall|soft lockup|Marking clocksource'")
    assert complaints == "", complaints
    check_books(run, guest_cpus)
    power_off(run)


def test_backtrace_of_all_cpus_by_nmi(boot):
    """SysRq l sends NMIs to all other CPUs; each answers from its handler."""
    run = boot(2, 4)
    run.run("load ipi 100000 >/dev/null &")
    for _ in range(3):
        run.run("dmesg -c >/dev/null; echo l > /proc/sysrq-trigger")
        seen = run.run("dmesg | grep -o 'NMI backtrace for cpu [0-9]*' | sort -u")
        assert re.findall(r"cpu (\d+)", seen) == ["0", "1", "2", "3"], seen
    run.run("kill %1")
    check_books(run, 4)
    power_off(run)


def test_cpus_go_and_come_back(boot):
    """Hot-unplug and replug through sysfs, idle and under load."""
    run = boot(2, 4)
    for load in ("", "load ipi 100000 >/tmp/load & until grep -q runs /tmp/load; do :; done"):
        run.run(load)
        for cpu in (3, 1, 2):
            run.run(f"echo 0 > /sys/devices/system/cpu/cpu{cpu}/online")
            assert run.run(f"cat /sys/devices/system/cpu/cpu{cpu}/online").strip() == "0"
        assert run.run("cat /sys/devices/system/cpu/online").strip() == "0"
        for cpu in (1, 2, 3):
            run.run(f"echo 1 > /sys/devices/system/cpu/cpu{cpu}/online")
        assert run.run("cat /sys/devices/system/cpu/online").strip() == "0-3"
    assert "FAILED" not in run.run("kill %1; cat /tmp/load")
    assert "load: wake ok: 200 rounds on 4 CPUs" in run.run("load wake 50")
    check_books(run, 4)
    power_off(run)
