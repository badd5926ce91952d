/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC: requests, service, priorities, pins, reset. IRR, ISR and TMR belong to the owner;
 * senders reach them through `posted` only. irr_top, isr_top and ppr always agree with the bit arrays.
 */
#include "arch/x86/vlapic.h"

#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic_internal.h"
#include "core/vcpu.h"
#include "lib/assert.h"
#include "vdev/msi.h"

/* The highest bit of `words`, which has none above the word `last`; -1: none. */
static int16_t top_below(const uint64_t words[VLAPIC_WORDS], uint32_t last)
{
    for (int i = (int)last; i >= 0; i--)
        if (words[i] != 0)
            return (int16_t)(i * 64 + 63 - __builtin_clzll(words[i]));
    return -1;
}

void vlapic_publish_route(struct vlapic *vl)
{
    uint64_t route = vlapic_id(vl) | field_make(vl->ldr, VLAPIC_ROUTE_LDR);

    if (vlapic_is_enabled(vl))
        route |= VLAPIC_ROUTE_ENABLED;
    if (vlapic_is_soft_enabled(vl))
        route |= VLAPIC_ROUTE_SOFT;
    if (vlapic_is_x2apic(vl))
        route |= VLAPIC_ROUTE_X2APIC;
    if (vl->dfr != APIC_DFR_FLAT)
        route |= VLAPIC_ROUTE_CLUSTER;
    if (!vlapic_is_enabled(vl) || (vl->lvt[VLAPIC_LINT0] & APIC_LVT_MASKED) == 0)
        route |= VLAPIC_ROUTE_LINT0;
    atomic_store_explicit(&vl->route, route, memory_order_release);
    vl->mmio = gpa(vlapic_is_enabled(vl) && !vlapic_is_x2apic(vl) ? vl->base & FIELD(51, 12) : UINT64_MAX);
}

/* --- Posting: any CPU
 * ---------------------------------------------------------------------------------------- */

void vlapic_notify(struct vlapic *vl)
{
    (void)inject_post_irq(&vl->vcpu->inject.posted);
}

static void note(struct vlapic *vl, uint32_t out)
{
    atomic_fetch_or_explicit(&vl->posted.outstanding, out, memory_order_release);
    vlapic_notify(vl);
}

/* The request goes out every time: the owner clears the word only after it has looked here, see vlapic.h. */
static void tell_owner(struct vlapic *vl, uint32_t out)
{
    note(vl, out);
    vcpu_request(vl->vcpu, VCPU_REQ_EVENT);
}

void vlapic_log_error(struct vlapic *vl, uint32_t esr_bits)
{
    if ((~atomic_fetch_or_explicit(&vl->posted.error, esr_bits, memory_order_relaxed) & esr_bits) != 0)
        tell_owner(vl, VLAPIC_OUT_ERROR);
}

/* What is outstanding by that; 0: the interrupt is not taken. `checked`: the vector is a legal one. */
static inline uint32_t post(struct vlapic *vl, uint8_t vector, bool level, bool checked)
{
    const uint64_t takes = VLAPIC_ROUTE_ENABLED | VLAPIC_ROUTE_SOFT;
    uint64_t bit = BIT(vector & 63);
    uint32_t word = vector >> 6;

    if ((atomic_load_explicit(&vl->route, memory_order_relaxed) & takes) != takes)
        return 0;
    if (!checked && UNLIKELY(vector < APIC_MIN_VECTOR)) {
        vlapic_log_error(vl, APIC_ESR_RECEIVE_VECTOR);
        return 0;
    }
    if (level)
        atomic_fetch_or_explicit(&vl->posted.level[word], bit, memory_order_relaxed);
    else if ((atomic_load_explicit(&vl->posted.level[word], memory_order_relaxed) & bit) != 0)
        atomic_fetch_and_explicit(&vl->posted.level[word], ~bit, memory_order_relaxed);
    atomic_fetch_add_explicit(&vl->posted.posted_count, 1, memory_order_relaxed);
    if ((atomic_fetch_or_explicit(&vl->posted.request[word], bit, memory_order_acq_rel) & bit) != 0)
        atomic_fetch_add_explicit(&vl->posted.collapsed_count, 1, memory_order_relaxed);
    return UINT32_C(1) << word;
}

bool vlapic_post(struct vlapic *vl, uint8_t vector, bool level)
{
    uint32_t out = post(vl, vector, level, false);

    if (out != 0)
        tell_owner(vl, out);
    return out != 0;
}

