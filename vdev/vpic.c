/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8259A pair. Priorities are resolved anew from IRR, IMR, ISR whenever asked; nothing is cached but the
 * level of the two INT outputs, which pic_update() brings up to date after every change. VM's device lock.
 */
#include "vdev/vpic.h"

#include "lib/string.h"

#define MASTER  0
#define SLAVE   1
#define CASCADE 2 /* master input that the slave drives */

#define PORT_BASE UINT64_C(0x20)

#define ICW1_SELECT      UINT8_C(0x10)
#define ICW1_ICW4        UINT8_C(0x01)
#define ICW1_SINGLE      UINT8_C(0x02)
#define ICW1_LEVEL       UINT8_C(0x08)
#define ICW2_BASE        UINT8_C(0xf8)
#define ICW4_AUTO_EOI    UINT8_C(0x02)
#define ICW4_NESTED      UINT8_C(0x10)
#define OCW2_LEVEL       UINT8_C(0x07)
#define OCW2_SHIFT       5
#define OCW3_SELECT      UINT8_C(0x08)
#define OCW3_READ_SELECT UINT8_C(0x02)
#define OCW3_READ_ISR    UINT8_C(0x01)
#define OCW3_POLL        UINT8_C(0x04)
#define OCW3_SMM_SELECT  UINT8_C(0x40)
#define OCW3_SMM         UINT8_C(0x20)
#define POLL_REQUEST     UINT8_C(0x80)

/* OCW2 bits 7..5: rotate, specific, end of interrupt. */
enum ocw2 {
    OCW2_ROTATE_AEOI_OFF = 0,
    OCW2_EOI = 1,
    OCW2_NOTHING = 2,
    OCW2_EOI_SPECIFIC = 3,
    OCW2_ROTATE_AEOI_ON = 4,
    OCW2_ROTATE_EOI = 5,
    OCW2_SET_LOWEST = 6,
    OCW2_ROTATE_EOI_SPECIFIC = 7,
};

/* What firmware programs, and the state that a kernel loaded without firmware finds: all masked. */
static const uint8_t firmware_base[2] = {0x08, 0x70};

static uint8_t pin_bit(unsigned int pin)
{
    return (uint8_t)(1u << (pin & 7));
}

static uint8_t level_inputs(const struct vpic_chip *chip)
{
    return chip->all_level ? UINT8_MAX : chip->elcr;
}

/* The input of highest priority among `bits`, as its distance from the top: 0..7, 8 if there is none. */
static unsigned int best_rank(const struct vpic_chip *chip, uint8_t bits)
{
    unsigned int top = (chip->lowest + 1u) & 7;

    if (bits == 0)
        return 8;
    return (unsigned int)__builtin_ctz((((unsigned int)bits << 8 | bits) >> top) & 0xff);
}

static unsigned int pin_of_rank(const struct vpic_chip *chip, unsigned int rank)
{
    return (chip->lowest + 1u + rank) & 7;
}

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
    if (chip->fully_nested && which == MASTER)
        in_service &= (uint8_t)~pin_bit(CASCADE);
    rank = best_rank(chip, (uint8_t)(chip->irr & ~chip->imr));
    return rank < best_rank(chip, in_service) ? (int)pin_of_rank(chip, rank) : -1;
}

