/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measuring against the PM timer or the 8254. An edge of the reference lies between two readings of the TSC;
 * the window is long enough once the width of both edges together is small against it. So it takes
 * microseconds where readings cost nothing and tens of milliseconds where they are slow.
 */
#include "arch/x86/tsc_calibrate.h"

#include "arch/x86/host_apic.h"
#include "arch/x86/insn.h"
#include "drivers/acpi.h"
#include "lib/error.h"
#include "lib/mmio.h"

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK FIELD(23, 0)
#define PIT_HZ        1193182
#define PIT_MASK      FIELD(15, 0)

#define PIT_CHANNEL2 0x42
#define PIT_COMMAND  0x43
#define PIT_GATE     0x61
#define PIT_GATE_ON  0x01
#define PIT_SPEAKER  0x02
#define PIT_SETUP    0xb0 /* channel 2, both bytes, mode 0 */
#define PIT_LATCH    0x80 /* channel 2 */

#define CPUID_TSC        0x15
#define CPUID_FREQUENCY  0x16
#define CPUID_HYPERVISOR 0x40000000
#define CPUID_HV_TIMING  0x40000010
#define CPUID_1_ECX_HV   BIT(31)

#define MIN_HZ    UINT64_C(100000000) /* what a TSC plausibly does */
#define MAX_HZ    UINT64_C(20000000000)
#define MHZ       UINT64_C(1000000)
#define PRECISION 20000   /* one part in so many */
#define MAX_POLLS 1000000 /* without any change of the reference */
#define MIN_TICKS 512     /* reference ticks in a window at least */
#define MAX_MS    30      /* and at most, in milliseconds */

struct reference {
    enum tsc_source source;
    uint64_t hz;
    uint64_t mask; /* of the counter */
    const struct acpi_register *pm_timer;
};

/* A change of the reference: the TSC before and after it. */
struct edge {
    uint64_t count;
    uint64_t before;
    uint64_t after;
    uint32_t apic_left;
};

static uint64_t pit_read(void)
{
    uint64_t low;

    pio_write8(PIT_COMMAND, PIT_LATCH);
    low = pio_read8(PIT_CHANNEL2);
    return PIT_MASK & ~(low | (uint64_t)pio_read8(PIT_CHANNEL2) << 8); /* it counts down */
}

static uint64_t reference_read(const struct reference *r)
{
    if (r->source == TSC_SOURCE_PIT)
        return pit_read();
    if (r->pm_timer->space == ACPI_SPACE_IO)
        return pio_read32((uint16_t)r->pm_timer->address) & r->mask;
    return mmio_read32(r->pm_timer->address) & r->mask;
}

static void pit_start(void)
{
    pio_write8(PIT_GATE, (uint8_t)((pio_read8(PIT_GATE) & ~PIT_SPEAKER) | PIT_GATE_ON));
    pio_write8(PIT_COMMAND, PIT_SETUP);
    pio_write8(PIT_CHANNEL2, 0xff);
    pio_write8(PIT_CHANNEL2, 0xff);
}

static bool edge_find(const struct reference *r, struct edge *edge)
{
    uint64_t first = reference_read(r);

    edge->after = insn_rdtsc();
    for (uint32_t i = 0; i < MAX_POLLS; i++) {
        uint64_t count = reference_read(r);

        edge->before = edge->after;
        edge->after = insn_rdtsc();
        if (count == first)
            continue;
        edge->count = count;
        edge->apic_left = host_apic_timer_left();
        return true;
    }
    return false;
}

/* A whole number of megahertz, if that lies within the error of the measurement. */
static uint64_t snap(uint64_t hz, uint64_t error, uint64_t elapsed)
{
    uint64_t round = (hz + MHZ / 2) / MHZ * MHZ;

    return max_u64(hz, round) - min_u64(hz, round) <= mul_div_u64(hz, error, elapsed) ? round : hz;
}

