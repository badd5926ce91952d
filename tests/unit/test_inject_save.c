/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saving and restoring event state: what is refused, what survives, in which order it takes effect.
 */
#include "core/inject_save.h"
#include "lib/error.h"
#include "tests/unit/inject_fixture.h"

static struct inject_events get(struct fixture *f, uint64_t flags)
{
    struct inject_view view = {.flags = (uint32_t)flags, .rip = f->rip};
    struct inject_events events;

    inject_events_get(&f->inj, &view, &events);
    assert_true(inject_books_balance(&f->inj));
    return events;
}

static void counts_are_true_counts(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    post_nmis(&f, 1);
    schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
    leave_plain(&f, INJECT_VIEW_SHADOW_MOVSS | INJECT_VIEW_VNMI_PENDING);
    post_nmis(&f, 3); /* not yet seen */
    assert_int_equal(get(&f, INJECT_VIEW_SHADOW_MOVSS | INJECT_VIEW_VNMI_PENDING).nmi_pending, 2);
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_FULL], 2);

    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_plain(&f, 0);
    post_nmis(&f, 2);
    assert_int_equal(get(&f, 0).nmi_pending, 1);
    assert_true(get(&f, 0).nmi_masked);
}

static void pending_ones_meet_the_restored_mask(void **state)
{
    static const enum inject_way_id ways[] = {INJECT_WAY_SLOT, INJECT_WAY_IRET, INJECT_WAY_WINDOW,
                                              INJECT_WAY_SOFT};
    struct inject_events events = {.nmi_pending = 1, .nmi_masked = true};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct fixture f;

        start(&f, ways[i], 0);
        post_nmis(&f, 2); /* of the life before: gone */
        assert_int_equal(inject_events_set(&f.inj, &events), 0);
        post_nmis(&f, 1);
        schedule(&f,
                 ways[i] == INJECT_WAY_SLOT ? INJECT_VIEW_VNMI_PENDING : 0); /* stale contents of the slot */
        expect_nothing(&f);
        assert_int_equal(f.inj.state.nmi_pending + f.inj.state.vnmi_handed, 1);
        if (ways[i] == INJECT_WAY_SLOT)
            assert_int_equal(f.act.flags, INJECT_DO_MASK_SET | INJECT_DO_CLEAR_VNMI | INJECT_DO_SET_VNMI);
        if (ways[i] == INJECT_WAY_WINDOW)
            assert_int_equal(f.act.flags, INJECT_DO_MASK_SET);
        if (ways[i] == INJECT_WAY_IRET)
            assert_int_equal(f.act.windows, INJECT_WIN_IRET);
    }
}

static void everything_returns(void **state)
{
    struct fixture f, g;
    uint8_t bytes[INJECT_EVENTS_BYTES];
    struct inject_events events, loaded;

    (void)state;
    start(&f, INJECT_WAY_IRET, INJECT_CAP_SOFT_REINJECT);
    f.irq = 0x91;
    schedule(&f, OPEN);
    leave_cut(&f, IRQ_CUT(0x91));
    inject_raise(&f.inj, &(struct inject_event){.vector = 14,
                                                .type = INJECT_TYPE_EXCEPTION,
                                                .flags = INJECT_EVENT_VALID | INJECT_EVENT_HAS_ERROR,
                                                .error = 7,
                                                .payload = 0x123456789abc});
    post_nmis(&f, 2);
    events = get(&f, OPEN);
    inject_events_store(&events, bytes);
    assert_int_equal(inject_events_load(&loaded, bytes, sizeof(bytes)), 0);
    start(&g, INJECT_WAY_WINDOW, 0); /* another way, the same guest */
    assert_int_equal(inject_events_set(&g.inj, &loaded), 0);
    assert_true(inject_books_balance(&g.inj));
    schedule(&g, OPEN);
    expect_event(&g, INJECT_TYPE_EXCEPTION, 14);
    assert_int_equal(g.act.event.error, 7);
    assert_int_equal(g.act.event.payload, 0x123456789abc);
    assert_int_equal(g.inj.state.nmi_pending, 2);
    leave_plain(&g, 0);
    schedule(&g, OPEN);
    expect_event(&g, INJECT_TYPE_IRQ, 0x91);
    assert_int_equal(g.act.flags, 0); /* acknowledged before it was saved */
}

static void scheduled_but_not_entered(void **state)
{
    struct fixture f;
    struct inject_events events;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_kind(&f, INJECT_EXIT_ENTRY_FAILED);
    events = get(&f, 0);
    assert_true(events.nmi_injected);
    assert_int_equal(events.nmi_pending, 0);
    assert_int_equal(inject_events_check(&events), 0);
}

