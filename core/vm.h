/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine as core sees it; the architecture's VM embeds this as its first member.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/device.h"
#include "core/guest_mem.h"
#include "core/timer.h"
#include "core/spinlock.h"
#include "core/vcpu.h"

#define MAX_VMS          32
#define MAX_VCPUS_PER_VM 64

enum vm_state {
    VM_CREATED,
    VM_RUNNING,
    VM_ENDED,
};

/* Why a VM ended: the words are part of the console's fixed records. */
enum vm_end {
    VM_END_POWEROFF,
    VM_END_RESET,
    VM_END_DEBUG_EXIT,
    VM_END_TRIPLE_FAULT,
    VM_END_UNHANDLED_EXIT,
    VM_END_CONFIG,
    VM_END_STOPPED, /* by the operator: stays so, whatever the policy */
};

struct guest_debug;

struct vm {
    uint32_t id;
    const struct vm_config *config; /* name, memory, modules; fixed */
    _Atomic uint32_t state;         /* enum vm_state */
    struct guest_mem mem;
    struct spinlock dev_lock; /* taken by bus accesses and by timers of device models */
    struct bus buses[BUS_KINDS];
    uint32_t vcpu_count;
    struct vcpu *vcpus[MAX_VCPUS_PER_VM];
    _Atomic uint32_t running_count; /* vCPUs not yet VCPU_STOPPED, and whoever is ending it */
    bool settled;                   /* ended, and the policy has been applied; boot CPU only */
    struct guest_debug *debug;      /* core/guest_debug.h; NULL: nobody debugs it; written while held */
    enum vm_end end;                /* valid when VM_ENDED, like all of the end */
    uint32_t end_vcpu;              /* by whose doing, 0 if nobody's */
    char end_text[160];             /* reason, detail and place, as in its record */
    uint32_t end_code;              /* debug-exit: the value written */
    struct vm_restart {             /* boot CPU only */
        uint64_t start_ns;          /* of this life */
        uint32_t short_count;       /* short lives in a row */
        bool due;                   /* ended, and to run again */
        bool waiting;               /* for the timer, before that */
        struct timer timer;
    } restart;
};

extern struct vm *vms[MAX_VMS];
extern uint32_t vm_count;

/*
 * Ends a VM from one of its vCPUs or from a device model: prints the one record, asks all its vCPUs to leave,
 * and lets the policy (on-end=) decide what follows. The calling vCPU must return to its run loop. First
 * caller wins.
 */
void vm_end(struct vm *vm, enum vm_end reason, uint32_t code, const char *detail);

/* An ended VM whose vCPUs have stopped starts once more, from its images. E_BUSY: it has not ended. Boot CPU.
 */
MUST_CHECK int vm_start_again(struct vm *vm);

/* Starts every VM of the configuration that can be built; failures were reported in one line each. Boot CPU.
 */
void vm_start_all(void);

/*
 * Boot CPU's loop: VMs whose last vCPU has stopped are restarted or left as the policy says; when all have
 * ended and the policy is poweroff, the machine goes off.
 */
void vm_housekeeping(void);

/* A vCPU of an ended VM has left its CPU. Its owner calls this once. */
void vm_vcpu_stopped(struct vcpu *vcpu);
