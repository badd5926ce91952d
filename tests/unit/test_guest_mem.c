/* SPDX-License-Identifier: BSD-2-Clause */
/* core/guest_mem: bounds, wrap-around, slots that touch and slots that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/guest_mem.h"
#include "core/pmem.h"
#include "core/vm.h"
#include "lib/error.h"

struct cpu *fake_this_cpu;

static uint8_t low[2 * 4096] __attribute__((aligned(4096)));
static uint8_t next[4096] __attribute__((aligned(4096)));
static uint8_t high[4096] __attribute__((aligned(4096)));
static struct vm vm;

/* [0, 8K) and [8K, 12K) touch, [64K, 68K) stands alone, the last page of the address space too. */
static int setup(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    memset(low, 0, sizeof(low));
    memset(next, 0, sizeof(next));
    memset(high, 0, sizeof(high));
    assert_int_equal(guest_mem_add(&vm.mem, gpa(0x10000), 4096, ptr_to_hpa(high)), 0);
    assert_int_equal(guest_mem_add(&vm.mem, gpa(0), 8192, ptr_to_hpa(low)), 0);
    assert_int_equal(guest_mem_add(&vm.mem, gpa(8192), 4096, ptr_to_hpa(next)), 0);
    return 0;
}

static void test_add(void **state)
{
    struct guest_mem mem = {0};

    (void)state;
    assert_int_equal(guest_mem_add(&mem, gpa(1), 4096, hpa(0)), E_INVAL);
    assert_int_equal(guest_mem_add(&mem, gpa(0), 4095, hpa(0)), E_INVAL);
    assert_int_equal(guest_mem_add(&mem, gpa(0), 4096, hpa(12)), E_INVAL);
    assert_int_equal(guest_mem_add(&mem, gpa(0), 0, hpa(0)), E_INVAL);
    assert_int_equal(guest_mem_add(&mem, gpa(UINT64_MAX - 4095), 8192, hpa(0)), E_INVAL);
    assert_int_equal(guest_mem_add(&mem, gpa(UINT64_MAX - 4095), 4096, hpa(0)), 0);
    assert_int_equal(guest_mem_add(&mem, gpa(UINT64_MAX - 4095), 4096, hpa(0)), E_OVERLAP);
    assert_int_equal(guest_mem_add(&mem, gpa(0x4000), 0x4000, hpa(0)), 0);
    assert_int_equal(guest_mem_add(&mem, gpa(0x7000), 0x4000, hpa(0)), E_OVERLAP);
    assert_int_equal(guest_mem_add(&mem, gpa(0x1000), 0x4000, hpa(0)), E_OVERLAP);
    assert_int_equal(guest_mem_add(&mem, gpa(0), 0x10000, hpa(0)), E_OVERLAP);
    for (uint64_t i = mem.slot_count; i < GUEST_MAX_SLOTS; i++)
        assert_int_equal(guest_mem_add(&mem, gpa(0x100000 - i * 0x1000), 0x1000, hpa(0)), 0);
    assert_int_equal(guest_mem_add(&mem, gpa(0x200000), 0x1000, hpa(0)), E_NOMEM);
    for (uint32_t i = 1; i < mem.slot_count; i++)
        assert_true(mem.slots[i - 1].start.v < mem.slots[i].start.v);
}

static bool oracle(uint64_t at, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        uint64_t b = at + i;

        if (b < at || !(b < 12288 || (b >= 0x10000 && b < 0x11000)))
            return false;
    }
    return true;
}

static void test_bounds(void **state)
{
    static const uint64_t edges[] = {0, 4096, 8192, 12288, 0x10000, 0x11000, UINT64_MAX};
    static const size_t sizes[] = {0, 1, 2, 8, 4096, 8192, 12288, 12289};

    (void)state;
    for (size_t e = 0; e < ARRAY_COUNT(edges); e++) {
        for (int64_t d = -9; d <= 9; d++) {
            for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
                uint64_t at = edges[e] + (uint64_t)d;
                size_t size = sizes[s];
                uint8_t *buffer = malloc(size + 1);
                int want = oracle(at, size) ? 0 : E_FAULT;

                memset(buffer, 0x5a, size + 1);
                assert_int_equal(guest_write(&vm, gpa(at), buffer, size), want);
                memset(buffer, 0, size + 1);
                assert_int_equal(guest_read(&vm, gpa(at), buffer, size), want);
                for (size_t i = 0; i < size; i++)
                    assert_int_equal(buffer[i], want == 0 ? 0x5a : 0);
                assert_int_equal(guest_fill(&vm, gpa(at), 0, size), want);
                free(buffer);
            }
        }
    }
    assert_int_equal(guest_read(&vm, gpa(0), low, SIZE_MAX), E_FAULT);
    assert_int_equal(guest_fill(&vm, gpa(1), 0, SIZE_MAX), E_FAULT);
}

static void test_span(void **state)
{
    uint8_t in[16], out[16];

    (void)state;
    for (uint8_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i + 1);
    assert_int_equal(guest_write(&vm, gpa(8192 - 8), in, sizeof(in)), 0);
    assert_memory_equal(low + 8184, in, 8);
    assert_memory_equal(next, in + 8, 8);
    assert_int_equal(guest_read(&vm, gpa(8192 - 8), out, sizeof(out)), 0);
    assert_memory_equal(in, out, sizeof(in));
    /* Nothing is written when the end is missing. */
    memset(next, 0, sizeof(next));
    assert_int_equal(guest_write(&vm, gpa(12288 - 8), in, sizeof(in)), E_FAULT);
    assert_int_equal(next[4088], 0);
}

static void test_ptr(void **state)
{
    (void)state;
    assert_ptr_equal(guest_ptr(&vm, gpa(0x10010), 16), high + 16);
    assert_ptr_equal(guest_ptr(&vm, gpa(0x10000), 4096), high);
    assert_null(guest_ptr(&vm, gpa(0x10000), 4097));
    assert_null(guest_ptr(&vm, gpa(8190), 4));
    assert_null(guest_ptr(&vm, gpa(0x20000), 0));
    assert_null(guest_ptr(&vm, gpa(UINT64_MAX), 2));
}

static void test_cmpxchg(void **state)
{
    uint64_t e64 = 0;
    uint32_t e32 = 7;

    (void)state;
    assert_int_equal(guest_cmpxchg64(&vm, gpa(8), &e64, 0x1122334455667788), 0);
    assert_int_equal(guest_cmpxchg64(&vm, gpa(8), &e64, 1), E_BUSY);
    assert_true(e64 == 0x1122334455667788);
    assert_int_equal(guest_cmpxchg64(&vm, gpa(12), &e64, 1), E_INVAL);
    assert_int_equal(guest_cmpxchg64(&vm, gpa(12288), &e64, 1), E_FAULT);
    assert_int_equal(guest_cmpxchg32(&vm, gpa(12), &e32, 1), E_BUSY);
    assert_int_equal(e32, 0x11223344);
    assert_int_equal(guest_cmpxchg32(&vm, gpa(12), &e32, 1), 0);
    assert_int_equal(guest_cmpxchg32(&vm, gpa(13), &e32, 1), E_INVAL);
    assert_int_equal(guest_cmpxchg32(&vm, gpa(UINT64_MAX - 3), &e32, 1), E_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test_setup(test_bounds, setup),
        cmocka_unit_test_setup(test_span, setup),
        cmocka_unit_test_setup(test_ptr, setup),
        cmocka_unit_test_setup(test_cmpxchg, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
