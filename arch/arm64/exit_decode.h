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

/* The guest's own question to the hypervisor: HVC. */
static inline bool exit_is_hvc(uint64_t esr)
{
    return ESR_CLASS(esr) == ESR_EC_HVC64;
}

/* A load or store where there is no RAM, described by the syndrome; not by a table walk. */
static inline bool exit_is_access(uint64_t esr)
{
    const uint64_t fields = FIELD(31, ESR_EC_SHIFT) | ESR_ABORT_ISV | ESR_ABORT_S1PTW | ESR_STATUS_KIND;
    const uint64_t wanted = ESR_OF_CLASS(ESR_EC_DABT_LOW) | ESR_ABORT_ISV | ESR_STATUS_TRANSLATION;

    return (esr & fields) == wanted;
}

/* Bytes of the instruction that trapped. */
static inline uint8_t exit_length(uint64_t esr)
{
    return (esr & ESR_IL_32BIT) != 0 ? 4 : 2;
}

/* Guest-physical address of an abort (Arm ARM, "HPFAR_EL2"). */
static inline gpa_t exit_address(uint64_t far, uint64_t hpfar)
{
    return gpa(field_get(hpfar, HPFAR_FIPA) << PAGE_SHIFT | (far & (PAGE_SIZE - 1)));
}
