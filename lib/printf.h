/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printf-style formatting into a bounded buffer: %d %i %u %x %X %c %s %p %%, with flags '-', '0', '+',
 * ' ', '#', width, precision (also '*'), and lengths hh h l ll z t j. Anything else is printed as it stands.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Formats into `buffer` (always terminated when size > 0); returns the length the whole text would have had.
 */
int fmt_vsnprintf(char *buffer, size_t size, const char *format, va_list args);
int fmt_snprintf(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
