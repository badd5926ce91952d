/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IRET way: the mask ends exactly when an IRET completes, and the guest sees nothing of the step.
 */
#include "tests/unit/inject_fixture.h"

#define STEP_FLAGS (INJECT_DO_TF_SET | INJECT_DO_RF_SET)

/* In an NMI handler, stopped before its IRET by the intercept; `waiting` more NMIs posted; step begun. */
static void begin_iret_step(struct fixture *f, unsigned waiting, uint64_t guest_flags)
{
    start(f, INJECT_WAY_IRET, 0);
    post_nmis(f, 1);
    schedule(f, 0);
    EXPECT_NMI(f);
    post_nmis(f, waiting);
    f->rip = IRET_RIP;
    leave_kind(f, INJECT_EXIT_IRET);
    schedule(f, guest_flags);
    expect_nothing(f);
    assert_int_equal(f->act.windows, INJECT_WIN_STEP);
    assert_int_equal(f->act.flags, STEP_FLAGS);
}

static void one_nmi_two_exits(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 1, 0);
    f.rip = OTHER_RIP;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)INJECT_DR6_BS});
    assert_int_equal(f.undo, INJECT_DO_BS_CLEAR);
    schedule(&f, 0);
    EXPECT_NMI(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
}

static void completion_is_exact_without_one_waiting(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 0, 0);
    assert_true(inject_nmi_masked(&f.inj.state, false));
    f.rip = OTHER_RIP;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)INJECT_DR6_BS});
    assert_false(inject_nmi_masked(&f.inj.state, false));
    schedule(&f, 0);
    assert_int_equal(f.act.windows, 0);
    assert_false(inject_has_work(&f.inj));
    assert_false(inject_exit_has_work(&f.inj, false));
}

static void iret_to_itself_completes_by_its_trap(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 1, 0);
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)INJECT_DR6_BS});
    schedule(&f, 0);
    EXPECT_NMI(&f);
}

static void resolved_exit_goes_on_stepping(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 1, INJECT_VIEW_RF);
    leave_plain(&f, 0); /* page of the stack mapped, or a host interrupt */
    assert_int_equal(f.undo, INJECT_DO_TF_CLEAR | INJECT_DO_RF_SET);
    assert_true(inject_nmi_masked(&f.inj.state, false));
    schedule(&f, INJECT_VIEW_RF);
    expect_nothing(&f);
    assert_int_equal(f.act.flags, STEP_FLAGS);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
}

static void fault_keeps_the_mask_and_arms_again(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 1, 0);
    leave_fault(&f, inject_event_exception_error(INJECT_VEC_GP, 0x18));
    assert_int_equal(f.undo, INJECT_DO_TF_CLEAR | INJECT_DO_RF_CLEAR);
    schedule(&f, 0);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_GP);
    assert_int_equal(f.act.event.error, 0x18);
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
    leave_plain(&f, 0);
    assert_true(inject_nmi_masked(&f.inj.state, false));
}

static void fault_by_emulation_keeps_the_mask(void **state)
{
    struct fixture f;
    struct inject_event fault = inject_event_exception_error(INJECT_VEC_PF, 2);

    (void)state;
    begin_iret_step(&f, 1, 0);
    leave_plain(&f, 0);
    inject_raise(&f.inj, &fault);
    schedule(&f, 0);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_PF);
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
    assert_int_equal(f.act.flags, 0);
}

static void moved_without_a_trap_has_completed(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 1, 0);
    f.rip = OTHER_RIP;
    leave_plain(&f, 0);
    schedule(&f, 0);
    EXPECT_NMI(&f);
}

static void guest_stepping_itself_gets_its_trap(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 1, INJECT_VIEW_TF);
    f.rip = OTHER_RIP;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)INJECT_DR6_BS});
    assert_int_equal(f.undo, 0);
    schedule(&f, INJECT_VIEW_DR6_BS);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_DB);
    assert_int_equal(f.act.event.payload, INJECT_DR6_BS);
    assert_int_equal(f.act.windows, INJECT_WIN_NOW);
}

static void guest_breakpoint_on_the_frame_gets_its_trap(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 0, 0);
    f.rip = OTHER_RIP;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)(INJECT_DR6_BS | 2)});
    assert_int_equal(f.undo, INJECT_DO_BS_CLEAR);
    schedule(&f, 0);
    expect_event(&f, INJECT_TYPE_EXCEPTION, INJECT_VEC_DB);
    assert_int_equal(f.act.event.payload, 2);
}

