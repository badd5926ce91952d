/* SPDX-License-Identifier: BSD-2-Clause */
/* Routing of messages against a model that decides per CPU; posting from several threads with the books
 * checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic.h"
#include "irq_fixture.h"
#include "vdev/vioapic.h"

#define VECTOR 0x61

static struct apic_bus bus;
static struct vlapic apic[FIXTURE_VCPUS];

void vioapic_eoi(struct vioapic *io, uint8_t vector)
{
    (void)io;
    (void)vector;
}

static uint64_t guest_tsc(struct vcpu *vcpu)
{
    (void)vcpu;
    return 0;
}

static const struct apic_bus_ops bus_ops = {.guest_tsc = guest_tsc};

static int setup(void **state)
{
    (void)state;
    fixture_reset();
    apic_bus_init(&bus, &bus_ops, &fixture_vm, NS_PER_SEC);
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++) {
        vlapic_init(&apic[i], &bus, &fixture_vcpus[i]);
        vlapic_mmio_write(&apic[i], APIC_SVR, 4, 0x1ff);
    }
    return 0;
}

/* --- The model: who is meant, from the manual's words.
 * ------------------------------------------------------- */

struct target {
    uint32_t id, ldr;
    bool off, soft_off, x2apic, cluster;
};

static struct target targets[FIXTURE_VCPUS];

static bool meant(const struct target *t, uint32_t dest, bool logical)
{
    if (t->off)
        return false;
    if (dest == 0xffffffff)
        return true;
    if (!logical)
        return dest == t->id;
    if (t->x2apic)
        return dest >> 16 == t->id / 16 && (dest >> (t->id % 16) & 1) != 0;
    if (dest > 0xff)
        return false;
    if (!t->cluster) {
        for (int bit = 0; bit < 8; bit++)
            if ((dest >> bit & t->ldr >> bit & 1) != 0)
                return true;
        return false;
    }
    if (dest / 16 != 15 && dest / 16 != t->ldr / 16)
        return false;
    return (dest % 16 & t->ldr % 16) != 0;
}

static void random_targets(void)
{
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++) {
        struct target *t = &targets[i];
        uint32_t r = fixture_random();

        vlapic_reset(&apic[i], false);
        *t = (struct target){.id = i, .off = r % 16 == 0, .soft_off = r % 16 == 1, .x2apic = (r & 0x30) == 0};
        t->cluster = (r & 0x100) != 0;
        t->ldr = t->cluster ? (r >> 9 & 1) << 4 | 1u << (r >> 10 & 3) : 1u << (r >> 10 & 7);
        vlapic_mmio_write(&apic[i], APIC_SVR, 4, t->soft_off ? 0xff : 0x1ff);
        vlapic_mmio_write(&apic[i], APIC_LDR, 4, t->ldr << 24);
        vlapic_mmio_write(&apic[i], APIC_DFR, 4, t->cluster ? 0x0fffffff : 0xffffffff);
        vlapic_set_tpr(&apic[i], (uint8_t)(r >> 24 & 0x30));
        if (t->x2apic)
            assert_int_equal(vlapic_msr_write(&apic[i], MSR_APIC_BASE, 0xfee00c00), 0);
        if (t->off)
            assert_int_equal(vlapic_msr_write(&apic[i], MSR_APIC_BASE, 0xfee00000), 0);
    }
}

/* Bit i: vCPU i got the vector. Takes it away again. */
static uint32_t who_got_it(void)
{
    uint32_t got = 0;

    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++) {
        vlapic_set_tpr(&apic[i], apic[i].tpr);
        vlapic_sync(&apic[i]);
        if (!vlapic_has_request(&apic[i]))
            continue;
        assert_int_equal(apic[i].irr_top, VECTOR);
        got |= 1u << i;
        vlapic_ack(&apic[i], VECTOR);
        vlapic_eoi(&apic[i]);
    }
    return got;
}

