/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs from one CPU to another, and INIT while the other one's NMIs are masked. One CPU acts at a time, so
 * that the trace has one order.
 */
#include "guests/lib/smp.h"

#include <stddef.h>

#include "guests/lib/cpu.h"
#include "guests/lib/irqchip.h"
#include "guests/scenarios/scenario.h"

#define NMI 2

enum job {
    JOB_SPIN,
    JOB_HALT,
};

static volatile enum job job;
static volatile bool in_handler;
static volatile bool leave_handler;

void smp_ap_main(void)
{
    trace("CPU 1 runs");
    for (;;) {
        if (job == JOB_HALT)
            cpu_halt();
        else
            cpu_pause();
    }
}

static void start(enum job wanted)
{
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

const struct scenario scenarios_smp[] = {
    {"smp-nmi-to-spinning", to_spinning, NULL, false},
    {"smp-nmi-to-halted", to_halted, NULL, false},
    {"smp-nmi-to-masked", to_masked, until_left, false},
    {"smp-init-while-masked", init_while_masked, until_left, false},
    {NULL, NULL, NULL, false},
};
