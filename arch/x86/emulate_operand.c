/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers, effective addresses, segment checks and translation. Everything that can fail happens here, in
 * operand_prepare(); reads and writes of a prepared operand are in emulate_access.c and cannot.
 */
#include "arch/x86/emulate_operand.h"

#include "lib/bits.h"

static bool is_high_byte(const struct emulator *emu, uint32_t number, uint32_t size)
{
    return size == 1 && emu->insn.rex == 0 && number >= X86_RSP && number <= X86_RDI;
}

uint64_t operand_reg_read(const struct emulator *emu, uint32_t number, uint32_t size)
{
    if (is_high_byte(emu, number, size))
        return emu->regs->gpr[number - 4] >> 8 & 0xff;
    return emu->regs->gpr[number & 15] & bytes_mask(size);
}

void operand_reg_write(struct emulator *emu, uint32_t number, uint32_t size, uint64_t value)
{
    if (is_high_byte(emu, number, size)) {
        uint64_t *reg = &emu->regs->gpr[number - 4];
        *reg = field_set(*reg, FIELD(15, 8), value & 0xff);
        return;
    }
    uint64_t *reg = &emu->regs->gpr[number & 15];
    uint64_t mask = size == 4 ? ~UINT64_C(0) : bytes_mask(size);
    *reg = (*reg & ~mask) | (value & bytes_mask(size));
}

void operand_address_reg_write(struct emulator *emu, uint32_t number, uint32_t size, uint64_t value)
{
    uint64_t *reg = &emu->regs->gpr[number & 15];
    uint64_t mask = size == 4 ? ~UINT64_C(0) : bytes_mask(size);
    *reg = (*reg & ~mask) | (value & bytes_mask(size));
}

uint64_t operand_effective_offset(const struct emulator *emu)
{
    const struct insn *insn = &emu->insn;
    uint64_t offset = insn->disp;

    if (insn->base != INSN_NO_REG)
        offset += emu->regs->gpr[insn->base & 15];
    if (insn->index != INSN_NO_REG)
        offset += emu->regs->gpr[insn->index & 15] << insn->scale;
    if (insn->rip_relative)
        offset += emu->regs->rip + insn->length;
    return offset & bytes_mask(insn->addr_size);
}

enum emulate_result emulate_raise(struct emulator *emu, enum x86_vector vector)
{
    emu->exception = (struct emulate_exception){.vector = (uint8_t)vector};
    return EMULATE_EXCEPTION;
}

enum emulate_result emulate_raise_code(struct emulator *emu, enum x86_vector vector, uint32_t code)
{
    emu->exception =
        (struct emulate_exception){.vector = (uint8_t)vector, .has_error_code = true, .error_code = code};
    return EMULATE_EXCEPTION;
}

/* Offsets [first, last] against the limit; expand-down data segments hold what lies above it. */
static bool is_within_limit(const struct x86_seg *segment, uint64_t first, uint64_t last, bool protected_mode)
{
    bool is_data = (segment->attr & BIT(3)) == 0;
    bool expand_down = protected_mode && is_data && (segment->attr & BIT(2)) != 0;

    if (!expand_down)
        return last <= segment->limit;
    uint64_t top = (segment->attr & X86_SEG_DB) != 0 ? UINT32_MAX : UINT16_MAX;
    return first > segment->limit && last <= top;
}

static bool is_type_allowed(const struct x86_seg *segment, uint32_t access)
{
    bool is_code = (segment->attr & BIT(3)) != 0;
    bool bit1 = (segment->attr & BIT(1)) != 0; /* code: readable; data: writable */

    if ((segment->attr & X86_SEG_P) == 0)
        return false;
    if ((access & WALK_WRITE) != 0)
        return !is_code && bit1;
    return !is_code || bit1;
}

/* Segmentation: seg:offset to a linear address, with every check the CPU makes before paging. */
static enum emulate_result linearize(struct emulator *emu, enum x86_sreg seg, uint64_t offset, uint32_t size,
                                     uint32_t access, uint64_t *linear)
{
    const struct x86_cpu_mode *mode = emu->mode;
    const struct x86_seg *segment = &mode->segs[seg];
    enum x86_vector vector = seg == X86_SS ? X86_SSF : X86_GP;

    if (cpu_mode_is_64(mode)) {
        *linear = offset + (seg >= X86_FS ? segment->base : 0);
        bool good = cpu_mode_is_canonical(mode, *linear) && cpu_mode_is_canonical(mode, *linear + size - 1);
        return good ? EMULATE_DONE : emulate_raise_code(emu, vector, 0);
    }
    bool protected_mode = (mode->cr0 & CR0_PE) != 0 && (emu->regs->rflags & RFLAGS_VM) == 0;
    if (protected_mode && !is_type_allowed(segment, access))
        return emulate_raise_code(emu, vector, 0);
    if (!is_within_limit(segment, offset, offset + size - 1, protected_mode))
        return emulate_raise_code(emu, vector, 0);
    *linear = (segment->base + offset) & FIELD(31, 0);
    return EMULATE_DONE;
}

