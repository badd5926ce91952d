# SPDX-License-Identifier: BSD-2-Clause
"""The emergency shell: opened by Ctrl-] !, by the machine's NMI button, and while the boot CPU spins with the console's lock held."""
import os
import re

import pytest

import harness
import shell
from test_host_nmi import Monitor

PROMPT = r"emergency> "
OWN = ("help", "cpus", "locks", "log", "trace")
WORLDS = {"svm": (), "vmx": ("--emu", "bochs-vmx"), "arm64": ("--arch", "arm64")}


@pytest.fixture(name="boot")
def fixture_boot(console, latch_image, latch_arm64):
    """boot(WORLD, OPTIONS...) starts the guest that spins: (run, address of the word that lets it go)."""

    def start(world, *options):
        file = "arm64-spin.img" if world == "arm64" else "spin.elf"
        guest = harness.require(os.path.join(harness.BUILD, "guests", file), "make guests guests-arm64")
        run = console(*WORLDS[world], *options, "--vm", f"name=spin,kernel={guest},mem=64M,cmdline=spin")
        run.expect(r"spin: ready, let go at (0x[0-9a-f]+)[^\r]*\r")
        return run, int(run.child.match[1], 16)

    return start


class Emergency:
    """The emergency shell, once it is open."""

    def __init__(self, run, cpu, stopped, cpus):
        self.run = run
        self.run.expect(rf"latch: emergency shell on CPU {cpu}, {stopped} of {cpus} CPUs stand still")
        self.run.expect(PROMPT)

    def __call__(self, command):
        self.run.send(command + "\r")
        self.run.expect("\r\n")
        return self.run.expect(PROMPT)

    def all(self, tables):
        """Every command that its help lists; what it prints of each."""
        text = self("help")
        own, *shared = text.strip().splitlines()
        assert own.split() == ["cpus", "locks", "log", "trace", "continue", "reboot", "panic"]
        names = [line.split()[0] for line in shared]
        lines = {"x": "x host core_main 16", "events": "events spin", "sym": "sym core_main", "vcpus": "vcpus spin"}
        said = {name: self(lines.get(name, name)) for name in [*OWN[1:], *names]}
        assert re.search(r"0 spin +running", said["vms"]) and re.search(r"spin +\.0 +\d runs +\d+ +\w+ 0x", said["vcpus"])
        assert "posted=" in said["events"] and "host NMIs: " in said["irqs"] and "Latch " in said["version"]
        assert re.search(r"self-check: \d of \d CPUs run", said["log"]) and "core_main" in said["sym"]
        assert re.search(r"^[0-9a-f]{16}  [0-9a-f]{2} ", said["x"], re.MULTILINE) and "cpu 0 (hardware 0)" in said["cpu"]
        assert tables in names and said[tables].strip() and re.search(r"nothing counted|cycles", said["exits"])
        assert "not while Latch stands still" in self("regs spin") and "not while Latch stands still" in self("pause spin")
        assert "not while Latch stands still" in self("x spin 0") and 'no command "nonsense"' in self("nonsense")
        assert self("vm\x7fms") == said["vms"] or re.search(r"0 spin +running", self("vms"))
        return said


def end(run, let_go, status):
    """The machine goes on: its shell answers, its guest runs to its end."""
    run.expect(shell.PROMPT)
    run.send(f"write spin {let_go:#x} 1\r")
    run.expect("spin: let go")
    run.expect("latch: vm spin ended: ")
    assert run.status() == status


@pytest.mark.parametrize("world", WORLDS)
def test_boot_cpu_is_stuck(boot, world):
    """It spins with the console's lock: the other CPU listens in its place, stops it where it is, and what was typed is not lost."""
    run, let_go = boot(world, "--cpus", "2")
    run_shell = shell.Shell(run)
    run_shell("trace on")
    run_shell.send("panic stuck")
    run.expect("latch: CPU 0 spins now, with the console's lock")
    run.send("version\r\x1d")
    run.expect(r"latch: CPU 0 is stuck for \d+ ms; escape ! opens the emergency shell")
    run.send("!")
    emergency = Emergency(run, 1, 1 if world == "arm64" else 2, 2)
    said = emergency.all("dt" if world == "arm64" else "acpi")
    assert "console 0: held" in said["locks"]
    first, second = said["cpus"].split("cpu 1: stands still")
    if world == "arm64":
        assert "cpu 0: does not answer" in first
    else:
        assert "cpu 0: stands still" in first and re.search(r"rip [0-9a-f]{16} cs 0008", first)
        assert re.search(r"\] shell_emergency_provoke.*\] console_poll.*\] sched_loop", first, re.DOTALL)
    assert re.search(r"\] timers_expire.*\] sched_loop", second, re.DOTALL)
    run.send("continue\r")
    run.expect(r"Latch [0-9.]+, build [0-9a-f]{40}")
    end(run, let_go, 0 if world == "arm64" else 1)


@pytest.mark.parametrize("world", ["svm", "arm64"])
def test_key_on_one_cpu(boot, world):
    """Ctrl-] ! while all is well, twice; then its own end."""
    run, _ = boot(world)
    run.send("\x1d!")
    emergency = Emergency(run, 0, 1, 1)
    said = emergency.all("dt" if world == "arm64" else "acpi")
    assert "none is held" in said["locks"] and re.search(r"\] console_poll.*\] sched_loop", said["cpus"], re.DOTALL)
    run.send("continue\r")
    run_shell = shell.Shell(run)
    assert re.search(r"0 spin +running", run_shell("vms"))
    run.send("\x1d!")
    Emergency(run, 0, 1, 1)
    run.send("panic\r")
    run.expect("latch: PANIC asked for in the emergency shell")
    assert run.status() == 70


def test_nmi_button(boot, tmp_path):
    """hostnmi=shell, on the only CPU, which is stuck: nothing but the button reaches it. QEMU presses it on all CPUs."""
    path = tmp_path / "qmp"
    run, let_go = boot("svm", "--hv", "hostnmi=shell", "--monitor", str(path))
    monitor = Monitor(path)
    run_shell = shell.Shell(run)
    run_shell.send("panic stuck")
    run.expect("latch: CPU 0 spins now, with the console's lock")
    monitor.nmi()
    emergency = Emergency(run, 0, 1, 1)
    text = emergency("cpus")
    assert re.search(r"\] shell_emergency_provoke.*\] sched_loop", text, re.DOTALL) and "console 0: held" in emergency("locks")
    run.send("continue\r")
    end(run, let_go, 1)


def test_nmi_button_on_two_cpus(boot, tmp_path):
    """All CPUs get it at once: the shell opens once, and once more when it is pressed again; the machine's reset from there."""
    path = tmp_path / "qmp"
    run, _ = boot("svm", "--cpus", "2", "--hv", "hostnmi=shell", "--monitor", str(path))
    monitor = Monitor(path)
    for _ in range(3):
        monitor.nmi()
        emergency = Emergency(run, r"\d", 2, 2)
        assert emergency("cpus").count("stands still") == 2
        run.send("continue\r")
        run.send("\x1dsversion\r")
        assert "emergency" not in run.expect(r"Latch [0-9.]+, build [0-9a-f]{40}")
        run.expect(shell.PROMPT)
        run.send("exit\r")
        run.expect("now spin")
    monitor.nmi()
    Emergency(run, r"\d", 2, 2)
    run.send("reboot\r")
    run.expect("launch: the machine reset or went off without a last word from Latch")
    assert run.status() == 70
