/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GDT and TSS of a host CPU; the layout of descriptors is AMD APM volume 2, "Long-Mode Segment Descriptors".
 */
#include "arch/x86/gdt.h"

#include "arch/x86/cpu.h"
#include "arch/x86/insn.h"

#define DESCRIPTOR_CODE64 UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_DATA   UINT64_C(0x00cf93000000ffff)

#define TSS_LIMIT      FIELD(15, 0)
#define TSS_BASE_23_0  FIELD(39, 16)
#define TSS_TYPE       FIELD(43, 40)
#define TSS_P          BIT(47)
#define TSS_BASE_31_24 FIELD(63, 56)
#define TSS_AVAILABLE  9

static void tss_descriptor_write(struct x86_cpu *cpu)
{
    uint64_t base = (uintptr_t)&cpu->tss;

    cpu->gdt[GDT_TSS / 8] = field_make(sizeof(struct tss) - 1, TSS_LIMIT) | field_make(base, TSS_BASE_23_0) |
                            field_make(TSS_AVAILABLE, TSS_TYPE) | TSS_P |
                            field_make(base >> 24, TSS_BASE_31_24);
    cpu->gdt[GDT_TSS / 8 + 1] = base >> 32;
}

void gdt_init(struct x86_cpu *cpu)
{
    const struct x86_cpu_area *area = cpu_area_of(cpu);

    cpu->gdt[GDT_CS / 8] = DESCRIPTOR_CODE64;
    cpu->gdt[GDT_DS / 8] = DESCRIPTOR_DATA;
    cpu->tss.rsp[0] = (uintptr_t)area->guard1;
    cpu->tss.ist[GDT_IST_NMI - 1] = (uintptr_t)area->guard2;
    cpu->tss.ist[GDT_IST_DF - 1] = (uintptr_t)area->guard3;
    cpu->tss.ist[GDT_IST_MC - 1] = (uintptr_t)area->guard4;
    cpu->tss.io_map = sizeof(struct tss);
    tss_descriptor_write(cpu);
}

void gdt_load(struct x86_cpu *cpu)
{
    const struct insn_table_pointer pointer = {sizeof(cpu->gdt) - 1, (uintptr_t)cpu->gdt};

    insn_lgdt(&pointer);
    insn_load_ss(GDT_DS);
    gdt_reload_tss(cpu);
}

void gdt_reload_tss(struct x86_cpu *cpu)
{
    tss_descriptor_write(cpu); /* LTR wants an available TSS, and leaves it busy */
    insn_ltr(GDT_TSS);
}
