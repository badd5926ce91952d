# SPDX-License-Identifier: BSD-2-Clause
"""arm64's host side: boots on each kind of CPU and GIC, loaded anywhere, and says in one line what it cannot do without."""
import os
import re
import socket
import struct
import subprocess

import pexpect
import pytest

import harness

IMAGE = os.path.join(harness.BUILD, "arm64", "Image")
ELF = os.path.join(harness.BUILD, "arm64", "latch.elf")
CPUS = ("cortex-a57", "neoverse-n1", "max,pauth-impdef=on")
TEXT_OFFSET = 8
FDT_STRUCT = 8
FDT_STRUCT_SIZE = 36

DTB_AT = 0x4C000000
LATCH_AT = 0x50000000
ONE_LINE = re.compile(r"^latch: PANIC (.*)$", re.MULTILINE)


@pytest.fixture(name="boot")
def fixture_boot(launch):
    """boot(ARGUMENTS...) runs Latch in QEMU's virt to its end."""
    harness.require(IMAGE, "make ARCH=arm64 build")

    def run(*arguments):
        return launch("--arch", "arm64", "--timeout", "60", *arguments)

    return run


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("gic", ["3", "4"])
def test_boots_with_all_cpus(boot, cpu, gic):
    run = boot("--cpu", cpu, "--gic", gic, "--cpus", "4")
    assert run.status == 0, run
    vhe = "without VHE" if cpu == "cortex-a57" else "with VHE (left off)"
    for line in (f"self-check: GICv{gic}, ", f", EL2 {vhe}, ", "self-check: PSCI 1.1 by smc\n",
                 "self-check: 4 of 4 CPUs run\n", "latch: all VMs ended: poweroff\n"):
        assert line in run.output, run
    assert "warning" not in run.output and "PANIC" not in run.output, run


def test_many_cpus_in_two_redistributor_regions(boot):
    run = boot("--cpus", "130")
    assert run.status == 0 and "self-check: 130 of 130 CPUs run\n" in run.output, run
    assert ", 2 redistributor regions\n" in run.output, run


def test_console_none(boot):
    run = boot("--hv", "console=none")
    assert run.status == 125 and run.output == "", run


def test_maxcpus(boot):
    run = boot("--cpus", "4", "--hv", "maxcpus=2")
    assert run.status == 0 and "self-check: 2 of 4 CPUs run\n" in run.output, run


def test_image_runs_wherever_it_is_loaded(boot, tmp_path):
    image = bytearray(open(harness.require(IMAGE, "make ARCH=arm64 build"), "rb").read())
    struct.pack_into("<Q", image, TEXT_OFFSET, 0x1600000)
    moved = tmp_path / "Image"
    moved.write_bytes(image)
    run = boot("--image", str(moved), "--cpus", "2")
    assert run.status == 0 and " KiB at 0x41600000, " in run.output, run
    assert "self-check: 2 of 2 CPUs run\n" in run.output, run


@pytest.mark.parametrize("machine,line", [
    ("virtualization=off", r"started at EL1 or EL3: Latch needs EL2, .*"),
    ("gic-version=2", r"this machine has a GICv2; Latch needs a GICv3 or later"),
])
def test_lacking_machines(boot, machine, line):
    run = boot("--machine-args", f"-machine {machine}")
    assert run.status == 70, run
    said, = ONE_LINE.findall(run.output)
    assert re.fullmatch(line, said), run


@pytest.mark.parametrize("arguments,complaint", [
    (["--uefi"], "--uefi is for x86 only; qemu-arm64 cannot do it"),
    (["--accel", "kvm"], "--accel kvm is for x86 only; qemu-arm64 cannot do it"),
    (["--iso", "out.iso"], "--iso is for x86 only; arm64 boots build/arm64/Image with a boot archive (docs/arm64.md)"),
    (["--emu", "bochs-svm"], "--emu bochs-svm is a PC, not arm64; drop --arch or --emu"),
])
def test_what_only_a_pc_can(boot, arguments, complaint):
    run = boot(*arguments)
    assert run.status == 125 and run.notes[-1] == f"launch: error: {complaint}", run


