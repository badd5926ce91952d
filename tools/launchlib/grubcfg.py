# SPDX-License-Identifier: BSD-2-Clause
"""The grub.cfg that boots Latch.

GRUB's script language takes everything between single quotes literally, and a single quote itself as \\'. Words are
quoted one by one, because GRUB puts an argument that contains a space between double quotes again. In the command
lines it hands over, GRUB writes a backslash before every quote and backslash: that is part of its protocol, and the
receiver's to undo.
"""
import re

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


def hv_words(options):
    """Latch's own options, the launcher's defaults first."""
    given = options.hv.split()
    words = []
    if not any(word.startswith("console=") for word in given):
        words.append("console=pl011" if options.arch == "arm64" else "console=com1")
    if not any(word.startswith("on-end=") for word in given):
        words.append("on-end=poweroff")
    return " ".join(words + given)


def vm_words(vm):
    """The command line of a VM's kernel module."""
    words = [f"{vm.name}:kernel", f"cpus={vm.cpus}", f"mem={vm.mem}"] + vm.words
    return " ".join(words) + (f" -- {vm.cmdline}" if vm.cmdline else "")


def boot_files(options):
    """(name under /boot, source file, command line) of everything GRUB loads, Latch first."""
    files = [("latch", options.image, hv_words(options))]
    for vm in options.vms:
        files.append((f"{vm.name}.kernel", vm.kernel, vm_words(vm)))
        if vm.initrd:
            files.append((f"{vm.name}.initrd", vm.initrd, f"{vm.name}:initrd"))
    for number, (path, text) in enumerate(options.module):
        files.append((f"module{number}", path, text))
    return files


def write_config(files):
    """The text of grub.cfg for these boot files."""
    lines = []
    for name, _, text in files:
        command = "multiboot2" if name == "latch" else "module2"
        lines.append(f"    {command} /boot/{name} {quote_words(text)}".rstrip())
    return PREAMBLE + "menuentry Latch {\n" + "\n".join(lines) + "\n}\n"
