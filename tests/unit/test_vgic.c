/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual GIC by its parts: delivery through the modelled virtual CPU interface. What the exhaustive
 * model leaves out: 1 of N, SGIs by affinity, more vCPUs, the physical timer, CPUs off, resets.
 */
#include "arch/arm64/gic/vgic_lpi.h"
#include "vgic_fixture.h"

static int setup(void **state)
{
    (void)state;
    start_enabled(2, 4);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return books_balance() ? 0 : -1;
}

static void sgi(unsigned int from, uint64_t value)
{
    vgic_sgi(&cpu[from], value, true);
}

static void test_sgi(void **state)
{
    (void)state;
    make_ready(1, 3, 0x80);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    sgi(0, UINT64_C(3) << 24 | 1u << 1);
    assert_true(kicks[1] != 0);
    assert_int_equal(iar(1), 3);
    sgi(0, UINT64_C(3) << 24 | 1u << 1); /* again, while active: one more */
    sgi(0, UINT64_C(3) << 24 | 1u << 1); /* collapses with it */
    enter(1);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    assert_false(eoi(1, 3));
    assert_int_equal(iar(1), 3);
    assert_false(eoi(1, 3));
    assert_int_equal(iar(1), ICH_SPURIOUS);
    save(1);
    assert_int_equal(cpu[1].books.delivered_count, 2);
    assert_int_equal(cpu[1].books.collapsed_count, 1);
}

/*
 * The same SGI again and again without an exit in between, with each kind of note that another vCPU may have
 * left meanwhile: what the model does not get at, since there a kick ends the guest's stay at once.
 */
static void test_again_with_notes(void **state)
{
    const uint32_t sgis = GICR_SGI_FRAME;

    (void)state;
    make_ready(0, 1, 0x80);
    sgi(1, UINT64_C(1) << 24 | 1);
    assert_int_equal(iar(0), 1);
    assert_false(eoi(0, 1));
    sgi(1, UINT64_C(1) << 24 | 1);
    assert_int_equal(iar(0), 1); /* without a note */
    assert_false(eoi(0, 1));
    sgi(1, UINT64_C(1) << 24 | 1);
    w32(1, gicr(0, sgis + GICD_ISACTIVER), 2); /* active: the new one waits for a clear */
    assert_int_equal(iar(0), ICH_SPURIOUS);
    w32(0, gicr(0, sgis + GICD_ICACTIVER), 2);
    assert_int_equal(iar(0), 1);
    assert_false(eoi(0, 1));
    sgi(1, UINT64_C(1) << 24 | 1);
    w32(1, gicr(0, sgis + GICD_ICENABLER), 2);
    assert_int_equal(iar(0), ICH_SPURIOUS);
    w32(1, gicr(0, sgis + GICD_ISENABLER), 2);
    assert_int_equal(iar(0), 1);
    assert_false(eoi(0, 1));
    sgi(1, UINT64_C(1) << 24 | 1);
    bus_write(&bus, &vcpus[1], gicr(0, sgis + GICD_IPRIORITYR + 1), 1, 0x40);
    enter(0);
    assert_int_equal(field_get(ich[0].lr[0], ICH_LR_PRIORITY), 0x40);
    assert_int_equal(iar(0), 1);
    assert_false(eoi(0, 1));
    save(0);
    assert_int_equal(cpu[0].books.delivered_count, 5);
}

/* The timer fires again, and somebody has made it pending by a register write: the guest gets both. */
static void test_timer_again_beside_a_write(void **state)
{
    (void)state;
    vgic_map_hw(&cpu[0], TIMER, TIMER);
    make_ready(0, TIMER, 0x80);
    vgic_set_ppi(&cpu[0], TIMER, true);
    assert_int_equal(iar(0), TIMER);
    assert_false(eoi(0, TIMER));
    vgic_set_ppi(&cpu[0], TIMER, true);
    w32(1, gicr(0, GICR_SGI_FRAME + GICD_ISPENDR), 1u << TIMER);
    assert_int_equal(iar(0), TIMER);
    vgic_set_ppi(&cpu[0], TIMER, false);
    (void)eoi(0, TIMER);
    save(0);
    assert_false(vgic_hw_is_held(&cpu[0], TIMER));
}