def dump_tree(tmp_path, cpus=1):
    """QEMU's own device tree for the machine that `boot` makes."""
    path = tmp_path / "virt.dtb"
    subprocess.run(["qemu-system-aarch64", "-M", f"virt,virtualization=on,gic-version=3,dumpdtb={path}", "-cpu",
                    "neoverse-n1", "-m", "1G", "-smp", str(cpus), "-nodefaults", "-display", "none", "-kernel", IMAGE,
                    "-append", "on-end=poweroff"], check=True, capture_output=True)
    return path.read_bytes()


def edit_tree(tree, old, new):
    """The tree with one piece of its source text replaced."""
    source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts"], input=tree, check=True, capture_output=True).stdout
    text = source.decode()
    assert text.count(old) == 1, old
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.replace(old, new).encode(), check=True,
                          capture_output=True).stdout


@pytest.fixture(name="boot_tree")
def fixture_boot_tree(boot, tmp_path):
    """boot_tree(TREE, at=ADDRESS, ...) starts Latch as a loader would that hands over this device tree."""

    def run(tree, *arguments, at=DTB_AT):
        (tmp_path / "dtb").write_bytes(tree)
        # An Image whose code is: ldr x0, [the tree's address]; ldr x1, [Latch's address]; br x1
        stub = struct.pack("<IIQQQ24x4sI", 0x14000010, 0, 0, 0x1000, 0xA, b"ARM\x64", 0)
        stub += struct.pack("<IIIIQQ", 0x58000080, 0x580000A1, 0xD61F0020, 0, at, LATCH_AT)
        (tmp_path / "stub").write_bytes(stub)
        loaders = [f"-device loader,file={file},addr={address:#x},force-raw=on"
                   for file, address in ((tmp_path / "dtb", DTB_AT), (IMAGE, LATCH_AT))]
        return boot("--image", str(tmp_path / "stub"), *(f"--machine-args={words}" for words in loaders), *arguments)

    return run


def test_tree_by_another_loader(boot_tree, tmp_path):
    run = boot_tree(dump_tree(tmp_path))
    assert run.status == 0 and " KiB at 0x50000000, " in run.output, run


def test_damaged_trees(boot_tree, tmp_path):
    tree = dump_tree(tmp_path)
    start, = struct.unpack_from(">I", tree, FDT_STRUCT)
    size, = struct.unpack_from(">I", tree, FDT_STRUCT_SIZE)
    for part in (1, 4, 7):
        at = start + size * part // 8 // 4 * 4
        run = boot_tree(tree[:at] + bytes(len(tree) - at))
        assert run.status == 70, run
        assert ONE_LINE.findall(run.output) == ["the device tree is damaged"], run


@pytest.mark.parametrize("at", [0, DTB_AT + 4, DTB_AT + 8, LATCH_AT, LATCH_AT + 0x20000, 0xFFFFFFFFFFFFFFF8])
def test_no_tree(boot_tree, tmp_path, at):
    run = boot_tree(dump_tree(tmp_path), at=at)
    assert run.status == 70, run
    assert ONE_LINE.findall(run.output) == [f"the loader passed no device tree (x0 = {at:x})"], run


def test_tree_without_memory(boot_tree, tmp_path):
    run = boot_tree(edit_tree(dump_tree(tmp_path), 'device_type = "memory"', 'device_type = "nothing"'))
    assert run.status == 70, run
    assert ONE_LINE.findall(run.output) == ["the device tree describes no memory"], run


@pytest.mark.parametrize("start", [0x1000, LATCH_AT, 0x7FFFF000])
def test_initrd_that_is_not_memory_is_ignored(boot_tree, tmp_path, start):
    words = 'bootargs = "on-end=poweroff";'
    tree = edit_tree(dump_tree(tmp_path), words, f"{words} linux,initrd-start = <{start:#x}>; linux,initrd-end = <{start + 0x2000:#x}>;")
    run = boot_tree(tree)
    assert run.status == 0, run
    assert f"latch: warning: the initrd at {start:x} does not lie in memory: ignored\n" in run.output, run


