/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPIs: events made by the ITS's own INT command, so that no device is needed. GIC architecture specification
 * (GICv3), "Locality-specific Peripheral Interrupts and the ITS".
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/lib/guest.h"
#include "guests/arm64/lib/its.h"
#include "guests/arm64/scenarios/scenario.h"

#define LPI(n) (ITS_LPI + (n))

static volatile unsigned int there;
static volatile bool over;

/* Events 0..count-1 as LPIs of the same numbers, on CPU 0, enabled, one priority step apart. */
static void map(uint32_t count, uint8_t priority, uint8_t step)
{
    for (uint32_t i = 0; i < count; i++) {
        its_mapti(i, LPI(i), 0);
        its_configure(LPI(i), (uint8_t)(priority + i * step), true);
        its_inv(i);
    }
}

static void unmap(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        its_discard(i);
}

static void lpi_simple(void)
{
    map(1, 0x80, 0);
    its_int(0);
    wait_for(LPI(0), 1);
    its_int(0);
    its_int(0);
    open_a_little();
    trace("came %u", count_of(LPI(0)));
    unmap(1);
}

/* An LPI has no active state: it may come again inside its handler's end. */
static void send_inside(uint32_t intid, unsigned int count)
{
    if (intid == LPI(0) && count == 1) {
        its_int(0);
        open_a_little();
        trace("came %u", count_of(LPI(0)));
    }
}

static void lpi_in_own_handler(void)
{
    map(1, 0x80, 0);
    its_int(0);
    wait_for(LPI(0), 2);
    unmap(1);
}

static void lpi_priorities(void)
{
    map(6, 0xd0, (uint8_t)-0x10);
    prepare(1, 1, 0x98, 0);
    for (uint32_t i = 0; i < 6; i++)
        its_int(i);
    send_self(1);
    open_a_little();
    unmap(6);
}

static void lpi_many(void)
{
    map(20, 0x10, 8);
    for (uint32_t i = 0; i < 20; i++)
        its_int(i);
    while (count_of(LPI(19)) == 0 && wait_for(LPI(19), 1))
        ;
    open_a_little();
    unmap(20);
}

/* Pending while disabled: it comes when it is enabled and the ITS has been told. */
static void lpi_disabled(void)
{
    map(1, 0x80, 0);
    its_configure(LPI(0), 0x80, false);
    its_inv(0);
    its_int(0);
    open_a_little();
    trace("came %u", count_of(LPI(0)));
    its_configure(LPI(0), 0x80, true);
    its_inv(0);
    wait_for(LPI(0), 1);
    its_configure(LPI(0), 0x80, false);
    its_invall(0);
    its_int(0);
    open_a_little();
    trace("came %u", count_of(LPI(0)));
    its_configure(LPI(0), 0x80, true);
    its_invall(0);
    wait_for(LPI(0), 2);
    unmap(1);
}

static void lpi_cleared(void)
{
    map(2, 0x80, 0);
    its_int(0);
    its_clear(0);
    open_a_little();
    trace("came %u", count_of(LPI(0)));
    its_int(1);
    its_discard(1);
    open_a_little();
    trace("came %u", count_of(LPI(1)));
    its_int(1);
    open_a_little();
    trace("came %u", count_of(LPI(1)));
    unmap(1);
}

static void count_there(uint32_t intid, unsigned int count)
{
    (void)count;
    if (cpu_index() == 1) {
        if (intid >= ITS_LPI)
            there++;
        else
            over = true;
    }
}

static void listen(void)
{
    there = 0;
    over = false;
    prepare(15, 1, 0x80, 0);
    other_cpu_done();
    irq_open();
    while (!over)
        wait_for_interrupt();
    irq_close();
}

static void await_there(unsigned int count)
{
    for (uint64_t start = counter_read(); there < count; relax())
        if (counter_read() - start > 62500000) {
            trace("TIMEOUT: %u LPIs there instead of %u", there, count);
            return;
        }
}

static void lpi_moved(void)
{
    map(1, 0x80, 0);
    other_cpu_wait(1);
    its_int(0);
    wait_for(LPI(0), 1);
    its_movi(0, 1);
    its_int(0);
    await_there(1);
    open_a_little();
    trace("here %u, there %u", count_of(LPI(0)) - there, there);
    its_movi(0, 0);
    its_int(0);
    wait_for(LPI(0), 3);
    trace("here %u, there %u", count_of(LPI(0)) - there, there);
    unmap(1);
    gic_send(15, 1u << 1);
}

/* Pending on CPU 0, which does not take it: moved, it comes on CPU 1. */
static void lpi_moved_while_pending(void)
{
    map(1, 0x80, 0);
    other_cpu_wait(1);
    its_int(0);
    its_movi(0, 1);
    await_there(1);
    open_a_little();
    trace("here %u, there %u", count_of(LPI(0)) - there, there);
    its_movi(0, 0);
    unmap(1);
    gic_send(15, 1u << 1);
}

/* CPU 1 sleeps until an LPI wakes it, many times. */
static void lpi_wakes(void)
{
    map(1, 0x80, 0);
    its_movi(0, 1);
    other_cpu_wait(1);
    for (unsigned int i = 1; i <= 50; i++) {
        its_int(0);
        await_there(i);
    }
    trace("there %u", there);
    unmap(1);
    gic_send(15, 1u << 1);
}

const struct scenario scenarios_its[] = {
    {"its-lpi", lpi_simple, NULL, NULL, false},
    {"its-lpi-in-own-handler", lpi_in_own_handler, send_inside, NULL, false},
    {"its-lpi-priorities", lpi_priorities, NULL, NULL, false},
    {"its-lpi-many", lpi_many, NULL, NULL, false},
    {"its-lpi-disabled", lpi_disabled, NULL, NULL, false},
    {"its-lpi-cleared", lpi_cleared, NULL, NULL, false},
    {"its-lpi-moved", lpi_moved, count_there, listen, false},
    {"its-lpi-moved-while-pending", lpi_moved_while_pending, count_there, listen, false},
    {"its-lpi-wakes", lpi_wakes, count_there, listen, false},
    {NULL, NULL, NULL, NULL, false},
};
