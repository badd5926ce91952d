# SPDX-License-Identifier: BSD-2-Clause
"""The launcher's main line: options, image, run, exit status."""
import importlib
import os
import shlex
import signal
import sys

from . import iso, options, paths, plainkernel
from .child import Child
from .errors import LaunchError
from .outcome import EXIT_LAUNCHER, EXIT_PANIC
from .session import Session
from .terminal import Terminal, note

# Emulator modules, each with prepare(options, iso, run_folder) -> Plan; loaded when used.
EMULATORS = {
    "qemu-svm": "qemu_x86",
    "bochs-svm": "bochs",
    "bochs-vmx": "bochs",
    "qemu-arm64": "qemu_arm64",
}
# Where a guest would take minutes to unpack its own kernel.
SLOW_EMULATORS = ("bochs-svm", "bochs-vmx")
STOPPING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Stopped(Exception):
    """A signal asks the launcher to stop."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def _on_signal(number, _):
    # A second signal must not break the cleaning up that the first one starts.
    for one in STOPPING_SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise Stopped(number)


def _load_emulator(name):
    try:
        return importlib.import_module("." + EMULATORS[name], __package__)
    except ModuleNotFoundError:
        raise LaunchError(f"--emu {name} is not there yet") from None


def _status_without_word(opts, plan, child, session):
    """The emulator has ended, and Latch did not say how."""
    code = child.process.wait()
    words = child.last_error()
    if plan.last_words is not None:
        said = plan.last_words(child.error_text.decode(errors="replace"))
        code = 0 if said == "" else code or 1
        words = words if said is None else said
    if opts.native:
        # Power-off gives 0; isa-debug-exit gives VALUE*2+1 by itself, which QEMU's own failure (1) resembles.
        if code == 1 and words:
            raise LaunchError(words)
        return code if code >= 0 else 128 - code
    if code != 0 and not (session.outcome.latch_seen and plan.last_words is not None):
        raise LaunchError(words or f"{opts.emu} ended with status {code}")
    if session.outcome.latch_seen:
        note("the machine reset or went off without a last word from Latch" + (f": {words}" if code else ""))
        return EXIT_PANIC
    raise LaunchError("the machine reset or went off before Latch said anything")


def _unpack_kernels(opts, run_folder):
    """bzImages become the ELF kernels in them: where that was asked for, and where unpacking takes the guest minutes."""
    if opts.unpack or (opts.emu in SLOW_EMULATORS and not opts.native):
        for vm in opts.vms:
            vm.kernel = plainkernel.provide(vm.kernel, run_folder)


def _provide_image(opts, emulator, run_folder):
    """What the machine boots from: an ISO image, unless the emulator's module has a way of its own. None: the kernel itself."""
    if opts.boot_iso:
        return os.path.abspath(opts.boot_iso)
    if opts.native:
        provide = getattr(emulator, "native_provide", None)
        return provide(opts, run_folder) if provide else None
    return getattr(emulator, "provide", iso.provide)(opts, run_folder)


def _run(opts, run_folder):
    _unpack_kernels(opts, run_folder)
    if opts.iso:
        iso.write(opts, opts.iso)
        return 0
    emulator = _load_emulator(opts.emu)
    plan = emulator.prepare(opts, _provide_image(opts, emulator, run_folder), run_folder)
    if opts.dry_run:
        print(shlex.join(plan.argv))
        return 0
    for line in plan.notes:
        note(line)
    log = open(opts.log, "wb", buffering=0) if opts.log else None
    child = Child(plan)
    try:
        with Terminal() as terminal:
            session = Session(opts, plan, child, terminal, log)
            status = session.run()
    finally:
        child_status = child.process.poll()
        child.end()
        if log is not None:
            log.close()
    if status is None:
        child.process.returncode = child_status if child_status is not None else child.process.returncode
        status = _status_without_word(opts, plan, child, session)
    return status


def main(argv):
    """Returns the exit status."""
    try:
        opts = options.parse(argv)
        for number in STOPPING_SIGNALS:
            signal.signal(number, _on_signal)
        with paths.run_folder() as run_folder:
            return _run(opts, run_folder)
    except LaunchError as error:
        note(f"error: {error}")
        return EXIT_LAUNCHER
    except OSError as error:
        note(f"error: {error}")
        return EXIT_LAUNCHER
    except Stopped as stop:
        return 128 + stop.number
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            os._exit(EXIT_LAUNCHER)
