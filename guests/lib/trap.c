/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDT, and the last resort for traps that a program does not expect. */
#include "guests/lib/trap.h"

#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/print.h"
#include "guests/lib/segments.h"

#define STUB_SIZE 16

extern const char trap_stubs[];

struct idt_gate idt[256] __attribute__((aligned(4096)));

void trap_set_gate(uint8_t vector, uintptr_t entry, uint8_t ist, uint8_t type)
{
    idt[vector] = (struct idt_gate){
        .offset_low = (uint16_t)entry,
        .selector = SEL_CODE64,
        .ist = ist,
        .type = type,
        .offset_mid = (uint16_t)(entry >> 16),
        .offset_high = (uint32_t)(entry >> 32),
    };
}

void trap_reset_gate(uint8_t vector, uint8_t ist, uint8_t type)
{
    trap_set_gate(vector, (uintptr_t)trap_stubs + (uintptr_t)vector * STUB_SIZE, ist, type);
}

void trap_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uintptr_t)idt};

    __asm__ volatile("lidt %0" ::"m"(pointer));
}

void trap_init(void)
{
    for (unsigned int i = 0; i < 256; i++)
        trap_reset_gate((uint8_t)i, 0, GATE_INTERRUPT);
    trap_exit = (uintptr_t)trap_iretq;
    trap_load();
}

_Noreturn void trap_unexpected(const struct trap_frame *frame)
{
    print("UNEXPECTED vector %u error 0x%lx rip 0x%lx cs 0x%lx rflags 0x%lx rsp 0x%lx cr2 0x%lx\n",
          (unsigned int)frame->vector, frame->error, frame->rip, frame->cs, frame->rflags, frame->rsp,
          read_cr2());
    guest_exit(255);
}
