/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What IA32_FEATURE_CONTROL says about VMX outside of SMX ("Enabling and Entering VMX Operation", Intel SDM
 * volume 3). Pure, so that every value is tested: no emulator has a firmware that locks it off.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/vmx/vmcs.h"

enum vmx_firmware {
    VMX_FIRMWARE_ALLOWS,
    VMX_FIRMWARE_UNDECIDED, /* not locked: Latch decides, and locks */
    VMX_FIRMWARE_FORBIDS,   /* locked until the next reset */
};

static inline enum vmx_firmware vmx_firmware_says(uint64_t feature_control)
{
    if ((feature_control & FEATURE_CONTROL_LOCK) == 0)
        return VMX_FIRMWARE_UNDECIDED;
    return (feature_control & FEATURE_CONTROL_VMX) != 0 ? VMX_FIRMWARE_ALLOWS : VMX_FIRMWARE_FORBIDS;
}
