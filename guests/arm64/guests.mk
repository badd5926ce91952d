# SPDX-License-Identifier: BSD-2-Clause
# Our arm64 guests: position-independent Images in build/guests/arm64-NAME.img. arm64-guest-NAME-y lists a program's sources.
arm64-guests-y := scenarios bench hostile spin debuggee lpis

arm64-guest-scenarios-y := $(addprefix guests/arm64/scenarios/,main.c basic.c active.c lines.c smp.c its.c)
arm64-guest-hostile-y := guests/arm64/hostile/main.c
arm64-guest-debuggee-y := $(addprefix guests/arm64/debuggee/,main.c code.S)
arm64-guest-lpis-y := guests/arm64/lpis/main.c
arm64-guest-bench-y := guests/arm64/bench/main.c
arm64-guest-spin-y := guests/arm64/spin/main.c
arm64-guest-lib-y := $(addprefix guests/arm64/lib/,start.S runtime.c gic.c its.c) lib/printf.c lib/str.c lib/string.c
arm64-guest-cflags := -std=gnu11 -ffreestanding -fpie -fno-common -fno-strict-aliasing -fno-stack-protector -fvisibility=hidden \
	-fno-asynchronous-unwind-tables $(warnings) -O2 -g -mgeneral-regs-only -mstrict-align -mno-outline-atomics -I.
arm64-guest-objects = $(addprefix $(G)/arm64-obj/,$(addsuffix .o,$(arm64-guest-lib-y) $(arm64-guest-$(1)-y)))

.PHONY: guests-arm64
## guests-arm64: our own arm64 guests, build/guests/arm64-*.img
guests-arm64: $(foreach g,$(arm64-guests-y),$(G)/arm64-$(g).img)

$(G)/arm64-obj/%.o: %
	@mkdir -p $(@D)
	@echo "  GCC64 $<"
	@$(cross-arm64)gcc $(arm64-guest-cflags) -MMD -MP -c $< -o $@

define arm64-guest-rule
$(G)/arm64-$(1).img: $(call arm64-guest-objects,$(1)) guests/arm64/lib/guest.ld
	@echo "  GUEST $$@"
	@$(cross-arm64)ld -pie --no-dynamic-linker -z norelro -z noexecstack --no-warn-rwx-segments -T guests/arm64/lib/guest.ld \
		$(call arm64-guest-objects,$(1)) -o $$@.elf
	@$(cross-arm64)objcopy -O binary $$@.elf $$@
-include $(patsubst %.o,%.d,$(call arm64-guest-objects,$(1)))
endef
$(foreach g,$(arm64-guests-y),$(eval $(call arm64-guest-rule,$(g))))
test-guests: guests-arm64
