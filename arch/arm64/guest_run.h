/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop of exits and entries of a vCPU that has the CPU.
 */
#pragma once

#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"

/* In guest_entry.S: enters the guest until guest_turn() ends its turn. */
void guest_run(struct arm64_switch *sw);

/*
 * Called there after each exit with all of the guest's general registers in `sw`, interrupts masked.
 * `vector`: GUEST_VECTOR_*. Returns `sw` to enter again, NULL to end the turn.
 */
struct arm64_switch *guest_turn(struct arm64_switch *sw, uint64_t vector, uint64_t is_traced);

/* Power-on state with the vCPU's start in PC and X0; off until CPU_ON. Not loaded. */
void guest_power_on(struct arm64_vcpu *vcpu, uint64_t entry, uint64_t context);
void guest_power_off(struct arm64_vcpu *vcpu);
