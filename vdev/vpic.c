/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8259A pair: inputs, priorities, acknowledge. Priorities are resolved anew from IRR, IMR, ISR whenever
 * asked; nothing is cached but the level of the two INT outputs, which vpic_update() brings up to date after
 * every change. VM's device lock.
 */
#include "vdev/vpic_internal.h"

/* The input that this chip would give now, -1: none. */
static int chip_request(const struct vpic *pic, unsigned int which)
{
    const struct vpic_chip *chip = &pic->chips[which];
    uint8_t in_service = chip->isr;
    unsigned int rank;

    if (chip->init != VPIC_READY)
        return -1;
    if (chip->special_mask)
        in_service &= (uint8_t)~chip->imr;
    /* Special fully nested: the slave may interrupt its own service. */
    if (chip->fully_nested && which == VPIC_MASTER)
        in_service &= (uint8_t)~vpic_pin_bit(VPIC_CASCADE);
    rank = vpic_best_rank(chip, (uint8_t)(chip->irr & ~chip->imr));
    return rank < vpic_best_rank(chip, in_service) ? (int)vpic_pin_of_rank(chip, rank) : -1;
}

/* `counted`: the cascade is a wire inside and not in the books. */
static void chip_set_pin(struct vpic *pic, struct vpic_chip *chip, unsigned int pin, bool level, bool counted)
{
    uint8_t bit = vpic_pin_bit(pin);
    bool was = (chip->pins & bit) != 0;
    bool edge = (vpic_level_inputs(chip) & bit) == 0;

    if (level == was)
        return;
    if (edge && counted) {
        pic->edge_count += level ? 1 : 0;
        pic->withdrawn_count += !level && (chip->irr & bit) != 0 ? 1 : 0;
    }
    if (level) {
        chip->pins |= bit;
        chip->irr |= bit;
    } else { /* also an edge's latch: a request must stay until it is acknowledged */
        chip->pins &= (uint8_t)~bit;
        chip->irr &= (uint8_t)~bit;
    }
}

static void set_output(struct vpic *pic, bool raised)
{
    if (pic->raised == raised)
        return;
    pic->raised = raised;
    pic->output->output_changed(pic, raised);
}

void vpic_update(struct vpic *pic)
{
    chip_set_pin(pic, &pic->chips[VPIC_MASTER], VPIC_CASCADE, chip_request(pic, VPIC_SLAVE) >= 0, false);
    set_output(pic, chip_request(pic, VPIC_MASTER) >= 0);
}

void vpic_set_pin(struct vpic *pic, unsigned int pin, bool level)
{
    if (pin >= VPIC_PINS || pin == VPIC_CASCADE)
        return;
    chip_set_pin(pic, &pic->chips[pin >> 3], pin & 7, level, true);
    vpic_update(pic);
}

bool vpic_pending(const struct vpic *pic)
{
    return pic->raised;
}

uint8_t vpic_peek(const struct vpic *pic)
{
    const struct vpic_chip *chip = &pic->chips[VPIC_MASTER];
    int pin = chip_request(pic, VPIC_MASTER);

    if (pin == VPIC_CASCADE && !chip->single) {
        chip = &pic->chips[VPIC_SLAVE];
        pin = chip_request(pic, VPIC_SLAVE);
    }
    return (uint8_t)(chip->vector_base + (pin >= 0 ? pin : 7));
}

unsigned int vpic_chip_take(struct vpic *pic, unsigned int which, bool *found)
{
    struct vpic_chip *chip = &pic->chips[which];
    int pin = chip_request(pic, which);
    uint8_t bit;

    *found = pin >= 0;
    if (pin < 0)
        return 7;
    bit = vpic_pin_bit((unsigned int)pin);
    if (!chip->auto_eoi)
        chip->isr |= bit;
    else if (chip->rotate_on_aeoi)
        chip->lowest = (uint8_t)pin;
    if ((vpic_level_inputs(chip) & bit) == 0) {
        chip->irr &= (uint8_t)~bit;
        pic->ack_count += which == VPIC_MASTER && pin == VPIC_CASCADE ? 0 : 1;
    }
    /* INT of the slave drops with the acknowledge and rises again if it still has something to give. */
    if (which == VPIC_SLAVE)
        chip_set_pin(pic, &pic->chips[VPIC_MASTER], VPIC_CASCADE, false, false);
    return (unsigned int)pin;
}

uint8_t vpic_ack(struct vpic *pic)
{
    const struct vpic_chip *chip = &pic->chips[VPIC_MASTER];
    bool found;
    unsigned int pin = vpic_chip_take(pic, VPIC_MASTER, &found);

    if (found && pin == VPIC_CASCADE && !chip->single) {
        chip = &pic->chips[VPIC_SLAVE];
        pin = vpic_chip_take(pic, VPIC_SLAVE, &found);
    }
    if (!found)
        pic->spurious_count++;
    set_output(pic, false); /* INT drops with the acknowledge: a further request is an edge again */
    vpic_update(pic);
    return (uint8_t)(chip->vector_base + pin);
}
