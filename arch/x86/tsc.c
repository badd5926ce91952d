/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from the TSC by 32.32 fixed-point factors, fixed once at boot before other CPUs run.
 */
#include "arch/x86/tsc.h"

#include "arch/x86/insn.h"
#include "arch/x86/tsc_calibrate.h"
#include "arch/x86/host_apic.h"
#include "lib/error.h"

#define CPUID_POWER         0x80000007
#define CPUID_INVARIANT_TSC BIT(8)

static struct tsc_rates rates;
static uint64_t base_tsc;
static uint64_t ns_per_tick = BIT(32); /* 32.32; a guess until calibrated, for time-outs */
static uint64_t ticks_per_ns;          /* 32.32 */

static uint64_t scale(uint64_t value, uint64_t factor)
{
    return (uint64_t)((unsigned __int128)value * factor >> 32);
}

int tsc_calibrate(const struct acpi_info *acpi)
{
    int error = tsc_calibrate_rates(acpi, !host_apic_has_deadline(), &rates);

    if (error != 0)
        return error;
    ns_per_tick = (NS_PER_SEC << 32) / rates.tsc_hz;
    ticks_per_ns = mul_div_u64(rates.tsc_hz, BIT(32), NS_PER_SEC);
    base_tsc = insn_rdtsc();
    return 0;
}

uint64_t time_now_ns(void)
{
    return tsc_to_ns(insn_rdtsc() - base_tsc);
}

uint64_t tsc_khz(void)
{
    return rates.tsc_hz / 1000;
}

bool tsc_is_invariant(void)
{
    return insn_cpuid(0x80000000, 0).eax >= CPUID_POWER &&
           (insn_cpuid(CPUID_POWER, 0).edx & CPUID_INVARIANT_TSC) != 0;
}

const char *tsc_source_name(void)
{
    static const char *const names[] = {
        [TSC_SOURCE_NONE] = "unknown",           [TSC_SOURCE_CPUID_CRYSTAL] = "CPUID 0x15",
        [TSC_SOURCE_CPUID_BASE] = "CPUID 0x16",  [TSC_SOURCE_CPUID_HYPERVISOR] = "CPUID 0x40000010",
        [TSC_SOURCE_PM_TIMER] = "ACPI PM timer", [TSC_SOURCE_PIT] = "8254",
    };

    return names[rates.source];
}

uint64_t tsc_apic_timer_hz(void)
{
    return rates.apic_hz;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
    return scale(ticks, ns_per_tick);
}

uint64_t tsc_from_ns(uint64_t ns)
{
    return scale(ns, ticks_per_ns);
}

uint64_t tsc_from_time(uint64_t time_ns)
{
    uint64_t ticks = tsc_from_ns(time_ns);

    /* Rounded up, so that time_now_ns() has reached time_ns when the TSC reaches the result. */
    if (time_ns > UINT64_MAX / 8 || ticks > UINT64_MAX - base_tsc - 8)
        return UINT64_MAX;
    return base_tsc + ticks + 1 + (ticks_per_ns >> 32);
}
