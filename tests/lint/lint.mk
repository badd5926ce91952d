# SPDX-License-Identifier: BSD-2-Clause
# `make lint` runs tests/lint/run; the rules on the image need the image. `make lint-selftest`: each rule catches its bad sample.
.PHONY: lint-flags lint-selftest docs-check
lint: $(if $(wildcard boot/x86/linker.ld.S),build) lint-selftest
## lint-flags: the compiler and flags that lint uses
lint-flags:
	@echo $(CROSS)gcc $(CFLAGS)
## lint-selftest: each lint rule catches its bad sample
lint-selftest: build/lint/selftest.stamp
build/lint/selftest.stamp: $(wildcard tests/lint/*.py)
	@mkdir -p $(@D)
	@$(PYTHON) -B tests/lint/test_lint.py > build/lint/selftest.log 2>&1 || { cat build/lint/selftest.log; exit 1; }
	@touch $@

## docs-check: links, files, targets, options and words that the pages name exist
docs-check:
	@$(PYTHON) -B tests/lint/doc_rules.py
