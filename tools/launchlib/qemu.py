# SPDX-License-Identifier: BSD-2-Clause
"""The parts of a QEMU command line that do not depend on the architecture."""
from .plan import Plan


def base(binary, options, accel, mem):
    """A machine with nothing in it but CPUs, memory and the console."""
    argv = [binary, "-nodefaults", "-no-user-config", "-display", "none"]
    if options.icount:
        # Thread-per-CPU and instruction counting exclude each other.
        argv += ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
    else:
        argv += ["-accel", accel]
    argv += ["-m", f"{mem >> 10}K", "-smp", str(options.cpus)]
    # A reset means that something went wrong, or that the run is over: there is no loop of boots unless asked for.
    if not options.reboots:
        argv += ["-no-reboot"]
    argv += ["-chardev", "stdio,id=console,signal=off"]
    return argv


def extras(options):
    """Debugger, monitor and the user's own arguments, last so that they win."""
    argv = []
    if options.gdb is not None:
        argv += ["-S", "-gdb", f"tcp:127.0.0.1:{options.gdb}"]
    if options.monitor:
        argv += ["-qmp", f"unix:{options.monitor},server=on,wait=off"]
    return argv + options.machine_args


def plan(argv, options, notes):
    """The Plan of a QEMU run."""
    if options.gdb is not None:
        notes = notes + [f"waiting for a debugger: target remote 127.0.0.1:{options.gdb}"]
    return Plan(argv=argv, notes=notes, goes_on=options.reboots)
