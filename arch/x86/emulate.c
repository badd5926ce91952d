/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry points of the emulator: fetch through the guest's page tables, decode, dispatch, step RIP.
 */
#include "arch/x86/emulate.h"

#include "arch/x86/emulate_operand.h"
#include "lib/bits.h"

void emulate_advance(struct x86_regs *regs, const struct insn *insn)
{
    uint64_t next = regs->rip + insn->length;
    regs->rip = insn->mode == INSN_MODE_64 ? next : next & FIELD(31, 0);
    regs->rflags &= ~RFLAGS_RF;
}

/* Adds what the page at `linear` holds to emu->bytes, up to `want` bytes in all. */
static enum emulate_result fetch_page(struct emulator *emu, struct guest_walk *walk, uint64_t linear,
                                      uint32_t want)
{
    enum emulate_result result = operand_translate(emu, walk, linear, WALK_FETCH, false);
    if (result != EMULATE_DONE)
        return result;
    uint32_t size = (uint32_t)min_u64(want - emu->bytes_count, PAGE_SIZE - (linear & (PAGE_SIZE - 1)));
    if (emu->ops->ram_read(emu->ctx, walk->gpa, &emu->bytes[emu->bytes_count], size) != 0)
        return EMULATE_UNHANDLED; /* code in device memory */
    emu->bytes_count = (uint8_t)(emu->bytes_count + size);
    return EMULATE_DONE;
}

/* How many of the 15 bytes lie inside CS: all of them in 64-bit mode. */
static uint32_t bytes_within_limit(const struct emulator *emu)
{
    const struct x86_seg *cs = &emu->mode->segs[X86_CS];
    if (cpu_mode_is_64(emu->mode))
        return INSN_LENGTH_MAX;
    if (emu->regs->rip > cs->limit)
        return 0;
    return (uint32_t)min_u64(INSN_LENGTH_MAX, (uint64_t)cs->limit - emu->regs->rip + 1);
}

static enum emulate_result fetch_and_decode(struct emulator *emu, enum decode_status *status)
{
    enum insn_mode mode = cpu_mode_of_code(emu->mode);
    uint64_t base = mode == INSN_MODE_64 ? 0 : emu->mode->segs[X86_CS].base;
    uint64_t mask = mode == INSN_MODE_64 ? ~UINT64_C(0) : FIELD(31, 0);
    uint32_t want = bytes_within_limit(emu);

    emu->bytes_count = 0;
    *status = DECODE_MORE;
    /* Two pages at most; the second only if the instruction really reaches into it. */
    for (uint32_t page = 0; page < 2 && *status == DECODE_MORE && emu->bytes_count < want; page++) {
        uint64_t linear = (base + emu->regs->rip + emu->bytes_count) & mask;
        struct guest_walk walk;
        enum emulate_result result = fetch_page(emu, &walk, linear, want);
        if (result != EMULATE_DONE)
            return result;
        *status = decode_insn(emu->bytes, emu->bytes_count, mode, &emu->insn);
    }
    return EMULATE_DONE;
}

enum emulate_result emulate_decode(struct emulator *emu)
{
    enum decode_status status = DECODE_MORE;

    if (emu->bytes_count > 0)
        status = decode_insn(emu->bytes, emu->bytes_count, cpu_mode_of_code(emu->mode), &emu->insn);
    if (status == DECODE_MORE) {
        enum emulate_result result = fetch_and_decode(emu, &status);
        if (result != EMULATE_DONE)
            return result;
    }
    switch (status) {
    case DECODE_OK:
        return EMULATE_DONE;
    case DECODE_INVALID:
        return emulate_raise(emu, X86_UD);
    case DECODE_MORE: /* ran into the limit of CS */
    case DECODE_TOO_LONG:
    default:
        return emulate_raise_code(emu, X86_GP, 0);
    }
}

enum emulate_result emulate_instruction(struct emulator *emu)
{
    enum emulate_result result = emulate_decode(emu);
    if (result != EMULATE_DONE)
        return result;
    if (emu->insn.op == INSN_UD)
        return emulate_raise(emu, X86_UD);
    if (emu->insn.op == INSN_PUSHF)
        result = emulate_push_flags(emu);
    else if (!decode_is_memory_op(&emu->insn))
        return EMULATE_UNHANDLED;
    else
        result = emu->insn.form == INSN_FORM_STRING ? emulate_string(emu) : emulate_memory(emu);
    if (result == EMULATE_DONE)
        emulate_advance(emu->regs, &emu->insn);
    return result;
}
