/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's CPUID, built from made-up hosts: one that offers every bit there is (a CPU of the future), one
 * that offers none. What docs/cpuid.md says is hidden must be hidden on the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/insn.h"

static struct insn_cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf);
static uint32_t fake_xcr0;

#define insn_cpuid(leaf, subleaf) fake_cpuid(leaf, subleaf)
#define insn_xgetbv()             fake_xcr0
#include "arch/x86/guest_cpuid.c"

struct cpu *fake_this_cpu;
struct cpu_features cpu_features;

void panic(const char *format, ...)
{
    fail_msg("panic: %s", format);
    __builtin_unreachable();
}

/* XSAVE components of a real CPU: size, offset, alignment. */
static const uint32_t components[8][3] = {
    [2] = {256, 576, 0}, [5] = {64, 1088, 0}, [6] = {512, 1152, 0}, [7] = {1024, 1664, 2}};
static uint32_t every_word;

static struct insn_cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    if (leaf == 0xd && subleaf >= 2 && subleaf < 8)
        return (struct insn_cpuid){components[subleaf][0], components[subleaf][1], components[subleaf][2], 0};
    return (struct insn_cpuid){every_word, every_word, every_word, every_word};
}

static void make(struct guest_cpuid *cpuid, uint32_t word, uint32_t xcr0, uint32_t id, uint32_t count)
{
    every_word = word;
    fake_xcr0 = 1;
    cpu_features = (struct cpu_features){.vendor = CPU_VENDOR_AMD,
                                         .max_basic = 0x20,
                                         .max_extended = 0x80000021,
                                         .phys_bits = 48,
                                         .xcr0 = xcr0,
                                         .xsave_size = 2688};
    guest_cpuid_init(cpuid, id, count, 2500000);
}

#define XCR0_ALL UINT64_C(0xe7)

static void test_hidden_on_every_bit(void **state)
{
    static struct guest_cpuid cpuid;
    struct cpuid_regs r;

    (void)state;
    make(&cpuid, UINT32_MAX, XCR0_ALL, 0, 1);
    r = guest_cpuid_read(&cpuid, 1, 0);
    /* DTES64 MONITOR DS_CPL VMX SMX EST TM2 CNXT SDBG xTPR PDCM DCA; OSXSAVE until CR4 says so */
    assert_int_equal(r.ecx & (FIELD(8, 2) | FIELD(11, 10) | FIELD(16, 14) | BIT(18) | BIT(27)), 0);
    assert_true((r.ecx & BIT(31)) != 0 && (r.ecx & BIT(21)) != 0 && (r.ecx & BIT(24)) != 0);
    /* PSN DS ACPI HTT TM PBE */
    assert_int_equal(r.edx & (BIT(18) | BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31)), 0);
    r = guest_cpuid_read(&cpuid, 7, 0);
    assert_int_equal(r.eax, 0);
    /* SGX HLE RTM PQM MPX PQE PT */
    assert_int_equal(r.ebx & (BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(25)), 0);
    /* PKU WAITPKG CET_SS TME LA57 and what follows */
    assert_int_equal(r.ecx & (FIELD(5, 3) | BIT(7) | BIT(13) | BIT(16) | FIELD(31, 23)), 0);
    assert_int_equal(r.edx, BIT(4));
    r = guest_cpuid_read(&cpuid, 0xd, 1);
    assert_int_equal(r.eax, 7); /* no XSAVES */
    assert_int_equal(guest_cpuid_read(&cpuid, 6, 0).eax, BIT(2));
    r = guest_cpuid_read(&cpuid, 0x80000001, 0);
    /* SVM EXTAPIC OSVW IBS XOP SKINIT WDT LWP FMA4 TCE NODEID TBM TOPOEXT PERFCTR DBE PTSC PERFLLC MWAITX */
    assert_int_equal(r.ecx & (FIELD(3, 2) | FIELD(31, 9)), 0);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x80000000, 0).eax, 0x80000008);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x80000007, 0).edx, BIT(8));
    /* IBPB, IBRS, STIBP, SSBD */
    assert_int_equal(guest_cpuid_read(&cpuid, 0x80000008, 0).ebx, BIT(0));
    assert_int_equal(guest_cpuid_read(&cpuid, 0x8000000a, 0).edx, 0);
    for (uint32_t leaf = 0x17; leaf < 0x40; leaf++)
        assert_int_equal(guest_cpuid_read(&cpuid, leaf, 0).eax, 0);
    for (uint32_t leaf = 8; leaf < 0xb; leaf++)
        assert_int_equal(guest_cpuid_read(&cpuid, leaf, 0).eax, 0);
}

