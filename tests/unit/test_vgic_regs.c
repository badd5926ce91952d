/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual GIC's registers: values after reset, writable bits, access sizes, arrays that pass the end, and
 * that anything else reads 0 and changes nothing.
 */
#include "vgic_fixture.h"

static int setup(void **state)
{
    (void)state;
    start(2, 4, SPIS);
    return 0;
}

static uint64_t read(uint64_t at, unsigned int size)
{
    return bus_read(&bus, &vcpus[0], at, size) & bytes_mask(size);
}

static void write(uint64_t at, unsigned int size, uint64_t value)
{
    bus_write(&bus, &vcpus[0], at, size, value);
}

static void test_distributor(void **state)
{
    (void)state;
    assert_int_equal(read(gicd(GICD_CTLR), 4), 0x50); /* ARE, DS */
    write(gicd(GICD_CTLR), 4, 0xffffffff);
    assert_int_equal(read(gicd(GICD_CTLR), 4), 0x53);
    assert_int_equal(read(gicd(GICD_TYPER), 4) & 0x1f, SPIS / 32);
    assert_int_equal(read(gicd(GICD_TYPER), 4) & 0x400, 0); /* one security state */
    assert_int_equal(read(gicd(GIC_PIDR2), 4) >> 4 & 0xf, 3);
    assert_int_equal(read(gicd(GICD_ITARGETSR), 4), 0);
    write(gicd(GICD_IGRPMODR + 4), 4, 0xffffffff);
    assert_int_equal(read(gicd(GICD_IGRPMODR + 4), 4), 0);
}

static void test_bit_arrays(void **state)
{
    static const uint32_t pairs[][2] = {
        {GICD_ISENABLER, GICD_ICENABLER}, {GICD_ISPENDR, GICD_ICPENDR}, {GICD_ISACTIVER, GICD_ICACTIVER}};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(pairs); i++) {
        uint64_t set = gicd(pairs[i][0]), clear = gicd(pairs[i][1]);

        write(set + 4, 4, 0x80000101);
        write(set + 8, 4, 2);
        assert_int_equal(read(set + 4, 4), 0x80000101);
        assert_int_equal(read(clear + 8, 4), 2);
        write(clear + 4, 4, 0x101);
        assert_int_equal(read(set + 4, 4), 0x80000000);
        write(set, 4, 0xffffffff); /* SGIs and PPIs are the redistributor's */
        assert_int_equal(read(set, 4), 0);
        write(set + 12, 4, 0xffffffff); /* no such SPI */
        assert_int_equal(read(set + 12, 4), 0);
        write(set + 4, 1, 0xff); /* wrong size */
        write(set + 4, 2, 0xffff);
        write(set + 0, 8, ~UINT64_C(0));
        assert_int_equal(read(set + 4, 4), 0x80000000);
        assert_int_equal(read(set + 4, 1), 0);
        assert_int_equal(read(set + 6, 4), 0); /* misaligned */

        write(gicr(1, GICR_SGI_FRAME + pairs[i][0]), 4, 0xffff0003);
        assert_int_equal(read(gicr(1, GICR_SGI_FRAME + pairs[i][1]), 4), 0xffff0003);
        assert_int_equal(read(gicr(0, GICR_SGI_FRAME + pairs[i][0]), 4), 0);
        write(gicr(1, GICR_SGI_FRAME + pairs[i][1]), 4, 0xffffffff);
        assert_int_equal(read(gicr(1, GICR_SGI_FRAME + pairs[i][0]), 4), 0);
    }
    write(gicd(GICD_ICPENDR + 4), 4, 0xffffffff);
    write(gicd(GICD_ICPENDR + 8), 4, 0xffffffff);
    assert_true(books_balance());
}

static void test_priority_and_config(void **state)
{
    (void)state;
    write(gicd(GICD_IPRIORITYR + 40), 4, 0xff7f0301);
    assert_int_equal(read(gicd(GICD_IPRIORITYR + 40), 4), 0xf8780000);
    assert_int_equal(read(gicd(GICD_IPRIORITYR + 42), 1), 0x78);
    write(gicd(GICD_IPRIORITYR + 41), 1, 0x20);
    assert_int_equal(read(gicd(GICD_IPRIORITYR + 40), 4), 0xf8782000);
    write(gicd(GICD_IPRIORITYR + 40), 2, 0);
    assert_int_equal(read(gicd(GICD_IPRIORITYR + 40), 4), 0xf8782000);
    write(gicd(GICD_IPRIORITYR + 3), 1, 0x20);
    assert_int_equal(read(gicd(GICD_IPRIORITYR), 4), 0);
    write(gicr(0, GICR_SGI_FRAME + GICD_IPRIORITYR + 31), 1, 0x28);
    assert_int_equal(read(gicr(0, GICR_SGI_FRAME + GICD_IPRIORITYR + 28), 4), 0x28000000);
    assert_int_equal(read(gicr(0, GICR_SGI_FRAME + GICD_IPRIORITYR + 32), 4), 0);

    write(gicd(GICD_ICFGR + 8), 4, 0xffffffff);
    assert_int_equal(read(gicd(GICD_ICFGR + 8), 4), 0xaaaaaaaa);
    assert_int_equal(read(gicr(0, GICR_SGI_FRAME + GICD_ICFGR), 4), 0xaaaaaaaa); /* SGIs are edges */
    write(gicr(0, GICR_SGI_FRAME + GICD_ICFGR + 4), 4, 0xffffffff);
    assert_int_equal(read(gicr(0, GICR_SGI_FRAME + GICD_ICFGR + 4), 4), 0); /* PPIs are levels */
}

