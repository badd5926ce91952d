/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program for debuggers: calls outer() for ever and uses, each round, the CPU's debug facilities for
 * itself: registers, BRK, breakpoints, watchpoints, single steps at EL1 and of EL0. The first round's trace
 * is printed; each later round must be the same, whatever a debugger does to the guest meanwhile. It ends
 * when a debugger sets `end_now`, or after the rounds on the command line ("rounds=N").
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/guest.h"
#include "lib/bits.h"
#include "lib/printf.h"
#include "lib/string.h"

#define MDSCR_SS      BIT(0)
#define MDSCR_KDE     BIT(13)
#define MDSCR_MDE     BIT(15)
#define PSTATE_SS     BIT(21)
#define PSTATE_D      BIT(9)
#define PSTATE_EL0    FIELD(9, 6)                          /* EL0t, all masked */
#define CONTROL       (BIT(0) | FIELD(2, 1) | FIELD(8, 5)) /* breakpoint at EL1 and EL0 */
#define WATCH_STORE   (BIT(0) | FIELD(2, 1) | BIT(4) | FIELD(12, 5))
#define ROUNDS_TOLD   2000
#define TRACE_MOST    64
#define CLASS(esr)    ((esr) >> 26)
#define CLASS_UNKNOWN 0x00
#define CLASS_SVC     0x15
#define CLASS_BREAK   0x30
#define CLASS_STEP    0x32
#define CLASS_WATCH   0x34
#define CLASS_BRK     0x3c

void step_block(uint64_t value);
void break_block(volatile uint64_t *word);
void el0_block(uint64_t spsr);
void undefined_here(void);
extern const char step_block_start[] __asm__("step_block"), break_here[], el0_break[], el0_back[];

uint64_t inner(uint64_t n);
uint64_t middle(uint64_t n);
uint64_t outer(uint64_t n);

volatile uint64_t end_now, counter, watched;

struct event {
    uint64_t esr, place, ss, far;
};

static struct event first_trace[TRACE_MOST], later_trace[TRACE_MOST];
static struct event *volatile trace = first_trace;
static volatile uint32_t first_count, trace_count;
static uint64_t noticed_count;

static void notice(const char *what, uint64_t value, uint64_t wanted)
{
    print("DEBUGGEE noticed: %s 0x%lx, not 0x%lx\n", what, value, wanted);
    noticed_count++;
}

static void expect(const char *what, uint64_t value, uint64_t wanted)
{
    if (value != wanted)
        notice(what, value, wanted);
}

void trap_irq(struct trap_frame *frame)
{
    trap_unexpected(frame);
}

static void go_on_stepping(struct trap_frame *frame, bool on)
{
    WRITE_SYSREG(mdscr_el1, on ? MDSCR_SS | MDSCR_KDE : 0);
    frame->spsr = on ? (frame->spsr | PSTATE_SS) & ~PSTATE_D : frame->spsr & ~PSTATE_SS;
}

void trap_sync(struct trap_frame *frame)
{
    uint64_t esr = READ_SYSREG(esr_el1);
    uint64_t class = CLASS(esr);

    if (trace_count < TRACE_MOST)
        trace[trace_count++] = (struct event){
            esr, frame->elr - (uint64_t)(uintptr_t)step_block_start, (frame->spsr & PSTATE_SS) != 0,
            (class & ~1ul) == CLASS_WATCH ? READ_SYSREG(far_el1) - (uint64_t)(uintptr_t)&watched : 0};
    switch (class) {
    case CLASS_UNKNOWN:
        frame->elr += 4;
        break;
    case CLASS_BRK:
        frame->elr += 4;
        if ((esr & 0xffff) == 1 || (esr & 0xffff) == 2)
            go_on_stepping(frame, (esr & 0xffff) == 1);
        break;
    case CLASS_STEP: /* of EL0 */
    case CLASS_STEP + 1:
        frame->spsr |= PSTATE_SS;
        break;
    case CLASS_BREAK:
    case CLASS_BREAK + 1:
        WRITE_SYSREG(dbgbcr0_el1, 0);
        break;
    case CLASS_WATCH:
    case CLASS_WATCH + 1:
        WRITE_SYSREG(dbgwcr0_el1, 0);
        break;
    case CLASS_SVC:
        if ((esr & 0xffff) == 4) { /* from EL0 */
            frame->elr = (uint64_t)(uintptr_t)el0_back;
            frame->spsr = PSTATE_D | 5;
            WRITE_SYSREG(mdscr_el1, 0);
        }
        break;
    default:
        trap_unexpected(frame);
    }
}

__attribute__((noinline)) uint64_t inner(uint64_t n)
{
    counter += n;
    return n + 1;
}

__attribute__((noinline)) uint64_t middle(uint64_t n)
{
    return inner(n) + 1;
}

__attribute__((noinline)) uint64_t outer(uint64_t n)
{
    return middle(n) + 1;
}

