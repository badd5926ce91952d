# SPDX-License-Identifier: BSD-2-Clause
"""Breakpoints, watchpoints and steps on arm64 guests from the shell, on a guest that uses the same facilities for itself."""
import os
import re
import subprocess

import pytest

import harness
from test_shell import PROMPT, Shell, value_of

GUEST = os.path.join(harness.BUILD, "guests", "arm64-debuggee.img")
CPUS = ("neoverse-n1", "cortex-a57")


def vm(cmdline=""):
    """The argument of --vm."""
    return f"name=debuggee,kernel={harness.require(GUEST, 'make guests-arm64')},mem=64M,cmdline={cmdline}"


class Debuggee:
    """The guest on a console, the shell in front of it."""

    def __init__(self, console, cpu=CPUS[0], hv=()):
        self.run = console("--arch", "arm64", "--cpu", cpu, *hv, "--vm", vm())
        self.run.expect(r"DEBUGGEE inner (0x[0-9a-f]+) counter (0x[0-9a-f]+) end_now (0x[0-9a-f]+)\r")
        self.inner, self.counter, self.end_now = (int(text, 16) for text in self.run.child.match.groups())
        self.run.expect("DEBUGGEE runs")
        self.shell = Shell(self.run)

    def reg(self, name):
        """A register of the guest, which is held."""
        return value_of(self.shell("regs debuggee"), name)

    def value(self, address):
        """Eight bytes of its memory."""
        found = re.search(r" ((?:[0-9a-f]{2} ){8})", self.shell(f"x debuggee {address:#x} 8"))
        return int.from_bytes(bytes.fromhex(found[1]), "little")

    def hit(self, command, stop):
        """A command after which the guest runs to `stop`, a record, behind which the prompt is drawn anew."""
        self.run.send(command + "\r")
        self.run.expect(re.escape(f"latch: vm debuggee vcpu 0: {stop}; held"))
        self.run.expect(PROMPT)

    def end(self):
        """The guest says whether it has noticed anything."""
        self.shell("pause debuggee")
        self.shell(f"write debuggee {self.end_now:#x} 1")
        self.shell("unbreak debuggee")
        self.run.send("resume debuggee\r")
        self.run.expect("DEBUGGEE-END noticed 0\r")
        assert self.run.status() == 0


@pytest.mark.parametrize("cpu", CPUS)
def test_own_facilities_as_without_latch(launch, latch_arm64, cpu):
    """What a guest's own debugging gets it is what the CPU gives, exception by exception."""
    told = []
    for native in (["--native"], []):
        run = launch("--arch", "arm64", "--cpu", cpu, *native, "--timeout", "60", "--vm", vm("rounds=100"))
        assert "DEBUGGEE-END noticed 0" in run.output, run
        told.append(re.findall(r"^  \d+: syndrome .*$", run.output, re.MULTILINE))
    assert len(told[0]) >= 20 and told[0] == told[1], run


@pytest.mark.parametrize("cpu", CPUS)
def test_a_guest_notices_nothing(console, latch_arm64, cpu):
    guest = Debuggee(console, cpu)
    guest.hit(f"break debuggee {guest.inner:#x}", f"break 0x{guest.inner:x}")
    assert guest.reg("pc") == guest.inner
    rounds = [guest.reg("x0")]
    for _ in range(5):  # past the breakpoint, through a round of the guest's own debugging, to it again
        guest.hit("continue debuggee", f"break 0x{guest.inner:x}")
        rounds.append(guest.reg("x0"))
    assert rounds == list(range(rounds[0], rounds[0] + 6))
    guest.shell("unbreak debuggee")
    guest.hit(f"watch debuggee {guest.counter:#x} 8", f"watch 0x{guest.counter:x}")
    before = guest.value(guest.counter)  # the CPU tells of a write before it
    round_now = guest.reg("x0") - 1  # its argument plus one by now
    guest.hit("continue debuggee", f"watch 0x{guest.counter:x}")
    assert guest.value(guest.counter) == before + round_now
    guest.end()


def test_steps_through_everything(console, latch_arm64):
    """Through the guest's own steps, breakpoints, handlers, ERETs and EL0: more than a whole round of it."""
    guest = Debuggee(console)
    guest.hit(f"break debuggee {guest.inner:#x}", f"break 0x{guest.inner:x}")
    start, value = guest.reg("pc"), guest.reg("x0")
    places = [int(at, 16) for at in re.findall(r"PC 0x([0-9a-f]+)", guest.shell("step debuggee 3"))]
    assert places == [start + 4, start + 8, start + 12]
    way = []
    for _ in range(60):
        way += [int(at, 16) for at in re.findall(r"PC 0x([0-9a-f]+)", guest.shell("step debuggee 100"))]
        if start in way:
            break
    assert start in way, "a round has more instructions than that"
    # An exception that an instruction raises is delivered, and the step ends before its handler's first instruction:
    # BRK, which comes to Latch meanwhile; the guest's own breakpoint and watchpoint; SVC and an undefined instruction,
    # which do not; each that the guest's own step causes.
    nm = subprocess.run(["nm", f"{GUEST}.elf"], capture_output=True, text=True, check=True).stdout
    linked = {name: int(at, 16) for at, _, name in (line.split() for line in nm.splitlines())}
    places = {name: start + linked[name] - linked["inner"] for name in linked}
    for at in (places["step_block"] + 4, places["break_here"], places["store_here"], places["undefined_here"]):
        assert way[way.index(at) + 1] == places["vectors"] + 0x200, hex(at)
    guest.shell("unbreak debuggee")
    guest.shell(f"break debuggee {guest.inner:#x}")
    guest.hit("resume debuggee", f"break 0x{guest.inner:x}")
    assert guest.reg("x0") > value
    assert len(set(way)) > 300
    guest.end()


def test_points_outlive_a_reset(console, latch_arm64):
    """A point in the hardware stays when the guest starts anew; the guest's own registers begin as at power-on."""
    guest = Debuggee(console)
    guest.hit(f"break debuggee {guest.inner:#x}", f"break 0x{guest.inner:x}")
    assert guest.reg("x0") > 0
    guest.run.send("reset debuggee\r")
    guest.run.send("continue debuggee\r")
    guest.run.expect(re.escape(f"latch: vm debuggee vcpu 0: break 0x{guest.inner:x}; held"))
    guest.run.expect(PROMPT)
    assert guest.reg("x0") == 0  # its first round again
    guest.end()
