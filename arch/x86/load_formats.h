/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel formats: for each, does the image look like it, and load it. Looking never complains; loading
 * complains once on failure. `load` comes fresh from load_init().
 */
#pragma once

#include <stdbool.h>

#include "arch/x86/load.h"
#include "arch/x86/load_elf.h"
#include "lib/bits.h"

bool bzimage_matches(const struct load *load);
MUST_CHECK int bzimage_load(struct load *load);

/* A header with the right magic and checksum where the specification allows it. */
bool multiboot1_matches(const struct load *load);
MUST_CHECK int multiboot1_load(struct load *load);

bool multiboot2_matches(const struct load *load);
MUST_CHECK int multiboot2_load(struct load *load);

/* For ELF files: `elf` is parsed. */
bool pvh_matches(const struct load *load, const struct elf_image *elf);
MUST_CHECK int pvh_load(struct load *load, const struct elf_image *elf);
