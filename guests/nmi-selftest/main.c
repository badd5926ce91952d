/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMI rules one by one, PASS or FAIL: for whoever has a machine with hardware virtual NMIs, which no emulator
 * offers. Boot it as a guest (nmi=vnmi, then nmi=iret) or directly from a Multiboot loader; it needs a serial
 * port and nothing else. Waits are by time, so NMIs may arrive some instructions late.
 */
#include <stdbool.h>
#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/print.h"
#include "guests/lib/segments.h"
#include "guests/lib/trap.h"
#include "guests/scenarios/code.h"
#include "lib/string.h"

#define DB          1
#define NMI         2
#define BP          3
#define GP          13
#define VECTOR      0x40
#define VECTOR_END  0x80
#define FLAG_TF     BIT(8)
#define FLAG_IF     BIT(9)
#define BEYOND_GDT  0x1f8
#define MANY        1000
#define STORM       200
#define WAIT_TICKS  2000000 /* about a millisecond */
#define LEAF_VENDOR 0
#define LEAF_HV     0x40000000

enum action {
    ACT_NONE,
    ACT_SEND_ONE,
    ACT_SEND_THREE,
    ACT_IRET_INSIDE,
    ACT_EXCEPTION_INSIDE,
    ACT_BAD_IRET,
    ACT_STEP,
    ACT_RESTART_TIMER,
};

struct rule {
    const char *text;
    bool (*holds)(void);
    enum action action; /* what the first NMI's handler does */
};

extern uint64_t mode_saved_rsp;
extern const char mode_return[];
void mode_enter(uint64_t cs, uint64_t ss, uint64_t entry, uint64_t rflags);

static bool interrupts_on; /* word "if1": the NMIs of most rules find RFLAGS.IF set */
static enum action action;
static volatile uint32_t nmi_count;
static volatile uint32_t irq_count;
static volatile uint32_t fault_count;
static volatile uint32_t step_count;
static uint32_t depth;
static uint32_t depth_max;
static uint32_t nmis_when_irq_came;
static uint32_t nmis_inside_fault;
static uint32_t nmis_before_iret;
static uint32_t flags_leaked;
static uint32_t in_shadow;

static void wait(void)
{
    for (uint64_t start = rdtsc(); rdtsc() - start < WAIT_TICKS;)
        cpu_pause();
}

static void on_nmi(struct trap_frame *frame)
{
    if (action == ACT_RESTART_TIMER) {
        in_shadow += frame->rip == (uintptr_t)storm_shadow;
        /* Longer from one to the next: where an exit costs more than the period, the storm must leave room at
         * last. */
        pit_start((uint16_t)(100 + nmi_count / 4 + 7 * nmi_count % 13));
    }
    if (nmi_count != 1)
        return;
    if (action != ACT_NONE && action != ACT_STEP && action != ACT_RESTART_TIMER) {
        apic_self_nmi();
        wait();
    }
    if (action == ACT_SEND_THREE) {
        apic_self_nmi();
        apic_self_nmi();
        wait();
    }
    nmis_before_iret = nmi_count;
    if (action == ACT_IRET_INSIDE)
        code_iret_here();
    if (action == ACT_EXCEPTION_INSIDE)
        code_breakpoint();
    if (action == ACT_IRET_INSIDE || action == ACT_EXCEPTION_INSIDE)
        wait();
    if (action == ACT_BAD_IRET)
        frame->cs = BEYOND_GDT;
    if (action == ACT_STEP)
        frame->rflags |= FLAG_TF;
}

static void on_fault(struct trap_frame *frame)
{
    uint32_t before = nmi_count;

    fault_count++;
    wait();
    nmis_inside_fault += nmi_count - before;
    ((uint64_t *)frame->rsp)[1] = SEL_CODE64;
}

