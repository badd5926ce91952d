# SPDX-License-Identifier: BSD-2-Clause
# The exhaustive check of the injection scheduler, and the deliberate bugs that it must catch.
model-sources := $(wildcard tests/model/*.c)
model-cflags := -std=c11 -O2 -g $(warnings) -fno-strict-aliasing -I.

include tools/replay/replay.mk
include tests/model/gic/gic.mk

.PHONY: model mutants
check: model
build/model/check: $(model-sources) $(inject-y) $(wildcard tests/model/*.h core/inject*.h)
	@mkdir -p $(@D)
	@echo "  MODEL $@"
	@gcc $(model-cflags) $(model-sources) $(inject-y) -o $@
## model: every interleaving of events against bare metal
model: build/model/check
	@build/model/check

# Only a part of `make check`: three minutes of compiling.
## mutants: deliberate bugs that the model must catch; three minutes
mutants: build/model/check
	@$(PYTHON) tests/model/mutants.py "gcc $(model-cflags)" "$(model-sources)" "$(inject-y)"

# How vCPUs are woken, kicked and moved, on processors with store buffers; its mutants are built in.
.PHONY: wake
check: wake
build/model/wake: $(wildcard tests/model/wake/*.[ch])
	@mkdir -p $(@D)
	@echo "  MODEL $@"
	@gcc $(model-cflags) $(filter %.c,$^) -o $@
## wake: every interleaving of waking, kicking and moving vCPUs, and the mutants
wake: build/model/wake
	@build/model/wake
