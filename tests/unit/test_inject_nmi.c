/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs in the scheduler: acceptance, collapse, order against other events, the window asked for, each way.
 */
#include "tests/unit/inject_fixture.h"

static void nothing_pending_costs_nothing(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    assert_false(inject_has_work(&f.inj));
    assert_false(inject_exit_has_work(&f.inj, false));
    assert_true(inject_exit_has_work(&f.inj, true));
    assert_true(inject_post_nmi(&f.inj.posted));
    assert_false(inject_post_nmi(&f.inj.posted));
    assert_true(inject_has_work(&f.inj));
}

static void two_at_once_the_rest_collapses(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 5);
    schedule(&f, 0);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
    assert_int_equal(f.inj.state.nmi_pending, 1);
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_FULL], 3);
}

static void while_masked_one_waits(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_plain(&f, 0);
    post_nmis(&f, 2);
    schedule(&f, 0);
    expect_nothing(&f);
    assert_int_equal(f.inj.state.nmi_pending, 1);
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_MASKED], 1);
}

static void while_in_flight_one_waits(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_cut(&f, NMI_CUT);
    post_nmis(&f, 2);
    schedule(&f, 0);
    EXPECT_NMI(&f);
    assert_int_equal(f.inj.state.nmi_pending, 1);
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_INFLIGHT], 1);
    assert_int_equal(f.inj.books.redone[INJECT_KIND_NMI], 1);
}

static void cut_short_is_not_masked(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_cut(&f, NMI_CUT);
    assert_false(inject_nmi_masked(&f.inj.state, false));

    start(&f, INJECT_WAY_WINDOW, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_cut(&f, NMI_CUT);
    schedule(&f, INJECT_VIEW_NMI_MASK); /* the processor had blocked already */
    EXPECT_NMI(&f);
    assert_int_equal(f.act.flags, INJECT_DO_MASK_CLEAR);
}

static void scheduling_twice_keeps_the_choice(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x30);
    assert_int_equal(f.act.flags, INJECT_DO_ACK_IRQ);
    post_nmis(&f, 1);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x30);
    assert_int_equal(f.act.flags, 0);
    assert_int_equal(f.act.windows, INJECT_WIN_NOW);
    leave_plain(&f, 0);
    schedule(&f, 0);
    EXPECT_NMI(&f);
}

static void never_waits_for_if(void **state)
{
    static const enum inject_way_id ways[] = {INJECT_WAY_SLOT, INJECT_WAY_IRET, INJECT_WAY_WINDOW,
                                              INJECT_WAY_SOFT};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct fixture f;

        start(&f, ways[i], 0);
        post_nmis(&f, 2);
        schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
        expect_nothing(&f);
        assert_false(f.act.windows & INJECT_WIN_IRQ);
        start(&f, ways[i], 0);
        post_nmis(&f, 2);
        schedule(&f, INJECT_VIEW_SLOT_BUSY);
        expect_nothing(&f);
        assert_false(f.act.windows & INJECT_WIN_IRQ);
        assert_int_not_equal(f.act.windows, 0);
    }
}

static void in_sti_shadow_where_the_manual_allows(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_WINDOW, INJECT_CAP_NMI_IN_STI);
    post_nmis(&f, 1);
    schedule(&f, OPEN | INJECT_VIEW_SHADOW_STI);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.flags, INJECT_DO_CLEAR_STI);

    start(&f, INJECT_WAY_WINDOW, 0);
    post_nmis(&f, 1);
    schedule(&f, OPEN | INJECT_VIEW_SHADOW_STI);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_NMI);
}

static void before_interrupt_which_gets_a_window(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    post_nmis(&f, 1);
    schedule(&f, OPEN);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_IRQ | INJECT_WIN_IRET);
    assert_int_equal(f.irq, 0x30);
}

static void gif_clear_asks_for_gif(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    post_nmis(&f, 1);
    schedule(&f, OPEN | INJECT_VIEW_GIF_CLEAR);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_GIF);
}

