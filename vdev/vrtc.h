/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MC146818 real-time clock with 128 bytes of CMOS memory at ports 0x70/0x71. The clock is a function of time:
 * its registers and flags are worked out when looked at; the one timer runs only while an enabled interrupt
 * is still to come. Every function is called with the VM's device lock held; the timer's expiry takes it.
 * Source: Motorola MC146818A data sheet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irq_line.h"
#include "core/timer.h"
#include "lib/bits.h"

#define VRTC_PORT      UINT64_C(0x70) /* index, data */
#define VRTC_CMOS_SIZE 128
#define VRTC_CENTURY   0x32 /* BCD or binary like the year; FADT.CENTURY says so */

enum vrtc_register {
    VRTC_SECONDS,
    VRTC_SECONDS_ALARM,
    VRTC_MINUTES,
    VRTC_MINUTES_ALARM,
    VRTC_HOURS,
    VRTC_HOURS_ALARM,
    VRTC_WEEKDAY, /* 1: Sunday */
    VRTC_DAY,
    VRTC_MONTH,
    VRTC_YEAR,
    VRTC_A,
    VRTC_B,
    VRTC_C,
    VRTC_D,
};

#define VRTC_A_UIP     BIT(7)      /* an update is near or under way */
#define VRTC_A_DV      FIELD(6, 4) /* 2: runs; 6, 7: divider held in reset */
#define VRTC_A_RS      FIELD(3, 0) /* periodic rate, 0: none */
#define VRTC_B_SET     BIT(7)      /* no updates */
#define VRTC_B_PIE     BIT(6)
#define VRTC_B_AIE     BIT(5)
#define VRTC_B_UIE     BIT(4)
#define VRTC_B_BINARY  BIT(2)
#define VRTC_B_24H     BIT(1)
#define VRTC_C_IRQF    BIT(7)
#define VRTC_C_PF      BIT(6) /* flags have the bits of their enables in B */
#define VRTC_C_AF      BIT(5)
#define VRTC_C_UF      BIT(4)
#define VRTC_C_FLAGS   FIELD(6, 4)
#define VRTC_D_VRT     BIT(7) /* the battery is fine */
#define VRTC_HOURS_PM  BIT(7)
#define VRTC_ALARM_ANY FIELD(7, 6) /* both set: every value matches */

struct vm;

struct vrtc_params {
    uint64_t boot_utc_s; /* seconds since 1970 when time_now_ns() was 0 */
    uint64_t ram_low;    /* bytes of RAM below 4 GiB, counted from 0 */
    uint64_t ram_high;   /* bytes of RAM from 4 GiB */
    uint32_t cpu_count;
};

struct vrtc {
    struct vdev dev;
    struct vm *vm;
    struct irq_line *line; /* IRQ 8 */
    struct timer timer;
    struct vrtc_params params;
    uint8_t index;
    uint8_t cmos[VRTC_CMOS_SIZE]; /* time registers: valid while the clock is stopped */
    int64_t offset_ns;            /* clock (ns since 1970) = time_now_ns() + offset */
    uint64_t phase_ns;            /* while stopped: position within the second to go on from */
    int64_t seen_ns;              /* clock time up to which `flags` is right */
    uint8_t flags;                /* register C without IRQF */
};

void vrtc_init(struct vrtc *rtc, struct vm *vm, struct irq_line *line, const struct vrtc_params *params);
MUST_CHECK int vrtc_register(struct vrtc *rtc, struct bus *pio);
