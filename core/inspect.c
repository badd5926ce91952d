/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holding vCPUs. The count is the truth: whoever raises it asks the owner, the owner gives way at its next
 * look, and whoever lowers it to nothing wakes the vCPU. Owner and last holder each write before they read
 * (state, count), so one of them sees the other.
 */
#include "core/inspect.h"

#include "core/arch.h"
#include "core/sched.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

#define COLUMNS 3 /* registers in a line */

void vcpu_hold(struct vcpu *vcpu)
{
    atomic_fetch_add_explicit(&vcpu->hold_count, 1, memory_order_seq_cst);
    vcpu_request(vcpu, VCPU_REQ_HOLD);
}

void vcpu_release(struct vcpu *vcpu)
{
    if (atomic_fetch_sub_explicit(&vcpu->hold_count, 1, memory_order_seq_cst) == 1)
        (void)sched_wake(vcpu, VCPU_HELD);
}

void vcpu_enter_hold(struct vcpu *vcpu)
{
    sched_leave(vcpu);
    atomic_store_explicit(&vcpu->state, VCPU_HELD, memory_order_seq_cst);
    if (atomic_load_explicit(&vcpu->hold_count, memory_order_seq_cst) == 0)
        (void)sched_wake(vcpu, VCPU_HELD);
}

void vm_pause(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_hold(vm->vcpus[i]);
}

void vm_resume(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_release(vm->vcpus[i]);
}

bool vm_is_held(const struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        if (!vcpu_is_held(vm->vcpus[i]))
            return false;
    return true;
}

/* The piece of [at, at + left) that lies in one page. */
static size_t piece_of(uint64_t at, size_t left)
{
    return min_u64(PAGE_SIZE - (at & (PAGE_SIZE - 1)), left);
}

int inspect_read(struct vcpu *vcpu, gva_t from, void *to, size_t size, size_t *done)
{
    size_t at = 0;
    int error = 0;

    while (at < size && error == 0) {
        size_t piece = piece_of(from.v + at, size - at);
        gpa_t where;

        error = arch_guest_translate(vcpu, gva(from.v + at), &where);
        if (error == 0)
            error = guest_read(vcpu->vm, where, (uint8_t *)to + at, piece);
        at += error == 0 ? piece : 0;
    }
    if (done != NULL)
        *done = at;
    return error;
}

int inspect_write(struct vcpu *vcpu, gva_t to, const void *from, size_t size, size_t *done)
{
    size_t at = 0;
    int error = 0;

    while (at < size && error == 0) {
        size_t piece = piece_of(to.v + at, size - at);
        gpa_t where;

        error = arch_guest_translate(vcpu, gva(to.v + at), &where);
        if (error == 0)
            error = guest_write(vcpu->vm, where, (const uint8_t *)from + at, piece);
        at += error == 0 ? piece : 0;
    }
    if (done != NULL)
        *done = at;
    return error;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

int inspect_reg_find(const char *name, size_t length)
{
    for (uint32_t i = 0; i < arch_reg_count; i++) {
        const char *reg = arch_regs[i].name;
        size_t n = 0;

        while (n < length && reg[n] != '\0' && reg[n] == lower(name[n]))
            n++;
        if (n == length && reg[n] == '\0')
            return (int)i;
    }
    return -1;
}

void inspect_bits(char *text, size_t size, uint64_t value, const char *names)
{
    size_t at = strlen(text);

    for (uint32_t bit = 0; bit < 64; bit++) {
        size_t length = 0;

        while (names[length] != ',' && names[length] != '\0')
            length++;
        if ((value & BIT(bit)) != 0 && at < size)
            at += (size_t)(length != 0 ? fmt_snprintf(text + at, size - at, " %.*s", (int)length, names)
                                       : fmt_snprintf(text + at, size - at, " bit%u", bit));
        names += length + (names[length] == ',');
    }
}

bool inspect_regs_line(struct vcpu *vcpu, uint32_t group, uint32_t *next, char *text, size_t size)
{
    size_t at = 0;
    uint32_t columns = 0;

    for (; *next < arch_reg_count && columns < COLUMNS; ++*next) {
        const struct arch_reg *reg = &arch_regs[*next];

        if (reg->group != group)
            continue;
        at += (size_t)fmt_snprintf(text + at, size - at, "%-7s %0*lx%*s  ", reg->name, 2 * reg->size,
                                   arch_vcpu_reg_get(vcpu, *next), 16 - 2 * reg->size, "");
        columns++;
    }
    while (at > 0 && text[at - 1] == ' ')
        text[--at] = '\0';
    return columns != 0;
}

bool inspect_stack_line(struct vcpu *vcpu, struct inspect_stack *stack, char *text, size_t size)
{
    uint64_t frame[2];

    if (stack->ended)
        return false;
    if (stack->count++ == 0) {
        fmt_snprintf(text, size, "#0  0x%016lx", arch_vcpu_reg_get(vcpu, arch_reg_pc));
        stack->frame = arch_vcpu_reg_get(vcpu, arch_reg_fp);
        return true;
    }
    if (inspect_read(vcpu, gva(stack->frame), frame, sizeof(frame), NULL) != 0) {
        fmt_snprintf(text, size, "frame 0x%lx is not in memory", stack->frame);
        stack->ended = true;
        return true;
    }
    fmt_snprintf(text, size, "#%-2u 0x%016lx  frame 0x%lx", stack->count - 1, frame[1], stack->frame);
    stack->ended = frame[1] == 0 || frame[0] <= stack->frame;
    stack->frame = frame[0];
    return true;
}
