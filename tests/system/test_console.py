# SPDX-License-Identifier: BSD-2-Clause
"""
The console under a flood: two guests print numbered lines with a checksum as fast as they can while the foreground goes round between
them and the shell, in every mode. Each guest's stream is put together again from what passed raw, what was replayed and what was
tagged: byte for byte what the guest has sent, less what the console says was lost, where it says so.
"""
import os
import random
import re

import harness
from shell import PROMPT, Shell

LINES = 600
RING = 4096
STEPS_LEAST, STEPS_MOST = 30, 600
STEPS_A_MODE = 5
SEEDS = {"one": 1, "two": 20000}
TAG = re.compile(rb"(?:\x1b\[3\dm)?\[(one|two)\](?:\x1b\[0m)? ")
NOW = re.compile(rb"latch: console: now (one|two) \(\d\)$")
LOST = re.compile(rb"latch: console: (one|two) said more than was kept: (\d+) bytes lost$")
SHELL_LINE = b"\r\x1b[K"


def stream(seed):
    """All that a guest sends."""
    lines, total = [], seed
    for number in range(LINES):
        total = (total * 31 + number) & 0xffffffff
        lines.append(f"flood {number:05d} {total:08x}\r\n")
    return "".join([*lines, f"flood: done {total:08x}\r\n"]).encode()


class Stream:
    """How far a guest's output has come. Where a line was broken for somebody else there is more than one place where it may go on."""

    def __init__(self, seed):
        self.bytes = stream(seed)
        self.places = {0}
        self.lost = 0
        self.is_broken = False

    def take(self, text):
        """A line on the wire, or a piece of one."""
        ends = {place + len(text) for place in self.places if self.bytes.startswith(text, place)}
        assert ends, f"{text!r} does not follow {[self.bytes[max(place - 40, 0):place] for place in self.places]}"
        whole = {end + length for end in ends for length in (1, 2) if self.bytes[end:end + length] == b"\r\n"[-length:]}
        self.is_broken = not whole
        self.places = ends | whole

    def lose(self, count):
        """What the console says is missing here."""
        self.lost += count
        self.places = {place + count for place in self.places}

    def is_complete(self):
        """The last byte has come."""
        return len(self.bytes) in self.places


class Wire:
    """What comes over the line, taken apart as it comes. Who may speak without a tag follows from the console's own lines."""

    def __init__(self, log):
        self.log = log
        self.streams = {name: Stream(seed) for name, seed in SEEDS.items()}
        self.foreground = "one"
        self.rest = b""
        self.speaker = None
        self.raw_count = self.tag_count = 0

    def write(self, data):
        """As of a file."""
        self.log.write(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take(line[:-1] if line.endswith(b"\r") else line)

    def flush(self):
        """As of a file."""
        self.log.flush()

    def take(self, line):
        """One line."""
        tag = TAG.match(line)
        if self.speaker is None and not line.startswith(b"latch: "):
            return  # before Latch: the launcher's, the boot loader's
        if line.startswith(b"latch: "):
            self.take_record(line)
        elif tag:
            self.tag_count += 1
            self.take_piece(tag[1].decode(), line[tag.end():])
        elif line.startswith(SHELL_LINE) or self.foreground == "shell":
            assert b"flood" not in line, line
            self.foreground = self.speaker = "shell"
        else:
            self.raw_count += 1
            self.take_piece(self.foreground, line)

    def take_record(self, line):
        """One of Latch's own."""
        now, lost = NOW.match(line), LOST.match(line)
        self.speaker = "latch"
        if now:
            self.foreground = now[1].decode()
        if lost:
            self.streams[lost[1].decode()].lose(int(lost[2]))

    def take_piece(self, name, text):
        """A guest's. Nobody's line is broken for its own sake."""
        assert not (name == self.speaker and self.streams[name].is_broken), f"broken for nothing: {text!r}"
        self.streams[name].take(text)
        self.speaker = name


def go_round(run, wire):
    """Switches, and changes the mode, until both have said everything."""
    dice = random.Random(LINES)
    for step in range(STEPS_MOST):
        keys = dice.choice(["0", "1", "s", "s", "01", "10", "s0", "s1", "0s"])
        run.send("".join("\x1d" + key for key in keys))
        if keys[-1] == "s":
            run.send("version\r")
            run.expect(r"Latch [0-9.]+, build [^\r]+\r")
        else:
            run.expect(f"console: now {list(SEEDS)[int(keys[-1])]} ")
        if step % STEPS_A_MODE == 0:
            run.send("\x1dm")
            run.expect("console: mode ")
        if step > STEPS_LEAST and all(one.is_complete() for one in wire.streams.values()):
            return
    raise AssertionError({name: one.places for name, one in wire.streams.items()})


def lose_most(run, wire):
    """Another flood that nobody looks at until it is over."""
    shell = Shell(run)
    shell("mux off")
    wire.streams["two"] = flood = Stream(SEEDS["two"])
    shell.send("reset two")
    run.expect("latch: vm two restarts")
    run.send("\r")
    run.expect(PROMPT)
    shell.until("vcpus two", r"two +\.0 +\d blocked")
    run.send("\x1d1")
    run.expect("flood: done")
    run.expect("\n")
    assert flood.is_complete() and flood.lost == len(flood.bytes) - RING


def check(console, guest, *options):
    """One run."""
    run = console("--hv", "mux=off", *options, *(
        word for name, seed in SEEDS.items() for word in
        ("--vm", f"name={name},kernel={guest},mem=64M,cmdline=flood {LINES} {seed}")))
    wire = Wire(run.log)
    run.child.logfile_read = wire
    run.expect("flood 00000 ")
    go_round(run, wire)
    assert wire.raw_count > 0 and wire.tag_count > 0
    lose_most(run, wire)
    run.send("\x1dspoweroff\r")
    assert run.status() == 0


def test_switching_in_a_flood(console, latch_image):
    check(console, harness.require(os.path.join(harness.BUILD, "guests", "spin.elf"), "make guests"))


def test_arm64_switching_in_a_flood(console, latch_arm64):
    check(console, harness.require(os.path.join(harness.BUILD, "guests", "arm64-spin.img"), "make guests-arm64"), "--arch", "arm64",
          "--cpus", "2")
