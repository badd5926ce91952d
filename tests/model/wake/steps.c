/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of posters and memory: vcpu_request(), sched_wake(), sched_enqueue(), offer(). */
#include "tests/model/wake/wake.h"

#include <stdlib.h>
#include <string.h>

enum mutant mutant;
const char *violation;

/* --- Memory: each thread's stores reach it in order, some time later ---------------------------------------
 */

uint8_t world_load(const struct world *w, uint32_t thread, enum variable variable)
{
    for (uint32_t i = w->buffered[thread]; i-- > 0;)
        if (w->buffer_variable[thread][i] == variable)
            return w->buffer_value[thread][i];
    return w->memory[variable];
}

static void pop(struct world *w, uint32_t thread)
{
    w->memory[w->buffer_variable[thread][0]] = w->buffer_value[thread][0];
    w->buffered[thread]--;
    for (uint32_t i = 0; i < w->buffered[thread]; i++) {
        w->buffer_variable[thread][i] = w->buffer_variable[thread][i + 1];
        w->buffer_value[thread][i] = w->buffer_value[thread][i + 1];
    }
    w->buffer_variable[thread][w->buffered[thread]] = 0;
    w->buffer_value[thread][w->buffered[thread]] = 0;
}

void world_store(struct world *w, uint32_t thread, enum variable variable, uint8_t value)
{
    uint32_t at = w->buffered[thread];

    if (at == BUFFER) { /* full: the oldest goes first, as on a processor */
        pop(w, thread);
        at--;
    }
    w->buffer_variable[thread][at] = (uint8_t)variable;
    w->buffer_value[thread][at] = value;
    w->buffered[thread]++;
}

void world_drain(struct world *w, uint32_t thread)
{
    while (w->buffered[thread] != 0)
        pop(w, thread);
}

/* A sequentially consistent store or read-modify-write; or, for a mutant, a plain store. */
static void store_full(struct world *w, uint32_t thread, enum variable variable, uint8_t value,
                       enum mutant relaxed)
{
    if (mutant == relaxed) {
        world_store(w, thread, variable, value);
        return;
    }
    world_drain(w, thread);
    w->memory[variable] = value;
}

void step_buffer(const struct world *w, uint32_t thread, emit_fn *emit)
{
    struct world next = *w;

    if (w->buffered[thread] == 0)
        return;
    pop(&next, thread);
    emit(&next, true);
}

bool world_is_locked(const struct world *w, uint32_t queue)
{
    return w->cpu[queue] > CPU_BLOCK_LOCK && w->cpu[queue] < CPU_CHOSEN && mutant != MUTANT_BLOCKED_UNLOCKED;
}

/* --- Posters -----------------------------------------------------------------------------------------------
 */

/* cpu_raise(): the interrupt comes from whoever raises attention first; a CPU itself looks before it enters.
 */
static void kick(struct world *w, uint32_t target, uint32_t thread)
{
    world_drain(w, thread);
    if (w->attention[target] == 0 || target == thread)
        w->kick[target] = true;
    w->attention[target] |= ATTENTION_QUEUE;
}

/* Takes an idle CPU out of the set. */
static bool take_idle(struct world *w, uint32_t cpu, uint32_t thread)
{
    if (world_load(w, thread, VAR_IDLE0 + cpu) == 0)
        return false;
    world_drain(w, thread);
    if (w->memory[VAR_IDLE0 + cpu] == 0)
        return false;
    w->memory[VAR_IDLE0 + cpu] = 0;
    return true;
}

/* sched_enqueue() under the lock. `choosing`: this thread is the CPU itself, before it chooses. */
static void queue_ours(struct world *w, struct poster *p, uint32_t thread, bool choosing, bool preempts)
{
    uint8_t target = p->target;

    world_drain(w, thread);
    if (w->queued[0] || w->queued[1] || w->running[0] == RUN_OURS || w->running[1] == RUN_OURS) {
        violation = "queued twice, or while it runs";
        return;
    }
    p->kick = true;
    if (w->running[target] != RUN_NOBODY && !preempts && (w->sliced || mutant == MUTANT_NO_KICK_IF_UNSLICED))
        p->kick = false;
    if (target == thread && choosing)
        p->kick = false;
    if (mutant == MUTANT_NO_KICK && w->running[target] == RUN_NOBODY)
        p->kick = false;
    p->offer = !w->pinned && (w->running[target] != RUN_NOBODY || (target == 0 && w->other_queued));
    w->queued[target] = true;
    w->memory[VAR_CPU] = target;
    /* Handed to a CPU that has nobody: no thief sees it, and that CPU starts it next. */
    if (w->pinned || (target == 1 && w->running[1] == RUN_NOBODY))
        return;
    if (mutant == MUTANT_WAITING_RELAXED)
        world_store(w, thread, VAR_WAITING0 + target, 1);
    else
        w->memory[VAR_WAITING0 + target] = 1;
}

static void poster_wake(struct world *w, struct poster *p, uint32_t thread)
{
    world_drain(w, thread);
    p->at = POSTER_DONE;
    if (w->memory[VAR_BLOCKED] != 0 || mutant == MUTANT_WAKE_WITHOUT_EXCHANGE) {
        w->memory[VAR_BLOCKED] = 0;
        p->at = POSTER_LOADED;
    }
}

