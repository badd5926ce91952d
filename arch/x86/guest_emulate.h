/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Joins the instruction decoder and emulator to a vCPU: its registers, its memory, its devices.
 */
#pragma once

#include <stdbool.h>

#include "arch/x86/decode.h"
#include "arch/x86/guest_walk.h"
#include "arch/x86/x86_vcpu.h"
#include "core/vm_exit.h"

/* Executes the instruction at RIP in software: an MMIO access or string I/O. Raises what it raises; ends the
 * VM with a record if the instruction is not one that Latch knows. */
void x86_emulate_current(struct x86_vcpu *vcpu, const struct vm_exit *exit);
/* The same for an exit of kind VM_EXIT_MMIO; a plain MOV costs little. */
void x86_emulate_access(struct x86_vcpu *vcpu, const struct vm_exit *exit);

/* Walks for a fetch at the privilege of the moment; of `walk` only the results are good after. Raises
 * nothing. */
bool x86_walk_code(struct x86_vcpu *vcpu, gva_t at, struct guest_walk *walk);

/* Walks for a debugger: no rights are asked for, nothing in the tables changes. `walk` as above; with paging
 * off 0 levels. */
enum walk_status x86_walk_view(struct x86_vcpu *vcpu, gva_t at, struct guest_walk *walk);
uint32_t x86_walk_levels(struct x86_vcpu *vcpu);

/* Decodes the instruction at RIP. False: an exception was raised, or the guest must run again. */
bool x86_decode_current(struct x86_vcpu *vcpu, const struct vm_exit *exit, struct insn *insn);
