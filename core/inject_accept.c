/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking over posted NMIs. A processor holds one NMI that runs and one that waits; whatever arrives beyond
 * that collapses into the one that waits. ("Non-maskable interrupt": manuals of both vendors.) Two at once
 * can only come from a vCPU that did not run: the first is then delivered at once and the second waits for
 * the first's IRET.
 */
#include "core/inject_internal.h"

static uint64_t room_for_nmis(const struct inject_state *st, uint32_t view_flags, bool masked)
{
    uint64_t limit = masked || st->nmi_injected ? 1 : 2;

    if ((view_flags & INJECT_VIEW_VNMI_PENDING) != 0)
        limit--;
    return limit > st->nmi_pending ? limit - st->nmi_pending : 0;
}

static enum inject_drop why_no_room(const struct inject_state *st, uint32_t view_flags, bool masked)
{
    if (st->nmi_injected)
        return INJECT_DROP_INFLIGHT;
    if (!masked)
        return INJECT_DROP_FULL;
    return (view_flags & INJECT_VIEW_VNMI_PENDING) != 0 ? INJECT_DROP_HW_SLOT : INJECT_DROP_MASKED;
}

void inject_accept(struct inject *inj, uint64_t posted, uint32_t view_flags, bool masked, uint64_t now)
{
    struct inject_state *st = &inj->state;
    uint64_t count = field_get(posted, INJECT_POSTED_NMI_COUNT);
    uint64_t room;
    uint64_t taken;

    if (count == 0)
        return;
    room = room_for_nmis(st, view_flags, masked);
    taken = count < room ? count : room;
    if (st->nmi_pending == 0)
        st->since[INJECT_KIND_NMI] = now;
    st->nmi_pending = (uint8_t)(st->nmi_pending + taken);
    inj->books.posted[INJECT_KIND_NMI] += count;
    inj->books.dropped[INJECT_KIND_NMI][why_no_room(st, view_flags, masked)] += count - taken;
}
