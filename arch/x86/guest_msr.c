/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSR policy in two switches. What is not named here gets #GP, is counted, and the first ones are logged: a
 * guest kernel that probes finds out the way it does on hardware.
 */
#include "arch/x86/guest_msr.h"

#include "arch/x86/control_regs.h"
#include "arch/x86/exit.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/pvclock.h"
#include "arch/x86/vcpu_ops.h"
#include "core/log.h"
#include "core/vm.h"
#include "lib/error.h"

#define UNKNOWN_LOGGED   8
#define MCG_STATUS_KNOWN FIELD(2, 0)
#define MEMORY_TYPES     (BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6)) /* UC, WC, WT, WP, WB */
#define PAT_TYPES        (MEMORY_TYPES | BIT(7))                      /* and UC- */

void guest_msr_reset(struct x86_msr_store *store)
{
    *store = (struct x86_msr_store){
        .misc_enable = MISC_ENABLE_FAST | MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS,
        .mtrr_def_type = MTRR_DEF_TYPE_E | 6, /* as firmware leaves it: all memory write-back */
        .hwcr = HWCR_TSC_FREQ_SEL,
    };
}

static uint64_t guest_tsc(const struct x86_vcpu *vcpu)
{
    return insn_rdtsc() + vcpu->tsc_offset;
}

/* Each byte of `value` one of `types`. */
static bool bytes_are_types(uint64_t value, uint64_t types)
{
    for (unsigned int i = 0; i < 64; i += 8) {
        uint64_t type = (value >> i) & 0xff;

        if (type >= 64 || (types & BIT(type)) == 0)
            return false;
    }
    return true;
}

/* The store's slot for an MTRR or NULL. */
static uint64_t *mtrr_slot(struct x86_msr_store *store, uint32_t msr)
{
    if (msr >= MSR_MTRR_PHYSBASE0 && msr <= MSR_MTRR_PHYSMASK7) {
        uint32_t index = (msr - MSR_MTRR_PHYSBASE0) / 2;

        return msr % 2 == 0 ? &store->mtrr_base[index] : &store->mtrr_mask[index];
    }
    if (msr == MSR_MTRR_FIX64K)
        return &store->mtrr_fixed[0];
    if (msr == MSR_MTRR_FIX16K_80000 || msr == MSR_MTRR_FIX16K_A0000)
        return &store->mtrr_fixed[1 + msr - MSR_MTRR_FIX16K_80000];
    if (msr >= MSR_MTRR_FIX4K_C0000 && msr <= MSR_MTRR_FIX4K_F8000)
        return &store->mtrr_fixed[3 + msr - MSR_MTRR_FIX4K_C0000];
    if (msr == MSR_MTRR_DEF_TYPE)
        return &store->mtrr_def_type;
    return NULL;
}

static bool mtrr_value_ok(const struct x86_vcpu *vcpu, uint32_t msr, uint64_t value)
{
    uint64_t address = FIELD(vcpu->cpuid.phys_bits - 1, 12);

    if (msr >= MSR_MTRR_PHYSBASE0 && msr <= MSR_MTRR_PHYSMASK7) {
        if (msr % 2 == 0)
            return (value & ~(address | MTRR_DEF_TYPE_TYPE)) == 0 && (value & MTRR_DEF_TYPE_TYPE) < 8 &&
                   (MEMORY_TYPES & BIT(value & MTRR_DEF_TYPE_TYPE)) != 0;
        return (value & ~(address | MTRR_MASK_VALID)) == 0;
    }
    if (msr == MSR_MTRR_DEF_TYPE)
        return (value & ~(MTRR_DEF_TYPE_TYPE | MTRR_DEF_TYPE_FE | MTRR_DEF_TYPE_E)) == 0 &&
               (value & MTRR_DEF_TYPE_TYPE) < 8 && (MEMORY_TYPES & BIT(value & MTRR_DEF_TYPE_TYPE)) != 0;
    return bytes_are_types(value, MEMORY_TYPES);
}

static int unknown(struct x86_vcpu *vcpu, uint32_t msr, const char *verb)
{
    if (vcpu->unknown_msr_count++ < UNKNOWN_LOGGED)
        log_info("vm %s vcpu %u: %s of unknown MSR 0x%x: #GP", vcpu->core.vm->config->name, vcpu->core.id,
                 verb, msr);
    return E_INVAL;
}

static bool is_apic_msr(uint32_t msr)
{
    return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
           (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST);
}

static int read_apic(struct x86_vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    x86_sync_tpr(vcpu);
    return vlapic_msr_read(&vcpu->lapic, msr, value);
}

static int write_apic(struct x86_vcpu *vcpu, uint32_t msr, uint64_t value)
{
    int result;

    x86_sync_tpr(vcpu);
    result = vlapic_msr_write(&vcpu->lapic, msr, value);
    x86_ops->set_cr8(vcpu, (uint8_t)(vlapic_get_tpr(&vcpu->lapic) >> 4));
    if (msr == MSR_APIC_BASE)
        guest_cpuid_set_apic(&vcpu->cpuid, vlapic_is_enabled(&vcpu->lapic));
    return result;
}

