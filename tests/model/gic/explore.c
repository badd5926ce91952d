/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explorer: from the first world, every choice of every step, breadth first, each world once. A broken
 * rule ends it with the shortest path that breaks it. A world is kept whole, as the bytes that differ from
 * the first one; worlds live at one address, so the pointers in them are worth keeping.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/model/choices.h"
#include "tests/model/gic/world.h"

#define NO_STATE UINT32_MAX
#define KEY_MAX  4096u
#define PATH_MAX 64u
#define ROW      16u /* words */

struct node {
    uint64_t at; /* in the arena */
    uint32_t size;
    uint32_t parent;
    uint64_t hash;
};

static struct {
    struct node *nodes;
    uint32_t count, capacity;
    uint32_t *table;
    uint32_t table_size;
    uint8_t *arena;
    uint64_t used, arena_size;
} seen;

static struct world first;
static jmp_buf back;
static const char *broken_rule;

enum outcome { WORLD = 1, PRUNED, BROKEN };

unsigned choose(unsigned n)
{
    return choices_take(n);
}

void broken(const char *rule)
{
    broken_rule = rule;
    longjmp(back, BROKEN);
}

void prune(void)
{
    longjmp(back, PRUNED);
}

/* --- Worlds as bytes ---------------------------------------------------------------------------------------
 */

struct key {
    uint32_t size;
    uint8_t bytes[KEY_MAX];
};

/* Pairs of (bytes to skip, byte); 255: skip that many, no byte. `differs` is the word at byte `at`. */
static void encode_word(struct key *key, size_t *last, size_t at, uint64_t differs)
{
    for (; differs != 0; differs >>= 8, at++) {
        if ((differs & 0xff) == 0)
            continue;
        for (; at - *last >= 255; *last += 255)
            key->bytes[key->size++] = 255;
        key->bytes[key->size++] = (uint8_t)(at - *last);
        key->bytes[key->size++] = (uint8_t)differs;
        *last = at;
        if (key->size > KEY_MAX - 64)
            abort();
    }
}

/* Most of a world is as it was in the beginning: looked at by rows of words. */
static void encode(struct key *key)
{
    const uint64_t *now = (const uint64_t *)(const void *)&w, *then = (const uint64_t *)(const void *)&first;
    const size_t words = sizeof(w) / 8;
    size_t last = 0, i = 0;

    key->size = 0;
    while (i < words) {
        size_t end = i + ROW < words ? i + ROW : words;

        if (memcmp(&now[i], &then[i], (end - i) * 8) == 0)
            i = end;
        for (; i < end; i++)
            encode_word(key, &last, i * 8, now[i] ^ then[i]);
    }
}

static void decode(const struct node *node)
{
    const uint8_t *key = seen.arena + node->at;
    uint8_t *bytes = (uint8_t *)&w;
    size_t at = 0;

    memcpy(&w, &first, sizeof(w));
    for (uint32_t i = 0; i < node->size;) {
        uint8_t skip = key[i++];

        at += skip;
        if (skip != 255)
            bytes[at] ^= key[i++];
    }
}

