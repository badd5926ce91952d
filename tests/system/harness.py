# SPDX-License-Identifier: BSD-2-Clause
"""What the system tests share: running tools/launch, talking to its console, the guests' files."""
import os
import re
import subprocess
import time

import pexpect
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("LATCH_BUILD") or os.path.join(ROOT, "build")
LAUNCH = os.path.join(ROOT, "tools", "launch")
LOG_FOLDER = os.path.join(BUILD, "test-logs")
# A loaded machine is slow: this bounds a hang, it says nothing about speed.
PATIENCE_S = 120
# The emulated UART takes input at its own pace; a terminal line in cooked mode holds 4095 bytes.
PROMPT = r"[a-z0-9]+:[^ \r\n]*# "
# Set, the Linux tests run without Latch: it tells whether Latch or the test is to blame.
NATIVE = ["--native"] if os.environ.get("LATCH_NATIVE") else []


def require(path, command):
    """The path, if the file is there."""
    if not os.path.exists(path):
        pytest.fail(f"{os.path.relpath(path, ROOT)} is missing: {command}", pytrace=False)
    return path


class Result:
    """One finished run: exit status, console output as text without carriage returns, lines on standard error."""

    def __init__(self, status, output, errors):
        self.status = status
        self.raw = output
        self.output = output.decode("latin-1").replace("\r", "")
        self.notes = errors.decode("latin-1").splitlines()

    def __repr__(self):
        return f"status {self.status}\n--- output\n{self.output[-4000:]}\n--- notes\n" + "\n".join(self.notes)


class Launcher:
    """Runs tools/launch, console output kept in the test's log."""

    def __init__(self, log):
        self.log = log

    def __call__(self, *arguments, stdin=b"", timeout=PATIENCE_S, env=None):
        argv = [LAUNCH, *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=timeout + 30, check=False,
                              env={**os.environ, **(env or {})})
        with open(self.log, "ab") as log:
            log.write(" ".join(argv).encode() + b"\n" + done.stdout + b"\n" + done.stderr + b"\n")
        return Result(done.returncode, done.stdout, done.stderr)


class Console:
    """tools/launch on a terminal of its own."""

    def __init__(self, log, *arguments, timeout=PATIENCE_S):
        self.log = open(log, "ab")
        self.log.write(" ".join([LAUNCH, *arguments]).encode() + b"\n")
        self.child = pexpect.spawn(LAUNCH, [*arguments, "--timeout", str(timeout * 4)], timeout=timeout,
                                   logfile=self.log, echo=False, maxread=65536)
        self.child.delaybeforesend = None
        self.child.logfile_read, self.child.logfile = self.log, None

    def expect(self, pattern, timeout=-1):
        """Waits for a regular expression (or one of a list); returns the text before it, without carriage returns."""
        self.child.expect(pattern, timeout=timeout)
        return self.child.before.decode("latin-1").replace("\r", "")

    def send(self, text):
        """Types `text`."""
        self.child.send(text)

    def expect_shell(self):
        """Waits for the guest's shell; its lines get long enough that echoed commands are not broken."""
        self.expect("latch-guest: ready")
        self.expect(PROMPT)
        self.run("stty cols 500")

    def run(self, command, timeout=-1):
        """Types a command at the guest's shell and returns what it printed."""
        self.child.send(command + "\n")
        printed = self.expect(PROMPT, timeout)
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", printed).partition("\n")[2]

    def status(self, timeout=PATIENCE_S):
        """Waits for the run to end by itself; its exit status."""
        self.child.expect(pexpect.EOF, timeout=timeout)
        self.child.close()
        return self.child.exitstatus

    def close(self):
        """Ends the run if it has not ended."""
        if self.child.isalive():
            self.child.send(b"\x01x")
            deadline = time.monotonic() + 10
            while self.child.isalive() and time.monotonic() < deadline:
                try:
                    self.child.expect(pexpect.EOF, timeout=1)
                except pexpect.TIMEOUT:
                    pass
        self.child.close(force=True)
        self.log.close()


class Linux:
    """Debian's kernel and the initramfs with busybox, as `--vm` arguments."""

    CMDLINE = "console=ttyS0"

    def __init__(self):
        folder = os.path.join(BUILD, "guests", "x86")
        self.bzimage, self.elf, self.initrd = (
            require(os.path.join(folder, name), "tools/bootstrap") for name in ("vmlinuz", "vmlinux", "initrd"))

    def vm(self, name="linux", kernel=None, words="mem=512M", cmdline=CMDLINE):
        """The argument of --vm; the guest's prompt starts with the VM's name."""
        return (f"name={name},kernel={kernel or self.bzimage},initrd={self.initrd},{words},"
                f"cmdline={cmdline} hostname={name}")
