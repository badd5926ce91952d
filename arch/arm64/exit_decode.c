/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/exit_decode.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/guest_regs.h"
#include "lib/addr.h"

static void decode_abort(uint64_t esr, uint64_t far, uint64_t hpfar, struct vm_exit *exit)
{
    uint64_t status = esr & ESR_ABORT_STATUS;
    bool is_fetch = ESR_CLASS(esr) == ESR_EC_IABT_LOW;

    if ((status & ESR_STATUS_KIND) != ESR_STATUS_TRANSLATION &&
        (status & ESR_STATUS_KIND) != ESR_STATUS_ACCESS) {
        /* Memory that answers with an error. Permissions are never withheld, so a fault of that kind is ours.
         */
        exit->kind =
            (status & ESR_STATUS_KIND) == ESR_STATUS_EXTERNAL || (status & ESR_STATUS_KIND) == ESR_STATUS_WALK
                ? VM_EXIT_MEMORY_ERROR
                : VM_EXIT_UNKNOWN;
        return;
    }
    exit->kind = VM_EXIT_MMIO;
    exit->u.mmio.at = exit_address(far, hpfar);
    exit->u.mmio.is_write = !is_fetch && (esr & ESR_ABORT_WRITE) != 0;
    exit->u.mmio.is_fetch = is_fetch;
    exit->u.mmio.during_walk = (esr & ESR_ABORT_S1PTW) != 0;
    exit->u.mmio.during_delivery = false;
}

static enum vm_exit_kind kind_of(uint64_t esr)
{
    switch (ESR_CLASS(esr)) {
    case ESR_EC_WFX:
        return (esr & ESR_WFX_TI) == 0 ? VM_EXIT_HALT : VM_EXIT_PAUSE;
    case ESR_EC_SMC64:
        return VM_EXIT_HYPERCALL;
    case ESR_EC_SYSREG:
        return (esr & ESR_SYSREG_READ) != 0 ? VM_EXIT_SYSREG_READ : VM_EXIT_SYSREG_WRITE;
    case ESR_EC_BREAK:
    case ESR_EC_STEP:
    case ESR_EC_WATCH:
    case ESR_EC_BKPT32:
    case ESR_EC_BRK64:
        return VM_EXIT_DEBUG;
    case ESR_EC_UNKNOWN:
    case ESR_EC_SVE:
        return VM_EXIT_UNDEFINED;
    default:
        /* What AArch32 programs reach of the coprocessors, and features that are not offered. */
        return ESR_CLASS(esr) < ESR_EC_IABT_LOW && ESR_CLASS(esr) != ESR_EC_ILLEGAL ? VM_EXIT_UNDEFINED
                                                                                    : VM_EXIT_UNKNOWN;
    }
}

void exit_decode(uint64_t esr, uint64_t far, uint64_t hpfar, struct vm_exit *exit)
{
    uint32_t class = (uint32_t)ESR_CLASS(esr);

    exit->raw = esr;
    exit->length = exit_length(esr);
    if (class == ESR_EC_DABT_LOW || class == ESR_EC_IABT_LOW) {
        decode_abort(esr, far, hpfar, exit);
        return;
    }
    if (exit_is_hvc(esr)) {
        exit->kind = VM_EXIT_HYPERCALL;
        /* After HVC the return address is already behind it (Arm ARM, "Preferred exception return address").
         */
        exit->length = 0;
        return;
    }
    exit->kind = kind_of(esr);
    if (exit->kind == VM_EXIT_SYSREG_READ || exit->kind == VM_EXIT_SYSREG_WRITE)
        exit->u.sysreg.number = (uint32_t)(esr & ESR_SYSREG_PLACE);
}
