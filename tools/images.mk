# SPDX-License-Identifier: BSD-2-Clause
# Running Latch and testing it as a whole: what lies outside the image.

run-guest := build/guests/$(ARCH)
run-tty := $(if $(filter arm64,$(ARCH)),ttyAMA0,ttyS0)
RUN_VM ?= name=linux,kernel=$(run-guest)/vmlinuz,initrd=$(run-guest)/initrd,cpus=$(if $(filter arm64,$(ARCH)),2,1),mem=512M,cmdline=console=$(run-tty) cryptomgr.notests hostname=linux

.PHONY: bootstrap bootstrap-all test-system test-guests
## bootstrap: install what is missing, fetch the guests' files; says what and why
bootstrap:
	@tools/bootstrap $(ARCH)

## bootstrap-all: the same for x86 and arm64
bootstrap-all:
	@tools/bootstrap all

# A busybox shell on Debian's kernel, on top of Latch. LAUNCH adds options of tools/launch. The kernel is unpacked for all PC emulators alike,
# so that each boots the same ISO image; the kernel's tests of its own ciphers would take half of the minute that Bochs needs.
## run: Debian Linux on Latch, in an emulator, on this terminal
run: bootstrap
	@$(MAKE) --no-print-directory build
	@tools/launch --emu $(EMU) $(if $(filter arm64,$(ARCH)),--cpus 2,--unpack) $(LAUNCH) --vm "$(RUN_VM)"

# A small multiboot kernel that reports what it was given: a guest, and the launcher's stand-in for Latch in tests.
MBINFO := build/guests/mbinfo.elf
mbinfo-cflags := -m32 -march=i686 -std=c11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -mgeneral-regs-only \
	-fno-asynchronous-unwind-tables -fcf-protection=none -O2 $(warnings)
$(MBINFO): guests/mbinfo/mbinfo.c guests/mbinfo/start.S guests/mbinfo/mbinfo.ld
	@mkdir -p $(@D)
	@echo "  GUEST $@"
	@gcc $(mbinfo-cflags) -nostdlib -static -Wl,--build-id=none,--no-warn-rwx-segments -T guests/mbinfo/mbinfo.ld \
		guests/mbinfo/start.S guests/mbinfo/mbinfo.c -o $@

# Everything, with the total on the last line; and the system tests alone (TESTS: a file or pytest's other arguments).
## test: everything; the total is the last line
test: bootstrap-all
	@tools/run-tests
## test-system: system tests in emulators only
test-system: bootstrap-all build
	@tools/run-tests --system $(TESTS)
## test-guests: the guests that system tests boot
test-guests: $(MBINFO)
