/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of a CPU: sched_loop(), x86_prepare_entry(), the last look before the entry, vcpu_block(). */
#include "tests/model/wake/wake.h"

#include <string.h>

static void go(struct world *w, uint32_t cpu, enum cpu_at at)
{
    w->cpu[cpu] = (uint8_t)at;
}

/* Taken out of a queue, under its lock. */
static void take_out(struct world *w, uint32_t from)
{
    w->queued[from] = false;
    w->memory[VAR_WAITING0 + from] = 0;
}

static void begin_ours(struct world *w, uint32_t cpu)
{
    if (w->running[1 - cpu] == RUN_OURS)
        violation = "runs on both CPUs";
    w->running[cpu] = RUN_OURS;
}

/* --- Choosing ----------------------------------------------------------------------------------------------
 */

/* CPU 1 has nobody but ours. `then`: where it goes with somebody. */
static void choose_alone(struct world *w, enum cpu_at then, emit_fn *emit)
{
    if (w->running[1] == RUN_NOBODY && w->queued[1]) {
        take_out(w, 1);
        begin_ours(w, 1);
    }
    if (w->running[1] != RUN_NOBODY || then == CPU_CHOSEN)
        go(w, 1, then);
    else
        go(w, 1, mutant == MUTANT_STEAL_BEFORE_IDLE ? CPU_STEAL_LOOK : CPU_IDLE_SET);
    emit(w, true);
}

/* CPU 0 has another vCPU too: which of the two goes first is not modelled, so both are tried. */
static void choose_of_two(const struct world *w, enum cpu_at then, emit_fn *emit)
{
    bool ours = w->queued[0] || w->running[0] == RUN_OURS;

    for (uint32_t i = 0; i < 2; i++) {
        struct world next = *w;

        if (i == 0 && ours) {
            if (next.queued[0])
                take_out(&next, 0);
            next.running[0] = RUN_NOBODY;
            begin_ours(&next, 0);
            next.other_queued = true;
        } else if (i == 1) {
            if (next.running[0] == RUN_OURS) {
                next.queued[0] = true;
                next.memory[VAR_WAITING0] = !next.pinned;
                next.memory[VAR_CPU] = 0;
            }
            next.running[0] = RUN_OTHER;
            next.other_queued = false;
        } else {
            continue;
        }
        next.sliced = next.slice_armed = next.queued[0] || next.other_queued || next.crowded;
        go(&next, 0, then);
        emit(&next, true);
    }
}

/* Under the queue's lock. */
static void choose(struct world *w, uint32_t cpu, enum cpu_at then, emit_fn *emit)
{
    world_drain(w, cpu);
    if (cpu == 0)
        choose_of_two(w, then, emit);
    else
        choose_alone(w, then, emit);
}

/* vcpu_block() has chosen: no round if there is nothing else to look at, which may be due any time. */
static void step_chosen(const struct world *w, uint32_t cpu, emit_fn *emit)
{
    struct world next = *w;

    go(&next, cpu, CPU_CLEAR);
    emit(&next, true);
    if (w->running[cpu] == RUN_NOBODY || w->attention[cpu] != 0)
        return;
    go(&next, cpu, CPU_LOAD);
    emit(&next, true);
}

/* --- Loading -----------------------------------------------------------------------------------------------
 */

static enum cpu_at entry_of(const struct world *w, uint32_t cpu)
{
    if (w->running[cpu] != RUN_OURS)
        return CPU_OTHER_GUEST;
    return w->current[cpu] == RUN_OURS ? CPU_PREPARE : CPU_LOAD_OURS;
}

static void load(struct world *w, uint32_t cpu)
{
    if (w->current[cpu] == w->running[cpu])
        go(w, cpu, w->running[cpu] == RUN_OURS ? CPU_PREPARE : CPU_OTHER_GUEST);
    else if (w->current[cpu] == RUN_OURS)
        go(w, cpu, CPU_PUT_SAVE);
    else
        go(w, cpu, entry_of(w, cpu));
}

static void put(struct world *w, uint32_t cpu)
{
    bool save = (w->cpu[cpu] == CPU_PUT_SAVE) != (mutant == MUTANT_UNLOADED_BEFORE_PUT);

    if (save)
        world_store(w, cpu, VAR_SAVED, 1);
    else
        world_store(w, cpu, VAR_LOADED, 0);
    if (w->cpu[cpu] == CPU_PUT_SAVE) {
        go(w, cpu, CPU_PUT_UNLOADED);
        return;
    }
    w->current[cpu] = RUN_NOBODY;
    go(w, cpu, mutant == MUTANT_NO_OFFER_AT_PUT || w->pinned ? entry_of(w, cpu) : CPU_OFFER);
}

