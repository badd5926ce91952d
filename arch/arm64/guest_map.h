/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things are in a guest's physical address space, in the shape of QEMU's virt board, which small
 * kernels know by heart. The interrupt controller's places are in gic/vgic.h.
 *
 *   0x08000000  GIC distributor       0x080a0000  redistributors, 128 KiB a vCPU
 *   0x09000000  PL011                 0x0b000000  sender of messages, with msi-test=on
 *   0x40000000  RAM, all of it in one range
 */
#pragma once

#include "lib/addr.h"

#define GUEST_UART_BASE  UINT64_C(0x09000000)
#define GUEST_UART_SIZE  UINT64_C(0x1000)
#define GUEST_UART_INTID UINT32_C(33)
#define GUEST_MSI_BASE   UINT64_C(0x0b000000)
#define GUEST_MSI_SIZE   UINT64_C(0x1000)
#define GUEST_RAM_BASE   UINT64_C(0x40000000)

/* PPIs of the timers as device trees number them: INTID - 16. */
#define GUEST_DT_PPI_BASE 16
#define GUEST_DT_SPI_BASE 32
