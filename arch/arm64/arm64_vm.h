/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arm64 virtual machine: core's part, interrupt controller, devices, stage 2.
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "arch/arm64/gic/vgic.h"
#include "arch/arm64/gic/vits.h"
#include "arch/arm64/gic/vits_msi.h"
#include "arch/arm64/gic/vgic_v4_state.h"
#include "arch/arm64/guest_load.h"
#include "core/cpu.h"
#include "core/irq_line.h"
#include "core/vm.h"
#include "vdev/vpl011.h"

#define ARM64_SPIS 64  /* modelled; INTIDs 32 to 95 */
#define ARM64_LPIS 256 /* INTIDs 8192 to 8447 */

struct arm64_vm {
    struct vm core;
    struct vgic_vm gic;
    struct vgic_irq spis[ARM64_SPIS];
    struct vgic_irq lpis[ARM64_LPIS];
    struct vits its;
    struct vits_msi msi; /* with msi-test=on */
    struct vits_event its_events[ARM64_LPIS];
    struct vgic_v4_vm v4;
    struct irq_line uart_line;
    struct vpl011 uart;
    struct guest_layout layout;
    void *dtb; /* the guest's tree, for every start */
    uint32_t dtb_size;
    hpa_t stage2_root;
    uint64_t vttbr;   /* VTTBR_EL2: root and VMID */
    uint64_t cntvoff; /* the virtual counter starts at 0 */
    uint64_t restart_count;
    uint32_t last_vcpu[MAX_CPUS]; /* which vCPU ran last on that CPU, plus 1; written by that CPU */
};

static inline struct arm64_vm *arm64_vm_of(struct vm *vm)
{
    return CONTAINER_OF(vm, struct arm64_vm, core);
}
