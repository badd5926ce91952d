# SPDX-License-Identifier: BSD-2-Clause
"""The launcher by itself, with the mbinfo kernel in the place of Latch: what reaches the boot loader, how runs end."""
import os
import re
import signal
import subprocess
import termios
import time

import pytest

import harness

HOSTILE = [
    "console=ttyS0 quiet",
    "a,b,c=1,2 name=x,kernel=y",
    "two  spaces and   three",
    "$HOME ${root} $(reboot) `ls` $$",
    "it's 'single' and \"double\" quotes dyndbg=\"file a.c +p\"",
    "back\\slash \\n \\\\ end\\",
    "{ } ; | & < > # ! ~ * ? [ ] ( ) ^ % @ =",
    "-- -- --",
]


def undo_grub(text):
    """GRUB hands over command lines with a backslash before each quote and backslash."""
    return re.sub(r"\\(.)", r"\1", text)


def says(*lines):
    """Latch options that make mbinfo print these lines."""
    return " ".join("say=" + line.replace(" ", "_") for line in lines)


@pytest.mark.parametrize("text", HOSTILE)
def test_command_lines_arrive_unchanged(launch, mbinfo, text):
    result = launch("--image", mbinfo, "--hv", f"poweroff=1 {says('latch: all VMs ended: poweroff')} {text}",
                    "--vm", f"name=a,kernel={mbinfo},initrd={harness.LAUNCH},mem=64M,pin=0,cmdline={text}",
                    "--module", f"{harness.LAUNCH},{text}")
    assert result.status == 0, result
    own, = re.findall(r"^mbinfo: cmdline \[(.*)\]$", result.output, re.MULTILINE)
    # Latch's own options are words; how many spaces part them does not matter.
    assert undo_grub(own).endswith(" ".join(["poweroff", *text.split()])), result
    modules = re.findall(r"^mbinfo: module .*? \[(.*)\]$", result.output, re.MULTILINE)
    assert [undo_grub(module) for module in modules] == [
        f"a:kernel cpus=1 mem=64M pin=0 -- {text}", "a:initrd", text], result


@pytest.mark.parametrize("emulator", [["--uefi"], ["--emu", "bochs-svm"], ["--emu", "bochs-vmx"]], ids=" ".join)
def test_every_machine_boots_the_image(launch, mbinfo, emulator):
    result = launch(*emulator, "--image", mbinfo, "--hv", "poweroff=1 " + says("latch: all VMs ended: poweroff"),
                    "--vm", f"name=a,kernel={mbinfo}", "--timeout", "100")
    assert result.status == 0 and "mbinfo: multiboot 2" in result.output, result


def test_bochs_gets_the_kernel_uncompressed(launch, mbinfo, linux):
    result = launch("--emu", "bochs-svm", "--image", mbinfo, "--vm", linux.vm(), "--until", "mbinfo: ready",
                    "--hv", "console=com1", "--timeout", "100")
    sizes = [int(size, 0) for size in re.findall(r"^mbinfo: module .* size=(\S+)", result.output, re.MULTILINE)]
    assert result.status == 0 and sizes == [os.path.getsize(linux.elf), os.path.getsize(linux.initrd)], result


def test_defaults_give_way_to_the_users_options(launch, mbinfo):
    result = launch("--image", mbinfo, "--hv", "on-end=stay console=com1,9600", "--until", "mbinfo: ready")
    assert "mbinfo: cmdline [on-end=stay console=com1,9600]" in result.output, result
    result = launch("--image", mbinfo, "--until", "mbinfo: ready")
    assert "mbinfo: cmdline [console=com1 on-end=poweroff]" in result.output, result


ENDINGS = [
    (["latch: vm a ended: poweroff: rip=0", "latch: all VMs ended: poweroff"], 0),
    (["latch: all VMs ended: debug-exit code=0"], 1),
    (["latch: all VMs ended: debug-exit code=5"], 11),
    (["latch: all VMs ended: debug-exit code=0x7f"], 255),
    (["latch: all VMs ended: failed"], 71),
    (["latch: PANIC core/vm.c:1", "rip=1"], 70),
    (["latch: starting"], 70),
    (["said by a guest: latch: all VMs ended: failed"], 125),
]


@pytest.mark.parametrize("lines,status", ENDINGS, ids=[lines[-1] for lines, _ in ENDINGS])
def test_exit_status_follows_the_records(launch, mbinfo, lines, status):
    result = launch("--image", mbinfo, "--hv", "poweroff=1 " + says(*lines))
    assert result.status == status, result


def test_machine_that_resets_by_itself(launch, mbinfo):
    result = launch("--image", mbinfo, "--hv", "fault=1 " + says("latch: starting"))
    assert result.status == 70 and "without a last word" in result.notes[-1], result


def test_time_out(launch, mbinfo):
    started = time.monotonic()
    result = launch("--image", mbinfo, "--timeout", "3")
    assert result.status == 124 and "timed out after 3 s" in result.notes[-1], result
    assert 3 <= time.monotonic() - started < 20


def test_until_sees_lines_and_partial_lines(launch, mbinfo):
    for pattern in ("^mbinfo: ready$", r"multiboot 2\nmbinfo: cmdl"):
        assert launch("--image", mbinfo, "--until", pattern, "--timeout", "60").status == 0


@pytest.mark.parametrize("code", [0, 3, 127])
def test_native_debug_exit(launch, mbinfo, code):
    result = launch("--native", "--vm", f"name=a,kernel={mbinfo},cmdline=exit={code}")
    assert result.status == code * 2 + 1 and "mbinfo: multiboot 1" in result.output, result


def test_native_power_off(launch, mbinfo):
    assert launch("--native", "--vm", f"name=a,kernel={mbinfo},cmdline=poweroff=1").status == 0


