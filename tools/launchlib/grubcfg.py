# SPDX-License-Identifier: BSD-2-Clause
"""The grub.cfg that boots Latch.

GRUB's script language takes everything between single quotes literally, and a single quote itself as \\'. Words are
quoted one by one, because GRUB puts an argument that contains a space between double quotes again. In the command
lines it hands over, GRUB writes a backslash before every quote and backslash: that is part of its protocol, and the
receiver's to undo.
"""
import re
import struct

from . import bzimage
from .errors import LaunchError

PREAMBLE = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
set gfxpayload=text
"""
PLAIN = re.compile(r"[A-Za-z0-9_./:=,+@%^-]+")


def quote_word(word):
    """One word for GRUB's script language."""
    if PLAIN.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def quote_words(text):
    """A command line for GRUB: word by word, inner runs of spaces kept."""
    return " ".join(quote_word(word) for word in text.split(" "))


def gdb_on_console(options):
    """Whether gdb and the console share a line: asked for, or there is no second one."""
    given = [word for word in options.hv.split() if word.startswith("gdb=")]
    if not options.gdb_guest:
        return False
    return given[-1].startswith("gdb=console") if given else options.emu not in ("qemu-svm",)


def console_escape(options):
    """The character before the console's keys, as Latch takes the word."""
    words = [word for word in options.hv.split() if re.fullmatch(r"escape=\^[@-_a-z]", word)]
    return ord(words[-1][-1].upper()) & 0x1F if words else 0x1D


def hv_words(options):
    """Latch's own options, the launcher's defaults first."""
    given = options.hv.split()
    words = []
    if not any(word.startswith("console=") for word in given):
        words.append("console=pl011" if options.arch == "arm64" else "console=com1")
    if not any(word.startswith("on-end=") for word in given):
        words.append("on-end=poweroff")
    if options.gdb_guest and not any(word.startswith("gdb=") for word in given):
        words.append("gdb=console" if gdb_on_console(options) else "gdb=com2")
    return " ".join(words + given)


def vm_words(vm):
    """The command line of a VM's kernel module."""
    words = [f"{vm.name}:kernel", f"cpus={vm.cpus}", f"mem={vm.mem}"] + vm.words
    return " ".join(words) + (f" -- {vm.cmdline}" if vm.cmdline else "")


MULTIBOOT1_MAGIC = struct.pack("<I", 0x1BADB002)
MULTIBOOT1_SEARCH = 8192


def native_command(path):
    """What GRUB loads this kernel with."""
    with open(path, "rb") as kernel:
        start = kernel.read(MULTIBOOT1_SEARCH)
    if MULTIBOOT1_MAGIC in start:
        return "multiboot"
    if bzimage.is_bzimage(path):
        return "linux"
    raise LaunchError(f"{path} is neither a bzImage nor a Multiboot kernel; GRUB, which boots it here, takes no other")


def native_files(options):
    """(name under /boot, source file, command line, GRUB's command) of a run without Latch."""
    vm = options.vms[0]
    command = native_command(vm.kernel)
    # GRUB leaves out the kernel's own name, which other Multiboot loaders put first.
    text = f"kernel {vm.cmdline}" if command == "multiboot" else vm.cmdline
    files = [("kernel", vm.kernel, text, command)]
    if vm.initrd:
        files.append(("initrd", vm.initrd, "", "initrd" if command == "linux" else "module"))
    return files


def boot_files(options):
    """(name under /boot, source file, command line, GRUB's command) of everything GRUB loads, Latch first."""
    if options.native:
        return native_files(options)
    files = [("latch", options.image, hv_words(options), "multiboot2")]
    for vm in options.vms:
        files.append((f"{vm.name}.kernel", vm.kernel, vm_words(vm), "module2"))
        if vm.initrd:
            files.append((f"{vm.name}.initrd", vm.initrd, f"{vm.name}:initrd", "module2"))
    for number, (path, text) in enumerate(options.module):
        files.append((f"module{number}", path, text, "module2"))
    return files


def write_config(files):
    """The text of grub.cfg for these boot files."""
    lines = []
    for name, _, text, command in files:
        lines.append(f"    {command} /boot/{name} {quote_words(text)}".rstrip())
    return PREAMBLE + f"menuentry {'Latch' if files[0][0] == 'latch' else 'kernel'} {{\n" + "\n".join(lines) + "\n}\n"