int guest_msr_read(struct x86_vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    struct x86_msr_store *store = &vcpu->msrs;
    const uint64_t *slot;

    if (is_apic_msr(msr))
        return read_apic(vcpu, msr, value);
    switch (msr) {
    case MSR_TSC:
        *value = guest_tsc(vcpu);
        return 0;
    case MSR_TSC_ADJUST:
        *value = store->tsc_adjust;
        return 0;
    case MSR_EFER:
        *value = x86_ops->get(vcpu, X86_STATE_EFER);
        return 0;
    case MSR_PAT:
        *value = x86_ops->get(vcpu, X86_STATE_PAT);
        return 0;
    case MSR_TSC_AUX:
        if (!vcpu->cpuid.has_rdtscp)
            break;
        *value = vcpu->ext.tsc_aux;
        return 0;
    case MSR_MISC_ENABLE:
        *value = store->misc_enable;
        return 0;
    case MSR_MTRRCAP:
        *value = MTRRCAP_FIXED | MTRRCAP_WC | X86_MTRR_VARIABLE;
        return 0;
    case MSR_MCG_STATUS:
        *value = store->mcg_status;
        return 0;
    case MSR_HWCR:
        *value = store->hwcr;
        return 0;
    case MSR_DE_CFG:
        *value = DE_CFG_LFENCE_SERIALIZE;
        return 0;
    case MSR_KVM_WALL_CLOCK_NEW:
    case MSR_KVM_SYSTEM_TIME_NEW:
        *value = pvclock_msr_read(vcpu, msr);
        return 0;
    case MSR_MCG_CAP: /* no banks */
    case MSR_PLATFORM_ID:
    case MSR_UCODE_REV:
    case MSR_PERF_STATUS:
    case MSR_SYSCFG:
    case MSR_DEBUGCTL:
    case MSR_INT_PENDING:
        *value = 0;
        return 0;
    default:
        slot = mtrr_slot(store, msr);
        if (slot == NULL)
            break;
        *value = *slot;
        return 0;
    }
    return unknown(vcpu, msr, "read");
}

static int write_mtrr(struct x86_vcpu *vcpu, uint32_t msr, uint64_t value)
{
    uint64_t *slot = mtrr_slot(&vcpu->msrs, msr);

    if (slot == NULL)
        return unknown(vcpu, msr, "write");
    if (!mtrr_value_ok(vcpu, msr, value))
        return E_INVAL;
    *slot = value;
    return 0;
}

static void set_tsc(struct x86_vcpu *vcpu, uint64_t value)
{
    uint64_t change = value - guest_tsc(vcpu);

    vcpu->tsc_offset += change;
    vcpu->msrs.tsc_adjust += change;
    x86_ops->set_tsc_offset(vcpu, vcpu->tsc_offset);
    vlapic_tsc_changed(&vcpu->lapic);
    pvclock_tsc_moved(vcpu);
}

int guest_msr_write(struct x86_vcpu *vcpu, uint32_t msr, uint64_t value)
{
    struct x86_msr_store *store = &vcpu->msrs;

    if (is_apic_msr(msr))
        return write_apic(vcpu, msr, value);
    switch (msr) {
    case MSR_TSC:
        set_tsc(vcpu, value);
        return 0;
    case MSR_TSC_ADJUST:
        set_tsc(vcpu, guest_tsc(vcpu) + value - store->tsc_adjust);
        store->tsc_adjust = value;
        return 0;
    case MSR_EFER:
        return control_set_efer(vcpu, value);
    case MSR_PAT:
        if (!bytes_are_types(value, PAT_TYPES))
            return E_INVAL;
        x86_ops->set(vcpu, X86_STATE_PAT, value);
        return 0;
    case MSR_TSC_AUX:
        if (!vcpu->cpuid.has_rdtscp || (value >> 32) != 0)
            break;
        vcpu->ext.tsc_aux = (uint32_t)value;
        insn_wrmsr(MSR_TSC_AUX, value); /* for RDTSCP */
        return 0;
    case MSR_MISC_ENABLE:
        store->misc_enable = value;
        return 0;
    case MSR_MCG_STATUS:
        if ((value & ~MCG_STATUS_KNOWN) != 0)
            return E_INVAL;
        store->mcg_status = value;
        return 0;
    case MSR_HWCR:
        store->hwcr = value | HWCR_TSC_FREQ_SEL;
        return 0;
    case MSR_DE_CFG: /* the host's setting stays: LFENCE serializes or does not for all */
        return 0;
    case MSR_KVM_WALL_CLOCK_NEW:
    case MSR_KVM_SYSTEM_TIME_NEW:
        pvclock_msr_write(vcpu, msr, value);
        return 0;
    case MSR_UCODE_REV:
    case MSR_INT_PENDING:
    case MSR_DEBUGCTL: /* no branch recording is offered: writes of 0 only */
        return value == 0 ? 0 : E_INVAL;
    default:
        return write_mtrr(vcpu, msr, value);
    }
    return unknown(vcpu, msr, "write");
}
