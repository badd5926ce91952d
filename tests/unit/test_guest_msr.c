/* SPDX-License-Identifier: BSD-2-Clause */
/* MSR policy: each value that hardware refuses is refused and changes nothing; unknown numbers are counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86/insn.h"

static uint64_t fake_tsc;
static uint64_t fake_tsc_aux;

#define insn_rdtsc()           fake_tsc
#define insn_wrmsr(msr, value) ((void)(msr), fake_tsc_aux = (value))
#include "arch/x86/guest_msr.c"

#define PHYS_BITS 40

struct cpu *fake_this_cpu;
static struct x86_vm machine;
static struct x86_vcpu vcpu;
static uint64_t pat;
static uint64_t hardware_offset;
static unsigned int log_count;
static unsigned int apic_count;

void log_info(const char *format, ...)
{
    (void)format;
    log_count++;
}

int vlapic_msr_read(struct vlapic *vl, uint32_t msr, uint64_t *value)
{
    (void)vl;
    (void)msr;
    apic_count++;
    *value = 0;
    return 0;
}

int vlapic_msr_write(struct vlapic *vl, uint32_t msr, uint64_t value)
{
    (void)vl;
    (void)msr;
    (void)value;
    apic_count++;
    return 0;
}

void vlapic_notify(struct vlapic *vl)
{
    (void)vl;
}

void vlapic_tsc_changed(struct vlapic *vl)
{
    (void)vl;
}

void guest_cpuid_set_apic(struct guest_cpuid *cpuid, bool enabled)
{
    (void)cpuid;
    (void)enabled;
}

int control_set_efer(struct x86_vcpu *v, uint64_t value)
{
    (void)v;
    return value == 0 ? 0 : E_INVAL;
}

void pvclock_msr_write(struct x86_vcpu *v, uint32_t msr, uint64_t value)
{
    (void)v;
    (void)msr;
    (void)value;
}

uint64_t pvclock_msr_read(const struct x86_vcpu *v, uint32_t msr)
{
    (void)v;
    return msr;
}

void pvclock_tsc_moved(struct x86_vcpu *v)
{
    (void)v;
}

static uint64_t get(struct x86_vcpu *v, enum x86_state which)
{
    (void)v;
    return which == X86_STATE_PAT ? pat : 0;
}

static void set(struct x86_vcpu *v, enum x86_state which, uint64_t value)
{
    (void)v;
    if (which == X86_STATE_PAT)
        pat = value;
}

static uint8_t get_cr8(struct x86_vcpu *v)
{
    (void)v;
    return 0;
}

static void set_cr8(struct x86_vcpu *v, uint8_t cr8)
{
    (void)v;
    (void)cr8;
}

static void set_tsc_offset(struct x86_vcpu *v, uint64_t offset)
{
    (void)v;
    hardware_offset = offset;
}

void x86_sync_tpr_slowly(struct x86_vcpu *v)
{
    fail_msg("the hardware's CR8 of vCPU %u has not changed", v->core.id);
}

static const struct vcpu_ops ops = {
    .get = get, .set = set, .get_cr8 = get_cr8, .set_cr8 = set_cr8, .set_tsc_offset = set_tsc_offset};
const struct vcpu_ops *x86_ops = &ops;

static int setup(void **state)
{
    static struct vm_config vm_config = {.name = "test"};
    static const uint8_t cr8;

    (void)state;
    machine.core.config = &vm_config;
    vcpu = (struct x86_vcpu){.core.vm = &machine.core, .cr8_byte = &cr8};
    vcpu.cpuid.phys_bits = PHYS_BITS;
    vcpu.cpuid.has_rdtscp = true;
    guest_msr_reset(&vcpu.msrs);
    pat = PAT_RESET;
    fake_tsc = 1000;
    fake_tsc_aux = 0;
    log_count = 0;
    apic_count = 0;
    return 0;
}

static uint64_t read(uint32_t msr)
{
    uint64_t value = UINT64_C(0xdeadbeef);

    assert_int_equal(guest_msr_read(&vcpu, msr, &value), 0);
    return value;
}

static void takes(uint32_t msr, uint64_t value)
{
    assert_int_equal(guest_msr_write(&vcpu, msr, value), 0);
    assert_int_equal(read(msr), value);
}

static void refuses(uint32_t msr, uint64_t value)
{
    uint64_t before = read(msr);

    assert_int_not_equal(guest_msr_write(&vcpu, msr, value), 0);
    assert_int_equal(read(msr), before);
}

static void test_variable_mtrrs(void **state)
{
    (void)state;
    assert_int_equal(read(MSR_MTRRCAP), 8 | BIT(8) | BIT(10));
    for (uint32_t msr = MSR_MTRR_PHYSBASE0; msr <= MSR_MTRR_PHYSMASK7; msr += 2) {
        for (uint64_t type = 0; type < 256; type++) {
            uint64_t value = 0x80000000 + ((uint64_t)msr << 12) + type;

            if (type == 0 || type == 1 || (type >= 4 && type <= 6))
                takes(msr, value);
            else
                refuses(msr, value);
        }
        refuses(msr, BIT(PHYS_BITS));
        refuses(msr, BIT(8));
        takes(msr + 1, FIELD(PHYS_BITS - 1, 12) | BIT(11));
        refuses(msr + 1, BIT(10));
        refuses(msr + 1, BIT(PHYS_BITS));
    }
    /* Each has a place of its own. */
    for (uint32_t msr = MSR_MTRR_PHYSBASE0; msr <= MSR_MTRR_PHYSMASK7; msr++)
        takes(msr, (uint64_t)msr << 12);
    for (uint32_t msr = MSR_MTRR_PHYSBASE0; msr <= MSR_MTRR_PHYSMASK7; msr++)
        assert_int_equal(read(msr), (uint64_t)msr << 12);
}

