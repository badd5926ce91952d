/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of a delivery: done, or cut short by an exit and to be done again. Every type of interrupted
 * delivery is put back, whatever else is pending: each kind has a slot of its own.
 */
#include "core/inject_internal.h"

static void nmi_delivered(struct inject *inj)
{
    struct inject_state *st = &inj->state;

    st->nmi_injected = false;
    inj->books.delivered[INJECT_KIND_NMI]++;
    if (inject_way_of(st)->hw_mask)
        return;
    st->nmi_masked = true;
    st->blocked_ns = 0;
}

/* An NMI that was cut short is not masked yet: only its completed delivery masks. */
static void nmi_cut(struct inject *inj)
{
    struct inject_state *st = &inj->state;

    st->nmi_injected = true;
    st->nmi_masked = false;
    st->mask_clear = inject_way_of(st)->hw_mask;
    inj->books.redone[INJECT_KIND_NMI]++;
}

static void exception_cut(struct inject *inj, const struct inject_event *cut, bool ours)
{
    struct inject_state *st = &inj->state;

    if (!ours)
        inj->books.posted[INJECT_KIND_EXCEPTION]++;
    if (inject_event_is_soft(cut) && (st->caps & INJECT_CAP_SOFT_REINJECT) == 0) {
        st->exception = (struct inject_event){0};
        inject_count_drop(inj, INJECT_KIND_EXCEPTION, INJECT_DROP_REPLACED);
        return;
    }
    st->exception = *cut;
    st->exception_cut = true;
    inj->books.redone[INJECT_KIND_EXCEPTION]++;
}

static void irq_cut(struct inject *inj, const struct inject_event *cut, bool ours)
{
    if (!ours)
        inj->books.posted[INJECT_KIND_IRQ]++;
    inj->state.irq_held = true;
    inj->state.irq_vector = cut->vector;
    inj->books.redone[INJECT_KIND_IRQ]++;
}

static enum inject_slot slot_of(const struct inject_event *event)
{
    if (!inject_event_valid(event))
        return INJECT_SLOT_NONE;
    switch (event->type) {
    case INJECT_TYPE_NMI:
        return INJECT_SLOT_NMI;
    case INJECT_TYPE_IRQ:
        return INJECT_SLOT_IRQ;
    default:
        return INJECT_SLOT_EXCEPTION;
    }
}

/* True if the interrupted delivery is the one that the entry slot began. */
static bool is_ours(const struct inject_state *st, const struct inject_event *cut, enum inject_slot slot)
{
    if (slot == INJECT_SLOT_NONE || slot != slot_of(cut))
        return false;
    if (slot == INJECT_SLOT_EXCEPTION)
        return st->exception.vector == cut->vector;
    return slot == INJECT_SLOT_NMI || st->irq_vector == cut->vector;
}

static void slot_delivered(struct inject *inj, enum inject_slot slot)
{
    struct inject_state *st = &inj->state;

    switch (slot) {
    case INJECT_SLOT_NMI:
        nmi_delivered(inj);
        break;
    case INJECT_SLOT_IRQ:
        st->irq_held = false;
        inj->books.delivered[INJECT_KIND_IRQ]++;
        break;
    case INJECT_SLOT_EXCEPTION:
        st->exception = (struct inject_event){0};
        st->exception_cut = false;
        inj->books.delivered[INJECT_KIND_EXCEPTION]++;
        break;
    default:
        break;
    }
}

/* The hardware has taken the NMI out of its slot: delivered, or being delivered as the exit came. Returns the
 * latter. */
static bool hardware_nmi_taken(struct inject *inj, const struct inject_event *cut)
{
    inj->state.vnmi_handed = false;
    if (slot_of(cut) == INJECT_SLOT_NMI)
        return true;
    inj->books.delivered[INJECT_KIND_NMI]++;
    return false;
}

void inject_settle_delivery(struct inject *inj, const struct inject_exit *exit)
{
    struct inject_state *st = &inj->state;
    const struct inject_event *cut = &exit->cut;
    enum inject_slot slot = (enum inject_slot)st->slot;
    bool hardware_cut = false;
    bool ours;

    st->slot = INJECT_SLOT_NONE;
    if (exit->kind == INJECT_EXIT_ENTRY_FAILED)
        return;
    if (st->vnmi_handed && (exit->flags & INJECT_VIEW_VNMI_PENDING) == 0)
        hardware_cut = hardware_nmi_taken(inj, cut);
    ours = !hardware_cut && is_ours(st, cut, slot);
    if (!ours)
        slot_delivered(inj, slot);
    switch (slot_of(cut)) {
    case INJECT_SLOT_NMI:
        if (!ours && !hardware_cut)
            inj->books.posted[INJECT_KIND_NMI]++;
        nmi_cut(inj);
        break;
    case INJECT_SLOT_IRQ:
        irq_cut(inj, cut, ours);
        break;
    case INJECT_SLOT_EXCEPTION:
        exception_cut(inj, cut, ours);
        break;
    default:
        break;
    }
}
