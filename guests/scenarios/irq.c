/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts: shadows, task priority, nesting, IPIs to oneself. */
#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/scenarios/code.h"
#include "guests/scenarios/scenario.h"

#define NMI 2
#define UD  6

static void pend_low(void)
{
    irq_disable();
    apic_self_irq(VECTOR_LOW);
    wait_a_little();
    trace("pending");
}

static void pend_both_above_tpr(void)
{
    irq_disable();
    write_cr8(7);
    apic_self_irq(VECTOR_LOW);
    apic_self_irq(VECTOR_HIGH);
}

static void sti_nop(void)
{
    pend_low();
    code_sti_nop();
}

static void sti_cli(void)
{
    pend_low();
    code_sti_cli();
    trace("not in between");
    irq_enable();
    wait_a_little();
    irq_disable();
}

static void sti_hlt(void)
{
    pend_low();
    code_sti_halt();
}

static void popf(void)
{
    pend_low();
    code_popf();
}

static void sti_ud(void)
{
    pend_low();
    code_sti_ud();
}

static void skip_ud(struct trap_frame *frame, unsigned int count)
{
    (void)count;
    if (frame->vector == UD)
        frame->rip += 2;
}

static void twice(void)
{
    irq_disable();
    apic_self_irq(VECTOR_LOW);
    apic_self_irq(VECTOR_LOW);
    code_sti_nop();
}

static void two_vectors(void)
{
    irq_disable();
    apic_self_irq(VECTOR_LOW);
    apic_self_irq(VECTOR_HIGH);
    code_sti_nop();
}

static void lower_cr8(void)
{
    pend_both_above_tpr();
    code_lower_cr8();
}

static void lower_tpr(void)
{
    pend_both_above_tpr();
    code_lower_tpr();
}

static void nmi_while_tpr_masks(void)
{
    pend_both_above_tpr();
    irq_enable();
    code_send_nmi();
    wait_a_little();
    trace("only the NMI so far");
    write_cr8(0);
    wait_a_little();
    irq_disable();
}

static void halted_with_tpr(void)
{
    pend_both_above_tpr();
    pit_nmi_start(50000);
    code_sti_halt();
    pit_nmi_stop();
    write_cr8(0);
    irq_enable();
    wait_a_little();
    irq_disable();
}

static void higher_inside(struct trap_frame *frame, unsigned int count)
{
    (void)count;
    if (frame->vector == VECTOR_LOW) {
        apic_self_irq(VECTOR_HIGH);
        irq_enable();
        wait_a_little();
        irq_disable();
    }
}

static void lower_inside(struct trap_frame *frame, unsigned int count)
{
    (void)count;
    if (frame->vector == VECTOR_HIGH) {
        apic_self_irq(VECTOR_LOW);
        irq_enable();
        wait_a_little();
        trace("lower one waits");
        irq_disable();
    }
}

static void send_high(void)
{
    irq_enable();
    apic_self_irq(VECTOR_HIGH);
    wait_a_little();
    irq_disable();
}

static void same_inside(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    if (count == 1) {
        apic_self_irq(VECTOR_LOW);
        irq_enable();
        wait_a_little();
        trace("same one waits");
        irq_disable();
    }
}

static void timer_halt(void)
{
    irq_disable();
    apic_timer_start(VECTOR_LOW, 100000);
    code_sti_halt();
    apic_timer_stop();
}

const struct scenario scenarios_irq[] = {
    {"irq-self", code_send_irq, NULL, false},
    {"irq-sti-nop", sti_nop, NULL, false},
    {"irq-sti-cli", sti_cli, NULL, false},
    {"irq-sti-hlt", sti_hlt, NULL, false},
    {"irq-popf", popf, NULL, false},
    {"irq-movss-shadow", code_irq_in_movss_shadow, NULL, false},
    {"irq-sti-exception", sti_ud, skip_ud, false},
    {"irq-twice", twice, NULL, false},
    {"irq-two-vectors", two_vectors, NULL, false},
    {"irq-cr8", lower_cr8, NULL, false},
    {"irq-tpr", lower_tpr, NULL, false},
    {"irq-tpr-nmi", nmi_while_tpr_masks, NULL, false},
    {"irq-tpr-halted-nmi", halted_with_tpr, NULL, false},
    {"irq-higher-inside", code_send_irq, higher_inside, false},
    {"irq-lower-inside", send_high, lower_inside, false},
    {"irq-same-inside", code_send_irq, same_inside, false},
    {"irq-timer-halted", timer_halt, NULL, false},
    {NULL, NULL, NULL, false},
};
