/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System registers and instructions that guest programs use, one wrapper each.
 */
#pragma once

#include <stdint.h>

#define READ_SYSREG(name)                                               \
    ({                                                                  \
        uint64_t value_;                                                \
        __asm__ volatile("mrs %0, " #name : "=r"(value_) : : "memory"); \
        value_;                                                         \
    })
#define WRITE_SYSREG(name, value) \
    __asm__ volatile("msr " #name ", %0\n\tisb" : : "r"((uint64_t)(value)) : "memory")

/* PSTATE.I: 1 keeps interrupts out. */
static inline void irq_open(void)
{
    __asm__ volatile("msr daifclr, #2\n\tisb" ::: "memory");
}

static inline void irq_close(void)
{
    __asm__ volatile("msr daifset, #2\n\tisb" ::: "memory");
}

static inline void wait_for_interrupt(void)
{
    __asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

static inline void barrier(void)
{
    __asm__ volatile("dsb sy\n\tisb" ::: "memory");
}

/* Lets others run: a hint, and a place where an emulator looks for interrupts. */
static inline void relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

static inline uint32_t cpu_index(void)
{
    uint64_t mpidr = READ_SYSREG(mpidr_el1);

    return (uint32_t)((mpidr & 0xff) + ((mpidr >> 8) & 0xff) * 16);
}

static inline uint64_t counter_read(void)
{
    __asm__ volatile("isb" ::: "memory");
    return READ_SYSREG(cntvct_el0);
}

static inline void mmio_write32(uint64_t address, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" : : "r"(value), "r"(address) : "memory");
}

static inline uint32_t mmio_read32(uint64_t address)
{
    uint32_t value;

    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write64(uint64_t address, uint64_t value)
{
    __asm__ volatile("str %0, [%1]" : : "r"(value), "r"(address) : "memory");
}

static inline uint64_t mmio_read64(uint64_t address)
{
    uint64_t value;

    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write8(uint64_t address, uint8_t value)
{
    __asm__ volatile("strb %w0, [%1]" : : "r"(value), "r"(address) : "memory");
}
