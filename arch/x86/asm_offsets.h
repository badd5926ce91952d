/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets that assembly and C share; C pins each with a static assert (arch/x86/cpu.c, arch/x86/traps.c).
 */
#pragma once

/* struct x86_cpu_area (arch/x86/cpu.h): stacks with an unmapped guard page below each, then struct x86_cpu.
 */
#define CPU_AREA_STACK_TOP 0x5000
#define CPU_AREA_NMI_TOP   0x8000
#define CPU_AREA_DF_TOP    0xb000
#define CPU_AREA_MC_TOP    0xe000
#define CPU_AREA_CPU       0xf000

/* Of the local APIC (arch/x86/host_apic.c): in its page, and as an MSR. */
#define APIC_EOI_OFFSET 0xb0
#define APIC_EOI_MSR    0x80b

/* struct cpu (core/cpu.h), which the host's GS base points to. */
#define CPU_ATTENTION       0x10
#define CPU_ATTENTION_TIMER 1

/* struct trap_frame (arch/x86/traps.h). */
#define TRAP_FRAME_VECTOR 0x78
#define TRAP_FRAME_ERROR  0x80
#define TRAP_FRAME_CS     0x90

/* Entry points of the host's vectors (trap_entry.S): groups of stubs, each group with its way out behind it.
 */
#define TRAP_STUB_BYTES       4
#define TRAP_STUB_GROUP       32
#define TRAP_STUB_GROUP_BYTES (TRAP_STUB_GROUP * TRAP_STUB_BYTES + 10)
