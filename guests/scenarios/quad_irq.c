/* SPDX-License-Identifier: BSD-2-Clause */
/* Four CPUs: destinations of fixed interrupts, lowest priority, the IOAPIC's, and x2APIC mode. */
#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/scenarios/quad.h"

#define LOWEST_VECTOR       0xD5
#define PATIENCE_TICKS      UINT64_C(20000000000)
#define CPUID_1_ECX_X2APIC  BIT(21)
#define MSR_X2APIC_LDR      0x80d
#define MSR_X2APIC_SELF_IPI 0x83f

/* The UART's interrupt is a level: asserted as long as its transmitter is empty and the guest wants to know.
 */
#define COM1_IER   0x3f9
#define COM1_MCR   0x3fc
#define IER_EMPTY  2
#define MCR_IRQ    8
#define COM1_PIN   4
#define ENTRY(pin) (IOAPIC_REG_ENTRY + 2 * (pin))
#define PIT_COUNT  1000

static volatile unsigned int taken[16]; /* vectors in the order in which CPU 1 took them */
static volatile unsigned int taken_count;

static void note_order(unsigned int cpu, unsigned int vector)
{
    if (cpu == 1 && vector >= QUAD_VECTOR && taken_count < ARRAY_COUNT(taken))
        taken[taken_count++] = vector;
}

