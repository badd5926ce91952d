# SPDX-License-Identifier: BSD-2-Clause
"""AMD SVM in Bochs: a second opinion beside QEMU's, with next RIP, flush by ASID and a CPU that holds host interrupts back while a
guest keeps its own off."""


def test_linux(launch, latch_image, linux):
    cmdline = ("console=ttyS0 earlyprintk=ttyS0 mitigations=off quiet tsc=reliable no_timer_check lpj=4000000 "
               "8250.nr_uarts=1")
    result = launch("--emu", "bochs-svm", "--timeout", "400", "--until", "latch-guest: ready", "--vm",
                    linux.vm(kernel=linux.elf, words="mem=256M", cmdline=cmdline), timeout=400)
    assert "latch-guest: ready" in result.output, result
