/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Extended State" of a vCPU ("XSAVE/XRSTOR Instructions", AMD64 APM volume 2). Host CR4.OSXSAVE and OSFXSR
 * are set for this alone; with XCR0 opened fully the one XSAVE area holds everything whatever the guest's
 * XCR0 says.
 */
#include "arch/x86/ext_state.h"

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
    ext->tsc_aux = 0;
}

void ext_state_cpu_enable(void)
{
    if (cpu_features.has_xsave)
        insn_xsetbv(0, cpu_features.xcr0);
}
