/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-instruction wrappers with honest clobbers; the only inline assembly of the x86 host side beside the
 * accessors of lib/pio.h. Names are the instructions'. Anything that orders or hides memory from the compiler
 * says "memory".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "lib/pio.h"

struct insn_cpuid {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
};

static inline struct insn_cpuid insn_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct insn_cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

/* The MSR must exist: there is no exception fix-up, a #GP is our own bug. */
static inline uint64_t insn_rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void insn_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* RDTSC is not ordered with earlier loads; the fence makes "now" mean after everything before. */
static inline uint64_t insn_rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* From the area that GS points to. */
static inline uint32_t insn_read_gs32(uint64_t offset)
{
    uint32_t value;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(value) : "i"(offset) : "memory");
    return value;
}

static inline void insn_lfence(void)
{
    __asm__ volatile("lfence" ::: "memory");
}

static inline void insn_mfence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

#define INSN_CONTROL_REGISTER(cr)                                      \
    static inline uint64_t insn_read_##cr(void)                        \
    {                                                                  \
        uint64_t value;                                                \
                                                                       \
        __asm__ volatile("mov %%" #cr ", %0" : "=r"(value)::"memory"); \
        return value;                                                  \
    }                                                                  \
    static inline void insn_write_##cr(uint64_t value)                 \
    {                                                                  \
        __asm__ volatile("mov %0, %%" #cr : : "r"(value) : "memory");  \
    }

INSN_CONTROL_REGISTER(cr0)
INSN_CONTROL_REGISTER(cr2)
INSN_CONTROL_REGISTER(cr3)
INSN_CONTROL_REGISTER(cr4)
INSN_CONTROL_REGISTER(cr8)
INSN_CONTROL_REGISTER(dr0)
INSN_CONTROL_REGISTER(dr1)
INSN_CONTROL_REGISTER(dr2)
INSN_CONTROL_REGISTER(dr3)
INSN_CONTROL_REGISTER(dr6)
INSN_CONTROL_REGISTER(dr7)

static inline void insn_xsetbv(uint32_t index, uint64_t value)
{
    __asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* XCR0; no component that Latch knows is in its upper half. */
static inline uint32_t insn_xgetbv(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

static inline uint64_t insn_rflags(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return flags;
}

static inline void insn_cli(void)
{
    __asm__ volatile("cli" ::: "memory");
}

/* Interrupts are taken from the instruction after the next one on. */
static inline void insn_sti(void)
{
    __asm__ volatile("sti" ::: "memory");
}

/* A window of two instructions in which waiting interrupts are taken. */
static inline void insn_sti_nop_cli(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

/* The shadow of STI covers HLT: an interrupt that is already waiting ends the HLT at once. */
static inline void insn_sti_hlt_cli(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

static inline void insn_hlt(void)
{
    __asm__ volatile("hlt" ::: "memory");
}

static inline void insn_clgi(void)
{
    __asm__ volatile("clgi" ::: "memory");
}

static inline void insn_stgi(void)
{
    __asm__ volatile("stgi" ::: "memory");
}

static inline void insn_invlpg(uintptr_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* Written back and dropped, all levels; every 64-bit processor has it. */
static inline void insn_clflush(uintptr_t address)
{
    __asm__ volatile("clflush (%0)" : : "r"(address) : "memory");
}

static inline void insn_wbinvd(void)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

static inline void insn_ud2(void)
{
    __asm__ volatile("ud2");
}

static inline void insn_int3(void)
{
    __asm__ volatile("int3" ::: "memory");
}

/* To the host's own handler of a machine check, as if it had come just now. */
static inline void insn_int_mc(void)
{
    __asm__ volatile("int $18" ::: "memory");
}

/* Operand of LGDT and LIDT. */
struct insn_table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline void insn_lgdt(const struct insn_table_pointer *pointer)
{
    __asm__ volatile("lgdt %0" : : "m"(*pointer) : "memory");
}

static inline void insn_lidt(const struct insn_table_pointer *pointer)
{
    __asm__ volatile("lidt %0" : : "m"(*pointer) : "memory");
}

static inline void insn_ltr(uint16_t selector)
{
    __asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

static inline void insn_load_ss(uint16_t selector)
{
    __asm__ volatile("mov %0, %%ss" : : "r"(selector) : "memory");
}

static inline void insn_vmsave(uint64_t vmcb_pa)
{
    __asm__ volatile("vmsave %0" : : "a"(vmcb_pa) : "memory");
}

/* The area is 64-byte aligned and large enough for the components in `mask`. */
static inline void insn_xsave(void *area, uint64_t mask)
{
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

static inline void insn_xrstor(const void *area, uint64_t mask)
{
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

static inline void insn_fxsave(void *area)
{
    __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static inline void insn_fxrstor(const void *area)
{
    __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}
