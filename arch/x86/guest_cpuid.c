/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the guest's CPUID tables from the host's. Feature words are allow-lists: a bit that this file does
 * not name is not offered, so that a newer CPU brings nothing that Latch does not switch or emulate.
 * docs/cpuid.md explains each choice.
 */
#include "arch/x86/guest_cpuid.h"

#include "arch/x86/cpu_features.h"
#include "arch/x86/insn.h"
#include "arch/x86/regs.h"
#include "lib/assert.h"
#include "lib/string.h"

#define LEAF_HYPERVISOR UINT32_C(0x40000000)
#define LEAF_EXTENDED   UINT32_C(0x80000000)
#define HV_TIMING       0x10 /* 0x40000010: TSC and APIC timer frequency in kHz */
#define APIC_KHZ        1000000u

#define F1_ECX_OSXSAVE  BIT(27)
#define F1_ECX_X2APIC   BIT(21)
#define F1_ECX_DEADLINE BIT(24)
#define F1_ECX_XSAVE    BIT(26)
#define F1_ECX_PCID     BIT(17)
#define F1_ECX_HV       BIT(31)
#define F1_EDX_APIC     BIT(9)
#define F1_EDX_HTT      BIT(28)
/* SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND */
#define F1_ECX_KEEP                                                                                       \
    (BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | F1_ECX_PCID | BIT(19) | BIT(20) | BIT(22) | BIT(23) | \
     BIT(25) | F1_ECX_XSAVE | BIT(28) | BIT(29) | BIT(30))
/* FPU VME DE PSE TSC MSR PAE MCE CX8 SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 SS */
#define F1_EDX_KEEP                                                                                          \
    (FIELD(8, 0) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(15) | BIT(16) | BIT(17) | BIT(19) | BIT(23) | \
     BIT(24) | BIT(25) | BIT(26) | BIT(27))
/* FSGSBASE TSC_ADJUST BMI1 AVX2 SMEP BMI2 ERMS INVPCID AVX512F AVX512DQ RDSEED ADX SMAP IFMA CLFLUSHOPT CLWB
 * CD SHA BW VL */
#define F7_EBX_KEEP                                                                                         \
    (BIT(0) | BIT(1) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(16) | BIT(17) | BIT(18) | \
     BIT(19) | BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(28) | BIT(29) | BIT(30) | BIT(31))
/* VBMI UMIP VBMI2 GFNI VAES VPCLMUL VNNI BITALG VPOPCNTDQ RDPID */
#define F7_ECX_KEEP \
    (BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) | BIT(22))
/* FSRM */
#define F7_EDX_KEEP   BIT(4)
#define F7_EBX_SMEP   BIT(7)
#define F7_EBX_SMAP   BIT(20)
#define F7_EBX_FSGS   BIT(0)
#define F7_EBX_AVX512 (BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31))
#define F7_ECX_UMIP   BIT(2)
/* LAHF CMP_LEGACY CR8 ABM SSE4A MISALIGNSSE PREFETCHW */
#define X1_ECX_KEEP (BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
/* SYSCALL NX MMXEXT FFXSR 1GB RDTSCP LM, and the copies of leaf 1 that AMD repeats here */
#define X1_EDX_AMD_COPIES \
    (FIELD(8, 0) | BIT(12) | BIT(13) | BIT(14) | BIT(15) | BIT(16) | BIT(17) | BIT(23) | BIT(24))
#define X1_EDX_1G          BIT(26)
#define X1_EDX_RDTSCP      BIT(27)
#define X1_EDX_LM          BIT(29)
#define X1_EDX_NX          BIT(20)
#define X1_EDX_FFXSR       BIT(25)
#define X1_EDX_KEEP        (BIT(11) | X1_EDX_NX | BIT(22) | X1_EDX_FFXSR | X1_EDX_1G | X1_EDX_RDTSCP | X1_EDX_LM)
#define X8_EBX_KEEP        BIT(0)                     /* CLZERO */
#define X7_EDX_KEEP        BIT(8)                     /* invariant TSC */
#define D1_EAX_KEEP        (BIT(0) | BIT(1) | BIT(2)) /* XSAVEOPT, XSAVEC, XGETBV with ECX = 1 */
#define XSAVE_LEGACY_BYTES 576                        /* legacy area and header */
#define ARAT               BIT(2)

static struct cpuid_regs host(uint32_t leaf, uint32_t index)
{
    struct insn_cpuid raw = insn_cpuid(leaf, index);

    return (struct cpuid_regs){raw.eax, raw.ebx, raw.ecx, raw.edx};
}

