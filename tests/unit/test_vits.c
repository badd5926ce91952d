/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's ITS: every command, with good and bad arguments, LPIs through list registers, the command
 * queue's limits, tables that are full, resets.
 */
#include "vits_fixture.h"

static void test_registers(void **state)
{
    (void)state;
    assert_int_equal(r32(0, gicd(GICD_TYPER)) >> 17 & 1, 1);
    assert_int_equal(r32(0, gicd(GICD_TYPER)) >> 11 & 0x1f, 4); /* 32 LPIs */
    assert_int_equal(r64(gicr(0, GICR_TYPER)) & 1, 1);
    assert_int_equal(r32(0, gicr(0, GICR_CTLR)) & 1, 1);
    w64(gicr(0, GICR_PROPBASER), 0); /* not while enabled */
    assert_int_equal(r64(gicr(0, GICR_PROPBASER)), PROP | 13);
    assert_int_equal(r64(gicr(0, GICR_PENDBASER)), PEND);
    assert_int_equal(r64(its_at(GITS_TYPER)) & 1, 1);
    assert_int_equal(r64(its_at(GITS_TYPER)) >> 19 & 1, 0); /* vCPUs by number */
    assert_int_equal(r32(0, its_at(GITS_CTLR)), 0x80000001);
    w64(its_at(GITS_BASER), ~UINT64_C(0)); /* not while enabled */
    assert_int_equal(r64(its_at(GITS_BASER)) >> 63, 0);
    w64(its_at(GITS_CBASER), 0);
    assert_int_equal(r64(its_at(GITS_CBASER)) >> 63, 1);
    w32(0, its_at(GITS_CTLR), 0);
    w64(its_at(GITS_BASER), ~UINT64_C(0));
    assert_int_equal(r64(its_at(GITS_BASER)) >> 56 & 7, GITS_BASER_DEVICES);
    assert_int_equal(r64(its_at(GITS_BASER + 8)) >> 56 & 7, GITS_BASER_COLLECTIONS);
    assert_int_equal(r64(its_at(GITS_BASER + 16)), 0);
    w64(its_at(GITS_CBASER), ~UINT64_C(0));
    assert_int_equal(r64(its_at(GITS_CREADR)), 0);
    assert_int_equal(bus_read(&bus, &vcpus[0], its_at(GITS_CTLR), 1), 0);
}

static void test_event(void **state)
{
    (void)state;
    assert_true(mapti(3, LPI(5), 1));
    assert_true(vits_message(&its, DEVICE, 3));
    assert_true(vits_message(&its, DEVICE, 3)); /* collapses */
    assert_int_equal(iar(0), ICH_SPURIOUS);
    take(1, LPI(5));
    assert_int_equal(iar(1), ICH_SPURIOUS);
    assert_false(vits_message(&its, DEVICE, 4));
    assert_false(vits_message(&its, DEVICE + 1, 3));
    assert_true(simple(ITS_CMD_INT, 3));
    take(1, LPI(5));
    save(1);
    assert_int_equal(gic.books.delivered_count, 2);
    assert_int_equal(gic.books.collapsed_count, 1);
    assert_true(command(ITS_CMD_MAPI, LPI(6) & 31, 0) == false); /* event 6 is no LPI's INTID */
}

static void test_again_in_its_handler(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(vits_message(&its, DEVICE, 0));
    assert_int_equal(iar(0), LPI(0));
    assert_true(vits_message(&its, DEVICE, 0));
    enter(0);
    assert_int_equal(iar(0), ICH_SPURIOUS); /* its priority is still active */
    (void)eoi(0, LPI(0));
    take(0, LPI(0));
    assert_int_equal(iar(0), ICH_SPURIOUS);
}

