/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Owns nothing. */
#include "arch/x86/mitigation_plan.h"

#include "lib/bits.h"

#define F7_EBX_RTM          BIT(11)
#define F7_EDX_MD_CLEAR     BIT(10)
#define F7_EDX_SPEC_CTRL    BIT(26) /* IBRS and IBPB */
#define F7_EDX_L1D_FLUSH    BIT(28)
#define X8_EBX_IBPB         BIT(12)
#define X8_EBX_IBRS         BIT(14)
#define X8_EBX_IBRS_ALWAYS  BIT(16) /* made to be set once and left */
#define X21_EAX_VERW_CLEAR  BIT(5)
#define X21_EAX_AUTO_IBRS   BIT(8)
#define X21_ECX_TSA_SQ_NO   BIT(1)
#define X21_ECX_TSA_L1_NO   BIT(2)
#define ARCH_CAP_RDCL_NO    BIT(0)
#define ARCH_CAP_IBRS_ALL   BIT(1) /* enhanced IBRS */
#define ARCH_CAP_MDS_NO     BIT(5)
#define ARCH_CAP_TAA_NO     BIT(8)
#define ARCH_CAP_STALE_NO   FIELD(15, 13) /* SBDR_SSDP_NO, FBSDP_NO, PSDP_NO */
#define ARCH_CAP_FB_CLEAR   BIT(17)
#define ARCH_CAP_PBRSB_NO   BIT(24)
#define ARCH_CAP_RFDS_NO    BIT(27)
#define ARCH_CAP_RFDS_CLEAR BIT(28)

static enum mitigation_state missing(const struct speculation_facts *f)
{
    return f->emulated ? MITIGATION_NOT_NEEDED : MITIGATION_NOT_OFFERED;
}

static enum mitigation_state plan_predictor(const struct speculation_facts *f)
{
    if ((f->ext8_ebx & X8_EBX_IBPB) != 0 || (f->leaf7_edx & F7_EDX_SPEC_CTRL) != 0)
        return MITIGATION_ACTIVE;
    return missing(f);
}

static enum mitigation_state plan_branches(struct mitigation_plan *plan, const struct speculation_facts *f)
{
    bool intel_ibrs =
        (f->leaf7_edx & F7_EDX_SPEC_CTRL) != 0 && (f->arch_capabilities & ARCH_CAP_IBRS_ALL) != 0;
    uint64_t amd_ibrs = X8_EBX_IBRS | X8_EBX_IBRS_ALWAYS;

    plan->auto_ibrs = (f->ext21_eax & X21_EAX_AUTO_IBRS) != 0;
    plan->ibrs = !plan->auto_ibrs && (intel_ibrs || (f->ext8_ebx & amd_ibrs) == amd_ibrs);
    return plan->auto_ibrs || plan->ibrs ? MITIGATION_ACTIVE : missing(f);
}

/*
 * Automatic IBRS empties the return stack at each exit ("Automatic IBRS", AMD64 APM volume 2). Enhanced IBRS
 * leaves one prediction behind except where PBRSB_NO says otherwise. All others: Latch refills it.
 */
static enum mitigation_state plan_returns(const struct mitigation_plan *plan,
                                          const struct speculation_facts *f)
{
    if (f->emulated)
        return MITIGATION_NOT_NEEDED;
    if (plan->auto_ibrs)
        return MITIGATION_HARDWARE;
    if (f->vendor == CPU_VENDOR_INTEL && plan->ibrs && (f->arch_capabilities & ARCH_CAP_PBRSB_NO) != 0)
        return MITIGATION_HARDWARE;
    return MITIGATION_ACTIVE;
}

static enum mitigation_state plan_buffers_amd(const struct speculation_facts *f)
{
    uint64_t immune = X21_ECX_TSA_SQ_NO | X21_ECX_TSA_L1_NO;

    if ((f->ext21_ecx & immune) == immune)
        return MITIGATION_NOT_NEEDED;
    return (f->ext21_eax & X21_EAX_VERW_CLEAR) != 0 ? MITIGATION_ACTIVE : missing(f);
}

/* Each of the four holes that VERW closes, and the bit that says that a CPU does not have it. */
static enum mitigation_state plan_buffers_intel(const struct speculation_facts *f)
{
    uint64_t caps = f->arch_capabilities;
    bool sampling = (caps & ARCH_CAP_MDS_NO) == 0;
    bool abort = (f->leaf7_ebx & F7_EBX_RTM) != 0 && (caps & ARCH_CAP_TAA_NO) == 0;
    bool stale = (caps & ARCH_CAP_FB_CLEAR) != 0 && (caps & ARCH_CAP_STALE_NO) != ARCH_CAP_STALE_NO;
    bool file = (caps & ARCH_CAP_RFDS_CLEAR) != 0 && (caps & ARCH_CAP_RFDS_NO) == 0;

    if (!sampling && !abort && !stale && !file)
        return MITIGATION_NOT_NEEDED;
    return (f->leaf7_edx & F7_EDX_MD_CLEAR) != 0 || stale || file ? MITIGATION_ACTIVE : missing(f);
}

static enum mitigation_state plan_buffers(const struct speculation_facts *f)
{
    if (f->emulated)
        return MITIGATION_NOT_NEEDED;
    return f->vendor == CPU_VENDOR_INTEL ? plan_buffers_intel(f) : plan_buffers_amd(f);
}

static enum mitigation_state plan_cache(const struct speculation_facts *f)
{
    if (f->vendor != CPU_VENDOR_INTEL || (f->arch_capabilities & ARCH_CAP_RDCL_NO) != 0)
        return MITIGATION_NOT_NEEDED;
    return (f->leaf7_edx & F7_EDX_L1D_FLUSH) != 0 ? MITIGATION_ACTIVE : missing(f);
}

void mitigation_plan_make(struct mitigation_plan *plan, const struct speculation_facts *facts, bool wanted)
{
    *plan = (struct mitigation_plan){0};
    plan->state[MITIGATION_PREDICTOR] = plan_predictor(facts);
    plan->state[MITIGATION_BRANCHES] = plan_branches(plan, facts);
    plan->state[MITIGATION_RETURNS] = plan_returns(plan, facts);
    plan->state[MITIGATION_BUFFERS] = plan_buffers(facts);
    plan->state[MITIGATION_CACHE] = plan_cache(facts);
    if (!wanted) {
        plan->auto_ibrs = false;
        plan->ibrs = false;
        for (unsigned int i = 0; i < MITIGATION_COUNT; i++)
            if (plan->state[i] == MITIGATION_ACTIVE || plan->state[i] == MITIGATION_HARDWARE)
                plan->state[i] = MITIGATION_OFF;
    }
    if (plan->state[MITIGATION_RETURNS] == MITIGATION_ACTIVE)
        plan->entry_flags |= MITIGATE_RETURNS;
    if (plan->state[MITIGATION_BUFFERS] == MITIGATION_ACTIVE)
        plan->entry_flags |= MITIGATE_BUFFERS;
}
