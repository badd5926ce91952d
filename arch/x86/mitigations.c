/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. All of it is decided at boot by the boot CPU; the others are of its kind. */
#include "arch/x86/mitigations.h"

#include "arch/x86/gdt.h"
#include "arch/x86/insn.h"
#include "arch/x86/mitigation_plan.h"
#include "arch/x86/msr.h"
#include "arch/x86/regs.h"
#include "core/config.h"
#include "core/log.h"

#define LEAF_EXTENDED            UINT32_C(0x80000000)
#define F7_EDX_ARCH_CAPABILITIES BIT(29)
#define X8                       (LEAF_EXTENDED + 0x8)
#define X21                      (LEAF_EXTENDED + 0x21)

uint32_t mitigations_entry_flags;
const uint16_t mitigations_verw_selector = GDT_DS;

static struct mitigation_plan plan;

static void read_facts(struct speculation_facts *facts)
{
    struct insn_cpuid r;

    *facts = (struct speculation_facts){.vendor = cpu_features.vendor, .emulated = cpu_features.is_tcg};
    if (cpu_features.max_basic >= 7) {
        r = insn_cpuid(7, 0);
        facts->leaf7_ebx = r.ebx;
        facts->leaf7_edx = r.edx;
        if ((r.edx & F7_EDX_ARCH_CAPABILITIES) != 0)
            facts->arch_capabilities = insn_rdmsr(MSR_ARCH_CAPABILITIES);
    }
    if (cpu_features.max_extended >= X8)
        facts->ext8_ebx = insn_cpuid(X8, 0).ebx;
    if (cpu_features.max_extended >= X21) {
        r = insn_cpuid(X21, 0);
        facts->ext21_eax = r.eax;
        facts->ext21_ecx = r.ecx;
    }
}

static const char *state_of(enum mitigation which)
{
    static const char *const names[] = {
        [MITIGATION_NOT_OFFERED] = "not offered",
        [MITIGATION_NOT_NEEDED] = "not needed",
        [MITIGATION_HARDWARE] = "by the CPU",
        [MITIGATION_OFF] = "off by option",
        [MITIGATION_ACTIVE] = "yes",
    };

    return names[plan.state[which]];
}

void mitigations_init(void)
{
    struct speculation_facts facts;

    read_facts(&facts);
    mitigation_plan_make(&plan, &facts, config.mitigations);
    mitigations_entry_flags = plan.entry_flags;
    log_info("self-check: mitigations %s: predictor barrier %s, branch targets %s, return stack %s, "
             "buffers %s, cache flush %s%s",
             config.mitigations ? "on" : "off", state_of(MITIGATION_PREDICTOR), state_of(MITIGATION_BRANCHES),
             state_of(MITIGATION_RETURNS), state_of(MITIGATION_BUFFERS), state_of(MITIGATION_CACHE),
             facts.emulated ? " (emulated CPU)" : "");
    mitigations_cpu_enable();
}

void mitigations_cpu_enable(void)
{
    if (plan.auto_ibrs)
        insn_wrmsr(MSR_EFER, insn_rdmsr(MSR_EFER) | EFER_AIBRSE);
    if (plan.ibrs)
        insn_wrmsr(MSR_SPEC_CTRL, insn_rdmsr(MSR_SPEC_CTRL) | SPEC_CTRL_IBRS);
}

void mitigations_vm_switch(void)
{
    if (plan.state[MITIGATION_PREDICTOR] == MITIGATION_ACTIVE)
        insn_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    if (plan.state[MITIGATION_CACHE] == MITIGATION_ACTIVE)
        insn_wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
}
