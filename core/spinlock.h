/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket lock. Host code runs with interrupts off, so a holder is never preempted; NMI and
 * machine-check handlers take no locks. Lock order is documented in docs/architecture.md.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "arch_inline.h"

struct spinlock {
    _Atomic uint32_t next;
    _Atomic uint32_t serving;
};

static inline void spin_lock(struct spinlock *lock)
{
    uint32_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);

    /* Pairs with the release in spin_unlock(). */
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket)
        arch_cpu_relax();
}

static inline void spin_unlock(struct spinlock *lock)
{
    uint32_t serving = atomic_load_explicit(&lock->serving, memory_order_relaxed);

    atomic_store_explicit(&lock->serving, serving + 1, memory_order_release);
}
