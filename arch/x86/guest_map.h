/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things are in a guest's physical address space: the one place that fixes it, in the shape of a PC.
 *
 *   0          .. 0x9fc00     RAM; BIOS data area in page 0, loader's scratch area at 0x80000
 *   0x9fc00    .. 0xa0000     RAM, reported reserved (extended BIOS data area)
 *   0xa0000    .. 0xc0000     nothing (VGA's window)
 *   0xc0000    .. 0xe0000     RAM, not reported (option ROMs)
 *   0xe0000    .. 0x100000    RAM, reported reserved: ACPI tables, BIOS area
 *   0x100000   .. low end     RAM; low end = min(mem, 3 GiB)
 *   3 GiB      .. 4 GiB       devices (IOAPIC, local APIC)
 *   4 GiB      .. + rest      RAM that did not fit below
 *
 * The VGA window is counted in mem= but has no memory behind it, as on a PC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bits.h"

struct vm;

#define GUEST_BDA_START     UINT64_C(0x400)
#define GUEST_SCRATCH_START UINT64_C(0x80000) /* what the loaders leave for the kernel */
#define GUEST_SCRATCH_END   UINT64_C(0x9c000) /* Linux's 32-bit trampoline goes right above */
#define GUEST_EBDA_START    UINT64_C(0x9fc00)
#define GUEST_VGA_START     UINT64_C(0xa0000)
#define GUEST_VGA_END       UINT64_C(0xc0000)
#define GUEST_ACPI_START    UINT64_C(0xe0000) /* the RSDP stands first; page-aligned tables follow */
#define GUEST_ACPI_SIZE     UINT64_C(0x10000)
#define GUEST_RSDP          GUEST_ACPI_START
#define GUEST_BIOS_START    UINT64_C(0xf0000)
#define GUEST_BIOS_END      UINT64_C(0x100000)
#define GUEST_LOW_END_MAX   (3 * GIB)
#define GUEST_HIGH_START    (4 * GIB)

#define GUEST_RAM_RANGES   3
#define GUEST_E820_ENTRIES 5

struct guest_range {
    uint64_t start;
    uint64_t size;
};

enum e820_type {
    E820_RAM = 1,
    E820_RESERVED = 2,
};

/* ACPI specification, "INT 15H, E820H - Query System Address Map"; boot protocols use the same layout. */
struct e820_entry {
    uint64_t start;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));

_Static_assert(sizeof(struct e820_entry) == 20, "layout of the E820 map");

/* Ranges with memory behind them, for the VM's slots; sorted. Returns how many. `mem` is a page multiple of
 * at least 1 MiB. */
uint32_t guest_map_ram(uint64_t mem, struct guest_range ranges[GUEST_RAM_RANGES]);

/* What the guest is told. Returns the number of entries. */
uint32_t guest_map_e820(uint64_t mem, struct e820_entry entries[GUEST_E820_ENTRIES]);

/* End of RAM below 4 GiB, end of RAM above (GUEST_HIGH_START if there is none). */
uint64_t guest_map_low_end(uint64_t mem);
uint64_t guest_map_high_end(uint64_t mem);

/* True if [start, start + size) is all of one range reported as RAM. */
bool guest_map_is_usable(uint64_t mem, uint64_t start, uint64_t size);

/* Writes the few words of the BIOS data area that kernels read: COM ports, size of base memory, EBDA. */
MUST_CHECK int guest_map_write_bda(struct vm *vm);
