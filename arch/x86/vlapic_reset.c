/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC: power-on, INIT, what firmware leaves behind, and the books. Intel SDM vol. 3,
 * "Local APIC State After Power-Up or Reset", "... After an INIT Reset".
 */
#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic_internal.h"
#include "core/vcpu.h"
#include "lib/string.h"
#include "vdev/msi.h"

void vlapic_init(struct vlapic *vl, struct apic_bus *bus, struct vcpu *vcpu)
{
    memset(vl, 0, sizeof(*vl));
    vl->bus = bus;
    vl->vcpu = vcpu;
    atomic_store_explicit(&vl->route, vcpu->id, memory_order_relaxed);
    vlapic_timer_init(vl);
    vlapic_reset(vl, false);
    bus->apics[vcpu->id] = vl;
    if (bus->count <= vcpu->id)
        bus->count = vcpu->id + 1;
}

static uint32_t posted_requests(const struct vlapic *vl)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < VLAPIC_WORDS; i++)
        count += bits_count(atomic_load_explicit(&vl->posted.request[i], memory_order_relaxed));
    return count;
}

/* After the route says that nothing is taken; a message sent before that may still come and is dropped later.
 */
static void drop_requests(struct vlapic *vl)
{
    atomic_store_explicit(&vl->posted.outstanding, 0, memory_order_seq_cst);
    atomic_store_explicit(&vl->posted.error, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < VLAPIC_WORDS; i++) {
        uint64_t posted = atomic_exchange_explicit(&vl->posted.request[i], 0, memory_order_acq_rel);

        vl->books.dropped_count += bits_count(vl->irr[i]) + bits_count(posted);
        vl->irr[i] = 0;
        vl->isr[i] = 0;
        vl->tmr[i] = 0;
    }
    vl->irr_top = -1;
    vl->isr_top = -1;
    vl->extint = false;
}

void vlapic_reset(struct vlapic *vl, bool init)
{
    if (!init) {
        vl->base = APIC_BASE_DEFAULT | APIC_BASE_ENABLE | (vl->vcpu->id == 0 ? APIC_BASE_BSP : 0);
        atomic_store_explicit(&vl->posted.start, 0, memory_order_relaxed);
    }
    vl->svr = APIC_SVR_VECTOR;
    vl->ldr = 0;
    vl->dfr = APIC_DFR_FLAT;
    vl->esr = 0;
    vl->icr = 0;
    vl->tpr = 0;
    for (uint32_t i = 0; i < VLAPIC_LVTS; i++)
        vl->lvt[i] = APIC_LVT_MASKED;
    vlapic_publish_route(vl);
    vlapic_timer_reset(vl);
    drop_requests(vl);
    vlapic_update_ppr(vl);
}

void vlapic_firmware_setup(struct vlapic *vl)
{
    vl->svr |= APIC_SVR_ENABLE;
    vl->lvt[VLAPIC_LINT0] = (uint32_t)MSI_EXTINT << APIC_LVT_MODE_SHIFT;
    vl->lvt[VLAPIC_LINT1] = (uint32_t)MSI_NMI << APIC_LVT_MODE_SHIFT;
    vlapic_publish_route(vl);
}

uint32_t vlapic_pending_count(const struct vlapic *vl)
{
    uint32_t count = posted_requests(vl);

    for (uint32_t i = 0; i < VLAPIC_WORDS; i++)
        count += bits_count(vl->irr[i]);
    return count;
}

bool vlapic_books_balance(const struct vlapic *vl)
{
    uint64_t posted = atomic_load_explicit(&vl->posted.posted_count, memory_order_relaxed);
    uint64_t collapsed =
        atomic_load_explicit(&vl->posted.collapsed_count, memory_order_relaxed) + vl->books.collapsed_count;

    return posted ==
           collapsed + vl->books.delivered_count + vl->books.dropped_count + vlapic_pending_count(vl);
}
