# SPDX-License-Identifier: BSD-2-Clause
# `make bench`: instructions per operation, in the emulator's own count; table on the terminal, build/bench.json for programs.
.PHONY: bench
## bench: instructions per operation; build/bench.json
bench: build guests bootstrap
	@$(PYTHON) -B bench/run
