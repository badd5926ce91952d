/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting the second CPU; arrivals are counted so that a restart can be told from the first start. */
#include "guests/lib/smp.h"

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/segments.h"
#include "guests/lib/trap.h"
#include "lib/string.h"

#define AP_APIC_ID    1u
#define AP_PAGE       0x9000u
#define ARRIVAL_TICKS UINT64_C(300000000)
#define INIT_TICKS    2000000

extern const char ap_begin[], ap_end[];
void ap_entry(void);

static volatile uint32_t arrivals;

void ap_entry(void)
{
    segments_load();
    trap_load();
    apic_enable();
    arrivals++;
    smp_ap_main();
}

void smp_send(uint32_t icr_low)
{
    apic_write(APIC_ICR_HIGH, AP_APIC_ID << 24);
    apic_write(APIC_ICR_LOW, icr_low | APIC_ICR_ASSERT);
}

static void delay(uint64_t ticks)
{
    for (uint64_t start = rdtsc(); rdtsc() - start < ticks;)
        cpu_pause();
}

bool smp_start(void)
{
    uint32_t before = arrivals;
    uint64_t start;

    memcpy((void *)(uintptr_t)AP_PAGE, ap_begin, (size_t)(ap_end - ap_begin));
    smp_send(APIC_ICR_INIT);
    delay(INIT_TICKS);
    smp_send(APIC_ICR_STARTUP | AP_PAGE >> 12);
    start = rdtsc();
    while (arrivals == before && rdtsc() - start < ARRIVAL_TICKS)
        cpu_pause();
    return arrivals != before;
}
