/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Explores every interleaving of the model's steps and of its store buffers. Wrong is: a vCPU in two places,
 * one loaded before its registers are in memory, an event that nobody delivers though nothing moves any more,
 * and a CPU that sleeps beside a vCPU which waits and could run on it. Each barrier, look and step that the
 * protocol has is then left out once, and must be missed.
 *
 *   wake          explores the protocol and all mutants; exit status 0 if only the mutants fail
 */
#include "tests/model/wake/wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATES_MAX (1u << 24) /* a place in the table has 24 bits for its number */
#define TABLE_FROM (1u << 16)
#define TABLE_MAX  (1u << 25)
#define FOUND_MAX  64
#define NO_STATE   UINT32_MAX

const char *const mutant_names[MUTANTS] = {
    [MUTANT_NONE] = "the protocol",
    [MUTANT_IN_GUEST_RELAXED] = "no barrier behind \"in guest\"",
    [MUTANT_BLOCKED_RELAXED] = "no barrier behind \"blocked\"",
    [MUTANT_REQUEST_RELAXED] = "no barrier behind the request",
    [MUTANT_IDLE_RELAXED] = "no barrier behind \"idle\"",
    [MUTANT_WAITING_RELAXED] = "no barrier behind \"somebody waits\"",
    [MUTANT_NO_LAST_LOOK] = "no last look before the entry",
    [MUTANT_NO_BLOCK_LOOK] = "no look behind \"blocked\"",
    [MUTANT_NO_STEAL_LOOK] = "no look at other queues behind \"idle\"",
    [MUTANT_LOOK_BEFORE_IN_GUEST] = "last look before \"in guest\"",
    [MUTANT_STEAL_BEFORE_IDLE] = "look at other queues before \"idle\"",
    [MUTANT_UNLOADED_BEFORE_PUT] = "\"not loaded\" before the registers are saved",
    [MUTANT_CPU_AFTER_IN_GUEST] = "the CPU is written behind \"in guest\"",
    [MUTANT_BLOCKED_UNLOCKED] = "\"blocked\" without the queue's lock",
    [MUTANT_NO_POKE] = "no poke",
    [MUTANT_POKE_WHERE_IT_BEGAN] = "poke where the vCPU began",
    [MUTANT_NO_KICK] = "no kick of an idle CPU",
    [MUTANT_NO_KICK_IF_UNSLICED] = "no kick of a CPU that has no slice timer",
    [MUTANT_WAKE_WITHOUT_EXCHANGE] = "waking without an exchange",
    [MUTANT_UNDO_WITHOUT_EXCHANGE] = "going on without an exchange",
    [MUTANT_WAKE_IGNORES_LOADED] = "a woken vCPU leaves its registers behind",
    [MUTANT_STEAL_IGNORES_LOADED] = "a thief leaves registers behind",
    [MUTANT_NO_OFFER_AT_QUEUE] = "no offer behind queueing",
    [MUTANT_KICK_BEFORE_ATTENTION] = "the interrupt before its reason",
    [MUTANT_TIMER_TAKES_ALL] = "timers seen to in place lose a kick",
    [MUTANT_HERE_IGNORES_LOADED] = "an event without request for a vCPU elsewhere",
    [MUTANT_SLICE_STAYS] = "the end of a slice does not lead to the loop",
    [MUTANT_NO_OFFER_AT_PUT] = "no offer behind putting",
};

/* Every state seen, by number, and where each is found by its hash: eight bits of that, then the number. */
static struct world *states;
static uint32_t state_count;
static uint32_t *table;
static uint32_t table_size;
static uint32_t *stack; /* numbers of states */
static uint32_t depth;
static bool moved;

/* States that a step led to, not yet looked up: their places in the table are on their way from memory. */
static struct {
    struct world world;
    uint64_t hash;
} found[FOUND_MAX];
static uint32_t found_count;

static uint64_t hash_of(const struct world *w)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < sizeof(*w); i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)w + i, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

static uint32_t *place_of(uint64_t hash)
{
    return &table[hash & (table_size - 1)];
}

static uint32_t entry_of(uint64_t hash, uint32_t number)
{
    return (uint32_t)(hash >> 56) << 24 | number;
}

static bool may_be(uint32_t entry, uint64_t hash)
{
    return entry != NO_STATE && entry >> 24 == hash >> 56;
}

static void set_table(uint32_t size)
{
    table_size = size;
    memset(table, 0xff, size * sizeof(*table));
    for (uint32_t i = 0; i < state_count; i++) {
        uint64_t hash = hash_of(&states[i]), at = hash;

        while (*place_of(at) != NO_STATE)
            at++;
        *place_of(at) = entry_of(hash, i);
    }
}

static void visit(const struct world *w, uint64_t hash)
{
    uint64_t at = hash;

    for (; *place_of(at) != NO_STATE; at++)
        if (may_be(*place_of(at), hash) && memcmp(&states[*place_of(at) % STATES_MAX], w, sizeof(*w)) == 0)
            return;
    *place_of(at) = entry_of(hash, state_count);
    states[state_count] = *w;
    stack[depth++] = state_count;
    if (++state_count == STATES_MAX - 1) {
        fprintf(stderr, "wake: more states than the table holds\n");
        exit(2);
    }
    if (state_count > table_size / 2 && table_size < TABLE_MAX)
        set_table(table_size * 8);
}