enum emulate_result operand_translate(struct emulator *emu, struct guest_walk *walk, uint64_t linear,
                                      uint32_t access, bool stack)
{
    walk->mode = emu->mode;
    walk->ops = emu->ops;
    walk->ctx = emu->ctx;
    walk->pdptes = emu->pdptes;
    walk->phys_bits = emu->phys_bits;
    walk->has_1g_pages = emu->has_1g_pages;
    if (emu->mode->cpl == 3)
        access |= WALK_USER;
    if ((emu->regs->rflags & RFLAGS_AC) != 0)
        access |= WALK_AC;

    switch (guest_walk(walk, gva(linear), access)) {
    case WALK_OK:
        return EMULATE_DONE;
    case WALK_PAGE_FAULT:
        (void)emulate_raise_code(emu, X86_PF, walk->error_code);
        emu->exception.cr2 = linear;
        return EMULATE_EXCEPTION;
    case WALK_NON_CANONICAL:
        return emulate_raise_code(emu, stack ? X86_SSF : X86_GP, 0);
    case WALK_RETRY:
        return EMULATE_RETRY;
    case WALK_BAD_TABLE:
    default:
        return EMULATE_UNHANDLED;
    }
}

static enum emulate_result prepare_part(struct emulator *emu, struct operand *operand, uint64_t linear,
                                        uint32_t size, uint32_t access, bool stack)
{
    struct operand_part *part = &operand->parts[operand->part_count];
    uint64_t page = align_down(linear, PAGE_SIZE);

    if (!operand->page_valid || operand->page != page) {
        struct guest_walk walk;
        enum emulate_result result = operand_translate(emu, &walk, linear, access, stack);
        if (result != EMULATE_DONE)
            return result;
        operand->page_valid = true;
        operand->page = page;
        operand->page_gpa = gpa(align_down(walk.gpa.v, PAGE_SIZE));
    }
    *part = (struct operand_part){.at = gpa(operand->page_gpa.v + (linear - page)), .size = size};
    operand->part_count++;
    return EMULATE_DONE;
}

/*
 * The access that made the CPU exit passed every check already, so an operand that begins at the same page
 * offset is it. Not for instructions with two memory operands, where either could have been the one that
 * faulted.
 */
static bool operand_is_fault(const struct emulator *emu, struct operand *operand, enum x86_sreg seg,
                             uint64_t offset, uint32_t size, uint32_t access)
{
    const struct insn *insn = &emu->insn;
    if (!emu->fault_valid || ((access & WALK_WRITE) != 0 && !emu->fault_is_write))
        return false;
    if (insn->form == INSN_FORM_STRING || insn->op == INSN_PUSH || insn->op == INSN_POP)
        return false;
    if (seg >= X86_FS || !cpu_mode_is_64(emu->mode))
        offset += emu->mode->segs[seg].base;
    uint64_t in_page = emu->fault_gpa.v & (PAGE_SIZE - 1);
    if ((offset & (PAGE_SIZE - 1)) != in_page || in_page + size > PAGE_SIZE)
        return false;
    operand->size = size;
    operand->part_count = 1;
    operand->parts[0] = (struct operand_part){.at = emu->fault_gpa, .size = size, .is_device = true};
    return true;
}

enum emulate_result operand_prepare(struct emulator *emu, struct operand *operand, enum x86_sreg seg,
                                    uint64_t offset, uint32_t size, uint32_t access)
{
    uint64_t linear = 0;
    if (operand_is_fault(emu, operand, seg, offset, size, access))
        return EMULATE_DONE;
    enum emulate_result result = linearize(emu, seg, offset, size, access, &linear);
    if (result != EMULATE_DONE)
        return result;

    operand->size = size;
    operand->part_count = 0;
    uint64_t in_page = PAGE_SIZE - (linear & (PAGE_SIZE - 1));
    if (LIKELY(size <= in_page))
        return prepare_part(emu, operand, linear, size, access, seg == X86_SS);
    uint32_t head = (uint32_t)in_page;
    result = prepare_part(emu, operand, linear, head, access, seg == X86_SS);
    if (result != EMULATE_DONE)
        return result;
    linear += head;
    if (!cpu_mode_is_64(emu->mode))
        linear &= FIELD(31, 0);
    return prepare_part(emu, operand, linear, size - head, access, seg == X86_SS);
}