static void test_priority_and_enable(void **state)
{
    (void)state;
    set_config(1, 0x40 | ENABLED);
    set_config(2, 0x20);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(mapti(i, LPI(i), 0));
        assert_true(vits_message(&its, DEVICE, i));
    }
    assert_int_equal(iar(0), LPI(1));
    (void)eoi(0, LPI(1));
    take(0, LPI(0));
    assert_int_equal(iar(0), ICH_SPURIOUS);
    set_config(2, 0x20 | ENABLED);
    assert_int_equal(iar(0), ICH_SPURIOUS); /* the ITS has not been told */
    assert_true(simple(ITS_CMD_INV, 2));
    take(0, LPI(2));
    set_config(0, 0);
    assert_true(command(ITS_CMD_INVALL, 0, 0));
    assert_true(vits_message(&its, DEVICE, 0));
    assert_int_equal(iar(0), ICH_SPURIOUS);
    set_config(0, ENABLED);
    assert_true(command(ITS_CMD_INVALL, 0, 1)); /* the other collection */
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_true(command(ITS_CMD_INVALL, 0, 0));
    take(0, LPI(0));
}

static void test_moves(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(mapti(1, LPI(1), 0));
    assert_true(vits_message(&its, DEVICE, 0));
    enter(0); /* in its list register */
    assert_true(command(ITS_CMD_MOVI, 0, 1));
    assert_int_equal(iar(0), ICH_SPURIOUS);
    take(1, LPI(0));
    assert_true(vits_message(&its, DEVICE, 1));
    queue(ITS_CMD_MOVALL, 0, 0, UINT64_C(1) << 16);
    assert_true(run());
    take(1, LPI(1));
    assert_true(vits_message(&its, DEVICE, 1)); /* its collection is where it was */
    assert_true(kicks[1] != 0);                 /* the list register that had it is looked at first */
    enter(1);
    take(0, LPI(1));
    assert_true(mapc(0, 1));
    assert_true(vits_message(&its, DEVICE, 1));
    enter(0);
    take(1, LPI(1));
    assert_true(command(ITS_CMD_MAPC, 0, 0)); /* unmapped */
    assert_true(vits_message(&its, DEVICE, 1));
    assert_int_equal(iar(1), ICH_SPURIOUS);
    assert_true(mapc(0, 0));
    take(0, LPI(1));
}

static void test_clear_and_discard(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(vits_message(&its, DEVICE, 0));
    assert_true(simple(ITS_CMD_CLEAR, 0));
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_true(vits_message(&its, DEVICE, 0));
    assert_true(simple(ITS_CMD_DISCARD, 0));
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_false(vits_message(&its, DEVICE, 0));
    assert_false(simple(ITS_CMD_DISCARD, 0));
    assert_false(simple(ITS_CMD_INT, 0));
    assert_true(mapti(0, LPI(0), 0)); /* nothing left of it */
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_true(vits_message(&its, DEVICE, 0));
    enter(0);
    assert_true(command(ITS_CMD_MAPD, 0, 0)); /* the device goes, with all its events */
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_false(mapti(0, LPI(0), 0));
}

static void test_bad_arguments(void **state)
{
    (void)state;
    assert_false(command(ITS_CMD_MAPD, 16, MAPPED)); /* 17 event bits */
    assert_false(mapc(0, 2));                        /* vCPU */
    assert_false(mapc(VITS_MAX_COLLECTIONS, 0));
    assert_false(mapti(32, LPI(0), 0)); /* five event bits */
    assert_false(mapti(0, LPI(LPIS), 0));
    assert_false(mapti(0, 40, 0));
    assert_false(mapti(0, LPI(0), VITS_MAX_COLLECTIONS));
    assert_true(mapti(0, LPI(0), 0));
    assert_false(mapti(1, LPI(0), 0)); /* the LPI is taken */
    assert_false(command(ITS_CMD_MOVI, 0, VITS_MAX_COLLECTIONS));
    assert_false(command(ITS_CMD_MOVI, 0, 2)); /* not mapped */
    assert_false(command(ITS_CMD_INVALL, 0, 2));
    queue(ITS_CMD_MOVALL, 0, 0, UINT64_C(2) << 16);
    assert_false(run());
    assert_false(command(0xff, 0, 0));
    assert_false(command(0, 0, 0));
    queue(ITS_CMD_MAPD | UINT64_C(0x10000) << 32, 4, MAPPED, 0); /* 17 device bits */
    assert_false(run());
    assert_true(command(ITS_CMD_SYNC, 0, 0));
}

static void test_full_tables(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LPIS; i++)
        assert_true(mapti(i, LPI(i), 0));
    assert_true(simple(ITS_CMD_DISCARD, 9));
    assert_true(mapti(9, LPI(9), 1));
    for (uint32_t i = 0; i < VITS_MAX_DEVICES - 1; i++) {
        queue(ITS_CMD_MAPD | (uint64_t)(100 + i) << 32, 4, MAPPED, 0);
        assert_true(run());
    }
    queue(ITS_CMD_MAPD | UINT64_C(99) << 32, 4, MAPPED, 0);
    assert_false(run());
    for (uint32_t i = 0; i < LPIS; i++)
        assert_true(vits_message(&its, DEVICE, i));
    for (uint32_t i = 0; i < LPIS - 1; i++) {
        uint32_t got = iar(0);

        assert_true(got >= LPI(0) && got < LPI(LPIS) && got != LPI(9));
        (void)eoi(0, got);
        if (ich_model_maintenance(&ich[0]))
            save(0);
    }
    assert_int_equal(iar(0), ICH_SPURIOUS);
    take(1, LPI(9));
}

/* A long queue is worked off in pieces, as the guest looks. */
static void test_queue_in_pieces(void **state)
{
    uint64_t before = its.command_count;

    (void)state;
    for (uint32_t i = 0; i < PLACES - 1; i++)
        queue(ITS_CMD_SYNC, 0, 0, 0);
    w64(its_at(GITS_CWRITER), place * 32);
    assert_int_equal(its.command_count, before + VITS_COMMANDS_AT_ONCE);
    assert_int_equal(r32(0, its_at(GITS_CTLR)) >> 31, 0);
    (void)r64(its_at(GITS_CREADR));
    assert_int_equal(its.command_count, before + PLACES - 1);
    w64(its_at(GITS_CWRITER), 4096); /* beyond the queue */
    assert_int_equal(r64(its_at(GITS_CWRITER)), place * 32);
    w32(0, its_at(GITS_CTLR), 0);
    w64(its_at(GITS_CBASER), GITS_CBASER_VALID | 0x1000); /* no RAM */
    w32(0, its_at(GITS_CTLR), 1);
    place = 4;
    assert_false(run());
    assert_int_equal(its.error_count, 4);
}

static void test_pending_table(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(mapti(1, LPI(11), 0));
    assert_true(vits_message(&its, DEVICE, 0));
    w32(0, gicr(0, GICR_CTLR), 0);
    assert_int_equal(iar(0), ICH_SPURIOUS);             /* kept, not delivered */
    memory[PEND - MEMORY + VGIC_LPI_FIRST / 8 + 1] = 8; /* LPI 11 */
    w64(gicr(0, GICR_PENDBASER), PEND);
    w32(0, gicr(0, GICR_CTLR), 1);
    assert_int_equal(iar(0), LPI(0));
    (void)eoi(0, LPI(0));
    take(0, LPI(11));
}

static void test_sleeper(void **state)
{
    unsigned int before;

    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(block(0));
    before = kicks[0];
    assert_true(vits_message(&its, DEVICE, 0));
    assert_true(kicks[0] > before);
    vgic_unblock(&cpu[0]);
    take(0, LPI(0));
}

static void test_reset(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(vits_message(&its, DEVICE, 0));
    bus_reset(&bus);
    assert_false(vits_message(&its, DEVICE, 0));
    assert_int_equal(r32(0, its_at(GITS_CTLR)), 0x80000000);
    assert_int_equal(atomic_load(&cpu[0].shared_count), 0);
    assert_int_equal(lpis[0].target, VGIC_NO_VCPU);
    assert_true(books_balance());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_in_its_handler, setup, teardown),
        cmocka_unit_test_setup_teardown(test_priority_and_enable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clear_and_discard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pending_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleeper, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
