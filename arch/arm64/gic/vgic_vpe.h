/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU as a virtual PE of a GICv4: where it is resident, and whether its doorbell is on. Pure: the hardware
 * is behind struct vgic_vpe_ops, so that tests/model/gic runs the same code.
 *
 * The rules: a vCPU that is entered is resident on its CPU. One that waits is not, and has its doorbell on,
 * so that what arrives wakes it; what had arrived before keeps it from waiting. One that was put off its CPU
 * is not resident and needs no doorbell: it comes back anyway. Everything here is its owner's, but for
 * `arrivals`.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define VGIC_NOWHERE UINT32_MAX

struct vgic_cpuif;
struct vgic_vpe;

struct vgic_vpe_ops {
    /* From here on its LPIs and its doorbell go to CPU number `cpu`. It is not resident. */
    void (*move)(struct vgic_vpe *vpe, uint32_t cpu);
    /* Takes effect before it returns. What rang while it was off is pending then. */
    void (*doorbell)(struct vgic_vpe *vpe, bool on);
    /* A doorbell that has rung and was not taken is forgotten. */
    void (*hush)(struct vgic_vpe *vpe);
    /* Resident on the calling CPU; not any more, with true if something that is enabled is pending. */
    void (*show)(struct vgic_vpe *vpe);
    bool (*hide)(struct vgic_vpe *vpe);
};

struct vgic_vpe {
    const struct vgic_vpe_ops *ops; /* NULL: LPIs go by list registers, and nothing here does anything */
    uint32_t id;
    uint32_t resident; /* CPU number, or VGIC_NOWHERE */
    uint32_t home;     /* the CPU that its LPIs go to */
    bool doorbell_on;
    uint32_t seen;             /* `arrivals` - `taken` when it was put */
    _Atomic uint32_t arrivals; /* LPIs sent or moved to it: any CPU, before the hardware is told */
    _Atomic uint32_t taken;    /* doorbells acknowledged: any CPU */
};

/* On CPU `cpu`, where the vCPU is (being) loaded. Nothing if it is resident there. */
void vgic_vpe_load(struct vgic_vpe *vpe, uint32_t cpu);

/* Put off the CPU where it is resident, if it is. */
void vgic_vpe_put(struct vgic_vpe *vpe);

/* WFI, with the CPU interface as just read: true if something is pending, so that it must not wait. */
bool vgic_vpe_sleep(struct vgic_vpe *vpe, const struct vgic_cpuif *cpuif);

static inline void vgic_vpe_arrival(struct vgic_vpe *vpe)
{
    atomic_fetch_add_explicit(&vpe->arrivals, 1, memory_order_seq_cst);
}

static inline void vgic_vpe_doorbell_taken(struct vgic_vpe *vpe)
{
    atomic_fetch_add_explicit(&vpe->taken, 1, memory_order_seq_cst);
}

/* Else its doorbell would ask to schedule the vCPU that runs, forever. */
static inline bool vgic_vpe_may_enter(const struct vgic_vpe *vpe, uint32_t cpu)
{
    return vpe->ops == NULL || vpe->resident == cpu;
}
