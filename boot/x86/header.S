/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The multiboot2 header: what Latch wants from the loader. Text mode is welcome but not needed, the ACPI root
 * pointer likewise (it is searched for where the loader does not know it); the memory map is a must.
 */
#include "boot/x86/layout.h"

#define TAG_END                 0
#define TAG_INFORMATION_REQUEST 1
#define TAG_ENTRY_ADDRESS       3
#define TAG_CONSOLE_FLAGS       4
#define TAG_MODULE_ALIGN        6
#define TAG_OPTIONAL            1
#define CONSOLE_EGA_TEXT        2

#define INFO_CMDLINE  1
#define INFO_LOADER   2
#define INFO_MODULE   3
#define INFO_MMAP     6
#define INFO_ACPI_OLD 14
#define INFO_ACPI_NEW 15

    .section .multiboot2, "a"
    .balign 8
multiboot2_header:
    .long MULTIBOOT2_HEADER_MAGIC
    .long 0 /* i386 */
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_HEADER_MAGIC + (multiboot2_header_end - multiboot2_header))

    .balign 8
1:  .short TAG_INFORMATION_REQUEST, 0
    .long 2f - 1b
    .long INFO_MMAP, INFO_CMDLINE, INFO_MODULE
2:
    .balign 8
1:  .short TAG_INFORMATION_REQUEST, TAG_OPTIONAL
    .long 2f - 1b
    .long INFO_LOADER, INFO_ACPI_OLD, INFO_ACPI_NEW
2:
    .balign 8
1:  .short TAG_ENTRY_ADDRESS, 0
    .long 2f - 1b
    .long boot_entry32
2:
    .balign 8
1:  .short TAG_CONSOLE_FLAGS, TAG_OPTIONAL
    .long 2f - 1b
    .long CONSOLE_EGA_TEXT
2:
    .balign 8
1:  .short TAG_MODULE_ALIGN, 0
    .long 2f - 1b
2:
    .balign 8
    .short TAG_END, 0
    .long 8
multiboot2_header_end:
