/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What single operations cost, in TSC ticks. Under QEMU's `-icount shift=0` one tick is one instruction, the
 * hypervisor's included. Prints one line per figure: "BENCH name least most", measuring overhead taken off;
 * the least is the figure, the most shows what else went on.
 */
#include <stdbool.h>

#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/print.h"
#include "guests/lib/smp.h"
#include "guests/lib/trap.h"
#include "lib/string.h"

#define ROUNDS             64
#define VECTOR             0x40
#define ENTRY_OVERHEAD     2 /* instructions of a handler before it reads the TSC */
#define RETURN_OVERHEAD    5 /* from reading iret_tsc to the end of IRETQ */
#define HALT_TICKS         20000
#define SETTLE_TICKS       20000 /* the other CPU is back where it waits */
#define CROWD_PAGE         0x8000u
#define CROWD_TICKS        10000000
#define SWITCH_OVERHEAD    4 /* instructions that look for a new mark */
#define MSR_APIC_BASE      0x1B
#define MSR_TSC_DEADLINE   0x6E0
#define MSR_PAT            0x277
#define CPUID_TSC_DEADLINE (1u << 24) /* leaf 1, ECX */
#define PORT_SPEAKER       0x61
#define PORT_UART_LSR      0x3FD
#define PORT_POST          0x80
#define PORT_PCI_CONFIG    0xCF8

extern volatile uint64_t entry_tsc;
extern volatile uint64_t iret_tsc;
extern volatile uint32_t entry_count;
extern volatile uint32_t entry_nmi_again;
extern const char entry_irq[];
extern const char entry_nmi[];

struct figure {
    uint64_t least;
    uint64_t most;
};

static uint64_t overhead; /* of an empty measurement */
static bool hypercall_is_vmmcall;
static volatile bool invalid_opcode_seen;

static struct figure figure_empty(void)
{
    return (struct figure){UINT64_MAX, 0};
}

static void figure_add(struct figure *figure, uint64_t ticks)
{
    figure->least = min_u64(figure->least, ticks);
    figure->most = max_u64(figure->most, ticks);
}

static void report(const char *name, struct figure figure)
{
    print("BENCH %s %lu %lu\n", name, figure.least, figure.most);
}

/* Times one statement ROUNDS times. A macro, so that nothing but the statement stands between the readings.
 */
#define MEASURE(name, statement)                               \
    do {                                                       \
        struct figure figure_ = figure_empty();                \
                                                               \
        for (int round_ = 0; round_ < ROUNDS; round_++) {      \
            uint64_t start_ = rdtsc();                         \
                                                               \
            statement;                                         \
            figure_add(&figure_, rdtsc() - start_ - overhead); \
        }                                                      \
        report(name, figure_);                                 \
    } while (0)

/* From the statement's start to the first instruction of the handler it brings about. */
#define MEASURE_ENTRY(name, statement)                                 \
    do {                                                               \
        struct figure figure_ = figure_empty();                        \
                                                                       \
        for (int round_ = 0; round_ < ROUNDS; round_++) {              \
            uint32_t before_ = entry_count;                            \
            uint64_t start_ = rdtsc();                                 \
                                                                       \
            statement;                                                 \
            while (entry_count == before_)                             \
                cpu_pause();                                           \
            figure_add(&figure_, entry_tsc - start_ - ENTRY_OVERHEAD); \
        }                                                              \
        report(name, figure_);                                         \
    } while (0)

void trap_handle(struct trap_frame *frame)
{
    if (frame->vector != 6)
        trap_unexpected(frame);
    invalid_opcode_seen = true;
    frame->rip += 3; /* VMCALL or VMMCALL */
}

static void hypercall(void)
{
    uint64_t rax = UINT64_MAX; /* no such call: the price of getting there and back */

    if (hypercall_is_vmmcall)
        __asm__ volatile(".byte 0x0f, 0x01, 0xd9" : "+a"(rax)::"memory");
    else
        __asm__ volatile(".byte 0x0f, 0x01, 0xc1" : "+a"(rax)::"memory");
}

static void measure_overhead(void)
{
    struct figure figure = figure_empty();

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = rdtsc();

        figure_add(&figure, rdtsc() - start);
    }
    overhead = figure.least;
}