void trap_handle(struct trap_frame *frame)
{
    flags_leaked += (read_rflags() & FLAG_TF) != 0;
    switch (frame->vector) {
    case NMI:
        nmi_count++;
        depth++;
        depth_max = depth > depth_max ? depth : depth_max;
        on_nmi(frame);
        depth--;
        break;
    case VECTOR:
        irq_count++;
        nmis_when_irq_came = nmi_count;
        apic_eoi();
        break;
    case DB:
        step_count++;
        frame->rflags &= ~FLAG_TF;
        break;
    case BP:
        break;
    case GP:
        if (action != ACT_BAD_IRET)
            trap_unexpected(frame);
        on_fault(frame);
        break;
    case VECTOR_END:
        *frame = (struct trap_frame){
            .rip = (uintptr_t)mode_return,
            .cs = SEL_CODE64,
            .rflags = BIT(1),
            .rsp = mode_saved_rsp,
            .ss = SEL_DATA,
        };
        break;
    default:
        trap_unexpected(frame);
    }
}

static void send(void)
{
    apic_self_nmi();
    wait();
}

static bool delivered_if0(void)
{
    irq_disable();
    send();
    return nmi_count == 1;
}

static bool masked_inside(void)
{
    send();
    return nmis_before_iret == 1 && depth_max == 1;
}

static bool second_after_iret(void)
{
    send();
    return nmi_count == 2 && depth_max == 1;
}

static bool opened_inside(void)
{
    send();
    return nmis_before_iret == 1 && nmi_count == 2 && depth_max == 2;
}

static bool kept_by_bad_iret(void)
{
    send();
    return fault_count == 1 && nmis_inside_fault == 0 && nmi_count == 2;
}

static void timer_nmi(uint16_t ticks)
{
    ioapic_write(IOAPIC_REG_ENTRY + 5, apic_read(APIC_ID));
    ioapic_write(IOAPIC_REG_ENTRY + 4, APIC_ICR_NMI);
    ioapic_write(IOAPIC_REG_ENTRY + 1, apic_read(APIC_ID));
    ioapic_write(IOAPIC_REG_ENTRY, APIC_ICR_NMI);
    pit_start(ticks);
}

static void timer_off(void)
{
    ioapic_mask(0);
    ioapic_mask(2);
}

static bool wakes_halt(void)
{
    irq_disable();
    timer_nmi(50000);
    code_halt();
    timer_off();
    return nmi_count == 1;
}

static bool before_irq(void)
{
    irq_disable();
    apic_self_irq(VECTOR);
    code_nmi_in_sti_shadow();
    irq_enable();
    wait();
    irq_disable();
    return nmi_count == 1 && irq_count == 1 && nmis_when_irq_came == 1;
}

static bool despite_tpr(void)
{
    write_cr8(15);
    irq_enable();
    apic_self_irq(VECTOR);
    send();
    bool right = nmi_count == 1 && irq_count == 0;
    write_cr8(0);
    wait();
    irq_disable();
    return right && irq_count == 1;
}

static bool not_behind_movss(void)
{
    timer_nmi(100);
    code_movss_storm(&nmi_count, STORM);
    timer_off();
    return nmi_count >= STORM && in_shadow == 0;
}

static bool flags_clean(void)
{
    uint64_t pushed = code_pushf_after_nmi();

    return (pushed & (FLAG_TF | BIT(16))) == 0 && nmi_count == 2 && flags_leaked == 0;
}

static bool step_of_the_guest(void)
{
    code_step_after_nmi();
    return step_count == 1 && nmi_count == 1 && flags_leaked == 0;
}

static bool in_mode(uint64_t cs, uint64_t ss, uint64_t entry)
{
    trap_reset_gate(VECTOR_END, 0, GATE_INTERRUPT_USER);
    mode_enter(cs, ss, entry, interrupts_on ? BIT(1) | FLAG_IF : BIT(1));
    wait();
    return nmi_count == 2 && depth_max == 1;
}

static bool into_user(void)
{
    return in_mode(SEL_USER_CODE64, SEL_USER_DATA, (uintptr_t)code_user64);
}

static bool into_compat(void)
{
    return in_mode(SEL_CODE32, SEL_DATA, (uintptr_t)code_compat);
}

