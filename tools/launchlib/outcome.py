# SPDX-License-Identifier: BSD-2-Clause
"""How a run ended, read from the records Latch prints on its console.

    latch: vm NAME ended: REASON: ...       one VM ended (reasons: poweroff, reset, debug-exit code=N, ...)
    latch: all VMs ended: poweroff          or "debug-exit code=N" (N: the value written to the port), or "failed"
    latch: PANIC ...                        Latch itself gave up
"""
import re

EXIT_OK = 0
EXIT_PANIC = 70
EXIT_FAILED = 71
EXIT_TIMEOUT = 124
EXIT_LAUNCHER = 125

RECORD = re.compile(rb"^latch: (?:(PANIC)|all VMs ended: (poweroff|failed|debug-exit code=(0x[0-9a-fA-F]+|[0-9]+)))")
BANNER = b"latch: self-check: Latch "
LINE_MAX = 4096


class OutcomeScanner:
    """Looks at the console's lines as they complete."""

    def __init__(self, goes_on=False):
        self.goes_on = goes_on
        self.line = bytearray()
        self.status = None
        self.panicked = False
        self.latch_seen = False
        self.boot_count = 0

    def feed(self, data):
        """Takes output; afterwards `status` is the exit status if Latch has told how it ended."""
        if self.status is not None:
            return
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._end_line(self.line + piece)
            self.line = bytearray()
        self.line += rest
        del self.line[LINE_MAX:]

    def _end_line(self, line):
        line = line.strip(b"\r").lstrip(b"\x1e")  # the mark of marks=on
        if not line.startswith(b"latch: ") or self.status is not None:
            return
        self.latch_seen = True
        self.boot_count += line.startswith(BANNER)
        match = RECORD.match(line)
        if not match or (match[1] and self.goes_on):
            return
        if match[1]:
            self.panicked = True
            self.status = EXIT_PANIC
        elif match[2] == b"poweroff":
            self.status = EXIT_OK
        elif match[2] == b"failed":
            self.status = EXIT_FAILED
        else:
            self.status = (int(match[3], 0) * 2 + 1) & 0xFF


class UntilScanner:
    """Looks for --until's expression in the output, across chunks; lines longer than the window are cut."""

    WINDOW = 4096

    def __init__(self, pattern):
        self.pattern = pattern
        self.tail = b""

    def feed(self, data):
        """Whether the expression has been seen."""
        if self.pattern is None:
            return False
        text = self.tail + data.replace(b"\r", b"")
        self.tail = text[-self.WINDOW:]
        return self.pattern.search(text) is not None
