/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI fixed hardware: PM1a event and control block and the PM timer (32 bits, FADT.TMR_VAL_EXT set). Always
 * in ACPI mode: SCI_EN reads 1 and there is no SMI command port. One sleep state, S5. Every function is
 * called with the VM's device lock held; the timer's expiry takes it. Source: ACPI specification 6.5,
 * chapter 4.8.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irq_line.h"
#include "core/timer.h"
#include "lib/bits.h"

/* Where firmware of this kind of PC puts it, so that `outw(0x2000, 0x604)` of small kernels works too. */
#define VPM_PORT  UINT64_C(0x600)
#define VPM_PORTS 12

/* Offsets. */
#define VPM_PM1_STS  0 /* 16 bits, written with ones to clear */
#define VPM_PM1_EN   2 /* 16 bits */
#define VPM_PM1_CNT  4 /* 16 bits; 2 reserved bytes follow */
#define VPM_PM_TMR   8 /* 32 bits, read-only */
#define VPM_EVT_LEN  4
#define VPM_CNT_LEN  2
#define VPM_TMR_LEN  4
#define VPM_TIMER_HZ UINT64_C(3579545)

/* Status; the enables have the same numbers. What is not named here as status never comes. */
#define VPM_TMR_STS     BIT(0) /* bit 31 of the timer has changed */
#define VPM_GBL_EN      BIT(5) /* ACPICA wants to see its enables stick: */
#define VPM_PWRBTN_STS  BIT(8)
#define VPM_SLPBTN_EN   BIT(9)
#define VPM_RTC_EN      BIT(10)
#define VPM_EN_BITS     (VPM_TMR_STS | VPM_GBL_EN | VPM_PWRBTN_STS | VPM_SLPBTN_EN | VPM_RTC_EN)
#define VPM_CNT_SCI_EN  BIT(0)
#define VPM_CNT_BM_RLD  BIT(1)
#define VPM_CNT_SLP_TYP FIELD(12, 10)
#define VPM_CNT_SLP_EN  BIT(13) /* write-only */
#define VPM_SLP_TYP_S5  0       /* as in the DSDT's \_S5 */

struct vm;

struct vpm {
    struct vdev dev;
    struct vm *vm;
    struct irq_line *line; /* SCI */
    struct timer timer;
    uint16_t status;
    uint16_t enable;
    uint16_t control;
    uint64_t epoch_ns;    /* the PM timer was 0 */
    uint64_t seen_halves; /* changes of the timer's top bit already in `status` */
};

void vpm_init(struct vpm *pm, struct vm *vm, struct irq_line *line);
MUST_CHECK int vpm_register(struct vpm *pm, struct bus *pio);

/* The power button: a guest with ACPI shuts itself down. Device lock held. */
void vpm_press_power_button(struct vpm *pm);
