/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an arm64 machine stops for a panic. No locks.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/insn.h"
#include "core/arch.h"
#include "core/panic.h"
#include "core/time.h"

#define STOP_WAIT_NS (50 * NS_PER_MS)

static _Atomic uint32_t halted_count;

/*
 * Interrupts are masked at EL2: a CPU in a guest or idle stops at once, one inside Latch when it is about to
 * write to the console or to enter a guest. Neither happens in the middle of a change to the console's state,
 * which is why this waits for them; one that does not come holds no lock that a panic takes.
 */
void arch_panic_stop_others(void)
{
    uint64_t since = time_now_ns();

    if (cpu_count <= 1)
        return;
    gicv3_sgi_others(GICV3_SGI_KICK);
    while (atomic_load_explicit(&halted_count, memory_order_acquire) < cpu_count - 1 &&
           time_now_ns() - since < STOP_WAIT_NS)
        arch_cpu_relax();
}

bool arch_panic_frame_valid(uintptr_t frame)
{
    return (frame & 7) == 0 && cpu_on_stack(this_arm64_cpu(), frame);
}

void arch_panic_halt(void)
{
    insn_mask_all();
    atomic_fetch_add_explicit(&halted_count, 1, memory_order_release);
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
