/* SPDX-License-Identifier: BSD-2-Clause */
/* The hardware's virtual CPU interface; see ich.h. The field positions are the manual's, spelled again here.
 */
#include "tests/model/gic/ich.h"

#include <stddef.h>

#define LR_P   (UINT64_C(1) << 62)
#define LR_A   (UINT64_C(1) << 63)
#define LR_HW  (UINT64_C(1) << 61)
#define LR_G1  (UINT64_C(1) << 60)
#define LR_EOI (UINT64_C(1) << 41)
#define LPI    8192u
#define IDLE   0x100u

static uint32_t intid_of(uint64_t lr)
{
    return (uint32_t)lr;
}

static uint32_t priority_of(uint64_t lr)
{
    return (uint32_t)(lr >> 48 & 0xff);
}

static uint32_t running(const struct ich_model *ich)
{
    for (uint32_t level = 0; level < 32; level++)
        if (((ich->apr[0] | ich->apr[1]) >> level & 1) != 0)
            return level * 8;
    return IDLE;
}

uint64_t ich_model_vmcr(const struct ich_model *ich)
{
    return (ich->enable[0] ? 1u : 0u) | (ich->enable[1] ? 2u : 0u) | (ich->split ? 1u << 9 : 0u) |
           (uint64_t)ich->mask << 24;
}

int ich_model_best(const struct ich_model *ich)
{
    int best = -1;

    for (uint32_t i = 0; i < ich->lr_count; i++) {
        uint64_t lr = ich->lr[i];

        if ((lr & (LR_P | LR_A)) != LR_P || !ich->enable[(lr & LR_G1) != 0])
            continue;
        if (best < 0 || priority_of(lr) < priority_of(ich->lr[best]))
            best = (int)i;
    }
    if (best >= 0 && (priority_of(ich->lr[best]) >= ich->mask || priority_of(ich->lr[best]) >= running(ich)))
        return -1;
    return best;
}

bool ich_model_takes(const struct ich_model *ich, bool group1, uint32_t priority)
{
    return ich->enable[group1] && priority < ich->mask && priority < running(ich);
}

bool ich_model_signals(const struct ich_model *ich)
{
    return ich_model_best(ich) >= 0;
}

uint32_t ich_model_acknowledge(struct ich_model *ich, bool group1)
{
    int best = ich_model_best(ich);
    uint64_t lr;

    if (best < 0)
        return ICH_SPURIOUS;
    lr = ich->lr[best];
    if (((lr & LR_G1) != 0) != group1)
        return ICH_SPURIOUS;
    ich->lr[best] = (lr & ~LR_P) | LR_A;
    ich->apr[group1] |= 1u << priority_of(lr) / 8;
    return intid_of(lr);
}

static int find_active(const struct ich_model *ich, uint32_t intid)
{
    for (uint32_t i = 0; i < ich->lr_count; i++)
        if ((ich->lr[i] & LR_A) != 0 && intid_of(ich->lr[i]) == intid)
            return (int)i;
    return -1;
}

static void end_active(struct ich_model *ich, int at)
{
    uint64_t lr = ich->lr[at];

    if ((lr & LR_HW) != 0)
        ich->hw_ended |= 1u << (lr >> 32 & 31);
    ich->lr[at] = lr & ~LR_A;
}

static void count_end(struct ich_model *ich, uint32_t intid)
{
    if (intid < LPI && ich->eoi_count < 31)
        ich->eoi_count++;
}

void ich_model_end(struct ich_model *ich, bool group1, uint32_t intid)
{
    uint32_t level = running(ich) / 8;
    int at = find_active(ich, intid);

    (void)group1;
    if (level == IDLE / 8)
        return;
    ich->apr[0] &= ~(1u << level);
    ich->apr[1] &= ~(1u << level);
    if (at < 0 && (!ich->split || ich->counts_drops))
        count_end(ich, intid);
    if (at >= 0 && (!ich->split || intid >= LPI))
        end_active(ich, at);
}

void ich_model_deactivate(struct ich_model *ich, uint32_t intid)
{
    int at = find_active(ich, intid);

    if (!ich->split || intid >= LPI)
        return;
    if (at < 0)
        count_end(ich, intid);
    else
        end_active(ich, at);
}

bool ich_model_maintenance(const struct ich_model *ich)
{
    uint32_t valid = 0, pending = 0;

    for (uint32_t i = 0; i < ich->lr_count; i++) {
        uint64_t state = ich->lr[i] & (LR_P | LR_A);

        valid += state != 0;
        pending += state == LR_P;
        if (state == 0 && (ich->lr[i] & LR_HW) == 0 && (ich->lr[i] & LR_EOI) != 0)
            return true;
    }
    return ((ich->hcr & 1u << 1) != 0 && valid <= 1) || ((ich->hcr & 1u << 2) != 0 && ich->eoi_count != 0) ||
           ((ich->hcr & 1u << 3) != 0 && pending == 0) || ((ich->hcr & 1u << 4) != 0 && ich->enable[0]) ||
           ((ich->hcr & 1u << 5) != 0 && !ich->enable[0]) || ((ich->hcr & 1u << 6) != 0 && ich->enable[1]) ||
           ((ich->hcr & 1u << 7) != 0 && !ich->enable[1]);
}

const char *ich_model_fault(const struct ich_model *ich)
{
    for (uint32_t i = 0; i < ich->lr_count; i++) {
        uint64_t lr = ich->lr[i];

        if ((lr & (LR_P | LR_A)) == 0)
            continue;
        if ((lr & LR_HW) != 0 && (lr & (LR_P | LR_A)) == (LR_P | LR_A))
            return "list register pending and active with HW";
        for (uint32_t k = 0; k < i; k++)
            if ((ich->lr[k] & (LR_P | LR_A)) != 0 && intid_of(ich->lr[k]) == intid_of(lr))
                return "one INTID in two list registers";
    }
    return NULL;
}
