/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One to eight CPUs, as many as CPUID tells, none of whose interrupts may get lost: each CPU sends an
 * interrupt to each, itself too, with a vector of its own, and goes on when that one has it; then an NMI to
 * each other one, one sender at a time; then each waits in HLT for its own timer, several times. The last
 * line counts them all; what does not come is told with sender and receiver, and the program ends.
 */
#include <stdbool.h>

#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/guest.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/print.h"
#include "guests/lib/smp.h"
#include "guests/lib/trap.h"

#define NMI          2
#define VECTOR_FIRST 0x40 /* and the sender's number */
#define VECTOR_TIMER 0x50
#define ROUNDS       2
#define TIMERS       5
#define TIMER_TICKS  300000
#define WAIT_TICKS   UINT64_C(100000000000) /* bounds a hang: the CPUs may share one with others */

enum phase { PHASE_IRQ, PHASE_NMI, PHASE_TIMER, PHASE_END };

static unsigned int cpu_count;
static volatile enum phase phase;
static volatile unsigned int done[SMP_CPUS_MAX]; /* phases that this CPU has been through */
static volatile unsigned int nmi_sender;
/* By receiver, which alone writes them. */
static volatile unsigned int irqs[SMP_CPUS_MAX][SMP_CPUS_MAX];
static volatile unsigned int nmis[SMP_CPUS_MAX];
static volatile unsigned int timers[SMP_CPUS_MAX];

void trap_handle(struct trap_frame *frame)
{
    unsigned int cpu = smp_cpu();

    if (frame->vector == NMI) {
        nmis[cpu]++;
        return;
    }
    if (frame->vector == VECTOR_TIMER)
        timers[cpu]++;
    else if (frame->vector >= VECTOR_FIRST && frame->vector < VECTOR_FIRST + SMP_CPUS_MAX)
        irqs[cpu][frame->vector - VECTOR_FIRST]++;
    else
        trap_unexpected(frame);
    apic_eoi();
}

/* Until `*count` is `wanted`; more than that is wrong as well. */
static void wait_for(const volatile unsigned int *count, unsigned int wanted, const char *what,
                     unsigned int from, unsigned int to)
{
    for (uint64_t start = rdtsc(); *count < wanted && rdtsc() - start < WAIT_TICKS;)
        cpu_pause();
    if (*count == wanted)
        return;
    print("pairs: %s from %u to %u: %u of %u\n", what, from, to, *count, wanted);
    guest_exit(1);
}

static void send(unsigned int to, uint32_t icr_low)
{
    while ((apic_read(APIC_ICR_LOW) & APIC_ICR_PENDING) != 0)
        cpu_pause();
    apic_write(APIC_ICR_HIGH, to << 24);
    apic_write(APIC_ICR_LOW, icr_low | APIC_ICR_ASSERT);
}

static void send_irqs(unsigned int cpu)
{
    for (unsigned int round = 1; round <= ROUNDS; round++)
        for (unsigned int to = 0; to < cpu_count; to++) {
            send(to, VECTOR_FIRST + cpu);
            wait_for(&irqs[to][cpu], round, "interrupt", cpu, to);
        }
}

/* One sender after the other: two NMIs at once may become one. */
static void send_nmis(unsigned int cpu)
{
    while (nmi_sender < cpu)
        cpu_pause();
    for (unsigned int to = 0; to < cpu_count; to++)
        if (to != cpu) {
            unsigned int before = nmis[to];

            send(to, APIC_ICR_NMI);
            wait_for(&nmis[to], before + 1, "NMI", cpu, to);
        }
    nmi_sender = cpu + 1;
}

static void wait_for_timers(unsigned int cpu)
{
    for (unsigned int round = 1; round <= TIMERS; round++) {
        irq_disable();
        apic_timer_start(VECTOR_TIMER, TIMER_TICKS);
        while (timers[cpu] < round) {
            irq_halt();
            irq_disable();
        }
        irq_enable();
    }
}

static void take_part(unsigned int cpu, enum phase now)
{
    if (now == PHASE_IRQ)
        send_irqs(cpu);
    else if (now == PHASE_NMI)
        send_nmis(cpu);
    else
        wait_for_timers(cpu);
    done[cpu]++;
}

void smp_ap_main(void)
{
    unsigned int cpu = smp_cpu();

    irq_enable();
    for (enum phase next = PHASE_IRQ; next != PHASE_END; next++) {
        while (phase < next)
            cpu_pause();
        take_part(cpu, next);
    }
    for (;;)
        irq_halt();
}

static void start_others(void)
{
    static volatile unsigned int arrived;

    smp_prepare();
    if (cpu_count == 1)
        return;
    apic_write(APIC_ICR_LOW, APIC_ICR_OTHERS | APIC_ICR_INIT | APIC_ICR_ASSERT);
    smp_init_delay();
    apic_write(APIC_ICR_LOW, APIC_ICR_OTHERS | APIC_ICR_STARTUP | APIC_ICR_ASSERT | SMP_PAGE >> 12);
    for (unsigned int cpu = 1; cpu < cpu_count; cpu++) {
        for (uint64_t start = rdtsc(); smp_arrivals(cpu) == 0 && rdtsc() - start < WAIT_TICKS;)
            cpu_pause();
        arrived = smp_arrivals(cpu);
        wait_for(&arrived, 1, "start-up", 0, cpu);
    }
}

int guest_main(int word_count, char **words)
{
    unsigned int irq_sum = 0, nmi_sum = 0, timer_sum = 0;

    (void)word_count;
    (void)words;
    irqchip_mask_legacy();
    apic_enable();
    cpu_count = (cpuid(1, 0).ebx >> 16) & 0xff;
    if (cpu_count == 0 || cpu_count > SMP_CPUS_MAX)
        return 2;
    start_others();
    irq_enable();
    for (enum phase now = PHASE_IRQ; now != PHASE_END; now++) {
        phase = now;
        take_part(0, now);
        for (unsigned int cpu = 1; cpu < cpu_count; cpu++)
            wait_for(&done[cpu], now + 1u, "end of a phase", cpu, 0);
    }
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        for (unsigned int from = 0; from < cpu_count; from++)
            irq_sum += irqs[cpu][from];
        nmi_sum += nmis[cpu];
        timer_sum += timers[cpu];
    }
    print("pairs: %u CPUs, %u interrupts, %u NMIs, %u timers\n", cpu_count, irq_sum, nmi_sum, timer_sum);
    /* Looked at before it ends: it halts until somebody resets or ends it. */
    for (;;)
        irq_halt();
}
