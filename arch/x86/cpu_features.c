/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID of the boot CPU, read once. */
#include "arch/x86/cpu_features.h"

#include "arch/x86/insn.h"
#include "lib/string.h"

#define LEAF_HYPERVISOR 0x40000000
#define LEAF_EXTENDED   0x80000000
#define XCR0_GUEST      (FIELD(2, 0) | FIELD(7, 5)) /* x87, SSE, AVX, AVX-512: what guests may have */
#define FXSAVE_SIZE     512

struct cpu_features cpu_features;

static void read_names(struct cpu_features *f)
{
    struct insn_cpuid r = insn_cpuid(0, 0);

    f->max_basic = r.eax;
    memcpy(f->vendor_id, &r.ebx, 4);
    memcpy(f->vendor_id + 4, &r.edx, 4);
    memcpy(f->vendor_id + 8, &r.ecx, 4);
    if (strcmp(f->vendor_id, "AuthenticAMD") == 0 || strcmp(f->vendor_id, "HygonGenuine") == 0)
        f->vendor = CPU_VENDOR_AMD;
    else if (strcmp(f->vendor_id, "GenuineIntel") == 0)
        f->vendor = CPU_VENDOR_INTEL;
    f->max_extended = insn_cpuid(LEAF_EXTENDED, 0).eax;
    if (f->max_extended < LEAF_EXTENDED + 4)
        return;
    for (uint32_t i = 0; i < 3; i++) {
        r = insn_cpuid(LEAF_EXTENDED + 2 + i, 0);
        memcpy(f->brand + i * 16, &r, 16);
    }
}

static void read_xsave(struct cpu_features *f)
{
    struct insn_cpuid r;

    f->xsave_size = FXSAVE_SIZE;
    if (!f->has_xsave)
        return;
    r = insn_cpuid(0xd, 0);
    f->xcr0 = (r.eax | (uint64_t)r.edx << 32) & XCR0_GUEST;
    f->xsave_size = FXSAVE_SIZE + 64;
    for (uint32_t i = 2; i < 63; i++) {
        if ((f->xcr0 & BIT(i)) == 0)
            continue;
        r = insn_cpuid(0xd, i);
        f->xsave_size = (uint32_t)max_u64(f->xsave_size, r.eax + r.ebx);
    }
}

static bool is_tcg(void)
{
    struct insn_cpuid r = insn_cpuid(LEAF_HYPERVISOR, 0);
    char name[13] = "";

    memcpy(name, &r.ebx, 4);
    memcpy(name + 4, &r.ecx, 4);
    memcpy(name + 8, &r.edx, 4);
    return strcmp(name, "TCGTCGTCGTCG") == 0;
}

void cpu_features_init(void)
{
    struct cpu_features *f = &cpu_features;
    struct insn_cpuid r;

    read_names(f);
    r = insn_cpuid(1, 0);
    f->has_xsave = (r.ecx & BIT(26)) != 0;
    f->has_vmx = (r.ecx & BIT(5)) != 0;
    f->is_tcg = (r.ecx & BIT(31)) != 0 && is_tcg();
    f->has_fred = f->max_basic >= 7 && insn_cpuid(7, 0).eax >= 1 && (insn_cpuid(7, 1).eax & BIT(17)) != 0;
    if (f->max_extended >= LEAF_EXTENDED + 1) {
        r = insn_cpuid(LEAF_EXTENDED + 1, 0);
        f->has_svm = (r.ecx & BIT(2)) != 0;
        f->has_1g_pages = (r.edx & BIT(26)) != 0;
        f->has_rdtscp = (r.edx & BIT(27)) != 0;
    }
    f->phys_bits = 36;
    if (f->max_extended >= LEAF_EXTENDED + 8) {
        r = insn_cpuid(LEAF_EXTENDED + 8, 0);
        f->phys_bits = (uint8_t)r.eax;
    }
    read_xsave(f);
}
