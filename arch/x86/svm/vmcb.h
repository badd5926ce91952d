/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine control block, in the manual's order ("Layout of VMCB", AMD64 APM volume 2, appendix
 * B), with setters for the fields that a clean bit covers ("VMCB Clean Bits", chapter "Secure Virtual
 * Machine").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arch/x86/regs.h"
#include "lib/addr.h"
#include "lib/bits.h"

/* intercept_cr: reads of CRn are bit n, writes bit 16 + n. */
#define VMCB_CR_READ(n)  BIT(n)
#define VMCB_CR_WRITE(n) BIT(16 + (n))

/* intercept_dr: likewise. */
#define VMCB_DR_ALL FIELD(31, 0)
/* DR0-DR3, and writing DR7 by either name: what makes a guest have breakpoints. */
#define VMCB_DR_BREAKPOINTS (FIELD(3, 0) | FIELD(19, 16) | BIT(16 + 5) | BIT(16 + 7))

/* intercept_1 */
#define VMCB_INTERCEPT_INTR     BIT(0)
#define VMCB_INTERCEPT_NMI      BIT(1)
#define VMCB_INTERCEPT_SMI      BIT(2)
#define VMCB_INTERCEPT_INIT     BIT(3)
#define VMCB_INTERCEPT_VINTR    BIT(4)
#define VMCB_INTERCEPT_RDPMC    BIT(15)
#define VMCB_INTERCEPT_PUSHF    BIT(16)
#define VMCB_INTERCEPT_POPF     BIT(17)
#define VMCB_INTERCEPT_CPUID    BIT(18)
#define VMCB_INTERCEPT_RSM      BIT(19)
#define VMCB_INTERCEPT_IRET     BIT(20)
#define VMCB_INTERCEPT_INTN     BIT(21)
#define VMCB_INTERCEPT_INVD     BIT(22)
#define VMCB_INTERCEPT_PAUSE    BIT(23)
#define VMCB_INTERCEPT_HLT      BIT(24)
#define VMCB_INTERCEPT_INVLPGA  BIT(26)
#define VMCB_INTERCEPT_IOIO     BIT(27)
#define VMCB_INTERCEPT_MSR      BIT(28)
#define VMCB_INTERCEPT_TASK     BIT(29)
#define VMCB_INTERCEPT_FERR     BIT(30)
#define VMCB_INTERCEPT_SHUTDOWN BIT(31)

/* intercept_2 */
#define VMCB_INTERCEPT_VMRUN   BIT(0)
#define VMCB_INTERCEPT_VMMCALL BIT(1)
#define VMCB_INTERCEPT_VMLOAD  BIT(2)
#define VMCB_INTERCEPT_VMSAVE  BIT(3)
#define VMCB_INTERCEPT_STGI    BIT(4)
#define VMCB_INTERCEPT_CLGI    BIT(5)
#define VMCB_INTERCEPT_SKINIT  BIT(6)
#define VMCB_INTERCEPT_WBINVD  BIT(9)
#define VMCB_INTERCEPT_MONITOR BIT(10)
#define VMCB_INTERCEPT_MWAIT   BIT(11)
#define VMCB_INTERCEPT_XSETBV  BIT(13)
#define VMCB_INTERCEPT_RDPRU   BIT(14)

/* int_ctl */
#define VMCB_V_TPR          FIELD(7, 0)
#define VMCB_V_IRQ          BIT(8)
#define VMCB_V_GIF          BIT(9)
#define VMCB_V_NMI          BIT(11)
#define VMCB_V_NMI_MASK     BIT(12)
#define VMCB_V_INTR_PRIO    FIELD(19, 16)
#define VMCB_V_IGN_TPR      BIT(20)
#define VMCB_V_INTR_MASKING BIT(24)
#define VMCB_V_GIF_ENABLE   BIT(25)
#define VMCB_V_NMI_ENABLE   BIT(26)
#define VMCB_V_INTR_VECTOR  FIELD(39, 32)

/* interrupt_shadow */
#define VMCB_INTERRUPT_SHADOW BIT(0)

/* tlb_control */
enum vmcb_tlb_control {
    VMCB_TLB_NOTHING = 0,
    VMCB_TLB_FLUSH_ALL = 1,
    VMCB_TLB_FLUSH_ASID = 3,
};

/* nested_control */
#define VMCB_NP_ENABLE BIT(0)

/* eventinj, exitintinfo */
#define VMCB_EVENT_VECTOR      FIELD(7, 0)
#define VMCB_EVENT_TYPE        FIELD(10, 8)
#define VMCB_EVENT_ERROR_VALID BIT(11)
#define VMCB_EVENT_VALID       BIT(31)
#define VMCB_EVENT_ERROR       FIELD(63, 32)

enum vmcb_event_type {
    VMCB_EVENT_INTR = 0,
    VMCB_EVENT_NMI = 2,
    VMCB_EVENT_EXCEPTION = 3,
    VMCB_EVENT_SOFT = 4,
};

/* clean: a set bit says that the fields have not changed since the last VMRUN of this VMCB on this CPU. */
#define VMCB_CLEAN_I    BIT(0) /* intercepts, TSC offset, pause filter */
#define VMCB_CLEAN_IOPM BIT(1) /* permission map addresses */
#define VMCB_CLEAN_ASID BIT(2)
#define VMCB_CLEAN_TPR  BIT(3) /* int_ctl */
#define VMCB_CLEAN_NP   BIT(4) /* nested CR3, guest PAT */
#define VMCB_CLEAN_CRX  BIT(5) /* CR0, CR3, CR4, EFER */
#define VMCB_CLEAN_DRX  BIT(6)
#define VMCB_CLEAN_DT   BIT(7) /* GDTR, IDTR */
#define VMCB_CLEAN_SEG  BIT(8) /* CS, DS, SS, ES, CPL */
#define VMCB_CLEAN_CR2  BIT(9)
#define VMCB_CLEAN_LBR  BIT(10)
#define VMCB_CLEAN_ALL  FIELD(10, 0)

/* exitinfo1 of an I/O exit */
#define VMCB_IOIO_IN      BIT(0)
#define VMCB_IOIO_STRING  BIT(2)
#define VMCB_IOIO_REP     BIT(3)
#define VMCB_IOIO_SIZE    FIELD(6, 4)
#define VMCB_IOIO_ADDRESS FIELD(9, 7)
#define VMCB_IOIO_SEGMENT FIELD(12, 10)
#define VMCB_IOIO_PORT    FIELD(31, 16)

/* exitinfo1 of a nested page fault */
#define VMCB_NPF_PRESENT BIT(0)
#define VMCB_NPF_WRITE   BIT(1)
#define VMCB_NPF_FETCH   BIT(4)
#define VMCB_NPF_FINAL   BIT(32)
#define VMCB_NPF_WALK    BIT(33)

/* exitcode: the low 32 bits, since emulators differ in the upper ones ("SVM Intercept Codes", appendix C) */
enum vmcb_exit {
    VMCB_EXIT_CR0_READ = 0x000,
    VMCB_EXIT_CR0_WRITE = 0x010,
    VMCB_EXIT_CR15_WRITE = 0x01f,
    VMCB_EXIT_DR0_READ = 0x020,
    VMCB_EXIT_DR15_WRITE = 0x03f,
    VMCB_EXIT_EXCEPTION = 0x040,
    VMCB_EXIT_EXCEPTION_LAST = 0x05f,
    VMCB_EXIT_INTR = 0x060,
    VMCB_EXIT_NMI = 0x061,
    VMCB_EXIT_SMI = 0x062,
    VMCB_EXIT_INIT = 0x063,
    VMCB_EXIT_VINTR = 0x064,
    VMCB_EXIT_CR0_SEL_WRITE = 0x065,
    VMCB_EXIT_RDPMC = 0x06f,
    VMCB_EXIT_PUSHF = 0x070,
    VMCB_EXIT_POPF = 0x071,
    VMCB_EXIT_CPUID = 0x072,
    VMCB_EXIT_RSM = 0x073,
    VMCB_EXIT_IRET = 0x074,
    VMCB_EXIT_INTN = 0x075,
    VMCB_EXIT_INVD = 0x076,
    VMCB_EXIT_PAUSE = 0x077,
    VMCB_EXIT_HLT = 0x078,
    VMCB_EXIT_INVLPGA = 0x07a,
    VMCB_EXIT_IOIO = 0x07b,
    VMCB_EXIT_MSR = 0x07c,
    VMCB_EXIT_TASK = 0x07d,
    VMCB_EXIT_FERR = 0x07e,
    VMCB_EXIT_SHUTDOWN = 0x07f,
    VMCB_EXIT_VMRUN = 0x080,
    VMCB_EXIT_VMMCALL = 0x081,
    VMCB_EXIT_VMLOAD = 0x082,
    VMCB_EXIT_VMSAVE = 0x083,
    VMCB_EXIT_STGI = 0x084,
    VMCB_EXIT_CLGI = 0x085,
    VMCB_EXIT_SKINIT = 0x086,
    VMCB_EXIT_WBINVD = 0x089,
    VMCB_EXIT_MONITOR = 0x08a,
    VMCB_EXIT_MWAIT = 0x08b,
    VMCB_EXIT_XSETBV = 0x08d,
    VMCB_EXIT_RDPRU = 0x08e,
    VMCB_EXIT_TABLE_SIZE = 0x090, /* above the codes that are dense */
    VMCB_EXIT_NPF = 0x400,
};
#define VMCB_EXIT_INVALID UINT32_C(0xffffffff)

struct vmcb {
    uint32_t intercept_cr;
    uint32_t intercept_dr;
    uint32_t intercept_exception;
    uint32_t intercept_1;
    uint32_t intercept_2;
    uint32_t intercept_3;
    uint8_t reserved_0x18[0x3c - 0x18];
    uint16_t pause_filter_threshold;
    uint16_t pause_filter_count;
    uint64_t iopm_base;
    uint64_t msrpm_base;
    uint64_t tsc_offset;
    uint32_t asid;
    uint8_t tlb_control;
    uint8_t reserved_0x5d[3];
    uint64_t int_ctl;
    uint64_t interrupt_shadow;
    uint64_t exitcode;
    uint64_t exitinfo1;
    uint64_t exitinfo2;
    uint64_t exitintinfo;
    uint64_t nested_control;
    uint8_t reserved_0x98[0xa8 - 0x98];
    uint64_t eventinj;
    uint64_t nested_cr3;
    uint64_t lbr_control;
    uint32_t clean;
    uint32_t reserved_0xc4;
    uint64_t next_rip;
    uint8_t fetched_count;
    uint8_t fetched[15];
    uint8_t reserved_0xe0[0x400 - 0xe0];
    struct x86_seg es;
    struct x86_seg cs;
    struct x86_seg ss;
    struct x86_seg ds;
    struct x86_seg fs;
    struct x86_seg gs;
    struct x86_seg gdtr;
    struct x86_seg ldtr;
    struct x86_seg idtr;
    struct x86_seg tr;
    uint8_t reserved_0x4a0[0x4cb - 0x4a0];
    uint8_t cpl;
    uint8_t reserved_0x4cc[4];
    uint64_t efer;
    uint8_t reserved_0x4d8[0x548 - 0x4d8];
    uint64_t cr4;
    uint64_t cr3;
    uint64_t cr0;
    uint64_t dr7;
    uint64_t dr6;
    uint64_t rflags;
    uint64_t rip;
    uint8_t reserved_0x580[0x5d8 - 0x580];
    uint64_t rsp;
    uint8_t reserved_0x5e0[0x5f8 - 0x5e0];
    uint64_t rax;
    uint64_t star;
    uint64_t lstar;
    uint64_t cstar;
    uint64_t sfmask;
    uint64_t kernel_gs_base;
    uint64_t sysenter_cs;
    uint64_t sysenter_esp;
    uint64_t sysenter_eip;
    uint64_t cr2;
    uint8_t reserved_0x648[0x668 - 0x648];
    uint64_t g_pat;
    uint64_t debugctl;
    uint64_t br_from;
    uint64_t br_to;
    uint64_t last_exception_from;
    uint64_t last_exception_to;
    uint8_t reserved_0x698[0x1000 - 0x698];
};

#define VMCB_AT(member, offset) \
    _Static_assert(offsetof(struct vmcb, member) == (offset), "VMCB layout: " #member)
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "VMCB size");
VMCB_AT(pause_filter_threshold, 0x3c);
VMCB_AT(iopm_base, 0x40);
VMCB_AT(msrpm_base, 0x48);
VMCB_AT(tsc_offset, 0x50);
VMCB_AT(asid, 0x58);
VMCB_AT(tlb_control, 0x5c);
VMCB_AT(int_ctl, 0x60);
VMCB_AT(interrupt_shadow, 0x68);
VMCB_AT(exitcode, 0x70);
VMCB_AT(exitinfo1, 0x78);
VMCB_AT(exitinfo2, 0x80);
VMCB_AT(exitintinfo, 0x88);
VMCB_AT(nested_control, 0x90);
VMCB_AT(eventinj, 0xa8);
VMCB_AT(nested_cr3, 0xb0);
VMCB_AT(lbr_control, 0xb8);
VMCB_AT(clean, 0xc0);
VMCB_AT(next_rip, 0xc8);
VMCB_AT(fetched_count, 0xd0);
VMCB_AT(es, 0x400);
VMCB_AT(cs, 0x410);
VMCB_AT(ss, 0x420);
VMCB_AT(ds, 0x430);
VMCB_AT(fs, 0x440);
VMCB_AT(gs, 0x450);
VMCB_AT(gdtr, 0x460);
VMCB_AT(ldtr, 0x470);
VMCB_AT(idtr, 0x480);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(cr3, 0x550);
VMCB_AT(cr0, 0x558);
VMCB_AT(dr7, 0x560);
VMCB_AT(dr6, 0x568);
VMCB_AT(rflags, 0x570);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(star, 0x600);
VMCB_AT(lstar, 0x608);
VMCB_AT(cstar, 0x610);
VMCB_AT(sfmask, 0x618);
VMCB_AT(kernel_gs_base, 0x620);
VMCB_AT(sysenter_cs, 0x628);
VMCB_AT(cr2, 0x640);
VMCB_AT(g_pat, 0x668);
VMCB_AT(debugctl, 0x670);
VMCB_AT(last_exception_to, 0x690);
#undef VMCB_AT

static inline void vmcb_dirty(struct vmcb *vmcb, uint64_t clean_bits)
{
    vmcb->clean &= (uint32_t)~clean_bits;
}

/* Setters: write the field and say so in the clean bits. */
#define VMCB_SETTER(field, type, bits)                                 \
    static inline void vmcb_set_##field(struct vmcb *vmcb, type value) \
    {                                                                  \
        vmcb->field = value;                                           \
        vmcb_dirty(vmcb, bits);                                        \
    }

VMCB_SETTER(intercept_cr, uint32_t, VMCB_CLEAN_I)
VMCB_SETTER(intercept_dr, uint32_t, VMCB_CLEAN_I)
VMCB_SETTER(intercept_exception, uint32_t, VMCB_CLEAN_I)
VMCB_SETTER(intercept_1, uint32_t, VMCB_CLEAN_I)
VMCB_SETTER(intercept_2, uint32_t, VMCB_CLEAN_I)
VMCB_SETTER(tsc_offset, uint64_t, VMCB_CLEAN_I)
VMCB_SETTER(asid, uint32_t, VMCB_CLEAN_ASID)
VMCB_SETTER(int_ctl, uint64_t, VMCB_CLEAN_TPR)
VMCB_SETTER(efer, uint64_t, VMCB_CLEAN_CRX)
VMCB_SETTER(cr0, uint64_t, VMCB_CLEAN_CRX)
VMCB_SETTER(cr3, uint64_t, VMCB_CLEAN_CRX)
VMCB_SETTER(cr4, uint64_t, VMCB_CLEAN_CRX)
VMCB_SETTER(dr6, uint64_t, VMCB_CLEAN_DRX)
VMCB_SETTER(dr7, uint64_t, VMCB_CLEAN_DRX)
VMCB_SETTER(cr2, uint64_t, VMCB_CLEAN_CR2)
VMCB_SETTER(g_pat, uint64_t, VMCB_CLEAN_NP)
VMCB_SETTER(cpl, uint8_t, VMCB_CLEAN_SEG)
#undef VMCB_SETTER
