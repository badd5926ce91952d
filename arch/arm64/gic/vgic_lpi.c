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
    struct vgic_vcpu *home = vgic_hold(vgic, lpi_of(vgic, index));

    vgic_latch(vgic, lpi_of(vgic, index));
    vgic_release(vgic, home, lpi_of(vgic, index));
}

void vgic_lpi_clear(struct vgic_vm *vgic, uint32_t index)
{
    struct vgic_vcpu *home = vgic_hold(vgic, lpi_of(vgic, index));

    vgic_clear_latch(vgic, lpi_of(vgic, index));
    vgic_release(vgic, home, lpi_of(vgic, index));
}

void vgic_lpi_target(struct vgic_vm *vgic, uint32_t index, uint8_t target)
{
    struct vgic_irq *irq = lpi_of(vgic, index);
    struct vgic_vcpu *home;

    if (irq->target == target)
        return;
    home = vgic_hold(vgic, irq);
    irq->target = target;
    irq->active = false; /* outside a list register: see vgic_lr.c */
    vgic_release(vgic, home, irq);
}

static void configure(struct vgic_vm *vgic, struct vgic_irq *irq, uint8_t config)
{
    uint8_t priority = (uint8_t)(config & CONFIG_PRIORITY);
    bool enabled = (config & CONFIG_ENABLE) != 0;
    struct vgic_vcpu *home;

    if (irq->priority == priority && irq->enabled == enabled)
        return;
    home = vgic_hold(vgic, irq);
    irq->priority = priority;
    irq->enabled = enabled;
    vgic_release(vgic, home, irq);
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
        configure(vgic, lpi_of(vgic, index), config);
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
            return;
        for (uint32_t i = 0; i < size; i++)
            if (lpi_of(vgic, first + i)->target == target)
                configure(vgic, lpi_of(vgic, first + i), config[i]);
    }
}

void vgic_lpi_move_pending(struct vgic_vm *vgic, uint8_t from, uint8_t to)
{
    for (uint32_t i = 0; i < vgic->config.lpi_count; i++) {
        const struct vgic_irq *irq = lpi_of(vgic, i);

        if (irq->target == from && (irq->latch || irq->place == VGIC_IN_LR))
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
