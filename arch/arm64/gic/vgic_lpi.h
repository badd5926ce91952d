/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPIs by index (INTID - VGIC_LPI_FIRST), for the ITS and the redistributors. vgic_vm.lock is held, no
 * vCPU's. Indices are below vgic->config.lpi_count.
 */
#pragma once

#include "arch/arm64/gic/vgic.h"

void vgic_lpi_init(struct vgic_vm *vgic);
/* An event; the ITS's CLEAR. */
void vgic_lpi_post(struct vgic_vm *vgic, uint32_t index);
void vgic_lpi_clear(struct vgic_vm *vgic, uint32_t index);
/* The vCPU that gets it, VGIC_NO_VCPU: none; pending goes with it. */
void vgic_lpi_target(struct vgic_vm *vgic, uint32_t index, uint8_t target);
/* Those pending (ITS command MOVALL); the next event goes where the collection says. */
void vgic_lpi_move_pending(struct vgic_vm *vgic, uint8_t from, uint8_t to);
/* Enable and priority from the guest's table, of one or of all with this target. Unreadable: as before. */
void vgic_lpi_reload(struct vgic_vm *vgic, uint32_t index);
void vgic_lpi_reload_all(struct vgic_vm *vgic, uint8_t target);

/* A group or a redistributor has been turned on or off: told to the hardware that delivers LPIs, if any does.
 */
void vgic_lpi_refresh(struct vgic_vm *vgic);

/* GICR_CTLR.EnableLPIs; GICR_PROPBASER and _PENDBASER, which can be written while that is 0. */
void vgic_lpi_enable(struct vgic_vm *vgic, struct vgic_vcpu *v, bool enable);
void vgic_lpi_write_base(struct vgic_vcpu *v, uint32_t offset, unsigned int size, uint64_t value);
