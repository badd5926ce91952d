/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operands of an emulated instruction: registers, effective addresses, and memory that was checked and
 * translated before anything is touched. Private to arch/x86/emulate*.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/emulate.h"

/* A piece of an operand that lies in one page. */
struct operand_part {
    gpa_t at;
    uint32_t size;
    bool is_device; /* known to be no RAM; otherwise RAM is tried first */
};

struct operand {
    uint32_t size;
    uint32_t part_count;
    struct operand_part parts[2];
    /* The last page translated, kept from one REP iteration to the next. */
    bool page_valid;
    uint64_t page;
    gpa_t page_gpa;
};

/* Register `number` in `size` bytes; without REX, byte registers 4..7 are AH, CH, DH, BH. */
uint64_t operand_reg_read(const struct emulator *emu, uint32_t number, uint32_t size);
void operand_reg_write(struct emulator *emu, uint32_t number, uint32_t size, uint64_t value);

/* Write to a full register (never AH..BH) as address arithmetic does: 2 bytes merge, 4 bytes clear the rest.
 */
void operand_address_reg_write(struct emulator *emu, uint32_t number, uint32_t size, uint64_t value);

/* Offset in its segment of the ModRM or moffs operand, cut to the address size. */
uint64_t operand_effective_offset(const struct emulator *emu);

/*
 * Check segment and paging for `size` bytes at seg:offset and translate each page. `access` is WALK_READ or
 * WALK_WRITE. EMULATE_DONE, or EMULATE_EXCEPTION, EMULATE_RETRY, EMULATE_UNHANDLED with nothing touched.
 */
enum emulate_result operand_prepare(struct emulator *emu, struct operand *operand, enum x86_sreg seg,
                                    uint64_t offset, uint32_t size, uint32_t access);

/* Little-endian bytes of a prepared operand; neither call can fail. */
void operand_read_bytes(struct emulator *emu, const struct operand *operand, void *bytes);
void operand_write_bytes(struct emulator *emu, const struct operand *operand, const void *bytes);

/* The same for operands of 1..8 bytes. */
uint64_t operand_read(struct emulator *emu, const struct operand *operand);
void operand_write(struct emulator *emu, const struct operand *operand, uint64_t value);

/*
 * Replace `old`, which was read before, as one atomic step where the operand is RAM. EMULATE_RETRY if another
 * CPU changed it meanwhile. Devices see a plain write.
 */
enum emulate_result operand_replace(struct emulator *emu, const struct operand *operand, uint64_t old,
                                    uint64_t value);

enum emulate_result emulate_raise(struct emulator *emu, enum x86_vector vector);
enum emulate_result emulate_raise_code(struct emulator *emu, enum x86_vector vector, uint32_t code);

/*
 * Walk the guest's tables for `linear`, with the CPL and AC of the moment; `walk` is filled and has the
 * result for EMULATE_DONE. `stack`: a non-canonical address is #SS.
 */
enum emulate_result operand_translate(struct emulator *emu, struct guest_walk *walk, uint64_t linear,
                                      uint32_t access, bool stack);

/* The two halves of emulate_instruction(): one memory operand, and string instructions. */
enum emulate_result emulate_memory(struct emulator *emu);

/* PUSHF with the flags in `emu->regs`; for an exit that keeps the CPU's own from being seen. */
enum emulate_result emulate_push_flags(struct emulator *emu);
enum emulate_result emulate_string(struct emulator *emu);