static void hardware_slot_takes_one_without_an_exit(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    expect_nothing(&f);
    assert_int_equal(f.act.flags, INJECT_DO_SET_VNMI);
    assert_int_equal(f.act.windows, 0);
    assert_false(inject_has_work(&f.inj));
    leave_plain(&f, INJECT_VIEW_NMI_MASK);
    assert_int_equal(f.inj.books.delivered[INJECT_KIND_NMI], 1);
}

static void hardware_slot_and_entry_slot_for_two(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    post_nmis(&f, 3);
    schedule(&f, 0);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.flags, INJECT_DO_SET_VNMI);
    assert_int_equal(f.act.windows, 0);
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_FULL], 1);
    leave_plain(&f, INJECT_VIEW_NMI_MASK | INJECT_VIEW_VNMI_PENDING);
    post_nmis(&f, 1);
    schedule(&f, INJECT_VIEW_NMI_MASK | INJECT_VIEW_VNMI_PENDING);
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_HW_SLOT], 1);
}

static void hardware_slot_full_in_a_shadow_waits_for_iret(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    post_nmis(&f, 2);
    schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
    expect_nothing(&f);
    assert_int_equal(f.act.flags, INJECT_DO_SET_VNMI);
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_IRET, .flags = (uint32_t)INJECT_VIEW_NMI_MASK});
    schedule(&f, INJECT_VIEW_NMI_MASK);
    assert_int_equal(f.act.flags, INJECT_DO_SET_VNMI);
    assert_int_equal(f.act.windows, 0);
}

static void hardware_slot_delivery_cut_short(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_cut(&f, NMI_CUT); /* slot seen empty, interrupted delivery says NMI */
    schedule(&f, INJECT_VIEW_NMI_MASK);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.flags, INJECT_DO_MASK_CLEAR);
}

static void nmi_window_and_mask_of_the_hardware(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_WINDOW, 0);
    post_nmis(&f, 1);
    schedule(&f, INJECT_VIEW_NMI_MASK);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_NMI);
    leave_kind(&f, INJECT_EXIT_NMI_WINDOW);
    schedule(&f, 0);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.windows, 0);
}

static void unblocked_iret_that_runs_again_blocks_again(void **state)
{
    struct fixture f;
    struct inject_event fault = inject_event_exception_error(INJECT_VEC_GP, 0);

    (void)state;
    start(&f, INJECT_WAY_WINDOW, 0);
    leave(&f, (struct inject_exit){.flags = (uint32_t)INJECT_EXIT_NMI_UNBLOCKED});
    schedule(&f, 0);
    assert_int_equal(f.act.flags, INJECT_DO_MASK_SET);
    leave(&f, (struct inject_exit){.flags = (uint32_t)INJECT_EXIT_NMI_UNBLOCKED});
    inject_raise(&f.inj, &fault); /* delivered to the guest: stays open */
    schedule(&f, 0);
    assert_int_equal(f.act.flags, 0);
}

static void enter_soft_handler(struct fixture *f)
{
    start(f, INJECT_WAY_SOFT, 0);
    post_nmis(f, 1);
    schedule(f, 0);
    EXPECT_NMI(f);
    leave_plain(f, 0);
    assert_true(inject_nmi_masked(&f->inj.state, false));
    post_nmis(f, 1);
    schedule(f, 0);
    expect_nothing(f);
    assert_int_equal(f->act.windows, INJECT_WIN_IRQ);
}

static void soft_way_opens_with_interrupts(void **state)
{
    struct fixture f;

    (void)state;
    enter_soft_handler(&f);
    leave_plain(&f, OPEN | INJECT_VIEW_SHADOW_STI);
    assert_true(inject_nmi_masked(&f.inj.state, false));
    leave_plain(&f, OPEN);
    schedule(&f, OPEN);
    EXPECT_NMI(&f);
}

static void soft_way_opens_after_a_second_of_guest_time(void **state)
{
    struct fixture f;

    (void)state;
    enter_soft_handler(&f);
    leave(&f, (struct inject_exit){.guest_ns = 1000000000});
    schedule(&f, 0);
    expect_nothing(&f);
    leave(&f, (struct inject_exit){.guest_ns = 1});
    schedule(&f, 0);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.flags, INJECT_DO_WARN_SOFT);
    assert_int_equal(f.inj.books.soft_forced, 1);
    leave(&f, (struct inject_exit){.guest_ns = 1000000000});
    assert_int_equal(f.inj.state.blocked_ns, 1000000000);
}

