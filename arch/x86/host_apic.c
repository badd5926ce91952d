/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local APIC of a host CPU. The mode is chosen once and is the same on all CPUs. The timer either compares
 * with the TSC or counts down; a deadline farther off than the counter reaches goes off early, and core sets
 * the timer again.
 */
#include "arch/x86/host_apic.h"

#include "arch/x86/cpu.h"
#include "arch/x86/host_map.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/traps.h"
#include "arch/x86/tsc.h"
#include "core/arch.h"
#include "lib/error.h"
#include "lib/mmio.h"

/* Register offsets in the page; the x2APIC's MSRs are these divided by 16. */
enum apic_register {
    APIC_ID = 0x20,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_SVR = 0xf0,
    APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

#define APIC_ID_XAPIC     FIELD(31, 24)
#define APIC_SVR_ENABLE   BIT(8)
#define APIC_LVT_MASKED   BIT(16)
#define APIC_LVT_NMI      (4 << 8)
#define APIC_LVT_DEADLINE (2 << 17)
#define APIC_DIVIDE_BY_1  0xb
#define APIC_ICR_NMI      (4 << 8)
#define APIC_ICR_INIT     (5 << 8)
#define APIC_ICR_STARTUP  (6 << 8)
#define APIC_ICR_PENDING  BIT(12)
#define APIC_ICR_ASSERT   BIT(14)
#define APIC_ICR_OTHERS   (3 << 18)
#define APIC_ICR_TRIES    1000000

#define CPUID_1_EDX_APIC     BIT(9)
#define CPUID_1_ECX_X2APIC   BIT(21)
#define CPUID_1_ECX_DEADLINE BIT(24)

#define MIN_COUNT 16 /* a shorter wait is not worth less than this */

uint64_t host_apic_page;
static bool x2apic;
static uint64_t timer_per_ns; /* 32.32; 0: TSC-deadline mode */
static uint64_t timer_longest_ns;

static uint32_t apic_read(enum apic_register reg)
{
    return x2apic ? (uint32_t)insn_rdmsr(MSR_X2APIC + reg / 16) : mmio_read32(host_apic_page + reg);
}

/* For the ways of interrupts and timers, where a call would cost more than the write. */
static inline __attribute__((always_inline)) void apic_write_inline(enum apic_register reg, uint32_t value)
{
    if (x2apic)
        insn_wrmsr(MSR_X2APIC + reg / 16, value);
    else
        mmio_write32(host_apic_page + reg, value);
}

static __attribute__((noinline)) void apic_write(enum apic_register reg, uint32_t value)
{
    apic_write_inline(reg, value);
}

static void mode_enter(void)
{
    if (x2apic)
        insn_wrmsr(MSR_APIC_BASE, insn_rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

int host_apic_init(void)
{
    struct insn_cpuid cpuid = insn_cpuid(1, 0);
    uint64_t base;

    if ((cpuid.edx & CPUID_1_EDX_APIC) == 0)
        return E_NOTSUP;
    base = insn_rdmsr(MSR_APIC_BASE);
    if ((base & APIC_BASE_ENABLE) == 0)
        return E_NOTSUP; /* on some CPUs it cannot be turned on again */
    x2apic = (cpuid.ecx & CPUID_1_ECX_X2APIC) != 0;
    host_apic_page = x2apic ? 0 : base & APIC_BASE_ADDRESS;
    mode_enter();
    return x2apic ? 0 : host_map_set(hpa(host_apic_page), PAGE_SIZE, HOST_MAP_DEVICE);
}

void host_apic_enable(uint32_t nmi_pins)
{
    mode_enter();
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT0, (nmi_pins & BIT(0)) != 0 ? APIC_LVT_NMI : APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, (nmi_pins & BIT(1)) != 0 ? APIC_LVT_NMI : APIC_LVT_MASKED);
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_SVR, (uint32_t)APIC_SVR_ENABLE | HOST_VECTOR_SPURIOUS);
}

bool host_apic_is_x2apic(void)
{
    return x2apic;
}

uint32_t host_apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);

    return x2apic ? id : (uint32_t)field_get(id, APIC_ID_XAPIC);
}

void host_apic_eoi(void)
{
    apic_write_inline(APIC_EOI, 0);
}

static inline __attribute__((always_inline)) void icr_wait(void)
{
    uint32_t tries = APIC_ICR_TRIES;

    while ((mmio_read32(host_apic_page + APIC_ICR) & APIC_ICR_PENDING) != 0 && --tries != 0)
        arch_cpu_relax();
}

