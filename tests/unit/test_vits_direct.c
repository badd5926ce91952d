/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's ITS commands and registers ask of hardware that delivers LPIs, and what happens when it
 * stops doing so. The hardware is a record of the last state it was told.
 */
#include "vits_fixture.h"

static struct {
    uint8_t route[LPIS];
    uint8_t value[LPIS]; /* priority, and bit 0: enabled */
    unsigned int posted[LPIS], cleared[LPIS];
    unsigned int route_count, settle_count, sleep_count, wake_count;
    bool changed; /* and not settled */
    bool broken;
    bool has_pending;
} hw;

static bool hw_route(struct vgic_vm *vgic, uint32_t index, uint8_t from, uint8_t to)
{
    assert_ptr_equal(vgic, &gic);
    assert_int_equal(hw.route[index], from);
    hw.route[index] = to;
    hw.route_count++;
    return !hw.broken;
}

static bool hw_post(struct vgic_vm *vgic, uint32_t index)
{
    (void)vgic;
    assert_int_not_equal(hw.route[index], VGIC_NO_VCPU);
    hw.posted[index] += !hw.broken;
    return !hw.broken;
}

static void hw_clear(struct vgic_vm *vgic, uint32_t index)
{
    (void)vgic;
    assert_int_not_equal(hw.route[index], VGIC_NO_VCPU);
    hw.cleared[index]++;
}

static void hw_configure(struct vgic_vm *vgic, uint32_t index, uint8_t priority, bool enabled)
{
    (void)vgic;
    assert_int_not_equal(lpis[index].target, VGIC_NO_VCPU); /* there is nobody to be told of it */
    hw.changed = hw.changed || hw.value[index] != (priority | (enabled ? 1 : 0));
    hw.value[index] = (uint8_t)(priority | (enabled ? 1 : 0));
}

static void hw_settle(struct vgic_vm *vgic)
{
    (void)vgic;
    hw.changed = false;
    hw.settle_count++;
}

static bool hw_sleep(struct vgic_vcpu *v)
{
    assert_true(v->parked);
    hw.sleep_count++;
    return hw.has_pending;
}

static void hw_wake(struct vgic_vcpu *v)
{
    assert_false(v->parked);
    hw.wake_count++;
}

static const struct vgic_direct_ops hw_ops = {.route = hw_route,
                                              .post = hw_post,
                                              .clear = hw_clear,
                                              .configure = hw_configure,
                                              .settle = hw_settle,
                                              .sleep = hw_sleep,
                                              .wake = hw_wake};

static int setup_direct(void **state)
{
    memset(&hw, 0, sizeof(hw));
    memset(hw.route, VGIC_NO_VCPU, sizeof(hw.route));
    fixture_direct = &hw_ops;
    return setup(state);
}

static int teardown_direct(void **state)
{
    return hw.changed ? -1 : teardown(state);
}

/* Sent without a kick, and nothing of it in the books. */
static void test_sent(void **state)
{
    uint64_t posted = gic.books.posted_count;
    unsigned int kicked;

    (void)state;
    assert_true(mapti(3, LPI(5), 1));
    assert_int_equal(hw.route[5], 1);
    assert_int_equal(hw.value[5], 0x81);
    kicked = kicks[1];
    assert_true(vits_message(&its, DEVICE, 3));
    assert_true(simple(ITS_CMD_INT, 3));
    assert_int_equal(hw.posted[5], 2);
    assert_int_equal(gic.direct_count, 2);
    assert_int_equal(kicks[1], kicked);
    assert_int_equal(gic.books.posted_count, posted);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    assert_true(simple(ITS_CMD_CLEAR, 3));
    assert_int_equal(hw.cleared[5], 1);
}

static void test_moves(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(mapti(1, LPI(1), 0));
    assert_true(command(ITS_CMD_MOVI, 0, 1));
    assert_int_equal(hw.route[0], 1);
    assert_int_equal(hw.route[1], 0);
    assert_true(mapc(0, 1));
    assert_int_equal(hw.route[1], 1);
    assert_true(mapc(0, 0));
    queue(ITS_CMD_MOVALL, 0, UINT64_C(0) << 16, UINT64_C(1) << 16);
    assert_true(run());
    assert_int_equal(hw.route[1], 1); /* whatever is pending, which only the hardware knows */
    assert_true(vits_message(&its, DEVICE, 1));
    assert_int_equal(hw.route[1], 0); /* ... and the next one where its collection says */
    assert_true(simple(ITS_CMD_DISCARD, 1));
    assert_int_equal(hw.route[1], VGIC_NO_VCPU);
    assert_true(command(ITS_CMD_MAPD, 4, 0));
    assert_int_equal(hw.route[0], VGIC_NO_VCPU);
}

