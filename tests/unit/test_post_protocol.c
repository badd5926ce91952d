/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol by which an interrupt reaches a vCPU from another CPU (arch/x86/vlapic.c, core/vcpu.c, the run
 * loop): every interleaving of two senders and the owner, one shared access a step, sequentially consistent.
 * When nobody can move any more, nothing may be left undelivered. Each thing that the protocol needs is left
 * out once, as a mutant that must be caught. The steps are named after the code they stand for.
 */
#include "tests/unit/interleave.h"

#define SENDERS 2

enum mutant {
    MUTANT_NONE,
    MUTANT_NO_REASK,          /* take_requests() does not set the scheduler's word again */
    MUTANT_REQUEST_ONCE,      /* no request to the vCPU if the word was set already */
    MUTANT_BITS_FIRST,        /* the owner takes the request bits before it clears `outstanding` */
    MUTANT_OUTSTANDING_FIRST, /* the sender sets `outstanding` before its request bit */
    MUTANT_NO_LAST_LOOK,      /* no look at the requests between "in guest" and the entry */
    MUTANT_LOOK_TOO_EARLY,    /* that look before "in guest" is published */
    MUTANT_NO_BLOCK_LOOK,     /* no look at the requests between "blocked" and sleep */
    MUTANT_KICK_TOO_EARLY,    /* the sender reads where the vCPU is before it leaves its request */
    MUTANT_NO_KICK,
    MUTANT_NO_WAKE,
    MUTANTS,
};

enum owner_at {
    OWNER_LOOP,
    OWNER_REASK,
    OWNER_WHAT,
    OWNER_HALT_FOLD,
    OWNER_HALT_BITS,
    OWNER_BLOCK,
    OWNER_BLOCK_LOOK,
    OWNER_ASLEEP,
    OWNER_WORK,
    OWNER_FOLD,
    OWNER_BITS,
    OWNER_SCHEDULE,
    OWNER_PUBLISH,
    OWNER_LAST_LOOK,
    OWNER_GUEST,
};

enum sender_at {
    SENDER_BIT,
    SENDER_OUTSTANDING,
    SENDER_WORD,
    SENDER_REQUEST,
    SENDER_STATE,
    SENDER_WAKE,
    SENDER_IN_GUEST,
    SENDER_DONE,
};

/* All of it, in bytes without padding, so that states can be compared. */
struct world {
    uint8_t bits, irr, seen; /* request bits; folded; the view that the scheduler works on */
    bool outstanding, word, requests, in_guest, blocked, queued, kick, halted;
    bool fold;     /* owner: what it read from `outstanding` */
    uint8_t owner; /* enum owner_at */
    uint8_t sender[SENDERS];
    bool word_was[SENDERS], saw_blocked[SENDERS];
};

static enum mutant mutant;

/* --- Sender: vlapic_post(), vcpu_request() ----------------------------------------------------------------
 */

static void sender_outstanding(struct world *w, int i, bool first)
{
    bool bit = (mutant == MUTANT_OUTSTANDING_FIRST) != first;

    if (bit)
        w->bits |= (uint8_t)(1 << i);
    else
        w->outstanding = true;
}

static void sender_state(struct world *w, int i)
{
    if (mutant == MUTANT_KICK_TOO_EARLY) {
        w->requests = true;
        w->sender[i] = w->saw_blocked[i] ? SENDER_WAKE : SENDER_IN_GUEST;
        return;
    }
    w->sender[i] = w->blocked ? SENDER_WAKE : SENDER_IN_GUEST;
}

static void sender_request(struct world *w, int i)
{
    w->sender[i] = SENDER_STATE;
    if (mutant == MUTANT_KICK_TOO_EARLY)
        w->saw_blocked[i] = w->blocked;
    else if (mutant == MUTANT_REQUEST_ONCE && w->word_was[i])
        w->sender[i] = SENDER_DONE;
    else
        w->requests = true;
}

static void sender_step(struct world *w, int i)
{
    switch ((enum sender_at)w->sender[i]) {
    case SENDER_BIT:
    case SENDER_OUTSTANDING:
        sender_outstanding(w, i, w->sender[i] == SENDER_BIT);
        w->sender[i]++;
        break;
    case SENDER_WORD:
        w->word_was[i] = w->word;
        w->word = true;
        w->sender[i] = SENDER_REQUEST;
        break;
    case SENDER_REQUEST:
        sender_request(w, i);
        break;
    case SENDER_STATE:
        sender_state(w, i);
        break;
    case SENDER_WAKE: /* compare and exchange, then the run queue */
        if (w->blocked && mutant != MUTANT_NO_WAKE) {
            w->blocked = false;
            w->queued = true;
        }
        w->sender[i] = SENDER_DONE;
        break;
    case SENDER_IN_GUEST:
        if (w->in_guest && mutant != MUTANT_NO_KICK)
            w->kick = true;
        w->sender[i] = SENDER_DONE;
        break;
    case SENDER_DONE:
        break;
    }
}

/* --- Owner: x86_prepare_entry(), the back end's last look, vcpu_block() -----------------------------------
 */

static void take_bits(struct world *w)
{
    w->irr |= w->bits;
    w->bits = 0;
}

/* vlapic_fold() in two steps. */
static void owner_fold(struct world *w, bool second)
{
    if (mutant == MUTANT_BITS_FIRST) {
        if (!second && w->outstanding)
            take_bits(w);
        else if (second)
            w->outstanding = false;
    } else if (!second) {
        w->fold = w->outstanding;
        w->outstanding = false;
    } else if (w->fold) {
        take_bits(w);
    }
}

