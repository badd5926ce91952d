# SPDX-License-Identifier: BSD-2-Clause
"""What is left when something ends: a report about the guest, complete in itself, while the others run on."""
import os
import re
import subprocess

import pytest

import harness
from shell import Shell
from test_host_nmi import Monitor

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
    # Always on: the exception was given to the guest, which could not even begin to take it.
    last = [re.sub(r"^injection \d+ ", "", line) for line in lines if line.startswith("injection ")]
    assert last[-3:] == ["raised: exception 6", "entry: exception 6", "exit cut: exception 6"], last
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


MACHINES = {
    "x86": (["--cpus", "2"], "spin.elf", "make guests"),
    "uefi": (["--cpus", "2", "--uefi"], "spin.elf", "make guests"),
    "arm64": (["--cpus", "2", "--arch", "arm64"], "arm64-spin.img", "make guests-arm64"),
}


@pytest.fixture
def machine(console, latch_image, latch_arm64, tmp_path):
    """machine(KIND, LATCH'S WORDS, LAUNCHER'S OPTIONS...) boots a guest that spins; the run."""

    def boot(kind, words, *more):
        options, guest, command = MACHINES[kind]
        guest = harness.require(os.path.join(GUESTS, guest), command)
        # The last --hv word of the harness's own: the VM stays, the machine does too.
        return console(*options, *more, "--hv", words, "--vm", f"name=spin,kernel={guest},mem=64M,cmdline=spin")

    return boot


def panic_lines(run, word, last):
    """Asks for a panic at the shell; its lines without their prefix, from PANIC to the one that `last` ends with."""
    shell = Shell(run)
    shell.send(f"panic {word}")
    run.expect("latch: (?=PANIC )")
    text = run.expect(rf"{last}\r\n") + last
    return text.replace("\nlatch: ", "\n").split("\n")


@pytest.mark.parametrize("kind, how", [("x86", "reboot"), ("x86", "button"), ("uefi", "button"), ("arm64", "reboot"),
                                       ("arm64", "button")])
def test_panic_report_outlives_a_reset(machine, tmp_path, kind, how):
    """By panic=reboot, or by the reset button of a machine that stands still: the next boot finds and shows it."""
    monitor = ["--monitor", str(tmp_path / "qmp")] if how == "button" else []
    run = machine(kind, f"panic={'reboot' if how == 'reboot' else 'halt'} trace=on", "--reboots", *monitor)
    run.expect("spin: ready")
    said = panic_lines(run, "really", "resets the machine \\(panic=reboot\\)" if how == "reboot" else "halted")
    if how == "button":
        Monitor(tmp_path / "qmp").run("system_reset")
    run.expect(r"latch: last panic report: (\d+) bytes, number 1, shown by the shell's report\r\n")
    size = int(run.child.match[1])
    run.expect("spin: ready")
    shell = Shell(run)
    kept = shell("report").strip().split("\n")
    assert kept[:-1] == said[:-1] and kept[0] == "PANIC asked for at the shell", (kept, said)
    assert len("\n".join(kept)) + 1 == size
    # What a reader needs.
    assert re.fullmatch(r"Latch \S+, build [0-9a-f]{16}, up \d+ ms", kept[2]), kept
    assert any(re.search(r"\] shell_panic\+0x", line) for line in kept), kept
    assert any(re.fullmatch(r"cpu 1: stopped, .*", line) for line in kept), kept
    assert any(" exit " in line and line.startswith("trace cpu ") for line in kept), kept
    assert any(line.startswith("log: latch: self-check: ") for line in kept), kept
    assert "vm spin: 1 vCPUs, running" in kept
    # Forgotten for good.
    shell("report clear")
    assert "no report of a panic" in shell("report")
    shell.send("reboot")
    assert "last panic report" not in run.expect("spin: ready")


def test_fault_inside_a_panic(machine):
    """The second one is told too, and what comes after the broken part."""
    run = machine("x86", "on-end=stay")
    run.expect("spin: ready")
    lines = panic_lines(run, "nested", "halted")
    assert lines[0] == "PANIC asked for at the shell"
    second = [i for i, line in enumerate(lines) if line.startswith("PANIC host exception 14 ")]
    assert len(second) == 1 and any("tell_vcpu" in line for line in lines[second[0]:]), lines
    assert any(line.startswith("cpu 1: stopped") for line in lines[second[0]:]), lines
    assert any(line.startswith("log: ") for line in lines[second[0]:]), lines
    assert run.status() == 70


