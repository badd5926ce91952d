/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions, software events and interrupts in the scheduler: interrupted deliveries, double and triple
 * faults, interrupt windows.
 */
#include "tests/unit/inject_fixture.h"

static struct inject_event cut_exception(uint8_t vector)
{
    struct inject_event event = inject_event_exception(vector);

    return event;
}

static void raise_exception(struct fixture *f, uint8_t vector)
{
    struct inject_event event = inject_event_exception(vector);

    inject_raise(&f->inj, &event);
    assert_true(inject_books_balance(&f->inj));
}

static void new_exception_goes_first(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    post_nmis(&f, 1);
    raise_exception(&f, INJECT_VEC_UD);
    assert_true(inject_has_work(&f.inj));
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_UD);
    assert_int_equal(f.act.windows, INJECT_WIN_NOW | INJECT_WIN_IRQ);
    leave_plain(&f, 0);
    schedule(&f, 0);
    EXPECT_NMI(&f);
}

static void every_cut_type_is_redone(void **state)
{
    static const struct inject_event cuts[] = {
        {.type = INJECT_TYPE_IRQ, .vector = 0x55},
        {.type = INJECT_TYPE_NMI, .vector = 2},
        {.type = INJECT_TYPE_EXCEPTION, .vector = 14, .flags = INJECT_EVENT_HAS_ERROR, .error = 7},
        {.type = INJECT_TYPE_SOFT_INT, .vector = 0x80, .insn_len = 2},
        {.type = INJECT_TYPE_PRIV_SOFT_EXC, .vector = 1, .insn_len = 1},
        {.type = INJECT_TYPE_SOFT_EXC, .vector = 3, .insn_len = 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct fixture f;

        start(&f, INJECT_WAY_IRET, INJECT_CAP_SOFT_REINJECT);
        leave_cut(&f, cuts[i]);
        post_nmis(&f, 1); /* whatever else is pending */
        f.irq = 0x77;
        schedule(&f, OPEN);
        expect_event(&f, cuts[i].type, cuts[i].vector);
        assert_int_equal(f.act.event.insn_len, cuts[i].insn_len);
        assert_int_equal(f.act.event.error, cuts[i].error);
        assert_int_equal(f.act.event.payload, 0);
    }
}

static void soft_event_executes_again_without_the_ability(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    leave_cut(&f, (struct inject_event){.type = INJECT_TYPE_SOFT_INT, .vector = 0x80});
    schedule(&f, OPEN);
    expect_nothing(&f);
    assert_int_equal(f.inj.books.dropped[INJECT_KIND_EXCEPTION][INJECT_DROP_REPLACED], 1);
}

static void payload_is_written_once(void **state)
{
    struct fixture f;
    struct inject_event fault = inject_event_exception_error(INJECT_VEC_PF, 2);

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    fault.payload = 0xdead000;
    inject_raise(&f.inj, &fault);
    schedule(&f, 0);
    assert_int_equal(f.act.event.payload, 0xdead000);
    leave_cut(&f, inject_event_exception_error(INJECT_VEC_PF, 2));
    schedule(&f, 0);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_PF);
    assert_int_equal(f.act.event.payload, 0);
    assert_int_equal(f.inj.books.posted[INJECT_KIND_EXCEPTION], 1);
}

/* What the guest gets when `second` is raised while `first` is being delivered: vector, 0xff: shutdown. */
static uint8_t meeting(uint8_t first, uint8_t second)
{
    struct fixture f;

    start(&f, INJECT_WAY_IRET, 0);
    leave_cut(&f, cut_exception(first));
    raise_exception(&f, second);
    schedule(&f, 0);
    if ((f.act.flags & INJECT_DO_SHUTDOWN) != 0) {
        expect_nothing(&f);
        return 0xff;
    }
    assert_true(inject_event_valid(&f.act.event));
    return f.act.event.vector;
}

