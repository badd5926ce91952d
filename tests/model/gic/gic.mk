# SPDX-License-Identifier: BSD-2-Clause
# The exhaustive check of the virtual GIC, and the deliberate bugs that it must catch.
gic-model-sources := $(wildcard tests/model/gic/*.c) tests/model/choices.c
gic-model-cflags := $(model-cflags) -Itests/unit/inline

.PHONY: gic-model gic-mutants
check: gic-model
build/model/gic: $(gic-model-sources) $(vgic-y) $(wildcard tests/model/gic/*.h arch/arm64/gic/*.h)
	@mkdir -p $(@D)
	@echo "  MODEL $@"
	@gcc $(gic-model-cflags) $(gic-model-sources) $(vgic-y) core/device.c -o $@
## gic-model: every interleaving of interrupts and list registers against a bare-metal GIC
gic-model: build/model/gic
	@build/model/gic
## gic-mutants: deliberate bugs in the virtual GIC that its model must catch
gic-mutants: build/model/gic
	@$(PYTHON) tests/model/gic/mutants.py "gcc $(gic-model-cflags)" "$(gic-model-sources) core/device.c" "$(vgic-y)"
