/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/heap: random additions and removals against an array; order, shape and the bound on its depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/heap.h"

#define NODES 300
#define STEPS 200000

static struct heap heap;
static struct heap_node nodes[NODES];
static uint64_t random_state = 88172645463325252;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 20) % limit;
}

/* Counts the nodes; each is checked against its parent and sides. */
static unsigned int check_shape(void)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < NODES; i++) {
        const struct heap_node *node = &nodes[i];
        uint32_t left, right;

        if (!heap_contains(node))
            continue;
        count++;
        left = node->left == NULL ? 0 : node->left->rank;
        right = node->right == NULL ? 0 : node->right->rank;
        assert_true(left >= right);
        assert_int_equal(node->rank, right + 1);
        if (node->parent == NULL) {
            assert_ptr_equal(heap.root, node);
        } else {
            assert_true(node->parent->left == node || node->parent->right == node);
            assert_true(node->parent->key <= node->key);
        }
    }
    return count;
}

static uint64_t least_key(void)
{
    uint64_t least = UINT64_MAX;

    for (unsigned int i = 0; i < NODES; i++)
        if (heap_contains(&nodes[i]) && nodes[i].key < least)
            least = nodes[i].key;
    return least;
}

static void test_random(void **state)
{
    unsigned int count = 0;

    (void)state;
    for (unsigned int step = 0; step < STEPS; step++) {
        /* Full and empty are both reached now and then. */
        unsigned int wanted = step / 2000 % 2 == 0 ? NODES : 0;
        struct heap_node *node = &nodes[random_below(NODES)];

        if (random_below(4) == 0)
            node = heap_first(&heap) != NULL ? heap_first(&heap) : node;
        if (heap_contains(node) && (wanted == 0 || random_below(3) == 0)) {
            heap_remove(&heap, node);
            count--;
        } else if (!heap_contains(node) && (wanted != 0 || random_below(3) == 0)) {
            heap_add(&heap, node, random_below(1000));
            count++;
        }
        if (count == 0) {
            assert_null(heap_first(&heap));
        } else {
            assert_int_equal(heap_first(&heap)->key, least_key());
        }
        if (step % 64 == 0)
            assert_int_equal(check_shape(), count);
    }
}

/* What bounds each operation: with n nodes the right side of the root is at most log2(n + 1) long. */
static void test_right_side_is_short(void **state)
{
    uint32_t length = 0;

    (void)state;
    heap.root = NULL;
    for (unsigned int i = 0; i < NODES; i++)
        heap_add(&heap, &nodes[i], i); /* ascending: the worst order for heaps of this kind */
    for (const struct heap_node *node = heap.root; node != NULL; node = node->right)
        length++;
    assert_true(length <= 8);
    for (unsigned int i = 0; i < NODES; i++) {
        assert_ptr_equal(heap_first(&heap), &nodes[i]);
        heap_remove(&heap, heap_first(&heap));
    }
    assert_null(heap_first(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_right_side_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
