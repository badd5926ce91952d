/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explorer: from the first world, every choice of every step, breadth first, each world once. A broken
 * rule ends it with the shortest path that breaks it. Worlds are kept whole (packed), not as hashes: nothing
 * is missed.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/choices.h"
#include "tests/model/explore.h"
#include "tests/model/world.h"

#define DRAIN_EVERY 16 /* one state of so many is drained, all of the first DRAIN_ALL */
#define DRAIN_ALL   20000
#define DRAIN_STEPS 200
#define NO_STATE    UINT32_MAX
#define FOUND_MAX   32

struct node {
    uint8_t key[PACKED_BYTES];
    uint32_t parent;
};

/* The hash stands beside the index, so that only what is very likely the same world is compared. */
struct slot {
    uint32_t hash;
    uint32_t index; /* of a node, or NO_STATE */
};

/* Where a step led to, not yet looked up. */
struct found {
    uint8_t key[PACKED_BYTES];
    uint32_t hash;
};

enum outcome {
    OUTCOME_WORLD = 1,
    OUTCOME_PRUNED,
    OUTCOME_TOO_DEEP,
    OUTCOME_BROKEN,
};

const struct scenario *scenario;

static struct {
    struct node *nodes;
    uint32_t count, capacity;
    struct slot *table; /* open addressing */
    uint32_t table_size;
} seen;

/* The table lies all over memory: a world's slot is fetched while the next worlds are made. */
static struct {
    struct found found[FOUND_MAX];
    uint32_t count;
} fresh;

static jmp_buf back;
static const char *broken_rule;

/* Not NULL: no choices, but a guest that does what it can to have everything delivered. */
static const struct world *willing;

/* Returns from handlers, then opens whatever holds events back. */
static unsigned willing_choice(unsigned n)
{
    if (n != INSN_CHOICES)
        return 0;
    if (willing->cpu.depth != 0)
        return INSN_IRET;
    if (!willing->cpu.gif)
        return INSN_STGI;
    if (willing->cpu.tpr_high)
        return INSN_TPR_DOWN;
    if (willing->cpu.tf)
        return INSN_CLEAR_TF;
    return willing->cpu.interrupts ? INSN_PLAIN : INSN_STI;
}

unsigned choose(unsigned n)
{
    if (willing != NULL)
        return willing_choice(n);
    return choices_take(n);
}

void broken(const char *rule)
{
    broken_rule = rule;
    longjmp(back, OUTCOME_BROKEN);
}

void prune(void)
{
    longjmp(back, OUTCOME_PRUNED);
}

void prune_depth(void)
{
    longjmp(back, OUTCOME_TOO_DEEP);
}

/* --- The set of worlds seen
 * --------------------------------------------------------------------------------- */

