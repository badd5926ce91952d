/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loader's information structure (Multiboot2 specification, "Boot information format"). Everything that
 * is needed later is copied out: the structure itself may lie anywhere in free memory.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/boot_info.h"
#include "lib/bits.h"

#define MULTIBOOT2_MAX_SIZE (UINT32_C(1) << 20)
#define MULTIBOOT2_TEXT     16384 /* all command lines together */
#define MULTIBOOT2_RSDP     36
#define MULTIBOOT2_RAW      256

/* Where the copies live; static in the caller. */
struct multiboot2_copies {
    uint32_t text_used;
    uint32_t raw_count;
    uint32_t rsdp_size; /* 0: the loader gave none */
    char text[MULTIBOOT2_TEXT];
    uint8_t rsdp[MULTIBOOT2_RSDP];
    struct boot_region raw[MULTIBOOT2_RAW];
};

/* What was wrong, but not so wrong that boot has to end. */
#define MULTIBOOT2_TEXT_CUT    BIT(0) /* a command line did not fit and was cut */
#define MULTIBOOT2_MODULES_CUT BIT(1) /* more modules than BOOT_MAX_MODULES */
#define MULTIBOOT2_REGIONS_CUT BIT(2) /* more memory map entries than fit */
#define MULTIBOOT2_BAD_TAG     BIT(3) /* a tag too short for its contents was left out */
#define MULTIBOOT2_UNENDED     BIT(4) /* the structure ends without its end tag */

/*
 * `info` is at least 8 readable bytes, and as many as its total size says (checked against
 * MULTIBOOT2_MAX_SIZE). Returns 0 with *problems, or E_INVAL (the size is impossible), E_NOENT (no memory
 * map). Pure.
 */
MUST_CHECK int multiboot2_parse(const void *info, struct boot_info *out, struct multiboot2_copies *copies,
                                uint64_t *problems);

/* Size field of the structure, 0 if impossible. */
uint32_t multiboot2_size(const void *info);
