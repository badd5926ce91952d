/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latch's own lines: formatted on the stack, then handed to the console whole, so that lines of several CPUs
 * never mix. A line longer than the buffer is cut and still ends properly.
 */
#include "core/log.h"

#include "core/config.h"
#include "core/console.h"
#include "core/report_log.h"
#include "lib/printf.h"
#include "lib/string.h"

#define PREFIX "latch: "
#define MARK   "\x1e" /* CONSOLE_MARK */

static void write_line(const char *level, const char *format, va_list args)
{
    char line[448];
    size_t room = sizeof(line) - 1;
    size_t length = (size_t)fmt_snprintf(line, room, "%s" PREFIX "%s", config.marks ? MARK : "", level);

    length += (size_t)fmt_vsnprintf(line + length, room - length, format, args);
    if (length >= room)
        length = room - 1;
    line[length++] = '\n';
    report_log_keep(line, length);
    console_write(line, length);
}

void log_record(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;

    if (config.log_level > LOG_LEVEL_INFO)
        return;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;

    if (config.log_level > LOG_LEVEL_WARN)
        return;
    va_start(args, format);
    write_line("warning: ", format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line("error: ", format, args);
    va_end(args);
}
