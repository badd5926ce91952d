/* SPDX-License-Identifier: BSD-2-Clause */
/* Four CPUs: who starts, and NMIs to CPUs in every condition. quad_irq.c has the rest. */
#include "guests/scenarios/quad.h"

#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "lib/string.h"

#define SIPI           (APIC_ICR_STARTUP | SMP_PAGE >> 12)
#define PATIENCE_TICKS UINT64_C(20000000000)

static unsigned int before[SMP_CPUS];

static void mark_arrivals(void)
{
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
        before[cpu] = smp_arrivals(cpu);
}

/* How often each has arrived since the mark, once `count` have. */
static void report_arrivals(const char *what, unsigned int count)
{
    for (uint64_t since = rdtsc(); rdtsc() - since < PATIENCE_TICKS;) {
        unsigned int sum = 0;

        for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
            sum += smp_arrivals(cpu) - before[cpu];
        if (sum >= count)
            break;
        cpu_pause();
    }
    trace("%s: %u %u %u %u", what, smp_arrivals(0) - before[0], smp_arrivals(1) - before[1],
          smp_arrivals(2) - before[2], smp_arrivals(3) - before[3]);
    mark_arrivals();
}

static void who_starts(void)
{
    quad_start(QUAD_SPIN, QUAD_HALT, QUAD_DEAF);
    mark_arrivals();
    quad_send(0, APIC_ICR_OTHERS | SIPI);
    quad_settle();
    report_arrivals("start-up of running CPUs", 0);
    quad_send(0, APIC_ICR_OTHERS | APIC_ICR_INIT);
    smp_init_delay();
    report_arrivals("INIT to the others", 0);
    quad_send(0, APIC_ICR_OTHERS | SIPI);
    report_arrivals("start-up of the others", 3);
    apic_write(APIC_ICR_LOW, APIC_ICR_OTHERS | APIC_ICR_INIT | APIC_ICR_LEVEL); /* not asserted */
    quad_settle();
    report_arrivals("INIT de-assert", 0);
    quad_send(2, APIC_ICR_INIT);
    smp_init_delay();
    quad_send(2, SIPI);
    quad_send(2, SIPI);
    report_arrivals("two start-ups of CPU 2", 1);
    quad_settle();
    quad_send(0x0A, APIC_ICR_LOGICAL | APIC_ICR_INIT); /* their logical IDs went with the first INIT */
    quad_send(1, APIC_ICR_INIT);
    quad_send(3, APIC_ICR_INIT);
    smp_init_delay();
    quad_send(3, SIPI);
    quad_send(9, SIPI);
    report_arrivals("CPU 3 alone", 1);
    quad_send(1, SIPI);
    report_arrivals("CPU 1 later", 1);
    quad_settle();
    report_arrivals("afterwards", 0);
}

static void nmi_targets(void)
{
    quad_start(QUAD_SPIN, QUAD_HALT, QUAD_DEAF);
    quad_send(1, APIC_ICR_NMI);
    quad_report("to one that spins", QUAD_NMI);
    quad_send(2, APIC_ICR_NMI);
    quad_report("to one that halts", QUAD_NMI);
    quad_send(3, APIC_ICR_NMI);
    quad_wait(3, QUAD_NMI, 1);
    quad_report("to one with interrupts off", QUAD_NMI);
    quad_send(0, APIC_ICR_OTHERS | APIC_ICR_NMI);
    quad_wait(3, QUAD_NMI, 1);
    quad_report("to the others", QUAD_NMI);
    quad_send(0x0C, APIC_ICR_LOGICAL | APIC_ICR_NMI);
    quad_wait(3, QUAD_NMI, 1);
    quad_report("logical", QUAD_NMI);
    quad_send(0xFF, APIC_ICR_NMI);
    quad_wait(3, QUAD_NMI, 1);
    quad_report("to everybody", QUAD_NMI);
    quad_send(1, APIC_ICR_NMI | QUAD_VECTOR);
    quad_report("the vector is ignored", QUAD_NMI);
    quad_report("no such interrupt", QUAD_VECTOR);
    quad_send(9, APIC_ICR_NMI);
    quad_report("to nobody", QUAD_NMI);
    quad_send(1, APIC_ICR_NMI);
    quad_send(1, APIC_ICR_NMI);
    quad_report("two at once", QUAD_NMI);
}

static volatile bool leave;

/* The first NMI of CPU 1 keeps it in its handler. */
static void stay(unsigned int cpu, unsigned int vector)
{
    if (cpu == 1 && vector == QUAD_NMI && quad_count(1, QUAD_NMI) == 1)
        while (!leave)
            cpu_pause();
}

