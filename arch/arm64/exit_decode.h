/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a syndrome to struct vm_exit: reads nothing but its arguments, changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/esr.h"
#include "arch/arm64/guest_regs.h"
#include "core/vm_exit.h"

/* ESR_EL2, FAR_EL2, HPFAR_EL2 as a synchronous exception from EL1 or EL0 left them. `raw` is the syndrome. */
void exit_decode(uint64_t esr, uint64_t far, uint64_t hpfar, struct vm_exit *exit);

/* The same for the two kinds that come most often; false: neither filled nor of that kind. */
static inline bool exit_decode_hvc(uint64_t esr, struct vm_exit *exit)
{
    if (ESR_CLASS(esr) != ESR_EC_HVC64)
        return false;
    exit->kind = VM_EXIT_HYPERCALL;
    /* After HVC the return address is already behind it (Arm ARM, "Preferred exception return address"). */
    exit->length = 0;
    exit->raw = esr;
    return true;
}

/* A load or store where there is no RAM, described by the syndrome. */
static inline bool exit_decode_access(uint64_t esr, uint64_t far, uint64_t hpfar, struct vm_exit *exit)
{
    const uint64_t fields = FIELD(31, ESR_EC_SHIFT) | ESR_ABORT_ISV | ESR_ABORT_S1PTW | ESR_STATUS_KIND;
    const uint64_t wanted = ESR_OF_CLASS(ESR_EC_DABT_LOW) | ESR_ABORT_ISV | ESR_STATUS_TRANSLATION;

    if ((esr & fields) != wanted)
        return false;
    exit->kind = VM_EXIT_MMIO;
    exit->length = (esr & ESR_IL_32BIT) != 0 ? 4 : 2;
    exit->raw = esr;
    exit->u.mmio.at = gpa(field_get(hpfar, HPFAR_FIPA) << PAGE_SHIFT | (far & (PAGE_SIZE - 1)));
    exit->u.mmio.is_write = (esr & ESR_ABORT_WRITE) != 0;
    exit->u.mmio.is_fetch = false;
    exit->u.mmio.during_walk = false;
    exit->u.mmio.during_delivery = false;
    return true;
}
