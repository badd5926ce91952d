/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which interrupt comes, and when: priorities, masks, enables, preemption. GIC architecture specification
 * (GICv3), "Interrupt prioritization".
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/scenarios/scenario.h"

static void sgi_self(void)
{
    prepare(1, 1, 0x80, 0);
    irq_open();
    send_self(1);
    wait_for(1, 1);
}

static void sgi_masked(void)
{
    prepare(1, 1, 0x80, 0);
    send_self(1);
    trace("pending %u", gic_is_pending(1));
    wait_for(1, 1);
    trace("pending %u", gic_is_pending(1));
}

static void sgi_twice(void)
{
    prepare(1, 1, 0x80, 0);
    send_self(1);
    send_self(1);
    open_a_little();
    trace("came %u", count_of(1));
}

static void sgi_in_own_handler(uint32_t intid, unsigned int count)
{
    if (count == 1) {
        send_self(intid);
        trace("pending %u active %u", gic_is_pending(intid), gic_is_active(intid));
    }
}

static void sgi_again(void)
{
    prepare(1, 1, 0x80, 0);
    send_self(1);
    wait_for(1, 2);
}

static void priority_order(void)
{
    prepare(1, 1, 0xa0, 0);
    prepare(2, 1, 0x40, 0);
    prepare(3, 1, 0x80, 0);
    send_self(1);
    send_self(2);
    send_self(3);
    open_a_little();
}

/* More than any CPU interface holds at once; the INTIDs run against the priorities. */
static void many_pending(void)
{
    for (uint32_t i = 0; i < 16; i++)
        prepare(i, 1, (uint8_t)(0xc0 - i * 8), 0);
    for (uint32_t i = 0; i < 16; i++)
        send_self(i);
    for (uint32_t i = 0; i < 8; i++) {
        prepare(GIC_SPI + i, 1, (uint8_t)(0x38 - i * 8), 0);
        gic_set_edge(GIC_SPI + i, true);
        gic_set_pending(GIC_SPI + i, true);
    }
    open_a_little();
}

/* The priority that running code has changes under what waits. */
static void priority_changed(void)
{
    prepare(1, 1, 0x40, 0);
    prepare(2, 1, 0x80, 0);
    send_self(1);
    send_self(2);
    gic_set_priority(1, 0xc0);
    open_a_little();
}

static void preempt(uint32_t intid, unsigned int count)
{
    (void)count;
    if (intid == 1) {
        send_self(3);
        send_self(2);
        open_a_little();
        trace("pending: 2 %u, 3 %u", gic_is_pending(2), gic_is_pending(3));
    }
}

static void preemption(void)
{
    prepare(1, 1, 0x80, 0);
    prepare(2, 1, 0x40, 0);
    prepare(3, 1, 0xc0, 0);
    send_self(1);
    open_a_little();
}

static void same_priority_inside(uint32_t intid, unsigned int count)
{
    (void)count;
    if (intid == 1) {
        send_self(2);
        open_a_little();
        trace("pending: 2 %u", gic_is_pending(2));
    }
}

static void same_priority(void)
{
    prepare(1, 2, 0x80, 0);
    send_self(1);
    open_a_little();
}

/* The binary point makes 0x80 and 0x88 one group: no preemption, but still order. */
static void binary_point(void)
{
    WRITE_SYSREG(icc_bpr1_el1, 4);
    prepare(1, 1, 0x98, 0);
    prepare(2, 1, 0x90, 0);
    send_self(1);
    open_a_little();
}

static void nest(uint32_t intid, unsigned int count)
{
    (void)count;
    if (intid < 12) {
        send_self(intid + 1);
        open_a_little();
    }
}

static void nested_deep(void)
{
    for (uint32_t i = 1; i <= 12; i++)
        prepare(i, 1, (uint8_t)(0xd0 - i * 0x10), 0);
    send_self(1);
    open_a_little();
}

/* At each level of nesting others of lower priority wait. */
static void nest_and_leave(uint32_t intid, unsigned int count)
{
    (void)count;
    if (intid >= 1 && intid <= 6) {
        gic_set_pending(GIC_SPI + intid, true);
        send_self(intid + 1);
        open_a_little();
    }
}

static void nested_with_waiting(void)
{
    for (uint32_t i = 1; i <= 7; i++) {
        prepare(i, 1, (uint8_t)(0xa0 - i * 0x10), 0);
        prepare(GIC_SPI + i, 1, (uint8_t)(0xc8 + i * 8 > 0xf0 ? 0xf0 : 0xa8 + i * 8), 0);
        gic_set_edge(GIC_SPI + i, true);
    }
    send_self(1);
    open_a_little();
}

