/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts that are levels of a device (the UART's transmitter, the virtual timer), and sleeping until one
 * comes. WFI wakes for what is pending and could be signalled, whether or not PSTATE.I lets it in.
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/scenarios/scenario.h"

#define UART        UINT64_C(0x09000000)
#define UART_DR     0x00
#define UART_CR     0x30
#define UART_CR_ON  0x301 /* enabled, both directions */
#define UART_IMSC   0x38
#define UART_RIS    0x3c
#define UART_ICR    0x44
#define UART_TX     (1u << 5)
#define TIMER_ON    1
#define TIMER_MASK  2
#define TIMER_FIRED 4
#define SOON        10000 /* ticks */

static void timer_start(uint64_t ticks)
{
    WRITE_SYSREG(cntv_cval_el0, counter_read() + ticks);
    WRITE_SYSREG(cntv_ctl_el0, TIMER_ON);
}

/* The level stays until the third handler takes it away. */
static void quench_third(uint32_t intid, unsigned int count)
{
    (void)intid;
    if (count == 3)
        mmio_write32(UART + UART_ICR, UART_TX);
}

static void level_again(void)
{
    prepare(GIC_UART, 1, 0x80, 0);
    gic_set_edge(GIC_UART, false);
    mmio_write32(UART + UART_CR, UART_CR_ON);
    mmio_write32(UART + UART_ICR, UART_TX);
    mmio_write32(UART + UART_IMSC, UART_TX);
    mmio_write32(UART + UART_DR, '\r');
    wait_for(GIC_UART, 3);
    open_a_little();
    trace("came %u pending %u", count_of(GIC_UART), gic_is_pending(GIC_UART));
    mmio_write32(UART + UART_IMSC, 0);
}

/* The level goes before anybody has taken the interrupt. */
static void level_gone(void)
{
    prepare(GIC_UART, 1, 0x80, 0);
    gic_set_edge(GIC_UART, false);
    mmio_write32(UART + UART_CR, UART_CR_ON);
    mmio_write32(UART + UART_ICR, UART_TX);
    mmio_write32(UART + UART_IMSC, UART_TX);
    mmio_write32(UART + UART_DR, '\r');
    while ((mmio_read32(UART + UART_RIS) & UART_TX) == 0)
        relax();
    trace("pending %u", gic_is_pending(GIC_UART));
    mmio_write32(UART + UART_IMSC, 0);
    trace("pending %u", gic_is_pending(GIC_UART));
    open_a_little();
    trace("came %u", count_of(GIC_UART));
}

/* A level cannot be cleared by register; a pending bit set by register can, and goes with the acknowledge. */
static void level_registers(void)
{
    prepare(GIC_UART, 1, 0x80, 0);
    gic_set_edge(GIC_UART, false);
    gic_set_pending(GIC_UART, true);
    trace("pending %u", gic_is_pending(GIC_UART));
    gic_set_pending(GIC_UART, false);
    trace("pending %u", gic_is_pending(GIC_UART));
    gic_set_pending(GIC_UART, true);
    open_a_little();
    trace("came %u pending %u", count_of(GIC_UART), gic_is_pending(GIC_UART));
    mmio_write32(UART + UART_CR, UART_CR_ON);
    mmio_write32(UART + UART_ICR, UART_TX);
    mmio_write32(UART + UART_IMSC, UART_TX);
    mmio_write32(UART + UART_DR, '\r');
    while ((mmio_read32(UART + UART_RIS) & UART_TX) == 0)
        relax();
    gic_set_pending(GIC_UART, false);
    trace("pending %u", gic_is_pending(GIC_UART));
    mmio_write32(UART + UART_IMSC, 0);
    trace("pending %u", gic_is_pending(GIC_UART));
}

static void timer_handler(uint32_t intid, unsigned int count)
{
    if (intid != GIC_TIMER)
        return;
    trace("control %u", (unsigned int)READ_SYSREG(cntv_ctl_el0));
    if (count < 3)
        WRITE_SYSREG(cntv_cval_el0, counter_read() + SOON);
    else
        WRITE_SYSREG(cntv_ctl_el0, TIMER_ON | TIMER_MASK);
}

static void timer_three_times(void)
{
    prepare(GIC_TIMER, 1, 0x80, 0);
    timer_start(SOON);
    wait_for(GIC_TIMER, 3);
    open_a_little();
    trace("came %u", count_of(GIC_TIMER));
}

/* Left as it is, the timer's level comes again at once. */
static void timer_stop_second(uint32_t intid, unsigned int count)
{
    (void)intid;
    if (count == 2)
        WRITE_SYSREG(cntv_ctl_el0, 0);
}

static void timer_level(void)
{
    prepare(GIC_TIMER, 1, 0x80, 0);
    timer_start(SOON);
    wait_for(GIC_TIMER, 2);
    open_a_little();
    trace("came %u", count_of(GIC_TIMER));
}

/* Fired while masked, then turned off: nothing comes. */
static void timer_gone(void)
{
    prepare(GIC_TIMER, 1, 0x80, 0);
    timer_start(SOON);
    while ((READ_SYSREG(cntv_ctl_el0) & TIMER_FIRED) == 0)
        relax();
    trace("pending %u", gic_is_pending(GIC_TIMER));
    WRITE_SYSREG(cntv_ctl_el0, 0);
    trace("pending %u", gic_is_pending(GIC_TIMER));
    open_a_little();
    trace("came %u", count_of(GIC_TIMER));
}

static void timer_split_inside(uint32_t intid, unsigned int count)
{
    (void)intid;
    (void)count;
    WRITE_SYSREG(cntv_cval_el0, counter_read() + SOON);
}

/* EOI mode 1: the next one comes only after the deactivation. */
static void timer_split(void)
{
    prepare(GIC_TIMER, 1, 0x80, 0);
    timer_start(SOON);
    wait_for(GIC_TIMER, 1);
    while ((READ_SYSREG(cntv_ctl_el0) & TIMER_FIRED) == 0)
        relax();
    open_a_little();
    trace("came %u active %u", count_of(GIC_TIMER), gic_is_active(GIC_TIMER));
    WRITE_SYSREG(icc_dir_el1, GIC_TIMER);
    wait_for(GIC_TIMER, 2);
    WRITE_SYSREG(cntv_ctl_el0, 0);
    WRITE_SYSREG(icc_dir_el1, GIC_TIMER);
    trace("active %u", gic_is_active(GIC_TIMER));
}

static void stop_timer(uint32_t intid, unsigned int count)
{
    (void)count;
    if (intid == GIC_TIMER)
        WRITE_SYSREG(cntv_ctl_el0, 0);
}

static void wfi_open(void)
{
    prepare(GIC_TIMER, 1, 0x80, 0);
    for (unsigned int i = 1; i <= 3; i++) {
        timer_start(SOON);
        irq_open();
        while (count_of(GIC_TIMER) < i)
            wait_for_interrupt();
        irq_close();
    }
}

/* PSTATE.I does not keep WFI asleep; the interrupt waits until it is let in. */
static void wfi_closed(void)
{
    prepare(GIC_TIMER, 1, 0x80, 0);
    timer_start(SOON);
    while ((READ_SYSREG(cntv_ctl_el0) & TIMER_FIRED) == 0)
        wait_for_interrupt();
    trace("awake, came %u, pending %u", count_of(GIC_TIMER), gic_is_pending(GIC_TIMER));
    wait_for(GIC_TIMER, 1);
}

static void wfi_pending_already(void)
{
    prepare(1, 1, 0x80, 0);
    send_self(1);
    wait_for_interrupt();
    trace("awake, came %u", count_of(1));
    wait_for(1, 1);
}

/* What the priority mask holds back wakes nobody: only the timer does. */
static void wfi_priority_mask(void)
{
    prepare(1, 1, 0xa0, 0);
    prepare(GIC_TIMER, 1, 0x40, 0);
    WRITE_SYSREG(icc_pmr_el1, 0x80);
    send_self(1);
    timer_start(SOON);
    irq_open();
    while (count_of(GIC_TIMER) == 0)
        wait_for_interrupt();
    irq_close();
    trace("pending %u", gic_is_pending(1));
    WRITE_SYSREG(icc_pmr_el1, 0xf8);
    wait_for(1, 1);
}

/* The mask is changed right before the sleep: what was masked wakes now. */
static void wfi_mask_just_opened(void)
{
    prepare(1, 1, 0xa0, 0);
    WRITE_SYSREG(icc_pmr_el1, 0x80);
    send_self(1);
    open_a_little();
    trace("came %u", count_of(1));
    WRITE_SYSREG(icc_pmr_el1, 0xf8);
    wait_for_interrupt();
    trace("awake, came %u", count_of(1));
    wait_for(1, 1);
}

static void wfi_group_just_enabled(void)
{
    prepare(1, 1, 0xa0, 0);
    WRITE_SYSREG(icc_igrpen1_el1, 0);
    send_self(1);
    open_a_little();
    trace("came %u", count_of(1));
    WRITE_SYSREG(icc_igrpen1_el1, 1);
    wait_for_interrupt();
    trace("awake, came %u", count_of(1));
    wait_for(1, 1);
}

const struct scenario scenarios_lines[] = {
    {"level-again", level_again, quench_third, NULL, false},
    {"level-gone", level_gone, NULL, NULL, false},
    {"level-registers", level_registers, NULL, NULL, false},
    {"timer-three-times", timer_three_times, timer_handler, NULL, false},
    {"timer-level", timer_level, timer_stop_second, NULL, false},
    {"timer-gone", timer_gone, NULL, NULL, false},
    {"timer-split", timer_split, timer_split_inside, NULL, true},
    {"wfi-open", wfi_open, stop_timer, NULL, false},
    {"wfi-closed", wfi_closed, stop_timer, NULL, false},
    {"wfi-pending-already", wfi_pending_already, NULL, NULL, false},
    {"wfi-priority-mask", wfi_priority_mask, stop_timer, NULL, false},
    {"wfi-mask-just-opened", wfi_mask_just_opened, NULL, NULL, false},
    {"wfi-group-just-enabled", wfi_group_just_enabled, NULL, NULL, false},
    {NULL, NULL, NULL, NULL, false},
};
