/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's view of CPUID: host features minus what Latch hides, plus the hypervisor leaves. Built once per
 * vCPU; a lookup copies. Documented in docs/cpuid.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86/pvclock.h"
#include "lib/bits.h"

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

#define GUEST_CPUID_BASIC      0x20
#define GUEST_CPUID_EXTENDED   0x22
#define GUEST_CPUID_HYPERVISOR 0x11
#define GUEST_CPUID_SUBLEAVES  40

struct guest_cpuid_subleaf {
    uint32_t leaf;
    uint32_t index;
    struct cpuid_regs regs;
};

struct guest_cpuid {
    uint32_t basic_count; /* leaves 0..basic_count-1 exist */
    uint32_t extended_count;
    uint32_t indexed; /* bit n: basic leaf n depends on ECX, see subleaves */
    struct cpuid_regs basic[GUEST_CPUID_BASIC];
    struct cpuid_regs extended[GUEST_CPUID_EXTENDED];
    struct cpuid_regs hypervisor[GUEST_CPUID_HYPERVISOR];
    struct cpuid_regs pvclock[PVCLOCK_CPUID_LEAVES];
    uint32_t subleaf_count;
    struct guest_cpuid_subleaf subleaves[GUEST_CPUID_SUBLEAVES];
    /* What the rest of Latch asks, in the guest's view. */
    uint64_t xcr0_allowed; /* 0: no XSAVE */
    uint64_t cr4_allowed;
    uint64_t efer_allowed;
    uint8_t phys_bits;
    bool has_1g_pages;
    bool has_x2apic;
    bool has_tsc_deadline;
    bool has_rdtscp;
};

/* Builds the view for the vCPU with this APIC ID in a VM of `cpu_count`; `tsc_khz` of the guest. */
void guest_cpuid_init(struct guest_cpuid *cpuid, uint32_t apic_id, uint32_t cpu_count, uint64_t tsc_khz);

/* CPUID as the guest executes it. Leaves that do not exist give what the manuals say (zero, or the last
 * basic). */
struct cpuid_regs guest_cpuid_read(const struct guest_cpuid *cpuid, uint32_t leaf, uint32_t index);

/* The same for a basic leaf that does not depend on ECX; NULL: not one of those. */
static inline const struct cpuid_regs *guest_cpuid_plain(const struct guest_cpuid *cpuid, uint32_t leaf)
{
    if (UNLIKELY(leaf >= cpuid->basic_count || (cpuid->indexed & BIT(leaf)) != 0))
        return NULL;
    return &cpuid->basic[leaf];
}

/* OSXSAVE follows CR4. */
void guest_cpuid_update(struct guest_cpuid *cpuid, uint64_t cr4);

/* CPUID's APIC bit follows IA32_APIC_BASE.EN. */
void guest_cpuid_set_apic(struct guest_cpuid *cpuid, bool enabled);
