/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the guest's local APIC share among themselves. Owner of the vCPU only, unless said
 * otherwise.
 */
#pragma once

#include "arch/x86/vlapic.h"

static inline uint32_t vlapic_id(const struct vlapic *vl)
{
    return (uint32_t)field_get(atomic_load_explicit(&vl->route, memory_order_relaxed), VLAPIC_ROUTE_ID);
}

static inline bool vlapic_is_x2apic(const struct vlapic *vl)
{
    return (vl->base & APIC_BASE_X2APIC) != 0;
}

static inline bool vlapic_is_soft_enabled(const struct vlapic *vl)
{
    return (vl->svr & APIC_SVR_ENABLE) != 0;
}

static inline uint32_t vlapic_x2apic_ldr(uint32_t id)
{
    return (id >> 4) << 16 | UINT32_C(1) << (id & 15);
}

/* After a change of base, SVR, LDR, DFR or LVT LINT0: senders see it. */
void vlapic_publish_route(struct vlapic *vl);

/* Any CPU: sets bits in the error status that the next write of ESR shows; a new one raises the error
 * interrupt. */
void vlapic_log_error(struct vlapic *vl, uint32_t esr_bits);

/* Any CPU. */
void vlapic_post_nmi(struct vlapic *vl);

/*
 * IPIs: a fixed interrupt (its vector is legal) and an NMI from the vCPU of `from`, which runs on this CPU.
 * One to itself is no request: its owner looks at the posted word before it enters or blocks.
 */
void vlapic_post_from(struct vlapic *vl, uint8_t vector, const struct vlapic *from);
void vlapic_post_nmi_from(struct vlapic *vl, const struct vlapic *from);

#define VLAPIC_NO_REGISTER INT64_C(-1)

/* A register by its offset, a multiple of 16 below APIC_SIZE, as xAPIC mode has it. NO_REGISTER, false: there
 * is none. */
int64_t vlapic_reg_read(struct vlapic *vl, uint32_t reg);
bool vlapic_reg_write(struct vlapic *vl, uint32_t reg, uint32_t value);

/* Bits of an LVT register that software can write. */
uint32_t vlapic_lvt_writable(uint32_t reg);

void vlapic_timer_init(struct vlapic *vl);
void vlapic_timer_reset(struct vlapic *vl);
void vlapic_timer_due(struct vlapic *vl); /* acts on an expiry, arms for the next */
uint32_t vlapic_timer_read_count(struct vlapic *vl);
void vlapic_timer_write_initial(struct vlapic *vl, uint32_t value);
void vlapic_timer_write_divide(struct vlapic *vl, uint32_t value);
void vlapic_timer_write_lvt(struct vlapic *vl, uint32_t value);
uint64_t vlapic_timer_read_deadline(struct vlapic *vl);
void vlapic_timer_write_deadline(struct vlapic *vl, uint64_t tsc);