static void reset_drops_and_opens(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    post_nmis(&f, 2);
    schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
    post_nmis(&f, 1);
    inject_reset(&f.inj);
    assert_true(inject_books_balance(&f.inj));
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_RESET], 3);
    schedule(&f, INJECT_VIEW_NMI_MASK | INJECT_VIEW_VNMI_PENDING);
    assert_int_equal(f.act.flags, INJECT_DO_MASK_CLEAR | INJECT_DO_CLEAR_VNMI);
    expect_nothing(&f);
}

/* INIT takes what was posted before it, wherever it is by then, and nothing that was posted after it. */
static void init_parts_before_from_after(void **state)
{
    struct fixture f;

    (void)state;
    for (uint32_t accepted = 0; accepted < 2; accepted++) {
        start(&f, INJECT_WAY_IRET, 0);
        post_nmis(&f, 2);
        if (accepted != 0)
            schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
        post_nmis(&f, 1);
        inject_post_init(&f.inj.posted);
        post_nmis(&f, 1);
        inject_post_init(&f.inj.posted); /* a second one before the first was looked at */
        post_nmis(&f, 1);
        inject_init_taken(&f.inj);
        assert_int_equal(f.inj.books.dropped[INJECT_KIND_NMI][INJECT_DROP_RESET], 4);
        assert_true(inject_has_work(&f.inj));
        schedule(&f, 0);
        EXPECT_NMI(&f);
        leave(&f, (struct inject_exit){.kind = INJECT_EXIT_OTHER});
        assert_true(inject_books_balance(&f.inj));
        assert_int_equal(f.inj.books.posted[INJECT_KIND_NMI], 5);
    }
}

static void wakes_for_what_can_be_delivered(void **state)
{
    struct fixture f;
    struct inject_view view = {0};

    (void)state;
    start(&f, INJECT_WAY_SLOT, 0);
    assert_false(inject_wakes(&f.inj, &view));
    view.flags = INJECT_VIEW_VNMI_PENDING;
    assert_true(inject_wakes(&f.inj, &view));
    view.flags = INJECT_VIEW_VNMI_PENDING | INJECT_VIEW_NMI_MASK;
    assert_false(inject_wakes(&f.inj, &view));
    view.flags = INJECT_VIEW_IRQ;
    assert_false(inject_wakes(&f.inj, &view));
    view.flags = INJECT_VIEW_IRQ | OPEN;
    assert_true(inject_wakes(&f.inj, &view));
    view.flags = 0;
    post_nmis(&f, 1);
    assert_true(inject_wakes(&f.inj, &view));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_pending_costs_nothing),
        cmocka_unit_test(two_at_once_the_rest_collapses),
        cmocka_unit_test(while_masked_one_waits),
        cmocka_unit_test(while_in_flight_one_waits),
        cmocka_unit_test(cut_short_is_not_masked),
        cmocka_unit_test(scheduling_twice_keeps_the_choice),
        cmocka_unit_test(never_waits_for_if),
        cmocka_unit_test(in_sti_shadow_where_the_manual_allows),
        cmocka_unit_test(before_interrupt_which_gets_a_window),
        cmocka_unit_test(gif_clear_asks_for_gif),
        cmocka_unit_test(hardware_slot_takes_one_without_an_exit),
        cmocka_unit_test(hardware_slot_and_entry_slot_for_two),
        cmocka_unit_test(hardware_slot_full_in_a_shadow_waits_for_iret),
        cmocka_unit_test(hardware_slot_delivery_cut_short),
        cmocka_unit_test(nmi_window_and_mask_of_the_hardware),
        cmocka_unit_test(unblocked_iret_that_runs_again_blocks_again),
        cmocka_unit_test(soft_way_opens_with_interrupts),
        cmocka_unit_test(soft_way_opens_after_a_second_of_guest_time),
        cmocka_unit_test(reset_drops_and_opens),
        cmocka_unit_test(init_parts_before_from_after),
        cmocka_unit_test(wakes_for_what_can_be_delivered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
