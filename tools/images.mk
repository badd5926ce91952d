# SPDX-License-Identifier: BSD-2-Clause
# Running Latch and testing it as a whole: what lies outside the image.

X86_GUEST := build/guests/x86
RUN_VM ?= name=linux,kernel=$(X86_GUEST)/vmlinuz,initrd=$(X86_GUEST)/initrd,cpus=1,mem=512M,cmdline=console=ttyS0 hostname=linux

.PHONY: bootstrap test-system
bootstrap:
	@tools/bootstrap

# A busybox shell on Debian's kernel, on top of Latch. LAUNCH adds options of tools/launch.
run: bootstrap
	@$(MAKE) --no-print-directory build
	@tools/launch --emu $(EMU) $(LAUNCH) --vm "$(RUN_VM)"
