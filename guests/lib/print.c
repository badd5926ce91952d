/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatted text to COM1. Lines of up to 256 characters; what is longer is cut. */
#include "guests/lib/print.h"

#include <stdarg.h>
#include <stdint.h>

#include "guests/lib/cpu.h"
#include "lib/printf.h"

#define COM1          0x3F8
#define COM_IER       (COM1 + 1)
#define COM_FCR       (COM1 + 2)
#define COM_LCR       (COM1 + 3)
#define COM_MCR       (COM1 + 4)
#define COM_LSR       (COM1 + 5)
#define COM_LSR_EMPTY 0x20
#define COM_LSR_IDLE  0x40
#define DRAIN_TRIES   1000000
#define COM_LCR_8N1   0x03
#define COM_LCR_DLAB  0x80

void print_init(void)
{
    out8(COM_IER, 0);
    out8(COM_LCR, COM_LCR_DLAB);
    out8(COM1, 1);
    out8(COM_IER, 0);
    out8(COM_LCR, COM_LCR_8N1);
    out8(COM_FCR, 0x07);
    out8(COM_MCR, 0x03);
}

static void put(char c)
{
    while ((in8(COM_LSR) & COM_LSR_EMPTY) == 0)
        cpu_pause();
    out8(COM1, (uint8_t)c);
}

void print(const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (const char *c = line; *c != '\0'; c++) {
        if (*c == '\n')
            put('\r');
        put(*c);
    }
}

void print_drain(void)
{
    for (unsigned int i = 0; i < DRAIN_TRIES && (in8(COM_LSR) & COM_LSR_IDLE) == 0; i++)
        cpu_pause();
}
