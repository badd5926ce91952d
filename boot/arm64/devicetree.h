/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the flattened device tree says about the machine: read once at boot with libfdt, into plain numbers.
 * Pure and bounded; anything in the tree may be wrong, and nothing outside [dtb, dtb + size) is read.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/psci.h"
#include "core/boot_info.h"
#include "core/cpu.h"
#include "lib/bits.h"

#define DEVICETREE_MAX_SIZE   (2 * MIB) /* as the boot protocol of the Image has it */
#define DEVICETREE_RAW        BOOT_MAX_REGIONS
#define DEVICETREE_GICR       8 /* redistributor regions */
#define DEVICETREE_HEADER     40
#define DEVICETREE_PATH       128
#define DEVICETREE_CONSOLES   4
#define DEVICETREE_TEXT       4096
#define DEVICETREE_MAX_LEVELS 16

struct devicetree_range {
    uint64_t base; /* CPU's address */
    uint64_t size; /* 0: not there */
};

/* Bits of struct devicetree.problems, for lines of warning. */
#define DEVICETREE_DAMAGED     BIT(0) /* does not hold together; read as far as it goes */
#define DEVICETREE_REGIONS_CUT BIT(1)
#define DEVICETREE_CPUS_CUT    BIT(2)
#define DEVICETREE_BAD_NODE    BIT(3) /* a node we want has a property that makes no sense: left out */
#define DEVICETREE_TEXT_CUT    BIT(4)
#define DEVICETREE_OLD_PSCI    BIT(5) /* PSCI 0.1, without standard function numbers */

struct devicetree {
    uint64_t problems;
    struct devicetree_range console; /* PL011 */
    uint32_t console_intid;          /* 0: none */
    enum psci_method psci;
    uint32_t cpu_count;
    uint64_t cpus[MAX_CPUS]; /* affinity as in MPIDR_EL1 */
    bool cpu_psci[MAX_CPUS]; /* started by PSCI; else by something we do not know */
    uint32_t gic_version;    /* 3 (and 4), 2, 0: none */
    struct devicetree_range gicd;
    uint32_t gicr_count;
    struct devicetree_range gicr[DEVICETREE_GICR];
    uint64_t gicr_stride; /* 0: as the redistributor itself says */
    struct devicetree_range its;
    uint32_t maintenance_intid; /* 0: none */
    uint32_t virt_timer_intid;
    uint32_t hyp_timer_intid;
    struct devicetree_range initrd;
    char text[DEVICETREE_TEXT]; /* copy of /chosen's bootargs */
    uint32_t raw_count;
    /* Memory and what is reserved of it, in any order; with room for the tree itself and the initrd. */
    struct boot_region raw[DEVICETREE_RAW + 2];
};

/* Total size that the header names; 0 if this is no device tree, or one larger than is allowed. Reads
 * DEVICETREE_HEADER bytes. */
uint32_t devicetree_size(const void *dtb);

/*
 * Reads the tree. `dtb` is 8-byte aligned, `size` what devicetree_size() said. A damaged tree gives
 * what stands in front of the damage, and the problem bit. `out` is zeroed memory.
 */
void devicetree_read(const void *dtb, uint32_t size, struct devicetree *out);
