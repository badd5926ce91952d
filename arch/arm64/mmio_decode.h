/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a load or store to a device does with registers: from the syndrome where it says so, else from the
 * instruction. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mmio_access {
    uint8_t size;  /* bytes of each element: 1, 2, 4, 8 */
    uint8_t count; /* registers: 1, or 2 at successive addresses */
    bool is_write;
    bool sign_extend; /* to 64 bits, or to 32 without `wide` */
    bool wide;        /* the register is an X */
    bool write_back;  /* `step` is added to `base` */
    uint8_t reg[2];   /* 31: zero, nowhere */
    uint8_t base;     /* 31: SP */
    int64_t step;
};

/* From an abort's syndrome. False: ISV is 0. */
bool mmio_from_syndrome(uint64_t esr, struct mmio_access *access);

/*
 * From an A64 instruction that the syndrome does not describe: LDR and STR of all sizes with pre- or
 * post-index, LDP, STP and LDPSW. False: anything else (SIMD, exclusives, atomics, DC ZVA).
 */
bool mmio_from_instruction(uint32_t insn, struct mmio_access *access);

/* What a load of `size` bytes leaves in the register. */
uint64_t mmio_extend(const struct mmio_access *access, uint64_t value);
