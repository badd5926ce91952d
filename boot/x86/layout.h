/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that the boot assembly, the linker script and C share.
 */
#pragma once

#define IMAGE_BASE     0x200000
#define IMAGE_MAX_SIZE 0x400000 /* the whole of what Latch may take, bss included */

#define BOOT_CS64     0x08 /* selectors of the boot GDT; the final GDT has the same */
#define BOOT_DS       0x10
#define BOOT_CS32     0x18
#define BOOT_GDT_SIZE 0x20

#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define MULTIBOOT2_LOADER_MAGIC 0x36d76289

#define BOOT_MAP_GIB 4 /* what the boot page tables map: the first so many GiB, by 2 MiB pages */

#define AP_TRAMPOLINE_MAX 4096 /* the code that wakes a secondary CPU fits one page */