static bool none_lost(void)
{
    for (uint32_t i = 1; i <= MANY; i++) {
        apic_self_nmi();
        for (uint64_t start = rdtsc(); nmi_count < i && rdtsc() - start < WAIT_TICKS;)
            cpu_pause();
    }
    return nmi_count == MANY;
}

static const struct rule rules[] = {
    {"an NMI does not wait for IF", delivered_if0, ACT_NONE},
    {"the handler masks further NMIs", masked_inside, ACT_SEND_ONE},
    {"one waiting NMI comes after IRET", second_after_iret, ACT_SEND_ONE},
    {"three waiting NMIs are one", second_after_iret, ACT_SEND_THREE},
    {"an IRET inside the handler opens NMIs", opened_inside, ACT_IRET_INSIDE},
    {"an exception's IRET inside the handler opens NMIs", opened_inside, ACT_EXCEPTION_INSIDE},
    {"an IRET that faults leaves NMIs masked (AMD)", kept_by_bad_iret, ACT_BAD_IRET},
    {"an NMI ends HLT with IF=0", wakes_halt, ACT_NONE},
    {"an NMI comes before an interrupt", before_irq, ACT_NONE},
    {"task priority does not hold NMIs", despite_tpr, ACT_NONE},
    {"no NMI right behind MOV SS", not_behind_movss, ACT_RESTART_TIMER},
    {"no trap or resume flag leaks into pushed flags", flags_clean, ACT_SEND_ONE},
    {"a single step across the handler's IRET traps once", step_of_the_guest, ACT_STEP},
    {"IRET to user mode opens NMIs", into_user, ACT_SEND_ONE},
    {"IRET to compatibility mode opens NMIs", into_compat, ACT_SEND_ONE},
    {"a thousand NMIs, none lost", none_lost, ACT_NONE},
};

static bool check(const struct rule *rule)
{
    bool holds;

    action = rule->action;
    nmi_count = irq_count = fault_count = step_count = 0;
    depth = depth_max = nmis_when_irq_came = nmis_inside_fault = nmis_before_iret = flags_leaked = in_shadow =
        0;
    apic_enable();
    trap_init();
    if (interrupts_on)
        irq_enable();
    holds = rule->holds();
    /* The end of the last handler, where a CPU without virtual NMIs cannot see it otherwise. */
    irq_enable();
    cpu_pause();
    irq_disable();
    return holds;
}

static void print_name(uint32_t leaf)
{
    struct cpuid_regs r = cpuid(leaf, 0);
    char name[13] = {0};
    uint32_t words[3] = {r.ebx, leaf == LEAF_VENDOR ? r.edx : r.ecx, leaf == LEAF_VENDOR ? r.ecx : r.edx};

    for (unsigned int i = 0; i < 12; i++)
        name[i] = (char)(words[i / 4] >> (8 * (i % 4)));
    print(" %s", name);
}

int guest_main(int word_count, char **words)
{
    unsigned int failures = 0;

    interrupts_on = word_count > 1 && strcmp(words[1], "if1") == 0;
    print("NMI self-test on");
    print_name(LEAF_VENDOR);
    if ((cpuid(1, 0).ecx & BIT(31)) != 0)
        print_name(LEAF_HV);
    print("\n");
    for (unsigned int i = 0; i < ARRAY_COUNT(rules); i++) {
        bool good = check(&rules[i]);

        failures += !good;
        print("%s %2u %s", good ? "PASS" : "FAIL", i + 1, rules[i].text);
        if (!good)
            print(" (NMIs %u, IRQs %u, faults %u, steps %u, depth %u)", nmi_count, irq_count, fault_count,
                  step_count, depth_max);
        print("\n");
    }
    print("SELFTEST-END %u of %u rules hold\n", (unsigned int)ARRAY_COUNT(rules) - failures,
          (unsigned int)ARRAY_COUNT(rules));
    return failures == 0 ? 0 : 1;
}
