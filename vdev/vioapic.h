/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOAPIC with 24 pins, version 0x20 (with EOI register). Every function is called with the VM's device lock
 * held. Source: Intel 82093AA data sheet, ICH chapters "APIC".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "lib/bits.h"
#include "vdev/msi.h"

#define VIOAPIC_PINS 24
#define VIOAPIC_BASE UINT64_C(0xfec00000)
#define VIOAPIC_SIZE UINT64_C(0x1000)

/* Memory-mapped registers. */
#define VIOAPIC_IOREGSEL 0x00
#define VIOAPIC_IOWIN    0x10
#define VIOAPIC_EOI      0x40

/* Registers behind the window. */
#define VIOAPIC_REG_ID      0x00
#define VIOAPIC_REG_VERSION 0x01
#define VIOAPIC_REG_ARB     0x02
#define VIOAPIC_REG_REDIR   0x10 /* two per pin, low half first */

#define VIOAPIC_ID_MASK       FIELD(27, 24)
#define VIOAPIC_VERSION_VALUE (((uint32_t)VIOAPIC_PINS - 1) << 16 | 0x20)

/* Redirection table entry. */
#define VIOAPIC_VECTOR     FIELD(7, 0)
#define VIOAPIC_MODE       FIELD(10, 8)
#define VIOAPIC_LOGICAL    BIT(11)
#define VIOAPIC_STATUS     BIT(12) /* always idle */
#define VIOAPIC_ACTIVE_LOW BIT(13)
#define VIOAPIC_REMOTE_IRR BIT(14)
#define VIOAPIC_LEVEL      BIT(15)
#define VIOAPIC_MASKED     BIT(16)
#define VIOAPIC_DEST       FIELD(63, 56)
#define VIOAPIC_READ_ONLY  (VIOAPIC_STATUS | VIOAPIC_REMOTE_IRR)
#define VIOAPIC_RESERVED   FIELD(55, 17)

struct vioapic {
    struct vdev dev;
    struct msi_sink *sink;
    uint8_t select;
    uint32_t id;
    uint32_t pins; /* asserted inputs: what the device means, whatever the polarity bit says */
    uint64_t redir[VIOAPIC_PINS];
    uint64_t sent_count;       /* messages that a processor took */
    uint64_t unaccepted_count; /* messages that nobody took */
    uint64_t lost_edge_count;  /* edges while masked: not remembered, as the data sheet says */
};

void vioapic_init(struct vioapic *io, struct msi_sink *sink);
MUST_CHECK int vioapic_register(struct vioapic *io, struct bus *mmio);

/* Level of an input in the device's sense (true: asserted). */
void vioapic_set_pin(struct vioapic *io, unsigned int pin, bool level);

/* A processor's end of interrupt for a level-triggered vector: clears remote IRR, sends again what is still
 * high. */
void vioapic_eoi(struct vioapic *io, uint8_t vector);