/* 1 of N, and an LPI whose vCPU takes none any more: they do not stay in a list register by the short cut. */
static void test_again_elsewhere(void **state)
{
    (void)state;
    make_ready(0, 40, 0x80);
    w32(0, gicd(GICD_ICFGR + 40 / 16 * 4), 2u << 40 % 16 * 2);
    bus_write(&bus, &vcpus[0], gicd(GICD_IROUTER + 8 * 40), 8, GICD_IROUTER_ANY);
    vgic_set_line(&gic, 40, true);
    assert_int_equal(iar(0), 40);
    assert_false(eoi(0, 40));
    vgic_set_line(&gic, 40, false);
    vgic_set_line(&gic, 40, true);
    w32(1, gicr(0, GICR_CTLR), (uint32_t)GICR_CTLR_DPG1NS); /* refuses such */
    vgic_mark_dirty(&cpu[0]);
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_int_equal(iar(1), 40);
    (void)eoi(1, 40);
    w32(0, gicr(1, GICR_CTLR), (uint32_t)GICR_CTLR_ENABLE_LPIS);
    lpis[3].enabled = true;
    vgic_lpi_target(&gic, 3, 1);
    vgic_lpi_post(&gic, 3);
    assert_int_equal(iar(1), VGIC_LPI_FIRST + 3);
    (void)eoi(1, VGIC_LPI_FIRST + 3);
    vgic_lpi_post(&gic, 3);
    w32(0, gicr(1, GICR_CTLR), 0);
    assert_int_equal(iar(1), ICH_SPURIOUS);
}

static void test_level_is_sampled_again(void **state)
{
    (void)state;
    make_ready(0, 40, 0x80);
    vgic_set_line(&gic, 40, true);
    assert_int_equal(iar(0), 40);
    assert_true(eoi(0, 40)); /* still high: an exit */
    assert_int_equal(iar(0), 40);
    vgic_set_line(&gic, 40, false);
    enter(0);
    assert_false(eoi(0, 40)); /* low: none */
    assert_int_equal(iar(0), ICH_SPURIOUS);
}

static void test_sgi_by_affinity(void **state)
{
    (void)state;
    start_enabled(20, 4);
    for (unsigned int i = 0; i < 20; i++)
        make_ready(i, 1, 0x80);
    sgi(0, UINT64_C(1) << 24 | 1u << 16 | 0xffff); /* Aff1 = 1: vCPUs 16..19 */
    for (unsigned int i = 0; i < 20; i++)
        assert_int_equal(iar(i), i >= 16 ? 1 : ICH_SPURIOUS);
    sgi(3, UINT64_C(1) << 24 | UINT64_C(1) << 40); /* all but self; the last four have it active */
    for (unsigned int i = 0; i < 16; i++)
        assert_int_equal(iar(i), i == 3 ? ICH_SPURIOUS : 1);
    sgi(0, UINT64_C(1) << 24 | UINT64_C(1) << 32 | 0xffff); /* nobody has Aff2 = 1 */
    sgi(0, UINT64_C(1) << 24 | UINT64_C(1) << 44 | 0xffff); /* nobody has Aff0 >= 16 */
    sgi(0, UINT64_C(1) << 24 | 2u << 16 | 0xffff);
    assert_int_equal(cpu[3].books.posted_count, 0);
    assert_int_equal(cpu[0].books.posted_count, 1);
}

static void test_sgi_of_the_other_group(void **state)
{
    (void)state;
    make_ready(1, 3, 0x80);
    vgic_sgi(&cpu[0], UINT64_C(3) << 24 | 2, false);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    w32(1, gicr(1, GICR_SGI_FRAME + GICD_IGROUPR), 0);
    sgi(0, UINT64_C(3) << 24 | 2);
    assert_int_equal(cpu[1].books.posted_count, 0);
    vgic_sgi(&cpu[0], UINT64_C(3) << 24 | 2, false);
    enter(1);
    assert_int_equal(ich_model_acknowledge(&ich[1], true), ICH_SPURIOUS);
    assert_int_equal(ich_model_acknowledge(&ich[1], false), 3);
}

