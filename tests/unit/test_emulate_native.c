/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole emulator against an oracle: random memory instructions run natively on the CPU of the test and
 * emulated on a fake device with the same registers, flags and bytes; all registers, defined flags and memory
 * must agree.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "tests/unit/fake_guest.h"

#define INSTRUCTIONS 100000
#define BUFFER       UINT64_C(0x31000000) /* host memory that stands for the device; below 2 GiB */
#define BUFFER_SIZE  8192u
#define STATE        UINT64_C(0x32000000) /* struct native, reached by 32-bit absolute addresses */
#define CODE         UINT64_C(0x33000000)
#define STATUS       (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

struct native {
    uint64_t gpr[X86_GPRS];
    uint64_t rflags;
    uint64_t host_rsp;
};

static struct fake_guest guest;
static struct native *native;
static uint8_t *code;
static uint64_t seed = 0x13198a2e03707344;
static uint32_t tried[INSN_OP_COUNT];

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* `opcode` with a register and a 64-bit absolute operand. */
static uint8_t *put_absolute(uint8_t *at, uint8_t rex, uint8_t opcode, uint32_t reg, uint64_t address)
{
    uint8_t head[] = {(uint8_t)(rex | (reg >= 8 ? 4 : 0)), opcode, (uint8_t)((reg & 7) << 3 | 4), 0x25};
    at = put(at, head, sizeof(head));
    return put(at, &address, 4);
}

/* Loads registers and flags from *native, runs the instruction, stores them back. RSP stays the host's. */
static void run_native(const uint8_t *insn, uint32_t length)
{
    uint8_t *at = put(code, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10); /* push rbx, rbp, r12..r15 */
    at = put_absolute(at, 0x48, 0x89, X86_RSP, STATE + offsetof(struct native, host_rsp));
    at = put_absolute(at, 0x40, 0xff, 6, STATE + offsetof(struct native, rflags)); /* push */
    at = put(at, "\x9d", 1);
    for (uint32_t i = 0; i < X86_GPRS; i++)
        if (i != X86_RSP)
            at = put_absolute(at, 0x48, 0x8b, i, STATE + 8 * i);
    at = put(at, insn, length);
    for (uint32_t i = 0; i < X86_GPRS; i++)
        if (i != X86_RSP)
            at = put_absolute(at, 0x48, 0x89, i, STATE + 8 * i);
    at = put_absolute(at, 0x48, 0x8b, X86_RSP, STATE + offsetof(struct native, host_rsp));
    at = put(at, "\x9c", 1);
    at = put_absolute(at, 0x40, 0x8f, 0, STATE + offsetof(struct native, rflags)); /* pop */
    at = put(at, "\xfc\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 12);          /* cld, pops, ret */

    void (*run)(void);
    *(void **)(void *)&run = code;
    run();
}

static uint64_t defined_flags(const struct insn *insn, uint64_t cl)
{
    uint64_t count = insn->form == INSN_FORM_RM_CL ? cl : insn->imm;
    count &= insn->op_size == 8 ? 63 : 31;
    switch (insn->op) {
    case INSN_AND:
    case INSN_OR:
    case INSN_XOR:
    case INSN_TEST:
        return STATUS & ~RFLAGS_AF;
    case INSN_BT:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        return RFLAGS_CF | RFLAGS_ZF;
    case INSN_SHL:
    case INSN_SHR:
    case INSN_SAR:
        if (count == 0)
            return STATUS;
        return (STATUS & ~RFLAGS_AF) & ~(count != 1 ? RFLAGS_OF : 0) &
               ~(insn->op != INSN_SAR && count >= 8u * insn->op_size ? RFLAGS_CF : 0);
    case INSN_ROL:
    case INSN_ROR:
    case INSN_RCL:
    case INSN_RCR:
        return STATUS & ~(count > 1 ? RFLAGS_OF : 0);
    default:
        return STATUS;
    }
}

/* Bytes that often make a memory instruction: prefixes, REX, an opcode, ModRM and what follows. */
static void make_bytes(uint8_t bytes[15])
{
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf0, 0xf3, 0xf2, 0x3e};
    uint32_t at = 0;
    for (uint32_t i = 0; i < 15; i++)
        bytes[i] = (uint8_t)(next_random() >> 24);
    uint64_t choice = next_random();
    if ((choice & 3) == 0)
        bytes[at++] = prefixes[(choice >> 8) % sizeof(prefixes)];
    if ((choice & 12) == 0)
        bytes[at++] = prefixes[(choice >> 16) % sizeof(prefixes)];
    if ((choice & 0x30) != 0)
        bytes[at++] = 0x40 | (choice >> 24 & 15);
    if ((choice & 0xc0) == 0)
        bytes[at++] = 0x0f;
}

/* Which instructions can run here: no stack, no ports, no 16-byte operands, nothing that needs RSP or RIP. */
static bool is_testable(const struct insn *insn)
{
    if (!decode_is_memory_op(insn) || insn->op == INSN_PUSH || insn->op == INSN_POP || insn->op == INSN_INS ||
        insn->op == INSN_OUTS || insn->mem_size > 8 || insn->op == INSN_MOVBE || insn->seg >= X86_FS)
        return false;
    if (insn->form == INSN_FORM_STRING)
        return true;
    if (insn->form == INSN_FORM_ACC_MOFFS || insn->form == INSN_FORM_MOFFS_ACC)
        return false;
    bool reg_is_rsp = insn->reg == X86_RSP && !(insn->op_size == 1 && insn->rex == 0);
    uint32_t full_reg = insn->op_size == 1 && insn->rex == 0 ? insn->reg & 3u : insn->reg;
    return insn->base != INSN_NO_REG && insn->base != X86_RSP && !reg_is_rsp && insn->index != insn->base &&
           full_reg != insn->base && full_reg != insn->index;
}

