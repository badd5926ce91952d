/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vendor-neutral half of exit handling, and the steps before an entry.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "arch/x86/insn.h"
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/x86_vcpu.h"
#include "core/cpu.h"
#include "core/vm_exit.h"

/* Exits are counted or recorded: none is answered before x86_handle_exit(). */
extern _Atomic bool x86_exits_traced;

typedef void (*x86_exit_handler)(struct x86_vcpu *vcpu, struct vm_exit *exit);

/* By kind; the table in use is a pointer away, so that traces cost nothing while they are off. */
extern const x86_exit_handler *_Atomic x86_exit_handlers;

/* Acts on a decoded exit. Registers are in vcpu->regs and the vendor's block; vCPU owned by the caller. */
static inline void x86_handle_exit(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    atomic_load_explicit(&x86_exit_handlers, memory_order_relaxed)[exit->kind](vcpu, exit);
}

/*
 * Before an entry: requests, pending events into hardware. False: leave the run loop (attention, blocked,
 * stopped). Host interrupts are off; the vendor closes the last gap (GIF, request bits) by itself.
 */
bool x86_prepare_entry(struct x86_vcpu *vcpu);

/* After HLT: true if nothing at all is pending and the vCPU has given up the CPU; else prepare an entry. */
bool x86_halt_at_once(struct x86_vcpu *vcpu);

/* What x86_end_instruction() and x86_skip() do where there is anything to do. */
void x86_end_instruction_slowly(struct x86_vcpu *vcpu);
void x86_skip_slowly(struct x86_vcpu *vcpu);

/* The rest of x86_skip(), where the emulator has moved RIP already: what ends with every instruction. */
static inline void x86_end_instruction(struct x86_vcpu *vcpu)
{
    if (UNLIKELY((vcpu->sw.regs.rflags & RFLAGS_TF) != 0 || inject_remembers_instruction(&vcpu->core.inject)))
        x86_end_instruction_slowly(vcpu);
}

/* RIP over the current instruction of `length` bytes, shadow and RF gone. */
static inline void x86_skip(struct x86_vcpu *vcpu, unsigned int length)
{
    struct x86_regs *regs = &vcpu->sw.regs;

    regs->rip += length;
    if (UNLIKELY((regs->rflags & (RFLAGS_TF | RFLAGS_RF)) != 0 ||
                 inject_remembers_instruction(&vcpu->core.inject)))
        x86_skip_slowly(vcpu);
}

_Static_assert(RFLAGS_IF >> 9 == INJECT_VIEW_IF && RFLAGS_TF << 2 == INJECT_VIEW_TF &&
                   RFLAGS_RF >> 5 == INJECT_VIEW_RF,
               "x86_rflags_view()");

/* The part of an inject_view that RFLAGS gives. */
static inline uint32_t x86_rflags_view(uint64_t rflags)
{
    return (uint32_t)((rflags >> 9 & INJECT_VIEW_IF) | (rflags << 2 & INJECT_VIEW_TF) |
                      (rflags >> 5 & INJECT_VIEW_RF));
}

/* Raise an exception at the current instruction. */
void x86_raise(struct x86_vcpu *vcpu, uint8_t vector);
void x86_raise_error(struct x86_vcpu *vcpu, uint8_t vector, uint32_t error);
void x86_raise_page_fault(struct x86_vcpu *vcpu, uint32_t error, uint64_t address);

/* For vendors: fills exit->length by decoding the guest's instruction where neither the hardware nor
 * insn_cache_length() gives it. False: an exception was raised or the guest must simply run again; nothing
 * else is to be done for this exit. */
bool x86_find_length(struct x86_vcpu *vcpu, struct vm_exit *exit);

/* The hardware's CR8 has changed. */
void x86_sync_tpr_slowly(struct x86_vcpu *vcpu);

/* Brings the local APIC's TPR up to what the guest may have written to CR8 without an exit. */
static inline void x86_sync_tpr(struct x86_vcpu *vcpu)
{
    if (UNLIKELY(*vcpu->cr8_byte != vcpu->cr8_seen))
        x86_sync_tpr_slowly(vcpu);
}

/* Takes pending host interrupts now: the one place where the host's IF is 1 outside idle. */
void x86_take_host_interrupts(void);

/* this_cpu()->attention, relaxed. */
static inline uint32_t x86_attention(void)
{
    return insn_read_gs32(offsetof(struct cpu, attention));
}

/*
 * The vendor's last look with host interrupts shut out: false if anything has to be done first, by
 * x86_prepare_entry(). `scheduled`: that has just run, so only what came in since then counts.
 */
static inline bool x86_may_enter(const struct x86_vcpu *vcpu, bool scheduled)
{
    const struct inject *inject = &vcpu->core.inject;
    uint64_t words = atomic_load_explicit(&vcpu->core.requests, memory_order_relaxed) | x86_attention() |
                     atomic_load_explicit(&inject->posted.word, memory_order_relaxed);

    return (words | vcpu->waiting | (scheduled ? 0 : inject->state.entry_work)) == 0;
}

static inline void x86_put_cpuid(uint64_t gpr[X86_GPRS], const struct cpuid_regs *regs)
{
    gpr[X86_RAX] = regs->eax;
    gpr[X86_RBX] = regs->ebx;
    gpr[X86_RCX] = regs->ecx;
    gpr[X86_RDX] = regs->edx;
}

/*
 * The answer to CPUID where it is all that an exit asks for: a leaf that does not depend on ECX, no event on
 * its way in or out, no request, nobody who counts exits. NULL: handle the exit in full. The vendor looks at
 * RFLAGS and the interrupt shadow.
 */
static inline const struct cpuid_regs *x86_cpuid_at_once(const struct x86_vcpu *vcpu, uint32_t leaf)
{
    const struct inject *inject = &vcpu->core.inject;
    uint64_t words = atomic_load_explicit(&vcpu->core.requests, memory_order_relaxed) | x86_attention() |
                     atomic_load_explicit(&inject->posted.word, memory_order_relaxed);

    if (UNLIKELY((words | vcpu->waiting | inject_all_work(inject)) != 0))
        return NULL;
    if (UNLIKELY(atomic_load_explicit(&x86_exits_traced, memory_order_relaxed)))
        return NULL;
    return guest_cpuid_plain(&vcpu->cpuid, leaf);
}
