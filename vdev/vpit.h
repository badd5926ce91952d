/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's 8254 interval timer at 0x40..0x43 and the system control port 0x61. Counters are functions of
 * time: nothing ticks. Channel 0 drives an interrupt line through one core timer; channel 2 has its gate and
 * output in port 0x61. Every function is called with the VM's device lock held, the timer's expiry takes it.
 * Source: Intel 82C54 data sheet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irq_line.h"
#include "core/timer.h"
#include "lib/bits.h"
#include "vdev/vpit_channel.h"

#define VPIT_HZ       UINT64_C(1193182)
#define VPIT_CHANNELS 3

struct vm;

struct vpit {
    struct vdev dev;
    struct vm *vm;
    struct irq_line *line; /* OUT0 */
    struct timer timer;
    struct vpit_channel channels[VPIT_CHANNELS];
    uint64_t epoch_ns;  /* tick VPIT_FIRST_TICK */
    uint64_t edge_tick; /* next rising edge of OUT0 not yet given to the line, VPIT_NEVER: none */
    uint8_t port61;     /* writable bits of port 0x61 */
    uint8_t
        port61_read; /* what it reads as, but for the refresh bit; VPIT_PORT61_RUNS: that depends on time */
    uint64_t edge_count; /* rising edges given to the line */
    uint64_t
        missed_count; /* edges that passed while the host was late: they collapse, as in the PIC's latch */
};

/* Offsets given to the device: port - 0x40. */
#define VPIT_OFFSET_CONTROL 0x03
#define VPIT_OFFSET_PORT61  0x21

#define VPIT_PORT61_RUNS UINT8_MAX

void vpit_init(struct vpit *pit, struct vm *vm, struct irq_line *line);

/* Registers 0x40..0x43 and 0x61. */
MUST_CHECK int vpit_register(struct vpit *pit, struct bus *pio);
