/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two CPUs: SGIs to the other, to several, to all others; SPIs by route; PSCI. CPU 1's handlers leave no
 * lines, they count.
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/lib/guest.h"
#include "guests/arm64/scenarios/scenario.h"

#define PSCI_ALREADY_ON (-4)
#define PSCI_OFF_STATE  1
#define ROUNDS          200

static volatile unsigned int other_count[16];

static void count_on_other(uint32_t intid, unsigned int count)
{
    (void)count;
    if (cpu_index() == 1 && intid < 16)
        other_count[intid]++;
}

/* CPU 1: takes SGIs until SGI 15 has come. */
static void listen(void)
{
    for (unsigned int i = 0; i < 16; i++)
        other_count[i] = 0;
    prepare(0, 16, 0x80, 0);
    other_cpu_done();
    irq_open();
    while (other_count[15] == 0)
        wait_for_interrupt();
    irq_close();
}

static void await_count(unsigned int sgi, unsigned int count)
{
    for (uint64_t start = counter_read(); other_count[sgi] < count; relax())
        if (counter_read() - start > 62500000) {
            trace("TIMEOUT: SGI %u came to the other CPU %u times instead of %u", sgi, other_count[sgi],
                  count);
            return;
        }
}

static void sgi_to_other(void)
{
    prepare(0, 16, 0x80, 0);
    other_cpu_wait(1);
    gic_send(1, 1u << 1);
    await_count(1, 1);
    open_a_little();
    trace("here %u, there %u", count_of(1) - other_count[1], other_count[1]);
    gic_send(2, 1u << 1 | 1u << 0);
    await_count(2, 1);
    wait_for(2, 2);
    trace("here %u, there %u", count_of(2) - other_count[2], other_count[2]);
    gic_send_to_others(3);
    await_count(3, 1);
    open_a_little();
    trace("here %u, there %u", count_of(3) - other_count[3], other_count[3]);
    gic_send(15, 1u << 1);
}

/* None of many is lost: each is sent when the last was seen. */
static void sgi_many_rounds(void)
{
    prepare(0, 16, 0x80, 0);
    other_cpu_wait(1);
    for (unsigned int i = 1; i <= ROUNDS; i++) {
        gic_send(4, 1u << 1);
        await_count(4, i);
    }
    trace("there %u", other_count[4]);
    gic_send(15, 1u << 1);
}

/* CPU 1 answers each SGI with one; CPU 0 sleeps between. */
static void answer(uint32_t intid, unsigned int count)
{
    count_on_other(intid, count);
    if (cpu_index() == 1 && intid == 5)
        gic_send(6, 1u << 0);
}

static void sgi_ping_pong(void)
{
    prepare(0, 16, 0x80, 0);
    other_cpu_wait(1);
    for (unsigned int i = 1; i <= 5; i++) {
        gic_send(5, 1u << 1);
        irq_open();
        while (count_of(6) < i)
            wait_for_interrupt();
        irq_close();
    }
    gic_send(15, 1u << 1);
}

/* Both sleep with interrupts closed; the other is woken by what it does not let in yet. */
static void sleep_closed(void)
{
    prepare(7, 1, 0x80, 0);
    other_cpu_done();
    while (!gic_is_pending(7))
        wait_for_interrupt();
    other_cpu_done();
    wait_go(1);
    irq_open();
    irq_close();
    other_cpu_done();
}

static void sgi_to_sleeper(void)
{
    other_cpu_wait(1);
    gic_send(7, 1u << 1);
    other_cpu_wait(2);
    trace("came %u", count_of(7));
    other_cpu_go(1);
    other_cpu_wait(3);
    trace("came %u", count_of(7));
}

static volatile unsigned int spi_there;

static void count_spi(uint32_t intid, unsigned int count)
{
    (void)count;
    if (cpu_index() == 1 && intid == GIC_SPI)
        spi_there++;
    count_on_other(intid, count);
}

static void spi_route(void)
{
    spi_there = 0;
    prepare(15, 1, 0x80, 0);
    other_cpu_wait(1);
    prepare(GIC_SPI, 1, 0x80, 0);
    gic_set_edge(GIC_SPI, true);
    gic_route(GIC_SPI, smp_affinity(1));
    gic_set_pending(GIC_SPI, true);
    for (uint64_t start = counter_read(); spi_there == 0 && counter_read() - start < 62500000;)
        relax();
    open_a_little();
    trace("here %u, there %u", count_of(GIC_SPI) - spi_there, spi_there);
    gic_route(GIC_SPI, smp_affinity(0));
    gic_set_pending(GIC_SPI, true);
    wait_for(GIC_SPI, 2);
    trace("here %u, there %u", count_of(GIC_SPI) - spi_there, spi_there);
    gic_send(15, 1u << 1);
}

/* Moved while it waits: it comes at the new place, once. */
static void spi_moved_while_pending(void)
{
    spi_there = 0;
    prepare(15, 1, 0x80, 0);
    other_cpu_wait(1);
    prepare(GIC_SPI, 1, 0x80, 0);
    gic_set_edge(GIC_SPI, true);
    gic_route(GIC_SPI, smp_affinity(0));
    gic_set_pending(GIC_SPI, true);
    trace("pending %u", gic_is_pending(GIC_SPI));
    gic_route(GIC_SPI, smp_affinity(1));
    for (uint64_t start = counter_read(); spi_there == 0 && counter_read() - start < 62500000;)
        relax();
    open_a_little();
    trace("here %u, there %u, pending %u", count_of(GIC_SPI) - spi_there, spi_there, gic_is_pending(GIC_SPI));
    gic_send(15, 1u << 1);
}

static void idle_turn(void)
{
    other_cpu_done();
}

static void psci_calls(void)
{
    other_cpu_wait(1);
    trace("version at least 0.2: %u", psci(PSCI_VERSION, 0, 0, 0) >= 2);
    trace("already on: %d", (int)psci(PSCI_CPU_ON, smp_affinity(1), 0x40000000, 0));
    trace("no such CPU: %d", (int)psci(PSCI_CPU_ON, 0xffffff, 0x40000000, 0));
    trace("CPU 0 is on: %d", (int)psci(PSCI_AFFINITY_INFO, smp_affinity(0), 0, 0));
    trace("no such affinity: %d", (int)psci(PSCI_AFFINITY_INFO, 0xffffff, 0, 0));
    trace("CPU_ON known: %d", (int)psci(PSCI_FEATURES, PSCI_CPU_ON, 0, 0));
    trace("unknown: %d", (int)psci(PSCI_FEATURES, 0x8400ff00, 0, 0));
    trace("unknown call: %d", (int)psci(0x8400ff00, 0, 0, 0));
}

const struct scenario scenarios_smp[] = {
    {"smp-sgi-to-other", sgi_to_other, count_on_other, listen, false},
    {"smp-sgi-many-rounds", sgi_many_rounds, count_on_other, listen, false},
    {"smp-sgi-ping-pong", sgi_ping_pong, answer, listen, false},
    {"smp-sgi-to-sleeper", sgi_to_sleeper, NULL, sleep_closed, false},
    {"smp-spi-route", spi_route, count_spi, listen, false},
    {"smp-spi-moved-while-pending", spi_moved_while_pending, count_spi, listen, false},
    {"smp-psci", psci_calls, NULL, idle_turn, false},
    {NULL, NULL, NULL, NULL, false},
};
