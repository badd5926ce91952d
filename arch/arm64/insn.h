/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One instruction each, with honest clobbers.
 */
#pragma once

#include <stdint.h>

static inline void insn_isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

static inline void insn_dsb_sy(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

static inline void insn_dsb_ish(void)
{
    __asm__ volatile("dsb ish" ::: "memory");
}

static inline void insn_dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" ::: "memory");
}

static inline void insn_wfi(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

static inline void insn_serror_unmask(void)
{
    __asm__ volatile("msr daifclr, #4" ::: "memory");
}

static inline void insn_mask_all(void)
{
    __asm__ volatile("msr daifset, #15" ::: "memory");
}

/* Drops the EL2 translation of the page or block that holds `address`, on all CPUs. */
static inline void insn_tlbi_vae2is(uint64_t address)
{
    __asm__ volatile("tlbi vae2is, %0" : : "r"(address >> 12) : "memory");
}