static int measure(const struct reference *r, bool want_apic, struct tsc_rates *rates)
{
    struct edge start, end;
    uint64_t ticks, elapsed, error;

    if (want_apic)
        host_apic_timer_count_from(UINT32_MAX);
    /* The first edge is thrown away: it pays for cold caches, on emulators for translation. */
    if (!edge_find(r, &start) || !edge_find(r, &start))
        return E_TIMEOUT;
    do {
        if (!edge_find(r, &end))
            return E_TIMEOUT;
        ticks = (end.count - start.count) & r->mask;
        elapsed = (end.after - start.after + end.before - start.before) / 2;
        error = (start.after - start.before + end.after - end.before) / 2;
    } while (ticks < MIN_TICKS || (error > elapsed / PRECISION && ticks < r->hz / 1000 * MAX_MS));
    rates->source = r->source;
    rates->tsc_hz = snap(mul_div_u64(elapsed, r->hz, ticks), error, elapsed);
    if (want_apic)
        rates->apic_hz = snap(mul_div_u64(start.apic_left - end.apic_left, r->hz, ticks), error, elapsed);
    return 0;
}

/* Frequencies that CPUID names; 0 where it does not. */
static uint64_t cpuid_hz(enum tsc_source *source)
{
    uint32_t max = insn_cpuid(0, 0).eax;
    struct insn_cpuid r;
    uint64_t hz;

    if ((insn_cpuid(1, 0).ecx & CPUID_1_ECX_HV) != 0 &&
        insn_cpuid(CPUID_HYPERVISOR, 0).eax >= CPUID_HV_TIMING) {
        *source = TSC_SOURCE_CPUID_HYPERVISOR;
        hz = UINT64_C(1000) * insn_cpuid(CPUID_HV_TIMING, 0).eax;
        if (hz >= MIN_HZ && hz <= MAX_HZ)
            return hz;
    }
    if (max >= CPUID_TSC) {
        *source = TSC_SOURCE_CPUID_CRYSTAL;
        r = insn_cpuid(CPUID_TSC, 0);
        hz = r.eax == 0 ? 0 : mul_div_u64(r.ecx, r.ebx, r.eax);
        if (hz >= MIN_HZ && hz <= MAX_HZ)
            return hz;
    }
    return 0;
}

/* Two figures for the same clock: within one part in a hundred. */
static bool agrees(uint64_t a, uint64_t b)
{
    return max_u64(a, b) - min_u64(a, b) <= b / 100;
}

int tsc_calibrate_rates(const struct acpi_info *acpi, bool want_apic, struct tsc_rates *rates)
{
    struct reference r = {TSC_SOURCE_PIT, PIT_HZ, PIT_MASK, NULL};
    enum tsc_source source = TSC_SOURCE_NONE;
    uint64_t named = cpuid_hz(&source);
    int error = E_TIMEOUT;

    *rates = (struct tsc_rates){0, 0, TSC_SOURCE_NONE};
    if (acpi->pm_timer.valid) {
        r = (struct reference){TSC_SOURCE_PM_TIMER, PM_TIMER_HZ, PM_TIMER_MASK, &acpi->pm_timer};
        error = measure(&r, want_apic, rates);
    }
    if (error != 0) {
        r = (struct reference){TSC_SOURCE_PIT, PIT_HZ, PIT_MASK, NULL};
        pit_start();
        error = measure(&r, want_apic, rates);
    }
    /* What CPUID says is exact where it is true: it wins if the measurement bears it out, or failed. */
    if (named != 0 && (error != 0 || agrees(rates->tsc_hz, named))) {
        rates->tsc_hz = named;
        rates->source = source;
        error = want_apic && error != 0 ? error : 0;
    }
    if (error == 0 && (rates->tsc_hz < MIN_HZ / 100 || rates->tsc_hz > MAX_HZ))
        error = E_TIMEOUT;
    return error;
}
