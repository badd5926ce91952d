/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting further CPUs; arrivals are counted so that a restart can be told from the first start. */
#include "guests/lib/smp.h"

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/segments.h"
#include "guests/lib/trap.h"
#include "lib/string.h"

#define AP_APIC_ID    1u
#define ARRIVAL_TICKS UINT64_C(20000000000) /* bounds a hang: the CPUs may share one with others */
#define INIT_TICKS    2000000

extern const char ap_begin[], ap_end[];
void ap_entry(unsigned int cpu);

static volatile unsigned int arrivals[SMP_CPUS_MAX]; /* each written by its CPU */

void ap_entry(unsigned int cpu)
{
    segments_load();
    trap_load();
    apic_enable();
    arrivals[cpu]++;
    smp_ap_main();
}

void smp_send(uint32_t icr_low)
{
    apic_write(APIC_ICR_HIGH, AP_APIC_ID << 24);
    apic_write(APIC_ICR_LOW, icr_low | APIC_ICR_ASSERT);
}

unsigned int smp_cpu(void)
{
    return cpuid(1, 0).ebx >> 24;
}

unsigned int smp_arrivals(unsigned int cpu)
{
    return arrivals[cpu];
}

void smp_prepare(void)
{
    memcpy((void *)(uintptr_t)SMP_PAGE, ap_begin, (size_t)(ap_end - ap_begin));
}

void smp_init_delay(void)
{
    for (uint64_t start = rdtsc(); rdtsc() - start < INIT_TICKS;)
        cpu_pause();
}

bool smp_start(void)
{
    unsigned int before = arrivals[AP_APIC_ID];
    uint64_t start;

    smp_prepare();
    smp_send(APIC_ICR_INIT);
    smp_init_delay();
    smp_send(APIC_ICR_STARTUP | SMP_PAGE >> 12);
    start = rdtsc();
    while (arrivals[AP_APIC_ID] == before && rdtsc() - start < ARRIVAL_TICKS)
        cpu_pause();
    return arrivals[AP_APIC_ID] != before;
}
