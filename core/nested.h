/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of a VM's nested map (NPT, EPT, stage 2) while its vCPUs run: the shoot-down. Whoever changes
 * entries says so afterwards, and knows when no vCPU can go on with an old translation any more.
 */
#pragma once

#include <stdbool.h>

#include "core/vm.h"

/*
 * Entries of the VM's nested map have been changed. Any CPU, outside of its guest; no lock of a run queue
 * held.
 *
 * An architecture that can, invalidates on all CPUs at once and is done on return. Else each vCPU is asked
 * (VCPU_REQ_FLUSH, the protocol of vcpu_request()) and flushes before its next entry:
 *  - writer: changes entries; sets the bit (sequentially consistent); reads `in_guest`, pokes.
 *  - vCPU: writes `in_guest`; reads the bits (its last look); enters only if there are none. Else: out again,
 *    takes the bits (an exchange, pairs with the writer's), flushes or marks the flush that its next entry
 *    does.
 * So either the writer sees "in guest" and the vCPU comes out, or the vCPU sees the bit; what the table walks
 * of the next entry read is as new as the bit. The mark stays with the vCPU if it gives its CPU up, and one
 * that comes to another CPU, or is reset, always flushes there: what an earlier visit has left in that CPU
 * needs no account.
 */
void nested_changed(struct vm *vm);

/*
 * True: no vCPU can use a translation from before the last nested_changed(). Each has taken the bit, or was
 * seen outside of its guest with the bit set. Does not wait: to be asked again, from any CPU. A later change
 * begins anew.
 */
bool nested_settled(const struct vm *vm);
