/* SPDX-License-Identifier: BSD-2-Clause */
/* NMIs in shadows, with interrupts off, several at once, inside each other's handlers, while halted. */
#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/pages.h"
#include "guests/lib/segments.h"
#include "guests/scenarios/code.h"
#include "guests/scenarios/scenario.h"

#define NMI          2
#define BP           3
#define UD           6
#define GP           13
#define CR4_OSXSAVE  BIT(18)
#define STORM_NMIS   24
#define PIT_SHORT    60
#define PIT_IF1      250 /* an exit more for each NMI must not let the storm outrun its handler */
#define PIT_COPY     10000
#define PIT_LONG     50000 /* 42 ms: on a loaded machine, too, long enough to reach what is to be interrupted */
#define COPY_SIZE    (8 * 1024 * 1024)
#define COPY_TRIES   1000
#define COPY_FROM    UINT64_C(0x2000000)
#define COPY_TO      UINT64_C(0x3000000)
#define FRESH_STACK  UINT64_C(0x1a00000) /* memory that nothing has touched before */
#define MASKED_SPINS 4
#define STORM_INT    0x70
#define FLAGS_NMIS   1000 /* few of them arrive in a shadow: the handlers take most of the time */
#define FLAG_TF      BIT(8)

static volatile uint32_t nmi_flag;
static uint16_t storm_period = PIT_SHORT;
static uint32_t storm_in_shadow;
static uint32_t storm_tf, storm_wrong_return;

static void send_with_interrupts_on(void)
{
    irq_enable();
    code_send_nmi();
    irq_disable();
}

static void send(void)
{
    code_send_nmi();
    wait_a_little();
}

static void pend_irq(void)
{
    irq_disable();
    apic_self_irq(VECTOR_LOW);
}

static void shadow_sti(void)
{
    pend_irq();
    code_nmi_in_sti_shadow();
}

static void shadow_movss(void)
{
    code_nmi_in_movss_shadow();
}

static void at_once_with_irq_and_ud(void)
{
    pend_irq();
    code_nmi_irq_ud();
}

static void skip_ud(struct trap_frame *frame, unsigned int count)
{
    (void)count;
    if (frame->vector == UD)
        frame->rip += 2;
}

static void spin_if0(void)
{
    irq_disable();
    pit_nmi_start(PIT_LONG);
    code_spin();
    pit_nmi_stop();
}

static void end_spin(struct trap_frame *frame, unsigned int count)
{
    (void)count;
    if (frame->rip == (uintptr_t)spin)
        frame->rip = (uintptr_t)spin_over;
}

static void one_more_inside(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    if (count == 1) {
        apic_self_nmi();
        wait_a_little();
    }
}

static void two_more_inside(struct trap_frame *frame, unsigned int count)
{
    one_more_inside(frame, count);
    one_more_inside(frame, count);
}

static void three_more_inside(struct trap_frame *frame, unsigned int count)
{
    two_more_inside(frame, count);
    one_more_inside(frame, count);
}

static void chain_of_five(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    if (count < 5)
        apic_self_nmi();
}

static void breakpoint_inside(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector == NMI && count == 1) {
        apic_self_nmi();
        wait_a_little();
        trace("still masked");
        code_breakpoint();
    }
}

static void invalid_inside(struct trap_frame *frame, unsigned int count)
{
    skip_ud(frame, count);
    if (frame->vector == NMI && count == 1) {
        apic_self_nmi();
        code_invalid();
    }
}

static void iret_inside(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    if (count == 1) {
        apic_self_nmi();
        wait_a_little();
        trace("still masked");
        code_iret_here();
    }
}

static void irq_inside(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    if (frame->vector == NMI && count == 1) {
        apic_self_nmi();
        apic_self_irq(VECTOR_LOW);
        wait_a_little();
        trace("both wait");
        irq_enable();
        wait_a_little();
        irq_disable();
    }
}

static void nmi_inside_irq(struct trap_frame *frame, unsigned int count)
{
    (void)count;
    if (frame->vector == VECTOR_LOW)
        code_send_nmi();
}

static void send_irq(void)
{
    irq_enable();
    apic_self_irq(VECTOR_LOW);
    wait_a_little();
    irq_disable();
}

static void on_own_stack(struct trap_frame *frame, unsigned int count)
{
    uint64_t here = (uintptr_t)&here;

    trace("%s stack", here > segments_stack(1) - 8192 && here <= segments_stack(1) ? "interrupt" : "common");
    if (count == 1)
        trap_reset_gate(NMI, 0, GATE_INTERRUPT);
    one_more_inside(frame, count);
}

static void interrupt_stack(void)
{
    trap_reset_gate(NMI, 1, GATE_INTERRUPT);
    send();
}

static void halted(void)
{
    pit_nmi_start(PIT_LONG);
    code_sti_halt();
    pit_nmi_stop();
}

static void halted_if0(void)
{
    irq_disable();
    pit_nmi_start(PIT_LONG);
    code_halt();
    pit_nmi_stop();
}

static void halted_irq_masked(void)
{
    pend_irq();
    halted_if0();
    trace("halt left, IRQ still waits");
    irq_enable();
    wait_a_little();
    irq_disable();
}

static void storm_movss(void)
{
    storm_in_shadow = 0;
    nmi_flag = 0;
    pit_nmi_start(storm_period);
    code_movss_storm(&nmi_flag, STORM_NMIS);
    pit_nmi_stop();
    trace("NMIs %s, right behind MOV SS %u", nmi_flag >= STORM_NMIS ? "came" : "lost", storm_in_shadow);
}

