/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device trees for tests: one like that of QEMU's board `virt`, and a reader whose input ends where a page
 * that cannot be touched begins: libfdt itself is not instrumented.
 */
#pragma once

#include <fcntl.h>
#include <libfdt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "boot/arm64/devicetree.h"

#define TREE_MAX 16384

static inline void tree_require(int result)
{
    if (result != 0)
        abort();
}

static inline void tree_cells(void *tree, const char *name, uint32_t count, const uint32_t *cells)
{
    uint32_t big[64];

    for (uint32_t i = 0; i < count; i++)
        big[i] = cpu_to_fdt32(cells[i]);
    tree_require(fdt_property(tree, name, big, (int)(count * sizeof(uint32_t))));
}

#define TREE_CELLS(tree, name, ...)                                              \
    tree_cells(tree, name, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
               (const uint32_t[]){__VA_ARGS__})

static inline void tree_begin(void *tree, const char *name)
{
    tree_require(fdt_begin_node(tree, name));
}

static inline void tree_end(void *tree)
{
    tree_require(fdt_end_node(tree));
}

static inline void tree_text(void *tree, const char *name, const char *text)
{
    tree_require(fdt_property(tree, name, text, (int)strlen(text) + 1));
}

/* An empty tree with its root open, two cells each. */
static inline void tree_start(void *tree)
{
    tree_require(fdt_create(tree, TREE_MAX));
    tree_require(fdt_add_reservemap_entry(tree, 0x48000000, 0x1000));
    tree_require(fdt_finish_reservemap(tree));
    tree_begin(tree, "");
    TREE_CELLS(tree, "#address-cells", 2);
    TREE_CELLS(tree, "#size-cells", 2);
}

static inline uint32_t tree_finish(void *tree)
{
    tree_end(tree);
    tree_require(fdt_finish(tree));
    return fdt_totalsize(tree);
}

static inline void tree_cpu(void *tree, const char *name, uint32_t number, const char *status)
{
    tree_begin(tree, name);
    tree_text(tree, "device_type", "cpu");
    TREE_CELLS(tree, "reg", number);
    tree_text(tree, "enable-method", "psci");
    if (status != NULL)
        tree_text(tree, "status", status);
    tree_end(tree);
}

static inline void tree_memory(void *tree)
{
    tree_begin(tree, "memory@40000000");
    tree_text(tree, "device_type", "memory");
    TREE_CELLS(tree, "reg", 0, 0x40000000, 0, 0x40000000, 8, 0, 1, 0);
    tree_end(tree);
}

static inline void tree_reserved(void *tree)
{
    tree_begin(tree, "reserved-memory");
    TREE_CELLS(tree, "#address-cells", 2);
    TREE_CELLS(tree, "#size-cells", 2);
    tree_require(fdt_property(tree, "ranges", NULL, 0));
    tree_begin(tree, "secure@50000000");
    TREE_CELLS(tree, "reg", 0, 0x50000000, 0, 0x100000);
    tree_end(tree);
    tree_end(tree);
}

static inline void tree_console(void *tree, const char *name, uint32_t base)
{
    tree_begin(tree, name);
    tree_require(fdt_property(tree, "compatible", "arm,pl011\0arm,primecell", 24));
    TREE_CELLS(tree, "reg", 0, base, 0, 0x1000);
    TREE_CELLS(tree, "interrupts", 0, 1, 4);
    tree_end(tree);
}

static inline void tree_gic(void *tree)
{
    tree_begin(tree, "intc@8000000");
    tree_text(tree, "compatible", "arm,gic-v3");
    TREE_CELLS(tree, "#address-cells", 2);
    TREE_CELLS(tree, "#size-cells", 2);
    tree_require(fdt_property(tree, "ranges", NULL, 0));
    TREE_CELLS(tree, "reg", 0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0, 0xf60000);
    TREE_CELLS(tree, "interrupts", 1, 9, 4);
    tree_begin(tree, "its@8080000");
    tree_text(tree, "compatible", "arm,gic-v3-its");
    TREE_CELLS(tree, "reg", 0, 0x08080000, 0, 0x20000);
    tree_end(tree);
    tree_end(tree);
}

/* The whole board. Returns the tree's size. */
static inline uint32_t tree_virt(void *tree)
{
    tree_start(tree);
    tree_begin(tree, "psci");
    tree_text(tree, "compatible", "arm,psci-1.0");
    tree_text(tree, "method", "smc");
    tree_end(tree);
    tree_memory(tree);
    tree_reserved(tree);
    tree_begin(tree, "cpus");
    TREE_CELLS(tree, "#address-cells", 1);
    TREE_CELLS(tree, "#size-cells", 0);
    tree_cpu(tree, "cpu@0", 0, NULL);
    tree_cpu(tree, "cpu@1", 1, "okay");
    tree_cpu(tree, "cpu@100", 0x100, "disabled");
    tree_end(tree);
    tree_gic(tree);
    tree_begin(tree, "timer");
    tree_text(tree, "compatible", "arm,armv8-timer");
    TREE_CELLS(tree, "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
    tree_end(tree);
    tree_console(tree, "pl011@9000000", 0x09000000);
    tree_console(tree, "pl011@9100000", 0x09100000);
    tree_begin(tree, "aliases");
    tree_text(tree, "serial0", "/pl011@9100000");
    tree_end(tree);
    tree_begin(tree, "chosen");
    tree_text(tree, "bootargs", "on-end=poweroff log=warn");
    tree_text(tree, "stdout-path", "serial0:115200n8");
    TREE_CELLS(tree, "linux,initrd-start", 0, 0x44000000);
    TREE_CELLS(tree, "linux,initrd-end", 0x44001234);
    tree_end(tree);
    return tree_finish(tree);
}

/* Reads a copy of [tree, tree + size) that ends at a page that faults; the pages stay for the next call. */
static inline void tree_read(const void *tree, uint32_t size, struct devicetree *out)
{
    static uint8_t *pages;
    const size_t room = DEVICETREE_MAX_SIZE;
    uint32_t named;
    uint8_t *copy;

    if (pages == NULL) {
        pages =
            mmap(NULL, room + PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, open("/dev/zero", O_RDWR), 0);
        if (pages == MAP_FAILED || mprotect(pages + room, PAGE_SIZE, PROT_NONE) != 0)
            abort();
    }
    copy =
        pages + room - align_up(size, 8); /* the tree is 8-byte aligned, so up to 7 bytes are not guarded */
    memset(copy, 0, align_up(size, 8));
    memcpy(copy, tree, size);
    memset(out, 0, sizeof(*out));
    named = size < DEVICETREE_HEADER ? 0 : devicetree_size(copy);
    if (named != 0 && named <= size)
        devicetree_read(copy, named, out);
}
