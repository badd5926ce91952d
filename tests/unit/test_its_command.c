/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands for the host's ITS, against the bits that the GIC architecture specification gives; table sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/arm64/gic/its_command.h"

static void is(struct its_command command, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    assert_int_equal(command.dw[0], a);
    assert_int_equal(command.dw[1], b);
    assert_int_equal(command.dw[2], c);
    assert_int_equal(command.dw[3], d);
}

/* Numbers that differ in each field, and reach into its last bits. */
#define DEVICE     UINT32_C(0x80001234)
#define EVENT      UINT32_C(0x90005678)
#define INTID      UINT32_C(0xa0002222)
#define VPE        UINT32_C(0xbeef)
#define RDBASE     UINT64_C(0x412345678)
#define COLLECTION UINT32_C(0xc0de)
#define DOORBELL   UINT32_C(0xd0003333)

static void test_physical(void **state)
{
    (void)state;
    is(its_mapd(DEVICE, 16, UINT64_C(0x000fedcba9876500)), 0x8000123400000008, 15, 0x800fedcba9876500, 0);
    is(its_mapc(COLLECTION, RDBASE), 9, 0, 0x800412345678c0de, 0);
    is(its_mapti(DEVICE, EVENT, INTID, COLLECTION), 0x800012340000000a, 0xa000222290005678, 0xc0de, 0);
    is(its_movi(DEVICE, EVENT, COLLECTION), 0x8000123400000001, 0x90005678, 0xc0de, 0);
    is(its_event(ITS_CMD_INT, DEVICE, EVENT), 0x8000123400000003, 0x90005678, 0, 0);
    is(its_event(ITS_CMD_CLEAR, DEVICE, EVENT), 0x8000123400000004, 0x90005678, 0, 0);
    is(its_event(ITS_CMD_INV, DEVICE, EVENT), 0x800012340000000c, 0x90005678, 0, 0);
    is(its_event(ITS_CMD_DISCARD, DEVICE, EVENT), 0x800012340000000f, 0x90005678, 0, 0);
    is(its_sync(RDBASE), 5, 0, 0x0004123456780000, 0);
}

static void test_virtual(void **state)
{
    (void)state;
    is(its_vmapp(VPE, RDBASE, UINT64_C(0x000fedcba9870000), 14), 0x29, 0x0000beef00000000, 0x8004123456780000,
       0x000fedcba987000d);
    is(its_vmapti(DEVICE, EVENT, VPE, INTID, DOORBELL), 0x800012340000002a, 0x0000beef90005678,
       0xd0003333a0002222, 0);
    is(its_vmovi(DEVICE, EVENT, VPE, DOORBELL), 0x8000123400000021, 0x0000beef90005678, 0xd000333300000001,
       0);
    is(its_vmovp(VPE, RDBASE, 0x7654, 0x8001), 0x0000765400000022, 0x0000beef00008001, 0x0004123456780000, 0);
    is(its_vsync(VPE), 0x25, 0x0000beef00000000, 0, 0);
    is(its_vinvall(VPE), 0x2d, 0x0000beef00000000, 0, 0);
}

/* What does not fit its field is cut off, and touches no other. */
static void test_fields_hold(void **state)
{
    (void)state;
    is(its_vmapti(0, EVENT, 0xfffff, 0, 0), 0x2a, 0x0000ffff90005678, 0, 0);
    is(its_mapd(0, 33, 0xff), 8, 0, UINT64_C(1) << 63, 0);
    is(its_vmapp(0, 0, 0xffff, 33), 0x29, 0, UINT64_C(1) << 63, 0);
}

static void test_tables(void **state)
{
    (void)state;
    assert_int_equal(its_table_pages(64, 8, 4096), 1);
    assert_int_equal(its_table_pages(1024, 16, 4096), 4);
    assert_int_equal(its_table_pages(1025, 16, 4096), 5);
    assert_int_equal(its_table_pages(1024, 16, 65536), 1);
    assert_int_equal(its_table_pages(UINT64_C(1) << 32, 8, 4096), 256);
    assert_int_equal(its_table_entries(4, 16, 4096), 1024);
    assert_int_equal(its_table_entries(1, 24, 4096), 170); /* none across the end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_physical),
        cmocka_unit_test(test_virtual),
        cmocka_unit_test(test_fields_hold),
        cmocka_unit_test(test_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