static void stay_halted(unsigned int cpu, unsigned int vector)
{
    if (cpu == 1 && vector == QUAD_NMI && quad_count(1, QUAD_NMI) == 1)
        cpu_halt();
}

static void nmi_inside(void)
{
    quad_start(QUAD_SPIN, QUAD_SPIN, QUAD_HALT);
    leave = false;
    quad_hook = stay;
    quad_send(1, APIC_ICR_NMI);
    quad_wait(1, QUAD_NMI, 1);
    for (unsigned int i = 0; i < 3; i++)
        quad_send(0, APIC_ICR_OTHERS | APIC_ICR_NMI);
    quad_send(1, QUAD_VECTOR);
    trace("in the handler: %u, interrupts %u", quad_count(1, QUAD_NMI), quad_count(1, QUAD_VECTOR));
    leave = true;
    quad_settle();
    trace("after it: %u, interrupts %u", quad_count(1, QUAD_NMI), quad_count(1, QUAD_VECTOR));
    quad_send(1, APIC_ICR_NMI);
    quad_settle();
    trace("one more: %u", quad_count(1, QUAD_NMI));
}

/* What is pending goes with INIT, and so does the mask; the handler never ends. */
static void init_drops(void)
{
    quad_start(QUAD_SPIN, QUAD_SPIN, QUAD_SPIN);
    quad_hook = stay_halted;
    quad_send(1, APIC_ICR_NMI);
    quad_wait(1, QUAD_NMI, 1);
    quad_send(1, APIC_ICR_NMI);
    quad_send(1, QUAD_VECTOR);
    mark_arrivals();
    smp_init_delay();
    quad_send(1, APIC_ICR_INIT);
    smp_init_delay();
    quad_send(1, SIPI);
    report_arrivals("started again", 1);
    quad_settle();
    trace("NMIs %u, interrupts %u", quad_count(1, QUAD_NMI), quad_count(1, QUAD_VECTOR));
    quad_send(1, APIC_ICR_NMI);
    quad_send(1, QUAD_VECTOR);
    quad_settle();
    trace("NMIs %u, interrupts %u", quad_count(1, QUAD_NMI), quad_count(1, QUAD_VECTOR));
}

/* Real mode, at 0:HANDLER_AT: incb %cs:COUNTER_AT; iret */
#define HANDLER_AT  0x9800
#define COUNTER_AT  0x97F0
#define IVT_NMI     8
#define BYTE(value) ((volatile uint8_t *)(uintptr_t)(value))

/* An NMI to a CPU that waits for its start-up waits, too, and comes before its first instruction. */
static void nmi_before_start(void)
{
    static const uint8_t handler[] = {0x2E, 0xFE, 0x06, COUNTER_AT & 0xFF, COUNTER_AT >> 8, 0xCF};
    uint32_t old;

    quad_start(QUAD_SPIN, QUAD_SPIN, QUAD_SPIN);
    old = mmio_get32(IVT_NMI);
    mmio_put32(IVT_NMI, HANDLER_AT);
    memcpy((void *)(uintptr_t)HANDLER_AT, handler, sizeof(handler));
    *BYTE(COUNTER_AT) = 0;
    mark_arrivals();
    quad_send(3, APIC_ICR_INIT);
    smp_init_delay();
    quad_send(3, APIC_ICR_NMI);
    smp_init_delay();
    trace("before its start: %u", *BYTE(COUNTER_AT));
    quad_send(3, SIPI);
    report_arrivals("started", 1);
    quad_settle();
    trace("real mode's handler: %u, NMIs since: %u", *BYTE(COUNTER_AT), quad_count(3, QUAD_NMI));
    mmio_put32(IVT_NMI, old);
}

const struct scenario scenarios_quad[] = {
    {"quad-start", who_starts, quad_trap, false},
    {"quad-nmi-targets", nmi_targets, quad_trap, false},
    {"quad-nmi-inside", nmi_inside, quad_trap, false},
    {"quad-init-drops", init_drops, quad_trap, false},
    {"quad-nmi-before-start", nmi_before_start, quad_trap, false},
    {"quad-interrupts", quad_interrupts, quad_trap, false},
    {"quad-clusters", quad_clusters, quad_trap, false},
    {"quad-lowest", quad_lowest, quad_trap, false},
    {"quad-ioapic", quad_ioapic, quad_trap, false},
    {"quad-level", quad_level, quad_trap, false},
    /* The last: not every machine lets its APICs go back. */
    {"quad-x2apic", quad_x2apic_mode, quad_trap, false},
    {NULL, NULL, NULL, false},
};
