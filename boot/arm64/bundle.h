/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot loader's initrd as a bundle of modules: a cpio archive ("newc") with the guests' files and one
 * named latch.cfg, each line of which is a file's name and the words that x86's boot loader passes with a
 * module:
 *
 *     vmlinuz linux:kernel cpus=2 mem=512M -- console=ttyAMA0
 *     initrd  linux:initrd
 *
 * Empty lines and those that begin with '#' mean nothing. Pure; anything in the archive may be wrong.
 */
#pragma once

#include <stdint.h>

#include "core/boot_info.h"
#include "lib/bits.h"

#define BUNDLE_MAX_FILES (2 * BOOT_MAX_MODULES)
#define BUNDLE_TEXT      8192 /* all words of all lines together */
#define BUNDLE_CONFIG    "latch.cfg"

struct bundle {
    uint32_t file_count;
    struct bundle_file {
        const char *name; /* in the archive, ended by 0 */
        const uint8_t *data;
        uint64_t size;
    } files[BUNDLE_MAX_FILES];
    uint32_t text_used;
    char text[BUNDLE_TEXT];
};

/*
 * Fills info->modules from the archive at [start, start + size), in the direct map. Words are copied into
 * `bundle` (zeroed memory that stays), data stays where it is. 0, or after one line for each mistake: E_INVAL
 * (some lines were left out), E_NOENT (no archive, or no latch.cfg in it: nothing was read).
 */
MUST_CHECK int bundle_read(const void *start, uint64_t size, struct bundle *bundle, struct boot_info *info);
