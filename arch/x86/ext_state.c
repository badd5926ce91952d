/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Extended State" of a vCPU ("XSAVE/XRSTOR Instructions", AMD64 APM volume 2). Host CR4.OSXSAVE and OSFXSR
 * are set for this alone; with XCR0 opened fully the one XSAVE area holds everything whatever the guest's
 * XCR0 says.
 */
#include "arch/x86/ext_state.h"

#include "arch/x86/cpu_features.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "core/pmem.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define FCW_RESET    0x40 /* power-on; FNINIT would give 0x37f */
#define FXSAVE_FCW   0
#define FXSAVE_MXCSR 24
#define MXCSR_RESET  0x1f80
#define XSAVE_XSTATE 512 /* header: state components present */
#define XCR0_RESET   1

static uint64_t area_pages(void)
{
    return (cpu_features.xsave_size + PAGE_SIZE - 1) / PAGE_SIZE;
}

int ext_state_init(struct x86_extended_state *ext)
{
    hpa_t area;

    if (pmem_alloc(area_pages(), PAGE_SIZE, &area) != 0)
        return E_NOMEM;
    ext->xsave = hpa_to_ptr(area);
    return 0;
}

void ext_state_reset(struct x86_extended_state *ext)
{
    uint8_t *area = ext->xsave;

    memset(area, 0, area_pages() * PAGE_SIZE);
    store_le16(area + FXSAVE_FCW, FCW_RESET);
    store_le32(area + FXSAVE_MXCSR, MXCSR_RESET);
    /* x87 and SSE come from the area, all others start in their initial state. */
    store_le64(area + XSAVE_XSTATE, cpu_features.has_xsave ? 3 : 0);
    ext->xcr0 = XCR0_RESET;
    memset(ext->dr, 0, sizeof(ext->dr));
    ext->tsc_aux = 0;
}

void ext_state_load(const struct x86_extended_state *ext)
{
    if (cpu_features.has_xsave) {
        insn_xsetbv(0, cpu_features.xcr0);
        insn_xrstor(ext->xsave, cpu_features.xcr0);
        insn_xsetbv(0, ext->xcr0);
    } else {
        insn_fxrstor(ext->xsave);
    }
    insn_write_dr0(ext->dr[0]);
    insn_write_dr1(ext->dr[1]);
    insn_write_dr2(ext->dr[2]);
    insn_write_dr3(ext->dr[3]);
    if (cpu_features.has_rdtscp)
        insn_wrmsr(MSR_TSC_AUX, ext->tsc_aux);
}

void ext_state_save(struct x86_extended_state *ext)
{
    if (cpu_features.has_xsave) {
        ext->xcr0 = insn_xgetbv(0); /* one emulator lets guests write it without an exit */
        insn_xsetbv(0, cpu_features.xcr0);
        insn_xsave(ext->xsave, cpu_features.xcr0);
    } else {
        insn_fxsave(ext->xsave);
    }
    ext->dr[0] = insn_read_dr0();
    ext->dr[1] = insn_read_dr1();
    ext->dr[2] = insn_read_dr2();
    ext->dr[3] = insn_read_dr3();
    if (cpu_features.has_rdtscp)
        ext->tsc_aux = insn_rdmsr(MSR_TSC_AUX);
}

void ext_state_clear_breakpoints(void)
{
    insn_write_dr0(0);
    insn_write_dr1(0);
    insn_write_dr2(0);
    insn_write_dr3(0);
}