static void add_subleaf(struct guest_cpuid *cpuid, uint32_t leaf, uint32_t index, struct cpuid_regs regs)
{
    ASSERT(cpuid->subleaf_count < GUEST_CPUID_SUBLEAVES);
    cpuid->indexed |= (uint32_t)BIT(leaf);
    cpuid->subleaves[cpuid->subleaf_count++] =
        (struct guest_cpuid_subleaf){.leaf = leaf, .index = index, .regs = regs};
}

static void init_leaf1(struct guest_cpuid *cpuid, uint32_t apic_id, uint32_t cpu_count)
{
    struct cpuid_regs r = host(1, 0);

    r.ebx = (r.ebx & 0xff00) | (cpu_count << 16) | (apic_id << 24);
    r.ecx = (uint32_t)((r.ecx & F1_ECX_KEEP) | F1_ECX_X2APIC | F1_ECX_DEADLINE | F1_ECX_HV);
    if (cpuid->xcr0_allowed == 0)
        r.ecx &= (uint32_t) ~(F1_ECX_XSAVE | BIT(12) | BIT(28) | BIT(29));
    r.edx = (uint32_t)((r.edx & F1_EDX_KEEP) | F1_EDX_APIC | (cpu_count > 1 ? F1_EDX_HTT : 0));
    cpuid->basic[1] = r;
    cpuid->has_x2apic = true;
    cpuid->has_tsc_deadline = true;
}

static void init_leaf7(struct guest_cpuid *cpuid)
{
    struct cpuid_regs r = host(7, 0);

    r.eax = 0;
    r.ebx &= (uint32_t)F7_EBX_KEEP;
    r.ecx &= (uint32_t)F7_ECX_KEEP;
    r.edx &= (uint32_t)F7_EDX_KEEP;
    if ((cpuid->xcr0_allowed & BIT(5)) == 0)
        r.ebx &= (uint32_t)~F7_EBX_AVX512;
    add_subleaf(cpuid, 7, 0, r);
}

/* Flat topology: each vCPU a core of one package. */
static void init_topology(struct guest_cpuid *cpuid, uint32_t apic_id, uint32_t cpu_count)
{
    uint32_t shift = 0;

    while ((1u << shift) < cpu_count)
        shift++;
    add_subleaf(cpuid, 0xb, 0, (struct cpuid_regs){0, 1, 0x100, apic_id});
    add_subleaf(cpuid, 0xb, 1, (struct cpuid_regs){shift, cpu_count, 0x201, apic_id});
    add_subleaf(cpuid, 0xb, 2, (struct cpuid_regs){0, 0, 2, apic_id});
}

static void init_caches(struct guest_cpuid *cpuid)
{
    for (uint32_t index = 0; index < 5; index++) {
        struct cpuid_regs r = host(4, index);

        if ((r.eax & 0x1f) == 0)
            break;
        r.eax &= 0x3fff; /* not shared: one thread, one core a package */
        add_subleaf(cpuid, 4, index, r);
    }
    cpuid->indexed |= (uint32_t)BIT(4);
}

static void init_xsave(struct guest_cpuid *cpuid)
{
    struct cpuid_regs r;

    if (cpuid->xcr0_allowed == 0)
        return;
    r = host(0xd, 0);
    r.eax = (uint32_t)cpuid->xcr0_allowed;
    r.ecx = cpu_features.xsave_size;
    r.edx = (uint32_t)(cpuid->xcr0_allowed >> 32);
    add_subleaf(cpuid, 0xd, 0, r);
    r = host(0xd, 1);
    add_subleaf(cpuid, 0xd, 1, (struct cpuid_regs){(uint32_t)(r.eax & D1_EAX_KEEP), 0, 0, 0});
    for (uint32_t index = 2; index < 63; index++)
        if ((cpuid->xcr0_allowed & BIT(index)) != 0)
            add_subleaf(cpuid, 0xd, index, host(0xd, index));
}

static void init_extended(struct guest_cpuid *cpuid)
{
    struct cpuid_regs *x = cpuid->extended;
    bool amd = cpu_features.vendor == CPU_VENDOR_AMD;

    cpuid->extended_count = (uint32_t)min_u64(cpu_features.max_extended - LEAF_EXTENDED + 1, 9);
    for (uint32_t i = 0; i < cpuid->extended_count; i++)
        x[i] = host(LEAF_EXTENDED + i, 0);
    x[0].eax = LEAF_EXTENDED + cpuid->extended_count - 1;
    x[1].ebx = 0;
    x[1].ecx &= (uint32_t)X1_ECX_KEEP;
    x[1].edx &= (uint32_t)(X1_EDX_KEEP | (amd ? X1_EDX_AMD_COPIES : 0));
    if (amd)
        x[1].edx |= (uint32_t)BIT(9); /* APIC, kept in step by guest_cpuid_set_apic() */
    if (cpuid->extended_count > 7)
        x[7] = (struct cpuid_regs){0, 0, 0, (uint32_t)(x[7].edx & X7_EDX_KEEP)};
    if (cpuid->extended_count > 8)
        x[8] = (struct cpuid_regs){x[8].eax & 0xffff, (uint32_t)(x[8].ebx & X8_EBX_KEEP), 0, 0};
}

