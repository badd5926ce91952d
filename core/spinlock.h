/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket lock. Host code runs with interrupts off, so a holder is never preempted; NMI and machine-check
 * handlers take no locks.
 *
 * Each lock has a rank, and a CPU takes locks in ascending order only, so that no two wait for each other;
 * docs/architecture.md. `make DEBUG=1` and the unit tests check that at each one taken.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch_inline.h"

/* Outer first. 0 is for locks that live in zeroed memory and that nobody has ranked: the outermost. */
enum lock_rank {
    LOCK_DEVICES, /* vm.dev_lock */
    LOCK_IRQCHIP, /* a guest's interrupt controller on arm64: the VM's part, a vCPU's part */
    LOCK_IRQCHIP_CPU,
    LOCK_QUEUE,  /* run_queue.lock */
    LOCK_TIMERS, /* cpu.timer_lock */
    LOCK_ITS,    /* command queue of the host's message interrupts (arm64) */
    LOCK_CONSOLE,
    LOCK_MEMORY, /* pmem */
    LOCK_RANKS,
};

struct spinlock {
    _Atomic uint32_t next;
    _Atomic uint32_t serving;
    uint32_t rank; /* enum lock_rank; fixed */
};

/* core/lock_check.c, in builds with DEBUG=1: cpu.locks_held has a bit for each rank. */
void lock_order_taken(uint32_t rank);
void lock_order_given(uint32_t rank);

#if defined(LATCH_HOST_TEST)
/* One word for all files of a test, for each thread that plays a CPU. */
__attribute__((weak)) _Thread_local uint32_t lock_test_held;

static inline void lock_check_taken(uint32_t rank)
{
    if (lock_test_held >> rank != 0)
        __builtin_trap(); /* an inner lock, or this one, is held already */
    lock_test_held |= UINT32_C(1) << rank;
}

static inline void lock_check_given(uint32_t rank)
{
    if ((lock_test_held >> rank & 1) == 0)
        __builtin_trap(); /* it is not held */
    lock_test_held &= ~(UINT32_C(1) << rank);
}
#elif defined(LATCH_DEBUG)
static inline void lock_check_taken(uint32_t rank)
{
    lock_order_taken(rank);
}

static inline void lock_check_given(uint32_t rank)
{
    lock_order_given(rank);
}
#else
static inline void lock_check_taken(uint32_t rank)
{
    (void)rank;
}

static inline void lock_check_given(uint32_t rank)
{
    (void)rank;
}
#endif

static inline void spin_lock(struct spinlock *lock)
{
    uint32_t ticket;

    lock_check_taken(lock->rank);
    ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    /* Pairs with the release in spin_unlock(). */
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket)
        arch_cpu_relax();
}

/* True: taken. Never waits. */
static inline bool spin_try_lock(struct spinlock *lock)
{
    uint32_t ticket = atomic_load_explicit(&lock->serving, memory_order_acquire);

    if (!atomic_compare_exchange_strong_explicit(&lock->next, &ticket, ticket + 1, memory_order_acquire,
                                                 memory_order_relaxed))
        return false;
    lock_check_taken(lock->rank);
    return true;
}

static inline void spin_unlock(struct spinlock *lock)
{
    uint32_t serving = atomic_load_explicit(&lock->serving, memory_order_relaxed);

    lock_check_given(lock->rank);
    atomic_store_explicit(&lock->serving, serving + 1, memory_order_release);
}
