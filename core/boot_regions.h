/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the firmware's memory map as it came (unsorted, overlapping, unaligned) to boot_info's regions. Pure.
 */
#pragma once

#include "core/boot_info.h"
#include "lib/bits.h"

/*
 * Fills info->regions from `raw`: sorted, disjoint, page aligned. Where entries overlap the more restrictive
 * kind wins (RAM < ACPI < reserved < bad); RAM shrinks to whole pages, everything else grows. Entries of size
 * 0 or that wrap are left out. E_RANGE if there were more pieces than BOOT_MAX_REGIONS: the highest are
 * missing.
 */
MUST_CHECK int boot_regions_resolve(const struct boot_region *raw, uint32_t count, struct boot_info *info);

/* Bytes of RAM in all regions. */
uint64_t boot_regions_ram(const struct boot_info *info);