void vlapic_post_from(struct vlapic *vl, uint8_t vector, const struct vlapic *from)
{
    uint32_t out = post(vl, vector, false, true);

    if (UNLIKELY(out == 0))
        return;
    note(vl, out);
    if (vl != from)
        vcpu_request(vl->vcpu, VCPU_REQ_EVENT);
}

void vlapic_post_pin(struct vlapic *vl, uint32_t out)
{
    tell_owner(vl, out);
}

void vlapic_post_nmi_from(struct vlapic *vl, const struct vlapic *from)
{
    (void)inject_post_nmi(&vl->vcpu->inject.posted);
    if (vl != from)
        vcpu_request(vl->vcpu, VCPU_REQ_EVENT);
}

void vlapic_post_nmi(struct vlapic *vl)
{
    vlapic_post_nmi_from(vl, NULL);
}

void vlapic_post_init(struct vlapic *vl)
{
    inject_post_init(&vl->vcpu->inject.posted);
    atomic_store_explicit(&vl->posted.start, VLAPIC_START_INIT, memory_order_release);
    vcpu_request(vl->vcpu, VCPU_REQ_INIT);
}

/* A second start-up before the first was looked at is ignored, as a CPU that is already running would. */
void vlapic_post_sipi(struct vlapic *vl, uint8_t vector)
{
    uint32_t old = atomic_load_explicit(&vl->posted.start, memory_order_relaxed);
    uint32_t new_word;

    do {
        if ((old & VLAPIC_START_SIPI) != 0)
            return;
        new_word = (old & VLAPIC_START_INIT) | VLAPIC_START_SIPI | vector;
    } while (!atomic_compare_exchange_weak_explicit(&vl->posted.start, &old, new_word, memory_order_release,
                                                    memory_order_relaxed));
    vcpu_request(vl->vcpu, VCPU_REQ_INIT);
}

/* --- Folding: owner
 * ------------------------------------------------------------------------------------------ */

static inline void into_irr(struct vlapic *vl, uint32_t word, uint64_t bits, uint64_t level)
{
    int16_t top = (int16_t)(word * 64 + 63 - (uint32_t)__builtin_clzll(bits));

    vl->irr[word] |= bits;
    vl->tmr[word] = (vl->tmr[word] & ~bits) | level;
    if (top > vl->irr_top)
        vl->irr_top = top;
}

/* None at all, more than one at once, one that waits already, or the APIC was being turned off meanwhile. */
static __attribute__((noinline, cold)) void fold_oddly(struct vlapic *vl, uint32_t word, uint64_t bits)
{
    uint64_t level = atomic_load_explicit(&vl->posted.level[word], memory_order_relaxed) & bits;
    uint64_t again = bits & vl->irr[word];

    if (bits == 0)
        return;
    if (!vlapic_is_enabled(vl)) {
        vl->books.dropped_count += bits_count(bits);
        return;
    }
    vl->books.collapsed_count += bits_count(again);
    vl->books.accepted_count += bits_count(bits & ~again);
    into_irr(vl, word, bits, level);
}

static inline void fold_word(struct vlapic *vl, uint32_t word)
{
    uint64_t bits = atomic_exchange_explicit(&vl->posted.request[word], 0, memory_order_acq_rel);

    if (UNLIKELY((bits & ((bits - 1) | vl->irr[word])) != 0 || bits == 0 || !vlapic_is_enabled(vl))) {
        fold_oddly(vl, word, bits);
        return;
    }
    vl->books.accepted_count++;
    into_irr(vl, word, bits, atomic_load_explicit(&vl->posted.level[word], memory_order_relaxed) & bits);
}

/* ExtINT on LINT0 is a level, not an event: vlapic_takes_extint() is asked instead. */
static __attribute__((cold)) void fold_pins(struct vlapic *vl, uint32_t out)
{
    if ((out & VLAPIC_OUT_EXTINT) != 0)
        vl->extint = true;
    if ((out & VLAPIC_OUT_TIMER) != 0)
        vlapic_timer_due(vl);
    if ((out & VLAPIC_OUT_LINT0) != 0)
        vlapic_local_event(vl, VLAPIC_LINT0);
    if ((out & VLAPIC_OUT_LINT1) != 0)
        vlapic_local_event(vl, VLAPIC_LINT1);
    if ((out & VLAPIC_OUT_ERROR) != 0)
        vlapic_local_event(vl, VLAPIC_ERROR);
}

static void fold_all(struct vlapic *vl, uint32_t out)
{
    for (uint32_t words = out & VLAPIC_OUT_WORDS; words != 0; words &= words - 1)
        fold_word(vl, (uint32_t)__builtin_ctz(words));
    fold_pins(vl, out);
}

