/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any instruction on any registers with damaged page tables and segments. The invariants of
 * arch/x86/emulate.h must hold: aligned device accesses, RIP moved by the length or not at all, nothing
 * changed by a fault or retry except finished REP iterations, and a bounded amount of work.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_guest.h"

static struct fake_guest guest;

static void require(int condition)
{
    if (!condition)
        abort();
}

/* A bounded reader of the fuzzer's bytes: zeros after the end. */
struct input {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct input *input, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size && input->size > 0; i++) {
        value |= (uint64_t)*input->data++ << (8 * i);
        input->size--;
    }
    return value;
}

/* Addresses where something is, near their edges, or anything at all. */
static uint64_t take_register(struct input *input)
{
    static const uint64_t places[] = {
        FAKE_DEVICE, FAKE_DEVICE + 0xff8, 0x5000, 0x7fff8, FAKE_ROM, 0xfff8, 16, 0};
    uint8_t kind = (uint8_t)take(input, 1);
    if (kind >= 0xf0)
        return take(input, 8);
    return places[kind & 7] + (kind >> 3);
}

static void set_up(struct input *input)
{
    uint8_t mode = (uint8_t)take(input, 1);
    if (mode % 3 == 0)
        fake_mode_16(&guest);
    else if (mode % 3 == 1)
        fake_mode_32(&guest);
    else
        fake_mode_64(&guest);
    guest.mode.cpl = (mode & 0x80) != 0 ? 3 : 0;
    guest.mode.cr4 |= (mode & 0x40) != 0 ? CR4_SMAP | CR4_SMEP : 0;
    guest.emu.fault_valid = (mode & 0x20) != 0;
    guest.emu.fault_is_write = (mode & 0x10) != 0;
    guest.emu.fault_gpa = gpa(FAKE_DEVICE + (mode & 8));
    guest.cmpxchg_busy = (int)(take(input, 1) & 3);
    guest.regs.rflags = (take(input, 4) & 0x3f7fd5) | RFLAGS_ONE;
    for (uint32_t i = 0; i < X86_GPRS; i++)
        guest.regs.gpr[i] = take_register(input);
    for (uint32_t damage = (uint32_t)take(input, 1) & 3; damage > 0; damage--)
        guest.ram[FAKE_TABLES + (take(input, 2) & 0x7fff)] ^= (uint8_t)take(input, 1);
    uint32_t seg = (uint32_t)take(input, 1) & 7;
    if (seg < X86_SREGS && seg != X86_CS) {
        guest.segs[seg].attr = (uint16_t)take(input, 2) & 0xfff;
        guest.segs[seg].limit = (uint32_t)take(input, 4);
        guest.segs[seg].base = take(input, 4);
    }
    guest.regs.rip = FAKE_CODE + ((mode & 4) != 0 ? 0xff8 : 0);
    for (uint32_t i = 0; i < 15; i++)
        guest.ram[guest.regs.rip + i] = (uint8_t)take(input, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    set_up(&input);

    struct x86_regs before = guest.regs;
    enum emulate_result result = emulate_instruction(&guest.emu);
    require(guest.misaligned == 0);
    require(guest.log_count <= EMULATE_REP_CHUNK * 32);
    bool string = guest.emu.insn.form == INSN_FORM_STRING;
    bool unchanged = memcmp(&before, &guest.regs, sizeof(before)) == 0;
    switch (result) {
    case EMULATE_DONE:
        require(guest.regs.rip == before.rip + guest.emu.insn.length);
        break;
    case EMULATE_REPEAT:
        require(string && guest.regs.rip == before.rip);
        break;
    case EMULATE_EXCEPTION:
        require(guest.regs.rip == before.rip);
        require(string || (unchanged && guest.log_count == 0));
        require(guest.emu.exception.vector == X86_PF || guest.emu.exception.cr2 == 0);
        break;
    case EMULATE_RETRY:
        require(unchanged);
        break;
    default:
        require(result == EMULATE_UNHANDLED && (string || (unchanged && guest.log_count == 0)));
        break;
    }
    return 0;
}
