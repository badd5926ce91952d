/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest program defines and what the runtime found for it.
 */
#pragma once

#include <stdint.h>

/* The program. words[0] is the image's own path when the loader gave a command line. Returns the exit code.
 */
int guest_main(int word_count, char **words);

/* The TSC as read by the guest's first instruction. */
extern uint64_t boot_tsc;
