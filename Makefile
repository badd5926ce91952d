# SPDX-License-Identifier: BSD-2-Clause
# Short on purpose: each folder lists its own sources in sources.mk; `make help` lists the targets.
# As many jobs as there are processors, unless the command line says otherwise.
jobs := $(if $(findstring j,$(firstword -$(MAKEFLAGS))),,--jobs=$(shell nproc))
MAKEFLAGS += $(jobs)
ARCH  ?= x86
EMU   ?= $(if $(filter arm64,$(ARCH)),qemu-arm64,qemu-svm)
DEBUG ?= 0
B     := build/$(ARCH)$(if $(filter 1,$(DEBUG)),-debug)
PYTHON := $(if $(wildcard /usr/bin/python3),/usr/bin/python3,python3)

include $(wildcard $(addsuffix /sources.mk,lib core vdev drivers arch/x86 arch/x86/svm arch/x86/vmx arch/arm64 \
	arch/arm64/gic boot/x86 boot/arm64 tests/unit))

common-y := $(lib-y) $(core-y)
sources-x86 := $(boot-x86-y) $(arch-x86-y) $(svm-y) $(vmx-y) $(drivers-x86-y) $(common-y) $(events-y) $(vdev-x86-y)
sources-arm64 := $(boot-arm64-y) $(arch-arm64-y) $(gic-y) $(drivers-arm64-y) $(common-y) $(vdev-arm64-y)
cross-arm64 := aarch64-linux-gnu-
CROSS := $(cross-$(ARCH))

# arm64 reads its device tree with Debian's libfdt, which bootstrap fetches (docs/arm64.md).
libfdt := build/libfdt
libraries-arm64 := $(libfdt)/libfdt.a
includes-arm64 := -Iboot/arm64/libfdt -isystem $(libfdt)

warnings := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
freestanding := -std=c11 -ffreestanding -fno-pic -fno-pie -fno-common -fno-strict-aliasing -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-align-functions -fno-align-loops -fno-align-jumps -ffunction-sections -fdata-sections -fstack-usage
image-arm64 := $(B)/Image
flags-x86 := -m64 -mpreferred-stack-boundary=3 -mno-push-args -maccumulate-outgoing-args -mgeneral-regs-only -mno-red-zone -malign-data=abi -mcmodel=small -fcf-protection=none
flags-arm64 := -mgeneral-regs-only -mcpu=cortex-a53 -mno-outline-atomics
CFLAGS := $(freestanding) $(warnings) -Oz -fno-jump-tables -fno-ipa-cp-clone -fno-tree-pre -fno-tree-dominator-opts -fno-caller-saves -g $(flags-$(ARCH)) -I. -Iarch/$(ARCH)/inline $(includes-$(ARCH)) $(if $(filter 1,$(DEBUG)),-DLATCH_DEBUG)
ASFLAGS := -g -I. -D__ASSEMBLER__ $(filter-out -mgeneral-regs-only,$(flags-$(ARCH)))

$(libfdt)/libfdt.a:
	@LATCH_BUILD= tools/bootstrap arm64 --libfdt

objects := $(patsubst %.c,$(B)/%.o,$(filter %.c,$(sources-$(ARCH)))) \
	$(patsubst %.S,$(B)/%.o,$(filter %.S,$(sources-$(ARCH))))

# What runs before the MMU is on, where memory is a device's and wants aligned accesses.
$(patsubst %.c,build/arm64/%.o,$(filter boot/arm64/%.c,$(boot-arm64-y)) arch/arm64/cpu.c arch/arm64/host_map.c drivers/pl011.c): CFLAGS += -mstrict-align

# Everything is made small, except what runs at exits and entries: hot-y in sources.mk.
$(patsubst %.c,$(B)/%.o,$(filter %.c,$(hot-y))): CFLAGS += -O2 -fjump-tables -ftree-pre -ftree-dominator-opts -fcaller-saves

.DEFAULT_GOAL := all
.PHONY: all build run test check check-fast unit lint bench size clean help build-arm64
## all: the same as build
## build: Latch's image, build/x86/latch.elf or build/arm64/Image
all: build
build: $(B)/latch.elf $(image-$(ARCH))

$(B)/%.o: %.c Makefile | $(libraries-$(ARCH))
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CROSS)gcc $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/%.o: %.S Makefile
	@mkdir -p $(@D)
	@echo "  AS    $<"
	@$(CROSS)gcc $(ASFLAGS) -MMD -MP -c $< -o $@