/* Each priority once, posted from the lowest to the highest: delivered the other way round. */
static void test_priorities(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 32; i++) {
        make_ready(0, 32 + i, (uint8_t)(0xf8 - 8 * i));
        vgic_set_line(&gic, 32 + i, true);
    }
    ich[0].mask = 0xff;
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(iar(0), 63 - i);
        vgic_set_line(&gic, 63 - i, false);
        enter(0);
        (void)eoi(0, 63 - i);
        if (ich_model_maintenance(&ich[0]))
            save(0);
    }
    assert_int_equal(iar(0), ICH_SPURIOUS);
}

static void test_timer(void **state)
{
    (void)state;
    vgic_map_hw(&cpu[0], TIMER, TIMER);
    make_ready(0, TIMER, 0x80);
    assert_false(vgic_hw_is_held(&cpu[0], TIMER));
    vgic_set_ppi(&cpu[0], TIMER, true);
    assert_true(vgic_hw_is_held(&cpu[0], TIMER));
    assert_int_equal(iar(0), TIMER);
    assert_false(eoi(0, TIMER)); /* no exit */
    assert_int_equal(ich[0].hw_ended, 1u << TIMER);
    vgic_set_ppi(&cpu[0], TIMER, true); /* still due: the host saw it again, nothing folded yet */
    assert_int_equal(iar(0), TIMER);
    (void)eoi(0, TIMER);
    save(0);
    assert_false(vgic_hw_is_held(&cpu[0], TIMER));
    assert_int_equal(cpu[0].books.delivered_count, 2);
    vgic_set_ppi(&cpu[0], TIMER, true);
    vgic_set_ppi(&cpu[0], TIMER, false); /* the guest has turned it off */
    assert_false(vgic_hw_is_held(&cpu[0], TIMER));
    assert_int_equal(iar(0), ICH_SPURIOUS);
    vgic_set_ppi(&cpu[0], TIMER, true);
    assert_int_equal(iar(0), TIMER);
    w32(0, gicr(0, GICR_SGI_FRAME + GICD_ICACTIVER), 1u << TIMER);
    assert_int_equal(hw_ended[0], 1);
    assert_false(vgic_hw_is_held(&cpu[0], TIMER));
    ich_model_end(&ich[0], true, TIMER);
    save(0);
}

static void route_any(uint32_t intid)
{
    bus_write(&bus, &vcpus[0], gicd(GICD_IROUTER + 8 * intid), 8, GICD_IROUTER_ANY);
}

static void test_any_vcpu(void **state)
{
    struct vgic_cpuif closed = {.vmcr = 0xff000000};

    (void)state;
    make_ready(0, 40, 0x80);
    make_ready(0, 41, 0x80);
    route_any(40);
    route_any(41);
    vgic_set_line(&gic, 40, true);
    vgic_set_line(&gic, 41, true);
    assert_int_equal(iar(1), ICH_SPURIOUS); /* one of them has it, not both */
    for (unsigned int i = 0; i < 2; i++) {
        assert_int_equal(iar(0), 40 + i);
        vgic_set_line(&gic, 40 + i, false);
        (void)eoi(0, 40 + i);
        save(0);
    }
    w32(0, gicr(0, GICR_CTLR), (uint32_t)GICR_CTLR_DPG1NS); /* not to vCPU 0 */
    for (unsigned int i = 0; i < 2; i++) {
        vgic_set_line(&gic, 40 + i, true);
        assert_int_equal(iar(1), 40 + i);
        assert_int_equal(iar(0), ICH_SPURIOUS);
        vgic_set_line(&gic, 40 + i, false);
        (void)eoi(1, 40 + i);
        save(1);
    }
    w32(0, gicr(0, GICR_CTLR), 0);
    assert_true(vgic_block(&cpu[1], &closed)); /* group 1 off there */
    for (unsigned int i = 0; i < 2; i++) {
        vgic_set_line(&gic, 40 + i, true);
        assert_int_equal(iar(0), 40 + i);
        vgic_set_line(&gic, 40 + i, false);
        (void)eoi(0, 40 + i);
        save(0);
    }
}

