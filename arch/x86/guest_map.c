/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's physical address map as data. Pure, but for the BIOS data area. */
#include "arch/x86/guest_map.h"

#include "core/guest_mem.h"
#include "lib/bytes.h"

/* BIOS data area, offsets from GUEST_BDA_START. */
#define BDA_COM1      0x00
#define BDA_EBDA      0x0e /* segment */
#define BDA_EQUIPMENT 0x10
#define BDA_BASE_KIB  0x13
#define BDA_SIZE      0x15

#define EQUIPMENT_ONE_COM_PORT 0x0200
#define COM1_PORT              0x3f8

uint64_t guest_map_low_end(uint64_t mem)
{
    return min_u64(mem, GUEST_LOW_END_MAX);
}

uint64_t guest_map_high_end(uint64_t mem)
{
    return GUEST_HIGH_START + (mem - guest_map_low_end(mem));
}

uint32_t guest_map_ram(uint64_t mem, struct guest_range ranges[GUEST_RAM_RANGES])
{
    uint32_t count = 0;

    ranges[count++] = (struct guest_range){0, GUEST_VGA_START};
    ranges[count++] = (struct guest_range){GUEST_VGA_END, guest_map_low_end(mem) - GUEST_VGA_END};
    if (mem > GUEST_LOW_END_MAX)
        ranges[count++] = (struct guest_range){GUEST_HIGH_START, mem - GUEST_LOW_END_MAX};
    return count;
}

uint32_t guest_map_e820(uint64_t mem, struct e820_entry entries[GUEST_E820_ENTRIES])
{
    uint64_t low_end = guest_map_low_end(mem);
    uint32_t count = 0;

    entries[count++] = (struct e820_entry){0, GUEST_EBDA_START, E820_RAM};
    entries[count++] =
        (struct e820_entry){GUEST_EBDA_START, GUEST_VGA_START - GUEST_EBDA_START, E820_RESERVED};
    entries[count++] =
        (struct e820_entry){GUEST_ACPI_START, GUEST_BIOS_END - GUEST_ACPI_START, E820_RESERVED};
    if (low_end > GUEST_BIOS_END)
        entries[count++] = (struct e820_entry){GUEST_BIOS_END, low_end - GUEST_BIOS_END, E820_RAM};
    if (mem > GUEST_LOW_END_MAX)
        entries[count++] = (struct e820_entry){GUEST_HIGH_START, mem - GUEST_LOW_END_MAX, E820_RAM};
    return count;
}

bool guest_map_is_usable(uint64_t mem, uint64_t start, uint64_t size)
{
    struct e820_entry entries[GUEST_E820_ENTRIES];
    uint32_t count = guest_map_e820(mem, entries);

    for (uint32_t i = 0; i < count; i++) {
        const struct e820_entry *entry = &entries[i];

        if (entry->type == E820_RAM && start >= entry->start && start - entry->start <= entry->size &&
            size <= entry->size - (start - entry->start))
            return true;
    }
    return false;
}

int guest_map_write_bda(struct vm *vm)
{
    uint8_t bda[BDA_SIZE] = {0};

    store_le16(bda + BDA_COM1, COM1_PORT);
    store_le16(bda + BDA_EBDA, (uint16_t)(GUEST_EBDA_START >> 4));
    store_le16(bda + BDA_EQUIPMENT, EQUIPMENT_ONE_COM_PORT);
    store_le16(bda + BDA_BASE_KIB, (uint16_t)(GUEST_EBDA_START / KIB));
    return guest_write(vm, gpa(GUEST_BDA_START), bda, sizeof(bda));
}