static uint32_t random_dest(uint32_t r)
{
    static const uint32_t special[] = {0xff, 0xffffffff, 0xf1, 0xf0, 0x0000ffff, 0x00010003, 0x11, 0};

    return (r & 1) != 0 ? special[r >> 1 & 7] : r >> 1 & 0x1f;
}

static uint32_t expected_set(uint32_t dest, bool logical, bool *lowest_ok)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++)
        if (meant(&targets[i], dest, logical) && !targets[i].soft_off)
            set |= 1u << i;
    *lowest_ok = set != 0;
    return set;
}

static void check_lowest(uint32_t got, uint32_t set)
{
    if (set == 0) {
        assert_int_equal(got, 0);
        return;
    }
    assert_true(got != 0 && (got & (got - 1)) == 0 && (got & ~set) == 0);
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++)
        if ((set & 1u << i) != 0)
            assert_true(apic[i].ppr >= apic[__builtin_ctz(got)].ppr);
}

static void test_messages(void **state)
{
    (void)state;
    for (unsigned int step = 0; step < 100000; step++) {
        uint32_t r = fixture_random();
        struct msi_message m = {.vector = VECTOR, .logical = (r & 1) != 0, .mode = r >> 1 & 1};
        bool any;
        uint32_t set;

        if (step % 16 == 0)
            random_targets();
        m.dest = random_dest(r >> 4) & 0xff;
        set = expected_set(m.dest == 0xff ? 0xffffffff : m.dest, m.logical, &any);
        assert_int_equal(apic_bus_send(&bus, &m), any);
        if (m.mode == MSI_FIXED)
            assert_int_equal(who_got_it(), set);
        else
            check_lowest(who_got_it(), set);
    }
}

static void test_icr(void **state)
{
    (void)state;
    for (unsigned int step = 0; step < 100000; step++) {
        uint32_t r = fixture_random();
        uint32_t from = r & 7, shorthand = r >> 3 & 3, mode = r >> 5 & 1;
        bool logical = (r & 0x40) != 0, any;
        uint32_t dest = random_dest(r >> 8), set;
        uint32_t low = VECTOR | mode << 8 | (logical ? 0x800u : 0) | shorthand << 18;

        if (step % 16 == 0)
            random_targets();
        if (targets[from].off)
            continue;
        if (targets[from].x2apic) {
            assert_int_equal(vlapic_msr_write(&apic[from], 0x830, (uint64_t)dest << 32 | low), 0);
        } else {
            dest &= 0xff;
            vlapic_mmio_write(&apic[from], APIC_ICR_HIGH, 4, dest << 24);
            vlapic_mmio_write(&apic[from], APIC_ICR_LOW, 4, low);
            dest = dest == 0xff ? 0xffffffff : dest;
        }
        set = expected_set(shorthand == APIC_TO_DEST ? dest : 0xffffffff, logical, &any);
        if (shorthand == APIC_TO_SELF)
            set &= 1u << from;
        if (shorthand == APIC_TO_OTHERS)
            set &= ~(1u << from);
        if (mode == MSI_FIXED || shorthand == APIC_TO_SELF)
            assert_int_equal(who_got_it(), set);
        else
            check_lowest(who_got_it(), set);
    }
}

static void icr(uint32_t from, uint32_t dest, uint32_t low)
{
    vlapic_mmio_write(&apic[from], APIC_ICR_HIGH, 4, dest << 24);
    vlapic_mmio_write(&apic[from], APIC_ICR_LOW, 4, low);
    assert_int_equal(vlapic_mmio_read(&apic[from], APIC_ICR_LOW, 4) & BIT(12), 0); /* never pending */
}