/* `counted`: the cascade is a wire inside and not in the books. */
static void chip_set_pin(struct vpic *pic, struct vpic_chip *chip, unsigned int pin, bool level, bool counted)
{
    uint8_t bit = pin_bit(pin);
    bool was = (chip->pins & bit) != 0;
    bool edge = (level_inputs(chip) & bit) == 0;

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

static void pic_update(struct vpic *pic)
{
    chip_set_pin(pic, &pic->chips[MASTER], CASCADE, chip_request(pic, SLAVE) >= 0, false);
    irq_line_set(pic->output, chip_request(pic, MASTER) >= 0);
}

void vpic_set_pin(struct vpic *pic, unsigned int pin, bool level)
{
    if (pin >= VPIC_PINS || pin == CASCADE)
        return;
    chip_set_pin(pic, &pic->chips[pin >> 3], pin & 7, level, true);
    pic_update(pic);
}

bool vpic_pending(const struct vpic *pic)
{
    return pic->output->level;
}

uint8_t vpic_peek(const struct vpic *pic)
{
    const struct vpic_chip *chip = &pic->chips[MASTER];
    int pin = chip_request(pic, MASTER);

    if (pin == CASCADE && !chip->single) {
        chip = &pic->chips[SLAVE];
        pin = chip_request(pic, SLAVE);
    }
    return (uint8_t)(chip->vector_base + (pin >= 0 ? pin : 7));
}

/* One chip's part of an INTA cycle or of a poll. Without a request it answers 7 and nothing is in service. */
static unsigned int chip_take(struct vpic *pic, unsigned int which, bool *found)
{
    struct vpic_chip *chip = &pic->chips[which];
    int pin = chip_request(pic, which);
    uint8_t bit;

    *found = pin >= 0;
    if (pin < 0)
        return 7;
    bit = pin_bit((unsigned int)pin);
    if (!chip->auto_eoi)
        chip->isr |= bit;
    else if (chip->rotate_on_aeoi)
        chip->lowest = (uint8_t)pin;
    if ((level_inputs(chip) & bit) == 0) {
        chip->irr &= (uint8_t)~bit;
        pic->ack_count += which == MASTER && pin == CASCADE ? 0 : 1;
    }
    /* INT of the slave drops with the acknowledge and rises again if it still has something to give. */
    if (which == SLAVE)
        chip_set_pin(pic, &pic->chips[MASTER], CASCADE, false, false);
    return (unsigned int)pin;
}

uint8_t vpic_ack(struct vpic *pic)
{
    const struct vpic_chip *chip = &pic->chips[MASTER];
    bool found;
    unsigned int pin = chip_take(pic, MASTER, &found);

    if (found && pin == CASCADE && !chip->single) {
        chip = &pic->chips[SLAVE];
        pin = chip_take(pic, SLAVE, &found);
    }
    if (!found)
        pic->spurious_count++;
    irq_line_set(pic->output, false); /* INT drops with the acknowledge: a further request is an edge again */
    pic_update(pic);
    return (uint8_t)(chip->vector_base + pin);
}

/* Edge inputs need a new edge after it; level inputs are there again at once. */
static void write_icw1(struct vpic *pic, struct vpic_chip *chip, uint8_t value)
{
    uint8_t edges;

    edges = (uint8_t)(chip->irr & ~level_inputs(chip));
    if (chip == &pic->chips[MASTER])
        edges &= (uint8_t)~pin_bit(CASCADE);
    pic->cleared_count += bits_count(edges);
    chip->all_level = (value & ICW1_LEVEL) != 0;
    chip->irr = (uint8_t)(chip->pins & level_inputs(chip));
    chip->isr = 0;
    chip->imr = 0;
    chip->lowest = 7;
    chip->single = (value & ICW1_SINGLE) != 0;
    chip->needs_icw4 = (value & ICW1_ICW4) != 0;
    chip->auto_eoi = false;
    chip->rotate_on_aeoi = false;
    chip->fully_nested = false;
    chip->special_mask = false;
    chip->read_isr = false;
    chip->poll = false;
    chip->init = VPIC_WANT_ICW2;
}

static void end_of_interrupt(struct vpic_chip *chip, bool rotate)
{
    uint8_t bits = chip->isr;
    unsigned int rank;
    unsigned int pin;

    if (chip->special_mask) /* what is masked takes a specific EOI */
        bits &= (uint8_t)~chip->imr;
    rank = best_rank(chip, bits);
    if (rank == 8)
        return;
    pin = pin_of_rank(chip, rank);
    chip->isr &= (uint8_t)~pin_bit(pin);
    if (rotate)
        chip->lowest = (uint8_t)pin;
}

static void write_ocw2(struct vpic_chip *chip, uint8_t value)
{
    uint8_t pin = value & OCW2_LEVEL;

    switch ((enum ocw2)(value >> OCW2_SHIFT)) {
    case OCW2_ROTATE_AEOI_OFF:
    case OCW2_ROTATE_AEOI_ON:
        chip->rotate_on_aeoi = value >> OCW2_SHIFT == OCW2_ROTATE_AEOI_ON;
        break;
    case OCW2_EOI:
    case OCW2_ROTATE_EOI:
        end_of_interrupt(chip, value >> OCW2_SHIFT == OCW2_ROTATE_EOI);
        break;
    case OCW2_ROTATE_EOI_SPECIFIC:
        chip->lowest = pin;
        chip->isr &= (uint8_t)~pin_bit(pin);
        break;
    case OCW2_EOI_SPECIFIC:
        chip->isr &= (uint8_t)~pin_bit(pin);
        break;
    case OCW2_SET_LOWEST:
        chip->lowest = pin;
        break;
    case OCW2_NOTHING:
        break;
    }
}

static void write_ocw3(struct vpic_chip *chip, uint8_t value)
{
    if ((value & OCW3_SMM_SELECT) != 0)
        chip->special_mask = (value & OCW3_SMM) != 0;
    if ((value & OCW3_POLL) != 0)
        chip->poll = true;
    else if ((value & OCW3_READ_SELECT) != 0)
        chip->read_isr = (value & OCW3_READ_ISR) != 0;
}

static void write_data(struct vpic_chip *chip, uint8_t value)
{
    switch ((enum vpic_init_state)chip->init) {
    case VPIC_READY:
        chip->imr = value;
        break;
    case VPIC_WANT_ICW2:
        chip->vector_base = value & ICW2_BASE;
        chip->init = !chip->single ? VPIC_WANT_ICW3 : chip->needs_icw4 ? VPIC_WANT_ICW4 : VPIC_READY;
        break;
    case VPIC_WANT_ICW3: /* the cascade is wired: input 2 */
        chip->init = chip->needs_icw4 ? VPIC_WANT_ICW4 : VPIC_READY;
        break;
    case VPIC_WANT_ICW4:
        chip->auto_eoi = (value & ICW4_AUTO_EOI) != 0;
        chip->fully_nested = (value & ICW4_NESTED) != 0;
        chip->init = VPIC_READY;
        break;
    }
}

static void write_elcr(struct vpic *pic, unsigned int which, uint8_t value)
{
    struct vpic_chip *chip = &pic->chips[which];
    uint8_t changed;

    value &= which == MASTER ? VPIC_ELCR_MASTER : VPIC_ELCR_SLAVE;
    changed = chip->elcr ^ value;
    /* An input that changes kind starts anew: asserted level, or no edge yet. */
    pic->cleared_count += bits_count((uint64_t)(chip->irr & changed & value));
    chip->irr = (uint8_t)((chip->irr & ~changed) | (chip->pins & changed & value));
    chip->elcr = value;
}

static uint8_t read_chip(struct vpic *pic, unsigned int which, bool data)
{
    struct vpic_chip *chip = &pic->chips[which];
    unsigned int pin;
    bool found;

    if (chip->poll) {
        chip->poll = false;
        pin = chip_take(pic, which, &found);
        pic_update(pic);
        return found ? (uint8_t)(POLL_REQUEST | pin) : 0;
    }
    if (data)
        return chip->imr;
    return chip->read_isr ? chip->isr : chip->irr;
}

static uint8_t read_port(struct vpic *pic, uint64_t offset)
{
    if (offset >= VPIC_OFFSET_ELCR)
        return pic->chips[offset & 1].elcr;
    return read_chip(pic, offset >= VPIC_OFFSET_SLAVE ? SLAVE : MASTER, (offset & 1) != 0);
}

static void write_port(struct vpic *pic, uint64_t offset, uint8_t value)
{
    struct vpic_chip *chip = &pic->chips[offset >= VPIC_OFFSET_SLAVE ? SLAVE : MASTER];

    if (offset >= VPIC_OFFSET_ELCR)
        write_elcr(pic, offset & 1, value);
    else if ((offset & 1) != 0)
        write_data(chip, value);
    else if ((value & ICW1_SELECT) != 0)
        write_icw1(pic, chip, value);
    else if ((value & OCW3_SELECT) != 0)
        write_ocw3(chip, value);
    else
        write_ocw2(chip, value);
    pic_update(pic);
}

/* A wider access is byte cycles in order, as on the ISA bus. */
static uint64_t pic_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    uint64_t value = 0;

    (void)vcpu;
    for (unsigned int i = 0; i < size; i++)
        value |= (uint64_t)read_port(CONTAINER_OF(dev, struct vpic, dev), offset + i) << (8 * i);
    return value;
}

