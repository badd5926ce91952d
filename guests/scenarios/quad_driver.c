/* SPDX-License-Identifier: BSD-2-Clause */
/* Four CPUs kept in hand; each CPU writes its own row of the counts. */
#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/scenarios/quad.h"

#define MARK           0x21 /* below all others: taken last */
#define PATIENCE_TICKS UINT64_C(20000000000)
#define MSR_APIC_BASE  0x1b
#define MSR_X2APIC_EOI 0x80b
#define MSR_X2APIC_ICR 0x830
#define APIC_BASE_EXTD BIT(10)

volatile bool quad_active;
void (*volatile quad_hook)(unsigned int cpu, unsigned int vector);

static volatile unsigned int counts[SMP_CPUS][256];
static volatile enum quad_job jobs[SMP_CPUS];
static void (*volatile calls[SMP_CPUS])(unsigned int cpu);
static volatile bool in_x2apic[SMP_CPUS];

static bool is_late(uint64_t since)
{
    return rdtsc() - since > PATIENCE_TICKS;
}

static void eoi(unsigned int cpu)
{
    if (in_x2apic[cpu])
        wrmsr(MSR_X2APIC_EOI, 0);
    else
        apic_eoi();
}

void quad_trap(struct trap_frame *frame, unsigned int count)
{
    unsigned int cpu = smp_cpu();
    unsigned int vector = (unsigned int)frame->vector;

    (void)count;
    if (vector != QUAD_NMI && vector < 32)
        trap_unexpected(frame);
    counts[cpu][vector]++;
    if (quad_hook != NULL)
        quad_hook(cpu, vector);
    if (vector >= 32)
        eoi(cpu);
}

void quad_main(void)
{
    unsigned int cpu = smp_cpu();

    for (;;) {
        irq_disable();
        switch (jobs[cpu]) {
        case QUAD_HALT:
            irq_halt();
            break;
        case QUAD_CALL:
            calls[cpu](cpu);
            jobs[cpu] = QUAD_SPIN;
            break;
        case QUAD_SPIN:
            irq_enable();
            cpu_pause();
            break;
        case QUAD_DEAF:
            cpu_pause();
            break;
        }
    }
}

void quad_send(uint32_t dest, uint32_t low)
{
    if (in_x2apic[0]) {
        wrmsr(MSR_X2APIC_ICR, (uint64_t)dest << 32 | low | APIC_ICR_ASSERT);
        return;
    }
    apic_write(APIC_ICR_HIGH, dest << 24);
    apic_write(APIC_ICR_LOW, low | APIC_ICR_ASSERT);
}

unsigned int quad_count(unsigned int cpu, unsigned int vector)
{
    return counts[cpu][vector];
}

void quad_wait(unsigned int cpu, unsigned int vector, unsigned int count)
{
    for (uint64_t since = rdtsc(); counts[cpu][vector] < count;) {
        if (is_late(since)) {
            trace("TIMEOUT: CPU %u did not take 0x%x", cpu, vector);
            return;
        }
        cpu_pause();
    }
}

void quad_set_job(unsigned int cpu, enum quad_job job)
{
    jobs[cpu] = job;
    quad_send(cpu, MARK); /* if it halts */
}

void quad_on(unsigned int cpu, void (*call)(unsigned int cpu))
{
    if (cpu == 0) {
        call(0);
        return;
    }
    calls[cpu] = call;
    quad_set_job(cpu, QUAD_CALL);
    for (uint64_t since = rdtsc(); jobs[cpu] == QUAD_CALL;) {
        if (is_late(since)) {
            trace("TIMEOUT: CPU %u", cpu);
            return;
        }
        cpu_pause();
    }
}

void quad_settle(void)
{
    irq_enable();
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++) {
        unsigned int before = counts[cpu][MARK];

        if (jobs[cpu] == QUAD_DEAF)
            continue;
        quad_send(cpu, MARK);
        quad_wait(cpu, MARK, before + 1);
    }
    irq_disable();
}

void quad_forget(void)
{
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
        for (unsigned int vector = 0; vector < 256; vector++)
            if (vector != MARK)
                counts[cpu][vector] = 0;
}

void quad_report(const char *what, unsigned int vector)
{
    quad_settle();
    trace("%s: %u %u %u %u", what, counts[0][vector], counts[1][vector], counts[2][vector],
          counts[3][vector]);
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
        counts[cpu][vector] = 0;
}

static void set_logical_id(unsigned int cpu)
{
    apic_write(APIC_DFR, UINT32_MAX);
    apic_write(APIC_LDR, 1u << (24 + cpu));
}

void quad_start(enum quad_job one, enum quad_job two, enum quad_job three)
{
    const enum quad_job wanted[SMP_CPUS] = {QUAD_SPIN, one, two, three};
    unsigned int before[SMP_CPUS] = {0};

    quad_active = true;
    quad_hook = NULL;
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++) {
        jobs[cpu] = QUAD_SPIN;
        before[cpu] = smp_arrivals(cpu);
    }
    smp_prepare();
    quad_send(0, APIC_ICR_OTHERS | APIC_ICR_INIT);
    smp_init_delay();
    quad_send(0, APIC_ICR_OTHERS | APIC_ICR_STARTUP | SMP_PAGE >> 12);
    for (uint64_t since = rdtsc();
         smp_arrivals(1) == before[1] || smp_arrivals(2) == before[2] || smp_arrivals(3) == before[3];) {
        if (is_late(since)) {
            trace("TIMEOUT: not all four CPUs run");
            return;
        }
        cpu_pause();
    }
    quad_forget();
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++) {
        quad_on(cpu, set_logical_id);
        if (cpu > 0)
            quad_set_job(cpu, wanted[cpu]);
    }
}

void quad_x2apic(unsigned int cpu)
{
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_EXTD);
    in_x2apic[cpu] = true;
}