static void priority_mask(void)
{
    prepare(1, 1, 0xa0, 0);
    prepare(2, 1, 0x40, 0);
    WRITE_SYSREG(icc_pmr_el1, 0x80);
    send_self(1);
    send_self(2);
    open_a_little();
    trace("pending: 1 %u", gic_is_pending(1));
    WRITE_SYSREG(icc_pmr_el1, 0xa0);
    open_a_little();
    trace("equal to the mask is masked");
    WRITE_SYSREG(icc_pmr_el1, 0xa8);
    wait_for(1, 1);
}

static void group_off_at_cpu(void)
{
    prepare(1, 1, 0x80, 0);
    WRITE_SYSREG(icc_igrpen1_el1, 0);
    send_self(1);
    open_a_little();
    trace("pending %u", gic_is_pending(1));
    WRITE_SYSREG(icc_igrpen1_el1, 1);
    wait_for(1, 1);
}

static void group_off_at_distributor(void)
{
    prepare(1, 1, 0x80, 0);
    prepare(GIC_SPI, 1, 0x60, 0);
    gic_set_edge(GIC_SPI, true);
    gic_group_enable(false);
    send_self(1);
    gic_set_pending(GIC_SPI, true);
    open_a_little();
    trace("pending %u %u", gic_is_pending(1), gic_is_pending(GIC_SPI));
    gic_group_enable(true);
    open_a_little();
}

static void disabled(void)
{
    prepare(1, 2, 0x80, 8);
    send_self(1);
    send_self(2);
    gic_enable(1, false);
    open_a_little();
    trace("pending: 1 %u", gic_is_pending(1));
    gic_enable(1, true);
    wait_for(1, 1);
}

static void cleared(void)
{
    prepare(1, 1, 0x80, 0);
    send_self(1);
    gic_set_pending(1, false);
    open_a_little();
    trace("came %u pending %u", count_of(1), gic_is_pending(1));
    prepare(GIC_SPI, 1, 0x80, 0);
    gic_set_edge(GIC_SPI, true);
    gic_set_pending(GIC_SPI, true);
    gic_set_pending(GIC_SPI, false);
    open_a_little();
    trace("came %u pending %u", count_of(GIC_SPI), gic_is_pending(GIC_SPI));
}

/* What the CPU interface says without an acknowledge. */
static void highest_pending(void)
{
    prepare(1, 1, 0x80, 0);
    prepare(2, 1, 0x60, 0);
    trace("highest %u", (unsigned int)READ_SYSREG(icc_hppir1_el1));
    send_self(1);
    trace("highest %u", (unsigned int)READ_SYSREG(icc_hppir1_el1));
    send_self(2);
    trace("highest %u", (unsigned int)READ_SYSREG(icc_hppir1_el1));
    trace("running 0x%02x", (unsigned int)READ_SYSREG(icc_rpr_el1) & 0xff);
    trace("acknowledged %u", (unsigned int)READ_SYSREG(icc_iar1_el1));
    trace("running 0x%02x", (unsigned int)READ_SYSREG(icc_rpr_el1) & 0xff);
    trace("acknowledged %u", (unsigned int)READ_SYSREG(icc_iar1_el1));
    WRITE_SYSREG(icc_eoir1_el1, 2);
    trace("running 0x%02x", (unsigned int)READ_SYSREG(icc_rpr_el1) & 0xff);
    trace("acknowledged %u", (unsigned int)READ_SYSREG(icc_iar1_el1));
    WRITE_SYSREG(icc_eoir1_el1, 1);
    trace("acknowledged %u", (unsigned int)READ_SYSREG(icc_iar1_el1));
}

const struct scenario scenarios_basic[] = {
    {"sgi-self", sgi_self, NULL, NULL, false},
    {"sgi-masked", sgi_masked, NULL, NULL, false},
    {"sgi-twice", sgi_twice, NULL, NULL, false},
    {"sgi-in-own-handler", sgi_again, sgi_in_own_handler, NULL, false},
    {"priority-order", priority_order, NULL, NULL, false},
    {"many-pending", many_pending, NULL, NULL, false},
    {"priority-changed", priority_changed, NULL, NULL, false},
    {"preemption", preemption, preempt, NULL, false},
    {"same-priority", same_priority, same_priority_inside, NULL, false},
    {"binary-point", binary_point, same_priority_inside, NULL, false},
    {"nested-deep", nested_deep, nest, NULL, false},
    {"nested-with-waiting", nested_with_waiting, nest_and_leave, NULL, false},
    {"priority-mask", priority_mask, NULL, NULL, false},
    {"group-off-at-cpu", group_off_at_cpu, NULL, NULL, false},
    {"group-off-at-distributor", group_off_at_distributor, NULL, NULL, false},
    {"disabled", disabled, NULL, NULL, false},
    {"cleared", cleared, NULL, NULL, false},
    {"highest-pending", highest_pending, NULL, NULL, false},
    {NULL, NULL, NULL, NULL, false},
};