def echo_run(mbinfo):
    return [harness.LAUNCH, "--native", "--timeout", "100", "--vm", f"name=a,kernel={mbinfo},cmdline=echo=1 exit=2"]


def test_every_byte_of_a_pipe_goes_both_ways(mbinfo):
    sent = bytes(range(5, 256)) * 200
    with subprocess.Popen(echo_run(mbinfo), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as run:
        seen = b""
        while b"mbinfo: ready\r\n" not in seen:
            seen += run.stdout.read(4096)
        run.stdin.write(sent + b"\x04")
        run.stdin.close()
        output = seen + run.stdout.read()
    assert run.returncode == 5
    assert output.partition(b"mbinfo: ready\r\n")[2] == sent


def test_end_of_input_does_not_end_the_run(launch, mbinfo):
    result = launch("--native", "--vm", f"name=a,kernel={mbinfo},cmdline=echo=1", "--timeout", "3")
    assert result.status == 124, result


def test_input_from_a_file(mbinfo, tmp_path):
    typed = tmp_path / "typed"
    typed.write_bytes(b"line\n" * 5000 + b"last\n\x04")
    with open(typed, "rb") as source:
        done = subprocess.run(echo_run(mbinfo), stdin=source, capture_output=True, timeout=120, check=False)
    assert done.returncode == 5 and done.stdout.endswith(b"last\n")


def test_log_is_the_console(launch, mbinfo, tmp_path):
    log = tmp_path / "console.log"
    result = launch("--native", "--vm", f"name=a,kernel={mbinfo},cmdline=exit=1", "--log", str(log))
    assert log.read_bytes() == result.raw


def test_terminal_keys(console, mbinfo):
    run = console("--native", "--vm", f"name=a,kernel={mbinfo},cmdline=echo=1 exit=1")
    before = termios.tcgetattr(run.child.child_fd)
    run.expect("mbinfo: ready\r\n")
    assert termios.tcgetattr(run.child.child_fd) != before
    run.send(b"\x01h")
    run.expect("Ctrl-A X")
    run.send(b"[\x03\x1a\x01\x01]")
    run.expect(re.escape("[\x03\x1a\x01]"))
    run.send(b"\x01")
    run.send(b"x")
    assert run.status() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_signals_leave_nothing_behind(mbinfo, tmp_path, number):
    socket = tmp_path / "qmp"
    with subprocess.Popen(echo_run(mbinfo) + ["--monitor", str(socket)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, bufsize=0, env={**os.environ, "TMPDIR": str(tmp_path)}) as run:
        assert run.stdout.read(1)
        emulators = children_of(run.pid)
        assert emulators and socket.exists()
        run.send_signal(number)
        run.wait(20)
        wait_until_gone(emulators)
    assert run.returncode == (-number if number == signal.SIGKILL else 128 + number)
    if number != signal.SIGKILL:
        assert [name for name in os.listdir(tmp_path) if name.startswith("latch-launch-")] == []


def test_terminal_is_restored(mbinfo):
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    for number in (signal.SIGTERM, signal.SIGHUP):
        with subprocess.Popen(echo_run(mbinfo), stdin=slave, stdout=subprocess.PIPE, bufsize=0) as run:
            assert run.stdout.read(1)
            assert termios.tcgetattr(slave) != before
            run.send_signal(number)
            run.wait(20)
        assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def children_of(pid):
    """Processes whose parent is `pid`."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


def wait_until_gone(pids):
    """Fails if one of the processes is still there after a while."""
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        assert time.monotonic() < deadline, f"still running: {pids}"
        time.sleep(0.05)


def test_iso_is_written_and_cached(launch, mbinfo, tmp_path):
    iso = tmp_path / "latch.iso"
    result = launch("--image", mbinfo, "--vm", f"name=a,kernel={mbinfo}", "--iso", str(iso))
    assert result.status == 0 and result.notes == [], result
    assert iso.read_bytes()[0x8001:0x8006] == b"CD001"
    assert os.listdir(tmp_path) == ["latch.iso"]


def test_kernel_change_makes_a_new_image(launch, mbinfo, tmp_path):
    module = tmp_path / "module"
    for text in (b"one", b"three"):
        module.write_bytes(text)
        result = launch("--image", mbinfo, "--module", str(module), "--until", "mbinfo: ready")
        assert f" size={len(text):#x} " in result.output, result


def test_accelerator_is_named_with_the_reason(launch, mbinfo):
    result = launch("--image", mbinfo, "--until", "mbinfo: ready")
    assert re.match(r"launch: QEMU with (TCG: .+|KVM: nested .+)", result.notes[0]), result
    result = launch("--image", mbinfo, "--until", "mbinfo: ready", "--icount", "--accel", "auto")
    assert "TCG: only it can count instructions" in result.notes[0], result


def test_monitor_answers(mbinfo, tmp_path):
    path = tmp_path / "qmp"
    with subprocess.Popen(echo_run(mbinfo) + ["--monitor", str(path)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, bufsize=0) as run:
        assert run.stdout.read(1)
        commands = b'{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n'
        import socket
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(path))
            monitor.sendall(commands)
            assert b'"QMP"' in monitor.recv(4096)
            run.stdout.read()
    assert run.returncode == 0


@pytest.mark.parametrize("kind", ["bzimage", "elf"])
def test_native_linux_reaches_a_shell(console, linux, kind):
    run = console("--native", "--vm", linux.vm(kernel=getattr(linux, kind)))
    run.expect("latch-guest: ready")
    run.expect(harness.PROMPT)
    assert run.run("uname -sm").strip() == "Linux x86_64"
    assert "job control" not in run.run("sleep 1 & jobs; wait")
    run.send("poweroff -f\n")
    assert run.status() == 0
