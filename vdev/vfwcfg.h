/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fw_cfg: what firmware and small kernels ask QEMU's machines for, by selector (port 0x510, 16 bits) and data
 * (port 0x511, byte after byte). Read-only, no DMA interface. Device lock held. Source: QEMU's
 * docs/specs/fw_cfg.
 */
#pragma once

#include <stdint.h>

#include "core/device.h"
#include "lib/bits.h"

#define VFWCFG_PORT     UINT64_C(0x510)
#define VFWCFG_SELECTOR 0
#define VFWCFG_DATA     1
#define VFWCFG_PORTS    2

enum vfwcfg_key {
    VFWCFG_SIGNATURE = 0x00,
    VFWCFG_ID = 0x01,
    VFWCFG_UUID = 0x02,
    VFWCFG_RAM_SIZE = 0x03,
    VFWCFG_NOGRAPHIC = 0x04,
    VFWCFG_NB_CPUS = 0x05,
    VFWCFG_MACHINE_ID = 0x06,
    VFWCFG_KERNEL_ADDR = 0x07,
    VFWCFG_KERNEL_SIZE = 0x08,
    VFWCFG_KERNEL_CMDLINE = 0x09,
    VFWCFG_INITRD_ADDR = 0x0a,
    VFWCFG_INITRD_SIZE = 0x0b,
    VFWCFG_BOOT_DEVICE = 0x0c,
    VFWCFG_NUMA = 0x0d,
    VFWCFG_BOOT_MENU = 0x0e,
    VFWCFG_MAX_CPUS = 0x0f,
    VFWCFG_KERNEL_ENTRY = 0x10,
    VFWCFG_KERNEL_DATA = 0x11,
    VFWCFG_INITRD_DATA = 0x12,
    VFWCFG_CMDLINE_ADDR = 0x13,
    VFWCFG_CMDLINE_SIZE = 0x14,
    VFWCFG_CMDLINE_DATA = 0x15,
    VFWCFG_FILE_DIR = 0x19,
    VFWCFG_FILE_FIRST = 0x20,
    VFWCFG_FILE_E820 = VFWCFG_FILE_FIRST, /* "etc/e820" */
};

/* Host memory that outlives the device; 0 bytes: none. */
struct vfwcfg_blob {
    const void *data;
    uint32_t size;
};

struct vfwcfg_params {
    uint32_t cpu_count; /* running at boot */
    uint32_t cpu_count_most;
    uint64_t ram_size;   /* bytes, all of it */
    const char *cmdline; /* may be NULL; outlives the device */
    uint32_t kernel_addr;
    uint32_t kernel_entry;
    uint32_t initrd_addr;
    uint32_t cmdline_addr;
    struct vfwcfg_blob kernel; /* images as the boot loader brought them */
    struct vfwcfg_blob initrd;
    struct vfwcfg_blob e820; /* 20 bytes an entry: start, size, type, little-endian */
};

#define VFWCFG_NUMBERS   16
#define VFWCFG_DIR_ENTRY 64
#define VFWCFG_DIR_FILES 1
#define VFWCFG_DIR_SIZE  (4 + VFWCFG_DIR_FILES * VFWCFG_DIR_ENTRY)
#define VFWCFG_ITEMS     24

struct vfwcfg_item {
    uint16_t key;
    uint32_t size;
    const uint8_t *data;
};

struct vfwcfg {
    struct vdev dev;
    const struct vfwcfg_item *selected; /* NULL: no such key, reads as 0 */
    uint32_t position;
    uint32_t item_count;
    uint32_t number_count;
    struct vfwcfg_item items[VFWCFG_ITEMS];
    uint8_t numbers[VFWCFG_NUMBERS][8]; /* little-endian */
    uint8_t directory[VFWCFG_DIR_SIZE];
};

void vfwcfg_init(struct vfwcfg *cfg, const struct vfwcfg_params *params);
MUST_CHECK int vfwcfg_register(struct vfwcfg *cfg, struct bus *pio);
