# SPDX-License-Identifier: BSD-2-Clause
# The offline replayer of injection logs: build/tools/replay LOG.
.PHONY: replay
## replay: build/tools/replay, which runs an injection log again
replay: build/tools/replay
build/tools/replay: tools/replay/main.c tools/replay/replay.c $(inject-y) tools/replay/replay.h $(wildcard core/inject*.h)
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	@gcc -std=c11 -O1 -g $(warnings) -fno-strict-aliasing -I. $(filter %.c,$^) -o $@
