/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. The record says how many went out and how many the handler saw: NMIs collapse on the way.
 */
#include "core/nmi_storm.h"

#include "core/arch.h"
#include "core/config.h"
#include "core/host_nmi.h"
#include "core/log.h"
#include "core/time.h"
#include "core/timer.h"

#define SENDER        1 /* CPU */
#define SHORTEST_NS   (20 * NS_PER_US)
#define SPREAD_NS     (64 * NS_PER_US)
#define RECORD_EVERY  1000
#define STEP_MULTIPLY 6364136223846793005
#define STEP_ADD      1442695040888963407

static struct timer timer;
static uint64_t sent;
static uint64_t seed;

static void arm(void)
{
    seed = seed * STEP_MULTIPLY + STEP_ADD;
    timer_arm(&timer, time_now_ns() + SHORTEST_NS + (seed >> 32) % SPREAD_NS);
}

static void send(struct timer *unused)
{
    (void)unused;
    if (!arch_cpu_nmi(cpus[0])) {
        log_warn("selftest=nmis: this machine has no NMIs to send");
        return;
    }
    sent++;
    if (sent % RECORD_EVERY == 0)
        log_record("selftest nmis: sent=%lu arrived=%lu", sent, host_nmi_count());
    arm();
}

static const struct timer_ops ops = {.expire = send};

void nmi_storm_start(struct cpu *cpu)
{
    if (!config.selftest_nmis || cpu->id != SENDER)
        return;
    timer_init(&timer, &ops);
    arm();
}
