# SPDX-License-Identifier: BSD-2-Clause
"""What is left when something ends: a report about the guest, complete in itself, while the others run on."""
import os
import re
import subprocess

import pytest

import harness

GUESTS = os.path.join(harness.BUILD, "guests")
REPORT = r"(?m)^latch: report vm {name}: (.*)$"


def functions(elf):
    """Start addresses and names of an ELF file's functions and labels, in order."""
    printed = subprocess.run(["nm", "-n", elf], capture_output=True, text=True, check=True).stdout
    return [(int(line.split()[0], 16), line.split()[2]) for line in printed.splitlines() if line.split()[1] in "tT"]


def function_at(elf, address):
    """The function that holds an address."""
    return [name for start, name in functions(elf) if start <= address][-1]


def report_of(output, name):
    """The lines of one VM's report, which follow its record."""
    lines = re.findall(REPORT.format(name=name), output)
    assert lines, output
    assert output.index(f"latch: vm {name} ended: ") < output.index(f"latch: report vm {name}: "), output
    assert lines[-1] == "end" and lines.count("end") == 1, lines
    return lines


def line_with(lines, start):
    """The only line that begins so."""
    found = [line for line in lines if line.startswith(start)]
    assert len(found) == 1, (start, lines)
    return found[0]


def register(lines, name):
    """A register's value."""
    found = [int(value, 16) for line in lines for value in re.findall(rf"(?:^|\s){name} +([0-9a-f]{{4,16}})\b", line)]
    assert found, (name, lines)
    return found[0]


def bytes_at(elf, address, size):
    """What a file has at an address that it is loaded to."""
    headers = subprocess.run(["readelf", "-lW", elf], capture_output=True, text=True, check=True).stdout
    for offset, start, filled in re.findall(r"LOAD +(0x\S+) (0x\S+) 0x\S+ (0x\S+)", headers):
        if int(start, 16) <= address < int(start, 16) + int(filled, 16):
            with open(elf, "rb") as file:
                file.seek(int(offset, 16) + address - int(start, 16))
                return file.read(size)
    raise AssertionError(f"{address:#x} is not in {elf}")


def check_code(line, elf, pc):
    """The code shown is the program's, and the next instruction is the one in brackets."""
    where, shown = re.fullmatch(r"code at 0x([0-9a-f]+):((?: <?[0-9a-f]{2}>?)+)", line).groups()
    data = bytes.fromhex(re.sub(r"[<> ]", "", shown))
    assert data == bytes_at(elf, int(where, 16), len(data)), line
    assert int(where, 16) + shown.split().index(re.search(r"<..>", shown)[0]) == pc, line


def test_guest_that_ends_by_a_triple_fault(launch, latch_image):
    """One record, then all that is known of it; the other VM finishes its work."""
    elf = harness.require(os.path.join(GUESTS, "hostile.elf"), "make guests")
    other = harness.require(os.path.join(GUESTS, "nmi-selftest.elf"), "make guests")
    run = launch("--timeout", "110", "--cpus", "2", "--hv", "on-end=poweroff trace=on",
                 "--vm", f"name=hostile,kernel={elf},mem=64M,cpus=2,cmdline=triple-fault",
                 "--vm", f"name=other,kernel={other},mem=64M")
    lines = report_of(run.output, "hostile")
    build = re.search(r"self-check: Latch (\S+) for x86, build ([0-9a-f]{16})", run.output)
    assert lines[0].startswith(f"Latch {build[1]}, build {build[2]}, up "), lines[0]
    ended = re.search(r"(?m)^latch: vm hostile ended: (triple-fault: shutdown at vcpu 0 RIP 0x([0-9a-f]+))$", run.output)
    assert lines[1] == f"vm 0, 2 vCPUs, 64 MiB, ended: {ended[1]}"
    pc = int(ended[2], 16)
    assert register(lines, "rip") == pc and function_at(elf + ".64", pc) == "triple_fault", lines
    assert bytes_at(elf + ".64", pc, 2) == b"\x0f\x0b"  # its UD2
    check_code(line_with(lines, "code at "), elf + ".64", pc)
    assert register(lines, "cr0") & 0x80000001 == 0x80000001 and register(lines, "efer") & 0x500 == 0x500
    assert "limit 0x00000000" in line_with(lines, "idtr "), lines
    assert "shutdown" in line_with(lines, "exitcode "), lines
    assert line_with(lines, "books: ") == "books: balanced"
    assert line_with(lines, "pending: ").startswith("pending: exception vector 6 "), lines
    assert line_with(lines, "vcpu 1 ").endswith("waits for SIPI"), lines
    traced = [line for line in lines if line.startswith("trace ")]
    assert len(traced) == 16 and " exit shutdown vm hostile vcpu 0 " in traced[-1], traced
    times = [int(re.search(r" at (\d+) ", line)[1]) for line in traced]
    assert times == sorted(times), traced
    assert len(lines) < 80 and max(map(len, lines)) < 400
    assert re.search(r"SELFTEST-END (\d+) of \1\b", run.output) and "PANIC" not in run.output, run


