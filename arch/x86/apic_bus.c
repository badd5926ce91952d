/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routing of interrupt messages. A destination is compared with each APIC's published route word; no lock is
 * taken. Intel SDM vol. 3, "Determining IPI Destination", "Logical Destination Mode in x2APIC Mode".
 */
#include "arch/x86/apic_bus.h"

#include "arch/x86/vlapic_internal.h"
#include "core/vcpu.h"
#include "lib/nospec.h"
#include "vdev/vioapic.h"

#define BROADCAST8 UINT32_C(0xff)
#define BROADCAST  UINT32_MAX

static bool sink_deliver(struct msi_sink *sink, const struct msi_message *message)
{
    return apic_bus_send(CONTAINER_OF(sink, struct apic_bus, sink), message);
}

static const struct msi_sink_ops sink_ops = {.deliver = sink_deliver};

void apic_bus_init(struct apic_bus *bus, const struct apic_bus_ops *ops, struct vm *vm, uint64_t tsc_hz)
{
    *bus = (struct apic_bus){
        .sink = {.ops = &sink_ops}, .ops = ops, .vm = vm, .tsc_hz = tsc_hz, .phys_bits = 52, .x2apic = true};
}

static uint64_t route_of(const struct vlapic *vl)
{
    return atomic_load_explicit(&vl->route, memory_order_acquire);
}

static bool logical_match(uint64_t route, uint32_t dest)
{
    uint32_t id = (uint32_t)field_get(route, VLAPIC_ROUTE_ID);
    uint32_t ldr = (uint32_t)field_get(route, VLAPIC_ROUTE_LDR);

    if ((route & VLAPIC_ROUTE_X2APIC) != 0)
        return dest >> 16 == id >> 4 && (dest & vlapic_x2apic_ldr(id) & UINT16_MAX) != 0;
    if (dest > BROADCAST8)
        return false;
    if ((route & VLAPIC_ROUTE_CLUSTER) == 0)
        return (dest & ldr) != 0;
    return (dest >> 4 == ldr >> 4 || dest >> 4 == 0xf) && (dest & ldr & 0xf) != 0;
}

static bool matches(const struct vlapic *vl, const struct msi_message *m)
{
    uint64_t route = route_of(vl);

    if ((route & VLAPIC_ROUTE_ENABLED) == 0)
        return false;
    if (m->dest == BROADCAST)
        return true;
    return m->logical ? logical_match(route, m->dest) : field_get(route, VLAPIC_ROUTE_ID) == m->dest;
}

/* Modes as they are; lowest priority has been resolved by now. */
static bool deliver_to(struct vlapic *vl, const struct msi_message *m)
{
    switch (m->mode) {
    case MSI_FIXED:
    case MSI_LOWEST:
        return vlapic_post(vl, m->vector, m->level);
    case MSI_NMI:
        vlapic_post_nmi(vl);
        return true;
    case MSI_INIT:
        vlapic_post_init(vl);
        return true;
    case MSI_STARTUP:
        vlapic_post_sipi(vl, m->vector);
        return true;
    case MSI_EXTINT:
        vlapic_post_pin(vl, VLAPIC_OUT_EXTINT);
        return true;
    default: /* SMI: there is no system management mode; reserved */
        return false;
    }
}

/* The lowest processor priority among those addressed; equal ones take turns. Priorities may be a moment old.
 */
static bool send_lowest(struct apic_bus *bus, const struct msi_message *m, const struct vlapic *skip)
{
    uint32_t first = atomic_fetch_add_explicit(&bus->lowest_next, 1, memory_order_relaxed) % bus->count;
    struct vlapic *best = NULL;
    uint8_t best_ppr = 0;

    for (uint32_t i = 0; i < bus->count; i++) {
        struct vlapic *vl = bus->apics[(first + i) % bus->count];
        uint8_t ppr;

        if (vl == skip || !matches(vl, m) || (route_of(vl) & VLAPIC_ROUTE_SOFT) == 0)
            continue;
        ppr = atomic_load_explicit(&vl->ppr, memory_order_relaxed);
        if (best == NULL || ppr < best_ppr) {
            best = vl;
            best_ppr = ppr;
        }
    }
    return best != NULL && deliver_to(best, m);
}

/* All that `m` addresses or the best of them, `skip` excepted. */
static bool send_among(struct apic_bus *bus, const struct msi_message *m, const struct vlapic *skip)
{
    bool taken = false;

    if (m->mode == MSI_LOWEST)
        return send_lowest(bus, m, skip);
    for (uint32_t i = 0; i < bus->count; i++)
        if (bus->apics[i] != skip && matches(bus->apics[i], m))
            taken |= deliver_to(bus->apics[i], m);
    return taken;
}