/* The same with interrupts on: bearable where an NMI behind another waits for those. */
static void storm_movss_if1(void)
{
    storm_period = PIT_IF1;
    irq_enable();
    storm_movss();
    storm_period = PIT_SHORT;
}

static void count_shadow(struct trap_frame *frame, unsigned int count)
{
    if (frame->rip == (uintptr_t)storm_shadow)
        storm_in_shadow++;
    nmi_flag = count;
    /* Uneven, so that arrivals wander over the loop. */
    pit_start((uint16_t)(storm_period + 7 * count % 13));
}

static void storm_movss_flags(void)
{
    uint32_t pushed;

    storm_tf = 0;
    storm_wrong_return = 0;
    nmi_flag = 0;
    pit_nmi_start(storm_period);
    pushed = code_movss_flags_storm(&nmi_flag, FLAGS_NMIS);
    pit_nmi_stop();
    trace("NMIs %s, INT n %s, TF pushed by PUSHF %u, by events %u, wrong returns %u",
          nmi_flag >= FLAGS_NMIS ? "came" : "lost",
          trace_count(STORM_INT) == trace_count(BP) ? "as often as INT3" : "lost", pushed, storm_tf,
          storm_wrong_return);
}

static void storm_movss_flags_if1(void)
{
    storm_period = PIT_IF1;
    irq_enable();
    storm_movss_flags();
    storm_period = PIT_SHORT;
}

static void check_storm_frame(struct trap_frame *frame, unsigned int count)
{
    if ((frame->rflags & FLAG_TF) != 0)
        storm_tf++;
    if ((frame->vector == BP && frame->rip != (uintptr_t)storm_after_int3) ||
        (frame->vector == STORM_INT && frame->rip != (uintptr_t)storm_after_int))
        storm_wrong_return++;
    if (frame->vector == NMI)
        count_shadow(frame, count);
}

static void string_instruction(void)
{
    *(volatile uint64_t *)(COPY_FROM + COPY_SIZE - 8) = 0x1122334455667788;
    pit_nmi_start(PIT_COPY);
    for (int i = 0; i < COPY_TRIES && trace_count(NMI) == 0; i++)
        code_copy((void *)COPY_TO, (const void *)COPY_FROM, COPY_SIZE);
    pit_nmi_stop();
    trace("copy %s", *(volatile uint64_t *)(COPY_TO + COPY_SIZE - 8) == 0x1122334455667788 ? "whole" : "cut");
}

static void bad_xsetbv(void)
{
    write_cr4(read_cr4() | CR4_OSXSAVE);
    code_bad_xsetbv();
}

/* An exception that a hypervisor must inject, onto a stack page that it may have to provide first. */
static void inside_injected_exception(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector == NMI && count == 1) {
        segments_set_stack(2, FRESH_STACK + 4096);
        trap_reset_gate(GP, 2, GATE_INTERRUPT);
        apic_self_nmi();
        bad_xsetbv();
    }
    if (frame->vector == GP)
        frame->rip += 3;
}

static void exception_sends_nmi(struct trap_frame *frame, unsigned int count)
{
    (void)count;
    if (frame->vector == GP) {
        frame->rip += 3;
        code_send_nmi();
    }
}

static void masked_for_long(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    if (count != 1)
        return;
    for (int i = 0; i < MASKED_SPINS; i++) {
        apic_self_nmi();
        in8(0x61);
        cpuid(0, 0);
        apic_read(APIC_ID);
        wait_a_little();
    }
    trace("exits inside leave the mask");
}

const struct scenario scenarios_nmi[] = {
    {"nmi-if1", send_with_interrupts_on, NULL, false},
    {"nmi-if0", send, NULL, false},
    {"nmi-if0-spin", spin_if0, end_spin, false},
    {"nmi-sti-shadow", shadow_sti, NULL, false},
    {"nmi-movss-shadow", shadow_movss, NULL, false},
    {"nmi-movss-storm", storm_movss, count_shadow, true},
    {"nmi-movss-flags-storm", storm_movss_flags, check_storm_frame, true},
    {"nmi-movss-storm-if1", storm_movss_if1, count_shadow, true},
    {"nmi-movss-flags-storm-if1", storm_movss_flags_if1, check_storm_frame, true},
    {"nmi-irq-exception", at_once_with_irq_and_ud, skip_ud, false},
    {"nmi-one-inside", send, one_more_inside, false},
    {"nmi-two-inside", send, two_more_inside, false},
    {"nmi-three-inside", send, three_more_inside, false},
    {"nmi-chain", send, chain_of_five, false},
    {"nmi-breakpoint-inside", send, breakpoint_inside, false},
    {"nmi-invalid-inside", send, invalid_inside, false},
    {"nmi-iret-inside", send, iret_inside, false},
    {"nmi-irq-inside", send, irq_inside, false},
    {"nmi-exits-inside", send, masked_for_long, false},
    {"nmi-in-irq-handler", send_irq, nmi_inside_irq, false},
    {"nmi-own-stack", interrupt_stack, on_own_stack, false},
    {"nmi-halted", halted, NULL, false},
    {"nmi-halted-if0", halted_if0, NULL, false},
    {"nmi-halted-irq-masked", halted_irq_masked, NULL, false},
    {"nmi-string-instruction", string_instruction, NULL, false},
    {"nmi-injected-exception", send, inside_injected_exception, false},
    {"nmi-in-exception-handler", bad_xsetbv, exception_sends_nmi, false},
    {NULL, NULL, NULL, false},
};
