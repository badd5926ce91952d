/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that are not ELF, loaded by the address fields of a multiboot header: both versions of multiboot have
 * the same ones with the same meaning.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/load.h"
#include "lib/bits.h"

struct flat_image {
    uint64_t header_offset; /* where the header stands in the file */
    uint32_t header_addr;   /* and in memory */
    uint32_t load_addr;     /* first byte that is loaded; not above header_addr */
    uint32_t load_end_addr; /* exclusive; 0: to the end of the file */
    uint32_t bss_end_addr;  /* exclusive; 0: no bss */
};

/* Checks, claims, copies, clears the bss; `entry` must lie in what is copied. Complains. */
MUST_CHECK int flat_load(struct load *load, const struct flat_image *flat, uint64_t entry);
