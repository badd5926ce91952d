/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking into guests, for the shell, the gdb stub and reports. A vCPU may be looked into while it is held:
 * its owner has put it off the CPU at its next exit, all its registers are in memory, and it stays so until
 * the last holder lets it go. Nobody waits here: vcpu_hold() only asks, and vcpu_is_held() tells when.
 *
 * Registers and translations: the arch_vcpu_reg_*, arch_guest_translate() and arch_inspect_line() hooks of
 * core/arch.h, on held vCPUs only, from any CPU.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/vcpu.h"
#include "core/vm.h"
#include "lib/addr.h"
#include "lib/bits.h"

/* One more / one less holder of this vCPU; no lock held. To hold: any CPU. To let go, and to look: the boot
 * CPU's loop. A vCPU that waits for an event or for its start is held too, and waits on afterwards. */
void vcpu_hold(struct vcpu *vcpu);
void vcpu_release(struct vcpu *vcpu);

/* True from the moment it is off its CPU until the caller's own hold ends. Also for a stopped one, which its
 * VM's restart may start again: ask anew after every return to the run loop. */
static inline bool vcpu_is_held(const struct vcpu *vcpu)
{
    uint32_t state = atomic_load_explicit(&vcpu->state, memory_order_seq_cst);

    return state == VCPU_HELD || state == VCPU_STOPPED;
}

/* One more / one less holder of all of a VM's vCPUs. Its devices' timers go on; their interrupts wait. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
bool vm_is_held(const struct vm *vm); /* all its vCPUs are */

/* The owner puts the vCPU that runs on this CPU off it: VCPU_HELD unless nobody holds it any more, in which
 * case it is queued again. Either way the caller does not touch it any more. */
void vcpu_enter_hold(struct vcpu *vcpu);

/* Memory by guest-virtual address as the held vCPU would see it, in pieces of a page. No accessed or dirty
 * bit is set, rights are not asked for. 0; E_FAULT at the first byte that has no translation or no RAM, what
 * came before it is done, `*done` (may be NULL) says how much. */
MUST_CHECK int inspect_read(struct vcpu *vcpu, gva_t from, void *to, size_t size, size_t *done);
MUST_CHECK int inspect_write(struct vcpu *vcpu, gva_t to, const void *from, size_t size, size_t *done);

/* Number of the register of that name (case does not count) in arch_regs, -1 if there is none. */
int inspect_reg_find(const char *name, size_t length);

/*
 * Appends to `text`, which holds a terminated string, " name" for each bit of `value` that is set. `names`:
 * the bits' names from bit 0 upwards, each ended by a comma; an empty name or none shows the bit's number.
 */
void inspect_bits(char *text, size_t size, uint64_t value, const char *names);

/*
 * Registers of one group of arch_regs (enum arch_reg_group) as lines, some in each: `*next` is 0 at first,
 * and the number of the register to go on with afterwards. False: there was none left.
 */
bool inspect_regs_line(struct vcpu *vcpu, uint32_t group, uint32_t *next, char *text, size_t size);

/* Calls by frame pointers through the guest's page tables, a line a call; zeroed at first. False: no more. A
 * frame lies above the one before, so there is an end; the caller bounds it. */
struct inspect_stack {
    uint32_t count; /* lines so far */
    bool ended;
    uint64_t frame; /* the next: saved frame pointer, then return address */
};
bool inspect_stack_line(struct vcpu *vcpu, struct inspect_stack *stack, char *text, size_t size);
