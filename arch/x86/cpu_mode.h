/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of a guest's CPU state that decides how code is decoded and addresses are formed and checked.
 * Vendor code fills it from its control block at an exit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/decode.h"
#include "arch/x86/regs.h"

struct x86_cpu_mode {
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer;
    uint8_t cpl;
    const struct x86_seg *segs; /* X86_SREGS of them */
};

static inline bool cpu_mode_is_long(const struct x86_cpu_mode *mode)
{
    return (mode->efer & EFER_LMA) != 0;
}

/* 64-bit mode proper: long mode with a 64-bit code segment. */
static inline bool cpu_mode_is_64(const struct x86_cpu_mode *mode)
{
    return cpu_mode_is_long(mode) && (mode->segs[X86_CS].attr & X86_SEG_L) != 0;
}

/* True when `address` is sign-extended from the widest virtual address the paging mode has (48 or 57 bits).
 */
static inline bool cpu_mode_is_canonical(const struct x86_cpu_mode *mode, uint64_t address)
{
    uint32_t spare = (mode->cr4 & CR4_LA57) != 0 ? 7 : 16;
    return (uint64_t)((int64_t)(address << spare) >> spare) == address;
}

/* How the CPU decodes code in this mode. */
static inline enum insn_mode cpu_mode_of_code(const struct x86_cpu_mode *mode)
{
    if (cpu_mode_is_64(mode))
        return INSN_MODE_64;
    return (mode->segs[X86_CS].attr & X86_SEG_DB) != 0 ? INSN_MODE_32 : INSN_MODE_16;
}
