/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Arm ARM, "A64 Instruction Set Encoding", loads and stores. */
#include "arch/arm64/mmio_decode.h"

#include "arch/arm64/esr.h"
#include "lib/bits.h"

/* Load/store register, immediate, post-indexed (01) or pre-indexed (11), general registers */
#define INDEXED_MASK  (FIELD(29, 24) | BIT(21) | BIT(10))
#define INDEXED_MATCH (FIELD(29, 27) | BIT(10))
#define INDEXED_IMM9  FIELD(20, 12)
#define INDEXED_OPC   FIELD(23, 22)
#define INDEXED_SIZE  FIELD(31, 30)

/* Load/store pair, general registers; index mode 00 (no allocate), 01 post, 10 offset, 11 pre */
#define PAIR_MASK  FIELD(29, 25)
#define PAIR_MATCH (BIT(29) | BIT(27))
#define PAIR_MODE  FIELD(24, 23)
#define PAIR_LOAD  BIT(22)
#define PAIR_IMM7  FIELD(21, 15)
#define PAIR_RT2   FIELD(14, 10)
#define PAIR_OPC   FIELD(31, 30)

#define ANY_RN FIELD(9, 5)
#define ANY_RT FIELD(4, 0)

static int64_t signed_field(uint32_t insn, uint64_t mask)
{
    uint64_t value = field_get(insn, mask);
    uint64_t sign = (mask >> __builtin_ctzll(mask)) / 2 + 1;

    return (int64_t)(value ^ sign) - (int64_t)sign;
}

bool mmio_from_syndrome(uint64_t esr, struct mmio_access *access)
{
    if ((esr & ESR_ABORT_ISV) == 0)
        return false;
    *access = (struct mmio_access){
        .size = (uint8_t)(1 << field_get(esr, ESR_ABORT_SAS)),
        .count = 1,
        .is_write = (esr & ESR_ABORT_WRITE) != 0,
        .sign_extend = (esr & ESR_ABORT_SSE) != 0,
        .wide = (esr & ESR_ABORT_SF) != 0,
        .reg = {(uint8_t)field_get(esr, ESR_ABORT_SRT)},
    };
    return true;
}

/* opc 0: store, 1: load, 2 and 3: loads that extend the sign to an X or a W. */
static bool decode_indexed(uint32_t insn, struct mmio_access *access)
{
    uint32_t size = (uint32_t)field_get(insn, INDEXED_SIZE);
    uint32_t opc = (uint32_t)field_get(insn, INDEXED_OPC);

    if ((opc == 2 && size == 3) || (opc == 3 && size >= 2))
        return false;
    access->size = (uint8_t)(1 << size);
    access->count = 1;
    access->is_write = opc == 0;
    access->sign_extend = opc >= 2;
    access->wide = opc == 2 || size == 3;
    access->write_back = true;
    access->step = signed_field(insn, INDEXED_IMM9);
    return true;
}

static bool decode_pair(uint32_t insn, struct mmio_access *access)
{
    uint32_t opc = (uint32_t)field_get(insn, PAIR_OPC);
    uint32_t mode = (uint32_t)field_get(insn, PAIR_MODE);
    bool is_load = (insn & PAIR_LOAD) != 0;

    if (opc == 3 || (opc == 1 && (!is_load || mode == 0)))
        return false;
    access->size = opc == 2 ? 8 : 4;
    access->count = 2;
    access->is_write = !is_load;
    access->sign_extend = opc == 1;
    access->wide = opc != 0;
    access->write_back = mode == 1 || mode == 3;
    access->step = signed_field(insn, PAIR_IMM7) * access->size;
    access->reg[1] = (uint8_t)field_get(insn, PAIR_RT2);
    return true;
}

bool mmio_from_instruction(uint32_t insn, struct mmio_access *access)
{
    *access = (struct mmio_access){
        .reg = {(uint8_t)field_get(insn, ANY_RT)},
        .base = (uint8_t)field_get(insn, ANY_RN),
    };
    if ((insn & INDEXED_MASK) == INDEXED_MATCH)
        return decode_indexed(insn, access);
    if ((insn & PAIR_MASK) == PAIR_MATCH)
        return decode_pair(insn, access);
    return false;
}

uint64_t mmio_extend(const struct mmio_access *access, uint64_t value)
{
    uint64_t mask = bytes_mask(access->size);
    uint64_t sign = mask / 2 + 1;

    value &= mask;
    if (access->sign_extend)
        value = (value ^ sign) - sign;
    return access->wide ? value : (uint32_t)value;
}
