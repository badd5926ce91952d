/* SPDX-License-Identifier: BSD-2-Clause */
/* The shoot-down of nested translations; why it is right is at the declarations. */
#include "core/nested.h"

#include "core/arch.h"

void nested_changed(struct vm *vm)
{
    if (arch_nested_broadcast(vm))
        return;
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpus[i], VCPU_REQ_FLUSH);
}

bool nested_settled(const struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = vm->vcpus[i];

        /* Outside of the guest with the bit set: it is seen on the way in. */
        if ((atomic_load_explicit(&vcpu->requests, memory_order_seq_cst) & VCPU_REQ_FLUSH) != 0 &&
            atomic_load_explicit(&vcpu->in_guest, memory_order_seq_cst))
            return false;
    }
    return true;
}