static void test_fixed_mtrrs(void **state)
{
    static const uint32_t fixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                     0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
    uint64_t value;

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(fixed); i++) {
        takes(fixed[i], UINT64_C(0x0606060606060600) | (i % 2 == 0 ? 0 : 5));
        for (unsigned int byte = 0; byte < 8; byte++) {
            refuses(fixed[i], UINT64_C(0x02) << (8 * byte));
            refuses(fixed[i], UINT64_C(0x07) << (8 * byte));
            refuses(fixed[i], UINT64_C(0x41) << (8 * byte));
        }
    }
    for (unsigned int i = 0; i < ARRAY_COUNT(fixed); i++)
        assert_int_equal(read(fixed[i]) & 0xff, i % 2 == 0 ? 0 : 5);
    assert_int_not_equal(guest_msr_read(&vcpu, 0x251, &value), 0);
    assert_int_not_equal(guest_msr_read(&vcpu, 0x267, &value), 0);
    assert_int_not_equal(guest_msr_read(&vcpu, 0x270, &value), 0);
    assert_int_not_equal(guest_msr_read(&vcpu, 0x210, &value), 0);
    takes(MSR_MTRR_DEF_TYPE, BIT(11) | BIT(10) | 6);
    refuses(MSR_MTRR_DEF_TYPE, BIT(11) | 2);
    refuses(MSR_MTRR_DEF_TYPE, BIT(9));
    refuses(MSR_MTRR_DEF_TYPE, BIT(12));
}

static void test_pat(void **state)
{
    (void)state;
    for (uint64_t type = 0; type < 256; type++) {
        uint64_t value = PAT_RESET ^ (PAT_RESET & 0xff00) ^ type << 8;

        if (type == 0 || type == 1 || (type >= 4 && type <= 7))
            takes(MSR_PAT, value);
        else
            refuses(MSR_PAT, value);
    }
}

static void test_tsc(void **state)
{
    (void)state;
    vcpu.tsc_offset = 0 - fake_tsc;
    assert_int_equal(read(MSR_TSC), 0);
    fake_tsc += 500;
    takes(MSR_TSC, 12345);
    assert_int_equal(hardware_offset, vcpu.tsc_offset);
    assert_int_equal(read(MSR_TSC_ADJUST), 12345 - 500);
    /* Writing the adjustment moves the counter by the difference. */
    takes(MSR_TSC_ADJUST, 0);
    assert_int_equal(read(MSR_TSC), 500);
    takes(MSR_TSC_ADJUST, (uint64_t)-100);
    assert_int_equal(read(MSR_TSC), 400);
}

static void test_tsc_aux(void **state)
{
    uint64_t value;

    (void)state;
    takes(MSR_TSC_AUX, UINT32_MAX);
    assert_int_equal(fake_tsc_aux, UINT32_MAX); /* what RDTSCP gives */
    refuses(MSR_TSC_AUX, BIT(32));
    vcpu.cpuid.has_rdtscp = false;
    assert_int_not_equal(guest_msr_read(&vcpu, MSR_TSC_AUX, &value), 0);
    assert_int_not_equal(guest_msr_write(&vcpu, MSR_TSC_AUX, 0), 0);
}

static void test_odds(void **state)
{
    (void)state;
    takes(MSR_MCG_STATUS, 7);
    refuses(MSR_MCG_STATUS, 8);
    assert_int_equal(read(MSR_MCG_CAP), 0);
    assert_int_equal(read(MSR_DE_CFG), DE_CFG_LFENCE_SERIALIZE);
    assert_int_equal(guest_msr_write(&vcpu, MSR_DE_CFG, 0), 0);
    assert_int_equal(read(MSR_DE_CFG), DE_CFG_LFENCE_SERIALIZE);
    takes(MSR_UCODE_REV, 0);
    refuses(MSR_UCODE_REV, 1);
    refuses(MSR_DEBUGCTL, 1);
    refuses(MSR_INT_PENDING, 1);
    refuses(MSR_SYSCFG, 0);
    refuses(MSR_MTRRCAP, 0);
    assert_int_not_equal(guest_msr_write(&vcpu, MSR_EFER, 1), 0);
}

static void test_apic_registers(void **state)
{
    (void)state;
    for (uint32_t msr = MSR_X2APIC_FIRST; msr <= MSR_X2APIC_LAST; msr++)
        (void)read(msr);
    (void)read(MSR_APIC_BASE);
    (void)read(MSR_TSC_DEADLINE);
    assert_int_equal(apic_count, 256 + 2);
}

static void test_unknown(void **state)
{
    static const uint32_t numbers[] = {
        0x0,        0x48,       0x49,       0x10a,     0x10b, 0x480, 0xc0000080 + 0x40,
        0xc0010114, 0xc0010117, 0x4b564d02, UINT32_MAX};
    uint64_t value;

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(numbers); i++) {
        assert_int_not_equal(guest_msr_read(&vcpu, numbers[i], &value), 0);
        assert_int_not_equal(guest_msr_write(&vcpu, numbers[i], 0), 0);
    }
    assert_int_equal(vcpu.unknown_msr_count, 2 * ARRAY_COUNT(numbers));
    assert_int_equal(log_count, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_variable_mtrrs, setup),
        cmocka_unit_test_setup(test_fixed_mtrrs, setup),
        cmocka_unit_test_setup(test_pat, setup),
        cmocka_unit_test_setup(test_tsc, setup),
        cmocka_unit_test_setup(test_tsc_aux, setup),
        cmocka_unit_test_setup(test_odds, setup),
        cmocka_unit_test_setup(test_apic_registers, setup),
        cmocka_unit_test_setup(test_unknown, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
