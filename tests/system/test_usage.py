# SPDX-License-Identifier: BSD-2-Clause
"""Bad usage of the launcher: one line that names what is wrong and what is right, status 125, nothing started."""
import os
import subprocess

import pytest

import harness

KERNEL = harness.LAUNCH  # any file that exists
VM = f"name=a,kernel={KERNEL}"
MISUSES = [
    (["--emu", "vmware"], "invalid choice: 'vmware'"),
    (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    (["--cpus", "0"], "--cpus must be a number from 1"),
    (["--cpus", "two"], "--cpus must be a number from 1"),
    (["--mem", "12Q"], "--mem must be a size such as 512M"),
    (["--timeout", "soon"], "--timeout must be seconds"),
    (["--timeout", "0"], "--timeout must be seconds"),
    (["--until", "(", "--vm", VM], "--until is no regular expression"),
    (["--hv", "a\nb"], "--hv may hold printable ASCII only"),
    (["--vm", "kernel=" + KERNEL], "name= is missing"),
    (["--vm", "name=a"], "kernel= is missing"),
    (["--vm", "name=a,kernel=/no/such/file"], "no such file: /no/such/file"),
    (["--vm", VM + ",initrd=/no/such/initrd"], "no such file: /no/such/initrd"),
    (["--vm", VM + ",bare"], "'bare' is not KEY=VALUE"),
    (["--vm", VM + ",cpus=0"], "cpus= of VM a must be a number"),
    (["--vm", VM + ",mem=lots"], "mem= of VM a must be a size"),
    (["--vm", VM + ",mem=1M,mem=2M"], "mem= stands twice"),
    (["--vm", f"name=a b,kernel={KERNEL}"], "--vm name 'a b'"),
    (["--vm", VM + ",cmdline=caf\u00e9"], "cmdline of VM a may hold printable ASCII only"),
    (["--vm", VM, "--vm", VM], "two --vm are named 'a'"),
    (["--native"], "--native needs a --vm"),
    (["--image", "/no/such/image", "--vm", VM], "no Latch image at /no/such/image"),
    (["--image", KERNEL, "--vm", VM, "--log", "/no/such/folder/log"], "its folder does not exist"),
    (["--module", "/no/such/module"], "no such file: /no/such/module"),
    (["--machine-args", "'open"], "--machine-args: No closing quotation"),
    (["--image", KERNEL, "--vm", VM, "--emu", "bochs-svm", "--icount"], "--icount is for QEMU only"),
    (["--image", KERNEL, "--vm", VM, "--emu", "bochs-svm", "--mem", "8G"], "at most 2048M"),
    (["--image", KERNEL, "--vm", VM, "--emu", "bochs-svm", "--accel", "tcg"], "--accel tcg is for QEMU only"),
    (["--image", KERNEL, "--vm", VM, "--emu", "bochs-vmx", "--cpus", "9"], "at most 8 CPUs"),
    (["--boot-iso", KERNEL, "--vm", VM], "--vm belongs to its making"),
    (["--boot-iso", "/no/such/iso"], "no such file: /no/such/iso"),
]


@pytest.mark.parametrize("arguments,message", MISUSES, ids=[message for _, message in MISUSES])
def test_misuse_is_one_line(launch, arguments, message):
    result = launch(*arguments)
    assert result.status == 125, result
    assert len(result.notes) == 1 and message in result.notes[0], result
    assert result.output == ""


def test_help_names_every_promise(launch):
    text = launch("--help").output
    for word in ("--emu", "--uefi", "--cpus", "--mem", "--hv", "--icount", "--timeout", "--until", "--iso", "--vm",
                 "--boot-iso", "--unpack", "--accel", "--cpu", "--gdb", "--monitor", "--native", "--log", "--machine-args", "124", "125", "70"):
        assert word in text


def test_emulator_complaint_is_the_launchers_error(launch, mbinfo):
    result = launch("--native", "--vm", f"name=a,kernel={mbinfo}", "--machine-args=-frobnicate")
    assert result.status == 125 and "-frobnicate" in result.notes[-1], result


def test_missing_emulator_is_named(launch, mbinfo, tmp_path):
    for tool in ("env", "python3"):
        os.symlink(f"/usr/bin/{tool}", tmp_path / tool)
    result = launch("--native", "--vm", f"name=a,kernel={mbinfo}", env={"PATH": str(tmp_path)})
    assert result.status == 125, result
    assert "qemu-system-x86_64 is not installed; run tools/bootstrap" in result.notes[-1], result


def test_extract_vmlinux_refuses_other_files(tmp_path):
    tool = os.path.join(harness.ROOT, "tools", "extract-vmlinux.py")
    done = subprocess.run([tool, KERNEL, tmp_path / "out"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "is no bzImage" in done.stderr
    assert not os.listdir(tmp_path)


def test_extract_vmlinux_refuses_cut_files(linux, tmp_path):
    tool = os.path.join(harness.ROOT, "tools", "extract-vmlinux.py")
    with open(linux.bzimage, "rb") as source:
        whole = source.read()
    for length in (0, 0x1F0, 0x202, 0x24F, 0x250, 1 << 20, len(whole) // 2):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:length])
        done = subprocess.run([tool, cut, tmp_path / "out"], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, (length, done)
        assert not os.path.exists(tmp_path / "out")