static void open_debug(bool open)
{
    if (open)
        __asm__ volatile("msr daifclr, #8\n\tisb" ::: "memory");
    else
        __asm__ volatile("msr daifset, #8\n\tisb" ::: "memory");
}

static void check_registers(uint64_t round)
{
    uint64_t address = round % 65536 * 4;

    WRITE_SYSREG(dbgbvr0_el1, address);
    WRITE_SYSREG(dbgwvr1_el1, address + 0x40000000);
    WRITE_SYSREG(dbgwcr1_el1, WATCH_STORE);
    WRITE_SYSREG(mdscr_el1, MDSCR_KDE);
    expect("DBGBVR0", READ_SYSREG(dbgbvr0_el1), address);
    expect("DBGWVR1", READ_SYSREG(dbgwvr1_el1), address + 0x40000000);
    expect("DBGWCR1", READ_SYSREG(dbgwcr1_el1), WATCH_STORE);
    expect("DBGBCR0", READ_SYSREG(dbgbcr0_el1), 0);
    expect("MDSCR", READ_SYSREG(mdscr_el1), MDSCR_KDE);
    WRITE_SYSREG(dbgwcr1_el1, 0);
    WRITE_SYSREG(mdscr_el1, 0);
}

/* Breakpoint and watchpoint at EL1; nothing may come where PSTATE.D or MDSCR_EL1.KDE is against it. */
static void run_into_points(uint64_t mdscr, bool open)
{
    WRITE_SYSREG(dbgbvr0_el1, (uint64_t)(uintptr_t)break_here);
    WRITE_SYSREG(dbgbcr0_el1, CONTROL);
    WRITE_SYSREG(dbgwvr0_el1, (uint64_t)(uintptr_t)&watched);
    WRITE_SYSREG(dbgwcr0_el1, WATCH_STORE);
    WRITE_SYSREG(mdscr_el1, mdscr);
    open_debug(open);
    break_block(&watched);
    open_debug(false);
    WRITE_SYSREG(mdscr_el1, 0);
}

static void step_el0(void)
{
    WRITE_SYSREG(dbgbvr0_el1, (uint64_t)(uintptr_t)el0_break);
    WRITE_SYSREG(dbgbcr0_el1, CONTROL);
    WRITE_SYSREG(mdscr_el1, MDSCR_MDE);
    el0_block(PSTATE_EL0);
    WRITE_SYSREG(mdscr_el1, MDSCR_SS);
    el0_block(PSTATE_EL0 | PSTATE_SS);
}

static void use_facilities(uint64_t round)
{
    trace_count = 0;
    step_block(round % 65536 * 4);
    open_debug(false);
    run_into_points(MDSCR_MDE | MDSCR_KDE, true);
    run_into_points(MDSCR_MDE | MDSCR_KDE, false);
    run_into_points(MDSCR_MDE, true);
    step_el0();
    undefined_here();
}

static void print_trace(void)
{
    for (uint32_t i = 0; i < first_count; i++)
        print("  %u: syndrome 0x%lx at step_block+0x%lx SS %lu far %lu\n", i, first_trace[i].esr,
              first_trace[i].place, first_trace[i].ss, first_trace[i].far);
}

static void compare(void)
{
    expect("number of exceptions", trace_count, first_count);
    for (uint32_t i = 0; i < trace_count && i < first_count; i++) {
        expect("syndrome", trace[i].esr, first_trace[i].esr);
        expect("place", trace[i].place, first_trace[i].place);
        expect("SPSR.SS", trace[i].ss, first_trace[i].ss);
        expect("FAR", trace[i].far, first_trace[i].far);
    }
}

static uint64_t rounds_of(const char *words)
{
    uint64_t rounds = 0;

    if (!str_starts(words, "rounds="))
        return UINT64_MAX;
    for (words += strlen("rounds="); *words >= '0' && *words <= '9'; words++)
        rounds = rounds * 10 + (uint64_t)(*words - '0');
    return rounds;
}

void guest_main(const char *words)
{
    uint64_t rounds = rounds_of(words);

    print("DEBUGGEE inner 0x%lx counter 0x%lx end_now 0x%lx\n", (uint64_t)(uintptr_t)inner,
          (uint64_t)(uintptr_t)&counter, (uint64_t)(uintptr_t)&end_now);
    WRITE_SYSREG(oslar_el1, 0);
    for (uint64_t round = 0; end_now == 0 && round < rounds; round++) {
        uint64_t before = counter;

        expect("result", outer(round), round + 3);
        expect("counter", counter - before, round);
        use_facilities(round);
        check_registers(round);
        if (round == 0) {
            first_count = trace_count;
            trace = later_trace;
            print_trace();
            continue;
        }
        compare();
        if (round % ROUNDS_TOLD == 0)
            print("DEBUGGEE runs, round %lu\n", round);
    }
    print("DEBUGGEE-END noticed %lu\n", noticed_count);
}

_Noreturn void smp_main(void)
{
    guest_exit();
}
