/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel entered by the PVH boot protocol finds (Xen's "x86/HVM direct boot ABI", version 1 of the
 * start information).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PVH_NOTE_OWNER        "Xen"
#define PVH_NOTE_PHYS32_ENTRY 18

#define PVH_START_MAGIC   UINT32_C(0x336ec578)
#define PVH_START_VERSION 1

struct pvh_start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t cmdline;
    uint64_t rsdp;
    uint64_t memmap;
    uint32_t memmap_count;
    uint32_t reserved_0x34;
};

struct pvh_module {
    uint64_t start;
    uint64_t size;
    uint64_t cmdline;
    uint64_t reserved_0x18;
};

struct pvh_memmap_entry {
    uint64_t start;
    uint64_t size;
    uint32_t type; /* as in the E820 map */
    uint32_t reserved_0x14;
};

_Static_assert(sizeof(struct pvh_start_info) == 56, "PVH start information");
_Static_assert(offsetof(struct pvh_start_info, memmap) == 40, "PVH start information");
_Static_assert(sizeof(struct pvh_module) == 32, "PVH module");
_Static_assert(sizeof(struct pvh_memmap_entry) == 24, "PVH memory map");
