# SPDX-License-Identifier: BSD-2-Clause
"""The emulator's process: started in a process group of its own, ended with all its children."""
import ctypes
import fcntl
import os
import random
import signal
import struct
import subprocess
import termios

from .errors import LaunchError

PR_SET_PDEATHSIG = 1
STDERR_KEPT = 4096
TERM_GRACE_S = 0.5
LIBC = ctypes.CDLL(None)


def _settle(cores):
    # Should the launcher be killed outright, the emulator must not stay behind.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, cores)


def _one_of(cores):
    which = os.environ.get("LAUNCH_CORE", "")
    if not which:
        return random.choice(cores)
    if not which.isdecimal():
        raise LaunchError(f"LAUNCH_CORE={which} in the environment: a number is expected, 0 for the first CPU")
    return cores[int(which) % len(cores)]


class Child:
    """A running emulator.

    `console_in` and `console_out` are its standard streams (unused if the plan has a listener), `screen` is the
    terminal it draws on or None, `errors` its standard error, `pidfd` becomes readable when it ends.
    """

    def __init__(self, plan):
        self.screen = None
        stdin = stdout = subprocess.PIPE
        slave = None
        if plan.wants_terminal:
            self.screen, slave = os.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
            stdin = stdout = slave
        cores = sorted(os.sched_getaffinity(0))
        if plan.one_core:
            cores = [_one_of(cores)]
        try:
            self.process = subprocess.Popen(
                plan.argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, bufsize=0, start_new_session=True,
                preexec_fn=lambda: _settle(cores), env={**os.environ, **plan.env})
        except FileNotFoundError:
            raise LaunchError(f"{plan.argv[0]} is not installed; run tools/bootstrap") from None
        finally:
            if slave is not None:
                os.close(slave)
        self.console_in = self.process.stdin
        self.console_out = self.process.stdout
        self.errors = self.process.stderr
        self.pidfd = os.pidfd_open(self.process.pid)
        self.error_text = b""

    def read_errors(self):
        """Takes what stands on standard error; False at its end."""
        data = os.read(self.errors.fileno(), 4096)
        self.error_text = (self.error_text + data)[-STDERR_KEPT:]
        return bool(data)

    def last_error(self):
        """The last line of standard error that says something, or None."""
        lines = [line.strip() for line in self.error_text.decode(errors="replace").splitlines()]
        lines = [line for line in lines if any(map(str.isalnum, line))]
        return lines[-1] if lines else None

    def _signal_group(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def end(self):
        """Ends the process group; returns when the child is gone. Its exit status is in `process.returncode`."""
        self._signal_group(signal.SIGTERM)
        try:
            self.process.wait(TERM_GRACE_S)
        except subprocess.TimeoutExpired:
            pass
        self._signal_group(signal.SIGKILL)
        self.process.wait()
        os.close(self.pidfd)
        for stream in (self.console_in, self.console_out, self.errors):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        if self.screen is not None:
            os.close(self.screen)
