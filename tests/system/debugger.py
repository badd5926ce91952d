# SPDX-License-Identifier: BSD-2-Clause
"""Stock GDB on a terminal."""
import os
import re
import shutil
import socket

import pexpect
import pytest

import harness

PROMPT = r"\(gdb\) $"
SETTINGS = ["set pagination off", "set confirm off", "set height 0", "set width 0", "set style enabled off",
            "set remotetimeout 30", "set breakpoint pending off", "set debuginfod enabled off"]


def free_port():
    """A local port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Gdb:
    """One session. Commands return what GDB printed."""

    def __init__(self, port, program=None, name="gdb", patience=harness.PATIENCE_S):
        if shutil.which(name) is None:
            pytest.fail(f"{name} is missing: tools/bootstrap", pytrace=False)
        self.child = pexpect.spawn(name, ["-nx", "-q"], timeout=patience, echo=False, encoding="latin-1",
                                   maxread=65536, env={**os.environ, "TERM": "dumb"})
        self.child.delaybeforesend = None
        self.child.expect(PROMPT)
        for line in SETTINGS:
            self(line)
        if program is not None:
            self(f"file {program}")
        self.greeting = self(f"target remote 127.0.0.1:{port}")
        assert "Remote" in self.greeting or " in " in self.greeting or "()" in self.greeting, self.greeting

    def __call__(self, command):
        self.child.send(command + "\n")
        self.child.expect(PROMPT)
        return self.child.before.replace("\r", "")

    def go(self, command="continue"):
        """Lets the guest run and returns at once."""
        self.child.send(command + "\n")
        self.child.expect("Continuing")

    def interrupt(self):
        """Ctrl-C: what GDB says about the stop."""
        self.child.send("\x03")
        self.child.expect(PROMPT)
        return self.child.before.replace("\r", "")

    def number(self, expression):
        """The value of an expression."""
        printed = self(f"print/x {expression}")
        match = re.search(r"= 0x([0-9a-f]+)", printed)
        assert match, printed
        return int(match[1], 16)

    def leave(self, command="detach"):
        """Takes leave and ends."""
        self(command)
        self.child.send("quit\n")
        self.child.expect(pexpect.EOF)
        self.child.close()

    def die(self):
        """Ends without a word."""
        self.child.close(force=True)


def go_through_everything(gdb, instruction):
    """
    Breakpoints of both kinds, watchpoints, memory, on the guest that looks for traces of a debugger; what GDB prints is as it should
    be. Ends at middle(). `instruction` is a breakpoint's first unit in memory, which nobody may see.
    """
    gdb("break inner")
    assert re.search(r"Breakpoint 1, inner \(n=", gdb("continue"))
    frames = re.findall(r"^#(\d) .*?(?: in )?(\w+) \(", gdb("backtrace 4"), re.MULTILINE)
    assert [name for _, name in frames] == ["inner", "middle", "outer", "guest_main"], frames
    first = gdb.number("n")
    assert "Breakpoint 1, inner" in gdb("continue")
    assert gdb.number("n") == first + 1
    look = "x/4xb inner" if len(instruction) == len("0xcc") else "x/4xw inner"
    code = gdb(look)
    gdb("delete")
    assert gdb(look) == code and instruction not in code

    gdb("watch counter")
    before = gdb.number("counter")
    text = gdb("continue")
    assert f"Old value = {before}" in text and f"New value = {before + first + 1}" in text, text
    gdb("delete")
    gdb("rwatch end_now")  # x86 has no such: GDB makes it of the other kind
    assert "Value = 0" in gdb("continue")
    gdb("delete")
    gdb("awatch end_now")
    assert "Value = 0" in gdb("continue")
    gdb("delete")

    gdb("hbreak middle")
    assert re.search(r"Breakpoint \d, middle \(n=", gdb("continue"))
    assert "Cannot access memory" in gdb("x/4xb 0x7f0000000000")
    assert "0xffffffff" not in gdb("print/x end_now")
