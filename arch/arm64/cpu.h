/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A physical arm64 CPU: core's part first, then what the host side needs. Lives at the end of an area that
 * also holds the CPU's stacks, each with a page below it that is not mapped. Owner: the CPU itself.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/asm_offsets.h"
#include "core/cpu.h"
#include "lib/addr.h"
#include "lib/bits.h"

struct arm64_cpu {
    struct cpu base;         /* must stay first */
    uint64_t mpidr;          /* affinity bits of MPIDR_EL1 */
    uint64_t redistributor;  /* address of its GICR frames */
    uint64_t its_rdbase;     /* how commands of the ITS name it */
    uint64_t stray_count;    /* interrupts that nobody expects */
    _Atomic uint32_t online; /* secondary: set when it has arrived */
};

struct arm64_cpu_area {
    uint8_t guard0[PAGE_SIZE];
    uint8_t panic_stack[2 * PAGE_SIZE];
    uint8_t guard1[PAGE_SIZE];
    uint8_t stack[4 * PAGE_SIZE];
    uint8_t guard2[PAGE_SIZE];
    struct arm64_cpu cpu;
} __attribute__((aligned(CPU_AREA_ALIGN)));

extern struct arm64_cpu_area boot_cpu_area;

static inline struct arm64_cpu *this_arm64_cpu(void)
{
    return (struct arm64_cpu *)this_cpu();
}

static inline struct arm64_cpu_area *cpu_area_of(struct arm64_cpu *cpu)
{
    return CONTAINER_OF(cpu, struct arm64_cpu_area, cpu);
}

/* Prepares the structure of CPU number `id` (zeroed memory) and enters it in cpus[]. */
void cpu_area_init(struct arm64_cpu *cpu, uint32_t id, uint64_t mpidr);

/* Takes the area's guard pages out of the host map. 0 or E_NOMEM. */
MUST_CHECK int cpu_area_guard(struct arm64_cpu *cpu);

/* On the CPU itself: per-CPU base and vectors. From here on exceptions are reported, SErrors once unmasked.
 */
void cpu_load(struct arm64_cpu *cpu);

/* True if [address, address + 16) lies on one of this CPU's stacks; for the backtrace. */
bool cpu_on_stack(struct arm64_cpu *cpu, uintptr_t address);

/* Affinity of the calling CPU, from MPIDR_EL1; and any affinity packed into 32 bits, Aff3 on top. */
uint64_t cpu_mpidr(void);
uint32_t cpu_hardware_id(uint64_t mpidr);
