/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs from one CPU to another, and INIT while the other one's NMIs are masked. One CPU acts at a time, so
 * that the trace has one order. And what each sees after the other: its TSC, its breakpoints' registers.
 */
#include "guests/lib/smp.h"

#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/scenarios/quad.h"
#include "guests/scenarios/scenario.h"

#define NMI 2

enum job {
    JOB_SPIN,
    JOB_HALT,
    JOB_CLOCK,
    JOB_BREAKPOINTS,
};

#define CLOCK_ROUNDS       1000
#define CLOCK_ROUNDS_LEAST 20
#define CLOCK_TICKS        UINT64_C(100000000) /* of the TSC: where the two share a CPU, each turn takes a slice */

#define BREAKPOINT_ROUNDS 10 /* the last ones leave none */

static volatile enum job job;
static volatile bool in_handler;
static volatile bool leave_handler;
static volatile unsigned int whose_turn; /* even: CPU 0's */
static volatile uint64_t clock_last;
static volatile unsigned int clock_backwards;
static volatile bool clock_over;
static volatile unsigned int breakpoints_wrong;

/* Reads the TSC in turns with the other CPU: none may find it behind what the other has read. */
static void clock_rounds(unsigned int cpu)
{
    uint64_t began = rdtsc();

    for (unsigned int turn = cpu; turn < CLOCK_ROUNDS && !clock_over; turn += 2) {
        uint64_t now;

        while (whose_turn != turn)
            cpu_pause();
        now = rdtsc();
        clock_backwards += now < clock_last;
        clock_last = now;
        if (cpu == 0 && turn >= CLOCK_ROUNDS_LEAST && now - began > CLOCK_TICKS)
            clock_over = true;
        whose_turn = turn + 1;
    }
}

/* Breakpoints that are not in force, in turns with the other CPU: each finds its own, also if it has none. */
static void breakpoint_rounds(unsigned int cpu)
{
    uint64_t mine = 0;

    for (unsigned int turn = cpu; turn < BREAKPOINT_ROUNDS; turn += 2) {
        uint64_t dr0, dr3;

        while (whose_turn != turn)
            cpu_pause();
        __asm__ volatile("movq %%dr0, %0\n\tmovq %%dr3, %1" : "=r"(dr0), "=r"(dr3));
        breakpoints_wrong += dr0 != mine || dr3 != 2 * mine;
        mine = turn / 2 % 3 == 1 ? 0 : (uint64_t)(cpu + 1) << 32 | turn;
        __asm__ volatile("movq %0, %%dr0\n\tmovq %1, %%dr3" ::"r"(mine), "r"(2 * mine));
        whose_turn = turn + 1;
    }
}

void smp_ap_main(void)
{
    if (quad_active)
        quad_main();
    trace("CPU 1 runs");
    if (job == JOB_CLOCK)
        clock_rounds(1);
    if (job == JOB_BREAKPOINTS)
        breakpoint_rounds(1);
    for (;;) {
        if (job == JOB_HALT)
            cpu_halt();
        else
            cpu_pause();
    }
}

static void start(enum job wanted)
{
    quad_active = false;
    job = wanted;
    in_handler = leave_handler = false;
    if (!smp_start())
        trace("no second CPU");
    wait_a_little();
}

static void send(unsigned int count)
{
    smp_send(APIC_ICR_NMI);
    wait_for(NMI, count);
    wait_a_little();
}

static void to_spinning(void)
{
    start(JOB_SPIN);
    send(1);
    send(2);
}

static void to_halted(void)
{
    start(JOB_HALT);
    send(1);
    send(2);
}

static void until_left(struct trap_frame *frame, unsigned int count)
{
    (void)frame;
    in_handler = true;
    while (count == 1 && !leave_handler)
        cpu_pause();
}

/* Three arrive while the handler runs: one is kept. */
static void to_masked(void)
{
    start(JOB_SPIN);
    smp_send(APIC_ICR_NMI);
    while (!in_handler)
        cpu_pause();
    for (int i = 0; i < 3; i++)
        smp_send(APIC_ICR_NMI);
    wait_a_little();
    leave_handler = true;
    wait_for(NMI, 2);
    wait_a_little();
}

/* INIT in the middle of the handler: the CPU starts afresh, with NMIs open. */
static void init_while_masked(void)
{
    start(JOB_SPIN);
    smp_send(APIC_ICR_NMI);
    while (!in_handler)
        cpu_pause();
    trace_restart();
    start(JOB_SPIN);
    send(2);
}

static void clocks_in_step(void)
{
    whose_turn = clock_backwards = 0;
    clock_over = false;
    clock_last = 0;
    start(JOB_CLOCK);
    clock_rounds(0);
    trace(clock_backwards == 0 ? "no TSC behind the other's" : "a TSC went backwards");
}

static void breakpoints_apart(void)
{
    whose_turn = breakpoints_wrong = 0;
    start(JOB_BREAKPOINTS);
    breakpoint_rounds(0);
    while (whose_turn != BREAKPOINT_ROUNDS)
        cpu_pause();
    trace(breakpoints_wrong == 0 ? "each has its own" : "breakpoints of the other");
}

const struct scenario scenarios_smp[] = {
    {"smp-nmi-to-spinning", to_spinning, NULL, false},
    {"smp-nmi-to-halted", to_halted, NULL, false},
    {"smp-nmi-to-masked", to_masked, until_left, false},
    {"smp-init-while-masked", init_while_masked, until_left, false},
    {"smp-clocks-in-step", clocks_in_step, NULL, false},
    {"smp-breakpoints-apart", breakpoints_apart, NULL, false},
    {NULL, NULL, NULL, false},
};
