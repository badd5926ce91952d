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

/* EL2's translation of an address for reading, into PAR_EL1. */
static inline void insn_at_s1e2r(uint64_t address)
{
    __asm__ volatile("at s1e2r, %0\n\tisb" : : "r"(address) : "memory");
}

static inline void insn_dsb_nsh(void)
{
    __asm__ volatile("dsb nsh" ::: "memory");
}

/* All of EL1&0's translations on this CPU, whatever VMID. */
static inline void insn_tlbi_alle1(void)
{
    __asm__ volatile("tlbi alle1" ::: "memory");
}

/* First stage of the loaded VMID on this CPU. */
static inline void insn_tlbi_vmalle1(void)
{
    __asm__ volatile("tlbi vmalle1" ::: "memory");
}

/* Both stages of the loaded VMID on all CPUs. */
static inline void insn_tlbi_vmalls12e1is(void)
{
    __asm__ volatile("tlbi vmalls12e1is" ::: "memory");
}

static inline void insn_ic_iallu(void)
{
    __asm__ volatile("ic iallu" ::: "memory");
}

static inline void insn_ic_ialluis(void)
{
    __asm__ volatile("ic ialluis" ::: "memory");
}

/* Cleans and invalidates the data cache line that holds `address`, to the point of coherency. */
static inline void insn_dc_civac(uint64_t address)
{
    __asm__ volatile("dc civac, %0" : : "r"(address) : "memory");
}

/* First-stage translation by the loaded guest's tables, as for a read by EL1 or EL0, into PAR_EL1. */
static inline void insn_at_s1e1r(uint64_t address)
{
    __asm__ volatile("at s1e1r, %0" : : "r"(address) : "memory");
}

static inline void insn_at_s1e0r(uint64_t address)
{
    __asm__ volatile("at s1e0r, %0" : : "r"(address) : "memory");
}
