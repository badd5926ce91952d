/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads and writes of prepared operands. Devices see naturally aligned accesses of 1, 2, 4 or 8 bytes in
 * ascending order: an access that is misaligned or crosses a page is cut into such pieces, each byte touched
 * exactly once.
 */
#include "arch/x86/emulate_operand.h"

#include "lib/bits.h"
#include "lib/error.h"
#include "lib/string.h"

static uint32_t piece_size(uint64_t at, uint32_t left)
{
    uint32_t size = (uint32_t)1 << __builtin_ctzll(at | 8);
    while (size > left)
        size >>= 1;
    return size;
}

static void device_read(struct emulator *emu, gpa_t at, uint8_t *bytes, uint32_t size)
{
    while (size > 0) {
        uint32_t piece = piece_size(at.v, size);
        uint64_t value = emu->ops->mmio_read(emu->ctx, at, piece);
        memcpy(bytes, &value, piece);
        bytes += piece;
        at.v += piece;
        size -= piece;
    }
}

static void device_write(struct emulator *emu, gpa_t at, const uint8_t *bytes, uint32_t size)
{
    while (size > 0) {
        uint32_t piece = piece_size(at.v, size);
        uint64_t value = 0;
        memcpy(&value, bytes, piece);
        emu->ops->mmio_write(emu->ctx, at, piece, value);
        bytes += piece;
        at.v += piece;
        size -= piece;
    }
}

void operand_read_bytes(struct emulator *emu, const struct operand *operand, void *bytes)
{
    uint8_t *to = bytes;
    for (uint32_t i = 0; i < operand->part_count; i++) {
        const struct operand_part *part = &operand->parts[i];
        if (part->is_device || emu->ops->ram_read(emu->ctx, part->at, to, part->size) != 0)
            device_read(emu, part->at, to, part->size);
        to += part->size;
    }
}

void operand_write_bytes(struct emulator *emu, const struct operand *operand, const void *bytes)
{
    const uint8_t *from = bytes;
    for (uint32_t i = 0; i < operand->part_count; i++) {
        const struct operand_part *part = &operand->parts[i];
        if (part->is_device || emu->ops->ram_write(emu->ctx, part->at, from, part->size) != 0)
            device_write(emu, part->at, from, part->size);
        from += part->size;
    }
}

/* The common case: one aligned device register. */
static bool is_device_register(const struct operand *operand)
{
    const struct operand_part *part = &operand->parts[0];
    return operand->part_count == 1 && part->is_device && (part->at.v & (part->size - 1)) == 0;
}

uint64_t operand_read(struct emulator *emu, const struct operand *operand)
{
    if (LIKELY(is_device_register(operand)))
        return emu->ops->mmio_read(emu->ctx, operand->parts[0].at, operand->size) & bytes_mask(operand->size);
    uint64_t value = 0;
    operand_read_bytes(emu, operand, &value);
    return value;
}

void operand_write(struct emulator *emu, const struct operand *operand, uint64_t value)
{
    if (LIKELY(is_device_register(operand)))
        emu->ops->mmio_write(emu->ctx, operand->parts[0].at, operand->size,
                             value & bytes_mask(operand->size));
    else
        operand_write_bytes(emu, operand, &value);
}

enum emulate_result operand_replace(struct emulator *emu, const struct operand *operand, uint64_t old,
                                    uint64_t value)
{
    const struct operand_part *part = &operand->parts[0];
    bool aligned = operand->part_count == 1 && (part->at.v & (operand->size - 1)) == 0;
    if (part->is_device || !aligned) {
        operand_write(emu, operand, value);
        return EMULATE_DONE;
    }
    /* Bytes and words are exchanged inside their aligned four bytes. */
    uint32_t width = operand->size == 8 ? 8 : 4;
    uint64_t field = bytes_mask(operand->size);
    uint32_t shift = 8 * (uint32_t)(part->at.v & (width - 1));
    gpa_t at = gpa(align_down(part->at.v, width));
    uint64_t expected = 0;

    if (emu->ops->ram_read(emu->ctx, at, &expected, width) != 0) {
        operand_write(emu, operand, value);
        return EMULATE_DONE;
    }
    if ((expected >> shift & field) != (old & field))
        return EMULATE_RETRY;
    uint64_t desired = (expected & ~(field << shift)) | (value & field) << shift;
    int error = emu->ops->ram_cmpxchg(emu->ctx, at, width, &expected, desired);
    if (error == E_BUSY)
        return EMULATE_RETRY;
    if (error != 0)
        operand_write(emu, operand, value);
    return EMULATE_DONE;
}
