/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8259A pair: command words, ports, reset. VM's device lock.
 */
#include "lib/string.h"
#include "vdev/vpic_internal.h"

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

/* Edge inputs need a new edge after it; level inputs are there again at once. */
static void write_icw1(struct vpic *pic, struct vpic_chip *chip, uint8_t value)
{
    uint8_t edges;

    edges = (uint8_t)(chip->irr & ~vpic_level_inputs(chip));
    if (chip == &pic->chips[VPIC_MASTER])
        edges &= (uint8_t)~vpic_pin_bit(VPIC_CASCADE);
    pic->cleared_count += bits_count(edges);
    chip->all_level = (value & ICW1_LEVEL) != 0;
    chip->irr = (uint8_t)(chip->pins & vpic_level_inputs(chip));
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
    rank = vpic_best_rank(chip, bits);
    if (rank == 8)
        return;
    pin = vpic_pin_of_rank(chip, rank);
    chip->isr &= (uint8_t)~vpic_pin_bit(pin);
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
        chip->isr &= (uint8_t)~vpic_pin_bit(pin);
        break;
    case OCW2_EOI_SPECIFIC:
        chip->isr &= (uint8_t)~vpic_pin_bit(pin);
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

    value &= which == VPIC_MASTER ? VPIC_ELCR_MASTER : VPIC_ELCR_SLAVE;
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
        pin = vpic_chip_take(pic, which, &found);
        vpic_update(pic);
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
    return read_chip(pic, offset >= VPIC_OFFSET_SLAVE ? VPIC_SLAVE : VPIC_MASTER, (offset & 1) != 0);
}

static void write_port(struct vpic *pic, uint64_t offset, uint8_t value)
{
    struct vpic_chip *chip = &pic->chips[offset >= VPIC_OFFSET_SLAVE ? VPIC_SLAVE : VPIC_MASTER];

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
    vpic_update(pic);
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
    vpic_update(pic);
}

static const struct vdev_ops vpic_ops = {
    .name = "pic",
    .read = pic_read,
    .write = pic_write,
    .reset = pic_reset,
};

void vpic_init(struct vpic *pic, const struct vpic_output_ops *output)
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
