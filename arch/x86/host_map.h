/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's own page tables: one identity map (virtual = physical) shared by all CPUs. Changed at boot only,
 * by the boot CPU. Page 0 is never mapped; nothing is writable and executable.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/boot_info.h"
#include "lib/addr.h"
#include "lib/bits.h"

enum host_map_kind {
    HOST_MAP_NONE,
    HOST_MAP_RW, /* write-back where the MTRRs say so, never executable */
    HOST_MAP_RO,
    HOST_MAP_RX,
    HOST_MAP_DEVICE, /* read, write, uncached */
};

/*
 * Builds the final map and loads it: the first 4 GiB, all RAM and ACPI memory above, the image section by
 * section. Needs page_alloc() with memory that the boot page tables map. 0 or E_NOMEM.
 */
MUST_CHECK int host_map_init(const struct boot_info *info);

/* Page aligned. 0, E_NOMEM (no page for a table), E_RANGE (beyond 47 bits). */
MUST_CHECK int host_map_set(hpa_t start, uint64_t size, enum host_map_kind kind);

/* True if every byte may be read. */
bool host_map_readable(hpa_t start, uint64_t size);

/* What CR3 holds, for the other CPUs. */
uint64_t host_map_root(void);
