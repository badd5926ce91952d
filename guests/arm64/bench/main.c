/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What single operations cost, by the virtual counter. With instructions counted (1 ns = 1 instruction) a
 * tick of the 62.5 MHz counter is 16 of them; sums over many rounds give the rest. A line for each figure:
 * "BENCH name least most", instructions, least and most of some batches. Figures that need a second CPU or an
 * ITS are left out without one.
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/lib/guest.h"
#include "guests/arm64/lib/its.h"

#define BATCHES    8
#define ROUNDS     64
#define NS         1000000000
#define UART_FR    UINT64_C(0x09000018)
#define GICD_TYPER UINT64_C(0x08000004)
#define GICR_TYPER UINT64_C(0x080a0008)
#define PERIOD_NS  100000
#define SGI        1

static volatile uint64_t handler_time; /* counter at the last handler's first instructions */
static volatile unsigned int handled;
static uint64_t eoi_ticks;
static uint64_t frequency;

struct figure {
    const char *name;
    uint64_t (*batch)(void); /* ticks of ROUNDS rounds */
};

void trap_irq(struct trap_frame *frame)
{
    uint64_t now = counter_read();
    uint32_t intid = (uint32_t)READ_SYSREG(icc_iar1_el1) & 0xffffff;
    uint64_t before;

    (void)frame;
    if (intid >= 1020 && intid < ITS_LPI)
        return;
    if (intid == GIC_TIMER)
        WRITE_SYSREG(cntv_ctl_el0, 0);
    before = counter_read();
    WRITE_SYSREG(icc_eoir1_el1, intid);
    eoi_ticks += counter_read() - before;
    handler_time = now;
    barrier();
    handled++;
}

void trap_sync(struct trap_frame *frame)
{
    trap_unexpected(frame);
}

/* The second CPU sleeps, or spins, with interrupts open. */
static volatile bool other_spins;

void smp_main(void)
{
    gic_cpu_init();
    gic_enable(SGI, true);
    if (its_present())
        its_cpu_init();
    irq_open();
    for (;;) {
        if (other_spins)
            relax();
        else
            wait_for_interrupt();
    }
}

static uint64_t empty(void)
{
    uint64_t start = counter_read();

    for (unsigned int i = 0; i < ROUNDS; i++)
        __asm__ volatile("" ::: "memory");
    return counter_read() - start;
}

static uint64_t hypercall(void)
{
    uint64_t start = counter_read();

    for (unsigned int i = 0; i < ROUNDS; i++)
        (void)psci(PSCI_VERSION, 0, 0, 0);
    return counter_read() - start;
}

static uint64_t read_word(uint64_t address)
{
    uint64_t start = counter_read();

    for (unsigned int i = 0; i < ROUNDS; i++)
        (void)mmio_read32(address);
    return counter_read() - start;
}

static uint64_t uart_read(void)
{
    return read_word(UART_FR);
}

static uint64_t dist_read(void)
{
    return read_word(GICD_TYPER);
}

static uint64_t redist_read(void)
{
    return read_word(GICR_TYPER);
}

static uint64_t wait_handled(unsigned int count)
{
    while (handled != count)
        relax();
    return handler_time;
}

static uint64_t self_sgi(void)
{
    uint64_t sum = 0;

    irq_open();
    for (unsigned int i = 0; i < ROUNDS; i++) {
        unsigned int next = handled + 1;
        uint64_t start = counter_read();

        gic_send(SGI, 1);
        sum += wait_handled(next) - start;
    }
    irq_close();
    return sum;
}

static uint64_t end_of_interrupt(void)
{
    eoi_ticks = 0;
    (void)self_sgi();
    return eoi_ticks;
}

static void send_sgi(void)
{
    gic_send(SGI, 1u << 1);
}

static void send_lpi(void)
{
    its_int_unseen(1);
}

static uint64_t send_other(void (*send)(void))
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        unsigned int next = handled + 1;
        uint64_t pause = counter_read();
        uint64_t start;

        while (counter_read() - pause < 1000) /* it is back in its loop, or asleep */
            relax();
        start = counter_read();
        send();
        sum += wait_handled(next) - start;
    }
    return sum;
}

static void make_spin(void)
{
    unsigned int next = handled + 1;

    other_spins = true;
    gic_send(SGI, 1u << 1); /* it may sleep */
    (void)wait_handled(next);
}

