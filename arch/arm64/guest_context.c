/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. Arm ARM, "Hypervisor Configuration Register (EL2)" for what is trapped; the list with
 * reasons is in docs/arm64-guests.md.
 */
#include "arch/arm64/guest_context.h"

#include "arch/arm64/arm64_debug.h"
#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/gic/ich.h"
#include "arch/arm64/gic/its.h"
#include "arch/arm64/guest_cpu.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/guest_timer.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/stage2.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/log.h"
#include "lib/error.h"
#include "lib/string.h"

/* In guest_entry.S. */
void fpsimd_save(struct arm64_fpsimd *to);
void fpsimd_load(const struct arm64_fpsimd *from);

#define HCR_GUEST                                                                                           \
    (HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_IS | HCR_TWI | HCR_TID3 | HCR_TSC | \
     HCR_TIDCP | HCR_TACR | HCR_RW | HCR_TLOR | HCR_TERR | HCR_TEA | HCR_APK | HCR_API)
#define CPTR_GUEST (CPTR_RES1 | CPTR_TZ | CPTR_TSM | CPTR_TTA | CPTR_TAM)
#define MDCR_GUEST (MDCR_TPMCR | MDCR_TPM | MDCR_TDOSA | MDCR_TDRA | MDCR_TPMS | MDCR_TTRF)
#define MDCR_HPMN  FIELD(4, 0)

/* Of the boot CPU; constant after guest_context_init(). All CPUs of a machine are taken to be alike. */
static struct {
    struct stage2_format stage2;
    bool has_pauth;
    uint32_t breakpoint_count;
    uint32_t watchpoint_count;
} features;

int guest_context_init(void)
{
    uint64_t dfr0 = SYSREG_READ(id_aa64dfr0_el1);
    int error = stage2_choose(SYSREG_READ(id_aa64mmfr0_el1), SYSREG_READ(id_aa64mmfr1_el1), &features.stage2);

    if (error != 0)
        log_error("this CPU cannot run guests: no second stage of translation with 4 KiB pages and 36 bits");
    if (field_get(SYSREG_READ(id_aa64pfr0_el1), PFR0_FP) == 0xf) {
        log_error("this CPU cannot run guests: it has no floating point");
        error = E_NOTSUP;
    }
    features.has_pauth =
        (SYSREG_READ(id_aa64isar1_el1) & ISAR1_PAUTH) != 0 || (SYSREG_READ(s3_0_c0_c6_2) & ISAR2_PAUTH) != 0;
    features.breakpoint_count = (uint32_t)field_get(dfr0, DFR0_BRPS) + 1;
    features.watchpoint_count = (uint32_t)field_get(dfr0, DFR0_WRPS) + 1;
    return error;
}

uint32_t guest_ipa_bits(void)
{
    return features.stage2.ipa_bits;
}

bool guest_stage2_notes(void)
{
    return features.stage2.notes;
}

/*
 * Controls of extensions that came after those that the other registers control, and whose value at reset the
 * manual leaves open. Names that our assembler may not know.
 */
static void init_extensions(void)
{
    uint64_t pfr0 = SYSREG_READ(id_aa64pfr0_el1);

    if ((SYSREG_READ(id_aa64mmfr1_el1) & MMFR1_HCX) != 0)
        SYSREG_WRITE(s3_4_c1_c2_2, 0); /* HCRX_EL2: nothing more than ARMv8.6 has */
    if ((SYSREG_READ(id_aa64mmfr0_el1) & MMFR0_FGT) != 0) {
        SYSREG_WRITE(s3_4_c1_c1_4, 0); /* HFGRTR_EL2, HFGWTR_EL2, HFGITR_EL2: no finer traps */
        SYSREG_WRITE(s3_4_c1_c1_5, 0);
        SYSREG_WRITE(s3_4_c1_c1_6, 0);
        SYSREG_WRITE(s3_4_c3_c1_4, 0); /* HDFGRTR_EL2, HDFGWTR_EL2 */
        SYSREG_WRITE(s3_4_c3_c1_5, 0);
    }
    if ((pfr0 & PFR0_MPAM) != 0)
        SYSREG_WRITE(s3_4_c10_c5_0, MPAM2_TRAP_EL0 | MPAM2_TRAP_EL1); /* MPAM2_EL2 */
    if ((pfr0 & PFR0_RAS) != 0)
        SYSREG_WRITE(s3_4_c5_c2_3, 0); /* VSESR_EL2: what a virtual SError says */
}

