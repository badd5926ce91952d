/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The injection log is enough to run everything again: random rounds are dumped as text and replayed by the
 * code of tools/replay; a changed decision is found, a damaged log is refused.
 */
#include <pthread.h>

#include "core/inject_log.h"
#include "tests/unit/inject_fixture.h"
#include "tools/replay/replay.h"

static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static uint64_t random_flags(void)
{
    uint64_t flags = random_below(2) != 0 ? INJECT_VIEW_IF : 0;

    if (random_below(6) == 0)
        flags |= random_below(2) != 0 ? INJECT_VIEW_SHADOW_STI : INJECT_VIEW_SHADOW_MOVSS;
    if (random_below(10) == 0)
        flags |= INJECT_VIEW_GIF_CLEAR;
    return flags;
}

static struct inject_event cut_of(const struct inject_state *st, const struct inject_event *delivered)
{
    static const struct inject_event soft = {
        .type = INJECT_TYPE_SOFT_INT, .vector = 0x80, .flags = INJECT_EVENT_VALID, .insn_len = 2};

    if (st->slot != INJECT_SLOT_NONE && random_below(4) == 0)
        return *delivered;
    return random_below(20) == 0 ? soft : (struct inject_event){0};
}

static void random_exit(struct fixture *f)
{
    struct inject_exit exit = {.flags = (uint32_t)random_flags(),
                               .guest_ns = random_below(2) * UINT64_C(400000000)};

    exit.cut = cut_of(&f->inj.state, &f->act.event);
    exit.cut.payload = 0;
    if (f->inj.state.step != INJECT_STEP_NONE && random_below(2) != 0) {
        exit.kind = random_below(3) == 0 ? INJECT_EXIT_FAULT : INJECT_EXIT_STEP;
        exit.fault = inject_event_exception_error(INJECT_VEC_GP, random_below(100));
        exit.dr6 = (uint16_t)(INJECT_DR6_BS | random_below(16));
    } else if ((f->act.windows & INJECT_WIN_IRET) != 0 && random_below(2) != 0) {
        exit.kind = INJECT_EXIT_IRET;
    }
    if (random_below(3) == 0)
        f->rip++;
    leave(f, exit);
    if (random_below(12) == 0) {
        struct inject_event event = inject_event_exception_error(INJECT_VEC_PF, random_below(32));

        inject_raise(&f->inj, &event);
    } else if (random_below(5) == 0) {
        inject_skipped(&f->inj);
    }
    if (random_below(200) == 0)
        inject_reset(&f->inj);
}

static void random_rounds(struct fixture *f, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        if (random_below(3) == 0)
            post_nmis(f, random_below(4));
        if (random_below(3) == 0 && f->irq == 0)
            f->irq = (uint8_t)(0x30 + random_below(16));
        schedule(f, random_flags());
        random_exit(f);
        if (f->inj.state.shutdown)
            inject_reset(&f->inj);
    }
}

/* Feeds the whole dump; returns the first result that is not REPLAY_SAME. `flip`: record to damage, or none.
 */
static enum replay_result replay_all(const struct fixture *f, struct replay *replay, uint64_t flip)
{
    char line[INJECT_LOG_LINE_SIZE + 8] = "[vm1] \0";
    enum replay_result result;

    replay_start(replay);
    inject_log_format_head(&f->inj.log, line + 6);
    result = replay_line(replay, line);
    for (uint64_t n = inject_log_first(&f->inj.log); n < inject_log_count(&f->inj.log); n++) {
        if (result != REPLAY_SAME)
            return result;
        inject_log_format_record(&f->inj.log, n, line + 6);
        if (n == flip)
            line[strlen(line) - 20] ^= 1; /* in the state word */
        result = replay_line(replay, line);
    }
    return result;
}