/*
 * The ICR. Interrupts are off in all callers; an NMI handler may come between the two halves of the xAPIC's
 * write, and sends to all others only: then the upper half means nothing and stays as it was.
 */
static void icr_send(uint32_t apic_id, uint32_t command)
{
    if (x2apic) {
        insn_mfence(); /* the MSR write is not ordered behind earlier stores */
        insn_lfence();
        insn_wrmsr(MSR_X2APIC + APIC_ICR / 16, (uint64_t)apic_id << 32 | command);
        return;
    }
    icr_wait();
    mmio_write32(host_apic_page + APIC_ICR_HIGH, (uint32_t)field_make(apic_id, APIC_ID_XAPIC));
    mmio_write32(host_apic_page + APIC_ICR, command);
}

void host_apic_send(uint32_t apic_id, uint8_t vector)
{
    icr_send(apic_id, (uint32_t)APIC_ICR_ASSERT | vector);
}

void host_apic_send_nmi(uint32_t apic_id)
{
    icr_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_ICR_NMI);
}

void host_apic_send_nmi_others(void)
{
    const uint32_t command = (uint32_t)APIC_ICR_ASSERT | APIC_ICR_NMI | APIC_ICR_OTHERS;

    if (x2apic) {
        icr_send(0, command);
        return;
    }
    icr_wait();
    mmio_write32(host_apic_page + APIC_ICR, command);
}

void host_apic_send_init(uint32_t apic_id)
{
    icr_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_ICR_INIT);
}

void host_apic_send_startup(uint32_t apic_id, uint8_t start_page)
{
    icr_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_ICR_STARTUP | start_page);
}

void host_apic_timer_count_from(uint32_t count)
{
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_TIMER_INITIAL, count);
}

uint32_t host_apic_timer_left(void)
{
    return apic_read(APIC_TIMER_CURRENT);
}

bool host_apic_has_deadline(void)
{
    return (insn_cpuid(1, 0).ecx & CPUID_1_ECX_DEADLINE) != 0;
}

void host_apic_timer_setup(uint64_t ticks_per_second)
{
    timer_per_ns = mul_div_u64(ticks_per_second, BIT(32), NS_PER_SEC);
    if (ticks_per_second != 0)
        timer_longest_ns = mul_div_u64(UINT32_MAX, NS_PER_SEC, ticks_per_second);
    apic_write(APIC_TIMER_INITIAL, 0);
    apic_write(APIC_LVT_TIMER, HOST_VECTOR_TIMER | (ticks_per_second == 0 ? APIC_LVT_DEADLINE : 0));
    if (ticks_per_second == 0)
        insn_mfence(); /* the mode change comes before the first deadline write (Intel SDM, "TSC-Deadline
                          Mode") */
}

/* Ticks of the countdown until the deadline, within what the counter holds. */
static uint32_t countdown_to(uint64_t deadline_ns)
{
    uint64_t now = time_now_ns();
    uint64_t ns = deadline_ns <= now ? 0 : deadline_ns - now;
    uint64_t ticks;

    if (ns >= timer_longest_ns)
        return UINT32_MAX;
    ticks = (uint64_t)((unsigned __int128)ns * timer_per_ns >> 32) + 1; /* rarely early by rounding */
    return (uint32_t)max_u64(ticks, MIN_COUNT);
}

void arch_timer_program(uint64_t deadline_ns)
{
    if (timer_per_ns == 0)
        insn_wrmsr(MSR_TSC_DEADLINE, deadline_ns == UINT64_MAX ? 0 : tsc_from_time(deadline_ns));
    else
        apic_write_inline(APIC_TIMER_INITIAL, countdown_to(deadline_ns));
}

void arch_cpu_idle(struct cpu *cpu)
{
    if (atomic_load_explicit(&cpu->attention, memory_order_acquire) == 0)
        insn_sti_hlt_cli();
    else
        insn_sti_nop_cli();
}

bool arch_cpu_nmi(struct cpu *cpu)
{
    host_apic_send_nmi(cpu->hardware_id);
    return true;
}

void arch_cpu_kick(struct cpu *cpu)
{
    host_apic_send(cpu->hardware_id, HOST_VECTOR_KICK);
}

void arch_cpu_poke(struct cpu *cpu)
{
    host_apic_send(cpu->hardware_id, HOST_VECTOR_POKE);
}
