/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads date and time between two updates; "Real Time Clock", MC146818 data sheet. Boot CPU. */
#include "drivers/cmos_clock.h"

#include <stdbool.h>

#include "lib/pio.h"

#define CMOS_INDEX   0x70
#define CMOS_DATA    0x71
#define RTC_A        0x0a
#define RTC_A_UIP    0x80
#define RTC_B        0x0b
#define RTC_B_24H    0x02
#define RTC_B_BINARY 0x04
#define RTC_PM       0x80
#define TRIES        1000000u /* an update takes 2 ms at most */

struct date {
    uint8_t second, minute, hour, day, month, year;
};

static uint8_t cmos_read(uint8_t index)
{
    pio_write8(CMOS_INDEX, index);
    return pio_read8(CMOS_DATA);
}

static uint8_t from_bcd(uint8_t value)
{
    return (uint8_t)((value >> 4) * 10 + (value & 0xf));
}

static struct date read_raw(void)
{
    for (uint32_t i = 0; i < TRIES && (cmos_read(RTC_A) & RTC_A_UIP) != 0; i++)
        ;
    return (struct date){cmos_read(0), cmos_read(2), cmos_read(4), cmos_read(7), cmos_read(8), cmos_read(9)};
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static uint64_t days_from(uint32_t year, uint32_t month, uint32_t day)
{
    /* Years begin in March, so that the leap day is the last of its year. */
    uint32_t y = month <= 2 ? year - 1 : year;
    uint32_t m = month <= 2 ? month + 9 : month - 3;

    return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t cmos_clock_utc(void)
{
    struct date date = read_raw();
    uint8_t mode = cmos_read(RTC_B);
    bool pm = (date.hour & RTC_PM) != 0;

    date.hour = (uint8_t)(date.hour & ~RTC_PM);
    if ((mode & RTC_B_BINARY) == 0)
        date = (struct date){from_bcd(date.second), from_bcd(date.minute), from_bcd(date.hour),
                             from_bcd(date.day),    from_bcd(date.month),  from_bcd(date.year)};
    if ((mode & RTC_B_24H) == 0)
        date.hour = (uint8_t)(date.hour % 12 + (pm ? 12 : 0));
    if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
        return 0;
    return days_from(2000u + date.year, date.month, date.day) * 86400 + date.hour * 3600u +
           date.minute * 60u + date.second;
}
