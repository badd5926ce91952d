/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports by which small test kernels end their machine: 0xf4 ends it with the code written (1, 2 or 4 bytes),
 * 0x8900 powers it off after the string "Shutdown". Device lock held.
 */
#pragma once

#include <stdint.h>

#include "core/device.h"
#include "lib/bits.h"

#define VDEBUGEXIT_PORT     UINT64_C(0xf4)
#define VDEBUGEXIT_PORTS    4
#define VDEBUGEXIT_SHUTDOWN UINT64_C(0x8900)

struct vm;

struct vdebugexit {
    struct vdev dev; /* offsets are port numbers */
    struct vm *vm;
    uint8_t matched_count; /* characters of "Shutdown" seen so far */
};

void vdebugexit_init(struct vdebugexit *exit, struct vm *vm);
MUST_CHECK int vdebugexit_register(struct vdebugexit *exit, struct bus *pio);
