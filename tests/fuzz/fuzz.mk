# SPDX-License-Identifier: BSD-2-Clause
# `make fuzz`: each target of fuzz-y for FUZZ_SECONDS under libFuzzer with ASan and UBSan; the corpus stays in
# build/fuzz/corpus-NAME. fuzz-NAME-y lists the project's files that tests/fuzz/fuzz_NAME.c links.
FUZZ_SECONDS ?= 20
FUZZ_CC ?= $(firstword $(shell command -v clang-14 clang 2>/dev/null) clang)
fuzz-y += decode emulate
fuzz-decode-y := $(decode-files)
fuzz-emulate-y := $(emulate-files)
fuzz-y += load config
fuzz-load-y := $(filter-out tests/unit/%,$(load-y))
fuzz-config-y := $(unit-config-y)
fuzz-y += irqchips
fuzz-irqchips-y := $(unit-board_irq-y)
fuzz-y += vgic
fuzz-vgic-y := $(unit-vgic-y)
fuzz-y += acpi multiboot2
fuzz-acpi-y := $(acpi-y)
fuzz-multiboot2-y := $(unit-multiboot2-y)

fuzz-y += devicetree bundle
fuzz-devicetree-y := $(unit-devicetree-y)
fuzz-devicetree-libs := -lfdt
fuzz-bundle-y := $(unit-bundle-y)

fuzz-y += gdb gdb_packet
fuzz-gdb_packet-y := $(unit-gdb_packet-y)
fuzz-gdb-y := $(unit-gdb-y)
fuzz-y += shell
fuzz-shell-y := $(filter-out core/shell.c,$(shell-files))
# Its words are in the corpus after a minute; without comparisons traced ten times as many inputs go through.
fuzz-shell-cflags := -O2 -fno-sanitize-coverage=trace-cmp

fuzz-cflags := -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-I. -Itests/unit/inline -DLATCH_HOST_TEST
fuzz-programs := $(addprefix build/fuzz/fuzz_,$(fuzz-y))
build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $$(fuzz-$$*-y)
	@mkdir -p $(@D)
	@echo "  FUZZ  $*"
	@$(FUZZ_CC) $(fuzz-cflags) $(fuzz-$*-cflags) -MMD -MP -MF $@.d -MT $@ $(filter %.c,$^) -o $@ $(fuzz-$*-libs)
-include $(wildcard build/fuzz/*.d)

build/fuzz/decode_lengths: tests/fuzz/decode_lengths.c $(decode-files)
	@mkdir -p $(@D)
	@gcc $(host-cflags) -O2 $(filter %.c,$^) -o $@

.PHONY: fuzz fuzz-objdump
## fuzz: each fuzz target for FUZZ_SECONDS, lengths against objdump
fuzz: $(fuzz-programs) fuzz-objdump
	@for name in $(fuzz-y); do mkdir -p build/fuzz/corpus-$$name; \
	build/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=256 -print_final_stats=1 \
	-artifact_prefix=build/fuzz/$$name- build/fuzz/corpus-$$name > build/fuzz/$$name.log 2>&1 \
	|| { tail -40 build/fuzz/$$name.log; exit 1; }; \
	echo "fuzz $$name: $$(sed -n 's/^stat::number_of_executed_units: *//p' build/fuzz/$$name.log) inputs, no finding"; \
	done

# Lengths of random code, and of the guest's kernel where one has been unpacked, against objdump.
## fuzz-objdump: instruction lengths against objdump only
fuzz-objdump: build/fuzz/decode_lengths
	@tests/fuzz/decode_vs_objdump.py $< $(wildcard build/guests/x86/vmlinux)
