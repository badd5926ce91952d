/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets in struct arm64_switch and struct arm64_fpsimd for the world switch in assembly; arm64_vcpu.h pins
 * them.
 */
#pragma once

#define SWITCH_X(n)  (8 * (n))
#define SWITCH_PC    0xf8
#define SWITCH_ZEROS 0x108
#define SWITCH_TRACE 0x118

#define FPSIMD_FPCR 512

/* What the vector that was taken means: second argument of guest_turn(). */
#define GUEST_VECTOR_SYNC   0
#define GUEST_VECTOR_IRQ    1
#define GUEST_VECTOR_FIQ    2
#define GUEST_VECTOR_SERROR 3