static void visit_found(void)
{
    for (uint32_t i = 0; i < found_count; i++) {
        uint32_t entry = *place_of(found[i].hash);

        if (may_be(entry, found[i].hash))
            __builtin_prefetch(&states[entry % STATES_MAX]);
    }
    for (uint32_t i = 0; i < found_count; i++)
        visit(&found[i].world, found[i].hash);
    found_count = 0;
}

static void emit(const struct world *next, bool forced)
{
    moved |= forced;
    if (found_count == FOUND_MAX)
        visit_found();
    found[found_count].world = *next;
    found[found_count].hash = hash_of(next);
    __builtin_prefetch(place_of(found[found_count++].hash));
}

static bool posters_done(const struct world *w)
{
    for (uint32_t i = 0; i < POSTERS; i++)
        if (w->poster[i].at != POSTER_DONE && !(i == 1 && w->poster[i].at == POSTER_EVENT))
            return false;
    return true;
}

/* CPU 1 sleeps, CPU 0 is in a guest and has nothing more to say, and ours waits with all it needs. */
static bool sleeps_beside_work(const struct world *w)
{
    for (uint32_t i = 0; i < THREADS; i++)
        if (w->buffered[i] != 0)
            return false;
    return posters_done(w) && w->cpu[1] == CPU_HALT && !w->kick[1] && !w->poke[1] && w->queued[0] &&
           w->memory[VAR_LOADED] == 0 && !w->pinned && w->cpu[0] == CPU_OTHER_GUEST && !w->kick[0];
}

static const char *check(const struct world *w, bool has_moved)
{
    if (violation != NULL)
        return violation;
    if (!has_moved && w->event)
        return "an event is never delivered";
    if (!has_moved && (w->queued[0] || w->queued[1]))
        return "queued, and nobody comes to look";
    return sleeps_beside_work(w) ? "a CPU sleeps while a vCPU waits that could run on it" : NULL;
}

/* Ours and the other vCPU wait on CPU 0, neither CPU has begun. */
static const char *explore_from(enum mutant which, bool pinned, bool crowded)
{
    struct world start;

    memset(&start, 0, sizeof(start));
    start.pinned = pinned;
    start.crowded = crowded;
    /* Three posters where it matters most; two show all that the other starts and the mutants have to show.
     */
    if (pinned || crowded || which != MUTANT_NONE)
        start.poster[pinned ? 1 : 0].at = POSTER_DONE;
    start.queued[0] = true;
    start.other_queued = true;
    start.memory[VAR_SAVED] = 1;
    start.memory[VAR_WAITING0] = !pinned;
    _Static_assert(sizeof(start) % sizeof(uint64_t) == 0, "hashed by words");
    mutant = which;
    violation = NULL;
    depth = state_count = found_count = 0;
    set_table(TABLE_FROM);
    visit(&start, hash_of(&start));
    while (depth > 0) {
        struct world w = states[stack[--depth]];
        const char *wrong;

        moved = false;
        for (uint32_t i = 0; i < THREADS; i++)
            step_buffer(&w, i, emit);
        for (uint32_t i = 0; i < CPUS; i++)
            step_cpu(&w, i, emit);
        step_far_poster(&w, emit);
        wrong = check(&w, moved);
        if (wrong != NULL)
            return wrong;
        visit_found();
    }
    return NULL;
}

static const char *explore(enum mutant which)
{
    const char *wrong = explore_from(which, true, false);
    uint32_t count = state_count;

    if (wrong == NULL)
        wrong = explore_from(which, false, true);
    count += state_count;
    if (wrong == NULL)
        wrong = explore_from(which, false, false);
    state_count += count;
    return wrong;
}

int main(void)
{
    uint32_t caught = 0;
    const char *wrong;

    states = malloc(sizeof(*states) * STATES_MAX);
    stack = malloc(sizeof(*stack) * STATES_MAX);
    table = malloc(sizeof(*table) * TABLE_MAX);
    if (states == NULL || stack == NULL || table == NULL) {
        fprintf(stderr, "wake: no memory\n");
        return 2;
    }
    wrong = explore(MUTANT_NONE);
    printf("wake model: %u states: %s\n", state_count, wrong == NULL ? "nothing wrong" : wrong);
    for (enum mutant m = MUTANT_NONE + 1; m < MUTANTS; m++) {
        const char *missed = explore(m);

        caught += missed != NULL;
        printf("  mutant: %s: %s\n", mutant_names[m], missed != NULL ? missed : "NOT CAUGHT");
    }
    printf("wake model: %u of %u mutants caught\n", caught, (unsigned int)MUTANTS - 1);
    return wrong == NULL && caught == MUTANTS - 1 ? 0 : 1;
}
