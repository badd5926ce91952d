# SPDX-License-Identifier: BSD-2-Clause
"""The launcher with Bochs: how runs end, what the emulator's own complaints become, the order of the last lines."""
import pytest

import harness


def test_last_words_of_a_short_run(launch, latch_image):
    # The wire is still busy with Latch's first lines when the guest has ended.
    kernel = harness.require(f"{harness.BUILD}/guests/hostile.elf", "make guests")
    result = launch("--emu", "bochs-vmx", "--timeout", "100", "--vm", f"name=short,kernel={kernel},mem=64M,cmdline=nothing")
    assert result.status == 5, result
    lines = result.output.rstrip("\n").split("\n")[-3:]
    assert lines[0] == 'no deed "nothing"' and lines[1].startswith("latch: vm short ended: debug-exit code=2"), result
    assert lines[2] == "latch: all VMs ended: debug-exit code=2", result


@pytest.mark.parametrize("arguments,status,words", [
    (["--cpu", "z80"], 125, "Bochs has no CPU model 'z80'; bochs -help cpu lists them"),
    (["--machine-args", "nonsense"], 125, "a bochsrc option needs at least one parameter"),
    (["--hv", "fault=1 say=latch:_starting"], 70, "without a last word from Latch: Bochs: exception(): 3rd"),
    (["--hv", "fault=1"], 125, "error: Bochs: exception(): 3rd"),
    (["--hv", "poweroff=1 say=latch:_starting"], 70, "without a last word from Latch"),
    (["--hv", "say=latch:_self-check:_Latch_1 say=latch:_self-check:_Latch_1"], 70, "the machine reset"),
    (["--until", "no such line", "--timeout", "3"], 124, "timed out after 3 s"),
], ids=["model", "bochsrc", "crash", "early crash", "off", "boots again", "time-out"])
def test_how_runs_end(launch, mbinfo, arguments, status, words):
    result = launch("--emu", "bochs-svm", "--image", mbinfo, *(["--timeout", "100"] if status != 124 else []), *arguments)
    assert result.status == status and words in result.notes[-1], result


def test_several_cpus(launch, latch_image):
    result = launch("--emu", "bochs-svm", "--cpus", "4", "--timeout", "100", "--until", "CPUs run", "--hv", "on-end=stay")
    assert "self-check: 4 of 4 CPUs run" in result.output, result


def test_native_kernel_that_grub_does_not_take(launch):
    result = launch("--native", "--emu", "bochs-svm", "--vm", f"name=a,kernel={harness.LAUNCH}")
    assert result.status == 125 and "neither a bzImage nor a Multiboot kernel" in result.notes[-1], result
