/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM with some vCPUs and a clock that only the test moves, for the interrupt controllers' tests. One file
 * per test program includes it; core/timer.c is the real one.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/vm.h"
#include "lib/assert.h"

#define FIXTURE_VCPUS  8
#define FIXTURE_UNUSED __attribute__((unused))

struct cpu *fake_this_cpu;
struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count = 1;

static struct cpu fixture_cpu;
static uint64_t fixture_now;
static struct vm fixture_vm;
static struct vcpu fixture_vcpus[FIXTURE_VCPUS];
static _Atomic uint64_t fixture_request_count;
static void (*fixture_owner_turn)(void); /* the vCPUs' owner looks at what was posted; NULL: nothing to do */

uint64_t time_now_ns(void)
{
    return fixture_now;
}

void arch_timer_program(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

void vcpu_request(struct vcpu *vcpu, uint32_t requests)
{
    atomic_fetch_or(&vcpu->requests, requests);
    atomic_fetch_add(&fixture_request_count, 1);
}

static unsigned int fixture_event_here_count;

void vcpu_event_here(struct vcpu *vcpu)
{
    (void)vcpu;
    fixture_event_here_count++;
}

_Noreturn void panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args); /* NOLINT */
    va_end(args);
    abort();
}

static FIXTURE_UNUSED void fixture_reset(void)
{
    memset(&fixture_cpu, 0, sizeof(fixture_cpu));
    memset(&fixture_vm, 0, sizeof(fixture_vm));
    memset(fixture_vcpus, 0, sizeof(fixture_vcpus));
    fixture_cpu.self = &fixture_cpu;
    fixture_cpu.timer_programmed_ns = UINT64_MAX;
    fixture_cpu.timer_lock.rank = LOCK_TIMERS;
    list_init(&fixture_cpu.timers);
    fixture_event_here_count = 0;
    fake_this_cpu = &fixture_cpu;
    cpus[0] = &fixture_cpu;
    fixture_now = 5 * NS_PER_SEC + 123;
    fixture_vm.vcpu_count = FIXTURE_VCPUS;
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++) {
        fixture_vcpus[i].id = i;
        fixture_vcpus[i].vm = &fixture_vm;
        fixture_vm.vcpus[i] = &fixture_vcpus[i];
    }
}

static FIXTURE_UNUSED void fixture_expire(void)
{
    timers_expire(&fixture_cpu);
    if (fixture_owner_turn != NULL)
        fixture_owner_turn();
}

/* Moves the clock, stopping at each deadline that is armed on the way. */
static FIXTURE_UNUSED void fixture_run_until(uint64_t ns)
{
    uint64_t next;

    while ((next = timers_next_deadline(&fixture_cpu)) <= ns) {
        if (next > fixture_now)
            fixture_now = next;
        fixture_expire();
    }
    fixture_now = ns;
}

/* The host is late: nothing expires on the way. */
static FIXTURE_UNUSED void fixture_jump(uint64_t ns)
{
    fixture_now += ns;
    fixture_expire();
}

/* NMIs posted and not yet taken over. */
static FIXTURE_UNUSED uint32_t fixture_nmis(uint32_t vcpu)
{
    return (uint32_t)(atomic_load(&fixture_vcpus[vcpu].inject.posted.word) & INJECT_POSTED_NMI_COUNT);
}

/* xorshift: the same sequence everywhere. */
static FIXTURE_UNUSED uint32_t fixture_random(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}
