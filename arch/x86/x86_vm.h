/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An x86 virtual machine: core's part, the PC board around its CPUs, and the vendor's nested page tables.
 */
#pragma once

#include "arch/x86/board.h"
#include "arch/x86/start_state.h"
#include "arch/x86/x86_vcpu.h"
#include "core/vm.h"

struct x86_vm {
    struct vm core;
    struct board board;       /* devices and their wiring */
    hpa_t nested_root;        /* NPT or EPT, filled by the vendor's vm_create */
    uint64_t nested_accessed; /* the accessed flag in its entries; 0: this CPU has none */
    uint64_t tsc_offset;      /* of all vCPUs at power-on: the guest's TSC starts at 0 */
    uint64_t start_ns;        /* time_now_ns() at power-on */
    uint64_t restart_count;
};

static inline struct x86_vm *x86_vm_of(struct vm *vm)
{
    return CONTAINER_OF(vm, struct x86_vm, core);
}

/* INIT: registers, local APIC and events; memory and FPU stay. The vCPU's owner. */
void x86_vcpu_init(struct x86_vcpu *vcpu);

/* Registers as a loader or a start-up IPI wants them, on top of power-on or INIT state. */
void x86_vcpu_start(struct x86_vcpu *vcpu, const struct x86_start_state *start);
