/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Barriers against speculation across guests and between a guest and Latch, where CPUID offers them; option
 * mitigations=on|off. docs/mitigations.md says what is covered.
 */
#pragma once

struct vm;

/* Reads what the CPU offers; prints one line. Boot CPU. */
void mitigations_init(void);

/* This CPU goes from one vCPU to another: indirect branch predictor barrier between different VMs. */
void mitigations_vcpu_switch(const struct vm *from, const struct vm *to);
