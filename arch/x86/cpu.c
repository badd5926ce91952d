/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU areas and the control registers of a host CPU. cpus[] is written at boot only, before the CPU
 * concerned runs.
 */
#include "arch/x86/cpu.h"

#include "arch/x86/host_map.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/regs.h"
#include "arch/x86/traps.h"
#include "core/pmem.h"
#include "lib/error.h"

_Static_assert(__builtin_offsetof(struct x86_cpu_area, guard1) == CPU_AREA_STACK_TOP, "stack");
_Static_assert(__builtin_offsetof(struct x86_cpu_area, guard2) == CPU_AREA_NMI_TOP, "NMI stack");
_Static_assert(__builtin_offsetof(struct x86_cpu_area, guard3) == CPU_AREA_DF_TOP, "#DF stack");
_Static_assert(__builtin_offsetof(struct x86_cpu_area, guard4) == CPU_AREA_MC_TOP, "#MC stack");
_Static_assert(__builtin_offsetof(struct x86_cpu_area, cpu) == CPU_AREA_CPU, "CPU");
_Static_assert(__builtin_offsetof(struct x86_cpu, base) == 0, "per-CPU base");
_Static_assert(__builtin_offsetof(struct cpu, self) == 0, "per-CPU base");

#define CPUID_1_ECX_XSAVE BIT(26)

struct x86_cpu_area boot_cpu_area __attribute__((section(".bss.pages")));

void cpu_area_init(struct x86_cpu *cpu, uint32_t id, uint32_t apic_id)
{
    cpu_init(&cpu->base, id, apic_id);
    gdt_init(cpu);
}

int cpu_area_guard(struct x86_cpu *cpu)
{
    struct x86_cpu_area *area = cpu_area_of(cpu);
    uint8_t *guards[] = {area->guard0, area->guard1, area->guard2, area->guard3, area->guard4};

    for (uint32_t i = 0; i < ARRAY_COUNT(guards); i++) {
        int error = host_map_set(ptr_to_hpa(guards[i]), PAGE_SIZE, HOST_MAP_NONE);

        if (error != 0)
            return error;
    }
    return 0;
}

/*
 * CR0 and CR4 of every host CPU. OSXSAVE and the SSE bits are for the guests' sake: Latch itself uses general
 * registers only, but saves and loads the guests' FPU state.
 */
static void control_registers_load(void)
{
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if ((insn_cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE) != 0)
        cr4 |= CR4_OSXSAVE;
    insn_write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    insn_write_cr4(cr4);
}

void cpu_load(struct x86_cpu *cpu)
{
    insn_wrmsr(MSR_GS_BASE, (uintptr_t)cpu);
    gdt_load(cpu);
    traps_load();
    control_registers_load();
}

static bool within(const void *start, uint64_t size, uintptr_t address)
{
    return address >= (uintptr_t)start && address - (uintptr_t)start <= size - 16;
}

bool cpu_on_stack(struct x86_cpu *cpu, uintptr_t address)
{
    const struct x86_cpu_area *area = cpu_area_of(cpu);

    return within(area->stack, sizeof(area->stack), address) ||
           within(area->nmi_stack, sizeof(area->nmi_stack), address) ||
           within(area->df_stack, sizeof(area->df_stack), address) ||
           within(area->mc_stack, sizeof(area->mc_stack), address);
}
