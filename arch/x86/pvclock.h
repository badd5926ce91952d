/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock that Linux and others know from KVM: a structure in guest memory that says how the guest's TSC
 * relates to nanoseconds and to the date, so that nothing has to be calibrated. Protocol: KVM's public
 * description of its CPUID leaves and of the MSRs KVM_WALL_CLOCK_NEW and KVM_SYSTEM_TIME_NEW. The guest's TSC
 * runs at a constant rate from 0 at power-on, so a structure is written once and never again.
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

struct x86_vcpu;

#define MSR_KVM_WALL_CLOCK_NEW  0x4b564d00
#define MSR_KVM_SYSTEM_TIME_NEW 0x4b564d01

/* KVM's CPUID leaves, behind Latch's own. */
#define PVCLOCK_CPUID_BASE          UINT32_C(0x40000100)
#define PVCLOCK_CPUID_LEAVES        2
#define PVCLOCK_FEATURE_NO_IO_DELAY BIT(0)  /* port 0x80 need not be written to wait */
#define PVCLOCK_FEATURE_CLOCK       BIT(3)  /* the two MSRs above */
#define PVCLOCK_FEATURE_STABLE      BIT(24) /* one clock for all vCPUs */

/* One of the two MSRs, by the vCPU's owner. Reads give back what was written. */
void pvclock_msr_write(struct x86_vcpu *vcpu, uint32_t msr, uint64_t value);
uint64_t pvclock_msr_read(const struct x86_vcpu *vcpu, uint32_t msr);

/* The guest has moved its TSC: the structure, if there is one, is written again. Called by the vCPU's owner.
 */
void pvclock_tsc_moved(struct x86_vcpu *vcpu);

/* 2^-32 * mul * 2^shift nanoseconds are one tick of a counter of `hz`, 1 kHz to 8 GHz; for pvclock.c and its
 * test. */
void pvclock_scale(uint64_t hz, uint32_t *mul, int8_t *shift);
