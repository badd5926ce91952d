/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arm64 virtual CPU. Touched by the physical CPU that owns it only, except where said otherwise.
 *
 * While it is the current one of a CPU ("loaded") the truth about `sys`, `fp`, `debug`, `gic.cpuif` and the
 * virtual timer is in the hardware, and these are stale; general registers are always in `sw.regs` outside
 * the guest. guest_load() and guest_put() move everything.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/gic/vgic.h"
#include "arch/arm64/gic/vgic_v4_state.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/guest_switch.h"
#include "core/timer.h"
#include "core/vcpu.h"
#include "lib/addr.h"

struct arm64_regs {
    uint64_t x[31];
    uint64_t pc;
    uint64_t pstate;
};

/* What the world switch in assembly touches, in one piece. */
struct arm64_switch {
    struct arm64_regs regs;
    uint64_t zeros[2]; /* stays so: loaded over what the guest left in our registers */
    /* Exits of this vCPU are traced: third argument of guest_turn(), at no cost where it is loaded in the
     * place of a zero; behind it another. arch_trace_exits() writes it, its CPU reads it. */
    _Atomic uint64_t traced[2];
};

/* Registers of EL1 and EL0 that Latch does not use itself. */
struct arm64_context {
    uint64_t sp_el0, sp_el1, elr, spsr;
    uint64_t sctlr, cpacr, ttbr0, ttbr1, tcr, mair, amair;
    uint64_t esr, far, afsr0, afsr1, par;
    uint64_t vbar, contextidr, csselr;
    uint64_t tpidr_el0, tpidrro_el0, tpidr_el1;
    uint64_t cntkctl;
    uint64_t mdscr;
    uint64_t pauth[10]; /* APIA, APIB, APDA, APDB, APGA, low half first */
};

struct arm64_fpsimd {
    uint64_t v[64]; /* V0 to V31 */
    uint64_t fpcr;
    uint64_t fpsr;
} __attribute__((aligned(16)));

#define ARM64_DEBUG_REGS 16

/* Breakpoint and watchpoint registers, for guests that use them. */
struct arm64_debug {
    bool used; /* the guest has touched a debug register: not trapped any more, switched with the vCPU */
    uint64_t bvr[ARM64_DEBUG_REGS];
    uint64_t bcr[ARM64_DEBUG_REGS];
    uint64_t wvr[ARM64_DEBUG_REGS];
    uint64_t wcr[ARM64_DEBUG_REGS];
};

/* A debugger's hold on the vCPU: arm64_debug.h. All 0 while nobody debugs the VM. */
struct arm64_debugger {
    uint8_t flags; /* ARM64_DEBUG_*: what is in force */
    uint8_t pass;  /* ARM64_PASS_*: points that are off for the instruction under way */
    bool rearm;    /* the next load begins an instruction of its own */
    bool has_hit;  /* a point of the debugger's in the hardware has hit at hit_pc, not gone past it yet */
    bool own_ss;   /* PSTATE.SS that the guest would have; SPSR_EL2's is for the step under way */
    bool at_eret;  /* the instruction under way is an ERET */
    bool at_acknowledge; /* ... reads the GIC's CPU interface */
    bool at_access;      /* ... was an access to a debug register, and is done */
    uint64_t hit_pc;
    uint64_t before_pc, before_pstate; /* where the instruction under way began */
};

struct arm64_timers {
    uint64_t cntv_ctl; /* as the guest wrote it; in the hardware while loaded */
    uint64_t cntv_cval;
    uint64_t cntp_ctl; /* emulated: ENABLE and IMASK */
    uint64_t cntp_cval;
    struct timer virtual;  /* armed while the vCPU is not loaded */
    struct timer physical; /* armed while the emulated timer runs */
};

/* vcpu.power; CPU_ON claims a vCPU that is off, its owner starts it. */
enum arm64_power {
    ARM64_OFF,
    ARM64_STARTING, /* power_entry and power_context are being or have been written */
    ARM64_ON,
};

#define ARM64_WAIT_EVENT UINT32_C(1) /* WFI executed, nothing woke it yet */
#define ARM64_WAIT_START UINT32_C(2) /* off: only CPU_ON starts it */

/* For reports: of the exit that ended its VM. */
struct arm64_last_exit {
    uint64_t esr, far, hpfar;
};

struct arm64_vcpu {
    struct vcpu core;
    struct arm64_switch sw;
    uint64_t hcr;          /* HCR_EL2 while loaded, VSE aside */
    uint32_t waiting;      /* ARM64_WAIT_*: what keeps it from running though it has the CPU */
    uint64_t serror_count; /* that the shell sent; the boot CPU's */
    bool serror;           /* a virtual SError is pending; loaded: HCR_EL2.VSE knows */
    bool lrs_loaded;       /* list registers hold gic's last fill and have not been folded since */
    uint64_t ich_hcr;      /* ICH_HCR_EL2 as of the last fill */
    struct vgic_vcpu gic;
    struct vgic_v4_vcpu v4;
    struct arm64_context sys;
    struct arm64_fpsimd fp;
    struct arm64_debug debug;
    struct arm64_debugger debugger;
    struct arm64_timers timers;
    _Atomic uint32_t power; /* enum arm64_power; any CPU */
    uint64_t power_entry;   /* written by the CPU_ON that took it from OFF to STARTING, before its request */
    uint64_t power_context;
    struct arm64_last_exit last_exit;
};

_Static_assert(__builtin_offsetof(struct arm64_switch, regs.x) == SWITCH_X(0), "world switch");
_Static_assert(__builtin_offsetof(struct arm64_switch, regs.pc) == SWITCH_PC, "world switch");
_Static_assert(__builtin_offsetof(struct arm64_switch, zeros) == SWITCH_ZEROS, "world switch");
_Static_assert(__builtin_offsetof(struct arm64_switch, traced) == SWITCH_TRACE, "world switch");
_Static_assert(__builtin_offsetof(struct arm64_fpsimd, fpcr) == FPSIMD_FPCR, "world switch");

static inline struct arm64_vcpu *arm64_vcpu_of(struct vcpu *vcpu)
{
    return CONTAINER_OF(vcpu, struct arm64_vcpu, core);
}

/* Register number as instructions and syndromes have it: 31 reads as zero. */
static inline uint64_t arm64_reg_read(const struct arm64_vcpu *vcpu, uint32_t reg)
{
    return reg < 31 ? vcpu->sw.regs.x[reg] : 0;
}

static inline void arm64_reg_write(struct arm64_vcpu *vcpu, uint32_t reg, uint64_t value)
{
    if (reg < 31)
        vcpu->sw.regs.x[reg] = value;
}

/* PC over the current instruction; what ends with every instruction ends. */
static inline void arm64_skip(struct arm64_vcpu *vcpu, unsigned int length)
{
    vcpu->sw.regs.pc += length;
    vcpu->sw.regs.pstate &= ~(PSTATE_SS | PSTATE_BTYPE);
}
