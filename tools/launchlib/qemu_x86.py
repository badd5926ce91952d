# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's PC: with AMD SVM by TCG, or with what KVM passes on."""
import os
import shutil

from . import accel, grubcfg, qemu
from .errors import LaunchError
from .sizes import GIB, MIB

BINARY = "qemu-system-x86_64"
TCG_CPU = "max,+svm,+npt"
NATIVE_CPU = "max"
OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"


def machine_memory(options):
    """Memory of the physical machine in bytes."""
    if options.mem is not None:
        return options.mem
    return max(GIB, sum(vm.mem_bytes for vm in options.vms) + 256 * MIB)


def _firmware(options, run_folder):
    if not options.uefi:
        return []
    for path in (OVMF_CODE, OVMF_VARS):
        if not os.path.exists(path):
            raise LaunchError(f"UEFI firmware {path} is missing (package ovmf); run tools/bootstrap")
    variables = os.path.join(run_folder, "vars.fd")
    shutil.copyfile(OVMF_VARS, variables)
    return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF_CODE}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]


def prepare(options, iso, run_folder):
    """The run of an ISO image, or of the first VM's kernel by itself."""
    kind, why = accel.choose(options)
    mem = options.vms[0].mem_bytes if options.native and options.mem is None else machine_memory(options)
    argv = qemu.base(BINARY, options, kind, mem)
    argv += ["-M", "q35", "-serial", "chardev:console"]
    if options.gdb_guest and not grubcfg.gdb_on_console(options):
        # The port hands over single bytes: all but the first would wait 40 ms for an acknowledgement otherwise.
        argv += ["-serial", f"tcp:127.0.0.1:{options.gdb_guest},server=on,wait=off,nodelay=on"]
    model = "host" if kind == "kvm" else NATIVE_CPU if options.native else TCG_CPU
    argv += ["-cpu", options.cpu or model]
    argv += _firmware(options, run_folder)
    if options.native:
        vm = options.vms[0]
        argv += ["-kernel", vm.kernel, "-append", vm.cmdline]
        argv += ["-initrd", vm.initrd] if vm.initrd else []
        argv += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    else:
        argv += ["-drive", f"if=none,id=cd,media=cdrom,format=raw,readonly=on,file={iso.replace(',', ',,')}",
                 "-device", "ide-cd,drive=cd,bootindex=0"]
    argv += qemu.extras(options)
    plan = qemu.plan(argv, options, [f"{'native run, ' if options.native else ''}QEMU with {why}"])
    # QEMU 7.2: whatever CPU restores floating-point registers writes flags of the first CPU, without a lock; see docs/worlds.md.
    plan.one_core = kind == "tcg" and options.cpus > 1
    return plan
