/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. Memory that no image covers outlives a reset: a word there tells the second life from the
 * first.
 */
#include "guests/hostile/storm.h"

#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/pages.h"
#include "guests/lib/print.h"

#define STORM_VECTOR 0x50
#define PERIODIC     0x20000

#define PIT_CHANNEL0 0x40
#define PIT_COMMAND  0x43
#define PIT_RATE     0x34

#define PORT_RESET   0xCF9
#define PORT_UNUSED  0x5555
#define MSR_TSC_AUX  0xC0000103
#define MSR_STAR     0xC0000081
#define MSR_KGS_BASE 0xC0000102
#define CR4_OSFXSR   BIT(9)
#define CR4_OSXSAVE  BIT(18)
#define X87_POWER_ON 0x40
#define SECOND_LIFE  ((volatile uint64_t *)(uintptr_t)0x3000000)
#define REMEMBER     UINT64_C(0x6c6966652074776f)
#define PATTERN      UINT64_C(0x123456789)

extern uint64_t page_pdpt[512];

volatile bool storming;

void storm_spin(void)
{
    irq_disable();
    for (;;)
        __asm__ volatile("");
}

void storm_timers(void)
{
    storming = true;
    apic_enable();
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, PERIODIC | STORM_VECTOR);
    apic_write(APIC_TIMER_INITIAL, 1);
    ioapic_route(2, STORM_VECTOR + 1);
    out8(PIT_COMMAND, PIT_RATE);
    out8(PIT_CHANNEL0, 2);
    out8(PIT_CHANNEL0, 0);
    irq_enable();
    for (;;)
        cpu_pause();
}

void storm_irqs(void)
{
    storming = true;
    apic_enable();
    irq_enable();
    for (;;)
        apic_self_irq(STORM_VECTOR);
}

void storm_nmis(void)
{
    storming = true;
    apic_enable();
    irq_disable();
    for (;;)
        apic_self_nmi();
}

void storm_exits(void)
{
    irq_disable();
    for (;;) {
        cpuid(0xd, 0);
        out8(PORT_UNUSED, 0);
        apic_write(APIC_TPR, 0);
        write_cr0(read_cr0());
    }
}

static uint64_t read_dr0(void)
{
    uint64_t value;

    __asm__ volatile("movq %%dr0, %0" : "=r"(value));
    return value;
}

static void write_dr0(uint64_t value)
{
    __asm__ volatile("movq %0, %%dr0" ::"r"(value));
}

static uint64_t xgetbv0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static unsigned int differs(const char *what, uint64_t got, uint64_t want)
{
    if (got == want)
        return 0;
    print("WRONG %s after a reset: 0x%lx, should be 0x%lx\n", what, got, want);
    return 1;
}

static bool has(uint32_t leaf, bool in_ecx, unsigned int bit)
{
    struct cpuid_regs r = cpuid(leaf, 0);

    return (((in_ecx ? r.ecx : r.edx) >> bit) & 1) != 0;
}

static unsigned int check_all(void)
{
    uint16_t x87;
    uint64_t xmm;
    unsigned int wrong = differs("DR0", read_dr0(), 0);

    wrong += differs("OSXSAVE in CPUID", has(1, true, 27), 0);
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    wrong += differs("x87 control word", x87, X87_POWER_ON);
    write_cr4(read_cr4() | CR4_OSFXSR);
    __asm__ volatile("movq %%xmm0, %0" : "=r"(xmm));
    wrong += differs("XMM0", xmm, 0);
    wrong += differs("KERNEL_GS_BASE", rdmsr(MSR_KGS_BASE), 0);
    wrong += differs("STAR", rdmsr(MSR_STAR), 0);
    if (has(0x80000001, false, 27))
        wrong += differs("TSC_AUX", rdmsr(MSR_TSC_AUX), 0);
    if (has(1, true, 26)) {
        write_cr4(read_cr4() | CR4_OSXSAVE);
        wrong += differs("XCR0", xgetbv0(), 1);
    }
    return wrong;
}

static void spoil_all(void)
{
    const uint16_t x87 = 0x37f;

    write_dr0(PATTERN);
    __asm__ volatile("fldcw %0" ::"m"(x87));
    write_cr4(read_cr4() | CR4_OSFXSR);
    __asm__ volatile("movq %0, %%xmm0" ::"r"(PATTERN));
    wrmsr(MSR_KGS_BASE, PATTERN);
    wrmsr(MSR_STAR, PATTERN << 32);
    if (has(0x80000001, false, 27))
        wrmsr(MSR_TSC_AUX, 0x1234);
    if (has(1, true, 26)) {
        write_cr4(read_cr4() | CR4_OSXSAVE);
        __asm__ volatile("xsetbv" ::"a"(3), "d"(0), "c"(0));
    }
}

unsigned int reset_state(void)
{
    if (*SECOND_LIFE == REMEMBER) {
        *SECOND_LIFE = 0;
        return check_all();
    }
    *SECOND_LIFE = REMEMBER;
    spoil_all();
    out8(PORT_RESET, 0x06);
    for (;;)
        cpu_halt();
}

void zero_unmap(void)
{
    static uint64_t directory[512] __attribute__((aligned(4096)));
    static uint64_t table[512] __attribute__((aligned(4096)));

    for (uint64_t i = 1; i < ARRAY_COUNT(table); i++) {
        directory[i] = i << 21 | PTE_RW | PTE_LARGE;
        table[i] = i << 12 | PTE_RW;
    }
    directory[0] = (uintptr_t)table | PTE_RW;
    page_pdpt[0] = (uintptr_t)directory | PTE_RW;
    write_cr3(read_cr3());
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    for (; *text != '\0'; text++)
        value = value << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    return value;
}

void break_host(int count, char **addresses)
{
    uint64_t at[4] = {0};

    for (int i = 0; i < count && i < 4; i++)
        at[i] = number(addresses[i]);
    write_dr0(at[0]);
    __asm__ volatile("movq %0, %%dr1" ::"r"(at[1]));
    __asm__ volatile("movq %0, %%dr2" ::"r"(at[2]));
    __asm__ volatile("movq %0, %%dr3" ::"r"(at[3]));
    /* Instructions at the first two; reads and writes of eight bytes at the others. */
    __asm__ volatile("movq %0, %%dr7" ::"r"(UINT64_C(0xbb0002ff)));
    for (unsigned int i = 0; i < 1000; i++) {
        cpuid(0, 0);
        out8(PORT_UNUSED, 0);
        apic_write(APIC_TPR, 0);
    }
    __asm__ volatile("movq %0, %%dr7" ::"r"(UINT64_C(0x400)));
}