/* Every switch that there is between the guest and an LPI goes into the one that hardware has. */
static void test_switches(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    set_config(0, 0x40);
    assert_int_equal(hw.value[0], 0x81);
    assert_true(simple(ITS_CMD_INV, 0));
    assert_int_equal(hw.value[0], 0x40);
    set_config(0, 0x48 | ENABLED);
    assert_true(command(ITS_CMD_INVALL, 0, 0));
    assert_int_equal(hw.value[0], 0x49);
    w32(0, gicd(GICD_CTLR), 1);
    assert_int_equal(hw.value[0], 0x48);
    w32(0, gicd(GICD_CTLR), 3);
    assert_int_equal(hw.value[0], 0x49);
    w32(0, gicr(0, GICR_CTLR), 0);
    assert_int_equal(hw.value[0], 0x48);
    assert_true(vits_message(&its, DEVICE, 0)); /* waits in the hardware */
    w32(0, gicr(0, GICR_CTLR), 1);
    assert_int_equal(hw.value[0], 0x49);
    assert_int_equal(hw.posted[0], 1);
}

/* One that came while its collection led nowhere becomes the hardware's. */
static void test_handed_over(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 5));
    assert_true(vits_message(&its, DEVICE, 0));
    assert_int_equal(hw.posted[0], 0);
    assert_true(mapc(5, 1));
    assert_int_equal(hw.route[0], 1);
    assert_int_equal(hw.posted[0], 1);
    assert_int_equal(iar(1), ICH_SPURIOUS);
}

static void test_sleep(void **state)
{
    (void)state;
    assert_true(block(0));
    assert_int_equal(hw.sleep_count, 1);
    vgic_unblock(&cpu[0]);
    assert_int_equal(hw.wake_count, 1);
    hw.has_pending = true;
    assert_false(block(0));
    vgic_unblock(&cpu[0]);
    assert_int_equal(hw.wake_count, 2);
    make_ready(0, 1, 0x80);
    vgic_sgi(&cpu[1], UINT64_C(1) << 24 | 1, true);
    assert_false(block(0)); /* no need to ask */
    assert_int_equal(hw.sleep_count, 2);
    vgic_unblock(&cpu[0]);
    take(0, 1);
}

static void test_reset(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(mapti(1, LPI(1), 1));
    bus_reset(&bus);
    assert_int_equal(hw.route[0], VGIC_NO_VCPU);
    assert_int_equal(hw.route[1], VGIC_NO_VCPU);
}

/* A restart finds a vCPU asleep: it must not be taken for one that still is. */
static void test_turned_on_again(void **state)
{
    (void)state;
    assert_true(block(0));
    vgic_vcpu_off(&cpu[0]);
    vgic_vcpu_on(&cpu[0]);
    assert_false(cpu[0].parked);
}

/* The host's ITS has stopped: from here on by list registers, and none is lost that came after it. */
static void test_breaks(void **state)
{
    (void)state;
    assert_true(mapti(0, LPI(0), 0));
    assert_true(mapti(1, LPI(1), 0));
    hw.broken = true;
    assert_true(vits_message(&its, DEVICE, 0));
    take(0, LPI(0));
    assert_true(command(ITS_CMD_MOVI, 1, 1));
    assert_true(vits_message(&its, DEVICE, 1));
    take(1, LPI(1));
    assert_true(mapti(2, LPI(2), 0));
    assert_true(vits_message(&its, DEVICE, 2));
    take(0, LPI(2));
    assert_int_equal(gic.direct_count, 0);
}

/* Many events in one collection: a guest that moves it to and fro does not keep its CPU in one exit. */
static void test_in_pieces(void **state)
{
    unsigned int before;

    (void)state;
    for (uint32_t i = 0; i < LPIS; i++)
        assert_true(mapti(i, LPI(i), 0));
    before = hw.route_count;
    for (uint32_t i = 0; i < 60; i++)
        queue(ITS_CMD_MAPC, 0, MAPPED | (uint64_t)((i + 1) % 2) << 16, 0);
    w64(its_at(GITS_CWRITER), place * 32);
    assert_in_range(hw.route_count - before, 32, 64 + 32);
    while (r64(its_at(GITS_CREADR)) != place * 32)
        ;
    assert_int_equal(hw.route_count - before, 60 * LPIS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sent, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_moves, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_switches, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_handed_over, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_sleep, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_reset, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_turned_on_again, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_breaks, setup_direct, teardown_direct),
        cmocka_unit_test_setup_teardown(test_in_pieces, setup_direct, teardown_direct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
