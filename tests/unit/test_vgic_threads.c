/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual GIC's locks: two owners that fold, fill and acknowledge on threads of their own, two posters
 * with lines, SGIs and routes that move SPIs between them. Whatever was posted is delivered or collapsed in
 * the end, and an owner that is not dirty has nothing to deliver.
 */
#include <pthread.h>
#include <sched.h>

#include "vgic_fixture.h"

#define ROUNDS 100000u

static _Atomic unsigned int posters;

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void *post(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint32_t intid = 32 + next(&seed) % 8;

        switch (next(&seed) % 4) {
        case 0:
            vgic_sgi(&cpu[next(&seed) % 2], UINT64_C(3) << 24 | 3, true);
            break;
        case 1:
            gic.dist.ops->write(&gic.dist, &vcpus[0], GICD_IROUTER + 8 * intid, 8, next(&seed) % 2);
            break;
        default:
            vgic_set_line(&gic, intid, next(&seed) % 2 != 0);
        }
        if (i % 64 == 0)
            sched_yield();
    }
    (void)atomic_fetch_sub(&posters, 1);
    return NULL;
}

/* One stay in the guest: everything that the list registers have is taken and ended. */
static void visit(unsigned int i)
{
    uint32_t intid;

    enter(i);
    while ((intid = ich_model_acknowledge(&ich[i], true)) != ICH_SPURIOUS)
        ich_model_end(&ich[i], true, intid);
    if (ich_model_maintenance(&ich[i]))
        save(i);
}

static void *own(void *argument)
{
    unsigned int i = (unsigned int)(uintptr_t)argument;

    while (atomic_load(&posters) != 0) {
        visit(i);
        sched_yield();
    }
    return NULL;
}

/* Levels that stand come again for ever: lines low first. */
static void drain(void)
{
    for (uint32_t intid = 32; intid < 40; intid++)
        vgic_set_line(&gic, intid, false);
    for (unsigned int round = 0; round < 100; round++)
        for (unsigned int i = 0; i < 2; i++)
            visit(i);
    save(0);
    save(1);
}

static void test_storm(void **state)
{
    pthread_t threads[4];

    (void)state;
    start_enabled(2, 2);
    make_ready(0, 3, 0x80);
    make_ready(1, 3, 0x80);
    for (uint32_t intid = 32; intid < 40; intid++)
        make_ready(0, intid, (uint8_t)(intid * 8));
    w32(0, gicd(GICD_ICFGR + 8), 0xaaaa0000 >> 16); /* edges */
    atomic_store(&posters, 2);
    for (uintptr_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, own, (void *)i), 0);
        assert_int_equal(pthread_create(&threads[2 + i], NULL, post, (void *)(i + 1)), 0);
    }
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    drain();
    assert_true(books_balance());
    for (unsigned int i = 0; i < 2; i++) {
        assert_int_equal(events_waiting(&cpu[i].irqs[3]), 0);
        assert_int_equal(atomic_load(&cpu[i].shared_count), 0);
        assert_true(cpu[i].books.delivered_count > 0);
    }
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(events_waiting(&spis[i]), 0);
    assert_int_equal(gic.books.posted_count,
                     gic.books.delivered_count + gic.books.collapsed_count + gic.books.withdrawn_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_storm)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
