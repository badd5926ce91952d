/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPIs: configuration from the guest's table, pending state, the redistributors' part. vgic_vm.lock is held.
 * They are edges of group 1 and have no active state: what a list register shows of one is dropped when it
 * must leave the list register. A vCPU gets LPIs only with GICR_CTLR.EnableLPIs.
 */
#include "arch/arm64/gic/vgic_lpi.h"

#include <stddef.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"

#define CONFIG_ENABLE   BIT(0)
#define CONFIG_PRIORITY FIELD(7, 3) /* as many bits as the other interrupts have */
#define CHUNK           32

static struct vgic_irq *lpi_of(struct vgic_vm *vgic, uint32_t index)
{
    return &vgic->config.lpis[index];
}

/* --- Those that hardware delivers --------------------------------------------------------------------------
 */

/* What its table says, if the vCPU takes LPIs at all: hardware knows of no other switch. */
static void configure_direct(struct vgic_vm *vgic, uint32_t index)
{
    const struct vgic_irq *irq = lpi_of(vgic, index);
    bool taken;

    if (!irq->direct || irq->target == VGIC_NO_VCPU)
        return;
    taken = vgic_group_is_enabled(vgic, irq) &&
            (vgic->vcpus[irq->target]->redist_ctlr & GICR_CTLR_ENABLE_LPIS) != 0;
    vgic->config.direct->configure(vgic, index, irq->priority, irq->enabled && taken);
}

void vgic_lpi_refresh(struct vgic_vm *vgic)
{
    if (vgic->config.direct == NULL)
        return;
    for (uint32_t i = 0; i < vgic->config.lpi_count; i++)
        configure_direct(vgic, i);
    vgic->config.direct->settle(vgic);
}

/* It has got a new target. What was pending before it had any becomes the hardware's. */
static void route_direct(struct vgic_vm *vgic, uint32_t index, uint8_t from)
{
    const struct vgic_direct_ops *ops = vgic->config.direct;
    struct vgic_irq *irq = lpi_of(vgic, index);
    bool was = irq->direct;

    if (ops == NULL || (!was && (irq->target == VGIC_NO_VCPU || irq->place != VGIC_IDLE)))
        return;
    irq->direct = true;
    vgic->direct_work++;
    configure_direct(vgic, index);
    irq->direct =
        ops->route(vgic, index, was ? from : VGIC_NO_VCPU, irq->target) && irq->target != VGIC_NO_VCPU;
    ops->settle(vgic);
    if (irq->direct && irq->latch) {
        vgic_lpi_clear(vgic, index);
        vgic_lpi_post(vgic, index);
    }
}

/* False: it is to go by list registers. */
static bool post_direct(struct vgic_vm *vgic, uint32_t index)
{
    struct vgic_irq *irq = lpi_of(vgic, index);

    irq->direct = irq->direct && vgic->config.direct->post(vgic, index);
    vgic->direct_count += irq->direct;
    vgic->direct_work += irq->direct;
    return irq->direct;
}

/* --- Changes ----------------------------------------------------------------------------------------------
 */

void vgic_lpi_init(struct vgic_vm *vgic)
{
    for (uint32_t i = 0; i < vgic->config.lpi_count; i++) {
        struct vgic_irq *irq = lpi_of(vgic, i);

        list_init(&irq->node);
        irq->intid = VGIC_LPI_FIRST + i;
        irq->edge = true;
        irq->group1 = true;
        irq->target = VGIC_NO_VCPU;
    }
}

void vgic_lpi_post(struct vgic_vm *vgic, uint32_t index)
{
    struct vgic_irq *irq = lpi_of(vgic, index);
    struct vgic_vcpu *home;

    if (UNLIKELY(irq->direct) && post_direct(vgic, index))
        return;
    home = vgic->vcpus[irq->home];
    spin_lock(&home->lock);
    vgic->books.posted_count++;
    vgic->books.collapsed_count += irq->latch;
    /* Pending already: whoever made it so has said so. */
    if (!irq->latch) {
        irq->latch = true;
        if (LIKELY(irq->place == VGIC_IN_LR)) {
            vgic_announce(home);
        } else {
            if (irq->place == VGIC_ACTIVE)
                vgic_unlink(home, irq);
            vgic_release(vgic, home, irq);
            return;
        }
    }
    spin_unlock(&home->lock);
}

void vgic_lpi_clear(struct vgic_vm *vgic, uint32_t index)
{
    struct vgic_vcpu *home = vgic_hold(vgic, lpi_of(vgic, index));

    vgic_clear_latch(vgic, lpi_of(vgic, index));
    vgic_release(vgic, home, lpi_of(vgic, index));
    if (lpi_of(vgic, index)->direct) {
        vgic->direct_work++;
        vgic->config.direct->clear(vgic, index);
    }
}

void vgic_lpi_target(struct vgic_vm *vgic, uint32_t index, uint8_t target)
{
    struct vgic_irq *irq = lpi_of(vgic, index);
    uint8_t from = irq->target;
    struct vgic_vcpu *home;

    if (from == target)
        return;
    home = vgic_hold(vgic, irq);
    irq->target = target;
    irq->active = false; /* outside a list register: see vgic_lr.c */
    if (vgic->config.direct != NULL) {
        spin_unlock(&home->lock);
        route_direct(vgic, index, from);
        home = vgic_hold(vgic, irq);
    }
    vgic_release(vgic, home, irq);
}

