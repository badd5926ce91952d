# SPDX-License-Identifier: BSD-2-Clause
"""Real NMIs on the host (QMP inject-nmi, which arrives through LINT1) and what hostnmi= makes of them; NMI by console key."""
import json
import os
import re
import socket
import subprocess

import pytest

import harness

STORM = 10000


class Monitor:
    """QEMU's QMP monitor on a unix socket: just enough to press the NMI button."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw", encoding="ascii")
        self._answer("QMP")
        self.run("qmp_capabilities")

    def _answer(self, key):
        for line in self.file:
            message = json.loads(line)
            if "error" in message:
                pytest.fail(f"QMP: {message['error']}")
            if key in message:
                return message[key]
        return pytest.fail("QMP: the monitor closed")

    def run(self, command):
        """One command, waited for."""
        self.file.write(json.dumps({"execute": command}) + "\n")
        self.file.flush()
        return self._answer("return")

    def nmi(self, count=1):
        """Presses the button."""
        for _ in range(count):
            self.run("inject-nmi")


@pytest.fixture
def booted(console, linux, tmp_path):
    """booted(HV OPTIONS, GUEST CMDLINE) boots Linux to its shell; (console, monitor)."""

    def boot(options, cmdline="console=ttyS0 quiet"):
        path = tmp_path / "qmp"
        con = console("--hv", options, "--monitor", str(path), "--vm", linux.vm(cmdline=cmdline))
        con.expect_shell()
        return con, Monitor(path)

    return boot


def books(con):
    """The books of the only vCPU as Ctrl-] e prints them: {kind: {word: number}}."""
    con.send("\x1de")
    text = con.expect(r"books: (balanced|NOT BALANCED)")
    assert con.child.match.group(1) == b"balanced", text
    found = {}
    for kind, rest in re.findall(r"vcpu 0 (\w+): (posted=.*)", text):
        found[kind] = {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", rest)}
    return found


def settle(con):
    """Kernel messages may have come between prompts: from here on the next prompt is the next command's."""
    con.send("echo settled-$((6*7))\n")
    con.expect("settled-42")
    con.expect("# ")


def nmis_seen(con):
    """The guest's own count of NMIs on CPU 0."""
    return int(re.search(r"NMI:\s+(\d+)", con.run("grep NMI: /proc/interrupts")).group(1))


def test_forwarded_nmi_reaches_linux(booted):
    con, monitor = booted("hostnmi=forward:linux", "console=ttyS0")
    monitor.nmi()
    con.expect(r"NMI received for unknown reason")
    settle(con)
    assert nmis_seen(con) == 1


def test_forwarded_nmi_panics_linux_when_asked(booted):
    con, monitor = booted("hostnmi=forward:linux", "console=ttyS0 unknown_nmi_panic")
    monitor.nmi()
    con.expect(r"Kernel panic - not syncing: NMI: Not continuing")


def test_ignored_nmi_changes_nothing(booted):
    con, monitor = booted("hostnmi=ignore")
    monitor.nmi(10)
    assert nmis_seen(con) == 0


def test_nmi_panics_latch_when_asked(booted):
    con, monitor = booted("hostnmi=panic")
    monitor.nmi()
    con.expect(r"latch: PANIC.*NMI on CPU 0 \(hostnmi=panic\)")
    assert con.status() == 70


def test_storm_loses_and_breaks_nothing(booted):
    """The guest works while the button is held; every NMI that the policy keeps is in the books."""
    con, monitor = booted("hostnmi=forward:linux", "console=ttyS0 quiet loglevel=0")
    con.send("i=0; while [ $i -lt 300 ]; do i=$((i+1)); cat /proc/self/stat >/dev/null; done; echo work-is-done\n")
    monitor.nmi(STORM)
    con.expect(r"\nwork-is-done")
    settle(con)
    nmi = books(con)["NMI"]
    assert nmi["posted"] > 0
    assert nmi["posted"] == nmi["delivered"] + nmi["collapsed"]
    assert nmis_seen(con) == nmi["delivered"]


def test_nmi_by_console_key(booted):
    con, _ = booted("hostnmi=ignore", "console=ttyS0")
    con.send("\x1dn")
    con.expect(r"NMI received for unknown reason")
    settle(con)
    assert nmis_seen(con) == 1


def test_injection_log_replays_to_the_same_decisions(booted, tmp_path):
    """What the console prints of the log, run through the same code on the host."""
    con, _ = booted("hostnmi=ignore")
    # The vCPU answers for itself, one request after the other: the log has begun when the books are asked for.
    con.send("\x1dl")
    con.expect("(?=latch: log vm linux vcpu 0: )")
    con.send("\x1de")
    text = con.expect("books: balanced")
    dump = tmp_path / "log"
    dump.write_text(text)
    assert text.count("latch: log vm linux vcpu 0: inject ") >= 64
    replay = harness.require(os.path.join(harness.BUILD, "tools", "replay"), "make replay")
    done = subprocess.run([replay, str(dump)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "every decision the same" in done.stdout, done
    # A record that says something else happened is noticed.
    lines = text.splitlines(True)
    at = max(i for i, line in enumerate(lines) if ": inject " in line)
    words = lines[at].split(" ")
    words[-4] = "%016x" % (int(words[-4], 16) ^ 1)
    dump.write_text("".join(lines[:at]) + " ".join(words))
    assert subprocess.run([replay, str(dump)], capture_output=True, check=False).returncode != 0
