/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An x86 virtual CPU as far as no vendor owns it. Embedded as first member by the vendor's vCPU; touched by
 * the physical CPU that owns the vCPU only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpu_mode.h"
#include "arch/x86/guest_cpuid.h"
#include "arch/x86/insn_cache.h"
#include "arch/x86/regs.h"
#include "arch/x86/vlapic.h"
#include "core/inject.h"
#include "core/timer.h"
#include "core/vcpu.h"

#define X86_MTRR_VARIABLE 8
#define X86_MTRR_FIXED    11

/* Registers that the guest owns and that stay in the hardware while its vCPU is loaded. */
struct x86_extended_state {
    void *xsave;      /* XSAVE area (FXSAVE layout on CPUs without XSAVE), page aligned */
    uint32_t xcr0;    /* guest's value; there is nothing in the upper half of what Latch lets guests use */
    uint32_t tsc_aux; /* guest's value, also while it is loaded */
    bool has_breakpoints; /* x86_debug.h: DR0-DR3 are in the hardware; else they are 0 */
    uint64_t dr[4];       /* DR0-DR3 */
};

/* Model-specific registers that are plain storage: written, validated, read back, and without effect. */
struct x86_msr_store {
    uint64_t pat;
    uint64_t misc_enable;
    uint64_t mtrr_def_type;
    uint64_t mtrr_fixed[X86_MTRR_FIXED];
    uint64_t mtrr_base[X86_MTRR_VARIABLE];
    uint64_t mtrr_mask[X86_MTRR_VARIABLE];
    uint64_t mcg_status;
    uint64_t tsc_adjust;
    uint64_t hwcr;
    uint64_t kvm_wall_clock;
    uint64_t kvm_system_time;
};

/* What the world switch in assembly touches, in one piece. */
struct x86_switch {
    struct x86_regs regs;    /* the guest's, complete between exit and entry */
    uint64_t guest_block_pa; /* the vendor's control block of this vCPU */
    uint64_t host_block_pa;  /* the vendor's block with host state of the CPU that it is loaded on */
};

#define X86_WAIT_EVENT UINT32_C(1) /* HLT executed, nothing woke it yet */
#define X86_WAIT_SIPI  UINT32_C(2) /* after INIT; nothing else wakes it */

/* What a debugger of the guest has taken over; arch/x86/x86_debug.h. */
struct x86_debug {
    uint32_t flags;     /* X86_DEBUG_*: nobody debugs: 0 */
    uint8_t hit;        /* noted, not reported yet: enum guest_debug_kind + 1 */
    bool trapped;       /* the step's own exit came */
    uint64_t hit_at;    /* linear address */
    uint64_t step_rip;  /* where the step began */
    uint64_t dr[4];     /* the guest's own ... */
    uint64_t dr7;       /* ... while the hardware has the debugger's */
    uint64_t dr6_traps; /* ... B0-B3 */
};

#define X86_DEBUG_HARD UINT32_C(1) /* the debug registers are the debugger's */
#define X86_DEBUG_SOFT UINT32_C(2) /* #BP is intercepted */
#define X86_DEBUG_STEP UINT32_C(4) /* stop after one instruction */

struct x86_vcpu {
    struct vcpu core;
    struct x86_switch sw;
    uint32_t waiting;                 /* X86_WAIT_*: what keeps it from running though it has the CPU */
    uint8_t cr8_seen;                 /* *cr8_byte when the local APIC's TPR was last brought up to it */
    const volatile uint8_t *cr8_byte; /* where the hardware keeps the guest's CR8, in a form of its own */
    struct vlapic lapic;
    struct x86_extended_state ext;
    struct x86_msr_store msrs;
    struct x86_debug debug;
    struct guest_cpuid cpuid;
    struct insn_cache insns;
    struct timer soft_nmi;      /* halted while NMIs are taken for blocked: see inject_halted() */
    uint64_t tsc_offset;        /* guest TSC = host TSC + offset */
    uint64_t unknown_msr_count; /* accesses that got #GP because nobody knows the number */
};

extern const struct timer_ops x86_soft_nmi_timer; /* x86_run.c */

static inline struct x86_vcpu *x86_vcpu_of(struct vcpu *vcpu)
{
    return CONTAINER_OF(vcpu, struct x86_vcpu, core);
}