static void test_routes(void **state)
{
    (void)state;
    write(gicd(GICD_IROUTER + 8 * 40), 8, ~UINT64_C(0));
    assert_int_equal(read(gicd(GICD_IROUTER + 8 * 40), 8), UINT64_C(0xff80ffffff));
    write(gicd(GICD_IROUTER + 8 * 40), 4, 1);
    assert_int_equal(read(gicd(GICD_IROUTER + 8 * 40), 8), UINT64_C(0xff00000001));
    assert_int_equal(spis[8].target, VGIC_NO_VCPU);
    write(gicd(GICD_IROUTER + 8 * 40 + 4), 4, 0);
    assert_int_equal(spis[8].target, 1);
    assert_int_equal(read(gicd(GICD_IROUTER + 8 * 40 + 4), 4), 0);
    write(gicd(GICD_IROUTER + 8 * 3), 8, 1);
    assert_int_equal(read(gicd(GICD_IROUTER + 8 * 3), 8), 0);
    write(gicd(GICD_IROUTER + 8 * 97), 8, 1);
    assert_int_equal(read(gicd(GICD_IROUTER + 8 * 97), 8), 0);
    write(gicd(GICD_IROUTER + 8 * 40), 2, 0);
    assert_int_equal(read(gicd(GICD_IROUTER + 8 * 40), 8), 1);
}

/* Every register of SPIs that are not modelled, up to INTID 1019 and the reserved ones behind it. */
static void test_spis_beyond(void **state)
{
    static const uint32_t bits[] = {GICD_IGROUPR, GICD_ISENABLER, GICD_ICENABLER, GICD_ISPENDR,
                                    GICD_ICPENDR, GICD_ISACTIVER, GICD_ICACTIVER};

    (void)state;
    for (uint32_t intid = VGIC_PRIVATE + SPIS; intid < 1024; intid++) {
        for (unsigned int i = 0; i < ARRAY_COUNT(bits); i++) {
            write(gicd(bits[i] + intid / 32 * 4), 4, 0xffffffff);
            assert_int_equal(read(gicd(bits[i] + intid / 32 * 4), 4), 0);
        }
        write(gicd(GICD_IPRIORITYR + intid), 1, 0x20);
        assert_int_equal(read(gicd(GICD_IPRIORITYR + intid), 1), 0);
        write(gicd(GICD_ICFGR + intid / 16 * 4), 4, 0xffffffff);
        assert_int_equal(read(gicd(GICD_ICFGR + intid / 16 * 4), 4), 0);
        write(gicd(GICD_IROUTER + 8 * intid), 8, ~UINT64_C(0));
        assert_int_equal(read(gicd(GICD_IROUTER + 8 * intid), 8), 0);
        vgic_set_line(&gic, intid, true);
        assert_null(vgic_find(&gic, &cpu[0], intid));
    }
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_int_equal(gic.books.posted_count, 0);
}

static void test_redistributor(void **state)
{
    (void)state;
    start(20, 4, SPIS);
    for (unsigned int i = 0; i < 20; i++) {
        uint64_t typer = read(gicr(i, GICR_TYPER), 8);

        assert_int_equal(typer >> 32, (i & 15) | (i >> 4) << 8);
        assert_int_equal(typer >> 8 & 0xffff, i);
        assert_int_equal(typer >> 4 & 1, i == 19);
        assert_int_equal(read(gicr(i, GICR_TYPER), 4), typer & 0xffffffff);
        assert_int_equal(read(gicr(i, GICR_TYPER + 4), 4), typer >> 32);
    }
    assert_int_equal(read(gicr(1, GICR_WAKER), 4), 6);
    write(gicr(1, GICR_WAKER), 4, 0);
    assert_int_equal(read(gicr(1, GICR_WAKER), 4), 0);
    assert_int_equal(read(gicr(0, GICR_WAKER), 4), 6);
    write(gicr(1, GICR_WAKER), 4, 0xffffffff);
    assert_int_equal(read(gicr(1, GICR_WAKER), 4), 6);
    assert_int_equal(read(gicr(0, GIC_PIDR2), 4) >> 4 & 0xf, 3);
    assert_int_equal(read(gicr(0, GICR_TYPER), 1), 0);
}

/* Every word of both frames, written with ones: nothing that is not named above keeps anything. */
static void test_the_rest(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < VGIC_DIST_SIZE; at += 4) {
        bool known = at == GICD_CTLR || (at >= GICD_IGROUPR && at < GICD_ITARGETSR) ||
                     (at >= GICD_ICFGR && at < GICD_IGRPMODR) ||
                     (at >= GICD_IROUTER && at < GICD_IROUTER_END);
        uint64_t before = read(gicd(at), 4);

        write(gicd(at), 4, 0xffffffff);
        if (!known)
            assert_int_equal(read(gicd(at), 4), before);
        if (!known && at != GICD_TYPER && at != GICD_IIDR && at != GIC_PIDR2)
            assert_int_equal(before, 0);
    }
    assert_true(books_balance());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_distributor, setup),
        cmocka_unit_test_setup(test_bit_arrays, setup),
        cmocka_unit_test_setup(test_priority_and_config, setup),
        cmocka_unit_test_setup(test_routes, setup),
        cmocka_unit_test_setup(test_spis_beyond, setup),
        cmocka_unit_test_setup(test_redistributor, setup),
        cmocka_unit_test_setup(test_the_rest, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
