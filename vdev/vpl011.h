/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm's PrimeCell UART (PL011) for guests, with its two 16-byte FIFOs, wired to the console. Every function
 * is called with the VM's device lock held. Bytes take no time: a byte that the console takes leaves the
 * transmit FIFO empty again within the same access, and received bytes below the trigger level are timed out
 * at once. Source: Arm DDI 0183, "PrimeCell UART (PL011) Technical Reference Manual".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irq_line.h"
#include "lib/bits.h"

#define VPL011_FIFO 16

/* Register offsets. */
#define VPL011_DR      0x00
#define VPL011_RSR     0x04 /* write: ECR */
#define VPL011_FR      0x18
#define VPL011_ILPR    0x20
#define VPL011_IBRD    0x24
#define VPL011_FBRD    0x28
#define VPL011_LCR_H   0x2c
#define VPL011_CR      0x30
#define VPL011_IFLS    0x34
#define VPL011_IMSC    0x38
#define VPL011_RIS     0x3c
#define VPL011_MIS     0x40
#define VPL011_ICR     0x44
#define VPL011_DMACR   0x48
#define VPL011_PERIPH0 0xfe0

#define VPL011_FR_CTS  BIT(0)
#define VPL011_FR_DSR  BIT(1)
#define VPL011_FR_DCD  BIT(2)
#define VPL011_FR_RXFE BIT(4)
#define VPL011_FR_TXFF BIT(5)
#define VPL011_FR_RXFF BIT(6)
#define VPL011_FR_TXFE BIT(7)

#define VPL011_LCR_FEN BIT(4) /* FIFOs on */

#define VPL011_CR_UARTEN BIT(0)
#define VPL011_CR_LBE    BIT(7) /* loopback */
#define VPL011_CR_TXE    BIT(8)
#define VPL011_CR_RXE    BIT(9)

#define VPL011_IFLS_RX FIELD(5, 3)

#define VPL011_INT_RX  BIT(4)
#define VPL011_INT_TX  BIT(5)
#define VPL011_INT_RT  BIT(6)
#define VPL011_INT_OE  BIT(10)
#define VPL011_INT_ALL FIELD(10, 0)

#define VPL011_DR_OE BIT(11)

struct vm;

struct vpl011_fifo {
    uint8_t bytes[VPL011_FIFO];
    uint8_t head;
    uint8_t count;
};

struct vpl011 {
    struct vdev dev;
    struct vm *vm;
    struct irq_line *line;
    struct vpl011_fifo rx;
    struct vpl011_fifo tx; /* only what the console refused */
    uint16_t ris;
    uint16_t imsc;
    uint16_t cr;
    uint16_t ibrd;
    uint16_t dmacr;
    uint8_t ifls;
    uint8_t lcr_h;
    uint8_t fbrd;
    uint8_t ilpr;
    bool overrun; /* RSR.OE, and with the next received byte DR.OE */
};

/* Attaches to the VM's console. The VM has its id and config; its vCPUs do not run yet. */
void vpl011_init(struct vpl011 *uart, struct vm *vm, struct irq_line *line);
MUST_CHECK int vpl011_register(struct vpl011 *uart, struct bus *mmio, uint64_t base, uint64_t size);
