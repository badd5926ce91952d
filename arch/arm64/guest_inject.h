/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions that Latch raises in a guest, as its own CPU would take them to EL1. Loaded vCPUs only.
 */
#pragma once

#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"

/* A synchronous exception with this syndrome, as the instruction at PC would cause it. */
void guest_inject_sync(struct arm64_vcpu *vcpu, uint64_t syndrome);

/* "Unknown reason": the instruction at PC does not exist. */
void guest_inject_undefined(struct arm64_vcpu *vcpu);

/*
 * Synchronous external abort for the access that exited with the syndrome `esr` and FAR_EL2 `far`: nothing
 * answers there.
 */
void guest_inject_external_abort(struct arm64_vcpu *vcpu, uint64_t esr, uint64_t far);

/* A virtual SError; taken when the guest unmasks it. */
void guest_inject_serror(struct arm64_vcpu *vcpu);
