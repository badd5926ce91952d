/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this build calls itself. The build id is the linker's hash of the image's contents: it tells two
 * builds of one version apart and finds the latch.elf that a backtrace belongs to.
 */
#pragma once

#include <stdint.h>

#define LATCH_VERSION "0.1"

extern const uint8_t build_id[20];
