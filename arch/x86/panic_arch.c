/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an x86 machine stops for a panic. No locks.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/host_apic.h"
#include "arch/x86/insn.h"
#include "core/arch.h"

void arch_panic_stop_others(void)
{
    if (cpu_count > 1)
        host_apic_send_nmi_others();
}

bool arch_panic_frame_valid(struct cpu *cpu, uintptr_t frame)
{
    return (frame & 7) == 0 && cpu_on_stack(CONTAINER_OF(cpu, struct x86_cpu, base), frame);
}

#define CACHE_LINE 64

void arch_memory_clean(const void *at, size_t size)
{
    uintptr_t first = align_down((uintptr_t)at, CACHE_LINE);

    for (uintptr_t line = first; line < (uintptr_t)at + size; line += CACHE_LINE)
        insn_clflush(line);
}

void arch_panic_halt(void)
{
    insn_cli();
    for (;;)
        insn_hlt();
}