def test_panic_by_an_nmi(machine):
    """On the NMI's stack, and it says what was interrupted."""
    run = machine("x86", "on-end=stay")
    run.expect("spin: ready")
    lines = panic_lines(run, "nmi", "halted")
    assert lines[0] == "PANIC NMI on CPU 0 (hostnmi=panic)"
    at = lines.index("the NMI came at:")
    assert lines[at + 1].startswith("rip "), lines
    pc = lines[at + 1].split()[1]
    calls = lines[lines.index("backtrace:", at):]
    assert int(calls[1].split("]")[0].split("x")[1], 16) == int(pc, 16), lines
    assert any("shell_panic" in line for line in calls[:6]) and any("sched_loop" in line for line in calls), lines
    assert run.status() == 70


def test_panic_while_another_cpu_has_the_console(machine):
    """CPU 0 holds the console's lock for ever; CPU 1's panic is whole, and says where CPU 0 stands."""
    run = machine("x86", "on-end=stay")
    run.expect("spin: ready")
    Shell(run).until("vcpus spin", r"spin +\.0 +1 runs")
    lines = panic_lines(run, "locked", "halted")
    assert lines[0] == "PANIC NMI on CPU 1 (hostnmi=panic)"
    assert re.fullmatch("last exitcode +0x0+61 nmi", line_with(lines, "last exitcode")), lines
    assert re.fullmatch(r"events injection \d+ entry", [line for line in lines if line.startswith("events injection ")][-1]), lines
    at = [i for i, line in enumerate(lines) if line.startswith("cpu 0: stopped")]
    assert len(at) == 1, lines
    assert any("shell_panic" in line for line in lines[at[0] + 1:at[0] + 5]), lines
    assert run.status() == 70


# What is spoilt, and what the record says. QEMU saves the host's state when it refuses the guest's.
REFUSED = "the CPU refused the guest's state: "
SPOILS = [
    ("qemu-svm", "cr4", REFUSED + "not told, the VMCB has the host's state now"),
    ("bochs-vmx", "pae", REFUSED + "long mode without CR4.PAE"),
    ("bochs-vmx", "event", "VM entry failed: VM-instruction error 7: invalid control fields: event of no type"),
]


@pytest.mark.parametrize("emulator, word, why", SPOILS, ids=[f"{emulator}-{word}" for emulator, word, _ in SPOILS])
def test_entry_that_the_hardware_refuses(console, latch_image, emulator, word, why):
    """The VM ends with one record that says why, and a report with the calls that led there; the other runs on."""
    elf = harness.require(os.path.join(GUESTS, "spin.elf"), "make guests")
    run = console("--emu", emulator, "--hv", "on-end=stay", "--vm", f"name=spin,kernel={elf},mem=64M,cmdline=spin",
                  "--vm", f"name=other,kernel={elf},mem=64M,cmdline=spin")
    for _ in range(2):
        run.expect("spin: ready")
    shell = Shell(run)
    shell.send(f"spoil spin {word}")
    text = run.expect(r"latch: report vm spin: end") + "latch: report vm spin: end"
    records = re.findall(r"(?m)^latch: vm spin ended: (.*)$", text)
    assert len(records) == 1 and records[0].startswith(f"unhandled-exit: {why}"), text
    lines = report_of(text, "spin")
    assert line_with(lines, "hardware refuses: ").split(": ")[1] == why.split(": ")[-1], lines
    if "vmx" in emulator:
        calls = [function_at(elf + ".64", int(line.split()[1], 16)) for line in lines if line.startswith("#")]
        assert calls[:3] == ["innermost", "middle", "spin"], (calls, lines)
        check_code(line_with(lines, "code at "), elf + ".64", register(lines, "rip"))
    assert " runs " in re.search(r"other +\.0 +.*", shell.until("vcpus other", r"other +\.0.*\n"))[0] and "PANIC" not in text