static bool send(struct apic_bus *bus, const struct msi_message *m)
{
    if (bus->count == 0)
        return false;
    if (!m->logical && m->dest < bus->count) {
        struct vlapic *vl = bus->apics[index_nospec(m->dest, bus->count)];

        return matches(vl, m) && deliver_to(vl, m);
    }
    return send_among(bus, m, NULL);
}

bool apic_bus_send(struct apic_bus *bus, const struct msi_message *message)
{
    struct msi_message m = *message;

    if (m.mode == MSI_STARTUP)
        return false;
    if (m.dest == BROADCAST8)
        m.dest = BROADCAST;
    return send(bus, &m);
}

/* "Self" and "all" make sense for fixed interrupts; an NMI is let through, a CPU does not reset or start
 * itself. */
static bool self_allowed(uint8_t mode)
{
    return mode == MSI_FIXED || mode == MSI_LOWEST || mode == MSI_NMI;
}

_Static_assert(MAX_VCPUS_PER_VM <= BROADCAST8, "no CPU has the ID that means all of them");

/* A fixed interrupt or NMI to one CPU by its ID: nearly every IPI. False: it is none, nothing is done. */
static inline bool send_to_one(struct vlapic *from, uint64_t icr)
{
    uint32_t low = (uint32_t)icr;
    uint32_t dest = vlapic_is_x2apic(from) ? (uint32_t)(icr >> 32) : (uint32_t)(icr >> 56);
    struct vlapic *vl;

    if ((low & (APIC_ICR_LOGICAL | APIC_ICR_SHORTHAND)) != 0 || dest >= from->bus->count)
        return false;
    vl = from->bus->apics[index_nospec(dest, from->bus->count)];
    if ((low & APIC_ICR_MODE) == (uint32_t)MSI_FIXED << APIC_ICR_MODE_SHIFT &&
        (low & APIC_ICR_VECTOR) >= APIC_MIN_VECTOR)
        vlapic_post_from(vl, (uint8_t)low, from);
    else if ((low & APIC_ICR_MODE) == (uint32_t)MSI_NMI << APIC_ICR_MODE_SHIFT &&
             (route_of(vl) & VLAPIC_ROUTE_ENABLED) != 0)
        vlapic_post_nmi_from(vl, from);
    else
        return false;
    return true;
}

static void send_shorthand(struct vlapic *from, struct msi_message *m, enum apic_shorthand to)
{
    m->dest = BROADCAST;
    if (to == APIC_TO_OTHERS)
        (void)send_among(from->bus, m, from);
    else if (!self_allowed(m->mode))
        return;
    else if (to == APIC_TO_SELF)
        (void)deliver_to(from, m);
    else
        (void)send_among(from->bus, m, NULL);
}

static __attribute__((noinline, cold)) void send_any(struct vlapic *from, uint64_t icr)
{
    uint32_t low = (uint32_t)icr;
    enum apic_shorthand to = (enum apic_shorthand)((low & APIC_ICR_SHORTHAND) >> APIC_ICR_SHORTHAND_SHIFT);
    struct msi_message m = {
        .dest = vlapic_is_x2apic(from) ? (uint32_t)(icr >> 32) : (uint32_t)(icr >> 56),
        .vector = (uint8_t)(low & APIC_ICR_VECTOR),
        .mode = (uint8_t)((low & APIC_ICR_MODE) >> APIC_ICR_MODE_SHIFT),
        .logical = (low & APIC_ICR_LOGICAL) != 0,
    };

    /* INIT level de-assert: nothing to do since the Pentium 4. ExtINT cannot be sent by a processor. */
    if (m.mode == MSI_EXTINT ||
        (m.mode == MSI_INIT && (low & APIC_ICR_LEVEL) != 0 && (low & APIC_ICR_ASSERT) == 0))
        return;
    if ((m.mode == MSI_FIXED || m.mode == MSI_LOWEST) && m.vector < APIC_MIN_VECTOR) {
        vlapic_log_error(from, APIC_ESR_SEND_VECTOR);
        return;
    }
    if (to != APIC_TO_DEST) {
        send_shorthand(from, &m, to);
        return;
    }
    if (!vlapic_is_x2apic(from) && m.dest == BROADCAST8)
        m.dest = BROADCAST;
    (void)send(from->bus, &m);
}

void apic_bus_send_icr(struct vlapic *from, uint64_t icr)
{
    if (UNLIKELY(!send_to_one(from, icr)))
        send_any(from, icr);
}

void apic_bus_eoi(struct apic_bus *bus, uint8_t vector)
{
    if (bus->ioapic == NULL)
        return;
    spin_lock(&bus->vm->dev_lock);
    vioapic_eoi(bus->ioapic, vector);
    spin_unlock(&bus->vm->dev_lock);
}
