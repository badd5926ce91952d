/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model of what a GICv4 does with virtual LPIs: pending bits, a configuration that is known only after an
 * invalidation, a place where each virtual PE is resident and one where the ITS sends to, doorbells. Written
 * from the architecture; shares nothing with the code under test.
 */
#pragma once

#include "arch/arm64/gic/vgic.h"
#include "arch/arm64/gic/vgic_vpe.h"

#define DIRECT_LPIS 4
#define DIRECT_NONE UINT8_MAX

struct direct_vpe {
    uint8_t pending;    /* bit per LPI */
    uint8_t shown;      /* resident on this CPU; DIRECT_NONE */
    uint8_t sent_to;    /* the CPU whose redistributor the ITS sends to */
    bool doorbell;      /* its LPI is enabled */
    bool doorbell_rung; /* and pending: taken at once if enabled */
};

struct direct {
    struct direct_vpe vpes[2];
    uint8_t route[DIRECT_LPIS]; /* vCPU, DIRECT_NONE: not mapped */
    uint8_t table[DIRECT_LPIS]; /* priority, bit 0: enabled */
    uint8_t known[DIRECT_LPIS]; /* what the hardware has read of it */
};

extern const struct vgic_direct_ops direct_ops;

/* vCPU `c` has nothing yet and is resident nowhere. */
void direct_start(unsigned c);
/* The best LPI that CPU interface `c` would be offered, -1: none; and whether it is signalled. */
int direct_best(unsigned c);
uint8_t direct_priority(int lpi);
void direct_acknowledge(unsigned c, int lpi);
/* Anything that PendingLast would tell of. */
bool direct_has_pending(unsigned c);
/* A rule of the hardware is broken by this entry, or NULL. */
const char *direct_entry_fault(unsigned c);
void direct_normalise(unsigned c);