static void test_any_vcpu_leaves_one_that_goes_off(void **state)
{
    (void)state;
    make_ready(0, 40, 0x80);
    route_any(40);
    vgic_vcpu_off(&cpu[1]);
    vgic_set_line(&gic, 40, true);
    vgic_vcpu_on(&cpu[1]);
    vgic_vcpu_off(&cpu[0]);
    assert_int_equal(iar(0), ICH_SPURIOUS);
    assert_int_equal(iar(1), 40);
    (void)eoi(1, 40);
    save(1);
    vgic_vcpu_off(&cpu[1]); /* nobody left: it waits */
    vgic_vcpu_on(&cpu[0]);
    assert_int_equal(iar(0), 40);
}

static void test_sleep(void **state)
{
    unsigned int before;

    (void)state;
    make_ready(0, 3, 0x80);
    ich[0].mask = 0x80; /* 0x80 does not pass */
    sgi(1, UINT64_C(3) << 24 | 1);
    assert_true(block(0));
    assert_false(vgic_may_run(&cpu[0]));
    before = kicks[0];
    sgi(1, UINT64_C(3) << 24 | 1);
    assert_int_equal(kicks[0], before);
    bus_write(&bus, &vcpus[1], gicr(0, GICR_SGI_FRAME + GICD_IPRIORITYR + 3), 1, 0x40);
    assert_true(kicks[0] > before);
    assert_true(vgic_may_run(&cpu[0]));
    vgic_unblock(&cpu[0]);
    assert_true(vgic_may_run(&cpu[0]));
    assert_false(block(0));
    assert_int_equal(iar(0), 3);
    sgi(1, UINT64_C(3) << 24 | 1); /* the same again: its own handler runs */
    assert_true(block(0));
    vgic_unblock(&cpu[0]);
}

/* Preemption needs a higher group priority; the binary point says how many bits count. */
static void test_sleep_with_binary_point(void **state)
{
    struct vgic_cpuif now = {.vmcr = 3 | 0xf8000000, .apr = {{0}, {1u << 16}}}; /* 0x80 is active */

    (void)state;
    make_ready(0, 3, 0x78);
    sgi(1, UINT64_C(3) << 24 | 1);
    assert_true(vgic_is_deliverable(&cpu[0], &now));
    now.vmcr |= field_make(7, ICH_VMCR_VBPR1); /* only bit 7 counts: 0 < 0x80 */
    assert_true(vgic_is_deliverable(&cpu[0], &now));
    now.apr[1][0] = 1u << 8; /* 0x40 */
    assert_true(vgic_is_deliverable(&cpu[0], &now));
    now.vmcr = (now.vmcr & ~ICH_VMCR_VBPR1) | ICH_VMCR_VCBPR | field_make(6, ICH_VMCR_VBPR0);
    now.apr[1][0] = 1; /* 0 */
    assert_false(vgic_is_deliverable(&cpu[0], &now));
    now.apr[1][0] = 0;
    assert_true(vgic_is_deliverable(&cpu[0], &now));
    now.vmcr &= ~ICH_VMCR_VENG1;
    assert_false(vgic_is_deliverable(&cpu[0], &now));
}

