/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold between two steps of the model: the hardware signals what bare metal would, nobody sleeps on
 * an interrupt, the books balance.
 */
#include <stdio.h>

#include "arch/arm64/gic/vgic_internal.h"
#include "tests/model/gic/world.h"

/*
 * A shared interrupt that now belongs here is still in the other CPU's list register: it comes as soon as
 * that one, which has been told, has exited. The architecture gives a change of route time to take effect.
 */
bool world_in_transit(unsigned c)
{
    for (unsigned k = 0; k < bare_irq_count; k++) {
        const struct vgic_irq *irq = vgic_find(&w.gic, &w.cpus[c], scenario->sources[k].intid);

        if (bare_shared[k] && irq->place == VGIC_IN_LR && irq->home != c &&
            (vgic_is_dirty(&w.cpus[irq->home]) || world_must_exit(irq->home)))
            return true;
    }
    return false;
}

static uint64_t events_of(const struct vgic_irq *irq)
{
    uint64_t outside = vgic_is_pending(irq) ? 1 : 0;

    return vgic_lr_holds_event(irq) ? 1u + irq->latch : outside;
}

/* The books balance; then they are shortened to what is pending. */
static void settle_books(struct vgic_books *books, const struct vgic_irq *irqs, unsigned count,
                         uint64_t pending)
{
    for (unsigned i = 0; i < count; i++)
        pending += events_of(&irqs[i]);
    if (books->posted_count !=
        books->delivered_count + books->collapsed_count + books->withdrawn_count + pending)
        broken("books do not balance");
    *books = (struct vgic_books){.posted_count = pending};
}

void world_check(void)
{
    for (unsigned c = 0; c < scenario->cpu_count; c++) {
        bool due = bare_signals(&w.bare, c);
        bool excused = due && world_in_transit(c);

        settle_books(&w.cpus[c].books, w.cpus[c].irqs, VGIC_PRIVATE, 0);
        if (w.run[c].mode == IN_GUEST && !world_must_exit(c)) {
            bool signals = ich_model_signals(&w.ich[c]) || direct_best(c) >= 0;

            if (due && !excused && !signals)
                broken("interrupt late: an instruction can execute first");
            if (!due && signals)
                broken("interrupt out of nowhere");
        }
        if (w.run[c].mode >= IN_PARKED && due && !excused && !w.run[c].request && !world_timer_fires(c))
            broken("sleeps on an interrupt that is due");
        if (w.cpus[c].lock.next != w.cpus[c].lock.serving)
            broken("lock left held");
        w.cpus[c].lock = (struct spinlock){0};
    }
    settle_books(&w.gic.books, w.spis, SPIS, events_of(&w.lpis[0]) + events_of(&w.lpis[1]));
    if (w.gic.lock.next != w.gic.lock.serving)
        broken("lock left held");
    w.gic.lock = (struct spinlock){0};
}

static void normalise_irq(struct vgic_irq *irq)
{
    if (irq->place != VGIC_IN_LR)
        irq->lr = 0;
    if (irq->place != VGIC_IN_LR && !irq->acked && !irq->ghost)
        irq->ack_priority = 0;
    if (irq->place == VGIC_IDLE)
        irq->home = vgic_is_private(irq) ? irq->home : 0;
}

void world_normalise(void)
{
    w.gic.direct_count = 0;
    w.gic.direct_work = 0;
    for (unsigned c = 0; c < scenario->cpu_count; c++) {
        for (unsigned k = 0; k < bare_irq_count; k++)
            normalise_irq(vgic_find(&w.gic, &w.cpus[c], scenario->sources[k].intid));
        for (unsigned i = w.cpus[c].lr_count; i < VGIC_MAX_LRS; i++)
            w.cpus[c].lrs[i] = NULL;
        direct_normalise(c);
        if (w.run[c].mode < IN_PARKED)
            w.cpus[c].cpuif = (struct vgic_cpuif){0};
    }
}

void world_print(void)
{
    static const char *const modes[] = {"host", "READY", "GUEST", "parked", "asleep"};
    static const char *const places[] = {"idle", "queued", "active", "LR"};

    for (unsigned c = 0; c < scenario->cpu_count; c++) {
        const struct run *run = &w.run[c];

        printf("  cpu%u %-6s%s dirty%d depth%u dropped%x apr%x/%x mask%x en%d%d hcr%x eoi%u lrs%u ghosts%x",
               c, modes[run->mode], run->request ? "!" : " ", atomic_load(&w.cpus[c].dirty), run->depth,
               run->dropped, w.ich[c].apr[0], w.ich[c].apr[1], w.ich[c].mask, w.ich[c].enable[0],
               w.ich[c].enable[1], (unsigned)w.ich[c].hcr, w.ich[c].eoi_count, w.cpus[c].lr_count,
               w.cpus[c].ghosts);
        if (scenario->direct)
            printf(" at cpu%u: shown %u sent to %u pending %x%s%s%s", run->cpu, w.direct.vpes[c].shown,
                   w.direct.vpes[c].sent_to, w.direct.vpes[c].pending,
                   w.direct.vpes[c].doorbell ? " doorbell" : "",
                   w.direct.vpes[c].doorbell_rung ? " rung" : "", run->away ? " away" : "");
        for (unsigned i = 0; i < w.ich[c].lr_count; i++)
            printf(" [%s%s%s%s %u p%x]", w.ich[c].lr[i] >> 62 & 1 ? "P" : "", w.ich[c].lr[i] >> 63 ? "A" : "",
                   w.ich[c].lr[i] >> 61 & 1 ? "h" : "", w.ich[c].lr[i] >> 41 & 1 ? "e" : "",
                   (unsigned)(w.ich[c].lr[i] & 0xffff), (unsigned)(w.ich[c].lr[i] >> 48 & 0xff));
        for (unsigned k = 0; k < bare_irq_count; k++) {
            const struct bare_irq *b = bare_find(&w.bare, c, k);
            const struct vgic_irq *v = vgic_find(&w.gic, &w.cpus[c], scenario->sources[k].intid);

            if (c == 0 || !bare_shared[k])
                printf(" | %u: bare e%d l%d p%d a%d t%d; %s@%d e%d l%d p%d a%d k%d", v->intid, b->enabled,
                       b->line, b->latch, b->active, b->target, places[v->place], v->home, v->enabled,
                       v->line, v->latch, v->active, v->acked);
        }
        printf("\n");
    }
}
