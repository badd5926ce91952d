/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last of Latch's own lines, for a panic's report. Any CPU adds without a lock: a reader may see a line
 * that is being written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line with its end. */
void report_log_keep(const char *line, size_t length);

/* Where the last `lines` lines begin; and the line at `*at` without its end, as report_keep_read() does it.
 */
uint64_t report_log_last(uint32_t lines);
bool report_log_read(uint64_t *at, char *text, size_t size);
