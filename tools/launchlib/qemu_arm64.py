# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's arm64 board `virt`, with EL2 and a GICv3 or GICv4, by TCG."""
import os

from . import bundle, grubcfg, qemu
from .errors import LaunchError
from .qemu_x86 import machine_memory

BINARY = "qemu-system-aarch64"
CPU = "neoverse-n1"
NOTE = "QEMU with TCG, board virt"


def _refuse(options):
    for option, given in {"--uefi": options.uefi, "--accel kvm": options.accel == "kvm"}.items():
        if given:
            raise LaunchError(f"{option} is for x86 only; {options.emu} cannot do it")


def provide(options, run_folder):
    """The boot archive, in place of an ISO image; None without modules."""
    if not bundle.entries(options):
        return None
    target = os.path.join(run_folder, "boot.cpio")
    bundle.write(options, target)
    return target


def prepare(options, archive, run_folder):
    """The run of Latch with its boot archive, or of the first VM's kernel by itself at EL1."""
    _refuse(options)
    del run_folder
    mem = options.vms[0].mem_bytes if options.native and options.mem is None else machine_memory(options)
    argv = qemu.base(BINARY, options, "tcg", mem)
    argv += ["-M", f"virt,virtualization={'off' if options.native else 'on'},gic-version={options.gic}"]
    argv += ["-cpu", options.cpu or CPU, "-serial", "chardev:console"]
    if options.icount:
        # For runs that are the same digit for digit, beside the instruction counting.
        argv[argv.index("-M") + 1] += ",dtb-randomness=off"
        argv += ["-seed", "1", "-rtc", "base=2024-01-01,clock=vm"]
    if options.native:
        vm = options.vms[0]
        argv += ["-kernel", vm.kernel, "-append", vm.cmdline]
        argv += ["-initrd", vm.initrd] if vm.initrd else []
    else:
        argv += ["-kernel", options.image, "-append", grubcfg.hv_words(options)]
        argv += ["-initrd", archive] if archive else []
    argv += qemu.extras(options)
    return qemu.plan(argv, options, [f"{'native run, ' if options.native else ''}{NOTE}"])
