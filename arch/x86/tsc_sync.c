/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One question at a time, and one secondary CPU at a time. What the other CPU's TSC was lies, by the
 * leader's, between asking and having the answer; each round narrows how far apart the two may be. Zero
 * possible: in step, there is nothing to prove otherwise. Else the middle of what is possible is taken off.
 */
#include "arch/x86/tsc_sync.h"

#include <stdatomic.h>

#include "arch/x86/cpu_features.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "core/arch.h"
#include "core/config.h"
#include "core/time.h"
#include "lib/error.h"

#define ROUNDS 16
#define CORRECTIONS \
    10 /* a write of the TSC itself is late by what it takes; rounds differ in how well they tell */
#define ANSWER_WAIT_NS       (500 * NS_PER_MS)
#define CPUID_7_EBX_ADJUST   BIT(1)
#define SELFTEST_AHEAD_TICKS UINT64_C(5000000000)

enum question {
    ASK_NOTHING, /* answered */
    ASK_TIME,
    ASK_MOVE,
    ASK_END,
};

static _Atomic uint32_t question;
static uint64_t word; /* of the question, then of its answer; handed over by `question` */

static uint64_t tsc_now(void)
{
    uint64_t now;

    insn_lfence(); /* neither before what came earlier, nor after what comes */
    now = insn_rdtsc();
    insn_lfence();
    return now;
}

static int ask(enum question what, uint64_t *value)
{
    uint64_t since = time_now_ns();

    word = *value;
    atomic_store_explicit(&question, what, memory_order_release);
    while (atomic_load_explicit(&question, memory_order_acquire) != ASK_NOTHING) {
        if (time_now_ns() - since > ANSWER_WAIT_NS) {
            atomic_store_explicit(&question, ASK_NOTHING, memory_order_relaxed);
            return E_TIMEOUT;
        }
        arch_cpu_relax();
    }
    *value = word;
    return 0;
}

/* By how much it is ahead: 0 if that is possible. */
static int measure(int64_t *ahead)
{
    int64_t least = INT64_MIN;
    int64_t most = INT64_MAX;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t before = tsc_now();
        uint64_t there = 0;
        int64_t from, to;

        if (ask(ASK_TIME, &there) != 0)
            return E_TIMEOUT;
        from = (int64_t)(there - tsc_now());
        to = (int64_t)(there - before);
        least = from > least ? from : least;
        most = to < most ? to : most;
    }
    *ahead = least > 0 || most < 0 ? least + (most - least) / 2 : 0;
    return 0;
}

int tsc_sync_lead(int64_t *ahead)
{
    int64_t off;
    uint64_t by = 0;
    int error = measure(&off);

    *ahead = off;
    for (uint32_t i = 0; i < CORRECTIONS && error == 0 && off != 0; i++) {
        by = (uint64_t)-off;
        error = ask(ASK_MOVE, &by);
        if (error == 0)
            error = measure(&off);
    }
    if (error == 0)
        error = ask(ASK_END, &by);
    return error == 0 && off != 0 ? E_NOTSUP : error;
}

static void move(uint64_t by)
{
    if (cpu_features.max_basic >= 7 && (insn_cpuid(7, 0).ebx & CPUID_7_EBX_ADJUST) != 0)
        insn_wrmsr(MSR_TSC_ADJUST, insn_rdmsr(MSR_TSC_ADJUST) + by);
    else
        insn_wrmsr(MSR_TSC, insn_rdtsc() + by);
}

void tsc_sync_follow(void)
{
    uint32_t what = ASK_NOTHING;

    if (config.selftest_tsc)
        insn_wrmsr(MSR_TSC, insn_rdtsc() + SELFTEST_AHEAD_TICKS);
    while (what != ASK_END) {
        arch_cpu_relax();
        what = atomic_load_explicit(&question, memory_order_acquire);
        if (what == ASK_NOTHING)
            continue;
        if (what == ASK_MOVE)
            move(word);
        else
            word = tsc_now();
        atomic_store_explicit(&question, ASK_NOTHING, memory_order_release);
    }
}
