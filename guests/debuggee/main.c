/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program for debuggers: calls outer() for ever and looks, each round, for traces that a debugger would
 * leave if it were not hidden: debug registers, the trap flag, #DB and #BP that it has not asked for. It
 * steps itself and runs into an INT3 of its own, which must go on working. Whoever debugs it sets `end_now`.
 * Where the CPU has AVX it leaves a pattern in YMM0.
 */
#include <stdint.h>

#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/print.h"
#include "guests/lib/trap.h"

#define DR6_NOTHING UINT64_C(0xffff0ff0)
#define DR6_BS      BIT(14)
#define DR7_OWN     (BIT(10) | BIT(0)) /* breakpoint 0, on an instruction that is never reached */
#define RFLAGS_TF   BIT(8)
#define VECTOR_DB   1
#define VECTOR_BP   3
#define OWN_STEPS   3
#define ROUNDS_TOLD 20000
#define CR4_OSXSAVE BIT(18)
#define XCR0_AVX    7                   /* x87, SSE, AVX */
#define CPUID_1_AVX (BIT(28) | BIT(26)) /* ECX: AVX, XSAVE */

#define DR_ACCESSORS(n)                                                  \
    static inline uint64_t read_dr##n(void)                              \
    {                                                                    \
        uint64_t value;                                                  \
                                                                         \
        __asm__ volatile("movq %%dr" #n ", %0" : "=r"(value)::"memory"); \
        return value;                                                    \
    }                                                                    \
    static inline void write_dr##n(uint64_t value)                       \
    {                                                                    \
        __asm__ volatile("movq %0, %%dr" #n ::"r"(value) : "memory");    \
    }
DR_ACCESSORS(0)
DR_ACCESSORS(3)
DR_ACCESSORS(6)
DR_ACCESSORS(7)

uint64_t inner(uint64_t n);
uint64_t middle(uint64_t n);
uint64_t outer(uint64_t n);

volatile uint64_t end_now;
volatile uint64_t counter;

static volatile uint64_t step_count, break_count, step_left;
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

void trap_handle(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_BP) {
        break_count++;
    } else if (frame->vector == VECTOR_DB) {
        expect("DR6 of an own step", read_dr6(), DR6_NOTHING | DR6_BS);
        write_dr6(DR6_NOTHING);
        step_count++;
        if (step_left == 0)
            notice("a #DB at", frame->rip, 0);
        else if (--step_left == 0)
            frame->rflags &= ~RFLAGS_TF;
    } else {
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

static void check_own_registers(uint64_t round)
{
    write_dr0(0x7fff0000);
    write_dr3(round);
    write_dr7(DR7_OWN);
    (void)cpuid(0, 0); /* an exit in between */
    expect("DR0", read_dr0(), 0x7fff0000);
    expect("DR3", read_dr3(), round);
    expect("DR6", read_dr6(), DR6_NOTHING);
    expect("DR7", read_dr7(), DR7_OWN);
    expect("TF", read_rflags() & RFLAGS_TF, 0);
}

static void check_own_traps(void)
{
    uint64_t steps = step_count;
    uint64_t breaks = break_count;

    step_left = OWN_STEPS;
    write_rflags(read_rflags() | RFLAGS_TF);
    __asm__ volatile("nop; nop; nop; nop");
    expect("own steps", step_count - steps, OWN_STEPS);
    __asm__ volatile("int3" ::: "memory");
    expect("own INT3s", break_count - breaks, 1);
}

static void fill_vector_register(void)
{
    static const uint64_t pattern[4] = {0x1111, 0x2222, 0x3333, 0x4444};

    if ((cpuid(1, 0).ecx & CPUID_1_AVX) != CPUID_1_AVX)
        return;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    __asm__ volatile("xsetbv" ::"c"(0), "a"(XCR0_AVX), "d"(0));
    __asm__ volatile("vmovdqu %0, %%ymm0" ::"m"(pattern));
}

int guest_main(int word_count, char **words)
{
    (void)word_count;
    (void)words;
    write_dr6(DR6_NOTHING);
    fill_vector_register();
    for (uint64_t round = 0; end_now == 0; round++) {
        uint64_t before = counter;

        expect("result", outer(round), round + 3);
        expect("counter", counter - before, round);
        check_own_registers(round);
        check_own_traps();
        if (round % ROUNDS_TOLD == 0)
            print("DEBUGGEE runs, round %lu\n", round);
    }
    print("DEBUGGEE-END noticed %lu\n", noticed_count);
    return 0;
}
