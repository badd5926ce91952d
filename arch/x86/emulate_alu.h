/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integer operations and their flags, on 1, 2, 4 or 8 bytes. Pure. Flags that the manuals leave undefined
 * keep the value that current CPUs give where that is uniform, else stay unchanged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/decode.h"

/*
 * `a` op `b` for INSN_ADD..INSN_TEST, the unary INC, DEC, NOT, NEG (`b` ignored), and the shifts ROL..SAR
 * (`b` is the count). Arguments may have junk above `size`; the result has none. CMP and TEST return `a`.
 */
uint64_t alu_execute(enum insn_op op, uint32_t size, uint64_t a, uint64_t b, uint64_t *rflags);

/* BT, BTS, BTR, BTC of bit `bit` (taken modulo the operand's width); only CF changes. */
uint64_t alu_bit(enum insn_op op, uint32_t size, uint64_t a, uint64_t bit, uint64_t *rflags);

/* Condition code of Jcc, SETcc, CMOVcc: the low four bits of their opcode. */
bool alu_condition(uint32_t code, uint64_t rflags);
