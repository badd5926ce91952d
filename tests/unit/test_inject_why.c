/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Why not delivered?": every blocker is named, with the age of what waits.
 */
#include "core/inject_why.h"
#include "tests/unit/inject_fixture.h"

static struct inject_reason reasons[INJECT_WHY_MAX];

static unsigned why(const struct fixture *f, uint64_t flags, uint64_t now)
{
    struct inject_view view = {.flags = (uint32_t)flags, .irq_vector = f->irq, .rip = f->rip, .now = now};

    if (f->irq != 0 && (flags & INJECT_VIEW_IRQ_TPR) == 0)
        view.flags |= (uint32_t)INJECT_VIEW_IRQ;
    return inject_why(&f->inj, &view, reasons);
}

static void schedule_at(struct fixture *f, uint64_t flags, uint64_t now)
{
    struct inject_view view = {.flags = (uint32_t)flags, .irq_vector = f->irq, .rip = f->rip, .now = now};

    if (f->irq != 0)
        view.flags |= (uint32_t)INJECT_VIEW_IRQ;
    inject_schedule(&f->inj, &view, &f->act);
}

static void nothing_pending(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    assert_int_equal(why(&f, OPEN, 0), 0);
}

static void blockers_of_an_nmi(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    assert_int_equal(why(&f, 0, 5), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_UNSEEN);
    schedule_at(&f, INJECT_VIEW_SHADOW_MOVSS, 100);
    assert_int_equal(why(&f, INJECT_VIEW_SHADOW_MOVSS, 150), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_SHADOW);
    assert_int_equal(reasons[0].age_ns, 50);
    schedule_at(&f, INJECT_VIEW_GIF_CLEAR, 160);
    assert_int_equal(why(&f, INJECT_VIEW_GIF_CLEAR, 170), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_GIF);
    assert_int_equal(reasons[0].age_ns, 70);
    assert_int_equal(why(&f, 0, 170), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_NONE);
    schedule_at(&f, 0, 200);
    leave_plain(&f, 0);
    post_nmis(&f, 1);
    schedule_at(&f, 0, 300);
    assert_int_equal(why(&f, 0, 310), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_NMI_MASK);
    assert_int_equal(reasons[0].age_ns, 10);
    leave_kind(&f, INJECT_EXIT_IRET);
    assert_int_equal(why(&f, 0, 320), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_IRET_STEP);
}

static void hardware_slot_is_named(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    post_nmis(&f, 1);
    schedule_at(&f, 0, 10);
    assert_int_equal(why(&f, INJECT_VIEW_VNMI_PENDING, 20), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_HARDWARE);
    assert_int_equal(why(&f, INJECT_VIEW_VNMI_PENDING | INJECT_VIEW_NMI_MASK, 20), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_NMI_MASK);
}

static void blockers_of_an_interrupt(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x41;
    schedule_at(&f, 0, 1000);
    assert_int_equal(why(&f, 0, 1500), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_IF);
    assert_int_equal(reasons[0].vector, 0x41);
    assert_int_equal(reasons[0].age_ns, 500);
    assert_int_equal(why(&f, OPEN | INJECT_VIEW_SHADOW_STI, 1500), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_SHADOW);
    assert_int_equal(why(&f, OPEN | INJECT_VIEW_SLOT_BUSY, 1500), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_SLOT);
    f.inj.state.windows = INJECT_WIN_TPR;
    assert_int_equal(why(&f, OPEN | INJECT_VIEW_IRQ_TPR, 1500), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_TPR);
}

/* A window that was not asked for is a bug, and is called one. */
static void missing_window_is_called_a_bug(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.inj.state.nmi_pending = 1;
    f.inj.state.nmi_masked = true;
    assert_int_equal(why(&f, 0, 0), 1);
    assert_int_equal(reasons[0].blocker, INJECT_BLOCK_NO_WINDOW);
}

static void all_at_once_and_words(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    f.irq = 0x30;
    schedule_at(&f, OPEN, 1);
    leave_cut(&f, IRQ_CUT(0x30));
    inject_raise(&f.inj, &(struct inject_event){.vector = 13, .type = INJECT_TYPE_EXCEPTION, .flags = 1});
    post_nmis(&f, 2);
    f.irq = 0x31;
    schedule_at(&f, OPEN | INJECT_VIEW_SLOT_BUSY, 2);
    post_nmis(&f, 1);
    assert_int_equal(why(&f, OPEN | INJECT_VIEW_SLOT_BUSY | INJECT_VIEW_VNMI_PENDING, 3), INJECT_WHY_MAX);
    for (unsigned i = 0; i < INJECT_WHY_MAX; i++) {
        assert_non_null(inject_blocker_name((enum inject_blocker)reasons[i].blocker));
        assert_non_null(inject_kind_name((enum inject_kind)reasons[i].kind));
    }
    assert_string_equal(inject_blocker_name(INJECT_BLOCK_IF), "RFLAGS.IF is clear");
    assert_string_equal(inject_blocker_name(INJECT_BLOCK_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_pending),
        cmocka_unit_test(blockers_of_an_nmi),
        cmocka_unit_test(hardware_slot_is_named),
        cmocka_unit_test(blockers_of_an_interrupt),
        cmocka_unit_test(missing_window_is_called_a_bug),
        cmocka_unit_test(all_at_once_and_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
