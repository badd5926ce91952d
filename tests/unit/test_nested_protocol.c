/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shoot-down of nested translations (core/nested.h): every interleaving of somebody who changes the map
 * twice and then waits until that is complete, and of a vCPU that enters, exits, blocks, is held and moves
 * between two CPUs, one shared access a step, sequentially consistent. Wrong is an access by an older map
 * after "complete", and a wait that nobody ends. Each thing that the protocol needs is left out once, as a
 * mutant that must be caught. That no request is lost on processors with store buffers: tests/model/wake.
 */
#include "tests/unit/interleave.h"

#define CPUS    2
#define CHANGES 2
#define NOTHING 0xff /* no translation cached */

enum mutant {
    MUTANT_NONE,
    MUTANT_REQUEST_FIRST,     /* asked before the entries are changed */
    MUTANT_NO_REQUEST,        /* a change without it */
    MUTANT_NO_POKE,           /* a vCPU in its guest is left there */
    MUTANT_POKE_TOO_EARLY,    /* "in guest" is read before the bit is set */
    MUTANT_NO_WAKE,           /* one that is blocked is left so: harmless, the bit waits with it */
    MUTANT_NO_LAST_LOOK,      /* no look between "in guest" and the entry */
    MUTANT_LOOK_TOO_EARLY,    /* that look before "in guest" is published */
    MUTANT_TAKE_NO_FLUSH,     /* the bit is taken and that was all */
    MUTANT_FLUSH_THEN_TAKE,   /* flushed by an earlier look at the bit */
    MUTANT_FLUSH_LOST_MOVING, /* the mark does not go along to another CPU, and a move flushes nothing */
    MUTANT_MOVE_NO_FLUSH,     /* a CPU's translations from an earlier visit stay */
    MUTANT_ASKED_IS_DONE,     /* complete once all have been asked */
    MUTANT_ONLY_TAKEN,        /* complete only when the bit has been taken: a held vCPU does not */
    MUTANTS,
};

static bool is_harmless(enum mutant which)
{
    return which == MUTANT_NONE || which == MUTANT_NO_WAKE;
}

enum vcpu_at {
    VCPU_TAKE,
    VCPU_FLUSH_EARLY, /* a mutant's */
    VCPU_PUBLISH,
    VCPU_LAST_LOOK,
    VCPU_ENTER,
    VCPU_GUEST,
    VCPU_BLOCK,
    VCPU_BLOCK_LOOK,
    VCPU_ASLEEP,
    VCPU_IS_HELD,
};

enum changer_at {
    CHANGER_CHANGE,
    CHANGER_REQUEST,
    CHANGER_STATE,
    CHANGER_IN_GUEST,
    CHANGER_SETTLED_BIT,
    CHANGER_SETTLED_IN_GUEST,
    CHANGER_DONE,
};

/* All of it, in bytes without padding, so that states can be compared. */
struct world {
    uint8_t map;          /* how often it was changed */
    uint8_t cached[CPUS]; /* the map that the vCPU's translation on that CPU is of */
    uint8_t cpu, vcpu, changer;
    bool bit, in_guest, blocked, queued, poke, mark, look, saw_in_guest, stale;
};

static enum mutant mutant;

/* --- Who changes: nested_changed(), vcpu_request(), nested_settled() --------------------------------------
 */

static void change(struct world *w, bool first)
{
    if ((mutant == MUTANT_REQUEST_FIRST) != first)
        w->map++;
    else if (mutant != MUTANT_NO_REQUEST)
        w->bit = true;
    if (mutant == MUTANT_POKE_TOO_EARLY && first)
        w->saw_in_guest = w->in_guest;
}

static void next_change(struct world *w)
{
    w->changer = w->map < CHANGES                 ? CHANGER_CHANGE
                 : mutant == MUTANT_ASKED_IS_DONE ? CHANGER_DONE
                                                  : CHANGER_SETTLED_BIT;
}

static void changer_step(struct world *w)
{
    switch ((enum changer_at)w->changer) {
    case CHANGER_CHANGE:
    case CHANGER_REQUEST:
        change(w, w->changer == CHANGER_CHANGE);
        w->changer++;
        break;
    case CHANGER_STATE: /* compare and exchange, then the run queue */
        if (w->blocked && mutant != MUTANT_NO_WAKE) {
            w->blocked = false;
            w->queued = true;
        }
        w->changer = CHANGER_IN_GUEST;
        break;
    case CHANGER_IN_GUEST:
        if ((mutant == MUTANT_POKE_TOO_EARLY ? w->saw_in_guest : w->in_guest) && mutant != MUTANT_NO_POKE)
            w->poke = true;
        next_change(w);
        break;
    case CHANGER_SETTLED_BIT:
        w->changer = w->bit ? CHANGER_SETTLED_IN_GUEST : CHANGER_DONE;
        break;
    case CHANGER_SETTLED_IN_GUEST:
        w->changer = w->in_guest || mutant == MUTANT_ONLY_TAKEN ? CHANGER_SETTLED_BIT : CHANGER_DONE;
        break;
    case CHANGER_DONE:
        break;
    }
}

/* --- The vCPU: x86_prepare_entry(), the back ends' last look and flush, vcpu_block() ----------------------
 */

static void take(struct world *w)
{
    if (mutant == MUTANT_FLUSH_THEN_TAKE) {
        w->mark |= w->bit;
        w->vcpu = VCPU_FLUSH_EARLY;
        return;
    }
    w->mark |= w->bit && mutant != MUTANT_TAKE_NO_FLUSH;
    w->bit = false;
    w->vcpu = VCPU_PUBLISH;
}

