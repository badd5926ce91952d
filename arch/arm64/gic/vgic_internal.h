/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the virtual GIC: where an interrupt is, and how it is moved.
 *
 * An interrupt is changed between vgic_hold() and vgic_release(): the first takes it out of its queue, the
 * second decides anew where it belongs. The node of an interrupt is only touched with its home's lock, and
 * only one vCPU's lock is held at a time: an SPI goes from one vCPU to another in two steps, idle in between.
 */
#pragma once

#include "arch/arm64/gic/vgic.h"

#define VGIC_GROUP_BIT(irq) ((uint8_t)((irq)->group1 ? 2 : 1))

static inline bool vgic_is_private(const struct vgic_irq *irq)
{
    return irq->intid < VGIC_PRIVATE;
}

static inline bool vgic_is_lpi(const struct vgic_irq *irq)
{
    return irq->intid >= VGIC_LPI_FIRST;
}

/* The guest's interrupt has a pending event in its list register. */
static inline bool vgic_lr_holds_event(const struct vgic_irq *irq)
{
    return irq->place == VGIC_IN_LR && irq->lr_pending;
}

/* Pending besides what a list register holds. */
static inline bool vgic_is_pending(const struct vgic_irq *irq)
{
    return irq->latch || (!irq->edge && irq->line);
}

static inline bool vgic_group_is_enabled(const struct vgic_vm *vgic, const struct vgic_irq *irq)
{
    return (atomic_load_explicit(&vgic->groups, memory_order_relaxed) & VGIC_GROUP_BIT(irq)) != 0;
}

/* --- vgic_state.c ------------------------------------------------------------------------------------------
 */

/* Shared interrupts: vgic_vm.lock is held. Takes the home's lock. */
struct vgic_vcpu *vgic_hold(struct vgic_vm *vgic, struct vgic_irq *irq);
/* `v` from vgic_hold(); lets its lock go. Tells the vCPU that now has the interrupt. */
void vgic_release(struct vgic_vm *vgic, struct vgic_vcpu *v, struct vgic_irq *irq);

/*
 * With the home's lock: into the place that fits its state, `first` among its equals if it was in a list
 * register. False: it belongs to another vCPU's queue and is idle.
 */
bool vgic_settle(struct vgic_vm *vgic, struct vgic_vcpu *v, struct vgic_irq *irq, bool first);
/* With v's lock: idle -> queued at v. */
void vgic_enqueue(struct vgic_vcpu *v, struct vgic_irq *irq, bool first);
/* An idle, shared interrupt that vgic_settle() refused. vgic_vm.lock held, no vCPU's. */
void vgic_send_off(struct vgic_vm *vgic, struct vgic_irq *irq);
/* With v's lock: QUEUED, ACTIVE -> IDLE. */
void vgic_unlink(struct vgic_vcpu *v, struct vgic_irq *irq);
void vgic_set_place(struct vgic_vcpu *v, struct vgic_irq *irq, enum vgic_place place);
/* With v's lock: the list registers are out of date; kicked if it runs, or sleeps and can be woken by it. */
void vgic_announce(struct vgic_vcpu *v);

struct vgic_books *vgic_books_of(struct vgic_vm *vgic, const struct vgic_irq *irq);
/* The interrupt with this INTID as vCPU `v` sees it; NULL: not implemented. */
struct vgic_irq *vgic_find(struct vgic_vm *vgic, struct vgic_vcpu *v, uint64_t intid);

/* Between hold and release. */
void vgic_latch(struct vgic_vm *vgic, struct vgic_irq *irq);
void vgic_clear_latch(struct vgic_vm *vgic, struct vgic_irq *irq);
void vgic_set_level(struct vgic_vm *vgic, struct vgic_irq *irq, bool level);
void vgic_set_edge(struct vgic_vm *vgic, struct vgic_irq *irq, bool edge);
void vgic_activate(struct vgic_vcpu *v, struct vgic_irq *irq);
/* An acknowledged interrupt on `v` is over before its EOI. */
void vgic_leave_ghost(struct vgic_vcpu *v, struct vgic_irq *irq);
bool vgic_recall_ghost(struct vgic_vcpu *v, struct vgic_irq *irq);
/* `v` is its home. */
void vgic_clear_active(struct vgic_vm *vgic, struct vgic_vcpu *v, struct vgic_irq *irq);

/* --- vgic_wake.c -------------------------------------------------------------------------------------------
 */

/* With v's lock. */
bool vgic_signals(const struct vgic_vcpu *v, const struct vgic_cpuif *cpuif);

/* --- vgic_dist.c, vgic_redist.c
 * ------------------------------------------------------------------------------ */

extern const struct vdev_ops vgic_dist_ops;
extern const struct vdev_ops vgic_redist_ops;

/* The seven arrays with a bit per INTID, and the others; `first` is that of the register's first INTID. */
uint32_t vgic_read_bits(struct vgic_vm *vgic, struct vgic_vcpu *self, struct vgic_vcpu *v, uint32_t array,
                        uint32_t first);
void vgic_write_bits(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t array, uint32_t first,
                     uint32_t value);
uint64_t vgic_read_priorities(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first, unsigned int count);
void vgic_write_priorities(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first, unsigned int count,
                           uint64_t value);
uint32_t vgic_read_config(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first);
void vgic_write_config(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first, uint32_t value);

/* 32-bit halves of a 64-bit register; `offset` inside it. */
static inline uint64_t vgic_half_read(uint64_t reg, uint64_t offset, unsigned int size)
{
    return size == 8 ? reg : reg >> (offset & 4) * 8;
}

static inline uint64_t vgic_half_write(uint64_t reg, uint64_t offset, unsigned int size, uint64_t value)
{
    if (size == 8)
        return value;
    return (offset & 4) != 0 ? field_set(reg, FIELD(63, 32), value) : field_set(reg, FIELD(31, 0), value);
}
