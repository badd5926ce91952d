/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux/x86 boot protocol 2.12 and later: setup header of a bzImage, and the page of boot parameters ("zero
 * page"). Names and offsets as in the protocol's description, "The Real-Mode Kernel Header" and "The 64-bit
 * Boot Protocol".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arch/x86/guest_map.h"
#include "lib/bits.h"

#define LINUX_SETUP_HEADER_OFFSET 0x1f1
#define LINUX_SECTOR_SIZE         512
#define LINUX_BOOT_FLAG           0xaa55
#define LINUX_HEADER_MAGIC        UINT32_C(0x53726448) /* "HdrS" */
#define LINUX_VERSION_NEEDED      0x020c
#define LINUX_LOADER_UNDEFINED    0xff
#define LINUX_VGA_NORMAL          0xffff
#define LINUX_ENTRY_64            0x200 /* from the start of the protected-mode part */
#define LINUX_CMDLINE_MAX_DEFAULT 255
#define LINUX_SETUP_SECTS_DEFAULT 4

#define LINUX_LOADED_HIGH BIT(0) /* loadflags */

#define LINUX_XLF_KERNEL_64              BIT(0)
#define LINUX_XLF_CAN_BE_LOADED_ABOVE_4G BIT(1)

struct linux_setup_header {
    uint8_t setup_sects;
    uint16_t root_flags;
    uint32_t syssize; /* of the protected-mode part, in 16 bytes */
    uint16_t ram_size;
    uint16_t vid_mode;
    uint16_t root_dev;
    uint16_t boot_flag;
    uint8_t jump;
    uint8_t jump_distance; /* from here + 1 to the header's end */
    uint32_t header;
    uint16_t version;
    uint32_t realmode_swtch;
    uint16_t start_sys_seg;
    uint16_t kernel_version;
    uint8_t type_of_loader;
    uint8_t loadflags;
    uint16_t setup_move_size;
    uint32_t code32_start;
    uint32_t ramdisk_image;
    uint32_t ramdisk_size;
    uint32_t bootsect_kludge;
    uint16_t heap_end_ptr;
    uint8_t ext_loader_ver;
    uint8_t ext_loader_type;
    uint32_t cmd_line_ptr;
    uint32_t initrd_addr_max; /* inclusive */
    uint32_t kernel_alignment;
    uint8_t relocatable_kernel;
    uint8_t min_alignment;
    uint16_t xloadflags;
    uint32_t cmdline_size; /* without terminator */
    uint32_t hardware_subarch;
    uint64_t hardware_subarch_data;
    uint32_t payload_offset;
    uint32_t payload_length;
    uint64_t setup_data;
    uint64_t pref_address;
    uint32_t init_size;
    uint32_t handover_offset;
    uint32_t kernel_info_offset;
} __attribute__((packed));

#define LINUX_E820_MAX 128

struct linux_boot_params {
    uint8_t screen_info[0x40];
    uint8_t reserved_0x40[0x30];
    uint64_t acpi_rsdp_addr;
    uint8_t reserved_0x78[0x48];
    uint32_t ext_ramdisk_image;
    uint32_t ext_ramdisk_size;
    uint32_t ext_cmd_line_ptr;
    uint8_t reserved_0xcc[0x114];
    uint32_t alt_mem_k;
    uint8_t reserved_0x1e4[4];
    uint8_t e820_entries;
    uint8_t reserved_0x1e9[6];
    uint8_t sentinel;
    uint8_t reserved_0x1f0;
    struct linux_setup_header hdr;
    uint8_t reserved_0x26c[0x64];
    struct e820_entry e820_table[LINUX_E820_MAX];
    uint8_t reserved_0xcd0[0x330];
} __attribute__((packed));

_Static_assert(offsetof(struct linux_setup_header, header) == 0x202 - 0x1f1, "setup header");
_Static_assert(offsetof(struct linux_setup_header, xloadflags) == 0x236 - 0x1f1, "setup header");
_Static_assert(offsetof(struct linux_setup_header, init_size) == 0x260 - 0x1f1, "setup header");
_Static_assert(sizeof(struct linux_setup_header) == 0x26c - 0x1f1, "setup header");
_Static_assert(offsetof(struct linux_boot_params, acpi_rsdp_addr) == 0x70, "boot parameters");
_Static_assert(offsetof(struct linux_boot_params, ext_ramdisk_image) == 0xc0, "boot parameters");
_Static_assert(offsetof(struct linux_boot_params, alt_mem_k) == 0x1e0, "boot parameters");
_Static_assert(offsetof(struct linux_boot_params, e820_entries) == 0x1e8, "boot parameters");
_Static_assert(offsetof(struct linux_boot_params, sentinel) == 0x1ef, "boot parameters");
_Static_assert(offsetof(struct linux_boot_params, hdr) == LINUX_SETUP_HEADER_OFFSET, "boot parameters");
_Static_assert(offsetof(struct linux_boot_params, e820_table) == 0x2d0, "boot parameters");
_Static_assert(sizeof(struct linux_boot_params) == 4096, "boot parameters");