static void load_ours(struct world *w, uint32_t cpu)
{
    if (world_load(w, cpu, VAR_LOADED) != 0)
        violation = "loaded while another CPU has its registers";
    else if (world_load(w, cpu, VAR_SAVED) == 0)
        violation = "loaded before its registers were saved";
    world_store(w, cpu, VAR_SAVED, 0);
    world_store(w, cpu, VAR_LOADED, (uint8_t)(cpu + 1));
    w->current[cpu] = RUN_OURS;
    go(w, cpu, CPU_PREPARE);
}

/* --- Idle --------------------------------------------------------------------------------------------------
 */

static void idle_set(struct world *w, uint32_t cpu)
{
    if (mutant == MUTANT_IDLE_RELAXED) {
        world_store(w, cpu, VAR_IDLE0 + cpu, 1);
    } else {
        world_drain(w, cpu);
        w->memory[VAR_IDLE0 + cpu] = 1;
    }
}

static void step_idle(struct world *w, uint32_t cpu)
{
    switch ((enum cpu_at)w->cpu[cpu]) {
    case CPU_IDLE_SET:
        idle_set(w, cpu);
        go(w, cpu, mutant == MUTANT_NO_STEAL_LOOK ? CPU_HALT_LOOK : CPU_STEAL_LOOK);
        break;
    case CPU_STEAL_LOOK:
        go(w, cpu, CPU_STEAL);
        if (world_load(w, cpu, VAR_WAITING0 + (1 - cpu)) == 0)
            go(w, cpu, mutant == MUTANT_STEAL_BEFORE_IDLE ? CPU_IDLE_SET_LATE : CPU_HALT_LOOK);
        break;
    case CPU_STEAL: /* with the other queue's lock */
        world_drain(w, cpu);
        go(w, cpu, mutant == MUTANT_STEAL_BEFORE_IDLE ? CPU_IDLE_SET_LATE : CPU_HALT_LOOK);
        if (w->queued[1 - cpu] && (w->memory[VAR_LOADED] == 0 || mutant == MUTANT_STEAL_IGNORES_LOADED)) {
            take_out(w, 1 - cpu);
            go(w, cpu, CPU_ADOPT);
        }
        break;
    case CPU_IDLE_SET_LATE:
        idle_set(w, cpu);
        go(w, cpu, CPU_HALT_LOOK);
        break;
    case CPU_ADOPT: /* this queue's lock */
        world_drain(w, cpu);
        if (mutant != MUTANT_CPU_AFTER_IN_GUEST)
            w->memory[VAR_CPU] = (uint8_t)cpu;
        begin_ours(w, cpu);
        w->memory[VAR_IDLE0 + cpu] = 0;
        go(w, cpu, CPU_LOAD);
        break;
    case CPU_HALT_LOOK:
        go(w, cpu, w->attention[cpu] != 0 ? CPU_IDLE_END : CPU_HALT);
        break;
    case CPU_HALT: /* an interrupt is there */
        w->kick[cpu] = w->poke[cpu] = false;
        go(w, cpu, CPU_IDLE_END);
        break;
    default: /* CPU_IDLE_END */
        world_drain(w, cpu);
        w->memory[VAR_IDLE0 + cpu] = 0;
        go(w, cpu, CPU_CLEAR);
        break;
    }
}

/* --- Running ours ------------------------------------------------------------------------------------------
 */

static void step_block(struct world *w, uint32_t cpu)
{
    switch ((enum cpu_at)w->cpu[cpu]) {
    case CPU_BLOCK_LOCK:
        world_drain(w, cpu);
        go(w, cpu, CPU_BLOCK_STORE);
        break;
    case CPU_BLOCK_STORE:
        if (mutant == MUTANT_BLOCKED_RELAXED) {
            world_store(w, cpu, VAR_BLOCKED, 1);
        } else {
            world_drain(w, cpu);
            w->memory[VAR_BLOCKED] = 1;
        }
        go(w, cpu, mutant == MUTANT_NO_BLOCK_LOOK ? CPU_BLOCK_CHOOSE : CPU_BLOCK_LOOK);
        break;
    case CPU_BLOCK_LOOK:
        go(w, cpu, world_load(w, cpu, VAR_REQUESTS) != 0 ? CPU_BLOCK_UNDO : CPU_BLOCK_CHOOSE);
        break;
    default: /* CPU_BLOCK_UNDO */
        world_drain(w, cpu);
        if (w->memory[VAR_BLOCKED] == 0 && mutant != MUTANT_UNDO_WITHOUT_EXCHANGE) { /* a poster has it */
            go(w, cpu, CPU_BLOCK_CHOOSE);
            break;
        }
        w->memory[VAR_BLOCKED] = 0;
        go(w, cpu, CPU_PREPARE);
        break;
    }
}

