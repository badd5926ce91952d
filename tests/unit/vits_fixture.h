/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM with an ITS for unit tests: its tables, a device that is mapped, commands. Included once by the test's
 * .c file.
 */
#pragma once

#include "vgic_fixture.h"

#define QUEUE   (MEMORY + 0x10000)
#define PROP    (MEMORY + 0x20000)
#define PEND    (MEMORY + 0x30000)
#define DEVICE  7u
#define LPI(n)  (VGIC_LPI_FIRST + (n))
#define MAPPED  (UINT64_C(1) << 63)
#define PLACES  128u /* commands in the queue */
#define ENABLED 1

static uint32_t place;

static uint64_t its_at(uint32_t offset)
{
    return VGIC_ITS_BASE + offset;
}

static void w64(uint64_t at, uint64_t value)
{
    bus_write(&bus, &vcpus[0], at, 8, value);
}

static uint64_t r64(uint64_t at)
{
    return bus_read(&bus, &vcpus[0], at, 8);
}

static void queue(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t words[4] = {a, b, c, d};

    memcpy(&memory[QUEUE - MEMORY + place * 32], words, sizeof(words));
    place = (place + 1) % PLACES;
}

/* True: no error. */
static bool run(void)
{
    uint64_t errors = its.error_count;

    w64(its_at(GITS_CWRITER), place * 32);
    for (uint32_t i = 0; i < 8 && r64(its_at(GITS_CREADR)) != place * 32; i++)
        ;
    assert_int_equal(r64(its_at(GITS_CREADR)), place * 32);
    return its.error_count == errors;
}

static bool command(uint32_t code, uint64_t b, uint64_t c)
{
    queue(code | (uint64_t)DEVICE << 32, b, c, 0);
    return run();
}

static inline bool mapti(uint32_t event, uint32_t intid, uint32_t collection)
{
    return command(ITS_CMD_MAPTI, event | (uint64_t)intid << 32, collection);
}

static inline bool mapc(uint32_t collection, uint32_t vcpu)
{
    return command(ITS_CMD_MAPC, 0, MAPPED | (uint64_t)vcpu << 16 | collection);
}

static inline bool simple(uint32_t code, uint32_t event)
{
    return command(code, event, 0);
}

static inline void set_config(uint32_t index, uint8_t value)
{
    memory[PROP - MEMORY + index] = value;
}

static inline int setup(void **state)
{
    (void)state;
    start_enabled(2, 4);
    place = 0;
    for (unsigned int i = 0; i < 2; i++) {
        w64(gicr(i, GICR_PROPBASER), PROP | 13);
        w64(gicr(i, GICR_PENDBASER), (PEND + i * 0x10000) | GICR_PENDBASER_PTZ);
        w32(i, gicr(i, GICR_CTLR), 1);
    }
    w64(its_at(GITS_CBASER), GITS_CBASER_VALID | QUEUE);
    w32(0, its_at(GITS_CTLR), 1);
    for (uint32_t i = 0; i < LPIS; i++)
        set_config(i, 0x80 | ENABLED);
    if (!command(ITS_CMD_MAPD, 4, MAPPED | PEND) || !mapc(0, 0) || !mapc(1, 1))
        return -1;
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    return books_balance() ? 0 : -1;
}

static inline void take(unsigned int c, uint32_t intid)
{
    assert_int_equal(iar(c), intid);
    assert_false(eoi(c, intid));
}
