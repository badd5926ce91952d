# SPDX-License-Identifier: BSD-2-Clause
"""One run: moves bytes between the user, the log and the emulated serial port until the run is over.

Everything waits in one selector; nothing is polled. Towards the guest, bytes queue here when the emulator's UART is
full, and standard input is not read while more than a little is queued: nothing is lost, and nothing grows.
"""
import os
import selectors
import time

from . import grubcfg
from .gdbmux import DebuggerPort
from .outcome import EXIT_OK, EXIT_PANIC, EXIT_TIMEOUT, OutcomeScanner, UntilScanner
from .terminal import note

QUEUE_MAX = 65536
# After Latch said how it ended: time for the power-off to end the emulator, or for a panic's backtrace to print.
END_GRACE_S = 5.0
PANIC_GRACE_S = 1.0
# A slow emulator says that it is at work, as long as nobody else speaks.
BEAT_S = 10.0


class Session:
    """The state of one run. `run` returns the exit status, or None if the emulator ended without Latch's word."""

    def __init__(self, options, plan, child, terminal, log):
        self.plan = plan
        self.child = child
        self.terminal = terminal
        self.log = log
        self.native = options.native
        self.timeout = options.timeout
        self.deadline = None if options.timeout is None else time.monotonic() + options.timeout
        self.started = time.monotonic()
        self.next_beat = self.started + BEAT_S if plan.is_slow else None
        self.outcome = OutcomeScanner(plan.goes_on)
        self.until = UntilScanner(options.until)
        self.selector = selectors.DefaultSelector()
        self.debuggers = None
        if grubcfg.gdb_on_console(options):
            self.debuggers = DebuggerPort(options.gdb_guest, self.selector, self._send, grubcfg.console_escape(options))
        self.queue = bytearray()
        self.to_guest = None
        self.from_guest = None
        self.connection = None
        self.stdin_open = True
        self.stdin_waits = True
        self.finished = False
        self.status = None

    def run(self):
        """Runs to the end."""
        self._watch(self.child.pidfd, self._child_ended)
        self._watch(self.child.errors.fileno(), self._read_errors)
        if self.child.screen is not None:
            self._watch(self.child.screen, self._read_screen)
        if self.plan.listener is not None:
            self._watch(self.plan.listener.fileno(), self._accept)
        else:
            self._connect(self.child.console_out.fileno(), self.child.console_in.fileno())
        while not self.finished:
            events = self.selector.select(self._time_left())
            if not events and self.deadline is not None and time.monotonic() >= self.deadline:
                self._deadline_passed()
            self._beat()
            for key, mask in events:
                if not self.finished:
                    key.data(mask)
        if self.debuggers is not None:
            self.debuggers.close()
        self.selector.close()
        if self.connection is not None:
            self.connection.close()
        return self.status

    def _time_left(self):
        due = [when for when in (self.deadline, self.next_beat) if when is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _beat(self):
        """Until Latch speaks, the boot loader reads the kernels, silently."""
        if self.outcome.latch_seen or self.finished:
            self.next_beat = None
        if self.next_beat is not None and time.monotonic() >= self.next_beat:
            self.next_beat += BEAT_S
            note(f"{time.monotonic() - self.started:.0f} s: the boot loader is at work")

    def _finish(self, status):
        self.finished = True
        self.status = status

    def _deadline_passed(self):
        if self.outcome.status is not None and not self.native:
            self._finish(self.outcome.status)
            return
        note(f"timed out after {self.timeout:g} s")
        self._finish(EXIT_TIMEOUT)

    def _watch(self, fd, handler, events=selectors.EVENT_READ):
        self.selector.register(fd, events, handler)

    def _connect(self, from_guest, to_guest):
        """Joins the console's two ends; from now on standard input has a taker."""
        self.from_guest = from_guest
        self.to_guest = to_guest
        os.set_blocking(to_guest, False)
        try:
            self.selector.register(self.terminal.fd, selectors.EVENT_READ)
            self.selector.unregister(self.terminal.fd)
        except OSError:
            # A regular file or /dev/null cannot be waited for, as it is always ready; nor can a closed descriptor.
            self.stdin_waits = False
        self._update_interest()

    def _accept(self, _):
        self.connection, _ = self.plan.listener.accept()
        self.selector.unregister(self.plan.listener.fileno())
        self.plan.listener.close()
        self._connect(self.connection.fileno(), self.connection.fileno())

    def _update_interest(self):
        """Reads standard input while the queue is short, and waits for the guest's side while it is not empty."""
        while self.stdin_open and not self.stdin_waits and len(self.queue) < QUEUE_MAX:
            self._take_stdin()
        wants = {}
        if self.from_guest is not None:
            wants[self.from_guest] = selectors.EVENT_READ
        if self.to_guest is not None and self.queue:
            wants[self.to_guest] = wants.get(self.to_guest, 0) | selectors.EVENT_WRITE
        if self.to_guest is not None and self.stdin_open and len(self.queue) < QUEUE_MAX:
            wants[self.terminal.fd] = selectors.EVENT_READ
        handlers = {self.terminal.fd: self._read_stdin, self.from_guest: self._move_guest,
                    self.to_guest: self._move_guest}
        registered = self.selector.get_map()
        for fd, handler in handlers.items():
            if fd is None:
                continue
            if fd in registered:
                if fd not in wants:
                    self.selector.unregister(fd)
                elif registered[fd].events != wants[fd]:
                    self.selector.modify(fd, wants[fd], handler)
            elif fd in wants:
                self.selector.register(fd, wants[fd], handler)

    def _take_stdin(self):
        data = self.terminal.read()
        if data is None:
            self.stdin_open = False
        else:
            self.queue += data if self.debuggers is None else self.debuggers.typed.feed(data)

    def _send(self, data):
        """From a debugger, between what is typed."""
        if self.to_guest is not None:
            self.queue += data
            self._update_interest()

    def _read_stdin(self, _):
        self._take_stdin()
        if self.terminal.wants_to_leave:
            self._finish(EXIT_OK)
            return
        self._update_interest()

    def _move_guest(self, mask):
        if mask & selectors.EVENT_WRITE:
            self._write_guest()
        if mask & selectors.EVENT_READ:
            self._read_guest()

    def _write_guest(self):
        try:
            count = os.write(self.to_guest, self.queue[:4096])
            del self.queue[:count]
        except BlockingIOError:
            return
        except OSError:
            self.queue.clear()
            self.stdin_open = False
        self._update_interest()

    def _read_guest(self):
        try:
            data = os.read(self.from_guest, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        if self.debuggers is not None:
            data = self.debuggers.split(data)
        self.terminal.write(data)
        if self.log is not None:
            self.log.write(data)
        had_status = self.outcome.status is not None
        self.outcome.feed(data)
        if self.until.feed(data):
            self._finish(EXIT_OK)
        elif self.outcome.boot_count > 1 and self.plan.boots_again:
            note("the machine reset")
            self._finish(EXIT_PANIC)
        elif self.outcome.status is not None and not had_status and not self.native:
            self._latch_ended()

    def _latch_ended(self):
        if self.outcome.panicked:
            grace = PANIC_GRACE_S
        elif self.plan.leaves_on_power_off:
            grace = END_GRACE_S
        else:
            grace = 0.0
        self.deadline = time.monotonic() + grace

    def _hang_up(self):
        """The console's other end is gone; the child's end follows."""
        self.from_guest = None
        self.to_guest = None
        if self.debuggers is not None:
            self.debuggers.close()
            self.debuggers = None
        for fd in list(self.selector.get_map()):
            if fd not in (self.child.pidfd, self.child.errors.fileno(), self.child.screen):
                self.selector.unregister(fd)

    def _read_errors(self, _):
        if not self.child.read_errors():
            self.selector.unregister(self.child.errors.fileno())

    def _read_screen(self, _):
        try:
            data = os.read(self.child.screen, 65536)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(self.child.screen)

    def _child_ended(self, _):
        while self.from_guest is not None and not self.finished:
            self._read_guest()
        if self.finished:
            return
        while self.child.read_errors():
            pass
        self._finish(self.outcome.status if not self.native else None)
