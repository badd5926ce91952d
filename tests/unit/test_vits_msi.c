/* SPDX-License-Identifier: BSD-2-Clause */
/* The device that sends messages: what of it arrives as an LPI, and what a guest may write to it. */
#include "arch/arm64/gic/vgic_lpi.h"
#include "arch/arm64/gic/vits_internal.h"
#include "arch/arm64/gic/vits_msi.h"
#include "vgic_fixture.h"

#define BASE UINT64_C(0x0b000000)

static struct vits_msi msi;

static void command(uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t words[] = {a, b, c, 0};

    spin_lock(&gic.lock);
    assert_int_equal(vits_command(&its, words), 0);
    spin_unlock(&gic.lock);
}

/* Event 3 of the device is LPI 7, on vCPU 1. */
static int setup(void **state)
{
    (void)state;
    start_enabled(2, 4);
    memset(&msi, 0, sizeof(msi));
    vits_msi_init(&msi, &its);
    assert_int_equal(bus_register(&bus, BASE, 0x1000, &msi.dev), 0);
    w32(1, gicr(1, GICR_CTLR), (uint32_t)GICR_CTLR_ENABLE_LPIS);
    w32(0, VGIC_ITS_BASE + GITS_CTLR, 1);
    command(ITS_CMD_MAPC, 0, BIT(63) | UINT64_C(1) << 16 | 1);
    command(ITS_CMD_MAPD | (uint64_t)VITS_MSI_DEVICE << 32, 5, BIT(63));
    command(ITS_CMD_MAPTI | (uint64_t)VITS_MSI_DEVICE << 32, 3 | (uint64_t)(VGIC_LPI_FIRST + 7) << 32, 1);
    lpis[7].enabled = true;
    lpis[7].priority = 0x80;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return books_balance() ? 0 : -1;
}

static void test_message(void **state)
{
    (void)state;
    assert_int_equal(r32(0, BASE + VITS_MSI_ID), VITS_MSI_MAGIC);
    assert_int_equal(r32(0, BASE + VITS_MSI_COUNT), VITS_MSI_EVENTS);
    w32(0, BASE + VITS_MSI_RAISE, 3);
    assert_true(kicks[1] != 0);
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_int_equal(iar(1), VGIC_LPI_FIRST + 7);
    (void)eoi(1, VGIC_LPI_FIRST + 7);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    assert_int_equal(r32(0, BASE + VITS_MSI_SENT), 1);
    assert_int_equal(r32(0, BASE + VITS_MSI_DROPPED), 0);
}

/* Another device's event of the same number is not this one's. */
static void test_dropped(void **state)
{
    (void)state;
    command(ITS_CMD_MAPD | UINT64_C(9) << 32, 5, BIT(63));
    command(ITS_CMD_MAPTI | UINT64_C(9) << 32, 4 | (uint64_t)(VGIC_LPI_FIRST + 8) << 32, 1);
    lpis[8].enabled = true;
    w32(0, BASE + VITS_MSI_RAISE, 4);
    w32(0, BASE + VITS_MSI_RAISE, VITS_MSI_EVENTS);
    w32(0, BASE + VITS_MSI_RAISE, UINT32_MAX);
    w32(0, VGIC_ITS_BASE + GITS_CTLR, 0);
    w32(0, BASE + VITS_MSI_RAISE, 3);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    assert_int_equal(r32(0, BASE + VITS_MSI_SENT), 0);
    assert_int_equal(r32(0, BASE + VITS_MSI_DROPPED), 4);
    bus_reset(&bus);
    assert_int_equal(r32(0, BASE + VITS_MSI_DROPPED), 0);
}

/* Every other access to its page: nothing happens. */
static void test_odd_accesses(void **state)
{
    static const unsigned int sizes[] = {1, 2, 4, 8};

    (void)state;
    for (uint64_t at = 0; at < 0x1000; at++)
        for (unsigned int i = 0; i < ARRAY_COUNT(sizes); i++) {
            if (at + sizes[i] > 0x1000 || (at == VITS_MSI_RAISE && sizes[i] == 4))
                continue;
            bus_write(&bus, &vcpus[0], BASE + at, sizes[i], 3);
            if (at > VITS_MSI_DROPPED || sizes[i] != 4 || at % 4 != 0)
                assert_int_equal(bus_read(&bus, &vcpus[0], BASE + at, sizes[i]), 0);
        }
    assert_int_equal(r32(0, BASE + VITS_MSI_RAISE), 0);
    assert_int_equal(msi.sent_count + msi.dropped_count, 0);
    assert_int_equal(iar(1), ICH_SPURIOUS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_odd_accesses, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
