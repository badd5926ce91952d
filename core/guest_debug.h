/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debugging guests: breakpoints, watchpoints, single steps, guest memory as a debugger wants it. Used by the
 * shell and the GDB server; docs/gdb.md says what a guest can notice. A VM that nobody debugs has no struct
 * guest_debug and pays nothing.
 *
 * What looks at or changes a guest is called by the boot CPU's loop with the VM held: guest_debug_hold(), or
 * any other hold of core/inspect.h. A hit holds the VM by itself, then tells the listeners. The hold of all
 * debuggers is one: whoever resumes ends it.
 *
 * Policy of a single step: one instruction of one vCPU. Interrupts and NMIs wait meanwhile; an exception that
 * the instruction raises is delivered, and the step ends at the first instruction of its handler.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bits.h"

struct vm;
struct vcpu;

#define GUEST_DEBUG_HARD_MAX 4
#define GUEST_DEBUG_SOFT_MAX 64

/* In the order of GDB's Z packets. */
enum guest_debug_kind {
    GUEST_DEBUG_SOFT,   /* an instruction in guest memory replaced by a breakpoint instruction */
    GUEST_DEBUG_EXEC,   /* breakpoint in a debug register */
    GUEST_DEBUG_WRITE,  /* watchpoints */
    GUEST_DEBUG_READ,   /* not on x86: E_NOTSUP */
    GUEST_DEBUG_ACCESS, /* read or write */
    GUEST_DEBUG_KINDS,
    GUEST_DEBUG_STEP = GUEST_DEBUG_KINDS, /* a stop only: the step asked for is done */
};

/* Who set a point: detaching one debugger leaves the other's alone. */
enum guest_debug_user {
    GUEST_DEBUG_BY_SHELL,
    GUEST_DEBUG_BY_GDB,
    GUEST_DEBUG_USERS,
};

struct guest_debug_point {
    bool used;
    uint8_t kind; /* enum guest_debug_kind */
    uint8_t user; /* enum guest_debug_user */
    uint8_t size; /* watchpoints: 1, 2, 4, 8 bytes, aligned; breakpoints: bytes of the patch */
    gva_t at;
    gpa_t patched;  /* GUEST_DEBUG_SOFT: where the patch is */
    uint8_t old[4]; /* GUEST_DEBUG_SOFT: what was there */
};

/* Why a vCPU stopped. */
struct guest_debug_stop {
    struct vcpu *vcpu;
    uint8_t kind; /* enum guest_debug_kind, GUEST_DEBUG_STEP included */
    gva_t at;     /* breakpoints: the instruction; watchpoints: the watched address */
};

/*
 * Called by the CPU that ran the vCPU, from its run loop, no lock held, after the hold was asked for and
 * before all vCPUs have stopped. Notes the stop and returns; touches no guest.
 */
struct guest_debug_listener {
    void (*stopped)(struct vm *vm, const struct guest_debug_stop *stop);
};

/* core/shell_debug.c; the GDB server's is in core/gdb.h. */
extern const struct guest_debug_listener shell_listener;

/* One page, there while anybody debugs the VM. Written with the VM held, `held` excepted. */
struct guest_debug {
    _Atomic uint64_t held; /* vCPUs that debugging holds, by number; any CPU */
    uint64_t stepping; /* vCPUs that are to stop after one instruction; boot CPU, and the vCPU's own CPU */
    uint32_t users;    /* bit per enum guest_debug_user */
    struct guest_debug_point hard[GUEST_DEBUG_HARD_MAX];
    struct guest_debug_point soft[GUEST_DEBUG_SOFT_MAX];
};

/* Begins to debug a VM; any number of times for each user. 0 or E_NOMEM. */
MUST_CHECK int guest_debug_attach(struct vm *vm, enum guest_debug_user user);

/* Removes all points of this user, which stays attached. */
void guest_debug_clear(struct vm *vm, enum guest_debug_user user);

/* Removes all points of this user and lets the VM run; the debugging state goes with the last user. */
void guest_debug_detach(struct vm *vm, enum guest_debug_user user);

/* Asks for a hold of all vCPUs; vm_is_held() tells when it is there. Nothing is done for those it has. */
void guest_debug_hold(struct vm *vm);

/* Ends debugging's hold of one vCPU. `step`: it stops again after one instruction; only where
 * arch_guest_debug_most(GUEST_DEBUG_STEP). */
void guest_debug_resume(struct vcpu *vcpu, bool step);
void guest_debug_resume_all(struct vm *vm);

/*
 * Sets or takes away a point, the address seen through the page tables that `vcpu` uses now. 0; E_FAULT: not
 * mapped to RAM; E_NOMEM: all in use; E_NOTSUP: not on this CPU; E_INVAL: size or alignment, or the user has
 * not attached. Setting what is there already and removing what is not: 0.
 */
MUST_CHECK int guest_debug_insert(struct vcpu *vcpu, enum guest_debug_user user, enum guest_debug_kind kind,
                                  gva_t at, uint32_t size);
MUST_CHECK int guest_debug_remove(struct vcpu *vcpu, enum guest_debug_user user, enum guest_debug_kind kind,
                                  gva_t at, uint32_t size);

/*
 * Guest memory by virtual address: through the page tables of the moment, of whatever privilege, nothing
 * marked as accessed. Reads show what was there before software breakpoints; writes go below them. Returns
 * the bytes done, fewer than `size` where something is not mapped or not RAM.
 */
size_t guest_debug_read(struct vcpu *vcpu, gva_t from, void *to, size_t size);
size_t guest_debug_write(struct vcpu *vcpu, gva_t to, const void *from, size_t size);

/* The VM restarts with its image loaded anew: the software breakpoints are gone with the old one. */
void guest_debug_vm_reset(struct vm *vm);

/* --- For the architecture ---------------------------------------------------------------------------------
 */

/* True: there is a software breakpoint of a debugger at this address. */
bool guest_debug_is_patched(const struct vm *vm, gpa_t at);

/* The vCPU is to stop after its next instruction. */
bool guest_debug_is_stepping(const struct vcpu *vcpu);

/* The vCPU that runs on this CPU has hit something: holds the VM and tells the listeners. No lock held. */
void guest_debug_stopped(const struct guest_debug_stop *stop);
