# SPDX-License-Identifier: BSD-2-Clause
# `make guests`: our own guests, Multiboot1 ELF32 images in build/guests/. guest-NAME-y lists a program's own sources.
guests-y := bench scenarios nmi-selftest hostile debuggee spin pairs

guest-bench-y := guests/bench/main.c guests/bench/entry.S guests/lib/ap_start.S guests/lib/smp.c
guest-scenarios-y := $(addprefix guests/scenarios/,main.c nmi.c iret.c irq.c debug.c smp.c quad.c quad_driver.c quad_irq.c code_nmi.S code_iret.S code_irq.S code_real.S) \
	guests/lib/ap_start.S guests/lib/smp.c
guest-nmi-selftest-y := guests/nmi-selftest/main.c guests/scenarios/code_nmi.S guests/scenarios/code_iret.S guests/scenarios/code_irq.S
guest-debuggee-y := guests/debuggee/main.c
guest-hostile-y := guests/hostile/main.c guests/hostile/storm.c guests/hostile/probe.S

guest-spin-y := guests/spin/main.c

guest-pairs-y := guests/pairs/main.c guests/lib/ap_start.S guests/lib/smp.c

guest-lib-y := guests/lib/start.S guests/lib/traps.S guests/lib/main.c guests/lib/segments.c guests/lib/trap.c \
	guests/lib/print.c guests/lib/exit.c guests/lib/irqchip.c guests/lib/pages.c lib/printf.c lib/str.c lib/string.c

guest-cflags := -std=c11 -ffreestanding -fno-pic -fno-pie -fno-common -fno-strict-aliasing -fno-stack-protector \
	-fno-asynchronous-unwind-tables $(warnings) -O2 -g -m64 -mgeneral-regs-only -mno-red-zone -mcmodel=small \
	-fcf-protection=none -I.
G := build/guests
guest-objects = $(addprefix $(G)/obj/,$(addsuffix .o,$(guest-lib-y) $(guest-$(1)-y)))

.PHONY: guests
## guests: our own guests, build/guests/*.elf
guests: $(addprefix $(G)/,$(addsuffix .elf,$(guests-y)))

$(G)/obj/%.c.o: %.c
	@mkdir -p $(@D)
	@echo "  GCC   $<"
	@gcc $(guest-cflags) -MMD -MP -c $< -o $@
$(G)/obj/%.S.o: %.S
	@mkdir -p $(@D)
	@echo "  GAS   $<"
	@gcc $(guest-cflags) -D__ASSEMBLER__ -MMD -MP -c $< -o $@

# Linked as 64-bit code, then packed as the ELF32 that Multiboot1 asks for.
define guest-rule
$(G)/$(1).elf: $(call guest-objects,$(1)) guests/lib/guest.ld
	@echo "  GUEST $$@"
	@ld -nostdlib -static -z max-page-size=0x1000 -z noexecstack --no-warn-rwx-segments -T guests/lib/guest.ld \
		$(call guest-objects,$(1)) -o $$@.64
	@objcopy -O elf32-i386 $$@.64 $$@
-include $(patsubst %.o,%.d,$(call guest-objects,$(1)))
endef
$(foreach g,$(guests-y),$(eval $(call guest-rule,$(g))))
test-guests: guests

# A Linux program for the benchmark's initramfs.
$(G)/tsc: guests/tsc/tsc.c
	@mkdir -p $(@D)
	@echo "  GUEST $@"
	@gcc $(filter-out -mcmodel=small,$(guest-cflags)) -static -nostdlib -Wl,--build-id=none $< -o $@
guests: $(G)/tsc

# A Linux program that loads all CPUs of a guest, and an initramfs with it.
LOAD := build/guests/x86/load
$(LOAD)/bin/load: guests/linux/load.c
	@mkdir -p $(@D)
	@echo "  GUEST $@"
	@gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread $< -o $@
build/guests/x86/busybox:
	@tools/bootstrap x86
build/guests/x86/initrd-load: $(LOAD)/bin/load guests/initramfs/init tools/mkinitramfs.py build/guests/x86/busybox
	@$(PYTHON) tools/mkinitramfs.py $@ build/guests/x86/busybox guests/initramfs $(LOAD)
	@touch $@
test-guests: build/guests/x86/initrd-load
