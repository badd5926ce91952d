/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Arm ARM, "AArch64 System Register Descriptions", ID_AA64*_EL1. */
#include "arch/arm64/guest_id.h"

#include "lib/bits.h"

#define NIBBLE(bit) FIELD((bit) + 3, bit)

struct id_rule {
    uint8_t crm;
    uint8_t op2;
    uint64_t keep; /* fields that the guest sees as they are */
    uint64_t set;  /* constant fields, or (with `most`) the most that is shown */
    uint64_t most; /* fields that are cut down to what `set` holds, each unsigned */
};

static const struct id_rule rules[] = {
    /* ID_AA64PFR0: EL0 (AArch32 programs too), FP, AdvSIMD, DIT, CSV3; EL1 in AArch64 only, GICv3 interface,
     * CSV2 without its register. Not EL2, EL3, RAS, SVE, MPAM, AMU. */
    {4, 0, NIBBLE(0) | NIBBLE(16) | NIBBLE(20) | NIBBLE(48) | NIBBLE(60),
     UINT64_C(1) << 4 | UINT64_C(1) << 24 | UINT64_C(1) << 56, NIBBLE(56)},
    /* ID_AA64PFR1: BT, SSBS. Not MTE, SME, NMI. */
    {4, 1, NIBBLE(0) | NIBBLE(4), 0, 0},
    /* ID_AA64DFR0: DebugVer, BRPs, WRPs, CTX_CMPs, DoubleLock. Not trace, PMU, statistics. */
    {5, 0, NIBBLE(0) | NIBBLE(12) | NIBBLE(20) | NIBBLE(28) | NIBBLE(36), 0, 0},
    /* ID_AA64ISAR0: all but TME. */
    {6, 0, ~NIBBLE(24), 0, 0},
    /* ID_AA64ISAR1: all but XS and LS64, which need HCRX_EL2. */
    {6, 1, ~(NIBBLE(56) | NIBBLE(60)), 0, 0},
    /* ID_AA64ISAR2: RPRES, GPA3, APA3, BC. Not WFxT (a trap of its own), MOPS. */
    {6, 2, NIBBLE(4) | NIBBLE(8) | NIBBLE(12) | NIBBLE(20), 0, 0},
    /* ID_AA64MMFR0: ASIDBits, BigEnd, BigEndEL0, TGran16, 64 and 4 of stage 1, ExS; PARange up to 40 bits. */
    {7, 0, NIBBLE(4) | NIBBLE(8) | NIBBLE(16) | NIBBLE(20) | NIBBLE(24) | NIBBLE(28) | NIBBLE(44), 2,
     NIBBLE(0)},
    /* ID_AA64MMFR1: HAFDBS, HPDS, PAN, ETS, AFP, nTLBPA. Not VHE, LORegions, HCRX. */
    {7, 1, NIBBLE(0) | NIBBLE(12) | NIBBLE(20) | NIBBLE(36) | NIBBLE(44) | NIBBLE(48), 0, 0},
    /* ID_AA64MMFR2: CnP, UAO, LSM, VARange, CCIDX, AT, IDS, TTL, BBM, E0PD. Not NV, FWB, EVT, IESB. */
    {7, 2,
     NIBBLE(0) | NIBBLE(4) | NIBBLE(8) | NIBBLE(16) | NIBBLE(20) | NIBBLE(32) | NIBBLE(36) | NIBBLE(48) |
         NIBBLE(52) | NIBBLE(60),
     0, 0},
};

/* Of `hardware` and `limit` the smaller one, field by field in `fields`. */
static uint64_t smaller(uint64_t hardware, uint64_t limit, uint64_t fields)
{
    uint64_t value = 0;

    for (uint32_t at = 0; at < 64; at += 4)
        if ((fields & NIBBLE(at)) != 0)
            value |= min_u64(hardware & NIBBLE(at), limit & NIBBLE(at));
    return value;
}

uint64_t guest_id_value(uint32_t crm, uint32_t op2, uint64_t hardware)
{
    /* The AArch32 ones, which describe what programs in AArch32 can do. */
    if (crm == 1 || crm == 2)
        return hardware;
    for (uint32_t i = 0; i < ARRAY_COUNT(rules); i++) {
        const struct id_rule *rule = &rules[i];

        if (rule->crm == crm && rule->op2 == op2)
            return (hardware & rule->keep) | (rule->set & ~rule->most) |
                   smaller(hardware, rule->set, rule->most);
    }
    return 0;
}
