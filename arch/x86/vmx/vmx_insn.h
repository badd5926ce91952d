/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMX instructions. Each that can fail is checked in every build: a failure is our own bug and panics with
 * the VM-instruction error in words (vmx_error.c). "Conventions", Intel SDM volume 3, chapter "VMX
 * Instruction Reference": success is CF = ZF = 0.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/insn.h"
#include "arch/x86/vmx/vmcs.h"

/* `what` and its operand; on the calling CPU, with its current VMCS. */
_Noreturn void vmx_insn_failed(const char *what, uint64_t operand);

static inline uint64_t vmcs_read_any(uint64_t field)
{
    uint64_t value;
    bool ok;

    __asm__ volatile("vmread %2, %0" : "=r"(value), "=@cca"(ok) : "r"(field) : "memory");
    if (UNLIKELY(!ok))
        vmx_insn_failed("VMREAD", field);
    return value;
}

static inline void vmcs_write_any(uint64_t field, uint64_t value)
{
    bool ok;

    __asm__ volatile("vmwrite %1, %2" : "=@cca"(ok) : "r"(value), "r"(field) : "memory");
    if (UNLIKELY(!ok))
        vmx_insn_failed("VMWRITE", field);
}

/* Compiles only if the constant `field` has the width. */
#define VMCS_CHECK(field, width)                                                              \
    ((void)sizeof(struct {                                                                    \
        _Static_assert(((field)&VMCS_WIDTH_FIELD) >> 13 == (width), "width of a VMCS field"); \
        int unused;                                                                           \
    }))

#define vmcs_read16(field) (VMCS_CHECK(field, VMCS_WIDTH_16), (uint16_t)vmcs_read_any(field))
#define vmcs_read32(field) (VMCS_CHECK(field, VMCS_WIDTH_32), (uint32_t)vmcs_read_any(field))
#define vmcs_read64(field) (VMCS_CHECK(field, VMCS_WIDTH_64), vmcs_read_any(field))
#define vmcs_read(field)   (VMCS_CHECK(field, VMCS_WIDTH_NATURAL), vmcs_read_any(field))
#define vmcs_write16(field, value) \
    (VMCS_CHECK(field, VMCS_WIDTH_16), vmcs_write_any(field, (uint16_t)(value)))
#define vmcs_write32(field, value) \
    (VMCS_CHECK(field, VMCS_WIDTH_32), vmcs_write_any(field, (uint32_t)(value)))
#define vmcs_write64(field, value) (VMCS_CHECK(field, VMCS_WIDTH_64), vmcs_write_any(field, value))
#define vmcs_write(field, value)   (VMCS_CHECK(field, VMCS_WIDTH_NATURAL), vmcs_write_any(field, value))

#define VMX_POINTER_INSN(name, text)                                           \
    static inline void insn_##name(uint64_t address)                           \
    {                                                                          \
        bool ok;                                                               \
                                                                               \
        __asm__ volatile(#name " %1" : "=@cca"(ok) : "m"(address) : "memory"); \
        if (UNLIKELY(!ok))                                                     \
            vmx_insn_failed(text, address);                                    \
    }

VMX_POINTER_INSN(vmxon, "VMXON")
VMX_POINTER_INSN(vmclear, "VMCLEAR")
VMX_POINTER_INSN(vmptrld, "VMPTRLD")

#define VMX_INVALIDATE_ONE UINT64_C(1)
#define VMX_INVALIDATE_ALL UINT64_C(2)

struct vmx_invalidate {
    uint64_t id; /* EPT pointer */
    uint64_t address;
};

static inline void insn_invept(uint64_t type, uint64_t eptp)
{
    const struct vmx_invalidate what = {.id = eptp};
    bool ok;

    __asm__ volatile("invept %1, %2" : "=@cca"(ok) : "m"(what), "r"(type) : "memory");
    if (UNLIKELY(!ok))
        vmx_insn_failed("INVEPT", type);
}

/* Into the host's own handlers, in the state that the event itself would have left. */
static inline void insn_int_nmi(void)
{
    __asm__ volatile("int $2" ::: "memory");
}

static inline void insn_int_machine_check(void)
{
    __asm__ volatile("int $18" ::: "memory");
}

static inline struct insn_table_pointer insn_sgdt(void)
{
    struct insn_table_pointer pointer;

    __asm__ volatile("sgdt %0" : "=m"(pointer));
    return pointer;
}

static inline struct insn_table_pointer insn_sidt(void)
{
    struct insn_table_pointer pointer;

    __asm__ volatile("sidt %0" : "=m"(pointer));
    return pointer;
}
