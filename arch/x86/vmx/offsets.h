/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constants of entry.S; vmx.c pins them with static asserts.
 */
#pragma once

#define VMX_GPR(n)         (8 * (n)) /* in struct x86_switch */
#define VMX_FRAME          48        /* bytes from the pushed argument up to the saved RBP */
#define VMX_FIELD_HOST_RSP 0x6c14
#define VMX_CPU_ATTENTION  16 /* in struct cpu */
#define VMX_ENTER_LAUNCH   1
#define VMX_ENTER_RESUME   2
