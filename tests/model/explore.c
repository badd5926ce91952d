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

struct node {
    uint8_t key[PACKED_BYTES];
    uint32_t parent;
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
    uint32_t *table; /* open addressing: index of a node, or NO_STATE */
    uint32_t table_size;
} seen;

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

static uint64_t hash_of(const uint8_t key[PACKED_BYTES])
{
    uint64_t hash = 0, word;

    for (unsigned i = 0; i + 8 <= PACKED_BYTES; i += 8) {
        memcpy(&word, key + i, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash ^ hash >> 32;
}

static uint32_t *find(const uint8_t key[PACKED_BYTES])
{
    uint64_t at = hash_of(key);

    for (;; at++) {
        uint32_t *entry = &seen.table[at & (seen.table_size - 1)];

        if (*entry == NO_STATE || memcmp(seen.nodes[*entry].key, key, PACKED_BYTES) == 0)
            return entry;
    }
}

static void rehash(uint32_t size)
{
    free(seen.table);
    seen.table = malloc(size * sizeof(*seen.table));
    if (seen.table == NULL)
        abort();
    seen.table_size = size;
    memset(seen.table, 0xff, size * sizeof(*seen.table));
    for (uint32_t i = 0; i < seen.count; i++)
        *find(seen.nodes[i].key) = i;
}

static void add(const uint8_t key[PACKED_BYTES], uint32_t parent)
{
    uint32_t *entry = find(key);

    if (*entry != NO_STATE)
        return;
    if (seen.count == seen.capacity) {
        seen.capacity *= 2;
        seen.nodes = realloc(seen.nodes, seen.capacity * sizeof(*seen.nodes));
        if (seen.nodes == NULL)
            abort();
    }
    memcpy(seen.nodes[seen.count].key, key, PACKED_BYTES);
    seen.nodes[seen.count].parent = parent;
    *entry = seen.count++;
    if (seen.count > seen.table_size / 2)
        rehash(seen.table_size * 2);
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
            add(key, at);
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
    rehash(1u << 18);
    world_start(&w);
    if (setjmp(back) != 0)
        abort();
    world_pack(&w, key);
    add(key, NO_STATE);
    *result = (struct explored){0};
    for (uint32_t at = 0; at < seen.count && fine; at++)
        fine = expand(at, result);
    result->states = seen.count;
    free(seen.nodes);
    free(seen.table);
    seen.table = NULL;
    return fine;
}
