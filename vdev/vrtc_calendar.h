/* SPDX-License-Identifier: BSD-2-Clause */
/* Civil dates from seconds since 1970 and back, proleptic Gregorian, UTC. Pure. */
#pragma once

#include <stdint.h>

struct vrtc_date {
    int64_t year;
    uint32_t month; /* 1..12 */
    uint32_t day;   /* 1..31 */
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    uint32_t weekday; /* 0: Sunday; result only */
};

struct vrtc_date vrtc_date_of(int64_t seconds);

/* Any field may be out of its range (a guest wrote it): it counts on into the next larger one. */
int64_t vrtc_seconds_of(const struct vrtc_date *date);
