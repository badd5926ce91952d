# SPDX-License-Identifier: BSD-2-Clause
"""The launcher's command line."""
import argparse
import os
import re
import shlex

from .errors import LaunchError
from .paths import default_image
from .sizes import parse_size
from .vmspec import SHAPE, parse_vm, require_file, require_printable

EMULATORS = ("qemu-svm", "bochs-svm", "bochs-vmx", "qemu-arm64")
DEFAULT_EMULATOR = {"x86": "qemu-svm", "arm64": "qemu-arm64"}
EPILOG = """\
Exit status: 0 when --until matched or all VMs powered off; VALUE*2+1 when a guest's debug-exit port ended the run;
70 Latch panicked; 71 a VM failed (triple fault, unhandled exit, bad configuration); 124 time-out; 125 the launcher
could not do its work (one line on stderr says why).
On a terminal, Ctrl-A X leaves, Ctrl-A H lists the keys. Everything else goes to the serial console, unchanged.
"""


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaint is one line with the launcher's own exit status."""

    def error(self, message):
        raise LaunchError(f"{message}; tools/launch --help lists the options")


def _build_parser():
    parser = _Parser(prog="tools/launch", allow_abbrev=False, epilog=EPILOG,
                     formatter_class=argparse.RawDescriptionHelpFormatter,
                     description="Boots Latch and its virtual machines in an emulator, serial console on stdio.")
    add = parser.add_argument
    add("--vm", action="append", default=[], metavar="SPEC", help=f"one virtual machine: {SHAPE}; other KEY=VALUE "
        "words go to Latch as they are; sizes like 512M; repeat for more machines")
    add("--emu", choices=EMULATORS, help="emulator and kind of virtualization (default qemu-svm; with --arch arm64 "
        "qemu-arm64)")
    add("--arch", choices=tuple(DEFAULT_EMULATOR), default="x86", help="what the machine is (default x86)")
    add("--uefi", action="store_true", help="boot through UEFI firmware instead of BIOS")
    add("--cpus", default="1", metavar="N", help="physical CPUs of the machine (default 1); QEMU "
        "without KVM runs all of a PC's on one of this machine's: docs/worlds.md")
    add("--mem", metavar="SIZE", help="memory of the machine (default: the VMs' and 256M more, at least 1G)")
    add("--hv", default="", metavar="OPTIONS", help="options for Latch; console=com1 (arm64: pl011) and on-end=poweroff "
        "are added unless given")
    add("--image", metavar="FILE", help="Latch image (default build/x86/latch.elf, build/arm64/Image)")
    add("--module", action="append", default=[], metavar="FILE[,TEXT]",
        help="one more boot module, with TEXT as its command line, unchecked")
    add("--accel", choices=("auto", "tcg", "kvm"), default="auto", help="how QEMU runs (default auto: KVM where "
        "nested virtualization really works, else TCG)")
    add("--cpu", metavar="MODEL", help="the emulator's CPU model, in its own words")
    add("--gic", choices=("3", "4"), default="3", help="arm64: the version of the interrupt controller (default 3)")
    add("--icount", action="store_true", help="count instructions: 1 ns of machine time each, exactly repeatable")
    add("--timeout", metavar="S", help="give up after S seconds of wall time, with status 124")
    add("--until", metavar="REGEX", help="end with status 0 when the console's output matches (carriage returns "
        "removed, ^ and $ match at lines)")
    add("--log", metavar="FILE", help="also copy the console's output to FILE")
    add("--iso", metavar="OUT", help="only write the bootable ISO image to OUT")
    add("--boot-iso", metavar="FILE", help="boot this ISO image as it is, made by --iso; the VMs are in it")
    add("--unpack", action="store_true", help="replace bzImages by the ELF kernels in them, which boot faster; always so "
        "with Bochs")
    add("--native", action="store_true", help="boot the first VM's kernel directly, without Latch (with Bochs, by GRUB)")
    add("--gdb", nargs="?", const="1234", metavar="PORT", help="wait for a debugger on this local port (default 1234)")
    add("--gdb-guest", metavar="PORT", help="let a debugger attach to guests on this local port: Latch's GDB server on "
        "the second serial port with qemu-svm, else on the console's line (gdb=com2 or gdb=console is added unless --hv has a gdb= word)")
    add("--monitor", metavar="PATH", help="QEMU's QMP monitor on this unix socket")
    add("--reboots", action="store_true", help="a reset boots the machine again (QEMU), and a panic does not end the run: for "
        "panic=reboot")
    add("--machine-args", action="append", default=[], metavar="ARGS", help="raw arguments for the emulator (quote "
        "them as one, shell-like; a lone word starting with '-' needs --machine-args=WORD); with Bochs, bochsrc lines")
    add("--dry-run", action="store_true", help="only print the emulator's command line")
    return parser