def test_code_that_cannot_be_read(launch, latch_image):
    """Guest page tables outside memory: nothing is shown that is not there, and the walk tells where it ends."""
    elf = harness.require(os.path.join(GUESTS, "hostile.elf"), "make guests")
    run = launch("--timeout", "60", "--hv", "on-end=poweroff",
                 "--vm", f"name=hostile,kernel={elf},mem=64M,cmdline=tables-nowhere")
    lines = report_of(run.output, "hostile")
    assert re.match(r"code at 0x[0-9a-f]+ is not in memory", line_with(lines, "code at ")), lines
    assert "0x0d0000000" in line_with(lines, "PML4E ") and line_with(lines, "gva ").endswith("table outside RAM"), lines
    assert line_with(lines, "last exits: ") == "last exits: not traced (trace=on, or the shell's trace on)"
    # The machine waits for the report before it goes.
    assert run.output.rstrip().endswith("latch: all VMs ended: failed"), run


def test_no_report_where_there_is_nothing_to_explain(launch, latch_image):
    """A guest that goes by its own will gets its record only; one that dies again and again gets one report."""
    elf = harness.require(os.path.join(GUESTS, "hostile.elf"), "make guests")
    run = launch("--timeout", "60", "--hv", "on-end=restart", "--until", "ended 5 times in short order",
                 "--vm", f"name=again,kernel={elf},mem=64M,cmdline=triple-fault",
                 "--vm", f"name=leaves,kernel={elf},mem=64M,on-end=stay,cmdline=fault-addresses")
    assert run.status == 0, run
    assert run.output.count("latch: vm again ended: triple-fault") >= 4, run
    report_of(run.output, "again")
    assert "latch: vm leaves ended: debug-exit" in run.output and "report vm leaves" not in run.output, run


def test_arm64_guest_that_ends(launch, latch_arm64):
    """Registers, calls by frame pointers, and what stage 2 says of the address."""
    image = harness.require(os.path.join(GUESTS, "arm64-hostile.img"), "make guests-arm64")
    run = launch("--arch", "arm64", "--timeout", "60", "--hv", "on-end=poweroff trace=on",
                 "--vm", f"name=hostile,kernel={image},mem=64M,cpus=2,cmdline=simd",
                 "--vm", f"name=other,kernel={image},mem=64M,cpus=2")
    assert "[other] HOSTILE-END" in run.output and "latch: vm other ended: poweroff" in run.output, run
    lines = report_of(run.output, "hostile")
    build = re.search(r"self-check: Latch (\S+) for arm64, build ([0-9a-f]{16})", run.output)
    assert lines[0].startswith(f"Latch {build[1]}, build {build[2]}, up "), lines[0]
    base = 0x40000000 - min(start for start, _ in functions(image + ".elf"))
    pc = register(lines, "pc")
    code = re.search(r"<..>( ..){3}", line_with(lines, "code at "))[0]
    assert code == "<20> 01 c0 3d", lines  # LDR Q0, [X9]
    assert register(lines, "x9") == 0x9000000
    calls = [int(line.split()[1], 16) for line in lines if line.startswith("#")]
    assert calls[0] == pc and len(calls) >= 3, lines
    names = [function_at(image + ".elf", at - base) for at in calls]
    assert names[:3] == ["guest_main", "guest_start", "start"], (names, lines)
    assert "stage 2 data abort" in line_with(lines, "exit syndrome 0x92"), lines
    assert "guest-physical 0x9000000," in line_with(lines, "exit address 0x9000000"), lines
    assert any("no RAM" in line for line in lines), lines
    assert " exit mmio vm hostile vcpu 0 " in [line for line in lines if line.startswith("trace ")][-1], lines
    assert line_with(lines, "vcpu 1 ").endswith(" off"), lines