static void contributory_exceptions(void **state)
{
    (void)state;
    assert_int_equal(meeting(INJECT_VEC_GP, INJECT_VEC_NP), INJECT_VEC_DF);
    assert_int_equal(meeting(INJECT_VEC_GP, INJECT_VEC_PF), INJECT_VEC_PF);
    assert_int_equal(meeting(INJECT_VEC_PF, INJECT_VEC_PF), INJECT_VEC_DF);
    assert_int_equal(meeting(INJECT_VEC_PF, INJECT_VEC_GP), INJECT_VEC_DF);
    assert_int_equal(meeting(INJECT_VEC_PF, INJECT_VEC_DB), INJECT_VEC_DB);
    assert_int_equal(meeting(INJECT_VEC_DB, INJECT_VEC_GP), INJECT_VEC_GP);
    assert_int_equal(meeting(INJECT_VEC_UD, INJECT_VEC_PF), INJECT_VEC_PF);
    assert_int_equal(meeting(INJECT_VEC_DF, INJECT_VEC_GP), 0xff);
    assert_int_equal(meeting(INJECT_VEC_DF, INJECT_VEC_PF), 0xff);
    assert_int_equal(meeting(INJECT_VEC_DF, INJECT_VEC_DB), INJECT_VEC_DB);
    assert_int_equal(meeting(INJECT_VEC_DE, INJECT_VEC_TS), INJECT_VEC_DF);
    assert_int_equal(meeting(INJECT_VEC_SS, INJECT_VEC_CP), INJECT_VEC_DF);
}

static void double_fault_has_error_code_0(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    leave_cut(&f, inject_event_exception_error(INJECT_VEC_GP, 0x10));
    raise_exception(&f, INJECT_VEC_NP);
    schedule(&f, 0);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_DF);
    assert_true(f.act.event.flags & INJECT_EVENT_HAS_ERROR);
    assert_int_equal(f.act.event.error, 0);
}

static void interrupt_cut_by_an_exception_is_kept(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    schedule(&f, OPEN);
    leave_cut(&f, IRQ_CUT(0x30));
    raise_exception(&f, INJECT_VEC_PF);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_PF);
    assert_int_equal(f.act.windows, INJECT_WIN_IRQ);
    leave_plain(&f, 0);
    schedule(&f, 0); /* the fault handler runs with IF=0 */
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_IRQ);
    leave_kind(&f, INJECT_EXIT_IRQ_WINDOW);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x30);
    assert_int_equal(f.act.flags, 0); /* acknowledged long ago */
}

static void nmi_cut_by_an_exception_is_kept(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, 0);
    leave_cut(&f, NMI_CUT);
    raise_exception(&f, INJECT_VEC_PF);
    schedule(&f, 0);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_PF);
    assert_int_equal(f.act.windows, INJECT_WIN_NOW);
    leave_plain(&f, 0);
    schedule(&f, 0);
    EXPECT_NMI(&f);
}

static void window_for_a_blocked_interrupt(void **state)
{
    static const uint64_t blocked[] = {0, OPEN | INJECT_VIEW_SHADOW_STI, OPEN | INJECT_VIEW_SHADOW_MOVSS};

    (void)state;
    for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++) {
        struct fixture f;

        start(&f, INJECT_WAY_IRET, 0);
        f.irq = 0x30;
        schedule(&f, blocked[i]);
        expect_nothing(&f);
        assert_int_equal(f.act.windows, INJECT_WIN_IRQ);
        assert_true(inject_has_work(&f.inj));
        f.irq = 0; /* withdrawn by its source */
        schedule(&f, 0);
        assert_int_equal(f.act.windows, 0);
    }
}

static void held_back_by_tpr_asks_for_tpr(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    schedule(&f, OPEN | INJECT_VIEW_IRQ_TPR);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_TPR);
    assert_false(inject_has_work(&f.inj));
}

static void failed_entry_delivers_nothing(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    schedule(&f, OPEN);
    leave_kind(&f, INJECT_EXIT_ENTRY_FAILED);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x30);
    assert_int_equal(f.act.flags, 0);
}

static void busy_slot_is_left_alone(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    raise_exception(&f, INJECT_VEC_GP);
    schedule(&f, OPEN | INJECT_VIEW_SLOT_BUSY);
    expect_nothing(&f);
    assert_true(inject_has_work(&f.inj));
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_GP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_exception_goes_first),
        cmocka_unit_test(every_cut_type_is_redone),
        cmocka_unit_test(soft_event_executes_again_without_the_ability),
        cmocka_unit_test(payload_is_written_once),
        cmocka_unit_test(contributory_exceptions),
        cmocka_unit_test(double_fault_has_error_code_0),
        cmocka_unit_test(interrupt_cut_by_an_exception_is_kept),
        cmocka_unit_test(nmi_cut_by_an_exception_is_kept),
        cmocka_unit_test(window_for_a_blocked_interrupt),
        cmocka_unit_test(held_back_by_tpr_asks_for_tpr),
        cmocka_unit_test(failed_entry_delivers_nothing),
        cmocka_unit_test(busy_slot_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
