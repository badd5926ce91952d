/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's pair of 8259A interrupt controllers at 0x20/0x21 and 0xa0/0xa1, with the edge/level control
 * registers at 0x4d0/0x4d1. Every function is called with the VM's device lock held. Source: Intel 8259A data
 * sheet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "lib/bits.h"

#define VPIC_PINS 16

/* Which command word the next write to the data port is. */
enum vpic_init_state {
    VPIC_READY,
    VPIC_WANT_ICW2,
    VPIC_WANT_ICW3,
    VPIC_WANT_ICW4,
};

/* One 8259A. */
struct vpic_chip {
    uint8_t irr;  /* latched edges and asserted level inputs */
    uint8_t isr;  /* in service */
    uint8_t imr;  /* masked */
    uint8_t pins; /* level of the inputs */
    uint8_t elcr; /* 1: this input is level triggered */
    uint8_t vector_base;
    uint8_t lowest; /* the input that has the lowest priority now, 7 after ICW1 */
    uint8_t init;   /* enum vpic_init_state */
    bool needs_icw4;
    bool single;         /* ICW1.SNGL: no ICW3 */
    bool all_level;      /* ICW1.LTIM */
    bool auto_eoi;       /* ICW4.AEOI */
    bool rotate_on_aeoi; /* OCW2: rotate in automatic EOI mode */
    bool fully_nested;   /* ICW4.SFNM */
    bool special_mask;   /* OCW3 */
    bool read_isr;       /* OCW3: what the command port reads */
    bool poll;           /* OCW3: the next read is an acknowledge */
};

struct vpic;

struct vpic_output_ops {
    /* INT of the master changed to `raised`. */
    void (*output_changed)(struct vpic *pic, bool raised);
};

struct vpic {
    struct vdev dev; /* both chips and the ELCRs: see VPIC_OFFSET_* */
    const struct vpic_output_ops *output;
    struct vpic_chip chips[2];
    bool raised; /* INT of the master */
    /* Of edge-triggered inputs: edges = acknowledged + withdrawn + cleared by ICW1 + pending. */
    uint64_t edge_count;
    uint64_t ack_count;
    uint64_t withdrawn_count; /* the input fell before the acknowledge */
    uint64_t cleared_count;
    uint64_t spurious_count; /* acknowledges that found nothing */
};

/* Offsets given to the device; the board registers the ports with these bases. */
#define VPIC_OFFSET_MASTER 0x00  /* 0x20, 2 ports */
#define VPIC_OFFSET_SLAVE  0x80  /* 0xa0, 2 ports */
#define VPIC_OFFSET_ELCR   0x4b0 /* 0x4d0, 2 ports; offsets count from port 0x20 */

#define VPIC_ELCR_MASTER UINT8_C(0xf8) /* inputs 0..2 are always edge triggered */
#define VPIC_ELCR_SLAVE  UINT8_C(0xde) /* so are 8 and 13 */

void vpic_init(struct vpic *pic, const struct vpic_output_ops *output);

/* Registers the six ports; 0 or what bus_register() returned. */
MUST_CHECK int vpic_register(struct vpic *pic, struct bus *pio);

/* Level of input 0..15; 2 is the cascade and ignored. */
void vpic_set_pin(struct vpic *pic, unsigned int pin, bool level);

/* Is INT of the master raised? */
bool vpic_pending(const struct vpic *pic);

/* The vector that vpic_ack() would return now; changes nothing. */
uint8_t vpic_peek(const struct vpic *pic);

/* INTA: the vector of the winning input, taken into service; base + 7 of a chip with nothing to give
 * (spurious). */
uint8_t vpic_ack(struct vpic *pic);