/* What hardware delivers is told by settle(). */
static void set_config(struct vgic_vm *vgic, uint32_t index, uint8_t config)
{
    struct vgic_irq *irq = lpi_of(vgic, index);
    uint8_t priority = (uint8_t)(config & CONFIG_PRIORITY);
    bool enabled = (config & CONFIG_ENABLE) != 0;
    struct vgic_vcpu *home;

    if (irq->priority == priority && irq->enabled == enabled)
        return;
    home = vgic_hold(vgic, irq);
    irq->priority = priority;
    irq->enabled = enabled;
    vgic_release(vgic, home, irq);
    configure_direct(vgic, index);
}

static void settle(struct vgic_vm *vgic)
{
    if (vgic->config.direct == NULL)
        return;
    vgic->direct_work++;
    vgic->config.direct->settle(vgic);
}

/* One table for all: GICR_TYPER.CommonLPIAff is 0. `any` vCPU with the register written. */
static uint64_t table_of(const struct vgic_vm *vgic)
{
    for (uint32_t i = 0; i < vgic->config.vcpu_count; i++)
        if ((vgic->vcpus[i]->redist_ctlr & GICR_CTLR_ENABLE_LPIS) != 0)
            return vgic->vcpus[i]->propbaser;
    return 0;
}

/* LPIs that the guest's ID bits leave, at most as many as there are. */
static uint32_t table_entries(const struct vgic_vm *vgic, uint64_t propbaser)
{
    uint64_t ids = UINT64_C(1) << (field_get(propbaser, GICR_PROPBASER_ID_BITS) + 1);

    return ids <= VGIC_LPI_FIRST ? 0 : (uint32_t)min_u64(ids - VGIC_LPI_FIRST, vgic->config.lpi_count);
}

void vgic_lpi_reload(struct vgic_vm *vgic, uint32_t index)
{
    uint64_t propbaser = table_of(vgic);
    uint8_t config;

    if (index < table_entries(vgic, propbaser) &&
        vgic->config.ops->guest_read(vgic, (propbaser & GICR_PROPBASER_ADDRESS) + index, &config, 1) == 0)
        set_config(vgic, index, config);
    settle(vgic);
}

/* Copied in pieces, each once. */
void vgic_lpi_reload_all(struct vgic_vm *vgic, uint8_t target)
{
    uint64_t propbaser = table_of(vgic);
    uint32_t count = table_entries(vgic, propbaser);
    uint8_t config[CHUNK];

    for (uint32_t first = 0; first < count; first += CHUNK) {
        uint32_t size = (uint32_t)min_u64(CHUNK, count - first);

        if (vgic->config.ops->guest_read(vgic, (propbaser & GICR_PROPBASER_ADDRESS) + first, config, size) !=
            0)
            break;
        for (uint32_t i = 0; i < size; i++)
            if (lpi_of(vgic, first + i)->target == target)
                set_config(vgic, first + i, config[i]);
    }
    settle(vgic);
}

void vgic_lpi_move_pending(struct vgic_vm *vgic, uint8_t from, uint8_t to)
{
    for (uint32_t i = 0; i < vgic->config.lpi_count; i++) {
        const struct vgic_irq *irq = lpi_of(vgic, i);

        if (irq->target == from && (irq->latch || irq->place == VGIC_IN_LR || irq->direct))
            vgic_lpi_target(vgic, i, to);
    }
}

/* --- Redistributor -----------------------------------------------------------------------------------------
 */

/* What the table in memory says is pending, unless the guest says that it is all zeros. */
static void load_pending(struct vgic_vm *vgic, struct vgic_vcpu *v)
{
    uint64_t at = (v->pendbaser & GICR_PENDBASER_ADDRESS) + VGIC_LPI_FIRST / 8;
    uint8_t bits;

    if ((v->pendbaser & GICR_PENDBASER_PTZ) != 0)
        return;
    for (uint32_t i = 0; i < table_entries(vgic, v->propbaser); i++) {
        if (i % 8 == 0 && vgic->config.ops->guest_read(vgic, at + i / 8, &bits, 1) != 0)
            return;
        if ((bits >> i % 8 & 1) != 0 && lpi_of(vgic, i)->target == v->id)
            vgic_lpi_post(vgic, i);
    }
}

/* A pending LPI of this vCPU is queued or withdrawn from its queue. */
static void settle_all(struct vgic_vm *vgic, const struct vgic_vcpu *v)
{
    for (uint32_t i = 0; i < vgic->config.lpi_count; i++) {
        struct vgic_irq *irq = lpi_of(vgic, i);

        if (irq->target == v->id && irq->place != VGIC_IN_LR)
            vgic_release(vgic, vgic_hold(vgic, irq), irq);
    }
}

void vgic_lpi_enable(struct vgic_vm *vgic, struct vgic_vcpu *v, bool enable)
{
    bool was = (v->redist_ctlr & GICR_CTLR_ENABLE_LPIS) != 0;

    if (vgic->config.lpi_count == 0 || was == enable)
        return;
    v->redist_ctlr ^= (uint32_t)GICR_CTLR_ENABLE_LPIS;
    vgic_lpi_refresh(vgic);
    if (enable) {
        load_pending(vgic, v);
        vgic_lpi_reload_all(vgic, v->id);
    }
    settle_all(vgic, v);
}

void vgic_lpi_write_base(struct vgic_vcpu *v, uint32_t offset, unsigned int size, uint64_t value)
{
    if (v->vm->config.lpi_count == 0 || (v->redist_ctlr & GICR_CTLR_ENABLE_LPIS) != 0)
        return;
    if (offset < GICR_PENDBASER)
        v->propbaser = vgic_half_write(v->propbaser, offset, size, value) & GICR_PROPBASER_BITS;
    else
        v->pendbaser =
            vgic_half_write(v->pendbaser, offset, size, value) & (GICR_PENDBASER_BITS | GICR_PENDBASER_PTZ);
}
