/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs next on one physical CPU: the order, and nothing of how it comes about. Pure: the caller brings
 * the time and holds the queue's lock.
 *
 * Each vCPU has a virtual time that advances while it runs, the slower the larger its share; the one that is
 * furthest behind runs, so each gets its share of what there is and none starves. Priority says who goes
 * first among those that are entitled to run: a vCPU of higher priority passes those of lower priority unless
 * it is QUEUE_LEAD_NS ahead of one of them. One that has slept does not save up what it did not use, beyond
 * QUEUE_CREDIT_NS. A cap bounds real time in each period, whatever else there is to do.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/cpu_set.h"
#include "core/spinlock.h"
#include "core/time.h"
#include "core/timer.h"
#include "lib/heap.h"
#include "lib/list.h"

#define QUEUE_SLICE_NS  (5 * NS_PER_MS)  /* uninterrupted, while others of its kind wait */
#define QUEUE_CREDIT_NS (2 * NS_PER_MS)  /* virtual: how far behind a woken vCPU may start */
#define QUEUE_WAKE_NS   (1 * NS_PER_MS)  /* virtual: this much behind, it does not wait for the slice's end */
#define QUEUE_LEAD_NS   (20 * NS_PER_MS) /* virtual: what priority is worth */
#define CAP_PERIOD_NS   (100 * NS_PER_MS)

enum vcpu_prio {
    VCPU_PRIO_LOW,
    VCPU_PRIO_NORMAL,
    VCPU_PRIO_HIGH,
    VCPU_PRIOS,
};

#define SHARE_NORMAL 100
#define SHARE_MAX    1000

struct run_queue;

/* A vCPU's part. Protected by the lock of the queue that it is in or runs from; else its owner's. */
struct queue_entry {
    struct heap_node node; /* key: virtual time when it was queued */
    struct list_node movable;
    struct run_queue *_Atomic in; /* the queue it is in, NULL: none; written under that one's lock */
    struct cpu_set allowed;       /* CPUs that it may run on; fixed */
    bool may_move;                /* `allowed` has more than one */
    uint8_t prio;                 /* enum vcpu_prio; fixed */
    uint32_t pace;                /* virtual time per real time, 16.16; fixed */
    uint64_t vtime;
    uint64_t left_clock;      /* the queue's clock when it left it */
    uint64_t cap_ns;          /* in each period; UINT64_MAX: no cap; fixed */
    uint64_t period_start_ns; /* of the cap's period */
    uint64_t used_ns;         /* in this period */
    uint64_t ran_ns;          /* in all */
};

struct run_queue {
    struct spinlock lock;
    struct queue_entry *alone;  /* where one is queued it is here and in no heap */
    struct queue_entry *handed; /* not queued: came to a CPU with nobody, which starts it next */
    struct heap levels[VCPU_PRIOS];
    struct list_node movable; /* those that other CPUs may take, longest waiting first */
    _Atomic uint32_t count;   /* queued; written under the lock, read by others to compare */
    uint64_t clock;           /* virtual; never goes back */
    struct queue_entry *running;
    uint64_t charged_ns;   /* `running` has been charged up to here */
    uint64_t slice_end_ns; /* of `running` */
};

static inline uint32_t run_queue_count(const struct run_queue *queue)
{
    return atomic_load_explicit(&queue->count, memory_order_relaxed);
}

/* Under that queue's lock. */
static inline bool run_queue_has(const struct run_queue *queue, const struct queue_entry *entry)
{
    return atomic_load_explicit(&entry->in, memory_order_relaxed) == queue;
}

void run_queue_init(struct run_queue *queue);

/* share: 1..SHARE_MAX; cap: percent of a CPU, 0 or 100: none. `allowed` is not empty. */
void queue_entry_init(struct queue_entry *entry, const struct cpu_set *allowed, enum vcpu_prio prio,
                      uint32_t share, uint32_t cap_percent);

/* Brings the books of the running one up to date; a time before the last is ignored. */
void run_queue_charge(struct run_queue *queue, uint64_t now);

/* From sleep: starts no further behind than credit allows. `here`: it was in this queue last. */
void run_queue_place(struct run_queue *queue, struct queue_entry *entry, bool here);

void run_queue_add(struct run_queue *queue, struct queue_entry *entry);
void run_queue_remove(struct run_queue *queue, struct queue_entry *entry);

/* Who should run of those queued; NULL: nobody waits. */
struct queue_entry *run_queue_best_of_many(const struct run_queue *queue);

static inline struct queue_entry *run_queue_best(const struct run_queue *queue)
{
    return LIKELY(queue->alone != NULL) ? queue->alone : run_queue_best_of_many(queue);
}

/* Should this one, which waits, run in the running one's place before its slice is over? Charged. */
bool run_queue_preempts(const struct run_queue *queue, const struct queue_entry *entry);

/* Not queued, becomes the running one. */
static inline void run_queue_start(struct run_queue *queue, struct queue_entry *entry, uint64_t now)
{
    queue->running = entry;
    queue->charged_ns = now;
    queue->slice_end_ns = now + QUEUE_SLICE_NS;
}

/* The running one, charged, runs no longer; it is not queued by this. */
static inline void run_queue_stop(struct run_queue *queue)
{
    queue->running->left_clock = queue->clock;
    queue->running = NULL;
}

/* Real time left under its cap; begins a new period where one is due. UINT64_MAX: no cap. */
uint64_t queue_entry_capped_budget(struct queue_entry *entry, uint64_t now);

static inline uint64_t queue_entry_budget(struct queue_entry *entry, uint64_t now)
{
    return LIKELY(entry->cap_ns == UINT64_MAX) ? UINT64_MAX : queue_entry_capped_budget(entry, now);
}