static uint64_t hash_of(const uint8_t *key, uint32_t size)
{
    uint64_t hash = size;

    for (uint32_t i = 0; i < size; i += 8) {
        uint64_t word = 0;

        memcpy(&word, key + i, size - i < 8 ? size - i : 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 31;
    }
    return hash;
}

static uint32_t *find(const uint8_t *key, uint32_t size, uint64_t hash)
{
    for (uint64_t at = hash;; at++) {
        uint32_t *entry = &seen.table[at & (seen.table_size - 1)];
        const struct node *node = &seen.nodes[*entry];

        if (*entry == NO_STATE ||
            (node->hash == hash && node->size == size && memcmp(seen.arena + node->at, key, size) == 0))
            return entry;
    }
}

static void *grow(void *old, uint64_t size)
{
    void *new = realloc(old, size);

    if (new == NULL)
        abort();
    return new;
}

static void rehash(uint32_t size)
{
    seen.table = grow(seen.table, size * sizeof(*seen.table));
    seen.table_size = size;
    memset(seen.table, 0xff, size * sizeof(*seen.table));
    for (uint32_t i = 0; i < seen.count; i++) {
        uint64_t at = seen.nodes[i].hash;

        while (seen.table[at & (size - 1)] != NO_STATE)
            at++;
        seen.table[at & (size - 1)] = i;
    }
}

static void add(const uint8_t *key, uint32_t size, uint32_t parent)
{
    uint64_t hash = hash_of(key, size);
    uint32_t *entry = find(key, size, hash);

    if (*entry != NO_STATE)
        return;
    if (seen.count == seen.capacity)
        seen.nodes = grow(seen.nodes, (seen.capacity *= 2) * sizeof(*seen.nodes));
    if (seen.used + size > seen.arena_size)
        seen.arena = grow(seen.arena, seen.arena_size *= 2);
    memcpy(seen.arena + seen.used, key, size);
    seen.nodes[seen.count] = (struct node){seen.used, size, parent, hash};
    seen.used += size;
    *entry = seen.count++;
    if (seen.count > seen.table_size / 2)
        rehash(seen.table_size * 2);
}

/* --- Exploring ---------------------------------------------------------------------------------------------
 */

static enum outcome follow(void)
{
    int outcome = setjmp(back);

    if (outcome != 0)
        return (enum outcome)outcome;
    choices_rewind();
    world_step();
    world_check();
    world_normalise();
    return WORLD;
}

static void report(uint32_t at)
{
    uint32_t path[PATH_MAX], length = 0;
    struct world last = w;

    printf("%s: BROKEN: %s\n", scenario->name, broken_rule);
    if (getenv("MODEL_QUIET") != NULL)
        return;
    for (; at != NO_STATE && length < PATH_MAX; at = seen.nodes[at].parent)
        path[length++] = at;
    while (length-- > 0) {
        decode(&seen.nodes[path[length]]);
        world_print();
    }
    printf("  then:\n");
    w = last;
    world_print();
}

static uint64_t step_count;

static bool expand(uint32_t at)
{
    static struct key key;
    static struct world start;

    decode(&seen.nodes[at]);
    start = w;
    choices_clear();
    do {
        w = start;
        switch (follow()) {
        case WORLD:
            step_count++;
            encode(&key);
            add(key.bytes, key.size, at);
            break;
        case PRUNED:
            break;
        case BROKEN:
            report(at);
            return false;
        }
    } while (choices_next());
    return true;
}

static bool explore(void)
{
    bool fine = true;

    seen.count = 0;
    seen.capacity = 1u << 16;
    seen.used = 0;
    seen.arena_size = 1u << 24;
    seen.nodes = grow(seen.nodes, seen.capacity * sizeof(*seen.nodes));
    seen.arena = grow(seen.arena, seen.arena_size);
    rehash(1u << 18);
    if (setjmp(back) != 0) {
        printf("%s: BROKEN at the start: %s\n", scenario->name, broken_rule);
        return false;
    }
    world_start();
    world_check();
    world_normalise();
    first = w;
    add(NULL, 0, NO_STATE);
    for (uint32_t at = 0; at < seen.count && fine; at++)
        fine = expand(at);
    return fine;
}

/* --- Scenarios ---------------------------------------------------------------------------------------------
 */

/* clang-format off */
#define W(what)     (1u << WRITE_##what)
#define ENABLES     (W(ENABLE) | W(DISABLE))
#define PENDINGS    (W(SET_PENDING) | W(CLEAR_PENDING))
#define ACTIVES     (W(SET_ACTIVE) | W(CLEAR_ACTIVE))
#define G1          .group1 = true
#define G0          .group1 = false
#define EDGE        .edge = true

static const struct scenario scenarios[] = {
    {"1 LR, SGIs and a level", {{1, 0x80, G1}, {2, 0x40, G1}, {25, 0x60, G1}}, 1, 1, .writes = ENABLES | W(DIST),
     .budget = {.posts = 4, .writes = 1, .masks = 1}, .depth_max = 3},
    {"1 LR, preemption four deep", {{3, 0xa0, G1}, {2, 0x80, G1}, {1, 0x40, G1}, {0, 0x20, G1}}, 1, 1,
     .budget = {.posts = 5, .masks = 1}, .depth_max = 4},
    {"2 LRs, SPIs that move", {{32, 0x80, G1, EDGE}, {33, 0x40, G1}}, 2, 2,
     .writes = W(ROUTE), .budget = {.posts = 3, .writes = 1}, .depth_max = 2},
    {"2 CPUs, SGI and SPI", {{32, 0x80, G1, EDGE}, {1, 0x60, G1}}, 2, 1,
     .writes = W(DISABLE), .budget = {.posts = 2, .writes = 1, .masks = 1}, .depth_max = 2},
    {"split EOI, 1 LR", {{32, 0x80, G1, EDGE}, {2, 0x40, G1}, {25, 0x60, G1}}, 1, 1, .split = true,
     .writes = ENABLES, .budget = {.posts = 4, .writes = 1}, .depth_max = 3},
    {"split EOI, 2 CPUs", {{32, 0x80, G1, EDGE}, {33, 0x40, G1}}, 2, 1, .split = true,
     .writes = W(ROUTE), .budget = {.posts = 3, .writes = 1}, .depth_max = 2},
    {"both groups, 1 LR", {{25, 0x80, G1}, {26, 0x40, G0}, {27, 0x60, G1}}, 1, 1, .writes = W(GROUP) | W(DIST),
     .budget = {.posts = 2, .writes = 2, .groups = 2}, .depth_max = 3},
    {"both groups, 2 LRs", {{25, 0x80, G1}, {26, 0x40, G0}, {24, 0x40, G0}, {27, 0x60, G1}}, 1, 2,
     .budget = {.posts = 4, .groups = 2}, .depth_max = 2},
    {"register writes, 2 LRs", {{32, 0x80, G1, EDGE}, {25, 0x40, G1}}, 1, 2,
     .writes = ENABLES | PENDINGS | ACTIVES | W(PRIORITY), .budget = {.posts = 3, .writes = 2}, .depth_max = 2},
    {"EOI after a register write, 1 LR", {{3, 0xa0, G1}, {2, 0x80, G1}, {1, 0x40, G1}}, 1, 1,
     .writes = ACTIVES, .budget = {.posts = 4, .writes = 2}, .depth_max = 3},
    {"register writes, 1 LR, split EOI", {{32, 0x80, G1, EDGE}, {25, 0x40, G1}, {1, 0x60, G1}}, 1, 1, .split = true,
     .writes = ENABLES | PENDINGS | ACTIVES, .budget = {.posts = 2, .writes = 2}, .depth_max = 2},
    {"register writes from the other CPU", {{32, 0x80, G1, EDGE}, {33, 0x40, G1}}, 2, 1,
     .writes = W(DISABLE) | PENDINGS | W(CLEAR_ACTIVE), .budget = {.posts = 2, .writes = 1}, .depth_max = 2},
    {"kicks that take their time", {{32, 0x80, G1, EDGE}, {1, 0x60, G1}}, 2, 1,
     .writes = W(DISABLE) | W(CLEAR_PENDING) | W(CLEAR_ACTIVE), .budget = {.posts = 2, .writes = 2, .late = 1}, .depth_max = 2},
    {"timer by the HW bit, 1 LR", {{27, 0x80, G1, .hw = true}, {2, 0x40, G1}, {25, 0x60, G1}}, 1, 1,
     .writes = W(DISABLE) | PENDINGS, .budget = {.posts = 3, .writes = 2}, .depth_max = 3},
    {"timer, 4 LRs, 2 CPUs", {{27, 0x80, G1, .hw = true}, {1, 0x40, G1}}, 2, 4,
     .budget = {.posts = 3, .masks = 1}, .depth_max = 2},
    {"LPIs, 1 LR", {{8192, 0x80, G1, EDGE}, {8193, 0x40, G1, EDGE}, {2, 0x60, G1}}, 1, 1,
     .writes = W(CLEAR_PENDING), .budget = {.posts = 5, .writes = 1, .masks = 1}, .depth_max = 3},
    {"LPIs that move", {{8192, 0x80, G1, EDGE}, {1, 0x60, G1}}, 2, 2, .split = true,
     .writes = W(ROUTE) | W(CLEAR_PENDING), .budget = {.posts = 3, .writes = 1}, .depth_max = 2},
    {"LPIs by hardware", {{8192, 0x80, G1, EDGE}, {8193, 0x40, G1, EDGE}, {2, 0x60, G1}}, 1, 1, .direct = true,
     .writes = ENABLES | W(CLEAR_PENDING) | W(DIST), .budget = {.posts = 3, .writes = 1, .masks = 1, .groups = 1}, .depth_max = 2},
    {"LPIs by hardware that move", {{8192, 0x80, G1, EDGE}, {1, 0x60, G1}}, 2, 2, .direct = true,
     .writes = W(ROUTE) | W(CLEAR_PENDING), .budget = {.posts = 2, .writes = 1}, .depth_max = 2},
    {"3 LRs, four interrupts", {{32, 0x80, G1, EDGE}, {25, 0x80, G1}, {2, 0x40, G1}, {1, 0x20, G1}}, 1, 3,
     .budget = {.posts = 5}, .depth_max = 4},
};
/* clang-format on */

int main(int argc, char **argv)
{
    uint64_t states = 0;
    unsigned failed = 0;

    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        clock_t began = clock();
        uint64_t steps = step_count;

        scenario = &scenarios[i];
        if (argc > 1 && strstr(scenario->name, argv[1]) == NULL)
            continue;
        failed += !explore();
        states += seen.count;
        printf("  %-36s %8u states %9llu steps %5.1f s\n", scenario->name, seen.count,
               (unsigned long long)(step_count - steps), (double)(clock() - began) / CLOCKS_PER_SEC);
        fflush(stdout);
    }
    printf("vgic model: %llu states, %llu steps explored, %u scenarios failed\n", (unsigned long long)states,
           (unsigned long long)step_count, failed);
    return failed != 0;
}
