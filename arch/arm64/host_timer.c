/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts and nanoseconds are converted by whole seconds and the rest, exactly: nothing drifts in a long
 * uptime, and no product leaves 64 bits.
 */
#include "arch/arm64/host_timer.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/time.h"
#include "lib/error.h"

static uint64_t frequency;
static uint64_t boot_count;

int host_timer_init(void)
{
    frequency = SYSREG_READ(cntfrq_el0);
    if (frequency < 1000 || frequency > UINT32_MAX)
        return E_NOTSUP;
    boot_count = host_timer_count();
    return 0;
}

void host_timer_cpu_init(void)
{
    SYSREG_WRITE(cnthp_ctl_el2, 0);
    insn_isb();
}

uint64_t host_timer_frequency(void)
{
    return frequency;
}

uint64_t host_timer_count(void)
{
    insn_isb();
    return SYSREG_READ(cntpct_el0);
}

/* value * to / from, rounded down; both at most UINT32_MAX. */
static uint64_t scale(uint64_t value, uint64_t from, uint64_t to)
{
    return value / from * to + value % from * to / from;
}

uint64_t host_timer_to_ns(uint64_t count)
{
    return scale(count - boot_count, frequency, NS_PER_SEC);
}

uint64_t host_timer_from_ns(uint64_t ns)
{
    uint64_t count = scale(ns, NS_PER_SEC, frequency) + 1;

    return ns == UINT64_MAX || boot_count + count < count ? UINT64_MAX : boot_count + count;
}

uint64_t time_now_ns(void)
{
    return host_timer_to_ns(host_timer_count());
}

void arch_timer_program(uint64_t deadline_ns)
{
    SYSREG_WRITE(cnthp_cval_el2, host_timer_from_ns(deadline_ns));
    SYSREG_WRITE(cnthp_ctl_el2, CNT_CTL_ENABLE);
    insn_isb();
}

void host_timer_stop(void)
{
    SYSREG_WRITE(cnthp_ctl_el2, 0);
    insn_isb(); /* the level is gone before the interrupt is deactivated */
}
