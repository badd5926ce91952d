/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler's short way for common rounds against its full way: every view, every single thing that may
 * be left over from before, reachable or not. State, books, actions and the log's record must be the same.
 */
#include "core/inject_internal.h"
#include "tests/unit/inject_fixture.h"

#define NOW UINT64_C(12345)

static const uint32_t caps[] = {0, INJECT_CAP_NMI_IN_STI, INJECT_CAP_STEP_HIDDEN | INJECT_CAP_SOFT_REINJECT,
                                INJECT_CAP_SHADOW_LOST};

static uint64_t left_over_count;

static void both_ways(const struct inject *before, uint32_t flags, uint64_t posted)
{
    static struct inject plain;
    static struct inject full;
    const struct inject_view view = {.flags = flags, .irq_vector = 0x51, .rip = IRET_RIP, .now = NOW};
    struct inject_actions plain_act;
    struct inject_actions full_act;

    plain.state = full.state = before->state;
    plain.books = full.books = before->books;
    plain.log.next = &plain.log.records[0];
    plain.log.half_end = &plain.log.records[INJECT_LOG_HALF];
    full.log.next = &full.log.records[0];
    full.log.half_end = &full.log.records[INJECT_LOG_HALF];
    atomic_store(&plain.posted.word, posted);
    inject_schedule(&plain, &view, &plain_act);
    inject_schedule_fully(&full, &view, posted, &full_act);
    assert_int_equal(atomic_load(&plain.posted.word), 0);
    assert_memory_equal(&plain.state, &full.state, sizeof(full.state));
    assert_memory_equal(&plain.books, &full.books, sizeof(full.books));
    assert_memory_equal(&plain_act, &full_act, sizeof(full_act));
    assert_memory_equal(&plain.log.records[0], &full.log.records[0], sizeof(full.log.records[0]));
}

/* Posted words: nothing, the controller's request, NMIs. */
static void every_post(const struct inject *before, uint32_t flags)
{
    both_ways(before, flags, 0);
    both_ways(before, flags, INJECT_POSTED_IRQ);
    both_ways(before, flags, 1);
    both_ways(before, flags, INJECT_POSTED_IRQ | 2);
    both_ways(before, flags, INJECT_POSTED_NMI_COUNT);
}

/* The views that matter most: each bit alone, beside IF, beside an interrupt, beside both. */
static void many_views(const struct inject *before)
{
    for (unsigned bit = 0; bit < 14; bit++) {
        every_post(before, (uint32_t)BIT(bit));
        every_post(before, (uint32_t)(BIT(bit) | INJECT_VIEW_IF));
        every_post(before, (uint32_t)(BIT(bit) | INJECT_VIEW_IRQ));
        every_post(before, (uint32_t)(BIT(bit) | INJECT_VIEW_IF | INJECT_VIEW_IRQ));
    }
    left_over_count++;
}

static void every_view_of_an_idle_vcpu(void **unused)
{
    static struct inject inj;

    (void)unused;
    for (unsigned way = 0; way < INJECT_WAY_COUNT; way++) {
        inject_init(&inj, (enum inject_way_id)way, 0);
        for (uint32_t flags = 0; flags <= (uint32_t)INJECT_VIEW_BITS; flags++)
            every_post(&inj, flags);
    }
}

#define LEFT(field, value)           \
    do {                             \
        static struct inject with_;  \
                                     \
        with_ = *before;             \
        with_.state.field = (value); \
        many_views(&with_);          \
    } while (0)

static void with_left_overs(const struct inject *before)
{
    many_views(before);
    LEFT(entry_work, INJECT_WORK_PENDING | INJECT_WORK_RECHECK);
    LEFT(exit_work, INJECT_WORK_INFLIGHT | INJECT_WORK_VNMI);
    LEFT(slot, INJECT_SLOT_IRQ);
    LEFT(step, INJECT_STEP_IRET);
    LEFT(step, INJECT_STEP_SHADOW);
    LEFT(nmi_pending, 1);
    LEFT(nmi_pending, 2);
    LEFT(irq_vector, 0xff);
    LEFT(nmi_injected, true);
    LEFT(nmi_masked, true);
    LEFT(vnmi_handed, true);
    LEFT(irq_held, true);
    LEFT(exception_cut, true);
    LEFT(iret_at_exit, true);
    LEFT(mask_set, true);
    LEFT(mask_clear, true);
    LEFT(vnmi_purge, true);
    LEFT(shutdown, true);
    LEFT(soft_warn, true);
    LEFT(windows, INJECT_WIN_IRQ | INJECT_WIN_IRET);
    LEFT(step_saved, (uint32_t)INJECT_VIEW_TF);
    LEFT(step_rip, IRET_RIP);
    LEFT(blocked_ns, 7);
    LEFT(halted_at, 7);
    LEFT(exception, inject_event_exception_error(INJECT_VEC_GP, 0));
    LEFT(since[INJECT_KIND_IRQ], 7);
    LEFT(since[INJECT_KIND_NMI], 7);
}

static void anything_left_from_before(void **unused)
{
    static struct inject inj;

    (void)unused;
    for (unsigned way = 0; way < INJECT_WAY_COUNT; way++)
        for (unsigned i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
            inject_init(&inj, (enum inject_way_id)way, caps[i]);
            with_left_overs(&inj);
        }
    assert_int_equal(left_over_count, 4 * 4 * 28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_of_an_idle_vcpu),
        cmocka_unit_test(anything_left_from_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
