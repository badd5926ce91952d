/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's own page tables for EL2: one identity map (virtual = physical) shared by all CPUs. Changed at
 * boot only, by the boot CPU. Nothing is writable and executable, and nothing is mapped that is neither our
 * image, RAM, the device tree nor a device we drive: a CPU may look ahead into all that is mapped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/boot_info.h"
#include "lib/addr.h"
#include "lib/bits.h"

enum host_map_kind {
    HOST_MAP_NONE,
    HOST_MAP_RW, /* normal memory, never executable */
    HOST_MAP_RO,
    HOST_MAP_RX,
    HOST_MAP_DEVICE, /* Device-nGnRE, read and write */
};

/* What EL2's translation registers hold; host_map_start() and the secondaries' entry code load them. */
struct host_map_registers {
    uint64_t mair;
    uint64_t tcr;
    uint64_t ttbr;
    uint64_t sctlr;
};

extern struct host_map_registers host_map_registers;

/* Maps the image, section by section, and turns the MMU on. Boot CPU with the MMU off. */
void host_map_start(void);

/* Maps the RAM of [regions], the image left as it is. What does not fit the tables is printed and made
 * reserved. */
void host_map_ram(struct boot_info *info);

/*
 * Page aligned. 0, E_NOMEM (no page for a table), E_RANGE (beyond 48 bits or what the CPU can address),
 * E_OVERLAP (a page of the image, which only HOST_MAP_NONE may change: everybody who describes memory to us
 * may be wrong).
 * Translations that change are invalidated on all CPUs, break before make.
 */
MUST_CHECK int host_map_set(hpa_t start, uint64_t size, enum host_map_kind kind);

/* The pages around [start, start + size) as a device. 0 or as above. */
MUST_CHECK int host_map_device(uint64_t start, uint64_t size);
