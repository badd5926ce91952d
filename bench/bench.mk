# SPDX-License-Identifier: BSD-2-Clause
# `make bench`: instructions per operation, in the emulator's own count; table on the terminal, build/bench.json for programs.
.PHONY: bench
## bench: instructions per operation; build/bench.json
bench: bootstrap build build-arm64 guests guests-arm64
	@$(PYTHON) -B bench/run
