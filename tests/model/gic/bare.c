/* SPDX-License-Identifier: BSD-2-Clause */
/* The bare-metal model. Deliberately shares nothing with the virtual GIC or with ich.c. */
#include "tests/model/gic/bare.h"

#define NONE 0x100u

bool bare_shared[BARE_IRQS];
unsigned bare_irq_count;

struct bare_irq *bare_find(struct bare *b, unsigned cpu, unsigned k)
{
    return &b->irqs[bare_shared[k] ? 0 : cpu][k];
}

bool bare_is_pending(const struct bare_irq *irq)
{
    return irq->latch || (!irq->edge && irq->line);
}

static bool is_candidate(struct bare *b, unsigned cpu, unsigned k)
{
    const struct bare_irq *irq = bare_find(b, cpu, k);

    return irq->enabled && bare_is_pending(irq) && !irq->active && b->groups[irq->group1] &&
           b->cpus[cpu].enable[irq->group1] && (!bare_shared[k] || irq->target == cpu);
}

static unsigned best(struct bare *b, unsigned cpu)
{
    unsigned priority = NONE;

    for (unsigned k = 0; k < bare_irq_count; k++)
        if (is_candidate(b, cpu, k) && bare_find(b, cpu, k)->priority < priority)
            priority = bare_find(b, cpu, k)->priority;
    return priority;
}

bool bare_signals(struct bare *b, unsigned cpu)
{
    const struct bare_cpu *c = &b->cpus[cpu];
    unsigned priority = best(b, cpu);

    if (priority == NONE || priority >= c->mask)
        return false;
    for (unsigned level = 0; level <= priority / 8; level++)
        if ((c->levels >> level & 1) != 0)
            return false;
    return true;
}

bool bare_may_acknowledge(struct bare *b, unsigned cpu, unsigned k)
{
    return bare_signals(b, cpu) && is_candidate(b, cpu, k) && bare_find(b, cpu, k)->priority == best(b, cpu);
}

void bare_acknowledge(struct bare *b, unsigned cpu, unsigned k)
{
    struct bare_irq *irq = bare_find(b, cpu, k);

    irq->latch = false;
    irq->active = !irq->message;
    b->cpus[cpu].levels |= 1u << irq->priority / 8;
}

void bare_end(struct bare *b, unsigned cpu, unsigned k)
{
    struct bare_cpu *c = &b->cpus[cpu];

    c->levels &= c->levels - 1;
    if (!c->split)
        bare_find(b, cpu, k)->active = false;
}

void bare_deactivate(struct bare *b, unsigned cpu, unsigned k)
{
    bare_find(b, cpu, k)->active = false;
}
