/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which the vCPUs of one queue run; see the header. */
#include "core/run_queue.h"

#include "lib/assert.h"

#define PACE_SHIFT  16
#define CHARGE_MOST (10 * NS_PER_SEC) /* longer runs alone are worth no more: nobody waited */

static struct queue_entry *entry_of(struct heap_node *node)
{
    return node == NULL ? NULL : CONTAINER_OF(node, struct queue_entry, node);
}

void run_queue_init(struct run_queue *queue)
{
    *queue = (struct run_queue){.lock.rank = LOCK_QUEUE, .clock = QUEUE_LEAD_NS};
    list_init(&queue->movable);
}

void queue_entry_init(struct queue_entry *entry, const struct cpu_set *allowed, enum vcpu_prio prio,
                      uint32_t share, uint32_t cap_percent)
{
    *entry = (struct queue_entry){
        .allowed = *allowed,
        .may_move = cpu_set_count(allowed) > 1,
        .prio = (uint8_t)prio,
        .pace = (SHARE_NORMAL << PACE_SHIFT) / share,
        .cap_ns = cap_percent == 0 || cap_percent >= 100 ? UINT64_MAX : CAP_PERIOD_NS * cap_percent / 100,
    };
    list_init(&entry->movable);
}

static __attribute__((noinline)) const struct queue_entry *furthest_of_many(const struct run_queue *queue)
{
    const struct queue_entry *least = NULL;

    for (uint32_t i = 0; i < VCPU_PRIOS; i++) {
        const struct queue_entry *entry = entry_of(heap_first(&queue->levels[i]));

        if (entry != NULL && (least == NULL || entry->vtime < least->vtime))
            least = entry;
    }
    return least;
}

void run_queue_charge(struct run_queue *queue, uint64_t now)
{
    struct queue_entry *entry = queue->running;
    const struct queue_entry *behind;
    uint64_t ran = now - queue->charged_ns;
    uint64_t clock;

    if (entry == NULL || now <= queue->charged_ns)
        return;
    queue->charged_ns = now;
    entry->ran_ns += ran;
    entry->used_ns += ran;
    entry->vtime += (min_u64(ran, CHARGE_MOST) * entry->pace) >> PACE_SHIFT;
    clock = entry->vtime;
    behind = queue->alone;
    if (UNLIKELY(run_queue_count(queue) > 1))
        behind = furthest_of_many(queue);
    if (behind != NULL)
        clock = min_u64(clock, behind->vtime);
    queue->clock = max_u64(queue->clock, clock);
}

void run_queue_place(struct run_queue *queue, struct queue_entry *entry, bool here)
{
    /* From another queue: as far behind or ahead of this one's clock as it was of that one's. */
    if (!here) {
        uint64_t ahead = entry->vtime - entry->left_clock;

        entry->vtime = queue->clock;
        if ((int64_t)ahead > 0)
            entry->vtime += min_u64(ahead, QUEUE_LEAD_NS);
        else if ((int64_t)ahead < 0)
            entry->vtime -= min_u64(0 - ahead, QUEUE_CREDIT_NS);
    }
    entry->vtime = max_u64(entry->vtime, queue->clock - QUEUE_CREDIT_NS);
}

static void set_count(struct run_queue *queue, uint32_t count)
{
    atomic_store_explicit(&queue->count, count, memory_order_relaxed);
}

static void heap_put(struct run_queue *queue, struct queue_entry *entry)
{
    heap_add(&queue->levels[entry->prio], &entry->node, entry->vtime);
}

void run_queue_add(struct run_queue *queue, struct queue_entry *entry)
{
    uint32_t count = run_queue_count(queue);

    if (count == 0) {
        queue->alone = entry;
    } else {
        if (count == 1)
            heap_put(queue, queue->alone);
        queue->alone = NULL;
        heap_put(queue, entry);
    }
    set_count(queue, count + 1);
    atomic_store_explicit(&entry->in, queue, memory_order_relaxed);
    if (entry->may_move)
        list_append(&queue->movable, &entry->movable);
}

/* One that is left needs no heap. */
static __attribute__((noinline)) void remove_of_many(struct run_queue *queue, struct queue_entry *entry)
{
    heap_remove(&queue->levels[entry->prio], &entry->node);
    if (run_queue_count(queue) != 2)
        return;
    for (uint32_t i = 0; i < VCPU_PRIOS; i++) {
        struct queue_entry *left = entry_of(heap_first(&queue->levels[i]));

        if (left != NULL)
            queue->alone = left;
        queue->levels[i].root = NULL;
    }
}

void run_queue_remove(struct run_queue *queue, struct queue_entry *entry)
{
    if (LIKELY(queue->alone == entry))
        queue->alone = NULL;
    else
        remove_of_many(queue, entry);
    set_count(queue, run_queue_count(queue) - 1);
    atomic_store_explicit(&entry->in, NULL, memory_order_relaxed);
    if (entry->may_move)
        list_remove(&entry->movable);
    entry->left_clock = queue->clock;
}

struct queue_entry *run_queue_best_of_many(const struct run_queue *queue)
{
    const struct queue_entry *behind = furthest_of_many(queue);
    uint64_t limit;

    if (behind == NULL)
        return NULL;
    limit = behind->vtime + QUEUE_LEAD_NS;
    for (uint32_t i = VCPU_PRIOS; i-- > 0;) {
        struct queue_entry *entry = entry_of(heap_first(&queue->levels[i]));

        if (entry != NULL && entry->vtime <= limit)
            return entry;
    }
    panic("run queue: %u queued, none found", run_queue_count(queue));
}

bool run_queue_preempts(const struct run_queue *queue, const struct queue_entry *entry)
{
    const struct queue_entry *running = queue->running;

    if (entry->prio > running->prio)
        return entry->vtime <= running->vtime + QUEUE_LEAD_NS;
    return entry->vtime + (entry->prio == running->prio ? QUEUE_WAKE_NS : QUEUE_LEAD_NS) < running->vtime;
}

uint64_t queue_entry_capped_budget(struct queue_entry *entry, uint64_t now)
{
    if (now - entry->period_start_ns >= CAP_PERIOD_NS) {
        entry->period_start_ns = now;
        entry->used_ns = 0;
    }
    return entry->used_ns >= entry->cap_ns ? 0 : entry->cap_ns - entry->used_ns;
}
