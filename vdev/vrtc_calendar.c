/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calendar arithmetic on years that begin in March, so that the leap day is the last: the lengths of the
 * months from March on repeat every five, 153 days.
 */
#include "vdev/vrtc_calendar.h"

#define DAY_SECONDS     INT64_C(86400)
#define ERA_YEARS       INT64_C(400)
#define ERA_DAYS        INT64_C(146097)
#define DAYS_TO_1970    INT64_C(719468) /* from 1 March of year 0 */
#define EPOCH_WEEKDAY   INT64_C(4)      /* 1 January 1970 was a Thursday */
#define FIVE_MONTH_DAYS 153

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct vrtc_date vrtc_date_of(int64_t seconds)
{
    int64_t days = floor_div(seconds, DAY_SECONDS);
    int64_t in_day = seconds - days * DAY_SECONDS;
    int64_t era = floor_div(days + DAYS_TO_1970, ERA_DAYS);
    int64_t day = days + DAYS_TO_1970 - era * ERA_DAYS;                           /* 0..146096 */
    int64_t year = (day - day / 1460 + day / 36524 - day / (ERA_DAYS - 1)) / 365; /* 0..399 */
    int64_t year_day = day - (365 * year + year / 4 - year / 100);                /* from 1 March */
    int64_t month = (5 * year_day + 2) / FIVE_MONTH_DAYS;                         /* 0: March */

    return (struct vrtc_date){
        .year = era * ERA_YEARS + year + (month >= 10),
        .month = (uint32_t)(month < 10 ? month + 3 : month - 9),
        .day = (uint32_t)(year_day - (FIVE_MONTH_DAYS * month + 2) / 5 + 1),
        .hour = (uint32_t)(in_day / 3600),
        .minute = (uint32_t)(in_day / 60 % 60),
        .second = (uint32_t)(in_day % 60),
        .weekday = (uint32_t)(days + EPOCH_WEEKDAY - floor_div(days + EPOCH_WEEKDAY, 7) * 7),
    };
}

int64_t vrtc_seconds_of(const struct vrtc_date *date)
{
    int64_t months = date->year * 12 + (int64_t)date->month - 3; /* from March of year 0 */
    int64_t year = floor_div(months, 12);
    int64_t month = months - year * 12;
    int64_t era = floor_div(year, ERA_YEARS);
    int64_t in_era = year - era * ERA_YEARS;
    int64_t days = era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 +
                   (FIVE_MONTH_DAYS * month + 2) / 5 + (int64_t)date->day - 1 - DAYS_TO_1970;

    return days * DAY_SECONDS + date->hour * INT64_C(3600) + date->minute * INT64_C(60) + date->second;
}