static void measure_exits(void)
{
    MEASURE("cpuid", cpuid(0, 0));
    MEASURE("pio_read_0x61", in8(PORT_SPEAKER));
    MEASURE("pio_read_uart_lsr", in8(PORT_UART_LSR));
    MEASURE("pio_write_unclaimed", out8(PORT_POST, 0));
    MEASURE("pio_write_pci_config", out32(PORT_PCI_CONFIG, 0));
    MEASURE("apic_read_id", mmio_get32(APIC_BASE + APIC_ID));
    MEASURE("apic_write_icr_high", mmio_put32(APIC_BASE + APIC_ICR_HIGH, 0));
    MEASURE("apic_write_eoi", mmio_put32(APIC_BASE + APIC_EOI, 0));
    MEASURE("ioapic_read", mmio_get32(IOAPIC_BASE + IOAPIC_WINDOW));
    MEASURE("cr8_write", write_cr8(0));
    MEASURE("rdmsr_pat", rdmsr(MSR_PAT));
    MEASURE("rdmsr_apic_base", rdmsr(MSR_APIC_BASE));
    hypercall();
    if (!invalid_opcode_seen)
        MEASURE("hypercall", hypercall());
}

static void measure_interrupts(void)
{
    trap_set_gate(VECTOR, (uintptr_t)entry_irq, 0, GATE_INTERRUPT);
    trap_set_gate(2, (uintptr_t)entry_nmi, 0, GATE_INTERRUPT);
    apic_write(APIC_ICR_HIGH, mmio_get32(APIC_BASE + APIC_ID));
    irq_enable();
    MEASURE_ENTRY("ipi_self", mmio_put32(APIC_BASE + APIC_ICR_LOW, VECTOR | APIC_ICR_ASSERT));
    MEASURE_ENTRY("nmi_self", mmio_put32(APIC_BASE + APIC_ICR_LOW, APIC_ICR_NMI | APIC_ICR_ASSERT));
    irq_disable();
    MEASURE_ENTRY("nmi_self_if0", mmio_put32(APIC_BASE + APIC_ICR_LOW, APIC_ICR_NMI | APIC_ICR_ASSERT));
    MEASURE("nmi_round_trip", mmio_put32(APIC_BASE + APIC_ICR_LOW, APIC_ICR_NMI | APIC_ICR_ASSERT));
}

/* One NMI raised inside the handler of another: from the first handler's IRETQ to the second's first step. */
static void measure_second_nmi(void)
{
    struct figure figure = figure_empty();

    for (int round = 0; round < ROUNDS; round++) {
        uint32_t before = entry_count;

        entry_nmi_again = 1;
        mmio_put32(APIC_BASE + APIC_ICR_LOW, APIC_ICR_NMI | APIC_ICR_ASSERT);
        while (entry_count != before + 2)
            cpu_pause();
        figure_add(&figure, entry_tsc - iret_tsc - RETURN_OVERHEAD - ENTRY_OVERHEAD);
    }
    report("nmi_second", figure);
}

/* TSC ticks of `count` local APIC timer ticks. */
static uint64_t timer_scale(uint32_t count)
{
    uint64_t start;

    apic_timer_stop();
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    start = rdtsc();
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    while (UINT32_MAX - apic_read(APIC_TIMER_CURRENT) < count)
        cpu_pause();
    return (rdtsc() - start) * count / (UINT32_MAX - apic_read(APIC_TIMER_CURRENT));
}

/*
 * The timer's due time to the handler's first instruction, halted or not. By deadline: the due time is what
 * the guest writes, whatever writing it takes.
 */
static void measure_timer(const char *name, bool halted)
{
    struct figure figure = figure_empty();

    if ((cpuid(1, 0).ecx & CPUID_TSC_DEADLINE) == 0)
        return;
    apic_timer_stop();
    apic_write(APIC_LVT_TIMER, VECTOR | APIC_LVT_TSC_DEADLINE);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t before = entry_count;
        uint64_t due;

        irq_disable();
        due = rdtsc() + HALT_TICKS;
        wrmsr(MSR_TSC_DEADLINE, due);
        if (halted)
            irq_halt();
        irq_enable();
        while (entry_count == before)
            cpu_pause();
        irq_disable();
        figure_add(&figure, entry_tsc - due - ENTRY_OVERHEAD);
    }
    apic_timer_stop();
    report(name, figure);
}

/* The counting timer, which starts somewhere in the exit that writes its count: that exit's first part is in
 * it. */
