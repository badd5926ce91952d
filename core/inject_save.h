/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's event state as others may see and keep it: what the guest could notice, and nothing of how this
 * CPU happens to track it. Taken from one NMI way and given to another it means the same. Owner only.
 */
#pragma once

#include <stddef.h>

#include "core/inject.h"

struct inject_events {
    struct inject_event exception; /* valid: new or, with exception_cut, interrupted in its delivery */
    bool exception_cut;
    bool shutdown;     /* triple fault, not yet reported */
    bool irq_injected; /* taken from the interrupt controller, not yet delivered */
    bool nmi_injected; /* its delivery was begun and has to be done again */
    bool nmi_masked;
    uint8_t irq_vector;
    uint8_t nmi_pending; /* 0..2: true count, the hardware's slot and unread posts included */
    uint32_t shadow;  /* 0, INJECT_VIEW_SHADOW_STI or INJECT_VIEW_SHADOW_MOVSS; the back end puts it back */
    uint32_t windows; /* INJECT_WIN_* that were armed; for the reader, not restored: the next schedule asks
                         again */
    uint64_t blocked_ns; /* soft way: guest time spent with NMIs blocked */
};

/*
 * Reads the event state. Between inject_after_exit() and inject_schedule(); where a schedule was not followed
 * by an entry, inject_after_exit() with INJECT_EXIT_ENTRY_FAILED comes first. `view` as for
 * inject_schedule(). Takes over posted NMIs on the way, which the guest cannot notice.
 */
void inject_events_get(struct inject *inj, const struct inject_view *view, struct inject_events *events);

/* 0, or why no processor could be in that state: E_RANGE (a count), E_INVAL (anything else). */
MUST_CHECK int inject_events_check(const struct inject_events *events);

/*
 * Replaces the event state, posted NMIs included; nothing is changed unless inject_events_check() is content.
 * The next schedule empties the hardware's slot, writes the mask, and only then takes up the pending NMIs:
 * they are posted here, so that they are accepted against the restored mask. The log starts afresh.
 */
MUST_CHECK int inject_events_set(struct inject *inj, const struct inject_events *events);

/* Serialised form: little-endian, magic, version, length; inject_save.c has the layout. */
#define INJECT_EVENTS_VERSION 1
#define INJECT_EVENTS_BYTES   40

void inject_events_store(const struct inject_events *events, uint8_t bytes[INJECT_EVENTS_BYTES]);

/* 0; E_TRUNCATED; E_NOTSUP (version); E_INVAL or E_RANGE (content). `events` is written on success only. */
MUST_CHECK int inject_events_load(struct inject_events *events, const uint8_t *bytes, size_t size);