/* Twice, because a pin's event posts to ourselves. What comes later has told the owner again. */
static __attribute__((noinline, cold)) void fold_any(struct vlapic *vl, uint32_t out)
{
    fold_all(vl, out);
    fold_all(vl, atomic_exchange_explicit(&vl->posted.outstanding, 0, memory_order_acquire));
}

void vlapic_fold(struct vlapic *vl)
{
    /* Pairs with the release in note(): what it wrote before is seen below. */
    uint32_t out = atomic_exchange_explicit(&vl->posted.outstanding, 0, memory_order_acquire);

    if (LIKELY((out & (out - 1)) == 0 && (out & VLAPIC_OUT_WORDS) != 0))
        fold_word(vl, (uint32_t)__builtin_ctz(out));
    else
        fold_any(vl, out);
}

void vlapic_ack(struct vlapic *vl, uint8_t vector)
{
    uint64_t bit = BIT(vector & 63);
    uint32_t word = vector >> 6;

    ASSERT((vl->irr[word] & bit) != 0 && vector > vl->isr_top);
    vl->irr[word] &= ~bit;
    vl->isr[word] |= bit;
    vl->isr_top = vector;
    if (vector == vl->irr_top)
        vl->irr_top = top_below(vl->irr, word);
    vlapic_update_ppr(vl);
    vl->books.delivered_count++;
}

void vlapic_eoi(struct vlapic *vl)
{
    int16_t vector = vl->isr_top;
    uint64_t bit;

    if (vector < 0)
        return;
    bit = BIT(vector & 63);
    vl->isr[vector >> 6] &= ~bit;
    vl->isr_top = top_below(vl->isr, (uint32_t)vector >> 6);
    vlapic_update_ppr(vl);
    if (UNLIKELY((vl->tmr[vector >> 6] & bit) != 0) && (vl->svr & APIC_SVR_NO_BROADCAST) == 0)
        apic_bus_eoi(vl->bus, (uint8_t)vector);
    /* Also if TPR still holds it: what kept it back has changed, and with it the exit to ask for. */
    if (vlapic_has_request(vl))
        vlapic_notify(vl);
}

/* The owner to itself, an edge: what post() and fold_word() do, in one. It looks at inject's word before it
 * enters or blocks, so no request is needed. */
static void post_here(struct vlapic *vl, uint8_t vector)
{
    uint64_t bit = BIT(vector & 63);
    uint32_t word = vector >> 6;

    if (!vlapic_is_enabled(vl) || !vlapic_is_soft_enabled(vl))
        return;
    if (UNLIKELY(vector < APIC_MIN_VECTOR)) {
        vlapic_log_error(vl, APIC_ESR_RECEIVE_VECTOR);
        return;
    }
    atomic_fetch_add_explicit(&vl->posted.posted_count, 1, memory_order_relaxed);
    if ((vl->irr[word] & bit) != 0) {
        vl->books.collapsed_count++;
        return;
    }
    vl->books.accepted_count++;
    vl->irr[word] |= bit;
    vl->tmr[word] &= ~bit;
    if (vector > vl->irr_top)
        vl->irr_top = vector;
    vlapic_notify(vl);
}

void vlapic_timer_event(struct vlapic *vl)
{
    uint32_t lvt = vl->lvt[VLAPIC_TIMER];

    if ((lvt & APIC_LVT_MASKED) == 0)
        post_here(vl, (uint8_t)(lvt & APIC_LVT_VECTOR));
}

void vlapic_local_event(struct vlapic *vl, enum vlapic_lvt which)
{
    uint32_t lvt = vl->lvt[which];

    if ((lvt & APIC_LVT_MASKED) != 0)
        return;
    switch ((lvt & APIC_LVT_MODE) >> APIC_LVT_MODE_SHIFT) {
    case MSI_FIXED:
        post_here(vl, (uint8_t)(lvt & APIC_LVT_VECTOR));
        break;
    case MSI_NMI:
        vlapic_post_nmi(vl);
        break;
    case MSI_INIT:
        vlapic_post_init(vl);
        break;
    default: /* SMI: no SMM here; ExtINT: a level, see fold_pins() */
        break;
    }
    if (which == VLAPIC_PERF)
        vl->lvt[VLAPIC_PERF] |= APIC_LVT_MASKED;
}

bool vlapic_takes_extint(const struct vlapic *vl)
{
    return !vlapic_is_enabled(vl) || (vl->lvt[VLAPIC_LINT0] & (APIC_LVT_MASKED | APIC_LVT_MODE)) ==
                                         (uint32_t)MSI_EXTINT << APIC_LVT_MODE_SHIFT;
}
