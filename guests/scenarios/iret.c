/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IRET that ends an NMI handler while another NMI waits: it completes in each mode, or faults in each
 * way. A fault leaves NMIs masked (AMD); the fault handler's own IRET then opens them.
 */
#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/pages.h"
#include "guests/lib/segments.h"
#include "guests/scenarios/code.h"
#include "guests/scenarios/scenario.h"

#define NMI         2
#define PF          14
#define BEYOND_GDT  0x1f8
#define STACK_INDEX 3
#define STACK_PAGE  UINT64_C(0x1c00000)

enum frame_word {
    FRAME_RIP,
    FRAME_CS,
    FRAME_RFLAGS,
    FRAME_RSP,
    FRAME_SS,
};

static uint64_t stack_page;

static void send(void)
{
    code_send_nmi();
    wait_a_little();
}

/* The frame that a faulting IRETQ tried to pop. */
static uint64_t *faulted_frame(const struct trap_frame *frame)
{
    return (uint64_t *)frame->rsp;
}

static void note_fault(const struct trap_frame *frame)
{
    trace("error 0x%lx", frame->error);
    wait_a_little();
}

static void bad_code_selector(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector != NMI) {
        note_fault(frame);
        faulted_frame(frame)[FRAME_CS] = SEL_CODE64;
    } else if (count == 1) {
        apic_self_nmi();
        frame->cs = BEYOND_GDT;
    }
}

static void absent_code(struct trap_frame *frame, unsigned int count)
{
    bad_code_selector(frame, count);
    if (frame->vector == NMI && count == 1)
        frame->cs = SEL_ABSENT_CODE;
}

static void absent_stack(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector != NMI) {
        note_fault(frame);
        faulted_frame(frame)[FRAME_SS] = SEL_DATA;
    } else if (count == 1) {
        apic_self_nmi();
        frame->ss = SEL_ABSENT;
    }
}

static void fault_twice(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector == NMI) {
        bad_code_selector(frame, count);
        return;
    }
    note_fault(frame);
    /* Mended only the second time: the first #GP handler's IRET lets the NMI in, the IRET faults again. */
    if (count == 2)
        faulted_frame(frame)[FRAME_CS] = SEL_CODE64;
}

/* Leaves the fault's handler without an IRET at all for a while: NMIs stay masked until one. */
static void fault_without_iret(struct trap_frame *frame, unsigned int count)
{
    bad_code_selector(frame, count);
    if (frame->vector != NMI) {
        trace("no IRET yet");
        code_iret_here();
        trace("an IRET");
    }
}

static void no_nmi_waiting(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector != NMI) {
        note_fault(frame);
        faulted_frame(frame)[FRAME_CS] = SEL_CODE64;
        apic_self_nmi();
        wait_a_little();
        trace("sent, masked");
    } else if (count == 1) {
        frame->cs = BEYOND_GDT;
    }
}

static void map_stack(uint64_t flags)
{
    stack_page = pages_test_map(STACK_INDEX, STACK_PAGE, flags);
}

static void on_unmapped_stack(void)
{
    map_stack(PTE_RW);
    segments_set_stack(1, stack_page + 4096);
    trap_reset_gate(NMI, 1, GATE_INTERRUPT);
    trap_reset_gate(PF, 2, GATE_INTERRUPT);
    send();
}

static void unmap_on_exit(struct trap_frame *frame, unsigned int count)
{
    if (frame->vector != NMI) {
        trace("error 0x%lx, %s", frame->error, (read_cr2() & ~UINT64_C(0xfff)) == stack_page ? "stack" : "?");
        wait_a_little();
        map_stack(PTE_RW);
    } else if (count == 1) {
        trap_reset_gate(NMI, 0, GATE_INTERRUPT);
        apic_self_nmi();
        unmap_entry = (uintptr_t)pages_test_entry(STACK_INDEX);
        trap_exit = (uintptr_t)exit_unmapped;
    }
}

static void one_more(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    if (count == 1)
        apic_self_nmi();
}

static void one_more_and_iretd(struct trap_frame *frame, unsigned int count)
{
    one_more(frame, count);
    if (count == 1)
        trap_exit = (uintptr_t)exit_iretd;
}

static void one_more_and_compat(struct trap_frame *frame, unsigned int count)
{
    one_more(frame, count);
    if (count == 1)
        trap_exit = (uintptr_t)exit_compat;
}

static void one_more_and_16(struct trap_frame *frame, unsigned int count)
{
    one_more(frame, count);
    if (count == 1)
        trap_exit = (uintptr_t)exit_16;
}

static void in_user64(void)
{
    run_mode(SEL_USER_CODE64, SEL_USER_DATA, (uintptr_t)code_user64, 0);
}

static void in_user32(void)
{
    run_mode(SEL_USER_CODE32, SEL_USER_DATA, (uintptr_t)code_user32, 0);
}

static void in_compat(void)
{
    run_mode(SEL_CODE32, SEL_DATA, (uintptr_t)code_compat, 0);
}

static void in_16(void)
{
    run_mode(SEL_CODE16, SEL_DATA, (uintptr_t)code_16 - CODE16_BASE, 0);
}

static void in_real_mode(void)
{
    uint16_t ips[2] = {0, 0};
    unsigned int count = code_real(ips);

    trace("NMIs %u, interrupted right behind the sender %s, %s", count, ips[0] == 0 ? "yes" : "no",
          ips[1] == 0 ? "yes" : "no");
}

const struct scenario scenarios_iret[] = {
    {"iret-gp", send, bad_code_selector, false},
    {"iret-np", send, absent_code, false},
    {"iret-ss", send, absent_stack, false},
    {"iret-pf", on_unmapped_stack, unmap_on_exit, false},
    {"iret-gp-twice", send, fault_twice, false},
    {"iret-gp-iret-inside", send, fault_without_iret, false},
    {"iret-gp-then-nmi", send, no_nmi_waiting, false},
    {"iret-to-user64", in_user64, one_more, false},
    {"iret-to-user32", in_user32, one_more, false},
    {"iret-to-compat", in_compat, one_more, false},
    {"iret-to-16", in_16, one_more, false},
    {"iretd-in-64", send, one_more_and_iretd, false},
    {"iretd-in-compat", in_compat, one_more_and_compat, false},
    {"iretw-in-16", in_16, one_more_and_16, false},
    {"iret-in-real-mode", in_real_mode, NULL, false},
    {NULL, NULL, NULL, false},
};
