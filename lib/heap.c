/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leftist heap. Every node's left side reaches at least as far as its right one, so the way along the right
 * sides is short, and all work is done there.
 */
#include "lib/heap.h"

static uint32_t rank_of(const struct heap_node *node)
{
    return node == NULL ? 0 : node->rank;
}

/* Sides and ranks from `node` upwards, as far as something changes or to `stop` at least. */
static void repair(struct heap_node *node, const struct heap_node *stop)
{
    bool past = stop == NULL;

    for (; node != NULL; node = node->parent) {
        struct heap_node *left = node->left;
        uint32_t rank = node->rank;

        if (rank_of(left) < rank_of(node->right)) {
            node->left = node->right;
            node->right = left;
        }
        node->rank = rank_of(node->right) + 1;
        if (past && node->rank == rank)
            return;
        past |= node == stop;
    }
}

/* Puts what comes out of joining two heaps at `link` below `parent`. */
static void join(struct heap_node **link, struct heap_node *parent, struct heap_node *a, struct heap_node *b)
{
    struct heap_node *top = NULL;
    struct heap_node *rest;

    while (a != NULL && b != NULL) {
        if (b->key < a->key) {
            struct heap_node *other = a;

            a = b;
            b = other;
        }
        if (top == NULL)
            top = a;
        *link = a;
        a->parent = parent;
        parent = a;
        link = &a->right;
        a = a->right;
    }
    rest = a != NULL ? a : b;
    *link = rest;
    if (rest != NULL)
        rest->parent = parent;
    repair(parent, top);
}

void heap_add(struct heap *heap, struct heap_node *node, uint64_t key)
{
    *node = (struct heap_node){.rank = 1, .key = key};
    join(&heap->root, NULL, heap->root, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *parent = node->parent;
    struct heap_node **link = &heap->root;

    if (parent != NULL)
        link = parent->left == node ? &parent->left : &parent->right;
    join(link, parent, node->left, node->right);
    node->rank = 0;
}
