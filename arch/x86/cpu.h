/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A physical x86 CPU: core's part first, then what the host side needs. Lives at the end of an area that also
 * holds the CPU's stacks, each with a page below it that is not mapped. Owner: the CPU itself.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "arch/x86/asm_offsets.h"
#include "arch/x86/gdt.h"
#include "core/cpu.h"
#include "lib/addr.h"

struct trap_frame;

struct x86_cpu {
    struct cpu base;                    /* must stay first */
    _Atomic uint64_t host_nmi_count;    /* NMIs the CPU took; written by its NMI handler, read anywhere */
    const struct trap_frame *nmi_frame; /* what an NMI that is being handled has interrupted; else NULL */
    uint64_t stray_count;               /* interrupts on vectors that nobody uses */
    _Atomic uint32_t online;            /* secondary: not 0 when it has arrived, host_smp.c */
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss __attribute__((aligned(16)));
    void *vendor; /* the virtualization back end's own per-CPU state */
};

#define CPU_STACK_SIZE (4 * PAGE_SIZE)
#define CPU_IST_SIZE   (2 * PAGE_SIZE)

struct x86_cpu_area {
    uint8_t guard0[PAGE_SIZE];
    uint8_t stack[CPU_STACK_SIZE];
    uint8_t guard1[PAGE_SIZE];
    uint8_t nmi_stack[CPU_IST_SIZE];
    uint8_t guard2[PAGE_SIZE];
    uint8_t df_stack[CPU_IST_SIZE];
    uint8_t guard3[PAGE_SIZE];
    uint8_t mc_stack[CPU_IST_SIZE];
    uint8_t guard4[PAGE_SIZE];
    struct x86_cpu cpu;
} __attribute__((aligned(4096)));

extern struct x86_cpu_area boot_cpu_area;

static inline struct x86_cpu *this_x86_cpu(void)
{
    return (struct x86_cpu *)this_cpu();
}

static inline struct x86_cpu_area *cpu_area_of(struct x86_cpu *cpu)
{
    return CONTAINER_OF(cpu, struct x86_cpu_area, cpu);
}

/* Prepares the structure of CPU number `id` (zeroed memory) and enters it in cpus[]. */
void cpu_area_init(struct x86_cpu *cpu, uint32_t id, uint32_t apic_id);

/* Takes the area's guard pages out of the host map. 0 or E_NOMEM. */
MUST_CHECK int cpu_area_guard(struct x86_cpu *cpu);

/* On the CPU itself: descriptor tables, per-CPU base, control registers. From here on traps work. */
void cpu_load(struct x86_cpu *cpu);

/* True if [address, address + 16) lies on one of this CPU's stacks; for the backtrace. */
bool cpu_on_stack(struct x86_cpu *cpu, uintptr_t address);
