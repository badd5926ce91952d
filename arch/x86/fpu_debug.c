/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. The save area's first part, "FXSAVE area" of AMD64 APM volume 2, and XSAVE's header. */
#include "arch/x86/fpu_debug.h"

#include "arch/x86/cpu_features.h"
#include "arch/x86/insn.h"
#include "arch/x86/x86_vcpu.h"
#include "core/gdb_internal.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define FX_FCW        0
#define FX_FSW        2
#define FX_FTW        4 /* a bit each that is not empty */
#define FX_FOP        6
#define FX_RIP        8
#define FX_RDP        16
#define FX_MXCSR      24
#define FX_MXCSR_MASK 28
#define FX_ST         32
#define FX_XMM        160
#define XSAVE_XSTATE  512
#define XSTATE_AVX    2 /* number of the component */
#define CPUID_XSTATE  0xd

#define MXCSR_MASK_DEFAULT UINT32_C(0xffbf)

#define TAG_ZERO    1u
#define TAG_SPECIAL 2u
#define TAG_EMPTY   3u

/* Tag of the register ST(i). */
static uint32_t tag_of(const uint8_t *area, uint32_t i)
{
    const uint8_t *st = area + FX_ST + 16 * i;
    uint64_t mantissa = load_le64(st);
    uint32_t exponent = load_le16(st + 8) & 0x7fff;

    if (exponent == 0 && mantissa == 0)
        return TAG_ZERO;
    return exponent == 0 || exponent == 0x7fff || (mantissa >> 63) == 0 ? TAG_SPECIAL : 0;
}

/* Two bits for each physical register, as FSTENV stores it. */
static uint32_t tag_word(const uint8_t *area)
{
    uint32_t top = load_le16(area + FX_FSW) >> 11 & 7;
    uint32_t word = 0;

    for (uint32_t i = 0; i < FPU_ST_COUNT; i++) {
        uint32_t physical = (top + i) % FPU_ST_COUNT;

        word |= ((area[FX_FTW] >> physical & 1) == 0 ? TAG_EMPTY : tag_of(area, i)) << 2 * physical;
    }
    return word;
}

static uint32_t control(const uint8_t *area, uint32_t id)
{
    switch (id) {
    case FPU_CTRL:
        return load_le16(area + FX_FCW);
    case FPU_STAT:
        return load_le16(area + FX_FSW);
    case FPU_TAG:
        return tag_word(area);
    case FPU_ISEG:
        return load_le32(area + FX_RIP + 4);
    case FPU_IOFF:
        return load_le32(area + FX_RIP);
    case FPU_OSEG:
        return load_le32(area + FX_RDP + 4);
    case FPU_OOFF:
        return load_le32(area + FX_RDP);
    case FPU_OP:
        return load_le16(area + FX_FOP) & 0x7ff;
    default:
        return load_le32(area + FX_MXCSR);
    }
}

static uint8_t *area_of(struct vcpu *vcpu)
{
    return x86_vcpu_of(vcpu)->ext.xsave;
}

/* Where the upper halves of the AVX registers are; NULL: the guest has not enabled them. Zero if they are in
 * their initial state, which is what they are then loaded with, whatever the area has. */
static uint8_t *upper_halves(struct vcpu *vcpu)
{
    uint8_t *area = area_of(vcpu);
    uint8_t *halves;

    if ((x86_vcpu_of(vcpu)->ext.xcr0 & cpu_features.xcr0 & BIT(XSTATE_AVX)) == 0)
        return NULL;
    halves = area + insn_cpuid(CPUID_XSTATE, XSTATE_AVX).ebx;
    if ((load_le64(area + XSAVE_XSTATE) & BIT(XSTATE_AVX)) == 0)
        memset(halves, 0, 16 * FPU_XMM_COUNT);
    return halves;
}

bool arch_gdb_extra_get(struct vcpu *vcpu, uint32_t id, uint8_t *bytes)
{
    const uint8_t *area = area_of(vcpu);

    if (id >= FPU_YMMH) {
        area = upper_halves(vcpu);
        if (area == NULL)
            return false;
        memcpy(bytes, area + 16 * (id - FPU_YMMH), 16);
    } else if (id < FPU_CTRL)
        memcpy(bytes, area + FX_ST + 16 * id, 10);
    else if (id >= FPU_XMM && id < FPU_MXCSR)
        memcpy(bytes, area + FX_XMM + 16 * (id - FPU_XMM), 16);
    else
        store_le32(bytes, control(area, id));
    return true;
}

/* What the instruction that loads the area would refuse must not get there. */
int arch_gdb_extra_set(struct vcpu *vcpu, uint32_t id, const uint8_t *bytes)
{
    uint8_t *area = area_of(vcpu);
    uint32_t mask = load_le32(area + FX_MXCSR_MASK);
    uint8_t *halves = id >= FPU_YMMH ? upper_halves(vcpu) : NULL;
    uint64_t state = 3; /* x87 and SSE are loaded from there */

    mask = mask != 0 ? mask : MXCSR_MASK_DEFAULT;
    if (id < FPU_CTRL)
        memcpy(area + FX_ST + 16 * id, bytes, 10);
    else if (id >= FPU_XMM && id < FPU_MXCSR)
        memcpy(area + FX_XMM + 16 * (id - FPU_XMM), bytes, 16);
    else if (halves != NULL)
        memcpy(halves + 16 * (id - FPU_YMMH), bytes, 16);
    else if (id == FPU_CTRL || id == FPU_STAT)
        store_le16(area + (id == FPU_CTRL ? FX_FCW : FX_FSW), load_le16(bytes));
    else if (id == FPU_MXCSR && (load_le32(bytes) & ~mask) == 0)
        store_le32(area + FX_MXCSR, load_le32(bytes));
    else
        return E_INVAL;
    if (halves != NULL)
        state |= BIT(XSTATE_AVX);
    if (cpu_features.has_xsave)
        store_le64(area + XSAVE_XSTATE, load_le64(area + XSAVE_XSTATE) | state);
    return 0;
}
