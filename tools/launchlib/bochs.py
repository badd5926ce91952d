# SPDX-License-Identifier: BSD-2-Clause
"""Bochs's PC: SVM by its Ryzen model, VMX by its Skylake-X model.

Bochs connects to the console's socket here, so that its port needs no guessing and its output waits for the reader.
It draws its screen on a terminal of its own, and stops in its debugger first: a command file says go on.
"""
import os
import re
import socket

from . import iso as iso_image
from .errors import LaunchError
from .plan import Plan
from .qemu_x86 import machine_memory
from .sizes import MIB

MODELS = {"bochs-svm": "ryzen", "bochs-vmx": "corei7_skylake_x"}
BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGA_BIOS = "/usr/share/bochs/VGABIOS-lgpl-latest"
MEMORY_MAX = 2048 * MIB
CPUS_MAX = 8
# Bochs ends with a "panic" whatever happens; these are not one.
OFF_IN_ORDER = ("ACPI control: soft power off", "Shutdown port: shutdown requested")
LAST_WORDS = re.compile(r">>PANIC<<\s*(.*\S)")

# Bochs loads no kernel by itself: GRUB does.
native_provide = iso_image.provide


def _refuse(options):
    refused = {"--uefi": options.uefi, "--icount": options.icount,
               "--gdb": options.gdb is not None,
               "--monitor": options.monitor, "--reboots": options.reboots, f"--accel {options.accel}": options.accel != "auto"}
    for option, given in refused.items():
        if given:
            raise LaunchError(f"{option} is for QEMU only; {options.emu} cannot do it")
    if options.cpus > CPUS_MAX:
        raise LaunchError(f"{options.emu} has at most {CPUS_MAX} CPUs, not {options.cpus}")
    if machine_memory(options) > MEMORY_MAX:
        raise LaunchError(f"{options.emu} has at most {MEMORY_MAX // MIB}M of memory; give the VMs less")
    for path in (BIOS, VGA_BIOS):
        if not os.path.exists(path):
            raise LaunchError(f"{path} is missing (packages bochsbios and vgabios); run tools/bootstrap")


def _write_config(options, iso, run_folder, log, port):
    mem = machine_memory(options) // MIB
    lines = [
        "config_interface: textconfig",
        "display_library: term",
        f"romimage: file={BIOS}",
        f"vgaromimage: file={VGA_BIOS}",
        f"cpu: model={options.cpu or MODELS[options.emu]}, count={options.cpus}, ips=20000000, reset_on_triple_fault=0",
        f"memory: guest={mem}, host={mem}",
        "clock: sync=none, time0=utc",
        f"ata0-master: type=cdrom, path=\"{iso}\", status=inserted",
        "boot: cdrom",
        f"com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}",
        f"log: {log}",
        "panic: action=fatal",
        "error: action=report",
        "info: action=ignore",
        "debug: action=ignore",
    ]
    rc_file = os.path.join(run_folder, "bochsrc")
    with open(rc_file, "w", encoding="utf-8") as output:
        output.write("\n".join(lines + options.machine_args) + "\n")
    commands = os.path.join(run_folder, "commands")
    with open(commands, "w", encoding="ascii") as output:
        output.write("c\n")
    return rc_file, commands


def _last_words(options, log, errors):
    """Why Bochs ended, from its log or standard error; "" if the machine was turned off, None if neither says."""
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as lines:
            errors = lines.read()
    said = LAST_WORDS.findall(errors)
    if not said:
        return None
    if options.cpu and said[-1].endswith("cpu directive malformed."):
        return f"Bochs has no CPU model '{options.cpu}'; bochs -help cpu lists them"
    return "" if said[-1] in OFF_IN_ORDER else f"Bochs: {said[-1]}"


def prepare(options, iso, run_folder):
    """The run of an ISO image."""
    _refuse(options)
    note = (f"{'native run, ' if options.native else ''}Bochs, CPU model {options.cpu or MODELS[options.emu]}: every instruction is "
            "emulated, Linux boots in about a minute")
    listener = socket.create_server(("127.0.0.1", 0), backlog=1)
    log = os.path.join(run_folder, "bochs.log")
    rc_file, commands = _write_config(options, iso, run_folder, log, listener.getsockname()[1])
    return Plan(argv=["bochs", "-q", "-f", rc_file, "-rc", commands], listener=listener, wants_terminal=True,
                leaves_on_power_off=False, boots_again=True, is_slow=not options.native,
                last_words=lambda errors: _last_words(options, log, errors), env={"TERM": "xterm"}, notes=[note])
