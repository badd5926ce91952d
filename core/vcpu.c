/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to vCPUs, which wake them. The two sides of the protocol are vcpu_request() and vcpu_block()
 * (core/sched_choose.c); each writes before it reads, sequentially consistent: at least one sees the other.
 */
#include "core/vcpu.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/sched.h"

void vcpu_request(struct vcpu *vcpu, uint32_t requests)
{
    uint32_t state;

    atomic_fetch_or_explicit(&vcpu->requests, requests, memory_order_seq_cst);
    state = atomic_load_explicit(&vcpu->state, memory_order_seq_cst);
    if (state == VCPU_BLOCKED || (state == VCPU_OFF && (requests & (uint32_t)VCPU_REQ_WAKES_OFF) != 0)) {
        (void)sched_wake(vcpu, (enum vcpu_state)state); /* one of several posters wins */
        return;
    }
    /* Pairs with the back end's last look before the entry: in_guest is written, then requests are read. */
    if (atomic_load_explicit(&vcpu->in_guest, memory_order_seq_cst)) {
        /* At least as new as that entry. A guest that has moved on since has seen the request on the way. */
        struct cpu *cpu = cpus[atomic_load_explicit(&vcpu->cpu, memory_order_relaxed)];

        if (cpu != this_cpu())
            arch_cpu_poke(cpu);
    }
}

void vcpu_event_here(struct vcpu *vcpu)
{
    if (atomic_load_explicit(&vcpu->state, memory_order_relaxed) == VCPU_BLOCKED)
        (void)sched_wake(vcpu, VCPU_BLOCKED);
}

void vcpu_stop(struct vcpu *vcpu)
{
    sched_leave(vcpu);
    vm_vcpu_stopped(vcpu);
}
