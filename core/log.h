/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latch's own messages: one line each, prefixed "latch: ", to the console. Any CPU, any context but NMI/#MC;
 * own lock.
 */
#pragma once

#include <stdarg.h>

/* The fixed records that programs read (docs/records.md); printed whatever log= says. */
void log_record(const char *format, ...) __attribute__((format(printf, 1, 2)));

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