static void init_hypervisor(struct guest_cpuid *cpuid, uint64_t tsc_khz)
{
    static const char signature[13] = "LatchLatchLa";
    static const char kvm_signature[13] = "KVMKVMKVM\0\0";
    struct cpuid_regs *h = cpuid->hypervisor;
    struct cpuid_regs *k = cpuid->pvclock;

    h[0].eax = LEAF_HYPERVISOR + HV_TIMING;
    memcpy(&h[0].ebx, signature, 4);
    memcpy(&h[0].ecx, signature + 4, 4);
    memcpy(&h[0].edx, signature + 8, 4);
    k[0].eax = PVCLOCK_CPUID_BASE + PVCLOCK_CPUID_LEAVES - 1;
    memcpy(&k[0].ebx, kvm_signature, 4);
    memcpy(&k[0].ecx, kvm_signature + 4, 4);
    memcpy(&k[0].edx, kvm_signature + 8, 4);
    k[1].eax = (uint32_t)(PVCLOCK_FEATURE_NO_IO_DELAY | PVCLOCK_FEATURE_CLOCK | PVCLOCK_FEATURE_STABLE);
    h[HV_TIMING].eax = (uint32_t)tsc_khz;
    h[HV_TIMING].ebx = APIC_KHZ;
}

static void init_frequencies(struct guest_cpuid *cpuid, uint64_t tsc_khz)
{
    /* TSC = crystal * EBX / EAX with the crystal being the APIC timer's clock. */
    cpuid->basic[0x15] = (struct cpuid_regs){APIC_KHZ, (uint32_t)tsc_khz, APIC_KHZ * 1000u, 0};
    cpuid->basic[0x16] = (struct cpuid_regs){(uint32_t)(tsc_khz / 1000), (uint32_t)(tsc_khz / 1000), 100, 0};
}

/* What follows from the feature words for control registers. */
static void init_allowed(struct guest_cpuid *cpuid)
{
    struct cpuid_regs one = cpuid->basic[1];
    struct cpuid_regs seven = guest_cpuid_read(cpuid, 7, 0);
    struct cpuid_regs x1 = cpuid->extended[1];
    uint64_t cr4 = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |
                   CR4_OSFXSR | CR4_OSXMMEXCPT;

    if ((one.ecx & F1_ECX_XSAVE) != 0)
        cr4 |= CR4_OSXSAVE;
    if ((one.ecx & F1_ECX_PCID) != 0)
        cr4 |= CR4_PCIDE;
    if ((seven.ebx & F7_EBX_FSGS) != 0)
        cr4 |= CR4_FSGSBASE;
    if ((seven.ebx & F7_EBX_SMEP) != 0)
        cr4 |= CR4_SMEP;
    if ((seven.ebx & F7_EBX_SMAP) != 0)
        cr4 |= CR4_SMAP;
    if ((seven.ecx & F7_ECX_UMIP) != 0)
        cr4 |= CR4_UMIP;
    cpuid->cr4_allowed = cr4;
    cpuid->efer_allowed = EFER_SCE;
    if ((x1.edx & X1_EDX_LM) != 0)
        cpuid->efer_allowed |= EFER_LME;
    if ((x1.edx & X1_EDX_NX) != 0)
        cpuid->efer_allowed |= EFER_NXE;
    if ((x1.edx & X1_EDX_FFXSR) != 0)
        cpuid->efer_allowed |= EFER_FFXSR;
    cpuid->has_1g_pages = (x1.edx & X1_EDX_1G) != 0;
    cpuid->has_rdtscp = (x1.edx & X1_EDX_RDTSCP) != 0;
    cpuid->phys_bits = cpu_features.phys_bits;
}

