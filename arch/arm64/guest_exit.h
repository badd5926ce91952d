/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Latch does about a decoded exit.
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "core/vm_exit.h"

/* The vCPU is loaded on this CPU. Anything unknown ends the VM with one record. */
void guest_exit_handle(struct arm64_vcpu *vcpu, const struct vm_exit *exit);
