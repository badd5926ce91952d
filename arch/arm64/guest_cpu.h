/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest side does on each physical CPU.
 */
#pragma once

struct arm64_cpu;

/* On the CPU itself, before it runs its first vCPU: EL2's controls of guests, list registers, interrupts that
 * are the guests'. The boot CPU does it in arch_virt_init(). */
void guest_cpu_init(struct arm64_cpu *cpu);
