/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What direct injection keeps of a VM and of a vCPU; see vgic_v4.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/gic/vgic_vpe.h"

/* Constant after vgic_v4_vm_init(), but for stale_*: vgic_vm.lock. */
struct vgic_v4_vm {
    bool on;
    uint32_t device;      /* the host's DeviceID; event n is the VM's LPI 8192 + n */
    uint32_t first_vpe;   /* of vCPU 0, the others follow */
    uint8_t *properties;  /* the host's own table of the VM's LPIs, a byte each */
    uint64_t stale_vcpus; /* a bit for each that may know an older byte */
    uint32_t stale_index; /* the last byte that has changed */
    uint32_t stale_count;
};

/* Of a vCPU. */
struct vgic_v4_vcpu {
    struct vgic_vpe vpe;
    void *pending;      /* virtual pending table; the GIC's alone */
    bool table_changed; /* what the redistributor keeps in it for itself is not its own: IDAI */
};
