/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot code found out before core starts: memory, modules, words from the loader. boot/ fills the
 * one instance and nobody changes it afterwards. All pointers lead into memory that the page allocator leaves
 * alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define BOOT_MAX_REGIONS 128
#define BOOT_MAX_MODULES 64

enum boot_region_kind {
    BOOT_REGION_RAM,
    BOOT_REGION_RESERVED,
    BOOT_REGION_ACPI,
    BOOT_REGION_BAD,
};

struct boot_region {
    hpa_t start;
    uint64_t size; /* bytes */
    enum boot_region_kind kind;
};

struct boot_module {
    hpa_t start;
    uint64_t size;       /* bytes; may be 0 */
    const char *cmdline; /* everything behind the file name; never NULL */
};

struct boot_info {
    const char *cmdline;     /* Latch's own words, file name removed; never NULL */
    const char *loader_name; /* never NULL */
    hpa_t rsdp;              /* ACPI root pointer (copy in our memory); 0: none */
    hpa_t dtb;               /* flattened device tree; 0: none */
    hpa_t image_start;       /* Latch itself, bss included; page aligned */
    uint64_t image_size;
    uint32_t region_count;
    uint32_t module_count;
    struct boot_region regions[BOOT_MAX_REGIONS]; /* sorted by address, not overlapping */
    struct boot_module modules[BOOT_MAX_MODULES]; /* in the loader's order */
};

/* What core_main() was given; NULL before. */
extern const struct boot_info *machine_info;

/* core's entry point: called once on the boot CPU, on its final stack, with traps and page allocator set up.
 */
_Noreturn void core_main(const struct boot_info *info);