/* The back end's last look. */
static void step_entry(struct world *w, uint32_t cpu)
{
    bool publish = (w->cpu[cpu] == CPU_PUBLISH) != (mutant == MUTANT_LOOK_BEFORE_IN_GUEST);
    bool first = w->cpu[cpu] == CPU_PUBLISH;

    if (publish && mutant == MUTANT_IN_GUEST_RELAXED) {
        world_store(w, cpu, VAR_IN_GUEST, 1);
    } else if (publish) {
        world_drain(w, cpu);
        w->memory[VAR_IN_GUEST] = 1;
    } else if (mutant != MUTANT_NO_LAST_LOOK &&
               (world_load(w, cpu, VAR_REQUESTS) != 0 || w->attention[cpu] != 0 || w->event)) {
        if (!first)
            world_store(w, cpu, VAR_IN_GUEST, 0);
        go(w, cpu, CPU_PREPARE);
        return;
    }
    go(w, cpu, first ? CPU_LAST_LOOK : mutant == MUTANT_CPU_AFTER_IN_GUEST ? CPU_CPU_LATE : CPU_GUEST);
}

/* Between exit and entry, of either vCPU. */
static void step_attention(struct world *w, uint32_t cpu)
{
    bool ours = w->running[cpu] == RUN_OURS;

    if (w->attention[cpu] == 0) {
        go(w, cpu, ours ? CPU_EVENT : CPU_OTHER_GUEST);
    } else if (w->attention[cpu] == ATTENTION_TIMER ||
               (mutant == MUTANT_TIMER_TAKES_ALL && (w->attention[cpu] & ATTENTION_TIMER) != 0)) {
        world_drain(w, cpu);
        w->attention[cpu] = 0;
        go(w, cpu, CPU_TIMERS);
    } else {
        go(w, cpu, CPU_CLEAR);
    }
}

/* CPU 0's timer is the slice's, or one that has nothing to say; CPU 1's post. */
static void step_timers(const struct world *w, uint32_t cpu, emit_fn *emit)
{
    struct world next = *w;

    if (cpu == 1 && w->poster[1].at != POSTER_DONE) {
        step_poster(w, 1, cpu, emit);
        return;
    }
    if (cpu == 0 && w->slice_over && mutant != MUTANT_SLICE_STAYS)
        next.attention[0] |= ATTENTION_QUEUE;
    next.slice_over = false;
    go(&next, cpu, w->running[cpu] == RUN_OURS ? CPU_PREPARE : CPU_ATTENTION);
    emit(&next, true);
}

static void step_ours(struct world *w, uint32_t cpu)
{
    switch ((enum cpu_at)w->cpu[cpu]) {
    case CPU_PREPARE:
        go(w, cpu, world_load(w, cpu, VAR_REQUESTS) != 0 ? CPU_TAKE_REQUESTS : CPU_ATTENTION);
        break;
    case CPU_TAKE_REQUESTS:
        world_drain(w, cpu);
        w->memory[VAR_REQUESTS] = 0;
        go(w, cpu, CPU_PREPARE);
        break;
    case CPU_EVENT: /* delivered, and it ends HLT */
        if (w->event) {
            world_drain(w, cpu);
            w->event = false;
            w->halted = false;
        }
        go(w, cpu, w->halted ? CPU_BLOCK_LOCK : CPU_PUBLISH);
        break;
    default: /* CPU_CPU_LATE */
        world_store(w, cpu, VAR_CPU, (uint8_t)cpu);
        go(w, cpu, CPU_GUEST);
        break;
    }
}

static bool timer_may_fire(const struct world *w, uint32_t cpu)
{
    return cpu == 0 ? w->slice_armed : w->poster[1].at == POSTER_EVENT;
}

/* In the guest: an interrupt is forced, HLT is the guest's own idea, the slice's end comes if it was armed.
 */