static uint32_t hash_of(const uint8_t key[PACKED_BYTES])
{
    uint64_t hash = 0, word;

    for (unsigned i = 0; i + 8 <= PACKED_BYTES; i += 8) {
        memcpy(&word, key + i, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static struct slot *first_slot(uint32_t hash)
{
    return &seen.table[hash & (seen.table_size - 1)];
}

static struct slot *free_slot(uint32_t hash)
{
    while (seen.table[hash & (seen.table_size - 1)].index != NO_STATE)
        hash++;
    return first_slot(hash);
}

static void grow_table(uint32_t size)
{
    struct slot *old = seen.table;
    uint32_t old_size = seen.table_size;

    seen.table = malloc(size * sizeof(*seen.table));
    if (seen.table == NULL)
        abort();
    seen.table_size = size;
    memset(seen.table, 0xff, size * sizeof(*seen.table));
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i].index != NO_STATE)
            *free_slot(old[i].hash) = old[i];
    free(old);
}

static void add(const struct found *found, uint32_t parent)
{
    struct slot *slot;

    for (uint32_t at = found->hash;; at++) {
        slot = first_slot(at);
        if (slot->index == NO_STATE)
            break;
        if (slot->hash == found->hash && memcmp(seen.nodes[slot->index].key, found->key, PACKED_BYTES) == 0)
            return;
    }
    if (seen.count == seen.capacity) {
        seen.capacity *= 2;
        seen.nodes = realloc(seen.nodes, seen.capacity * sizeof(*seen.nodes));
        if (seen.nodes == NULL)
            abort();
    }
    memcpy(seen.nodes[seen.count].key, found->key, PACKED_BYTES);
    seen.nodes[seen.count].parent = parent;
    *slot = (struct slot){found->hash, seen.count++};
    if (seen.count > seen.table_size / 2)
        grow_table(seen.table_size * 2);
}

static void add_fresh(uint32_t parent)
{
    for (uint32_t i = 0; i < fresh.count; i++) {
        const struct slot *slot = first_slot(fresh.found[i].hash);

        if (slot->hash == fresh.found[i].hash)
            __builtin_prefetch(&seen.nodes[slot->index]);
    }
    for (uint32_t i = 0; i < fresh.count; i++)
        add(&fresh.found[i], parent);
    fresh.count = 0;
}

/* A world that a step from `parent` led to. */
static void note(const uint8_t key[PACKED_BYTES], uint32_t parent)
{
    struct found *found;

    if (fresh.count == FOUND_MAX)
        add_fresh(parent);
    found = &fresh.found[fresh.count++];
    memcpy(found->key, key, PACKED_BYTES);
    found->hash = hash_of(key);
    __builtin_prefetch(first_slot(found->hash));
}

/* --- Exploring
 * ------------------------------------------------------------------------------------------------ */

void world_start(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->st.way = (uint8_t)scenario->way;
    w->st.caps = scenario->caps;
    w->left = scenario->budget;
    cpu_start(&w->cpu);
    bare_start(&w->bare);
}

void world_step(struct world *w)
{
    if (w->in_guest)
        cpu_step(w);
    else
        hv_step(w);
}

/* One step along the current choices. */
static enum outcome follow(struct world *w, uint8_t key[PACKED_BYTES])
{
    int outcome = setjmp(back);

    if (outcome != 0)
        return (enum outcome)outcome;
    choices_rewind();
    world_step(w);
    world_pack(w, key);
    return OUTCOME_WORLD;
}

static bool anything_waits(const struct world *w)
{
    return w->bare.nmi_waiting != 0 || w->bare.irq_waiting != 0 || w->bare.irq_taken != 0 ||
           w->bare.due != EV_NONE;
}

/* From here, does a willing guest get everything? Prompt delivery is checked on every path; this asks for an
 * end. */
static enum outcome drain(struct world *w)
{
    enum outcome outcome = OUTCOME_WORLD;
    uint8_t key[PACKED_BYTES], before[PACKED_BYTES] = {0};
    bool dead = false; /* halted for good by the architecture's rules, which each step checks */

    willing = w;
    for (unsigned step = 0; step < DRAIN_STEPS && outcome == OUTCOME_WORLD && !w->stopped; step++) {
        if (!anything_waits(w))
            break;
        outcome = follow(w, key);
        if (w->halted && memcmp(key, before, sizeof(key)) == 0) {
            dead = true;
            break;
        }
        memcpy(before, key, sizeof(before));
    }
    willing = NULL;
    if (outcome == OUTCOME_WORLD && !dead && anything_waits(w) && !w->stopped) {
        broken_rule = "an event is never delivered";
        outcome = OUTCOME_BROKEN;
    }
    return outcome;
}

static void print_path(uint32_t at)
{
    struct world w;
    uint32_t path[64];
    uint32_t length = 0;

    for (; at != NO_STATE && length < 64; at = seen.nodes[at].parent)
        path[length++] = at;
    while (length-- > 0) {
        world_unpack(&w, seen.nodes[path[length]].key);
        world_print(&w);
    }
}

static bool report(uint32_t at, const struct world *w)
{
    printf("%s: BROKEN: %s\n", scenario->name, broken_rule);
    if (getenv("MODEL_QUIET") != NULL)
        return false;
    print_path(at);
    printf("  then:\n");
    world_print(w);
    return false;
}

static bool expand(uint32_t at, struct explored *result)
{
    uint8_t key[PACKED_BYTES];
    struct world start, w;

    world_unpack(&start, seen.nodes[at].key);
    if (at % DRAIN_EVERY == 0 || at < DRAIN_ALL) {
        w = start;
        result->drained++;
        if (drain(&w) == OUTCOME_BROKEN)
            return report(at, &w);
    }
    choices_clear();
    do {
        w = start;
        switch (follow(&w, key)) {
        case OUTCOME_WORLD:
            result->steps++;
            note(key, at);
            break;
        case OUTCOME_PRUNED:
            break;
        case OUTCOME_TOO_DEEP:
            result->too_deep++;
            break;
        case OUTCOME_BROKEN:
            return report(at, &w);
        }
    } while (choices_next());
    add_fresh(at);
    return true;
}

bool explore(const struct scenario *what, struct explored *result)
{
    uint8_t key[PACKED_BYTES];
    struct world w;
    bool fine = true;

    scenario = what;
    seen.count = 0;
    seen.capacity = 1u << 16;
    seen.nodes = malloc(seen.capacity * sizeof(*seen.nodes));
    if (seen.nodes == NULL)
        abort();
    fresh.count = 0;
    seen.table_size = 0;
    grow_table(1u << 18);
    world_start(&w);
    if (setjmp(back) != 0)
        abort();
    world_pack(&w, key);
    note(key, NO_STATE);
    add_fresh(NO_STATE);
    *result = (struct explored){0};
    for (uint32_t at = 0; at < seen.count && fine; at++)
        fine = expand(at, result);
    result->states = seen.count;
    free(seen.nodes);
    free(seen.table);
    seen.table = NULL;
    return fine;
}