void guest_cpu_init(struct arm64_cpu *cpu)
{
    SYSREG_WRITE(vtcr_el2, features.stage2.vtcr);
    SYSREG_WRITE(cptr_el2, CPTR_GUEST);
    SYSREG_WRITE(hstr_el2, 0);
    SYSREG_WRITE(vpidr_el2, SYSREG_READ(midr_el1));
    SYSREG_WRITE(cnthctl_el2, CNTHCTL_EL1PCTEN);
    init_extensions();
    ich_cpu_init();
    its_cpu_init(cpu);
    /* The VMIDs' entries that the firmware, or whoever ran before, may have left. */
    insn_isb();
    insn_tlbi_alle1();
    insn_dsb_nsh();
    insn_isb();
}

#define CONTEXT_EACH(do)                                                                                                                                                                               \
    do                                                                                                                                                                                                 \
    (sp_el0, sp_el0) do(sp_el1, sp_el1) do(elr, elr_el1) do(spsr, spsr_el1) do(sctlr, sctlr_el1) do(cpacr, cpacr_el1) do(ttbr0, ttbr0_el1) do(ttbr1, ttbr1_el1) do(tcr, tcr_el1) do(                   \
        mair,                                                                                                                                                                                          \
        mair_el1) do(amair,                                                                                                                                                                            \
                     amair_el1) do(esr,                                                                                                                                                                \
                                   esr_el1) do(far,                                                                                                                                                    \
                                               far_el1) do(afsr0,                                                                                                                                      \
                                                           afsr0_el1) do(afsr1,                                                                                                                        \
                                                                         afsr1_el1) do(par,                                                                                                            \
                                                                                       par_el1) do(vbar,                                                                                               \
                                                                                                   vbar_el1) do(contextidr,                                                                            \
                                                                                                                contextidr_el1) do(csselr,                                                             \
                                                                                                                                   csselr_el1) do(tpidr_el0,                                           \
                                                                                                                                                  tpidr_el0) do(tpidrro_el0,                           \
                                                                                                                                                                tpidrro_el0) do(tpidr_el1,             \
                                                                                                                                                                                tpidr_el1) do(cntkctl, \
                                                                                                                                                                                              cntkctl_el1)

/* The keys' names need a newer architecture than the one we build for. */
#define PAUTH_EACH(do)                                                                                    \
    do                                                                                                    \
    (0, s3_0_c2_c1_0) do(1, s3_0_c2_c1_1) do(2, s3_0_c2_c1_2) do(3, s3_0_c2_c1_3) do(4, s3_0_c2_c2_0) do( \
        5, s3_0_c2_c2_1) do(6, s3_0_c2_c2_2) do(7, s3_0_c2_c2_3) do(8, s3_0_c2_c3_0) do(9, s3_0_c2_c3_1)

#define SAVE(field, name)      sys->field = SYSREG_READ(name);
#define LOAD(field, name)      SYSREG_WRITE(name, sys->field);
#define SAVE_KEY(number, name) sys->pauth[number] = SYSREG_READ(name);
#define LOAD_KEY(number, name) SYSREG_WRITE(name, sys->pauth[number]);

static void context_save(struct arm64_context *sys)
{
    sys->sctlr = SYSREG_READ(sctlr_el1);
    sys->tcr = SYSREG_READ(tcr_el1);
    CONTEXT_EACH(SAVE)
    if (features.has_pauth) {
        PAUTH_EACH(SAVE_KEY)
    }
}

