/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the 8259A pair share among themselves. VM's device lock.
 */
#pragma once

#include "vdev/vpic.h"

#define VPIC_MASTER  0
#define VPIC_SLAVE   1
#define VPIC_CASCADE 2 /* master input that the slave drives */

static inline uint8_t vpic_pin_bit(unsigned int pin)
{
    return (uint8_t)(1u << (pin & 7));
}

static inline uint8_t vpic_level_inputs(const struct vpic_chip *chip)
{
    return chip->all_level ? UINT8_MAX : chip->elcr;
}

/* The input of highest priority among `bits`, as its distance from the top: 0..7, 8 if there is none. */
static inline unsigned int vpic_best_rank(const struct vpic_chip *chip, uint8_t bits)
{
    unsigned int top = (chip->lowest + 1u) & 7;

    if (bits == 0)
        return 8;
    return (unsigned int)__builtin_ctz((((unsigned int)bits << 8 | bits) >> top) & 0xff);
}

static inline unsigned int vpic_pin_of_rank(const struct vpic_chip *chip, unsigned int rank)
{
    return (chip->lowest + 1u + rank) & 7;
}

/* After every change: the cascade and the output follow. */
void vpic_update(struct vpic *pic);

/* One chip's part of an INTA cycle or of a poll. Without a request it answers 7 and nothing is in service. */
unsigned int vpic_chip_take(struct vpic *pic, unsigned int which, bool *found);