static void measure_counting_timer(void)
{
    struct figure figure = figure_empty();
    uint64_t ticks = timer_scale(1000000) * HALT_TICKS / 1000000;

    apic_timer_stop();
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, VECTOR);
    irq_enable();
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t before = entry_count;
        uint64_t start = rdtsc();

        apic_write(APIC_TIMER_INITIAL, HALT_TICKS);
        while (entry_count == before)
            cpu_pause();
        figure_add(&figure, entry_tsc - start > ticks ? entry_tsc - start - ticks : 0);
    }
    irq_disable();
    apic_timer_stop();
    report("timer_counting", figure);
}

/* What the second CPU does; set before it is started. */
static enum { OTHER_SPINS, OTHER_HALTS, OTHER_WATCHES } other_role;
static volatile uint64_t mark;
static volatile uint64_t mark_seen;
static struct figure switch_figure;

/* The first instruction after another CPU's mark, on the same physical CPU. */
static void watch(void)
{
    uint64_t seen = mark;

    for (;;) {
        uint64_t now = rdtsc();
        uint64_t marked = mark;

        if (marked != seen && now > marked) {
            figure_add(&switch_figure, now - marked - SWITCH_OVERHEAD);
            seen = marked;
            mark_seen = marked;
        }
    }
}

void smp_ap_main(void)
{
    if (other_role == OTHER_WATCHES)
        watch();
    irq_enable();
    for (;;) {
        if (other_role == OTHER_SPINS)
            cpu_pause();
        else
            irq_halt();
    }
}

/* An IPI to the other CPU: ICR write to its handler's first instruction. */
static void measure_ipi(const char *name, int role)
{
    struct figure figure = figure_empty();

    other_role = role;
    if (!smp_start())
        return;
    apic_write(APIC_ICR_HIGH, 1u << 24);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t before = entry_count;
        uint64_t start = rdtsc();

        while (rdtsc() - start < SETTLE_TICKS)
            cpu_pause();
        start = rdtsc();
        mmio_put32(APIC_BASE + APIC_ICR_LOW, VECTOR | APIC_ICR_ASSERT);
        while (entry_count == before)
            cpu_pause();
        figure_add(&figure, entry_tsc - start - ENTRY_OVERHEAD);
    }
    report(name, figure);
}

/* Two CPUs of the guest on one of the machine: HLT of one to the next instruction of the other. */
static void measure_switch(void)
{
    other_role = OTHER_WATCHES;
    switch_figure = figure_empty();
    if (!smp_start())
        return;
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, VECTOR);
    for (int round = 0; round < ROUNDS; round++) {
        apic_write(APIC_TIMER_INITIAL, HALT_TICKS);
        mark = rdtsc();
        irq_halt();
        irq_disable();
    }
    apic_timer_stop();
    report("vcpu_switch", switch_figure);
}

/* All other CPUs are started and halt for good: they should cost the first one nothing. */
static void start_crowd(void)
{
    static const uint8_t code[] = {0xFA, 0xF4, 0xEB, 0xFD}; /* CLI; HLT; back to HLT */
    uint64_t start;

    memcpy((void *)(uintptr_t)CROWD_PAGE, code, sizeof(code));
    apic_write(APIC_ICR_LOW, APIC_ICR_OTHERS | APIC_ICR_INIT | APIC_ICR_ASSERT);
    apic_write(APIC_ICR_LOW, APIC_ICR_OTHERS | APIC_ICR_STARTUP | CROWD_PAGE >> 12);
    start = rdtsc();
    while (rdtsc() - start < CROWD_TICKS)
        cpu_pause();
}

static bool has_word(int word_count, char **words, const char *word)
{
    for (int i = 1; i < word_count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

int guest_main(int word_count, char **words)
{
    struct cpuid_regs vendor = cpuid(0, 0);

    hypercall_is_vmmcall = vendor.ebx != 0x756e6547; /* not "Genu" */
    apic_enable();
    report("entry_tsc", (struct figure){boot_tsc, boot_tsc});
    measure_overhead();
    if (has_word(word_count, words, "crowd"))
        start_crowd();
    if (has_word(word_count, words, "smp") || has_word(word_count, words, "switch")) {
        trap_set_gate(VECTOR, (uintptr_t)entry_irq, 0, GATE_INTERRUPT);
        if (has_word(word_count, words, "smp")) {
            measure_ipi("ipi", OTHER_SPINS);
            measure_ipi("ipi_wake", OTHER_HALTS);
        } else {
            measure_switch();
        }
        print("BENCH-END\n");
        return 0;
    }
    measure_exits();
    measure_interrupts();
    measure_second_nmi();
    measure_counting_timer();
    measure_timer("timer", false);
    measure_timer("halt_wakeup", true);
    print("BENCH-END\n");
    return 0;
}
