/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot2 specification 2.0: header tags in the kernel, information tags for it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define MULTIBOOT2_HEADER_MAGIC  UINT32_C(0xe85250d6)
#define MULTIBOOT2_LOADER_MAGIC  UINT32_C(0x36d76289) /* in EAX */
#define MULTIBOOT2_HEADER_SEARCH 32768
#define MULTIBOOT2_ALIGN         8 /* of the header, its tags, and the tags of the information */
#define MULTIBOOT2_ARCH_I386     0

struct multiboot2_header {
    uint32_t magic;
    uint32_t architecture;
    uint32_t length; /* with all tags */
    uint32_t checksum;
};

struct multiboot2_header_tag {
    uint16_t type;
    uint16_t flags;
    uint32_t size; /* with these 8 bytes */
};

#define MULTIBOOT2_TAG_OPTIONAL BIT(0)

enum multiboot2_header_tag_type {
    MULTIBOOT2_HEADER_END = 0,
    MULTIBOOT2_HEADER_REQUEST = 1,
    MULTIBOOT2_HEADER_ADDRESS = 2,
    MULTIBOOT2_HEADER_ENTRY = 3,
    MULTIBOOT2_HEADER_CONSOLE = 4,
    MULTIBOOT2_HEADER_FRAMEBUFFER = 5,
    MULTIBOOT2_HEADER_ALIGN_MODULES = 6,
    MULTIBOOT2_HEADER_EFI_SERVICES = 7,
    MULTIBOOT2_HEADER_EFI_ENTRY_32 = 8,
    MULTIBOOT2_HEADER_EFI_ENTRY_64 = 9,
    MULTIBOOT2_HEADER_RELOCATABLE = 10,
};

/* Behind the tag's 8 bytes. */
struct multiboot2_header_address {
    uint32_t header_addr;
    uint32_t load_addr;
    uint32_t load_end_addr;
    uint32_t bss_end_addr;
};

struct multiboot2_tag {
    uint32_t type;
    uint32_t size; /* with these 8 bytes */
};

enum multiboot2_tag_type {
    MULTIBOOT2_END = 0,
    MULTIBOOT2_CMDLINE = 1,
    MULTIBOOT2_LOADER_NAME = 2,
    MULTIBOOT2_MODULE = 3,
    MULTIBOOT2_MEMORY = 4,
    MULTIBOOT2_MMAP = 6,
    MULTIBOOT2_RSDP_1 = 14,
    MULTIBOOT2_RSDP_2 = 15,
    MULTIBOOT2_TAG_TYPES = 22, /* types of this specification are below */
};

/* Behind the tag's 8 bytes. */
struct multiboot2_module {
    uint32_t start;
    uint32_t end; /* exclusive */
    /* command line, terminated */
};

struct multiboot2_memory {
    uint32_t lower; /* KiB from 0 */
    uint32_t upper; /* KiB from 1 MiB to the first hole */
};

struct multiboot2_mmap {
    uint32_t entry_size;
    uint32_t entry_version;
    /* entries */
};

struct multiboot2_mmap_entry {
    uint64_t start;
    uint64_t length;
    uint32_t type; /* as in the E820 map */
    uint32_t reserved_0x14;
};

struct multiboot2_info {
    uint32_t size; /* with all tags */
    uint32_t reserved_0x04;
};

_Static_assert(sizeof(struct multiboot2_header) == 16, "multiboot2 header");
_Static_assert(sizeof(struct multiboot2_header_tag) == 8, "multiboot2 header tag");
_Static_assert(sizeof(struct multiboot2_header_address) == 16, "multiboot2 address tag");
_Static_assert(sizeof(struct multiboot2_mmap_entry) == 24, "multiboot2 memory map");
