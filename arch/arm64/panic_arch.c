/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an arm64 machine stops for a panic. No locks.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/panic.h"

/*
 * Interrupts are masked at EL2: a CPU in a guest or idle stops at once, one inside Latch when it is about to
 * write to the console or to enter a guest. Neither happens in the middle of a change to the console's state.
 */
void arch_panic_stop_others(void)
{
    gicv3_sgi_others(GICV3_SGI_KICK);
}

bool arch_panic_frame_valid(struct cpu *cpu, uintptr_t frame)
{
    return (frame & 7) == 0 && cpu_on_stack(CONTAINER_OF(cpu, struct arm64_cpu, base), frame);
}

void arch_panic_registers(void)
{
    panic_line("sctlr %08lx hcr %016lx vbar %016lx ttbr0 %016lx", SYSREG_READ(sctlr_el2),
               SYSREG_READ(hcr_el2), SYSREG_READ(vbar_el2), SYSREG_READ(ttbr0_el2));
    panic_line("esr %08lx far %016lx elr %016lx spsr %08lx", SYSREG_READ(esr_el2), SYSREG_READ(far_el2),
               SYSREG_READ(elr_el2), SYSREG_READ(spsr_el2));
}

/* Arm ARM, "CTR_EL0": words of the smallest data cache line of all levels. */
void arch_memory_clean(const void *at, size_t size)
{
    uint64_t line = UINT64_C(4) << field_get(SYSREG_READ(ctr_el0), CTR_DMINLINE);

    for (uintptr_t from = align_down((uintptr_t)at, line); from < (uintptr_t)at + size; from += line)
        insn_dc_civac(from);
    insn_dsb_sy();
}

void arch_panic_halt(void)
{
    insn_mask_all();
    for (;;)
        insn_wfi();
}

/* No NMI has come upon anything: the calls that led here are all there is. */
void arch_emergency_registers(const void *frame)
{
    (void)frame;
    panic_backtrace((uintptr_t)__builtin_return_address(0) - 1,
                    *(const uintptr_t *)__builtin_frame_address(0));
}
