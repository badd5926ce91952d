/* SPDX-License-Identifier: BSD-2-Clause */
/* The scale that guests compute nanoseconds with: right to 2^-31 for every frequency; and where it is
 * written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/pvclock.h"
#include "arch/x86/tsc.h"
#include "arch/x86/x86_vm.h"
#include "core/guest_mem.h"

#define TSC_KHZ   2500000
#define TIME_SIZE 32
#define WALL_SIZE 12

struct cpu *fake_this_cpu;
static uint8_t written[TIME_SIZE];
static uint64_t written_at;
static size_t written_size;
static unsigned int write_count;

uint64_t tsc_khz(void)
{
    return TSC_KHZ;
}

uint64_t board_boot_utc(void)
{
    return 1700000000;
}

int guest_write(struct vm *vm, gpa_t to, const void *from, size_t size)
{
    (void)vm;
    assert_true(size <= sizeof(written));
    memcpy(written, from, size);
    written_at = to.v;
    written_size = size;
    write_count++;
    return 0;
}

/* As a guest does it. */
static uint64_t ns_of(uint64_t ticks, uint32_t mul, int8_t shift)
{
    unsigned __int128 value = ticks;

    value = shift < 0 ? value >> -shift : value << shift;
    return (uint64_t)(value * mul >> 32);
}

static void check_hz(uint64_t hz)
{
    uint32_t mul;
    int8_t shift;
    uint64_t ns;

    pvclock_scale(hz, &mul, &shift);
    /* A day of ticks, where that fits. */
    ns = ns_of(hz * 86400, mul, shift);
    assert_true(mul >= UINT32_C(1) << 31);
    assert_true(ns <= UINT64_C(86400000000000));
    assert_true(UINT64_C(86400000000000) - ns <= UINT64_C(86400000000000) >> 30);
}

static void test_scale(void **state)
{
    const uint64_t edges[] = {1000000000, 999999999, 1000000001, 2000000000, 1999999999, 2000000001,
                              500000000,  499999999, 4000000000, 1000000,    25000000,   8000000000};

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        check_hz(edges[i]);
    for (uint64_t hz = 1000000; hz < 8000000000; hz += hz / 97)
        check_hz(hz);
}

static struct x86_vm *make(struct x86_vcpu *vcpu)
{
    static struct x86_vm vm;

    vm = (struct x86_vm){.tsc_offset = 1000, .start_ns = 2500000000};
    *vcpu = (struct x86_vcpu){.core.vm = &vm.core, .tsc_offset = 1000};
    write_count = 0;
    return &vm;
}

static void test_time_structure(void **state)
{
    static struct x86_vcpu vcpu;
    uint32_t version, mul;
    uint64_t stamp;

    (void)state;
    make(&vcpu);
    pvclock_msr_write(&vcpu, MSR_KVM_SYSTEM_TIME_NEW, 0x5000);
    assert_int_equal(write_count, 0);
    pvclock_msr_write(&vcpu, MSR_KVM_SYSTEM_TIME_NEW, 0x5001);
    assert_int_equal(write_count, 1);
    assert_int_equal(written_at, 0x5000);
    assert_int_equal(written_size, TIME_SIZE);
    memcpy(&version, written, 4);
    memcpy(&mul, written + 24, 4);
    assert_int_equal(version % 2, 0);
    assert_int_equal(ns_of(TSC_KHZ, mul, (int8_t)written[28]), 999999);
    assert_int_equal(written[29], 1);
    assert_int_equal(pvclock_msr_read(&vcpu, MSR_KVM_SYSTEM_TIME_NEW), 0x5001);
    /* A TSC that was moved shows in the time stamp, so that the clock does not move. */
    vcpu.tsc_offset += 777;
    pvclock_tsc_moved(&vcpu);
    memcpy(&stamp, written + 8, 8);
    assert_int_equal(write_count, 2);
    assert_int_equal(stamp, 777);
}

static void test_wall_clock(void **state)
{
    static struct x86_vcpu vcpu;
    uint32_t words[3];

    (void)state;
    make(&vcpu);
    pvclock_msr_write(&vcpu, MSR_KVM_WALL_CLOCK_NEW, 0x6000);
    assert_int_equal(written_at, 0x6000);
    assert_int_equal(written_size, WALL_SIZE);
    memcpy(words, written, sizeof(words));
    assert_int_equal(words[1], 1700000002);
    assert_int_equal(words[2], 500000000);
    assert_int_equal(pvclock_msr_read(&vcpu, MSR_KVM_WALL_CLOCK_NEW), 0x6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_time_structure),
        cmocka_unit_test(test_wall_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
