# SPDX-License-Identifier: BSD-2-Clause
"""Speculation barriers: an emulated CPU pays nothing; one that looks real gets its return stack refilled, and runs guests so."""
import re

import pytest

LOOKS_REAL = ["--cpu", "max,+svm,+npt,tcg-cpuid=off"]


def line_of(run):
    """The part of the self-check behind "mitigations "."""
    found = re.search(r"^latch: self-check: mitigations (.*)$", run.output, re.M)
    assert found, run
    return found[1]


@pytest.mark.parametrize("options, words", [
    ([], ["on:", "return stack not needed", "(emulated CPU)"]),
    (LOOKS_REAL, ["on:", "return stack yes", "predictor barrier not offered"]),
    (["--hv", "mitigations=off", *LOOKS_REAL], ["off:", "return stack off by option"]),
], ids=["emulated", "looks-real", "off"])
def test_choice(launch, mbinfo, options, words):
    """The boot line says what is done and why not; the guest runs either way."""
    run = launch(*options, "--vm", f"name=a,kernel={mbinfo},mem=32M", "--until", "mbinfo: ready")
    for word in words:
        assert word in line_of(run), run
    assert "PANIC" not in run.output, run
    features = re.search(r"^latch: self-check: AMD SVM revision \d+, \d+ ASIDs, used: (.*); missing: (.*)$", run.output, re.M)
    assert features and "nested paging" in features[1] and "virtual NMI" in features[2], run
    assert re.search(r"^latch: self-check: vm a: 1 CPUs, 32 MiB, kernel \d+ KiB \(multiboot2?\), initrd 0 KiB$", run.output, re.M), run


def test_linux_with_refill(launch, linux):
    """Linux reaches its shell through the guarded world switch."""
    run = launch(*LOOKS_REAL, "--vm", linux.vm(), "--until", "latch-guest: ready")
    assert run.status == 0, run
    assert "return stack yes" in line_of(run), run