@pytest.mark.parametrize("count,line", [
    (20, None),
    (40, r"latch: warning: memory [0-9a-f]+-[0-9a-f]+ is left out: too many holes in the memory map"),
    (90, r"latch: warning: device tree: too many memory regions: the last ones are ignored"),
    (140, r"latch: PANIC the device tree has more memory regions than Latch can hold"),
])
def test_holes_in_memory(boot_tree, tmp_path, count, line):
    """Reserved pages 4 MiB apart: each costs a page table, and what cannot be mapped is not used."""
    pieces = "".join(f" r{i} {{ reg = <0x0 {0x54001000 + 0x400000 * i:#x} 0x0 0x1000>; }};" for i in range(count))
    tree = edit_tree(dump_tree(tmp_path), "\tpsci {", "\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;"
                     + pieces + " };\n\tpsci {")
    run = boot_tree(tree)
    assert run.status == (70 if line and "PANIC" in line else 0), run
    assert run.output.count("warning") == 0 if line is None else re.search(line, run.output), run


def test_cpu_that_is_not_there_is_left_out(boot_tree, tmp_path):
    tree = edit_tree(dump_tree(tmp_path, 3), "reg = <0x01>;", "reg = <0x05>;")
    run = boot_tree(tree, "--cpus", "3")
    assert run.status == 0, run
    assert "latch: warning: CPU with affinity 5 is left out: the firmware does not know it\n" in run.output, run
    assert "self-check: 2 of 3 CPUs run\n" in run.output, run


def test_cpu_with_another_way_to_start_is_left_out(boot_tree, tmp_path):
    source = dump_tree(tmp_path, 2)
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts"], input=source, check=True, capture_output=True).stdout
    before, last = text.decode().rsplit('enable-method = "psci"', 1)
    tree = subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=(before + 'enable-method = "spin-table"' + last).encode(),
                          check=True, capture_output=True).stdout
    run = boot_tree(tree, "--cpus", "2")
    assert run.status == 0 and "CPU with affinity 1 is left out: PSCI does not start it\n" in run.output, run
    assert "self-check: 1 of 2 CPUs run\n" in run.output, run


def test_boots_by_u_boot(tmp_path, request):
    """A loader with its own ideas of where image, archive and tree belong; the archive is cpio's own."""
    firmware = harness.require("/usr/lib/u-boot/qemu_arm64/u-boot.bin", "tools/bootstrap arm64")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "kernel").write_bytes(b"\x7fELF, which Latch does not load")
    (tmp_path / "files" / "latch.cfg").write_text("# one machine\nkernel tiny:kernel mem=16M\n")
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tmp_path / "files", check=True,
                             input=b".\n./kernel\n./latch.cfg\n", capture_output=True).stdout
    (tmp_path / "boot.cpio").write_bytes(archive)
    argv = ["-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a57", "-m", "1G", "-smp", "2", "-nodefaults",
            "-display", "none", "-serial", "stdio", "-bios", firmware]
    for file, address in ((IMAGE, "0x60100000"), (tmp_path / "boot.cpio", "0x68000000")):
        argv += ["-device", f"loader,file={file},addr={address},force-raw=on"]
    os.makedirs(harness.LOG_FOLDER, exist_ok=True)
    with open(os.path.join(harness.LOG_FOLDER, f"test_arm64.{request.node.name}.log"), "wb") as log:
        child = pexpect.spawn("qemu-system-aarch64", argv, timeout=harness.PATIENCE_S, logfile=log)
        try:
            child.expect("Hit any key")
            child.send("\n")
            for command in ("setenv bootargs console=pl011 on-end=poweroff",
                            f"booti 0x60100000 0x68000000:{len(archive):x} ${{fdtcontroladdr}}"):
                child.expect_exact("=> ")
                child.send(command + "\n")
            child.expect("self-check: image [0-9]+ KiB at 0x60200000, 1 modules\r")
            child.expect("self-check: 2 of 2 CPUs run\r")
            child.expect("latch: vm tiny ended: config: ")
            child.expect("latch: all VMs ended: failed\r")
            child.expect(pexpect.EOF)
        finally:
            child.close(force=True)