static void every_decision_again(void **state)
{
    static const enum inject_way_id ways[] = {INJECT_WAY_SLOT, INJECT_WAY_IRET, INJECT_WAY_WINDOW,
                                              INJECT_WAY_SOFT};

    (void)state;
    for (unsigned seed = 0; seed < 400; seed++) {
        static struct replay replay;
        struct fixture f;

        random_state = seed;
        start(&f, ways[seed % 4], seed & 4 ? INJECT_CAP_SOFT_REINJECT : 0);
        random_rounds(&f, 1 + random_below(300));
        if (replay_all(&f, &replay, UINT64_MAX) != REPLAY_SAME)
            fail_msg("seed %u: %s", seed, replay.message);
    }
}

static void a_changed_decision_is_found(void **state)
{
    static struct replay replay;
    struct fixture f;
    uint64_t flip;

    (void)state;
    random_state = 7;
    start(&f, INJECT_WAY_IRET, 0);
    random_rounds(&f, 200);
    flip = inject_log_first(&f.inj.log) + 11;
    assert_int_equal(replay_all(&f, &replay, flip), REPLAY_DIVERGED);
    assert_int_equal(replay.next, flip);
    assert_non_null(strstr(replay.message, "then:"));
}

static void a_damaged_log_is_refused(void **state)
{
    static struct replay replay;
    char line[INJECT_LOG_LINE_SIZE];
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_IRET, 0);
    random_rounds(&f, 10);
    replay_start(&replay);
    assert_int_equal(replay_line(&replay, "Linux version 6.1"), REPLAY_IGNORED);
    inject_log_format_record(&f.inj.log, 0, line);
    assert_int_equal(replay_line(&replay, line), REPLAY_BAD); /* no head */
    inject_log_format_head(&f.inj.log, line);
    line[strlen(line) - 1] = '\0';
    assert_int_equal(replay_line(&replay, line), REPLAY_BAD);
    inject_log_format_head(&f.inj.log, line);
    line[20] = '9';
    assert_int_equal(replay_line(&replay, line), REPLAY_BAD); /* version */
    inject_log_format_head(&f.inj.log, line);
    assert_int_equal(replay_line(&replay, line), REPLAY_SAME);
    inject_log_format_record(&f.inj.log, 1, line);
    assert_int_equal(replay_line(&replay, line), REPLAY_BAD); /* number 0 is missing */
    inject_log_format_record(&f.inj.log, 0, line);
    line[60] = '\0';
    assert_int_equal(replay_line(&replay, line), REPLAY_BAD);
}

static void ring_keeps_a_whole_half(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, INJECT_WAY_WINDOW, 0);
    assert_int_equal(inject_log_count(&f.inj.log), 0);
    assert_int_equal(inject_log_first(&f.inj.log), 0);
    for (unsigned i = 1; i <= 5 * INJECT_LOG_HALF; i++) {
        schedule(&f, 0);
        assert_int_equal(inject_log_count(&f.inj.log), i);
        assert_true(i - inject_log_first(&f.inj.log) <= INJECT_LOG_RECORDS);
        assert_true(i < INJECT_LOG_HALF || i - inject_log_first(&f.inj.log) >= INJECT_LOG_HALF);
    }
}

/* Posting is lock-free from any CPU: four posters against the owner, nothing lost. */
#define POSTS 20000

static void *poster(void *posted)
{
    for (unsigned i = 0; i < POSTS; i++)
        (void)inject_post_nmi(posted);
    return NULL;
}

static void concurrent_posts_are_all_counted(void **state)
{
    struct fixture f;
    pthread_t threads[4];

    (void)state;
    start(&f, INJECT_WAY_WINDOW, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, poster, &f.inj.posted), 0);
    for (unsigned i = 0; i < 1000; i++) {
        schedule(&f, 0);
        leave_plain(&f, 0);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    schedule(&f, 0);
    assert_int_equal(f.inj.books.posted[INJECT_KIND_NMI], 4 * POSTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_decision_again),
        cmocka_unit_test(a_changed_decision_is_found),
        cmocka_unit_test(a_damaged_log_is_refused),
        cmocka_unit_test(ring_keeps_a_whole_half),
        cmocka_unit_test(concurrent_posts_are_all_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
