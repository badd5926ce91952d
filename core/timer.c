/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timer queues, one per physical CPU, protected by the CPU's timer_lock because a model may cancel or re-arm
 * from another CPU what it armed here.
 *
 * A sorted list: taking the first is O(1), arming walks from the front past the earlier deadlines. Timers are
 * never allocated at run time: a vCPU has at most two and a VM's board four, so a queue holds what the
 * configuration put on this CPU (typically under ten), and a guest cannot make it longer. The timers armed
 * most often (guest ticks) are also the nearest in time, so the walk is short where it counts.
 *
 * The hardware is programmed lazily: at once when a deadline becomes the earliest, never when one is moved
 * away; the interrupt that then comes too early is cheaper than programming on every change.
 */
#include "core/timer.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/time.h"

static struct timer *timer_of(struct list_node *node)
{
    return LIST_ENTRY(node, struct timer, node);
}

void timer_init(struct timer *timer, const struct timer_ops *ops)
{
    *timer = (struct timer){.ops = ops};
    list_init(&timer->node);
}

/* By the CPU itself. */
static void program(struct cpu *cpu, uint64_t deadline_ns)
{
    cpu->timer_programmed_ns = deadline_ns;
    arch_timer_program(deadline_ns);
}

static void insert_sorted(struct cpu *cpu, struct timer *timer)
{
    struct list_node *where = cpu->timers.next;

    while (where != &cpu->timers && timer_of(where)->deadline_ns <= timer->deadline_ns)
        where = where->next;
    list_insert_before(where, &timer->node);
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    struct cpu *cpu = this_cpu();

    /* What is due already waits for the next look: a model that arms for the past cannot keep us in the loop.
     */
    deadline_ns = max_u64(deadline_ns, cpu->timers_ns + 1);
    if (timer->cpu != cpu->id)
        timer_cancel(timer);
    spin_lock(&cpu->timer_lock);
    list_remove(&timer->node);
    timer->cpu = cpu->id;
    timer->deadline_ns = deadline_ns;
    insert_sorted(cpu, timer);
    spin_unlock(&cpu->timer_lock);
    if (deadline_ns < cpu->timer_programmed_ns)
        program(cpu, deadline_ns);
}

void timer_cancel(struct timer *timer)
{
    struct cpu *cpu = cpus[timer->cpu];

    spin_lock(&cpu->timer_lock);
    list_remove(&timer->node);
    spin_unlock(&cpu->timer_lock);
}

uint64_t timers_next_deadline(struct cpu *cpu)
{
    uint64_t deadline_ns = UINT64_MAX;

    spin_lock(&cpu->timer_lock);
    if (!list_is_empty(&cpu->timers))
        deadline_ns = timer_of(cpu->timers.next)->deadline_ns;
    spin_unlock(&cpu->timer_lock);
    return deadline_ns;
}

uint64_t timers_expire(struct cpu *cpu)
{
    uint64_t now = time_now_ns();
    uint64_t next = UINT64_MAX;

    cpu->timers_ns = now;
    /* A one-shot whose time has passed is off; one still ahead stays, even if nobody waits for it now. */
    if (cpu->timer_programmed_ns <= now)
        cpu->timer_programmed_ns = 0; /* until the end: what is armed from here on is programmed there */
    spin_lock(&cpu->timer_lock);
    while (!list_is_empty(&cpu->timers)) {
        struct timer *timer = timer_of(cpu->timers.next);

        next = timer->deadline_ns;
        if (next > now)
            break;
        next = UINT64_MAX;
        list_remove(&timer->node);
        spin_unlock(&cpu->timer_lock);
        timer->ops->expire(timer);
        spin_lock(&cpu->timer_lock);
    }
    spin_unlock(&cpu->timer_lock);
    if (cpu->timer_programmed_ns == 0)
        cpu->timer_programmed_ns = UINT64_MAX;
    if (next < cpu->timer_programmed_ns)
        program(cpu, next);
    return now;
}
