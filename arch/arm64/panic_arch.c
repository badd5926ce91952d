/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an arm64 machine stops for a panic. No locks.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/insn.h"
#include "core/arch.h"

/* A CPU that is not in a guest or idle sees the interrupt only when it gets there: it does no harm until
 * then but to the console, which is the panicking CPU's from here on. */
void arch_panic_stop_others(void)
{
    if (cpu_count > 1)
        gicv3_sgi_others(GICV3_SGI_KICK);
}

bool arch_panic_frame_valid(uintptr_t frame)
{
    return (frame & 7) == 0 && cpu_on_stack(this_arm64_cpu(), frame);
}

void arch_panic_halt(void)
{
    insn_mask_all();
    for (;;)
        insn_wfi();
}