static void owner_block_look(struct world *w)
{
    if (!w->requests || mutant == MUTANT_NO_BLOCK_LOOK) {
        w->owner = OWNER_ASLEEP;
    } else if (w->blocked) {
        w->blocked = false;
        w->owner = OWNER_LOOP;
    } else { /* a sender has queued it */
        w->owner = OWNER_ASLEEP;
    }
}

static void owner_last_look(struct world *w)
{
    bool publish = mutant == MUTANT_LOOK_TOO_EARLY ? w->owner == OWNER_LAST_LOOK : w->owner == OWNER_PUBLISH;

    if (publish) {
        w->in_guest = true;
        w->owner++;
    } else if ((w->requests || w->word) && mutant != MUTANT_NO_LAST_LOOK) {
        w->in_guest = false;
        w->owner = OWNER_LOOP;
    } else {
        w->owner++;
    }
}

static void owner_halted(struct world *w)
{
    if (w->owner == OWNER_HALT_FOLD) {
        owner_fold(w, false);
        w->owner = OWNER_HALT_BITS;
        return;
    }
    owner_fold(w, true);
    w->halted = w->irr == 0;
    w->owner = w->halted ? OWNER_BLOCK : OWNER_WORK;
}

static void owner_schedule(struct world *w)
{
    w->word = false; /* inject_schedule() takes it; what the view shows is delivered */
    w->irr &= (uint8_t)~w->seen;
    w->owner = OWNER_PUBLISH;
}

/* Guests with interrupts on; `halt`: the guest executes HLT instead of being kicked out. */
static void owner_guest(struct world *w, bool halt)
{
    w->in_guest = false;
    w->halted = halt;
    w->kick = w->kick && halt;
    w->owner = OWNER_LOOP;
}

static void owner_step(struct world *w, bool halt)
{
    switch ((enum owner_at)w->owner) {
    case OWNER_LOOP:
        w->owner = w->requests ? OWNER_REASK : OWNER_WHAT;
        w->requests = false;
        break;
    case OWNER_REASK:
        w->word = w->word || mutant != MUTANT_NO_REASK;
        w->owner = OWNER_LOOP;
        break;
    case OWNER_WHAT:
        w->owner = w->halted ? OWNER_HALT_FOLD : OWNER_WORK;
        break;
    case OWNER_HALT_FOLD:
    case OWNER_HALT_BITS:
        owner_halted(w);
        break;
    case OWNER_BLOCK:
        w->blocked = true;
        w->owner = OWNER_BLOCK_LOOK;
        break;
    case OWNER_BLOCK_LOOK:
        owner_block_look(w);
        break;
    case OWNER_ASLEEP:
        w->queued = false;
        w->owner = OWNER_LOOP;
        break;
    case OWNER_WORK:
        w->owner = w->word ? OWNER_FOLD : OWNER_PUBLISH;
        break;
    case OWNER_FOLD:
        owner_fold(w, false);
        w->owner = OWNER_BITS;
        break;
    case OWNER_BITS:
        owner_fold(w, true);
        w->seen = w->irr;
        w->owner = OWNER_SCHEDULE;
        break;
    case OWNER_SCHEDULE:
        owner_schedule(w);
        break;
    case OWNER_PUBLISH:
    case OWNER_LAST_LOOK:
        owner_last_look(w);
        break;
    case OWNER_GUEST:
        owner_guest(w, halt);
        break;
    }
}

/* --- Exploration
 * -------------------------------------------------------------------------------------------- */

static unsigned int lost_count;

/* Everything that can happen next; false if only the guest itself can do something. */
static bool expand(const struct world *w)
{
    struct world next;
    bool moves = false;

    for (int i = 0; i < SENDERS; i++)
        if (w->sender[i] != SENDER_DONE) {
            next = *w;
            sender_step(&next, i);
            interleave_visit(&next);
            moves = true;
        }
    if (w->owner == OWNER_GUEST) { /* HLT at any time */
        next = *w;
        owner_step(&next, true);
        interleave_visit(&next);
    }
    if (w->owner == OWNER_ASLEEP ? w->queued : w->owner != OWNER_GUEST || w->kick) {
        next = *w;
        owner_step(&next, false);
        interleave_visit(&next);
        moves = true;
    }
    return moves;
}

static unsigned int explore(enum mutant which)
{
    struct world start, w;

    memset(&start, 0, sizeof(start));
    mutant = which;
    lost_count = 0;
    interleave_start(&start, sizeof(start));
    while (interleave_next(&w))
        if (!expand(&w) && (w.bits | w.irr) != 0)
            lost_count++;
    return lost_count;
}

static void test_nothing_is_lost(void **state)
{
    (void)state;
    assert_int_equal(explore(MUTANT_NONE), 0);
    print_message("%u states\n", interleave.count);
    assert_true(interleave.count > 1000);
}

static void test_every_part_is_needed(void **state)
{
    (void)state;
    for (enum mutant m = MUTANT_NONE + 1; m < MUTANTS; m++) {
        unsigned int lost = explore(m);

        print_message("mutant %u: %u states with something lost\n", m, lost);
        assert_true(lost > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_lost, interleave_setup, interleave_teardown),
        cmocka_unit_test_setup_teardown(test_every_part_is_needed, interleave_setup, interleave_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