/* Registers that make the instruction's operands fall into the buffer. */
static void choose_registers(const struct insn *insn)
{
    for (uint32_t i = 0; i < X86_GPRS; i++)
        native->gpr[i] = (next_random() & 1) != 0 ? next_random() : next_random() & 0xff;
    native->rflags = (next_random() & STATUS) | RFLAGS_ONE | RFLAGS_IF;
    if (insn->form == INSN_FORM_STRING) {
        native->rflags |= (next_random() & 1) != 0 ? RFLAGS_DF : 0;
        native->gpr[X86_RSI] = BUFFER + 1024 + next_random() % 1024;
        native->gpr[X86_RDI] = BUFFER + 3072 + next_random() % 2048;
        native->gpr[X86_RCX] = next_random() % 12;
        return;
    }
    uint64_t middle = BUFFER + 3072 + next_random() % 2048;
    uint64_t index = 0;
    if (insn->op >= INSN_BT && insn->op <= INSN_BTC && insn->form == INSN_FORM_RM_REG)
        native->gpr[insn->reg] = next_random() % 8192 - 4096;
    if (insn->index != INSN_NO_REG) {
        native->gpr[insn->index] = next_random() % 16;
        index = native->gpr[insn->index] << insn->scale;
    }
    native->gpr[insn->base] = middle - insn->disp - index;
}

static void check_one(const uint8_t *bytes, const struct insn *insn)
{
    choose_registers(insn);
    uint8_t *buffer = (uint8_t *)(uintptr_t)BUFFER;
    for (uint32_t i = 0; i < BUFFER_SIZE; i += 8)
        *(uint64_t *)(void *)&buffer[i] = (next_random() & 3) == 0 ? 0 : next_random();
    if (insn->op == INSN_CMPXCHG && insn->base != X86_RAX && insn->index != X86_RAX &&
        (next_random() & 1) != 0) /* make half of them equal */
        memset(buffer, (int)(native->gpr[X86_RAX] = 0), BUFFER_SIZE);
    memcpy(guest.device, buffer, BUFFER_SIZE);
    memcpy(guest.regs.gpr, native->gpr, sizeof(guest.regs.gpr));
    guest.regs.rflags = native->rflags;
    guest.regs.rip = FAKE_CODE;
    guest.log_count = 0;
    guest.emu.bytes_count = 0;
    memcpy(&guest.ram[FAKE_CODE], bytes, 15);
    uint64_t defined = defined_flags(insn, native->gpr[X86_RCX]);

    enum emulate_result result = emulate_instruction(&guest.emu);
    run_native(bytes, insn->length);
    guest.regs.gpr[X86_RSP] = native->gpr[X86_RSP];
    bool same = result == EMULATE_DONE && memcmp(guest.regs.gpr, native->gpr, sizeof(guest.regs.gpr)) == 0 &&
                ((guest.regs.rflags ^ native->rflags) & defined) == 0 &&
                memcmp(guest.device, buffer, BUFFER_SIZE) == 0 && guest.misaligned == 0;
    if (same)
        return;
    for (uint32_t i = 0; i < insn->length; i++)
        print_error("%02x ", bytes[i]);
    fail_msg("op %u size %u: result %d, flags %#jx, CPU %#jx", insn->op, insn->op_size, (int)result,
             (uintmax_t)guest.regs.rflags, (uintmax_t)native->rflags);
}

static void *map_at(uint64_t address, size_t size, int protection)
{
    void *at = mmap((void *)(uintptr_t)address, size, protection,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_equal(at, (void *)(uintptr_t)address);
    return at;
}

static void test_against_cpu(void **state)
{
    (void)state;
    (void)map_at(BUFFER, BUFFER_SIZE, PROT_READ | PROT_WRITE);
    native = map_at(STATE, 4096, PROT_READ | PROT_WRITE);
    code = map_at(CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    fake_mode_64(&guest);
    for (uint64_t page = 0; page < BUFFER_SIZE; page += 4096)
        (void)fake_map(&guest, BUFFER + page, (FAKE_DEVICE + page) | PTE_P | PTE_W | PTE_A | PTE_D);

    for (uint32_t done = 0; done < INSTRUCTIONS;) {
        uint8_t bytes[15];
        struct insn insn;
        make_bytes(bytes);
        if (decode_insn(bytes, sizeof(bytes), INSN_MODE_64, &insn) != DECODE_OK || !is_testable(&insn))
            continue;
        check_one(bytes, &insn);
        tried[insn.op]++;
        done++;
    }
    /* Everything that can be tried was: a generator that stops making something is a test that stops testing.
     */
    for (uint32_t op = INSN_ADD; op <= INSN_SCAS; op++)
        if (op != INSN_PUSH && op != INSN_POP && op != INSN_MOVBE && tried[op] < 20)
            fail_msg("op %u was tried %u times", op, tried[op]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
