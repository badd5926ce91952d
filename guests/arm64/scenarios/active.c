/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The active state: who ends it, what it holds back, and that nothing takes it away. GIC architecture
 * specification (GICv3), "Interrupt lifecycle", EOImode.
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/scenarios/scenario.h"

static void deactivate(uint32_t intid)
{
    WRITE_SYSREG(icc_dir_el1, intid);
}

/* Disabled in its own handler: it stays active, and its end is an end. */
static void disable_inside(uint32_t intid, unsigned int count)
{
    (void)count;
    gic_enable(intid, false);
    trace("active %u", gic_is_active(intid));
}

static void disabled_while_active(void)
{
    static const uint32_t intids[] = {1, GIC_SPI};

    for (unsigned int i = 0; i < 2; i++) {
        prepare(intids[i], 1, 0x80, 0);
        if (intids[i] >= 32)
            gic_set_edge(intids[i], true);
        gic_set_pending(intids[i], true);
        wait_for(intids[i], 1);
        trace("active %u running 0x%02x", gic_is_active(intids[i]),
              (unsigned int)READ_SYSREG(icc_rpr_el1) & 0xff);
        gic_enable(intids[i], true);
        gic_set_pending(intids[i], true);
        wait_for(intids[i], 2);
        trace("active %u", gic_is_active(intids[i]));
    }
}

static void split_inside(uint32_t intid, unsigned int count)
{
    if (intid == 1 && count == 1)
        send_self(1);
}

/* EOI mode 1: the priority falls, the interrupt stays active until it is deactivated. */
static void split_end(void)
{
    prepare(1, 1, 0x80, 0);
    prepare(2, 1, 0xa0, 0);
    send_self(1);
    send_self(2);
    open_a_little();
    trace("active: 1 %u, 2 %u; pending: 1 %u", gic_is_active(1), gic_is_active(2), gic_is_pending(1));
    deactivate(2);
    trace("active: 1 %u, 2 %u", gic_is_active(1), gic_is_active(2));
    open_a_little();
    deactivate(1);
    open_a_little();
    trace("active: 1 %u; came %u", gic_is_active(1), count_of(1));
    deactivate(1);
    trace("active: 1 %u", gic_is_active(1));
}

/* More active ones than there are list registers, ended in the order they came. */
static void split_many(void)
{
    for (uint32_t i = 0; i < 10; i++)
        prepare(i, 1, (uint8_t)(0x40 + i * 8), 0);
    for (uint32_t i = 0; i < 10; i++)
        send_self(i);
    open_a_little();
    for (uint32_t i = 0; i < 10; i++) {
        send_self(i); /* held back while it is active */
        open_a_little();
    }
    for (uint32_t i = 0; i < 10; i++) {
        deactivate(i);
        open_a_little();
        trace("came %u", count_of(i));
    }
    for (uint32_t i = 0; i < 10; i++) {
        deactivate(i);
        trace("active %u", gic_is_active(i));
    }
}

/* Active by a register write: held back until that is taken back. */
static void made_active(void)
{
    prepare(GIC_SPI, 1, 0x80, 0);
    gic_set_edge(GIC_SPI, true);
    gic_set_active(GIC_SPI, true);
    gic_set_pending(GIC_SPI, true);
    open_a_little();
    trace("came %u active %u pending %u", count_of(GIC_SPI), gic_is_active(GIC_SPI), gic_is_pending(GIC_SPI));
    gic_set_active(GIC_SPI, false);
    wait_for(GIC_SPI, 1);
}

static void clear_inside(uint32_t intid, unsigned int count)
{
    gic_set_active(intid, false);
    trace("active %u", gic_is_active(intid));
    if (count == 1)
        gic_set_pending(intid, true);
}

/* The active state is taken away in the handler; the priority falls only at the end. */
static void active_cleared_inside(void)
{
    prepare(GIC_SPI, 1, 0x80, 0);
    gic_set_edge(GIC_SPI, true);
    gic_set_pending(GIC_SPI, true);
    wait_for(GIC_SPI, 2);
    trace("active %u", gic_is_active(GIC_SPI));
}

static void edge_inside(uint32_t intid, unsigned int count)
{
    if (count == 1) {
        gic_set_pending(intid, true);
        gic_set_pending(intid, true);
        trace("active %u pending %u", gic_is_active(intid), gic_is_pending(intid));
    }
}

static void edge_while_active(void)
{
    prepare(GIC_SPI, 1, 0x80, 0);
    gic_set_edge(GIC_SPI, true);
    gic_set_pending(GIC_SPI, true);
    open_a_little();
    trace("came %u", count_of(GIC_SPI));
}

/* Group off while something is active: its end still ends it. */
static void group_off_inside(uint32_t intid, unsigned int count)
{
    (void)intid;
    if (count == 1)
        gic_group_enable(false);
}

static void group_off_while_active(void)
{
    prepare(1, 1, 0x80, 0);
    send_self(1);
    wait_for(1, 1);
    trace("active %u running 0x%02x", gic_is_active(1), (unsigned int)READ_SYSREG(icc_rpr_el1) & 0xff);
    gic_group_enable(true);
    send_self(1);
    wait_for(1, 2);
}

const struct scenario scenarios_active[] = {
    {"disabled-while-active", disabled_while_active, disable_inside, NULL, false},
    {"split-end", split_end, split_inside, NULL, true},
    {"split-many", split_many, NULL, NULL, true},
    {"made-active", made_active, NULL, NULL, false},
    {"active-cleared-inside", active_cleared_inside, clear_inside, NULL, false},
    {"edge-while-active", edge_while_active, edge_inside, NULL, false},
    {"group-off-while-active", group_off_while_active, group_off_inside, NULL, false},
    {NULL, NULL, NULL, NULL, false},
};