/* On bare metal it would have been taken before the IRET; the step is put off and the intercept stays. */
static void interrupt_before_the_iret_puts_the_step_off(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 0, OPEN);
    f.irq = 0x40;
    leave_plain(&f, OPEN);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x40);
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
    assert_int_equal(f.act.flags, INJECT_DO_ACK_IRQ);
    leave_plain(&f, 0);
    schedule(&f, 0);
    assert_true(inject_nmi_masked(&f.inj.state, false));
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
}

/* A blocked one asks for no window while stepping: the window would open before the IRET has executed. */
static void no_interrupt_window_while_stepping(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 0, 0);
    f.irq = 0x40;
    leave_plain(&f, 0);
    schedule(&f, 0);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
    f.rip = OTHER_RIP;
    leave_kind(&f, INJECT_EXIT_STEP);
    schedule(&f, OPEN);
    expect_event(&f, INJECT_TYPE_IRQ, 0x40);
}

static void emulated_iret_opens(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 1, 0);
    leave_plain(&f, 0);
    inject_iret_emulated(&f.inj);
    schedule(&f, 0);
    EXPECT_NMI(&f);

    start(&f, INJECT_WAY_WINDOW, 0);
    inject_iret_emulated(&f.inj);
    schedule(&f, INJECT_VIEW_NMI_MASK);
    assert_int_equal(f.act.flags, INJECT_DO_MASK_CLEAR);
}

static void emulated_otherwise_forgets_the_iret(void **state)
{
    struct fixture f;

    (void)state;
    begin_iret_step(&f, 0, 0);
    leave_plain(&f, 0);
    inject_skipped(&f.inj);
    schedule(&f, 0);
    assert_int_equal(f.act.windows, INJECT_WIN_IRET);
}

static void shadow_step_puts_the_flags_back(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
    expect_nothing(&f);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
    assert_int_equal(f.act.flags, STEP_FLAGS);
    leave_plain(&f, INJECT_VIEW_SHADOW_MOVSS);
    assert_int_equal(f.undo, INJECT_DO_TF_CLEAR | INJECT_DO_RF_CLEAR);
    schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
    f.rip = IRET_RIP;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .dr6 = (uint16_t)INJECT_DR6_BS});
    assert_int_equal(f.undo, INJECT_DO_TF_CLEAR | INJECT_DO_BS_CLEAR);
    schedule(&f, 0);
    EXPECT_NMI(&f);
}

static void shadow_step_over_popf_keeps_its_flags(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    post_nmis(&f, 1);
    schedule(&f, INJECT_VIEW_SHADOW_MOVSS | INJECT_VIEW_DR6_BS);
    f.rip = IRET_RIP;
    leave(&f, (struct inject_exit){.kind = INJECT_EXIT_STEP, .flags = (uint32_t)INJECT_EXIT_FLAGS_LOADED});
    assert_int_equal(f.undo, 0);
}

static void hidden_step_touches_no_flags(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_SOFT, INJECT_CAP_STEP_HIDDEN);
    post_nmis(&f, 1);
    schedule(&f, INJECT_VIEW_SHADOW_MOVSS);
    assert_int_equal(f.act.windows, INJECT_WIN_STEP);
    assert_int_equal(f.act.flags, 0);
    f.rip = IRET_RIP;
    leave_kind(&f, INJECT_EXIT_STEP);
    assert_int_equal(f.undo, 0);
    schedule(&f, 0);
    EXPECT_NMI(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_nmi_two_exits),
        cmocka_unit_test(completion_is_exact_without_one_waiting),
        cmocka_unit_test(iret_to_itself_completes_by_its_trap),
        cmocka_unit_test(resolved_exit_goes_on_stepping),
        cmocka_unit_test(fault_keeps_the_mask_and_arms_again),
        cmocka_unit_test(fault_by_emulation_keeps_the_mask),
        cmocka_unit_test(moved_without_a_trap_has_completed),
        cmocka_unit_test(guest_stepping_itself_gets_its_trap),
        cmocka_unit_test(guest_breakpoint_on_the_frame_gets_its_trap),
        cmocka_unit_test(interrupt_before_the_iret_puts_the_step_off),
        cmocka_unit_test(no_interrupt_window_while_stepping),
        cmocka_unit_test(emulated_iret_opens),
        cmocka_unit_test(emulated_otherwise_forgets_the_iret),
        cmocka_unit_test(shadow_step_puts_the_flags_back),
        cmocka_unit_test(shadow_step_over_popf_keeps_its_flags),
        cmocka_unit_test(hidden_step_touches_no_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
