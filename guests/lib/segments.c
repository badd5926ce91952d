/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT and TSS, built once at start; tests change stacks only. */
#include "guests/lib/segments.h"

#include "lib/bits.h"

#define STACK_SIZE 8192
#define STACKS     4

_Static_assert(sizeof(struct tss64) == 104, "TSS of long mode");

static uint8_t stacks[STACKS][STACK_SIZE] __attribute__((aligned(16)));
static struct tss64 tss;

static uint64_t gdt[SEL_END / 8] __attribute__((aligned(16))) = {
    [SEL_CODE64 / 8] = 0x00AF9B000000FFFF,      [SEL_DATA / 8] = 0x00CF93000000FFFF,
    [SEL_CODE32 / 8] = 0x00CF9B000000FFFF,      [SEL_USER_DATA / 8] = 0x00CFF3000000FFFF,
    [SEL_USER_CODE64 / 8] = 0x00AFFB000000FFFF, [SEL_CODE16 / 8] = 0x00009B100000FFFF,
    [SEL_DATA16 / 8] = 0x000093000000FFFF,      [SEL_ABSENT / 8] = 0x00CF13000000FFFF,
    [SEL_ABSENT_CODE / 8] = 0x00AF1B000000FFFF, [SEL_USER_CODE32 / 8] = 0x00CFFB000000FFFF,
};

struct descriptor_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

void segments_set_stack(unsigned int slot, uint64_t top)
{
    uint32_t *at = slot == 0 ? tss.rsp[0] : tss.ist[slot - 1];

    at[0] = (uint32_t)top;
    at[1] = (uint32_t)(top >> 32);
}

uint64_t segments_stack(unsigned int slot)
{
    const uint32_t *at = slot == 0 ? tss.rsp[0] : tss.ist[slot - 1];

    return (uint64_t)at[1] << 32 | at[0];
}

void segments_load(void)
{
    struct descriptor_pointer pointer = {sizeof(gdt) - 1, (uintptr_t)gdt};

    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %2, %%ds\n\t"
                     "movl %2, %%es\n\t"
                     "movl %2, %%ss"
                     :
                     : "m"(pointer), "i"(SEL_CODE64), "r"(SEL_DATA)
                     : "rax", "memory");
}

void segments_init(void)
{
    uint64_t base = (uintptr_t)&tss;

    tss.io_map = sizeof(tss);
    for (unsigned int i = 0; i < STACKS; i++)
        segments_set_stack(i, (uintptr_t)stacks[i] + STACK_SIZE);
    gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | field_make(base, FIELD(39, 16)) | UINT64_C(0x89) << 40 |
                       field_make(base >> 24, FIELD(63, 56));
    gdt[SEL_TSS / 8 + 1] = base >> 32;
    segments_load();
    __asm__ volatile("ltr %w0" ::"r"(SEL_TSS));
}
