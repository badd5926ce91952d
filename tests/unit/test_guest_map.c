/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's address map and the register states a virtual CPU begins with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86/guest_map.h"
#include "arch/x86/start_state.h"
#include "lib/addr.h"

static void test_ranges(void **state)
{
    struct guest_range ranges[GUEST_RAM_RANGES];

    (void)state;
    assert_int_equal(guest_map_ram(MIB, ranges), 2);
    assert_int_equal(ranges[0].size, 0xa0000);
    assert_int_equal(ranges[1].start, 0xc0000);
    assert_int_equal(ranges[1].size, 0x40000);
    assert_int_equal(guest_map_ram(3 * GIB, ranges), 2);
    assert_int_equal(ranges[1].size, 3 * GIB - 0xc0000);
    assert_int_equal(guest_map_ram(3 * GIB + 4096, ranges), 3);
    assert_int_equal(ranges[2].start, 4 * GIB);
    assert_int_equal(ranges[2].size, 4096);
    assert_int_equal(guest_map_low_end(64 * GIB), 3 * GIB);
    assert_int_equal(guest_map_high_end(64 * GIB), 65 * GIB);
    assert_int_equal(guest_map_high_end(GIB), 4 * GIB);
}

static void test_e820(void **state)
{
    static const uint64_t sizes[] = {MIB, MIB + 4096, 512 * MIB, 3 * GIB, 3 * GIB + 4096, 1024 * GIB};
    static const uint32_t counts[] = {3, 4, 4, 4, 5, 5};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct e820_entry e[GUEST_E820_ENTRIES];
        uint32_t count = guest_map_e820(sizes[i], e);

        assert_int_equal(count, counts[i]);
        for (uint32_t k = 0; k < count; k++) {
            assert_true(e[k].size != 0);
            assert_true(k == 0 || e[k].start >= e[k - 1].start + e[k - 1].size);
        }
    }
}

static void test_usable(void **state)
{
    (void)state;
    assert_true(guest_map_is_usable(16 * MIB, 0, 0x9fc00));
    assert_false(guest_map_is_usable(16 * MIB, 0, 0x9fc01));
    assert_false(guest_map_is_usable(16 * MIB, 0x9fc00, 1));
    assert_false(guest_map_is_usable(16 * MIB, 0xf0000, 16));
    assert_true(guest_map_is_usable(16 * MIB, MIB, 15 * MIB));
    assert_false(guest_map_is_usable(16 * MIB, MIB, 15 * MIB + 1));
    assert_false(guest_map_is_usable(16 * MIB, MIB - 1, 2));
    assert_false(guest_map_is_usable(16 * MIB, UINT64_MAX, 2));
    assert_false(guest_map_is_usable(16 * MIB, MIB, UINT64_MAX));
    assert_false(guest_map_is_usable(8 * GIB, 3 * GIB - 1, 2));
    assert_true(guest_map_is_usable(8 * GIB, 4 * GIB, 5 * GIB));
    assert_false(guest_map_is_usable(8 * GIB, 4 * GIB, 5 * GIB + 1));
}

/* Intel SDM vol. 3, table "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT". */
static void test_reset(void **state)
{
    struct x86_start_state s;

    (void)state;
    start_state_reset(&s);
    assert_int_equal(s.cr0, 0x60000010);
    assert_int_equal(s.regs.rflags, 2);
    assert_int_equal(s.regs.rip, 0xfff0);
    assert_int_equal(s.segs[X86_CS].selector, 0xf000);
    assert_int_equal(s.segs[X86_CS].base, 0xffff0000);
    assert_int_equal(s.segs[X86_CS].attr, 0x9b);
    assert_int_equal(s.segs[X86_GS].attr, 0x93);
    assert_int_equal(s.segs[X86_GS].limit, 0xffff);
    assert_int_equal(s.ldtr.attr, 0x82);
    assert_int_equal(s.tr.attr, 0x8b);
    assert_int_equal(s.idt.limit, 0xffff);
    start_state_sipi(&s, 0x9f);
    assert_int_equal(s.segs[X86_CS].selector, 0x9f00);
    assert_int_equal(s.segs[X86_CS].base, 0x9f000);
    assert_int_equal(s.regs.rip, 0);
}

static void test_gdt(void **state)
{
    struct x86_start_state s;
    uint64_t gdt[X86_START_GDT_ENTRIES];

    (void)state;
    start_state_flat32(&s, 0x100000);
    start_state_make_gdt(&s, gdt);
    assert_int_equal(gdt[0], 0);
    assert_int_equal(gdt[1], 0);
    assert_int_equal(gdt[2], 0x00cf9b000000ffff);
    assert_int_equal(gdt[3], 0x00cf93000000ffff);
    s.segs[X86_CS].base = 0x12345678;
    s.segs[X86_CS].attr = 0x9b;
    s.segs[X86_CS].limit = 0xabcde;
    start_state_make_gdt(&s, gdt);
    assert_int_equal(gdt[2], 0x120a9b345678bcde);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges), cmocka_unit_test(test_e820), cmocka_unit_test(test_usable),
        cmocka_unit_test(test_reset),  cmocka_unit_test(test_gdt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