static void test_control_registers_follow(void **state)
{
    static struct guest_cpuid cpuid;

    (void)state;
    make(&cpuid, UINT32_MAX, XCR0_ALL, 0, 1);
    assert_int_equal(cpuid.cr4_allowed & (CR4_LA57 | CR4_PKE), 0);
    assert_true((cpuid.cr4_allowed & (CR4_OSXSAVE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_UMIP)) ==
                (CR4_OSXSAVE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_UMIP));
    assert_int_equal(cpuid.efer_allowed, EFER_SCE | EFER_LME | EFER_NXE | EFER_FFXSR);
    make(&cpuid, 0, 0, 0, 1);
    assert_int_equal(cpuid.cr4_allowed & (CR4_OSXSAVE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_UMIP), 0);
    assert_int_equal(cpuid.efer_allowed, EFER_SCE);
}

/* Without XSAVE nothing that needs it is there. */
static void test_without_xsave(void **state)
{
    static struct guest_cpuid cpuid;
    struct cpuid_regs r;

    (void)state;
    make(&cpuid, UINT32_MAX, 0, 0, 1);
    r = guest_cpuid_read(&cpuid, 1, 0);
    assert_int_equal(r.ecx & (BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(12)), 0);
    assert_int_equal(cpuid.cr4_allowed & CR4_OSXSAVE, 0);
    make(&cpuid, UINT32_MAX, 7, 0, 1);
    assert_int_equal(guest_cpuid_read(&cpuid, 7, 0).ebx & F7_EBX_AVX512, 0);
    assert_true((guest_cpuid_read(&cpuid, 1, 0).ecx & BIT(28)) != 0);
}

static void test_xsave_sizes(void **state)
{
    static struct guest_cpuid cpuid;

    (void)state;
    make(&cpuid, UINT32_MAX, XCR0_ALL, 0, 1);
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 0).eax, XCR0_ALL);
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 0).ecx, 2688);
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 0).ebx, 576);
    fake_xcr0 = 7;
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 0).ebx, 576 + 256);
    fake_xcr0 = XCR0_ALL;
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 0).ebx, 1664 + 1024);
    /* Compacted: 576 + 256 + 64 + 512 = 1408, the next one aligned to 64. */
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 1).ebx, 1408 + 1024);
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 2).eax, 256);
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 3).eax, 0);
    assert_int_equal(guest_cpuid_read(&cpuid, 0xd, 9).eax, 0);
}

static void test_topology(void **state)
{
    const uint32_t counts[] = {1, 2, 3, 8, 64};
    const uint32_t shifts[] = {0, 1, 2, 3, 6};
    static struct guest_cpuid cpuid;

    (void)state;
    for (unsigned int i = 0; i < 5; i++) {
        uint32_t id = counts[i] - 1;

        make(&cpuid, 0, 0, id, counts[i]);
        assert_int_equal(guest_cpuid_read(&cpuid, 1, 0).ebx >> 24, id);
        assert_int_equal((guest_cpuid_read(&cpuid, 1, 0).ebx >> 16) & 0xff, counts[i]);
        assert_int_equal((guest_cpuid_read(&cpuid, 1, 0).edx >> 28) & 1, counts[i] > 1);
        assert_int_equal(guest_cpuid_read(&cpuid, 0xb, 0).ebx, 1);
        assert_int_equal(guest_cpuid_read(&cpuid, 0xb, 1).eax, shifts[i]);
        assert_int_equal(guest_cpuid_read(&cpuid, 0xb, 1).ebx, counts[i]);
        assert_int_equal(guest_cpuid_read(&cpuid, 0xb, 7).ecx, 7);
        assert_int_equal(guest_cpuid_read(&cpuid, 0xb, 7).edx, id);
    }
}