/* The start-up sequence of every kernel, also when there is only one CPU to hear it. */
static void test_start_up(void **state)
{
    (void)state;
    icr(0, 0, 0xc4500); /* INIT to all others */
    icr(0, 0, 0xc4608); /* start-up at 0x8000 */
    icr(0, 3, 0x4500);
    icr(0, 3, 0x8500); /* de-assert: nothing */
    for (uint32_t i = 1; i < FIXTURE_VCPUS; i++) {
        uint32_t start = vlapic_take_start(&apic[i]);

        assert_true((fixture_vcpus[i].requests & VCPU_REQ_INIT) != 0);
        assert_int_equal(start, i == 3 ? VLAPIC_START_INIT : VLAPIC_START_INIT | VLAPIC_START_SIPI | 8);
    }
    assert_int_equal(vlapic_take_start(&apic[0]), 0);
    icr(0, 0, 0x84500); /* INIT to all: not allowed */
    icr(0, 0, 0x44608); /* start-up to self: not allowed */
    assert_int_equal(vlapic_take_start(&apic[0]), 0);
    assert_int_equal(vlapic_take_start(&apic[1]), 0);
}

static void test_nmi(void **state)
{
    (void)state;
    icr(0, 5, 0x4400);
    assert_int_equal(fixture_nmis(5), 1);
    vlapic_mmio_write(&apic[5], APIC_SVR, 4, 0xff);
    icr(0, 5, 0x4400); /* also when software-disabled */
    assert_int_equal(fixture_nmis(5), 2);
    icr(0, 0, 0xc4400);
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++)
        assert_int_equal(fixture_nmis(i), i == 0 ? 0 : i == 5 ? 3 : 1);
    icr(0, 0, 0x4400); /* self by number */
    icr(0, 0, 0x44400);
    assert_int_equal(fixture_nmis(0), 2);
    icr(0, 1, 0x4200); /* SMI, reserved, ExtINT: dropped */
    icr(0, 1, 0x4300);
    icr(0, 1, 0x4700);
    assert_int_equal(fixture_nmis(1), 1);
    assert_int_equal(atomic_load(&apic[1].posted.outstanding), 0);
}

static void test_lowest_takes_turns(void **state)
{
    struct msi_message m = {.dest = 0xff, .vector = VECTOR, .mode = MSI_LOWEST};
    uint32_t seen = 0;

    (void)state;
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++) {
        assert_true(apic_bus_send(&bus, &m));
        seen |= who_got_it();
    }
    assert_int_equal(seen, 0xff);
}

/* --- Posting from several threads while the owner takes interrupts
 * ------------------------------------------ */

#define THREADS 3
#define POSTS   200000

static _Atomic unsigned int threads_left;

static void *poster(void *arg)
{
    uint64_t r = 0x9e3779b97f4a7c15u * (uintptr_t)arg;

    for (unsigned int i = 0; i < POSTS; i++) {
        r = r * 6364136223846793005u + 1442695040888963407u;
        (void)vlapic_post(&apic[0], (uint8_t)(16 + (r >> 33) % 240), (r >> 60 & 1) != 0);
    }
    atomic_fetch_sub(&threads_left, 1);
    return NULL;
}

static void take_one(uint64_t *taken)
{
    int vector = vlapic_deliverable(&apic[0]);

    if (vector < 0)
        return;
    vlapic_ack(&apic[0], (uint8_t)vector);
    vlapic_eoi(&apic[0]);
    (*taken)++;
}

static void test_concurrent_posts(void **state)
{
    pthread_t threads[THREADS];
    uint64_t taken = 0;

    (void)state;
    atomic_store(&threads_left, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, poster, (void *)(i + 1)), 0);
    while (atomic_load(&threads_left) != 0)
        take_one(&taken);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    while (vlapic_deliverable(&apic[0]) >= 0)
        take_one(&taken);
    assert_int_equal(apic[0].posted.posted_count, THREADS * POSTS);
    assert_int_equal(apic[0].books.delivered_count, taken);
    assert_int_equal(vlapic_pending_count(&apic[0]), 0); /* nothing is stuck */
    assert_true(vlapic_books_balance(&apic[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_messages, setup),
        cmocka_unit_test_setup(test_icr, setup),
        cmocka_unit_test_setup(test_start_up, setup),
        cmocka_unit_test_setup(test_nmi, setup),
        cmocka_unit_test_setup(test_lowest_takes_turns, setup),
        cmocka_unit_test_setup(test_concurrent_posts, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
