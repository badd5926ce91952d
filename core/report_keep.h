/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last panic's report in memory, for the boot after it. It lies in the last 64 KiB below the image, which
 * boot loaders and firmware leave alone (docs/reports.md): found again by its signature, believed only if its
 * checksum is right. Boot CPU, except what a panic calls: the CPU that panics, no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define REPORT_KEEP_SIZE (64 * KIB)

/* Takes the memory, if it is free RAM, and says so if there is a report in it. */
void report_keep_init(void);

/* A panic begins: its report replaces the one before. Then its lines, without an end; what has no room is
 * left out. After each line the memory holds a report that is whole up to there. */
void report_keep_begin(void);
void report_keep_line(const char *line);

/* Bytes of the report that was found or written, 0: none. */
uint32_t report_keep_length(void);

/* The line that begins at `*at` (0 at first), without its end and with nothing in it that a terminal would
 * act on;
 * `*at` goes behind it. False: no more. */
bool report_keep_read(uint32_t *at, char *text, size_t size);

void report_keep_clear(void);
