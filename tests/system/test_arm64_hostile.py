# SPDX-License-Identifier: BSD-2-Clause
"""An arm64 guest that does what it should not: it gets what a CPU without the thing would give it, and its neighbours run on."""
import os
import re

import pytest

import harness

GUEST = os.path.join(harness.BUILD, "guests", "arm64-hostile.img")
CPUS = ("cortex-a57", "max,pauth-impdef=on")
HOLES = (0x0, 0xB000000, 0x3FFFFFF8, 0x8000000000, 0x88A0000)

# By the Arm manual, for a CPU at EL1 without EL2, EL3, PMU, SVE, RAS and LORegions.
EXPECTED = """\
[registers]
  sctlr_el2: undefined
  pmcr_el0: undefined
  pmccntr_el0: undefined
  zcr_el1: undefined
  erridr_el1: undefined
  lorid_el1: undefined
  number that nothing has: 0x0
  actlr_el1: 0x0
  oslsr_el1: 0x8
  oslar_el1: 0x0
  undefined instruction: undefined
  brk: BRK
  dbgbvr0_el1: 0x123450
  mdscr_el1: 0x0
[features]
  pfr0: EL2 0 EL3 0 RAS 0 SVE 0 AMU 0 GIC 1
  pfr1: MTE 0 SME 0
  dfr0: PMU 0 trace 0
  mmfr1: VHE 0 LOR 0
[holes]
""" + "".join(f"""\
  read: data abort, status 0x10, at {at:#x}
  write: data abort, status 0x10 by a write, at {at:#x}
  pair: data abort, status 0x10 by a write, at {at:#x}
""" for at in HOLES) + """\
  jump there: fetch abort, status 0x10, at 0xb000000
  jump there: fetch abort, status 0x10, at 0x9000000
[instructions]
  ldp: 0x97 0x0
  ldr pre-index: 0x97, base 24
  ldrb post-index: 0x97, base 0
  ldrsb: 0xffffffffffffff97
  str post-index: base 12
  cache maintenance of a device: 0x0
  big-endian: 0x97000000
[calls]
  unknown: -1
  CPU_ON nobody: -2
  CPU_ON nowhere: -9
  CPU_ON itself: -4
  AFFINITY_INFO: 0 1 -2
  FEATURES: 0 -1
  HVC #1: -1
  SMC: 0x10001
[timer]
  off: 0x0
  ahead: 0x3, counting
  over: 0x7
[return]
  return to EL2: illegal state
"""


def vm(name="hostile", kernel=GUEST, words="mem=64M,cpus=2", cmdline=""):
    """The argument of --vm."""
    return f"name={name},kernel={harness.require(kernel, 'make guests-arm64')},{words},cmdline={cmdline}"


@pytest.mark.parametrize("cpu", CPUS)
def test_gets_what_the_architecture_says(launch, latch_arm64, cpu):
    run = launch("--arch", "arm64", "--cpu", cpu, "--timeout", "60", "--vm", vm())
    assert run.status == 0, run
    said = "".join(line + "\n" for line in run.output.splitlines() if line.startswith(("[", "  ")))
    assert said == EXPECTED
    assert "HOSTILE-END" in run.output, run
    # A line for each of the first unknown registers that trap, and no more.
    assert 1 <= len(re.findall(r"^latch: vm hostile vcpu 0: .* of system register", run.output, re.MULTILINE)) <= 4, run


@pytest.mark.parametrize("word,insn", [("simd", "3dc00120"), ("atomic", r"885f7c[0-9a-f]{2}")])
def test_device_accessed_in_a_way_that_is_not_emulated(launch, latch_arm64, word, insn):
    """Ends the VM with one record that names address and instruction; the other VM runs to its end."""
    run = launch("--arch", "arm64", "--timeout", "60", "--vm", vm(cmdline=word), "--vm", vm("other"))
    assert run.status != 0, run
    ends = re.findall(r"^latch: vm hostile ended: (.*)$", run.output, re.MULTILINE)
    assert len(ends) == 1 and re.match(
        rf"unhandled-exit: device at 0x9000000 accessed by an instruction that is not emulated \({insn}\) at vcpu 0 PC 0x", ends[0]), ends
    assert "[other] HOSTILE-END" in run.output, run
    assert "latch: vm other ended: poweroff" in run.output, run


@pytest.mark.parametrize("head,size,mem,line", [
    (b"\x1f\x8b\x08\x00", 64, "64M", "kernel: a gzip file; unpack it first"),
    (b"\x7fELF", 64, "64M", "kernel: an ELF file; make an Image or a raw image of it"),
    (b"\0", 2 << 20, "2M", "kernel: larger than the VM's memory"),
], ids=("gzip", "elf", "large"))
def test_kernels_that_cannot_be_loaded(launch, latch_arm64, tmp_path, head, size, mem, line):
    kernel = tmp_path / "kernel"
    kernel.write_bytes(head.ljust(size, b"\0"))
    run = launch("--arch", "arm64", "--timeout", "60", "--vm", vm("bad", str(kernel), f"mem={mem}"), "--vm", vm())
    assert f"latch: error: vm bad: {line}" in run.output, run
    assert "latch: vm bad ended: config: not started" in run.output, run
    assert "latch: vm hostile ended: poweroff" in run.output, run


def test_raw_image_starts_at_its_first_byte(launch, latch_arm64, tmp_path):
    """The same program without its header: entry at byte 0, x0 = device tree."""
    raw = bytearray(open(harness.require(GUEST, "make guests-arm64"), "rb").read())
    raw[56:60] = bytes(4)
    kernel = tmp_path / "raw"
    kernel.write_bytes(raw)
    run = launch("--arch", "arm64", "--timeout", "60", "--vm", vm(kernel=str(kernel)))
    assert run.status == 0 and "(raw)" in run.output and "HOSTILE-END" in run.output, run