static void impossible_states_are_refused(void **state)
{
    static const struct {
        struct inject_events events;
        int error;
    } cases[] = {
        {{.nmi_pending = 3}, E_RANGE},
        {{.nmi_pending = 255}, E_RANGE},
        {{.nmi_pending = 2, .nmi_masked = true}, E_RANGE},
        {{.nmi_pending = 2, .nmi_injected = true}, E_RANGE},
        {{.nmi_injected = true, .nmi_masked = true}, E_INVAL},
        {{.shadow = (uint32_t)INJECT_VIEW_SHADOW}, E_INVAL},
        {{.shadow = 1}, E_INVAL},
        {{.irq_vector = 5}, E_INVAL},
        {{.exception_cut = true}, E_INVAL},
        {{.exception = {.vector = 2, .type = INJECT_TYPE_EXCEPTION, .flags = 1}}, E_INVAL},
        {{.exception = {.vector = 32, .type = INJECT_TYPE_EXCEPTION, .flags = 1}}, E_INVAL},
        {{.exception = {.vector = 6, .type = INJECT_TYPE_EXCEPTION, .flags = 3}}, E_INVAL},
        {{.exception = {.vector = 6, .type = INJECT_TYPE_NMI, .flags = 1}}, E_INVAL},
        {{.exception = {.vector = 6, .type = 7, .flags = 1, .insn_len = 2}}, E_INVAL},
        {{.exception = {.vector = 6, .type = INJECT_TYPE_SOFT_INT, .flags = 1}}, E_INVAL},
        {{.exception = {.vector = 6, .type = INJECT_TYPE_SOFT_INT, .flags = 1, .insn_len = 16}}, E_INVAL},
        {{.exception = {.vector = 6, .type = INJECT_TYPE_EXCEPTION, .flags = 5}}, E_INVAL},
        {{.nmi_pending = 2}, 0},
        {{.exception = {.vector = 13, .type = INJECT_TYPE_EXCEPTION, .flags = 3}}, 0},
        {{.exception = {.vector = 0x80, .type = INJECT_TYPE_SOFT_INT, .flags = 1, .insn_len = 2}}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct inject before;

        start(&f, INJECT_WAY_IRET, 0);
        post_nmis(&f, 1);
        before = f.inj;
        assert_int_equal(inject_events_set(&f.inj, &cases[i].events), cases[i].error);
        if (cases[i].error != 0)
            assert_memory_equal(&f.inj, &before, sizeof(before));
    }
}

static void bytes_are_checked(void **state)
{
    const struct inject_events events = {.nmi_pending = 1};
    struct inject_events out = {.nmi_pending = 77};
    uint8_t good[INJECT_EVENTS_BYTES], bad[INJECT_EVENTS_BYTES];

    (void)state;
    inject_events_store(&events, good);
    for (size_t size = 0; size < sizeof(good); size++)
        assert_int_equal(inject_events_load(&out, good, size), E_TRUNCATED);
    memcpy(bad, good, sizeof(bad));
    bad[0] ^= 1;
    assert_int_equal(inject_events_load(&out, bad, sizeof(bad)), E_INVAL);
    memcpy(bad, good, sizeof(bad));
    bad[4]++;
    assert_int_equal(inject_events_load(&out, bad, sizeof(bad)), E_NOTSUP);
    memcpy(bad, good, sizeof(bad));
    bad[6]++;
    assert_int_equal(inject_events_load(&out, bad, sizeof(bad)), E_INVAL);
    memcpy(bad, good, sizeof(bad));
    bad[9] = 255;
    assert_int_equal(inject_events_load(&out, bad, sizeof(bad)), E_RANGE);
    memcpy(bad, good, sizeof(bad));
    bad[11] = 3;
    assert_int_equal(inject_events_load(&out, bad, sizeof(bad)), E_INVAL);
    memcpy(bad, good, sizeof(bad));
    bad[8] = 0x80;
    assert_int_equal(inject_events_load(&out, bad, sizeof(bad)), E_INVAL);
    assert_int_equal(out.nmi_pending, 77); /* untouched by failures */
    assert_int_equal(inject_events_load(&out, good, sizeof(good)), 0);
    assert_int_equal(out.nmi_pending, 1);
}

/* Random bytes are either refused or a state that comes back as the same bytes. */
static void random_bytes_round_trip(void **state)
{
    uint8_t bytes[INJECT_EVENTS_BYTES], again[INJECT_EVENTS_BYTES];
    const struct inject_events empty = {0};
    unsigned accepted = 0;
    uint32_t random = 1;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        struct inject_events events;

        inject_events_store(&empty, bytes);
        for (unsigned k = 0; k < 4; k++) {
            random = random * 1664525 + 1013904223;
            bytes[8 + (random >> 8) % 12] = (uint8_t)(random >> 24 & (k == 0 ? 0xff : 0x0f));
        }
        if (inject_events_load(&events, bytes, sizeof(bytes)) != 0)
            continue;
        accepted++;
        inject_events_store(&events, again);
        assert_memory_equal(bytes, again, sizeof(bytes));
    }
    assert_true(accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_true_counts),
        cmocka_unit_test(pending_ones_meet_the_restored_mask),
        cmocka_unit_test(everything_returns),
        cmocka_unit_test(scheduled_but_not_entered),
        cmocka_unit_test(impossible_states_are_refused),
        cmocka_unit_test(bytes_are_checked),
        cmocka_unit_test(random_bytes_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
