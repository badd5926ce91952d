# SPDX-License-Identifier: BSD-2-Clause
"""The user's side of the console: standard input and output, raw if they are a terminal."""
import os
import sys
import termios
import tty

ESCAPE = 0x01  # Ctrl-A
HELP = (b"\r\nCtrl-A X  leave (the machine is switched off)\r\nCtrl-A H  this help\r\n"
        b"Ctrl-A Ctrl-A  send Ctrl-A\r\n")


class Terminal:
    """Standard input for the guest. As a context manager it puts the terminal back as it was, on every way out."""

    def __init__(self):
        self.fd = 0
        self.is_terminal = os.isatty(0)
        self.saved = None
        self.escaped = False
        self.wants_to_leave = False

    def __enter__(self):
        if self.is_terminal:
            self.saved = termios.tcgetattr(self.fd)
            # Output keeps its processing of nothing: the guest sends \r\n itself.
            tty.setraw(self.fd, termios.TCSANOW)
        return self

    def __exit__(self, *_):
        if self.saved is not None:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)
            self.saved = None

    def read(self):
        """Bytes for the guest; None at end of input."""
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return None
        if not data:
            return None
        return self._take_keys(data) if self.is_terminal else data

    def _take_keys(self, data):
        if not self.escaped and ESCAPE not in data:
            return data
        passed = bytearray()
        for byte in data:
            if not self.escaped:
                if byte == ESCAPE:
                    self.escaped = True
                else:
                    passed.append(byte)
                continue
            self.escaped = False
            if byte in b"xX":
                self.wants_to_leave = True
            elif byte in b"hH?":
                self.write(HELP)
            elif byte == ESCAPE:
                passed.append(byte)
            else:
                passed += bytes((ESCAPE, byte))
        return bytes(passed)

    @staticmethod
    def write(data):
        """Writes all of it to standard output, which may be slow but is never lost."""
        view = memoryview(data)
        while view:
            view = view[os.write(1, view):]


def note(text):
    """One line for the user, apart from the console's output."""
    end = "\r\n" if os.isatty(2) else "\n"
    sys.stderr.write(f"launch: {text}{end}")
    sys.stderr.flush()
