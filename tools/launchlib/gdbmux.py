# SPDX-License-Identifier: BSD-2-Clause
"""GDB's remote protocol and the console on one serial line (gdb=console; core/gdb_console.h has the format).

From Latch: frames ESC _ 0x1e g BYTES ESC \\ between the console's bytes. To Latch: the console's escape character, g, and
one unit: a packet from $ to the second digit behind #, or one byte.
"""
import selectors
import socket

ESCAPE = 0x1D
HEAD = b"\x1b_\x1eg"
END = b"\x1b\\"
PACKET_MOST = 65536


class FromLine:
    """Parts what comes from Latch."""

    def __init__(self):
        self.inside = False
        self.held = b""  # may be the beginning of a head or an end

    def feed(self, data):
        """(bytes of the console, bytes for the debugger)"""
        console, debugger = bytearray(), bytearray()
        data = self.held + data
        self.held = b""
        while data:
            mark = END if self.inside else HEAD
            at = data.find(mark)
            keep = 0
            if at < 0:
                keep = next(n for n in range(len(mark) - 1, -1, -1) if data.endswith(mark[:n]))
            part = data[:at] if at >= 0 else data[:len(data) - keep]
            (debugger if self.inside else console).extend(part)
            if at < 0:
                self.held = data[len(data) - keep:] if keep else b""
                break
            data = data[at + len(mark):]
            self.inside = not self.inside
        return bytes(console), bytes(debugger)


class ToLine:
    """Packs what a debugger sends, unit by unit; what has no end yet waits, so that nothing comes in between."""

    def __init__(self, escape=ESCAPE):
        self.head = bytes((escape, ord("g")))
        self.packet = bytearray()

    def feed(self, data):
        """What is to be sent down the line."""
        out = bytearray()
        for byte in data:
            if self.packet or byte == ord("$"):
                self.packet.append(byte)
                hash_at = self.packet.rfind(b"#", -3)
                if (hash_at >= 0 and hash_at == len(self.packet) - 3) or len(self.packet) > PACKET_MOST:
                    out += self.head + self.packet
                    self.packet.clear()
            else:
                out += self.head + bytes((byte,))
        return bytes(out)


class Typed:
    """Keeps the console's escape character and the key behind it together."""

    def __init__(self, escape=ESCAPE):
        self.escape = escape
        self.pending = False

    def feed(self, data):
        """What is to be sent down the line."""
        out = bytearray()
        for byte in data:
            if not self.pending and byte == self.escape:
                self.pending = True
                continue
            if self.pending:
                out.append(self.escape)
            out.append(byte)
            self.pending = False
        return bytes(out)


class DebuggerPort:
    """A local port for debuggers, one at a time; `send` takes what goes down the line, `selector` calls handlers as
    its data."""

    def __init__(self, port, selector, send, escape=ESCAPE):
        self.selector = selector
        self.send = send
        self.escape = escape
        self.from_line = FromLine()
        self.to_line = ToLine(escape)
        self.typed = Typed(escape)
        self.connection = None
        self.waiting = bytearray()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1)
        selector.register(self.listener.fileno(), selectors.EVENT_READ, self._accept)

    def split(self, data):
        """Takes what came from the line; returns the console's part."""
        console, debugger = self.from_line.feed(data)
        if debugger and self.connection is not None:
            self.waiting += debugger
            self._write()
        return console

    def close(self):
        """Ends it."""
        self._drop()
        self.listener.close()

    def _accept(self, _):
        connection, _ = self.listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers wait for nobody's acknowledgement
        self._drop()  # the new one has the word: the old one may have died without one
        connection.setblocking(False)
        self.connection = connection
        self.to_line = ToLine(self.escape)
        self.selector.register(connection.fileno(), selectors.EVENT_READ, self._move)

    def _drop(self):
        if self.connection is not None:
            self.selector.unregister(self.connection.fileno())
            self.connection.close()
        self.connection = None
        self.waiting.clear()

    def _move(self, mask):
        if mask & selectors.EVENT_WRITE:
            self._write()
        if self.connection is None or not mask & selectors.EVENT_READ:
            return
        try:
            data = self.connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.send(self.to_line.feed(data))
        else:
            self._drop()

    def _write(self):
        try:
            del self.waiting[:self.connection.send(self.waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop()
            return
        self.selector.modify(self.connection.fileno(),
                             selectors.EVENT_READ | (selectors.EVENT_WRITE if self.waiting else 0), self._move)