-include $(objects:.o=.d)

# Linked twice: the first link gives the addresses, the second carries them as the panic backtrace's symbol table.
$(B)/linker.ld: boot/$(ARCH)/linker.ld.S boot/debugger.ld.h
	@mkdir -p $(@D)
	@$(CROSS)cpp -P -I. -D__ASSEMBLER__ $< -o $@
# arm64 may be loaded anywhere: a third table says which words hold addresses.
relocs-arm64 := $(PYTHON) tools/relocs.py
link = $(CROSS)ld -O2 -nostdlib -static --gc-sections --build-id=sha1 -z max-page-size=0x1000 -z noexecstack --no-warn-rwx-segments -T $(B)/linker.ld
$(B)/latch.elf: $(objects) $(B)/linker.ld tools/symbols.py $(libraries-$(ARCH))
	@echo "  LINK  $@"
	@$(PYTHON) tools/symbols.py --empty > $(B)/symbols0.S
	@$(CROSS)gcc $(ASFLAGS) -c $(B)/symbols0.S -o $(B)/symbols0.o
	@$(link) $(if $(relocs-$(ARCH)),--emit-relocs) $(objects) $(B)/symbols0.o $(libraries-$(ARCH)) -o $(B)/latch0.elf
	@$(CROSS)nm -n $(B)/latch0.elf | $(PYTHON) tools/symbols.py > $(B)/symbols.S
	@$(if $(relocs-$(ARCH)),$(relocs-$(ARCH)) $(B)/latch0.elf >> $(B)/symbols.S)
	@$(CROSS)gcc $(ASFLAGS) -c $(B)/symbols.S -o $(B)/symbols.o
	@$(link) $(objects) $(B)/symbols.o $(libraries-$(ARCH)) -o $@
$(B)/Image: $(B)/latch.elf
	@$(CROSS)objcopy -O binary $< $@

# Host tests: cmocka with the address and undefined-behaviour sanitizers.
host-cflags := -std=c11 -g -O1 $(warnings) -Wno-missing-prototypes -fno-strict-aliasing -fsanitize=address,undefined \
	-fno-sanitize-recover=all -I. -Itests/unit/inline -DLATCH_HOST_TEST
unit-tests := $(addprefix build/unit/test_,$(unit-y))
.SECONDEXPANSION:
build/unit/test_%: tests/unit/test_%.c $$(unit-$$*-y)
	@mkdir -p $(@D)
	@echo "  UNIT  $*"
	@gcc $(host-cflags) -MMD -MP -MF $@.d -MT $@ $< $(sort $(filter %.c,$(unit-$*-y))) -o $@ -lcmocka $(unit-$*-libs)
-include $(wildcard build/unit/*.d)
## unit: unit tests on this machine, with sanitizers
unit: $(unit-tests)
	@failed=0; for t in $^; do $$t > $$t.log 2>&1 || { cat $$t.log; failed=1; }; done; \
	cat $(addsuffix .log,$^) | grep -c '^\[       OK' | sed 's/$$/ unit tests passed/'; exit $$failed

## check-fast: build and unit tests
check-fast: build unit
## check: lint, builds for x86 and arm64, unit tests, exhaustive models; under two minutes
check: build-arm64 lint check-fast
## build-arm64: the same as make ARCH=arm64 build
build-arm64:
	@$(MAKE) --no-print-directory ARCH=arm64 build
## lint: the house's rules on code, image and documentation
lint:
	@if [ -x tests/lint/run ]; then tests/lint/run; fi
## size: sizes of the image's parts, against their limits
size: build
	@$(PYTHON) tools/image_size.py $(B)/latch.elf
## clean: remove build/ (fetched guests too)
clean:
	@rm -rf build
## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  \1|\2/p' $(filter-out %.d,$(MAKEFILE_LIST)) | sort | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'
	@echo "Variables: ARCH=x86 DEBUG=1 (lock order checked; build/x86-debug) EMU=qemu-svm|bochs-svm|bochs-vmx (ARCH=arm64: qemu-arm64) LAUNCH='options of tools/launch' TESTS=FILE FUZZ_SECONDS=N"

-include $(wildcard tools/images.mk tests/model/model.mk tests/fuzz/fuzz.mk tests/lint/lint.mk bench/bench.mk guests/guests.mk guests/arm64/guests.mk)
