/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive priority queue: a leftist heap by a 64-bit key, smallest first. Adding, and taking out any node,
 * walk at most log2(n + 1) nodes down and as many up; looking at the first costs nothing. Nothing is
 * allocated and nothing recurses. The owner's lock protects it; the order of equal keys is not defined.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    struct heap_node *parent, *left, *right;
    uint32_t rank; /* nodes on the way right to the end, this one included; 0: in no heap */
    uint64_t key;  /* not to be changed while in a heap */
};

struct heap {
    struct heap_node *root;
};

static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->root;
}

static inline bool heap_contains(const struct heap_node *node)
{
    return node->rank != 0;
}

/* `node` is in no heap. */
void heap_add(struct heap *heap, struct heap_node *node, uint64_t key);

/* `node` is in this heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
