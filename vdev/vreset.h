/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways in which software resets a PC: keyboard controller command 0xfe (port 0x64), fast reset (port
 * 0x92), reset control register (port 0xcf9). The last lies within the PCI configuration address port, whose
 * model hands byte accesses over. Of the keyboard controller there is no more than kernels need in order not
 * to wait: no keyboard, no mouse, gate A20 always open. Device lock held.
 */
#pragma once

#include <stdint.h>

#include "core/device.h"
#include "lib/bits.h"

#define VRESET_KBC_DATA      0x60
#define VRESET_KBC_COMMAND   0x64 /* read: status */
#define VRESET_SYSTEM        0x92
#define VRESET_CONTROL       0xcf9
#define VRESET_CONTROL_VALUE 0x06 /* what the FADT says is to be written to VRESET_CONTROL */

struct vm;

struct vreset {
    struct vdev dev; /* offsets are port numbers */
    struct vm *vm;
    uint8_t control;
    uint8_t kbc_command; /* 0xd1: the next data byte is the output port; else 0 */
    uint8_t kbc_data;
    uint8_t kbc_full; /* status bit 0: kbc_data has not been read */
};

void vreset_init(struct vreset *reset, struct vm *vm);

/* Ports 0x60, 0x64, 0x92. */
MUST_CHECK int vreset_register(struct vreset *reset, struct bus *pio);

/* Byte accesses to 0xcf9. */
uint8_t vreset_control_read(const struct vreset *reset);
void vreset_control_write(struct vreset *reset, uint8_t value);
