/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive doubly linked list with a head node; the owner's lock protects it. A node that is in no list
 * points to itself.
 */
#pragma once

#include <stdbool.h>

#include "lib/bits.h"

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
#define LIST_FOR_EACH(pos, head)       for (struct list_node *pos = (head)->next; pos != (head); pos = pos->next)

static inline void list_init(struct list_node *node)
{
    node->next = node;
    node->prev = node;
}

static inline bool list_is_empty(const struct list_node *head)
{
    return head->next == head;
}

/* Inserts `node` before `where`; with the head as `where` it becomes the last. */
static inline void list_insert_before(struct list_node *where, struct list_node *node)
{
    node->prev = where->prev;
    node->next = where;
    where->prev->next = node;
    where->prev = node;
}

static inline void list_append(struct list_node *head, struct list_node *node)
{
    list_insert_before(head, node);
}

/* Taking out a node that is in no list is allowed and changes nothing. */
static inline void list_remove(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}
