# SPDX-License-Identifier: BSD-2-Clause
"""One ISO image boots Debian's kernel to its shell on AMD SVM and on Intel VMX, in QEMU and in Bochs, with two CPUs: one image for both vendors."""
import fcntl
import glob
import os

import pytest

import harness

# What Bochs needs most of its minute for is left out, the kernel's test of its ciphers above all; QEMU does not mind.
CMDLINE = ("console=ttyS0 earlyprintk=ttyS0 mitigations=off quiet tsc=reliable no_timer_check lpj=4000000 "
           "8250.nr_uarts=1 cryptomgr.notests")


@pytest.fixture(scope="module")
def iso(latch_image, linux):
    """The image, written once a run, also where several processes share the tests."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    path = os.path.join(harness.LOG_FOLDER, f"one-{run}.iso")
    os.makedirs(harness.LOG_FOLDER, exist_ok=True)
    with open(os.path.join(harness.LOG_FOLDER, "one-iso.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            for old in glob.glob(os.path.join(harness.LOG_FOLDER, "one-*.iso")):
                os.unlink(old)
            made = harness.Launcher(path + ".log")("--unpack", "--iso", path, "--vm",
                                                   linux.vm(words="cpus=2,mem=256M", cmdline=CMDLINE))
            assert made.status == 0, made
    return path


@pytest.mark.parametrize("emulator,vendor", [("qemu-svm", "AMD SVM"), ("bochs-svm", "AMD SVM"), ("bochs-vmx", "Intel VMX")])
def test_linux_reaches_its_shell(console, iso, emulator, vendor):
    run = console("--emu", emulator, "--cpus", "2", "--boot-iso", iso, timeout=400)
    assert vendor in run.expect("self-check: 2 of 2 CPUs run")
    run.expect("latch-guest: ready")
    run.expect(harness.PROMPT)
    assert run.run("echo $(nproc) on $(uname -m)").strip() == "2 on x86_64"
    run.send("poweroff -f\n")
    assert run.status(400) == 0