static void step_guest(const struct world *w, uint32_t cpu, emit_fn *emit)
{
    bool ours = w->cpu[cpu] == CPU_GUEST;
    struct world next = *w;

    if (ours) {
        next.halted = true;
        world_store(&next, cpu, VAR_IN_GUEST, 0);
        go(&next, cpu, CPU_PREPARE);
        emit(&next, false);
    } else if (w->poster[0].at != POSTER_DONE) {
        step_poster(w, 0, cpu, emit);
    }
    next = *w;
    if (ours)
        world_store(&next, cpu, VAR_IN_GUEST, 0);
    go(&next, cpu, ours ? CPU_PREPARE : CPU_ATTENTION);
    if (w->kick[cpu] || w->poke[cpu]) {
        next.kick[cpu] = next.poke[cpu] = false;
        emit(&next, true);
        if (cpu == 0) { /* and another timer at the same time */
            next.attention[0] |= ATTENTION_TIMER;
            emit(&next, true);
        }
    } else if (timer_may_fire(w, cpu)) {
        next.attention[cpu] |= ATTENTION_TIMER;
        next.slice_over = cpu == 0;
        next.slice_armed &= cpu != 0;
        emit(&next, cpu == 0);
    }
}

void step_cpu(const struct world *w, uint32_t cpu, emit_fn *emit)
{
    struct world next = *w;

    switch ((enum cpu_at)w->cpu[cpu]) {
    case CPU_CLEAR:
        world_drain(&next, cpu);
        next.attention[cpu] = 0;
        go(&next, cpu, cpu == 1 ? CPU_POST : CPU_CHOOSE);
        break;
    case CPU_POST: /* once, at some round or other */
        if (w->poster[1].at != POSTER_DONE)
            step_poster(w, 1, cpu, emit);
        if (w->poster[1].at != POSTER_EVENT && w->poster[1].at != POSTER_DONE)
            return;
        go(&next, cpu, CPU_CHOOSE);
        break;
    case CPU_CHOOSE:
        choose(&next, cpu, CPU_LOAD, emit);
        return;
    case CPU_BLOCK_CHOOSE:
        next.running[cpu] = RUN_NOBODY;
        choose(&next, cpu, CPU_CHOSEN, emit);
        return;
    case CPU_CHOSEN:
        step_chosen(w, cpu, emit);
        return;
    case CPU_LOAD:
        load(&next, cpu);
        break;
    case CPU_PUT_SAVE:
    case CPU_PUT_UNLOADED:
        put(&next, cpu);
        break;
    case CPU_OFFER: /* the queue's lock */
        world_drain(&next, cpu);
        go(&next, cpu, w->queued[cpu] ? CPU_OFFER_LOOK : entry_of(w, cpu));
        break;
    case CPU_OFFER_LOOK:
        world_drain(&next, cpu);
        if (next.memory[VAR_IDLE0 + (1 - cpu)] != 0) {
            next.memory[VAR_IDLE0 + (1 - cpu)] = 0;
            next.kick[1 - cpu] |= next.attention[1 - cpu] == 0;
            next.attention[1 - cpu] |= ATTENTION_QUEUE;
        }
        go(&next, cpu, entry_of(w, cpu));
        break;
    case CPU_LOAD_OURS:
        load_ours(&next, cpu);
        break;
    case CPU_PUBLISH:
    case CPU_LAST_LOOK:
        step_entry(&next, cpu);
        break;
    case CPU_BLOCK_LOCK:
    case CPU_BLOCK_STORE:
    case CPU_BLOCK_LOOK:
    case CPU_BLOCK_UNDO:
        step_block(&next, cpu);
        break;
    case CPU_PREPARE:
    case CPU_TAKE_REQUESTS:
    case CPU_EVENT:
    case CPU_CPU_LATE:
        step_ours(&next, cpu);
        break;
    case CPU_GUEST:
    case CPU_OTHER_GUEST:
        step_guest(w, cpu, emit);
        return;
    case CPU_HALT:
        if (w->kick[cpu] || w->poke[cpu]) {
            step_idle(&next, cpu);
            break;
        }
        if (timer_may_fire(w, cpu)) {
            next.attention[cpu] |= ATTENTION_TIMER;
            go(&next, cpu, CPU_IDLE_END);
            emit(&next, false);
        }
        return;
    case CPU_ATTENTION:
        step_attention(&next, cpu);
        break;
    case CPU_TIMERS:
        step_timers(w, cpu, emit);
        return;
    case CPU_STEAL:
        if (world_is_locked(w, 1 - cpu))
            return;
        step_idle(&next, cpu);
        break;
    case CPU_IDLE_SET:
    case CPU_STEAL_LOOK:
    case CPU_IDLE_SET_LATE:
    case CPU_ADOPT:
    case CPU_HALT_LOOK:
    case CPU_IDLE_END:
        step_idle(&next, cpu);
        break;
    }
    emit(&next, true);
}