static void check_name(struct cpuid_regs r, const char *name)
{
    char text[13] = "";

    memcpy(text, &r.ebx, 4);
    memcpy(text + 4, &r.ecx, 4);
    memcpy(text + 8, &r.edx, 4);
    assert_string_equal(text, name);
}

static void test_hypervisor_leaves(void **state)
{
    static struct guest_cpuid cpuid;

    (void)state;
    make(&cpuid, UINT32_MAX, XCR0_ALL, 0, 1);
    check_name(guest_cpuid_read(&cpuid, 0x40000000, 0), "LatchLatchLa");
    assert_int_equal(guest_cpuid_read(&cpuid, 0x40000000, 0).eax, 0x40000010);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x40000001, 0).eax, 0);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x40000010, 0).eax, 2500000);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x40000010, 0).ebx, 1000000);
    check_name(guest_cpuid_read(&cpuid, 0x40000100, 0), "KVMKVMKVM");
    assert_int_equal(guest_cpuid_read(&cpuid, 0x40000100, 0).eax, 0x40000101);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x40000101, 0).eax, BIT(0) | BIT(3) | BIT(24));
    assert_int_equal(guest_cpuid_read(&cpuid, 0x40000102, 0).eax, 0);
    /* TSC = crystal * EBX / EAX */
    assert_int_equal((uint64_t)guest_cpuid_read(&cpuid, 0x15, 0).ecx * guest_cpuid_read(&cpuid, 0x15, 0).ebx /
                         guest_cpuid_read(&cpuid, 0x15, 0).eax,
                     2500000000);
}

static void test_out_of_range(void **state)
{
    static struct guest_cpuid cpuid;

    (void)state;
    make(&cpuid, UINT32_MAX, XCR0_ALL, 0, 1);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x50000000, 0).eax, 0);
    assert_int_equal(guest_cpuid_read(&cpuid, UINT32_MAX, UINT32_MAX).eax, 0);
    assert_int_equal(guest_cpuid_read(&cpuid, 0x80000009, 0).eax, 0);
    cpu_features.vendor = CPU_VENDOR_INTEL;
    assert_int_equal(guest_cpuid_read(&cpuid, 0x50000000, 0).eax, guest_cpuid_read(&cpuid, 0x16, 0).eax);
}

static void test_bits_that_follow_registers(void **state)
{
    static struct guest_cpuid cpuid;

    (void)state;
    make(&cpuid, UINT32_MAX, XCR0_ALL, 0, 1);
    guest_cpuid_update(&cpuid, CR4_OSXSAVE);
    assert_true((guest_cpuid_read(&cpuid, 1, 0).ecx & BIT(27)) != 0);
    guest_cpuid_update(&cpuid, 0);
    assert_true((guest_cpuid_read(&cpuid, 1, 0).ecx & BIT(27)) == 0);
    guest_cpuid_set_apic(&cpuid, false);
    assert_true((guest_cpuid_read(&cpuid, 1, 0).edx & BIT(9)) == 0);
    assert_true((guest_cpuid_read(&cpuid, 0x80000001, 0).edx & BIT(9)) == 0);
    guest_cpuid_set_apic(&cpuid, true);
    assert_true((guest_cpuid_read(&cpuid, 1, 0).edx & BIT(9)) != 0);
    assert_true((guest_cpuid_read(&cpuid, 0x80000001, 0).edx & BIT(9)) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hidden_on_every_bit),
        cmocka_unit_test(test_control_registers_follow),
        cmocka_unit_test(test_without_xsave),
        cmocka_unit_test(test_xsave_sizes),
        cmocka_unit_test(test_topology),
        cmocka_unit_test(test_hypervisor_leaves),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_bits_that_follow_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
