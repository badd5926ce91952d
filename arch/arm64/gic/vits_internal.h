/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the guest's ITS. vgic_vm.lock is held.
 */
#pragma once

#include "arch/arm64/gic/vits.h"
#include "lib/bits.h"

/* Power-on state of the tables. The LPIs are reset by vgic_vm_reset(). */
void vits_clear_tables(struct vits *its);
struct vits_event *vits_find(struct vits *its, uint32_t device, uint32_t event);
/* Four doublewords, a copy. 0, or what is wrong with it: nothing has changed then. */
MUST_CHECK int vits_command(struct vits *its, const uint64_t *command);