def fault(log_name, *commands, cpus=1, before=()):
    """Lets Latch get to its idle loop, does what the debugger's commands say, and returns the launcher's status and output."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    argv = [harness.LAUNCH, "--arch", "arm64", "--cpus", str(cpus), "--hv", "on-end=stay", "--gdb", str(port), "--timeout", "60"]
    debugger = ["gdb-multiarch", "-q", "-batch", "-nx", ELF, "-ex", "set confirm off", "-ex", "set tcp connect-timeout 30",
                "-ex", f"target remote 127.0.0.1:{port}"]
    for command in (*before, "hbreak arch_cpu_idle", "continue", "delete", *commands):
        debugger += ["-ex", command]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        done = subprocess.run(debugger + ["-ex", "detach"], capture_output=True, timeout=60, check=False)
        output = run.communicate(timeout=90)[0]
    os.makedirs(harness.LOG_FOLDER, exist_ok=True)
    with open(os.path.join(harness.LOG_FOLDER, f"test_arm64.{log_name}.log"), "wb") as log:
        log.write(done.stdout + done.stderr + output)
    return run.returncode, output.decode("latin-1").replace("\r", "")


FAULTS = {
    "fetch": (["set $pc = 0x1000"], "instruction abort", "on a fetch"),
    "data": (["set $pc = (char *)&boot_cpu_area + 0x5000"], "instruction abort", "permission fault, level 3, on a fetch"),
    "text": (["set $x0 = &trap_vectors", "set $x1 = 1", "set $x2 = 64", "set $pc = memset"], "data abort",
             "permission fault, level 3, on a write"),
    "constants": (["set $x0 = (char *)&rodata_end - 64", "set $x1 = 1", "set $x2 = 64", "set $pc = memset"], "data abort",
                  "permission fault, level 3, on a write"),
    "null": (["set $x1 = 0", "set $x2 = 8", "set $pc = memcpy"], "data abort", "on a read"),
    "stack": (["set $sp = (char *)&boot_cpu_area + 0x4000"], "data abort", "translation fault, level 3, on a write"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_own_faults_are_reported(name):
    harness.require(IMAGE, "make ARCH=arm64 build")
    commands, what, how = FAULTS[name]
    status, output = fault(f"fault-{name.replace(' ', '-')}", *commands)
    assert status == 70, output
    said, = ONE_LINE.findall(output)
    assert said.startswith(f"host exception {what} at "), output
    assert how in output and "latch: from EL2, spsr " in output, output
    assert re.search(r"^latch: x28 [0-9a-f]{16} x29 [0-9a-f]{16} x30 [0-9a-f]{16}$", output, re.MULTILINE), output
    assert re.search(r"^latch:   \[0x[0-9a-f]+\] (core_main|sched_loop)\+0x", output, re.MULTILINE), output
    assert output.rstrip().endswith("latch: halted"), output


def test_cpu_that_comes_too_late_is_parked(request):
    """Its first instruction is a jump to itself until the boot CPU has given it up; then it goes on."""
    harness.require(IMAGE, "make ARCH=arm64 build")
    first = "*(int *)&host_secondary_main"
    _, output = fault(request.node.name, f"set {first} = $insn", "hbreak park", "continue", "echo parked:\\n",
                      "info symbol $pc", "kill", cpus=2,
                      before=("hbreak *host_secondary_main", "continue", "delete", f"set $insn = {first}",
                              f"set {first} = 0x14000000"))
    assert "CPU with affinity 1 is left out: it does not answer\n" in output, output
    assert "self-check: 1 of 2 CPUs run\n" in output, output
    with open(os.path.join(harness.LOG_FOLDER, f"test_arm64.{request.node.name}.log"), encoding="latin-1") as log:
        assert re.search(r"parked:\npark( \+ \d+)? in section \.text", log.read()), output


def test_fault_of_another_cpu(request):
    """The boot CPU may be in the middle of a line: it must not go on with it, whatever it holds."""
    harness.require(IMAGE, "make ARCH=arm64 build")
    status, output = fault(request.node.name, "thread 2", "set $pc = 0x1000", cpus=2)
    assert status == 70, output
    report = output[output.index("latch: PANIC "):]
    assert "latch: on CPU 1, no vCPU loaded\n" in report and report.rstrip().endswith("latch: halted"), output
    assert all(line.startswith("latch: ") for line in report.splitlines()), output
