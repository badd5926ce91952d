/* SPDX-License-Identifier: BSD-2-Clause */
/* A debugger's step: one instruction, what could be delivered waits, what the instruction raises does not. */
#include "tests/unit/inject_fixture.h"

#define STEPPING   (OPEN | INJECT_VIEW_STEP)
#define STEP_FLAGS (INJECT_DO_TF_SET | INJECT_DO_RF_SET)

static void events_wait_for_the_step(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    f.irq = 0x30;
    schedule(&f, STEPPING);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
    assert_int_equal(f.act.flags, STEP_FLAGS);
    f.rip++;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)INJECT_DR6_BS});
    assert_int_equal(f.undo, INJECT_DO_TF_CLEAR | INJECT_DO_BS_CLEAR);
    schedule(&f, OPEN);
    EXPECT_NMI(&f);
    leave_plain(&f, OPEN);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x30);
}

static void a_delivery_cut_short_waits_too(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    f.irq = 0x30;
    schedule(&f, OPEN);
    leave_cut(&f, IRQ_CUT(0x30));
    schedule(&f, STEPPING);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
    f.rip++;
    leave_kind(&f, INJECT_EXIT_STEP);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x30);
}

static void an_exception_goes_in_with_an_exit_behind_it(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    schedule(&f, STEPPING);
    leave_fault(&f, inject_event_exception_error(INJECT_VEC_PF, 2));
    assert_int_equal(f.undo, INJECT_DO_TF_CLEAR | INJECT_DO_RF_CLEAR);
    schedule(&f, STEPPING);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_PF);
    assert_int_equal(f.act.windows & (INJECT_WIN_NOW | INJECT_WIN_STEP), INJECT_WIN_NOW);
    assert_int_equal(f.act.flags & STEP_FLAGS, 0);
}

static void a_step_that_was_not_done_begins_again(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    schedule(&f, STEPPING);
    leave_plain(&f, OPEN); /* a host interrupt, at the same RIP */
    assert_int_equal(f.undo, INJECT_DO_TF_CLEAR | INJECT_DO_RF_CLEAR);
    schedule(&f, STEPPING);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
}

static void a_guest_that_steps_itself_gets_its_trap(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    schedule(&f, STEPPING | INJECT_VIEW_TF);
    f.rip++;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)INJECT_DR6_BS});
    assert_int_equal(f.undo, 0);
    schedule(&f, OPEN | INJECT_VIEW_TF);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_DB);
    assert_int_equal(f.act.event.payload, INJECT_DR6_BS);
}

static void without_the_trap_flag(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_WINDOW, INJECT_CAP_STEP_HIDDEN | INJECT_CAP_NMI_IN_STI);
    post_nmis(&f, 1);
    schedule(&f, STEPPING);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
    assert_int_equal(f.act.flags, 0);
    f.rip++;
    leave_kind(&f, INJECT_EXIT_STEP);
    assert_int_equal(f.undo, 0);
    schedule(&f, OPEN);
    EXPECT_NMI(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_wait_for_the_step),
        cmocka_unit_test(a_delivery_cut_short_waits_too),
        cmocka_unit_test(an_exception_goes_in_with_an_exit_behind_it),
        cmocka_unit_test(a_step_that_was_not_done_begins_again),
        cmocka_unit_test(a_guest_that_steps_itself_gets_its_trap),
        cmocka_unit_test(without_the_trap_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