static void test_reset(void **state)
{
    (void)state;
    make_ready(0, 40, 0x80);
    make_ready(0, 3, 0x40);
    vgic_set_line(&gic, 40, true);
    sgi(0, UINT64_C(3) << 24 | 1);
    assert_int_equal(iar(0), 3);
    sgi(0, UINT64_C(3) << 24 | 1);
    save(0);
    bus_reset(&bus);
    assert_true(books_balance());
    assert_int_equal(r32(0, gicd(GICD_CTLR)), 0x50);
    assert_int_equal(r32(0, gicr(0, GICR_SGI_FRAME + GICD_ISACTIVER)), 0);
    assert_int_equal(r32(0, gicd(GICD_ISENABLER + 4)), 0);
    assert_int_equal(r32(0, gicd(GICD_ISPENDR + 4)), 1u << 8); /* the line stands */
    assert_int_equal(atomic_load(&cpu[0].shared_count), 0);
    memset(&ich[0].apr, 0, sizeof(ich[0].apr));
    w32(0, gicd(GICD_CTLR), 3);
    make_ready(0, 40, 0x80);
    assert_int_equal(iar(0), 40);
}

static void test_counts_out_of_range(void **state)
{
    struct vgic_config set = gic.config;
    static struct vgic_vm other;

    (void)state;
    set.spi_count = 33;
    assert_int_equal(vgic_vm_init(&other, &set), E_INVAL);
    set.spi_count = VGIC_MAX_SPIS + 32;
    assert_int_equal(vgic_vm_init(&other, &set), E_INVAL);
    set.spi_count = 32;
    set.vcpu_count = 0;
    assert_int_equal(vgic_vm_init(&other, &set), E_INVAL);
    set.vcpu_count = VGIC_MAX_VCPUS + 1;
    assert_int_equal(vgic_vm_init(&other, &set), E_INVAL);
    set.vcpu_count = 1;
    set.lr_count = 17;
    assert_int_equal(vgic_vm_init(&other, &set), E_INVAL);
    set.lr_count = 0;
    assert_int_equal(vgic_vm_init(&other, &set), E_INVAL);
    vgic_set_line(&gic, 32 + SPIS, true); /* more SPIs than there are */
    vgic_set_line(&gic, 3, true);
    assert_int_equal(gic.books.posted_count, 0);
}

/* A storm of everything, against the books. */
static void test_storm(void **state)
{
    (void)state;
    srand(1);
    for (uint32_t i = 32; i < 96; i++)
        make_ready(0, i, (uint8_t)(i * 8));
    for (uint32_t round = 0; round < 20000; round++) {
        unsigned int c = (unsigned int)rand() % 2;
        uint32_t intid = 32 + (uint32_t)rand() % 64;
        uint32_t got;

        switch (rand() % 8) {
        case 0:
        case 1:
            vgic_set_line(&gic, intid, rand() % 2);
            break;
        case 2:
            w32(c, gicd(GICD_ISENABLER + (uint32_t)rand() % 6 * 0x80 + intid / 32 * 4), 1u << intid % 32);
            break;
        case 3:
            bus_write(&bus, &vcpus[c], gicd(GICD_IROUTER + 8 * intid), 8,
                      rand() % 3 == 0 ? GICD_IROUTER_ANY : (uint64_t)(rand() % 3));
            break;
        case 4:
            bus_write(&bus, &vcpus[c], gicd(GICD_IPRIORITYR + intid), 1, (uint64_t)rand() & 0xff);
            break;
        case 5:
            w32(c, gicd(GICD_ICFGR + intid / 16 * 4), (uint32_t)rand());
            break;
        case 6:
            w32(c, gicd(GICD_CTLR), (uint32_t)rand() % 4);
            break;
        default:
            got = iar(c);
            if (got != ICH_SPURIOUS)
                (void)eoi(c, got);
        }
        if (ich_model_maintenance(&ich[c]))
            save(c);
        assert_true(books_balance());
    }
    assert_true(gic.books.delivered_count > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sgi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_with_notes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_again_beside_a_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level_is_sampled_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sgi_by_affinity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sgi_of_the_other_group, setup, teardown),
        cmocka_unit_test_setup_teardown(test_priorities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_vcpu, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_vcpu_leaves_one_that_goes_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleep_with_binary_point, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counts_out_of_range, setup, teardown),
        cmocka_unit_test_setup_teardown(test_storm, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
