# SPDX-License-Identifier: BSD-2-Clause
"""What `--vm` says about one virtual machine."""
import os
import re
from dataclasses import dataclass, field

from .errors import LaunchError
from .sizes import parse_size

DEFAULT_MEM = "512M"
SHAPE = "name=N,kernel=FILE[,initrd=FILE][,cpus=N][,mem=SIZE][,cmdline=REST OF STRING]"


@dataclass
class VmSpec:
    """One virtual machine. `words` go to Latch as they are (share=, pin=, on-end=...)."""
    name: str = ""
    kernel: str = ""
    initrd: str = ""
    cpus: str = "1"
    mem: str = DEFAULT_MEM
    words: list = field(default_factory=list)
    cmdline: str = ""

    @property
    def mem_bytes(self):
        """Memory in bytes."""
        return parse_size(self.mem, f"mem= of VM {self.name}")


def _split_cmdline(text):
    """(part before, the command line): `cmdline=` takes everything behind it, commas included."""
    match = re.search(r"(?:^|,)cmdline=", text)
    if not match:
        return text, ""
    return text[:match.start()], text[match.end():]


def require_file(path, what):
    """A readable file, or one line that says which is missing."""
    if not os.path.isfile(path):
        raise LaunchError(f"{what}: no such file: {path}")
    if not os.access(path, os.R_OK):
        raise LaunchError(f"{what}: cannot read {path}")


def require_printable(text, what):
    """Text that fits on a boot loader's command line."""
    for position, char in enumerate(text):
        if not 0x20 <= ord(char) < 0x7F:
            raise LaunchError(f"{what} may hold printable ASCII only, not {char!r} (character {position + 1})")


def parse_vm(text):
    """The VmSpec behind one --vm argument, its files checked."""
    head, cmdline = _split_cmdline(text)
    vm = VmSpec(cmdline=cmdline)
    seen = set()
    for word in head.split(","):
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise LaunchError(f"--vm '{text}': '{word}' is not KEY=VALUE; expected {SHAPE}")
        if key in seen:
            raise LaunchError(f"--vm '{text}': {key}= stands twice")
        seen.add(key)
        if key in ("name", "kernel", "initrd", "cpus", "mem"):
            setattr(vm, key, value)
        else:
            require_printable(word, f"--vm word {key}=")
            vm.words.append(word)
    for key in ("name", "kernel"):
        if key not in seen:
            raise LaunchError(f"--vm '{text}': {key}= is missing; expected {SHAPE}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", vm.name):
        raise LaunchError(f"--vm name '{vm.name}' must be 1 to 15 letters, digits, '.', '_' or '-'")
    if not re.fullmatch(r"[1-9][0-9]{0,2}", vm.cpus):
        raise LaunchError(f"cpus= of VM {vm.name} must be a number from 1, not '{vm.cpus}'")
    parse_size(vm.mem, f"mem= of VM {vm.name}")
    require_file(vm.kernel, f"kernel of VM {vm.name}")
    if vm.initrd:
        require_file(vm.initrd, f"initrd of VM {vm.name}")
    require_printable(vm.cmdline, f"cmdline of VM {vm.name}")
    return vm
