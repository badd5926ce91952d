/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The serialised form of a vCPU's event state. Layout, little-endian:
 *    0 magic "Liev"   4 version (2 bytes)   6 length of the whole (2)
 *    8 flags          9 nmi_pending        10 irq_vector   11 shadow: 0 none, 1 STI, 2 MOV SS
 *   12 exception: vector, type, insn_len, 0                      16 error code (4)
 *   20 windows (4)  24 payload (8)         32 blocked_ns (8)
 */
#include "core/inject_save.h"
#include "lib/error.h"

#define MAGIC UINT64_C(0x7665694c)

#define FLAG_EXCEPTION     0x01
#define FLAG_EXCEPTION_CUT 0x02
#define FLAG_HAS_ERROR     0x04
#define FLAG_SHUTDOWN      0x08
#define FLAG_IRQ_INJECTED  0x10
#define FLAG_NMI_INJECTED  0x20
#define FLAG_NMI_MASKED    0x40
#define FLAG_RESERVED      0x80

static void put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static uint8_t flags_of(const struct inject_events *events)
{
    unsigned flags = 0;

    flags |= inject_event_valid(&events->exception) ? FLAG_EXCEPTION : 0;
    flags |= events->exception_cut ? FLAG_EXCEPTION_CUT : 0;
    flags |= (events->exception.flags & INJECT_EVENT_HAS_ERROR) != 0 ? FLAG_HAS_ERROR : 0;
    flags |= events->shutdown ? FLAG_SHUTDOWN : 0;
    flags |= events->irq_injected ? FLAG_IRQ_INJECTED : 0;
    flags |= events->nmi_injected ? FLAG_NMI_INJECTED : 0;
    flags |= events->nmi_masked ? FLAG_NMI_MASKED : 0;
    return (uint8_t)flags;
}

static uint8_t shadow_code(uint32_t shadow)
{
    if ((shadow & INJECT_VIEW_SHADOW_MOVSS) != 0)
        return 2;
    return (shadow & INJECT_VIEW_SHADOW_STI) != 0 ? 1 : 0;
}

void inject_events_store(const struct inject_events *events, uint8_t bytes[INJECT_EVENTS_BYTES])
{
    put(bytes, MAGIC, 4);
    put(bytes + 4, INJECT_EVENTS_VERSION, 2);
    put(bytes + 6, INJECT_EVENTS_BYTES, 2);
    bytes[8] = flags_of(events);
    bytes[9] = events->nmi_pending;
    bytes[10] = events->irq_vector;
    bytes[11] = shadow_code(events->shadow);
    bytes[12] = events->exception.vector;
    bytes[13] = events->exception.type;
    bytes[14] = events->exception.insn_len;
    bytes[15] = 0;
    put(bytes + 16, events->exception.error, 4);
    put(bytes + 20, events->windows, 4);
    put(bytes + 24, events->exception.payload, 8);
    put(bytes + 32, events->blocked_ns, 8);
}

static int check_head(const uint8_t *bytes, size_t size)
{
    if (size < 8)
        return E_TRUNCATED;
    if (get(bytes, 4) != MAGIC)
        return E_INVAL;
    if (get(bytes + 4, 2) != INJECT_EVENTS_VERSION)
        return E_NOTSUP;
    if (get(bytes + 6, 2) != INJECT_EVENTS_BYTES)
        return E_INVAL;
    return size < INJECT_EVENTS_BYTES ? E_TRUNCATED : 0;
}

int inject_events_load(struct inject_events *events, const uint8_t *bytes, size_t size)
{
    static const uint32_t shadows[] = {0, (uint32_t)INJECT_VIEW_SHADOW_STI,
                                       (uint32_t)INJECT_VIEW_SHADOW_MOVSS};
    struct inject_events copy = {0};
    int error = check_head(bytes, size);
    unsigned flags;

    if (error != 0)
        return error;
    flags = bytes[8];
    if ((flags & FLAG_RESERVED) != 0 || bytes[11] > 2 || bytes[15] != 0)
        return E_INVAL;
    copy.exception.flags = (uint8_t)(((flags & FLAG_EXCEPTION) != 0 ? INJECT_EVENT_VALID : 0) |
                                     ((flags & FLAG_HAS_ERROR) != 0 ? INJECT_EVENT_HAS_ERROR : 0));
    copy.exception_cut = (flags & FLAG_EXCEPTION_CUT) != 0;
    copy.shutdown = (flags & FLAG_SHUTDOWN) != 0;
    copy.irq_injected = (flags & FLAG_IRQ_INJECTED) != 0;
    copy.nmi_injected = (flags & FLAG_NMI_INJECTED) != 0;
    copy.nmi_masked = (flags & FLAG_NMI_MASKED) != 0;
    copy.nmi_pending = bytes[9];
    copy.irq_vector = bytes[10];
    copy.shadow = shadows[bytes[11]];
    copy.exception.vector = bytes[12];
    copy.exception.type = bytes[13];
    copy.exception.insn_len = bytes[14];
    copy.exception.error = (uint32_t)get(bytes + 16, 4);
    copy.windows = (uint32_t)get(bytes + 20, 4);
    copy.exception.payload = get(bytes + 24, 8);
    copy.blocked_ns = get(bytes + 32, 8);
    error = inject_events_check(&copy);
    if (error == 0)
        *events = copy;
    return error;
}