def _parse_count(text, what, limit):
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > limit:
        raise LaunchError(f"{what} must be a number from 1 to {limit}, not '{text}'")
    return int(text)


def _check_boot_iso(options):
    for word, given in {"--vm": options.vms, "--hv": options.hv, "--module": options.module, "--image": options.image,
                        "--iso": options.iso, "--native": options.native, "--unpack": options.unpack}.items():
        if given:
            raise LaunchError(f"--boot-iso boots an image as it is; {word} belongs to its making")
    if options.arch == "arm64":
        raise LaunchError("--boot-iso is for x86 only")
    require_file(options.boot_iso, "--boot-iso")


def _check_paths(options):
    if options.boot_iso:
        _check_boot_iso(options)
    elif options.native:
        if not options.vms:
            raise LaunchError("--native needs a --vm whose kernel it can boot")
        if options.iso:
            raise LaunchError("--native boots without an ISO image; drop --iso or --native")
    else:
        options.image = options.image or default_image(options.arch)
        if not os.path.isfile(options.image):
            raise LaunchError(f"no Latch image at {options.image}; run make, or name one with --image")
    if options.iso and options.arch == "arm64":
        raise LaunchError("--iso is for x86 only; arm64 boots build/arm64/Image with a boot archive (docs/arm64.md)")
    for what in ("log", "iso", "monitor"):
        path = getattr(options, what)
        if path and not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            raise LaunchError(f"--{what} {path}: its folder does not exist")


def _parse_modules(options):
    modules = []
    for text in options.module:
        path, _, words = text.partition(",")
        require_file(path, "--module")
        require_printable(words, f"text of --module {path}")
        modules.append((path, words))
    options.module = modules


def parse(argv):
    """Options, checked: numbers are numbers, files exist, words can be passed on."""
    options = _build_parser().parse_args(argv)
    options.emu = options.emu or DEFAULT_EMULATOR[options.arch]
    if options.arch == "arm64" and options.emu != "qemu-arm64":
        raise LaunchError(f"--emu {options.emu} is a PC, not arm64; drop --arch or --emu")
    options.arch = "arm64" if options.emu == "qemu-arm64" else "x86"
    options.cpus = _parse_count(options.cpus, "--cpus", 255)
    options.vms = [parse_vm(text) for text in options.vm]
    names = [vm.name for vm in options.vms]
    for name in names:
        if names.count(name) > 1:
            raise LaunchError(f"two --vm are named '{name}'; every VM needs a name of its own")
    if options.mem is not None:
        options.mem = parse_size(options.mem, "--mem")
    if options.timeout is not None:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", options.timeout) or float(options.timeout) <= 0:
            raise LaunchError(f"--timeout must be seconds, such as 30 or 2.5, not '{options.timeout}'")
        options.timeout = float(options.timeout)
    if options.until is not None:
        try:
            options.until = re.compile(options.until.encode(), re.MULTILINE)
        except re.error as error:
            raise LaunchError(f"--until is no regular expression: {error}") from None
    if options.gdb is not None:
        options.gdb = _parse_count(options.gdb, "--gdb port", 65535)
    if options.gdb_guest is not None:
        options.gdb_guest = _parse_count(options.gdb_guest, "--gdb-guest port", 65535)
        if options.native:
            raise LaunchError("--gdb-guest is served by Latch; drop --native")
    require_printable(options.hv, "--hv")
    try:
        options.machine_args = [word for text in options.machine_args for word in shlex.split(text)]
    except ValueError as error:
        raise LaunchError(f"--machine-args: {error}") from None
    _parse_modules(options)
    _check_paths(options)
    return options