static void poster_place(struct world *w, struct poster *p, uint32_t thread)
{
    uint32_t other = 1 - p->target;

    if (p->at == POSTER_LOADED) {
        p->loaded = world_load(w, thread, VAR_LOADED);
        p->target = world_load(w, thread, VAR_CPU);
        p->at = w->pinned ? POSTER_QUEUE : POSTER_PLACE_HERE;
        if (p->loaded != 0 && mutant != MUTANT_WAKE_IGNORES_LOADED) {
            p->target = (uint8_t)(p->loaded - 1);
            p->at = POSTER_QUEUE;
        }
    } else if (p->at == POSTER_PLACE_HERE) {
        p->at = take_idle(w, p->target, thread) ? POSTER_QUEUE : POSTER_PLACE_OTHER;
    } else {
        if (take_idle(w, other, thread))
            p->target = (uint8_t)other;
        p->at = POSTER_QUEUE;
    }
}

void step_poster(const struct world *w, uint32_t number, uint32_t thread, emit_fn *emit)
{
    struct world next = *w;
    struct poster *p = &next.poster[number];
    bool choosing = number == 1 && w->cpu[1] == CPU_POST; /* CPU 1's timers, in its loop */

    if ((p->at == POSTER_QUEUE || p->at == POSTER_OFFER) && world_is_locked(w, p->target))
        return;
    switch ((enum poster_at)p->at) {
    case POSTER_EVENT:
        world_drain(&next, thread);
        next.event = true;
        p->at = POSTER_REQUEST;
        /* vcpu_event_here(): its registers are here, so it is this CPU that looks before it enters or blocks.
         */
        if (number == 1 && (world_load(w, thread, VAR_LOADED) == 2 || mutant == MUTANT_HERE_IGNORES_LOADED))
            p->at = world_load(w, thread, VAR_BLOCKED) != 0 ? POSTER_EXCHANGE : POSTER_DONE;
        break;
    case POSTER_REQUEST:
        store_full(&next, thread, VAR_REQUESTS, 1, MUTANT_REQUEST_RELAXED);
        p->at = POSTER_STATE;
        break;
    case POSTER_STATE:
        p->at = world_load(w, thread, VAR_BLOCKED) != 0 ? POSTER_EXCHANGE : POSTER_IN_GUEST;
        break;
    case POSTER_EXCHANGE:
        poster_wake(&next, p, thread);
        break;
    case POSTER_LOADED:
    case POSTER_PLACE_HERE:
    case POSTER_PLACE_OTHER:
        poster_place(&next, p, thread);
        break;
    case POSTER_QUEUE:
        if (w->running[p->target] != RUN_NOBODY) {
            queue_ours(&next, p, thread, choosing, true);
            p->at = POSTER_KICK;
            emit(&next, true);
            next = *w;
            p = &next.poster[number];
        }
        queue_ours(&next, p, thread, choosing, false);
        p->at = POSTER_KICK;
        break;
    case POSTER_KICK:
        if (p->kick && mutant == MUTANT_KICK_BEFORE_ATTENTION && p->target != thread) {
            next.kick[p->target] = true;
            p->at = POSTER_ATTENTION_LATE;
            break;
        }
        if (p->kick)
            kick(&next, p->target, thread);
        p->at = p->offer && mutant != MUTANT_NO_OFFER_AT_QUEUE ? POSTER_OFFER : POSTER_DONE;
        break;
    case POSTER_ATTENTION_LATE:
        next.attention[p->target] |= ATTENTION_QUEUE;
        p->at = p->offer && mutant != MUTANT_NO_OFFER_AT_QUEUE ? POSTER_OFFER : POSTER_DONE;
        break;
    case POSTER_OFFER: /* the queue's lock: somebody still waits there? */
        if (mutant != MUTANT_WAITING_RELAXED)
            world_drain(&next, thread);
        p->at = w->queued[p->target] ? POSTER_OFFER_LOOK : POSTER_DONE;
        break;
    case POSTER_OFFER_LOOK:
        if (take_idle(&next, 1, thread))
            kick(&next, 1, thread);
        p->at = POSTER_DONE;
        break;
    case POSTER_IN_GUEST:
        p->at = world_load(w, thread, VAR_IN_GUEST) != 0 ? POSTER_CPU : POSTER_DONE;
        break;
    case POSTER_CPU:
        if (mutant != MUTANT_POKE_WHERE_IT_BEGAN)
            p->cpu = world_load(w, thread, VAR_CPU);
        if (p->cpu != thread && mutant != MUTANT_NO_POKE)
            next.poke[p->cpu] = true;
        p->at = POSTER_DONE;
        break;
    case POSTER_DONE:
        return;
    }
    if (p->at == POSTER_DONE) { /* what it remembers no longer matters */
        *p = (struct poster){.at = POSTER_DONE};
    }
    emit(&next, true);
}

void step_far_poster(const struct world *w, emit_fn *emit)
{
    step_poster(w, 2, CPUS, emit);
}
