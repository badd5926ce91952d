/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration mechanism #1 (ports 0xcf8, 0xcfc) of a bus without any device: the address reads back as
 * written, so that kernels find the mechanism; every configuration register reads as ones. Byte accesses to
 * 0xcf9 are the reset control register's. Device lock held. Source: PCI Local Bus Specification 3.0, section
 * 3.2.2.3.2.
 */
#pragma once

#include <stdint.h>

#include "core/device.h"
#include "lib/bits.h"

#define VPCI_PORT    UINT64_C(0xcf8)
#define VPCI_ADDRESS 0 /* 32 bits, dword accesses only */
#define VPCI_DATA    4
#define VPCI_PORTS   8

#define VPCI_ADDRESS_BITS (BIT(31) | FIELD(23, 2)) /* the rest reads as 0 */

struct vreset;

struct vpci_none {
    struct vdev dev;
    struct vreset *reset;
    uint32_t address;
};

void vpci_none_init(struct vpci_none *pci, struct vreset *reset);
MUST_CHECK int vpci_none_register(struct vpci_none *pci, struct bus *pio);
