/* SPDX-License-Identifier: BSD-2-Clause */
/* Register states a virtual CPU begins with. Pure. */
#include "arch/x86/start_state.h"

#include "lib/string.h"

#define ATTR(type, more) ((uint16_t)((type) | X86_SEG_P | (more)))

static void set_common(struct x86_start_state *state)
{
    memset(state, 0, sizeof(*state));
    state->regs.rflags = RFLAGS_ONE;
    state->ldtr = (struct x86_seg){.attr = ATTR(X86_SEG_TYPE_LDT, 0), .limit = 0xffff};
    state->tr = (struct x86_seg){.attr = ATTR(X86_SEG_TYPE_TSS, 0), .limit = 0xffff};
    state->idt.limit = 0xffff;
    state->gdt.limit = 0xffff;
}

void start_state_reset(struct x86_start_state *state)
{
    set_common(state);
    state->mode = X86_START_REAL;
    state->cr0 = CR0_ET | CR0_NW | CR0_CD;
    for (int i = 0; i < X86_SREGS; i++)
        state->segs[i] = (struct x86_seg){.attr = ATTR(X86_SEG_TYPE_DATA_RW, X86_SEG_S), .limit = 0xffff};
    state->segs[X86_CS].attr = ATTR(X86_SEG_TYPE_CODE_RX, X86_SEG_S);
    state->segs[X86_CS].selector = X86_RESET_CS;
    state->segs[X86_CS].base = X86_RESET_CS_BASE;
    state->regs.rip = X86_RESET_IP;
}

void start_state_sipi(struct x86_start_state *state, uint8_t vector)
{
    start_state_reset(state);
    state->segs[X86_CS].selector = (uint16_t)(vector << 8);
    state->segs[X86_CS].base = (uint64_t)vector << 12;
    state->regs.rip = 0;
}

static void set_flat_segments(struct x86_start_state *state, uint64_t code_size)
{
    for (int i = 0; i < X86_SREGS; i++)
        state->segs[i] = (struct x86_seg){
            .selector = X86_START_DS,
            .attr = ATTR(X86_SEG_TYPE_DATA_RW, X86_SEG_S | X86_SEG_DB | X86_SEG_G),
            .limit = UINT32_MAX,
        };
    state->segs[X86_CS].selector = X86_START_CS;
    state->segs[X86_CS].attr = ATTR(X86_SEG_TYPE_CODE_RX, X86_SEG_S | X86_SEG_G | code_size);
    state->tr.limit = 0x67;
    state->ldtr.limit = 0;
    state->idt.limit = 0;
    state->gdt.limit = 0;
}

void start_state_flat32(struct x86_start_state *state, uint32_t entry)
{
    set_common(state);
    set_flat_segments(state, X86_SEG_DB);
    state->mode = X86_START_FLAT32;
    state->cr0 = CR0_PE | CR0_ET;
    state->regs.rip = entry;
}

void start_state_long64(struct x86_start_state *state, uint64_t entry, uint64_t cr3)
{
    set_common(state);
    set_flat_segments(state, X86_SEG_L);
    state->mode = X86_START_LONG64;
    state->cr0 = CR0_PE | CR0_ET | CR0_PG;
    state->cr3 = cr3;
    state->cr4 = CR4_PAE;
    state->efer = EFER_LME | EFER_LMA;
    state->regs.rip = entry;
}

/* Intel SDM vol. 3, "Segment Descriptors": base and limit are scattered, the attributes stand at bits 40-47
 * and 52-55. */
static uint64_t make_descriptor(const struct x86_seg *seg)
{
    uint64_t limit = (seg->attr & X86_SEG_G) != 0 ? seg->limit >> 12 : seg->limit;

    return field_make(limit, FIELD(15, 0)) | field_make(limit >> 16, FIELD(51, 48)) |
           field_make(seg->base, FIELD(39, 16)) | field_make(seg->base >> 24, FIELD(63, 56)) |
           field_make(seg->attr, FIELD(47, 40)) | field_make((uint64_t)seg->attr >> 8, FIELD(55, 52));
}

void start_state_make_gdt(const struct x86_start_state *state, uint64_t gdt[X86_START_GDT_ENTRIES])
{
    memset(gdt, 0, X86_START_GDT_ENTRIES * sizeof(gdt[0]));
    gdt[X86_START_CS / sizeof(gdt[0])] = make_descriptor(&state->segs[X86_CS]);
    gdt[X86_START_DS / sizeof(gdt[0])] = make_descriptor(&state->segs[X86_DS]);
}