static void pic_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size, uint64_t value)
{
    (void)vcpu;
    for (unsigned int i = 0; i < size; i++)
        write_port(CONTAINER_OF(dev, struct vpic, dev), offset + i, (uint8_t)(value >> (8 * i)));
}

/* The inputs are other devices' and stay as they are until those are reset. */
static void pic_reset(struct vdev *dev)
{
    struct vpic *pic = CONTAINER_OF(dev, struct vpic, dev);

    for (unsigned int i = 0; i < ARRAY_COUNT(pic->chips); i++) {
        pic->chips[i].elcr = 0;
        write_icw1(pic, &pic->chips[i], 0);
        pic->chips[i].init = VPIC_READY;
        pic->chips[i].vector_base = firmware_base[i];
        pic->chips[i].imr = UINT8_MAX;
    }
    pic_update(pic);
}

static const struct vdev_ops vpic_ops = {
    .name = "pic",
    .read = pic_read,
    .write = pic_write,
    .reset = pic_reset,
};

void vpic_init(struct vpic *pic, struct irq_line *output)
{
    memset(pic, 0, sizeof(*pic));
    pic->dev.ops = &vpic_ops;
    pic->output = output;
    pic_reset(&pic->dev);
}

int vpic_register(struct vpic *pic, struct bus *pio)
{
    static const uint16_t offsets[] = {VPIC_OFFSET_MASTER, VPIC_OFFSET_SLAVE, VPIC_OFFSET_ELCR};
    int error = 0;

    for (unsigned int i = 0; i < ARRAY_COUNT(offsets) && error == 0; i++)
        error = bus_register_base(pio, PORT_BASE + offsets[i], 2, PORT_BASE, &pic->dev);
    return error;
}
