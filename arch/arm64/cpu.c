/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU areas. cpus[] is written at boot only, before the CPU concerned runs.
 */
#include "arch/arm64/cpu.h"

#include "arch/arm64/host_map.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "arch/arm64/traps.h"
#include "core/pmem.h"
#include "lib/error.h"

_Static_assert(__builtin_offsetof(struct arm64_cpu_area, guard1) == CPU_AREA_PANIC_TOP, "panic stack");
_Static_assert(__builtin_offsetof(struct arm64_cpu_area, guard2) == CPU_AREA_STACK_TOP, "stack");
_Static_assert(__builtin_offsetof(struct arm64_cpu_area, cpu) == CPU_AREA_CPU, "CPU");
_Static_assert(sizeof(((struct arm64_cpu_area *)0)->stack) == BIT(CPU_STACK_BIT), "stack overflow test");
_Static_assert(CPU_AREA_STACK_TOP == 2 * BIT(CPU_STACK_BIT), "stack overflow test");
_Static_assert(__builtin_offsetof(struct arm64_cpu, base) == 0, "per-CPU base");

struct arm64_cpu_area boot_cpu_area __attribute__((section(".bss.pages")));

void cpu_area_init(struct arm64_cpu *cpu, uint32_t id, uint64_t mpidr)
{
    cpu_init(&cpu->base, id, cpu_hardware_id(mpidr));
    cpu->mpidr = mpidr;
}

int cpu_area_guard(struct arm64_cpu *cpu)
{
    struct arm64_cpu_area *area = cpu_area_of(cpu);
    uint8_t *guards[] = {area->guard0, area->guard1, area->guard2};

    for (uint32_t i = 0; i < ARRAY_COUNT(guards); i++) {
        int error = host_map_set(ptr_to_hpa(guards[i]), PAGE_SIZE, HOST_MAP_NONE);

        if (error != 0)
            return error;
    }
    return 0;
}

void cpu_load(struct arm64_cpu *cpu)
{
    SYSREG_WRITE(tpidr_el2, (uintptr_t)cpu);
    SYSREG_WRITE(vbar_el2, (uintptr_t)trap_vectors);
    insn_isb();
}

static bool within(const void *start, uint64_t size, uintptr_t address)
{
    return address >= (uintptr_t)start && address - (uintptr_t)start <= size - 16;
}

bool cpu_on_stack(struct arm64_cpu *cpu, uintptr_t address)
{
    const struct arm64_cpu_area *area = cpu_area_of(cpu);

    return within(area->stack, sizeof(area->stack), address) ||
           within(area->panic_stack, sizeof(area->panic_stack), address);
}

uint64_t cpu_mpidr(void)
{
    return SYSREG_READ(mpidr_el1) & (MPIDR_AFF012 | MPIDR_AFF3);
}

uint32_t cpu_hardware_id(uint64_t mpidr)
{
    return (uint32_t)(field_get(mpidr, MPIDR_AFF3) << 24 | field_get(mpidr, MPIDR_AFF012));
}