void quad_interrupts(void)
{
    quad_start(QUAD_SPIN, QUAD_HALT, QUAD_SPIN);
    for (uint32_t cpu = 0; cpu < SMP_CPUS; cpu++)
        quad_send(cpu, QUAD_VECTOR);
    quad_report("to each", QUAD_VECTOR);
    quad_send(2, QUAD_VECTOR);
    quad_report("to CPU 2", QUAD_VECTOR);
    quad_send(9, QUAD_VECTOR);
    quad_report("to nobody", QUAD_VECTOR);
    quad_send(0xFF, QUAD_VECTOR);
    quad_report("to everybody", QUAD_VECTOR);
    quad_send(9, APIC_ICR_SELF | QUAD_VECTOR);
    quad_report("self", QUAD_VECTOR);
    quad_send(9, APIC_ICR_ALL | QUAD_VECTOR);
    quad_report("all", QUAD_VECTOR);
    quad_send(9, APIC_ICR_OTHERS | QUAD_VECTOR);
    quad_report("others", QUAD_VECTOR);
    quad_send(0x06, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("logical 06", QUAD_VECTOR);
    quad_send(0xF1, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("logical f1", QUAD_VECTOR);
    quad_send(0x30, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("logical 30", QUAD_VECTOR);
    quad_send(0xFF, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("logical ff", QUAD_VECTOR);
    /* To a CPU that cannot take them: each vector once, the highest first. */
    quad_set_job(1, QUAD_DEAF);
    quad_settle();
    quad_hook = note_order;
    taken_count = 0;
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t vector = QUAD_VECTOR; vector <= QUAD_VECTOR + 0x20; vector += 0x10)
            quad_send(1, vector);
    quad_set_job(1, QUAD_SPIN);
    quad_settle();
    trace("kept: %u, 0x%x 0x%x 0x%x", taken_count, taken[0], taken[1], taken[2]);
}

static void cluster_id(unsigned int cpu)
{
    static const uint8_t ids[SMP_CPUS] = {0x01, 0x02, 0x11, 0x12};

    apic_write(APIC_DFR, 0x0FFFFFFF);
    apic_write(APIC_LDR, (uint32_t)ids[cpu] << 24);
}

static void flat_again(unsigned int cpu)
{
    apic_write(APIC_DFR, UINT32_MAX);
    apic_write(APIC_LDR, 1u << (24 + cpu));
}

/* Two clusters of two. */
void quad_clusters(void)
{
    quad_start(QUAD_SPIN, QUAD_SPIN, QUAD_SPIN);
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
        quad_on(cpu, cluster_id);
    quad_send(0x03, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("03", QUAD_VECTOR);
    quad_send(0x12, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("12", QUAD_VECTOR);
    quad_send(0x11, APIC_ICR_LOGICAL | APIC_ICR_NMI);
    quad_report("11, NMI", QUAD_NMI);
    quad_send(0x23, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("23", QUAD_VECTOR);
    quad_send(0x1C, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("1c", QUAD_VECTOR);
    quad_send(0xFF, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("ff", QUAD_VECTOR);
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
        quad_on(cpu, flat_again);
}

static const uint8_t *priorities;

static void set_priority(unsigned int cpu)
{
    apic_write(APIC_TPR, priorities == NULL ? 0 : priorities[cpu]);
}

static void set_priorities(const uint8_t *wanted)
{
    priorities = wanted;
    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
        quad_on(cpu, set_priority);
}

static const uint8_t two_is_lowest[SMP_CPUS] = {0xB0, 0x60, 0x30, 0x40};
static const uint8_t three_is_lowest[SMP_CPUS] = {0xB0, 0x60, 0xA0, 0x40};

static unsigned int sum_of(unsigned int vector)
{
    unsigned int sum = 0;

    for (unsigned int cpu = 0; cpu < SMP_CPUS; cpu++)
        sum += quad_count(cpu, vector);
    return sum;
}

static void wait_for_one(unsigned int vector)
{
    for (uint64_t since = rdtsc(); sum_of(vector) == 0;) {
        if (rdtsc() - since > PATIENCE_TICKS) {
            trace("TIMEOUT: nobody takes 0x%x", vector);
            return;
        }
        cpu_pause();
    }
}

static void send_lowest(const char *what, uint32_t dest, const uint8_t *wanted)
{
    set_priorities(wanted);
    quad_send(dest, APIC_ICR_LOGICAL | APIC_ICR_LOWEST | LOWEST_VECTOR);
    irq_enable();
    wait_for_one(LOWEST_VECTOR);
    irq_disable();
    set_priorities(NULL);
    quad_report(what, LOWEST_VECTOR);
}

void quad_lowest(void)
{
    quad_start(QUAD_SPIN, QUAD_SPIN, QUAD_SPIN);
    send_lowest("CPU 2 is lowest", 0x0F, two_is_lowest);
    send_lowest("CPU 3 is lowest", 0x0F, three_is_lowest);
    send_lowest("lowest of 0, 1, 2", 0x07, three_is_lowest);
    for (unsigned int i = 1; i <= 8; i++) {
        quad_send(0x0F, APIC_ICR_LOGICAL | APIC_ICR_LOWEST | LOWEST_VECTOR);
        quad_settle();
    }
    trace("all equal: %u", sum_of(LOWEST_VECTOR));
}

/* The 8254's next edge; where its wire ends differs between boards. */
static void pit_edge(const char *what, uint32_t low, uint32_t dest, unsigned int vector)
{
    static const unsigned int pins[] = {0, 2};

    for (unsigned int i = 0; i < ARRAY_COUNT(pins); i++) {
        ioapic_write(ENTRY(pins[i]) + 1, dest << 24);
        ioapic_write(ENTRY(pins[i]), low);
    }
    irq_enable();
    pit_start(PIT_COUNT);
    wait_for_one(vector);
    irq_disable();
    pit_nmi_stop();
    if (priorities != NULL)
        set_priorities(NULL);
    quad_report(what, vector);
}

void quad_ioapic(void)
{
    quad_start(QUAD_SPIN, QUAD_HALT, QUAD_DEAF);
    pit_edge("CPU 2", QUAD_VECTOR, 2, QUAD_VECTOR);
    pit_edge("CPU 0", QUAD_VECTOR, 0, QUAD_VECTOR);
    pit_edge("logical 02", IOAPIC_LOGICAL | QUAD_VECTOR, 0x02, QUAD_VECTOR);
    pit_edge("NMI to CPU 3", APIC_ICR_NMI, 3, QUAD_NMI);
    pit_edge("NMI to CPU 2", APIC_ICR_NMI, 2, QUAD_NMI);
    quad_set_job(3, QUAD_SPIN);
    set_priorities(two_is_lowest);
    pit_edge("lowest, CPU 2", IOAPIC_LOGICAL | APIC_ICR_LOWEST | LOWEST_VECTOR, 0x0F, LOWEST_VECTOR);
    set_priorities(three_is_lowest);
    pit_edge("lowest, CPU 3", IOAPIC_LOGICAL | APIC_ICR_LOWEST | LOWEST_VECTOR, 0x0F, LOWEST_VECTOR);
}

static volatile unsigned int level_seen;
static volatile bool remote_inside;

/* The first time it leaves the source as it is and sends what comes next to CPU 2, which turns it off. */
static void on_level(unsigned int cpu, unsigned int vector)
{
    (void)cpu;
    if (vector != QUAD_VECTOR)
        return;
    level_seen++;
    if (level_seen > 1) {
        out8(COM1_IER, 0);
        return;
    }
    remote_inside = (ioapic_read(ENTRY(COM1_PIN)) & IOAPIC_REMOTE) != 0;
    ioapic_write(ENTRY(COM1_PIN) + 1, 2u << 24);
}

void quad_level(void)
{
    quad_start(QUAD_SPIN, QUAD_HALT, QUAD_SPIN);
    level_seen = 0;
    quad_hook = on_level;
    ioapic_write(ENTRY(COM1_PIN) + 1, 1u << 24);
    ioapic_write(ENTRY(COM1_PIN), IOAPIC_LEVEL | QUAD_VECTOR);
    out8(COM1_MCR, in8(COM1_MCR) | MCR_IRQ);
    out8(COM1_IER, IER_EMPTY);
    quad_wait(2, QUAD_VECTOR, 1);
    quad_report("asserted over one EOI", QUAD_VECTOR);
    trace("remote IRR: %u in the handler, %u afterwards", remote_inside,
          (ioapic_read(ENTRY(COM1_PIN)) & IOAPIC_REMOTE) != 0);
    ioapic_mask(COM1_PIN);
}

static void send_self(unsigned int cpu)
{
    (void)cpu;
    wrmsr(MSR_X2APIC_SELF_IPI, QUAD_VECTOR);
}

static volatile uint32_t logical_ids[SMP_CPUS];

static void read_logical_id(unsigned int cpu)
{
    logical_ids[cpu] = (uint32_t)rdmsr(MSR_X2APIC_LDR);
}

void quad_x2apic_mode(void)
{
    if ((cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC) == 0) {
        trace("no x2APIC mode");
        return;
    }
    quad_start(QUAD_SPIN, QUAD_HALT, QUAD_SPIN);
    for (unsigned int cpu = SMP_CPUS; cpu-- > 0;) {
        quad_on(cpu, quad_x2apic);
        quad_on(cpu, read_logical_id);
    }
    trace("logical IDs 0x%x 0x%x 0x%x 0x%x", logical_ids[0], logical_ids[1], logical_ids[2], logical_ids[3]);
    for (uint32_t cpu = 0; cpu < SMP_CPUS; cpu++)
        quad_send(cpu, QUAD_VECTOR);
    quad_report("to each", QUAD_VECTOR);
    quad_send(2, QUAD_VECTOR);
    quad_report("to CPU 2", QUAD_VECTOR);
    quad_send(0xFF, QUAD_VECTOR);
    quad_report("255 is nobody", QUAD_VECTOR);
    quad_send(UINT32_MAX, QUAD_VECTOR);
    quad_report("to everybody", QUAD_VECTOR);
    quad_send(9, APIC_ICR_ALL | QUAD_VECTOR);
    quad_report("all", QUAD_VECTOR);
    quad_send(9, APIC_ICR_OTHERS | QUAD_VECTOR);
    quad_report("others", QUAD_VECTOR);
    quad_send(0x0000000A, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("logical 0000000a", QUAD_VECTOR);
    quad_send(0x0001000A, APIC_ICR_LOGICAL | QUAD_VECTOR);
    quad_report("logical 0001000a", QUAD_VECTOR);
    quad_on(0, send_self);
    quad_report("self IPI of CPU 0", QUAD_VECTOR);
    quad_on(3, send_self);
    quad_report("self IPI of CPU 3", QUAD_VECTOR);
    quad_send(1, APIC_ICR_NMI);
    quad_report("NMI to CPU 1", QUAD_NMI);
    quad_send(0, APIC_ICR_OTHERS | APIC_ICR_NMI);
    quad_report("NMI to the others", QUAD_NMI);
}