static uint64_t ipi(void)
{
    make_spin();
    return send_other(send_sgi);
}

static uint64_t ipi_sleeping(void)
{
    other_spins = false;
    barrier();
    return send_other(send_sgi);
}

/* Programmed to handler, without the period itself. */
static uint64_t timer_busy(void)
{
    uint64_t period = PERIOD_NS / (NS / frequency);
    uint64_t sum = 0;

    irq_open();
    for (unsigned int i = 0; i < ROUNDS; i++) {
        unsigned int next = handled + 1;
        uint64_t start = counter_read();

        WRITE_SYSREG(cntv_cval_el0, start + period);
        WRITE_SYSREG(cntv_ctl_el0, 1);
        sum += wait_handled(next) - start - period;
    }
    irq_close();
    return sum;
}

static uint64_t timer_asleep(void)
{
    uint64_t period = PERIOD_NS / (NS / frequency);
    uint64_t sum = 0;

    irq_open();
    for (unsigned int i = 0; i < ROUNDS; i++) {
        unsigned int next = handled + 1;
        uint64_t start = counter_read();

        WRITE_SYSREG(cntv_cval_el0, start + period);
        WRITE_SYSREG(cntv_ctl_el0, 1);
        while (handled != next)
            wait_for_interrupt();
        sum += handler_time - start - period;
    }
    irq_close();
    return sum;
}

static uint64_t lpi(void)
{
    uint64_t sum = 0;

    irq_open();
    for (unsigned int i = 0; i < ROUNDS; i++) {
        unsigned int next = handled + 1;
        uint64_t start = counter_read();

        its_int(0);
        sum += wait_handled(next) - start;
    }
    irq_close();
    return sum;
}

static uint64_t lpi_other(void)
{
    make_spin();
    return send_other(send_lpi);
}

static uint64_t lpi_sleeping(void)
{
    other_spins = false;
    barrier();
    return send_other(send_lpi);
}

static const struct figure figures[] = {
    {"hypercall", hypercall},        {"mmio_read_uart", uart_read},  {"mmio_read_gicd", dist_read},
    {"mmio_read_gicr", redist_read}, {"sgi_self", self_sgi},         {"eoi", end_of_interrupt},
    {"timer_busy", timer_busy},      {"timer_asleep", timer_asleep},
};
static const struct figure figures_smp[] = {{"ipi", ipi}, {"ipi_sleeping", ipi_sleeping}};
static const struct figure figures_its[] = {
    {"lpi", lpi}, {"lpi_other", lpi_other}, {"lpi_sleeping", lpi_sleeping}};

/* Instructions a round, with what an empty loop takes off. */
static void measure(const struct figure *figure, uint64_t loop_ticks)
{
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;

    (void)figure->batch(); /* once for nothing: whatever is done at the first time only */
    for (unsigned int i = 0; i < BATCHES; i++) {
        uint64_t ticks = figure->batch();
        uint64_t ns = (ticks > loop_ticks ? ticks - loop_ticks : 0) * (NS / frequency) / ROUNDS;

        least = ns < least ? ns : least;
        most = ns > most ? ns : most;
    }
    print("BENCH %s %lu %lu\n", figure->name, least, most);
}

static void measure_all(const struct figure *list, size_t count)
{
    uint64_t loop_ticks = empty();

    for (size_t i = 0; i < count; i++)
        measure(&list[i], loop_ticks);
}

void guest_main(const char *words)
{
    (void)words;
    frequency = READ_SYSREG(cntfrq_el0);
    gic_init();
    gic_cpu_init();
    gic_enable(SGI, true);
    gic_enable(GIC_TIMER, true);
    measure_all(figures, sizeof(figures) / sizeof(figures[0]));
    if (smp_start(1)) {
        uint64_t start = counter_read();

        while (counter_read() - start < 100000)
            relax();
        measure_all(figures_smp, sizeof(figures_smp) / sizeof(figures_smp[0]));
        if (its_present()) {
            its_init();
            its_cpu_init();
            its_mapti(0, ITS_LPI, 0);
            its_configure(ITS_LPI, 0x80, true);
            its_inv(0);
            its_mapti(1, ITS_LPI + 1, 1);
            its_configure(ITS_LPI + 1, 0x80, true);
            its_inv(1);
            measure_all(figures_its, sizeof(figures_its) / sizeof(figures_its[0]));
        }
    }
    print("BENCH-END\n");
}