/*
 * Between the registers of one guest and those of the next there is a mixture that no table walk may see. At
 * EL2 none should, but some cores walk ahead all the same (Cortex-A57 and A72 erratum 1319537, A76 and
 * Neoverse N1 1165522): so the walks are off, with the MMU on, until everything is in place.
 */
static void walks_off(void)
{
    SYSREG_WRITE(tcr_el1, TCR1_EPD0 | TCR1_EPD1);
    insn_isb();
    SYSREG_WRITE(sctlr_el1, SCTLR1_RESET | SCTLR1_M);
    insn_isb();
}

static void walks_on(const struct arm64_context *sys)
{
    insn_isb();
    SYSREG_WRITE(sctlr_el1, sys->sctlr);
    insn_isb();
    SYSREG_WRITE(tcr_el1, sys->tcr);
}

static void context_load(const struct arm64_context *sys)
{
    CONTEXT_EACH(LOAD)
    if (features.has_pauth) {
        PAUTH_EACH(LOAD_KEY)
    }
}

#define DEBUG_EACH(do) \
    do                 \
    (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)

/* Register numbers are part of the instruction; those that the CPU does not have are left alone. */
#define SAVE_BREAK(n)                                 \
    if ((n) < features.breakpoint_count) {            \
        debug->bvr[n] = SYSREG_READ(dbgbvr##n##_el1); \
        debug->bcr[n] = SYSREG_READ(dbgbcr##n##_el1); \
    }
#define SAVE_WATCH(n)                                 \
    if ((n) < features.watchpoint_count) {            \
        debug->wvr[n] = SYSREG_READ(dbgwvr##n##_el1); \
        debug->wcr[n] = SYSREG_READ(dbgwcr##n##_el1); \
    }
#define LOAD_BREAK(n)                                 \
    if ((n) < features.breakpoint_count) {            \
        SYSREG_WRITE(dbgbvr##n##_el1, debug->bvr[n]); \
        SYSREG_WRITE(dbgbcr##n##_el1, debug->bcr[n]); \
    }
#define LOAD_WATCH(n)                                 \
    if ((n) < features.watchpoint_count) {            \
        SYSREG_WRITE(dbgwvr##n##_el1, debug->wvr[n]); \
        SYSREG_WRITE(dbgwcr##n##_el1, debug->wcr[n]); \
    }

void guest_debug_save(struct arm64_debug *debug)
{
    DEBUG_EACH(SAVE_BREAK)
    DEBUG_EACH(SAVE_WATCH)
}

void guest_debug_load(const struct arm64_debug *debug)
{
    DEBUG_EACH(LOAD_BREAK)
    DEBUG_EACH(LOAD_WATCH)
}

void guest_debug_counts(uint32_t *breakpoints, uint32_t *watchpoints)
{
    *breakpoints = features.breakpoint_count;
    *watchpoints = features.watchpoint_count;
}

void guest_debug_control(const struct arm64_vcpu *vcpu, uint64_t mdscr)
{
    uint64_t traps = MDCR_GUEST | (vcpu->debug.used ? 0 : MDCR_TDA);

    if (arm64_debug_is_on(vcpu))
        traps |= MDCR_TDE | MDCR_TDA;
    SYSREG_WRITE(mdcr_el2, (SYSREG_READ(mdcr_el2) & MDCR_HPMN) | traps);
    SYSREG_WRITE(mdscr_el1, mdscr);
}

void guest_debug_open(struct arm64_vcpu *vcpu)
{
    vcpu->debug.used = true;
    guest_debug_load(&vcpu->debug);
    guest_debug_control(vcpu, vcpu->sys.mdscr);
}

void guest_context_reset(struct arm64_vcpu *vcpu)
{
    memset(&vcpu->sw, 0, sizeof(vcpu->sw));
    memset(&vcpu->sys, 0, sizeof(vcpu->sys));
    memset(&vcpu->fp, 0, sizeof(vcpu->fp));
    memset(&vcpu->debug, 0, sizeof(vcpu->debug));
    vcpu->sys.sctlr = SCTLR1_RESET;
    vcpu->sw.regs.pstate = PSTATE_RESET;
    vcpu->hcr = HCR_GUEST;
    vcpu->serror = false;
}

/*
 * vCPUs of a VM have one VMID. On one CPU they share what the guest took to be one CPU's own: entries of
 * tables that only one of them uses, and instruction lines it has not invalidated elsewhere.
 */
static void forget_sibling(struct arm64_vcpu *vcpu, uint32_t cpu)
{
    struct arm64_vm *vm = arm64_vm_of(vcpu->core.vm);
    uint32_t last = vm->last_vcpu[cpu];

    vm->last_vcpu[cpu] = vcpu->core.id + 1;
    if (last == 0 || last == vcpu->core.id + 1)
        return;
    insn_tlbi_vmalle1();
    insn_ic_iallu();
    insn_dsb_nsh();
}

bool guest_serror_pending(void)
{
    return (SYSREG_READ(hcr_el2) & HCR_VSE) != 0;
}

void guest_trap_wfe(struct arm64_vcpu *vcpu, bool trap)
{
    uint64_t hcr = (vcpu->hcr & ~HCR_TWE) | (trap ? HCR_TWE : 0);

    if (LIKELY(hcr == vcpu->hcr))
        return;
    vcpu->hcr = hcr;
    SYSREG_WRITE(hcr_el2, hcr | (SYSREG_READ(hcr_el2) & HCR_VSE));
}

/* The VMID's translations of both stages, on all CPUs; whoever is loaded here stays so. */
void guest_forget_translations(uint64_t vttbr)
{
    uint64_t loaded = SYSREG_READ(vttbr_el2);
    const struct arm64_context sys = {.sctlr = SYSREG_READ(sctlr_el1), .tcr = SYSREG_READ(tcr_el1)};

    insn_dsb_ishst(); /* what was written to the tables is seen by every walk from here on */
    walks_off();
    SYSREG_WRITE(vttbr_el2, vttbr);
    insn_isb();
    insn_tlbi_vmalls12e1is();
    insn_dsb_ish();
    SYSREG_WRITE(vttbr_el2, loaded);
    walks_on(&sys);
    insn_isb();
}

void guest_load(struct arm64_vcpu *vcpu)
{
    struct arm64_vm *vm = arm64_vm_of(vcpu->core.vm);

    walks_off();
    context_load(&vcpu->sys);
    guest_debug_control(vcpu, vcpu->sys.mdscr);
    if (vcpu->debug.used)
        guest_debug_load(&vcpu->debug);
    fpsimd_load(&vcpu->fp);
    SYSREG_WRITE(vmpidr_el2, vgic_mpidr(vcpu->core.id) | MPIDR_RES1);
    SYSREG_WRITE(vttbr_el2, vm->vttbr);
    SYSREG_WRITE(hcr_el2, vcpu->hcr | (vcpu->serror ? HCR_VSE : 0));
    walks_on(&vcpu->sys);
    insn_isb();
    forget_sibling(vcpu, this_cpu()->id);
    ich_load_cpuif(&vcpu->gic.cpuif);
    guest_timer_load(vcpu);
    if (arm64_debug_is_on(vcpu))
        arm64_debug_load(vcpu);
    atomic_store_explicit(&vcpu->gic.dirty, true, memory_order_relaxed);
    if (!vcpu->gic.parked)
        vgic_vpe_load(&vcpu->v4.vpe, this_cpu()->id);
    insn_isb();
}

void guest_put(struct arm64_vcpu *vcpu)
{
    gic_fold(vcpu);
    vgic_vpe_put(&vcpu->v4.vpe); /* vgic_block() has done that with one that waits, and put its doorbell on */
    gic_read_cpuif(&vcpu->gic.cpuif);
    guest_timer_put(vcpu);
    context_save(&vcpu->sys);
    if (!arm64_debug_is_on(vcpu)) {
        vcpu->sys.mdscr = SYSREG_READ(mdscr_el1);
        if (vcpu->debug.used)
            guest_debug_save(&vcpu->debug);
    }
    fpsimd_save(&vcpu->fp);
    vcpu->serror = guest_serror_pending();
}