static void look(struct world *w)
{
    bool publish = (mutant == MUTANT_LOOK_TOO_EARLY) != (w->vcpu == VCPU_PUBLISH);

    if (publish)
        w->in_guest = true;
    else
        w->look = w->bit && mutant != MUTANT_NO_LAST_LOOK;
    if (++w->vcpu == VCPU_ENTER && w->look) {
        w->in_guest = false;
        w->vcpu = VCPU_TAKE;
    }
}

/* An access in the guest, by what is cached or else by the map. */
static void use(struct world *w)
{
    if (w->cached[w->cpu] == NOTHING)
        w->cached[w->cpu] = w->map;
    w->stale = w->changer == CHANGER_DONE && w->cached[w->cpu] != w->map;
}

static void leave_guest(struct world *w, enum vcpu_at to)
{
    w->in_guest = w->poke = w->look = false;
    w->vcpu = (uint8_t)to;
}

static void vcpu_step(struct world *w)
{
    switch ((enum vcpu_at)w->vcpu) {
    case VCPU_TAKE:
        take(w);
        break;
    case VCPU_FLUSH_EARLY:
        w->bit = false;
        w->vcpu = VCPU_PUBLISH;
        break;
    case VCPU_PUBLISH:
    case VCPU_LAST_LOOK:
        look(w);
        break;
    case VCPU_ENTER:
        if (w->mark)
            w->cached[w->cpu] = NOTHING;
        w->mark = false;
        w->vcpu = VCPU_GUEST;
        break;
    case VCPU_GUEST:
        leave_guest(w, VCPU_TAKE);
        break;
    case VCPU_BLOCK:
        w->blocked = true;
        w->vcpu = VCPU_BLOCK_LOOK;
        break;
    case VCPU_BLOCK_LOOK:
        w->vcpu = w->bit && w->blocked ? VCPU_TAKE : VCPU_ASLEEP;
        w->blocked &= w->vcpu == VCPU_ASLEEP;
        break;
    case VCPU_ASLEEP:
    case VCPU_IS_HELD:
        w->queued = w->blocked = false;
        w->vcpu = VCPU_TAKE;
        break;
    }
}

static void move(struct world *w)
{
    w->cpu ^= 1;
    if (mutant == MUTANT_FLUSH_LOST_MOVING)
        w->mark = false;
    else if (mutant != MUTANT_MOVE_NO_FLUSH)
        w->mark = true;
}

/* --- Exploration ------------------------------------------------------------------------------------------
 */

static unsigned int wrong_count;

/* What the guest, an event or an operator may do at any time, or never. */
static void expand_by_choice(const struct world *w)
{
    struct world next = *w;

    if (w->vcpu == VCPU_GUEST) {
        use(&next);
        interleave_visit(&next);
        next = *w;
        leave_guest(&next, VCPU_BLOCK);
        interleave_visit(&next);
        next = *w;
        leave_guest(&next, VCPU_IS_HELD);
        interleave_visit(&next);
        next = *w;
        vcpu_step(&next); /* an exit of its own */
        interleave_visit(&next);
    }
    if (w->vcpu == VCPU_TAKE) {
        move(&next);
        interleave_visit(&next);
    }
    if (w->vcpu == VCPU_ASLEEP || w->vcpu == VCPU_IS_HELD) {
        vcpu_step(&next);
        interleave_visit(&next);
    }
}

/* True: somebody moves without being made to. */
static bool expand(const struct world *w)
{
    struct world next = *w;
    bool moves = false;

    changer_step(&next);
    /* Waiting turns in a circle of two steps: that is no progress. */
    if (w->changer < CHANGER_SETTLED_BIT || next.changer == CHANGER_DONE)
        moves = w->changer != CHANGER_DONE;
    interleave_visit(&next);
    next = *w;
    if (w->vcpu == VCPU_GUEST ? w->poke : w->vcpu == VCPU_ASLEEP ? w->queued : w->vcpu != VCPU_IS_HELD) {
        vcpu_step(&next);
        interleave_visit(&next);
        moves = true;
    }
    expand_by_choice(w);
    return moves;
}

/* Of both steps of a look at completeness, the one that could end it. */
static bool waits(const struct world *w)
{
    return w->changer == CHANGER_SETTLED_BIT && w->bit && (w->in_guest || mutant == MUTANT_ONLY_TAKEN);
}

static unsigned int explore(enum mutant which)
{
    struct world start, w;

    memset(&start, 0, sizeof(start));
    memset(start.cached, NOTHING, sizeof(start.cached));
    mutant = which;
    wrong_count = 0;
    interleave_start(&start, sizeof(start));
    while (interleave_next(&w)) {
        if (w.stale) {
            wrong_count++;
            continue;
        }
        if (!expand(&w) && waits(&w))
            wrong_count++;
    }
    return wrong_count;
}

static void test_nothing_stale_nobody_waits(void **state)
{
    (void)state;
    for (enum mutant m = MUTANT_NONE; m < MUTANTS; m++) {
        if (!is_harmless(m))
            continue;
        assert_int_equal(explore(m), 0);
        print_message("%u states\n", interleave.count);
        assert_true(interleave.count > 1000);
    }
}

static void test_every_part_is_needed(void **state)
{
    (void)state;
    for (enum mutant m = MUTANT_NONE; m < MUTANTS; m++) {
        if (is_harmless(m))
            continue;
        print_message("mutant %u: %u wrong states\n", m, explore(m));
        assert_true(wrong_count > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_stale_nobody_waits, interleave_setup,
                                        interleave_teardown),
        cmocka_unit_test_setup_teardown(test_every_part_is_needed, interleave_setup, interleave_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