void guest_cpuid_init(struct guest_cpuid *cpuid, uint32_t apic_id, uint32_t cpu_count, uint64_t tsc_khz)
{
    *cpuid = (struct guest_cpuid){0};
    cpuid->basic_count = 0x17;
    cpuid->xcr0_allowed = cpu_features.xcr0;
    cpuid->basic[0] = host(0, 0);
    cpuid->basic[0].eax = cpuid->basic_count - 1;
    init_leaf1(cpuid, apic_id, cpu_count);
    if (cpu_features.vendor == CPU_VENDOR_INTEL)
        cpuid->basic[2] = host(2, 0);
    init_caches(cpuid);
    cpuid->basic[6].eax = (uint32_t)ARAT;
    init_leaf7(cpuid);
    init_topology(cpuid, apic_id, cpu_count);
    init_xsave(cpuid);
    init_extended(cpuid);
    init_hypervisor(cpuid, tsc_khz);
    init_frequencies(cpuid, tsc_khz);
    init_allowed(cpuid);
}

/*
 * Bytes of an XSAVE area for the components in the guest's XCR0. The register itself is asked: the vCPU is
 * loaded, and one emulator lets guests write it without an exit.
 */
static uint32_t xsave_bytes(const struct guest_cpuid *cpuid, bool compacted)
{
    uint32_t xcr0 = insn_xgetbv();
    uint32_t bytes = XSAVE_LEGACY_BYTES;

    for (uint32_t i = 0; i < cpuid->subleaf_count; i++) {
        const struct guest_cpuid_subleaf *sub = &cpuid->subleaves[i];

        if (sub->leaf != 0xd || sub->index < 2 || (xcr0 & BIT(sub->index)) == 0)
            continue;
        if (compacted)
            bytes = (uint32_t)align_up(bytes, (sub->regs.ecx & BIT(1)) != 0 ? 64 : 1) + sub->regs.eax;
        else
            bytes = (uint32_t)max_u64(bytes, sub->regs.ebx + sub->regs.eax);
    }
    return bytes;
}

static struct cpuid_regs read_indexed(const struct guest_cpuid *cpuid, uint32_t leaf, uint32_t index)
{
    for (uint32_t i = 0; i < cpuid->subleaf_count; i++) {
        struct cpuid_regs r = cpuid->subleaves[i].regs;

        if (cpuid->subleaves[i].leaf != leaf || cpuid->subleaves[i].index != index)
            continue;
        if (leaf == 0xd && index < 2)
            r.ebx = xsave_bytes(cpuid, index == 1);
        return r;
    }
    /* Beyond the last level, leaf 0BH still echoes the level and the APIC ID. */
    if (leaf == 0xb)
        return (struct cpuid_regs){0, 0, index & 0xff, cpuid->basic[1].ebx >> 24};
    return (struct cpuid_regs){0, 0, 0, 0};
}

struct cpuid_regs guest_cpuid_read(const struct guest_cpuid *cpuid, uint32_t leaf, uint32_t index)
{
    if (LIKELY(leaf < cpuid->basic_count)) {
        if (UNLIKELY((cpuid->indexed & BIT(leaf)) != 0))
            return read_indexed(cpuid, leaf, index);
        return cpuid->basic[leaf];
    }
    if (leaf - LEAF_EXTENDED < cpuid->extended_count)
        return cpuid->extended[leaf - LEAF_EXTENDED];
    if (leaf - LEAF_HYPERVISOR < GUEST_CPUID_HYPERVISOR)
        return cpuid->hypervisor[leaf - LEAF_HYPERVISOR];
    if (leaf - PVCLOCK_CPUID_BASE < PVCLOCK_CPUID_LEAVES)
        return cpuid->pvclock[leaf - PVCLOCK_CPUID_BASE];
    /* Out of range: AMD gives zeros, Intel the highest basic leaf. */
    if (cpu_features.vendor == CPU_VENDOR_INTEL)
        return cpuid->basic[cpuid->basic_count - 1];
    return (struct cpuid_regs){0, 0, 0, 0};
}

void guest_cpuid_update(struct guest_cpuid *cpuid, uint64_t cr4)
{
    cpuid->basic[1].ecx &= (uint32_t)~F1_ECX_OSXSAVE;
    if ((cr4 & CR4_OSXSAVE) != 0)
        cpuid->basic[1].ecx |= (uint32_t)F1_ECX_OSXSAVE;
}

void guest_cpuid_set_apic(struct guest_cpuid *cpuid, bool enabled)
{
    uint32_t bit = (uint32_t)F1_EDX_APIC;

    cpuid->basic[1].edx = enabled ? cpuid->basic[1].edx | bit : cpuid->basic[1].edx & ~bit;
    if (cpu_features.vendor == CPU_VENDOR_AMD)
        cpuid->extended[1].edx = enabled ? cpuid->extended[1].edx | bit : cpuid->extended[1].edx & ~bit;
}
