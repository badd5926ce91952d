# SPDX-License-Identifier: BSD-2-Clause
"""What an emulator module hands to the rest of the launcher: how to start one run.

Every emulator is one module with `prepare(options, iso, run_folder) -> Plan`; `iso` is None for a native run
where the module has no `native_provide`.
"""
import socket
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Plan:
    """One run of an emulator."""
    argv: list
    # The console is the child's stdin and stdout, or, if set, the first connection to this listening socket.
    listener: socket.socket = None
    # The child wants a terminal of its own to draw on; what it draws is dropped.
    wants_terminal: bool = False
    # Ends by itself when the machine powers off; else it is ended as soon as Latch reports the end.
    leaves_on_power_off: bool = True
    # A reset does not end it: it boots again, and Latch's first line comes again.
    boots_again: bool = False
    # Neither a reset nor a panic is the end.
    goes_on: bool = False
    # Takes so long until Latch speaks that the user wants to hear something.
    is_slow: bool = False
    # All its threads have to share one of this machine's CPUs.
    one_core: bool = False
    # After the child's end, from what it wrote to standard error: its last words, "" if the machine went off in order, None
    # if there are none.
    last_words: Callable[[str], str] = None
    env: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
