/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single-step traps and breakpoints around NMIs and around instructions that a hypervisor emulates; and proof
 * that no trap flag but the guest's own is ever seen.
 */
#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/scenarios/code.h"
#include "guests/scenarios/scenario.h"

#define DB       1
#define NMI      2
#define FLAG_TF  BIT(8)
#define FLAG_RF  BIT(16)
#define DR6_BS   BIT(14)
#define DR6_B0   BIT(0)
#define DR7_L0   BIT(0)
#define DR7_NONE 0x400

static uint64_t read_dr6(void)
{
    uint64_t value;

    __asm__ volatile("movq %%dr6, %0" : "=r"(value));
    return value;
}

static void set_breakpoint(uintptr_t address, uint64_t dr7)
{
    __asm__ volatile("movq %0, %%dr0\n\tmovq %1, %%dr6\n\tmovq %2, %%dr7" ::"r"(address),
                     "r"(UINT64_C(0xffff0ff0)), "r"(dr7));
}

static void clear_dr6(void)
{
    __asm__ volatile("movq %0, %%dr6" ::"r"(UINT64_C(0xffff0ff0)));
}

/* Says what caused the #DB; ends stepping with the `last` one. */
static void on_db(struct trap_frame *frame, unsigned int count, unsigned int last)
{
    uint64_t dr6 = read_dr6();

    trace("cause%s%s", (dr6 & DR6_BS) != 0 ? " step" : "", (dr6 & DR6_B0) != 0 ? " breakpoint" : "");
    clear_dr6();
    if ((dr6 & DR6_B0) != 0)
        frame->rflags |= FLAG_RF;
    if (count >= last)
        frame->rflags &= ~FLAG_TF;
}

static void step_one(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector == DB)
        on_db(frame, count, 1);
}

static void step_two(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector == DB)
        on_db(frame, count, 2);
}

static void step_from_nmi(struct trap_frame *frame, unsigned int count)
{
    step_two(frame, count);
    if (frame->vector == NMI && count == 1)
        frame->rflags |= FLAG_TF;
}

static void step_from_nmi_one_waiting(struct trap_frame *frame, unsigned int count)
{
    step_from_nmi(frame, count);
    if (frame->vector == NMI && count == 1)
        apic_self_nmi();
}

static void step_over_iret(struct trap_frame *frame, unsigned int count)
{
    step_one(frame, count);
    if (frame->vector == NMI && count == 1)
        trap_exit = (uintptr_t)exit_stepped;
}

static void step_over_iret_one_waiting(struct trap_frame *frame, unsigned int count)
{
    step_over_iret(frame, count);
    if (frame->vector == NMI && count == 1)
        apic_self_nmi();
}

static void one_waiting(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector == NMI && count == 1)
        apic_self_nmi();
}

static void show_flags(uint64_t flags)
{
    trace("pushed%s%s", (flags & FLAG_TF) != 0 ? " TF" : "", (flags & FLAG_RF) != 0 ? " RF" : "");
}

static void pushf_after_nmi(void)
{
    show_flags(code_pushf_after_nmi());
}

static void popf_after_nmi(void)
{
    show_flags(code_popf_after_nmi());
}

static void breakpoint_at_target(void)
{
    set_breakpoint((uintptr_t)break_target, DR7_NONE | DR7_L0);
    code_nmi_then_break();
    set_breakpoint(0, DR7_NONE);
}

static void breakpoint_and_nmi(struct trap_frame *frame, unsigned int count)
{
    one_waiting(frame, count);
    if (frame->vector == DB)
        on_db(frame, count, 1);
}

static void breakpoint_sends_nmi(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector == DB) {
        on_db(frame, count, 1);
        code_send_nmi();
    }
}

const struct scenario scenarios_debug[] = {
    {"step-plain", code_step, step_two, false},
    {"step-cpuid", code_step_cpuid, step_one, false},
    {"step-port", code_step_port, step_one, false},
    {"step-mmio", code_step_mmio, step_one, false},
    {"step-send-nmi", code_step_send_nmi, step_one, false},
    {"step-from-nmi", code_step_after_nmi, step_from_nmi, false},
    {"step-from-nmi-one-waiting", code_step_after_nmi, step_from_nmi_one_waiting, false},
    {"step-over-iret", code_step_after_nmi, step_over_iret, false},
    {"step-over-iret-one-waiting", code_step_after_nmi, step_over_iret_one_waiting, false},
    {"flags-pushf", pushf_after_nmi, one_waiting, false},
    {"flags-popf", popf_after_nmi, one_waiting, false},
    {"flags-int3", code_int_after_nmi, one_waiting, false},
    {"break-at-target", breakpoint_at_target, breakpoint_and_nmi, false},
    {"break-sends-nmi", breakpoint_at_target, breakpoint_sends_nmi, false},
    {NULL, NULL, NULL, false},
};
