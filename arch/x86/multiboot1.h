/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot specification 0.6.96: header in the kernel, information for it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define MULTIBOOT1_HEADER_MAGIC  UINT32_C(0x1badb002)
#define MULTIBOOT1_LOADER_MAGIC  UINT32_C(0x2badb002) /* in EAX */
#define MULTIBOOT1_HEADER_SEARCH 8192
#define MULTIBOOT1_HEADER_ALIGN  4

/* Header flags; those of the low half must be understood. */
#define MULTIBOOT1_ALIGN_MODULES BIT(0)
#define MULTIBOOT1_WANT_MEMORY   BIT(1)
#define MULTIBOOT1_WANT_VIDEO    BIT(2)
#define MULTIBOOT1_MUST_KNOW     FIELD(15, 0)
#define MULTIBOOT1_KNOWN         FIELD(2, 0)
#define MULTIBOOT1_HAS_ADDRESSES BIT(16)

/* The part that is always there, and what follows with MULTIBOOT1_HAS_ADDRESSES. */
#define MULTIBOOT1_HEADER_SIZE_SHORT 12

struct multiboot1_header {
    uint32_t magic;
    uint32_t flags;
    uint32_t checksum; /* the three sum up to 0 */
    uint32_t header_addr;
    uint32_t load_addr;
    uint32_t load_end_addr; /* 0: to the end of the file */
    uint32_t bss_end_addr;  /* 0: no bss */
    uint32_t entry_addr;
};

#define MULTIBOOT1_INFO_MEMORY      BIT(0)
#define MULTIBOOT1_INFO_CMDLINE     BIT(2)
#define MULTIBOOT1_INFO_MODULES     BIT(3)
#define MULTIBOOT1_INFO_MMAP        BIT(6)
#define MULTIBOOT1_INFO_LOADER_NAME BIT(9)

struct multiboot1_info {
    uint32_t flags;
    uint32_t mem_lower; /* KiB from 0 */
    uint32_t mem_upper; /* KiB from 1 MiB to the first hole */
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t module_count;
    uint32_t modules;
    uint32_t reserved_0x1c[4]; /* symbols */
    uint32_t mmap_size;
    uint32_t mmap;
    uint32_t reserved_0x34[3]; /* drives, ROM configuration */
    uint32_t loader_name;
    uint32_t reserved_0x44[12]; /* APM, VBE, frame buffer */
};

struct multiboot1_module {
    uint32_t start;
    uint32_t end; /* exclusive */
    uint32_t cmdline;
    uint32_t reserved_0x0c;
};

struct multiboot1_mmap_entry {
    uint32_t size; /* of what follows */
    uint64_t start;
    uint64_t length;
    uint32_t type; /* as in the E820 map */
} __attribute__((packed));

_Static_assert(sizeof(struct multiboot1_header) == 32, "multiboot header");
_Static_assert(offsetof(struct multiboot1_info, mmap_size) == 44, "multiboot information");
_Static_assert(offsetof(struct multiboot1_info, loader_name) == 64, "multiboot information");
_Static_assert(sizeof(struct multiboot1_info) == 116, "multiboot information");
_Static_assert(sizeof(struct multiboot1_mmap_entry) == 24, "multiboot memory map");
