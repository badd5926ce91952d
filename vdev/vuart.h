/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's serial port, a 16550A with its two 16-byte FIFOs, wired to the console. Every function is called
 * with the VM's device lock held; the timer's expiry takes it. Bytes take no time: a byte that the console
 * takes leaves the transmitter empty again within the same access. Source: National Semiconductor PC16550D
 * data sheet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irq_line.h"
#include "core/timer.h"
#include "lib/bits.h"

#define VUART_COM1  UINT64_C(0x3f8)
#define VUART_PORTS 8
#define VUART_FIFO  16

/* Offsets; what a read and a write of the same offset mean may differ. */
#define VUART_RBR 0 /* read; DLAB: divisor low */
#define VUART_THR 0 /* write; likewise */
#define VUART_IER 1 /* DLAB: divisor high */
#define VUART_IIR 2 /* read */
#define VUART_FCR 2 /* write */
#define VUART_LCR 3
#define VUART_MCR 4
#define VUART_LSR 5
#define VUART_MSR 6
#define VUART_SCR 7

#define VUART_IER_RDA  BIT(0) /* received data */
#define VUART_IER_THRE BIT(1) /* transmitter holding register empty */
#define VUART_IER_RLS  BIT(2) /* receiver line status */
#define VUART_IER_MSI  BIT(3) /* modem status */
#define VUART_IER_BITS FIELD(3, 0)

#define VUART_IIR_NONE  UINT8_C(0x01)
#define VUART_IIR_RLS   UINT8_C(0x06)
#define VUART_IIR_RDA   UINT8_C(0x04)
#define VUART_IIR_CTI   UINT8_C(0x0c) /* character time-out */
#define VUART_IIR_THRE  UINT8_C(0x02)
#define VUART_IIR_MSI   UINT8_C(0x00)
#define VUART_IIR_FIFOS UINT8_C(0xc0)

#define VUART_FCR_ENABLE   BIT(0)
#define VUART_FCR_CLEAR_RX BIT(1)
#define VUART_FCR_CLEAR_TX BIT(2)
#define VUART_FCR_TRIGGER  FIELD(7, 6)

#define VUART_LCR_BITS FIELD(1, 0) /* word length - 5 */
#define VUART_LCR_DLAB BIT(7)

#define VUART_MCR_DTR  BIT(0)
#define VUART_MCR_RTS  BIT(1)
#define VUART_MCR_OUT1 BIT(2)
#define VUART_MCR_OUT2 BIT(3) /* on the PC: gate of the interrupt line */
#define VUART_MCR_LOOP BIT(4)
#define VUART_MCR_BITS FIELD(4, 0)

#define VUART_LSR_DR     BIT(0)
#define VUART_LSR_OE     BIT(1)
#define VUART_LSR_ERRORS FIELD(4, 1)
#define VUART_LSR_THRE   BIT(5)
#define VUART_LSR_TEMT   BIT(6)

#define VUART_MSR_DELTAS FIELD(3, 0)
#define VUART_MSR_TERI   BIT(2)
#define VUART_MSR_LINES  FIELD(7, 4)
#define VUART_MSR_CTS    BIT(4)
#define VUART_MSR_DSR    BIT(5)
#define VUART_MSR_RI     BIT(6)
#define VUART_MSR_DCD    BIT(7)

struct vm;

struct vuart_fifo {
    uint8_t bytes[VUART_FIFO];
    uint8_t head;
    uint8_t count;
};

struct vuart {
    struct vdev dev;
    struct vm *vm;
    struct irq_line *line;
    struct timer timeout; /* armed while received data waits below the trigger level */
    struct vuart_fifo rx;
    struct vuart_fifo tx; /* only what the console refused */
    uint8_t ier;
    uint8_t fcr;
    uint8_t lcr;
    uint8_t mcr;
    uint8_t lsr;
    uint8_t msr;
    uint8_t scr;
    uint8_t divisor[2];
    bool is_direct;       /* THR goes to the console and nothing else happens; see update_direct() */
    bool thre_pending;    /* THRE interrupt not yet acknowledged */
    bool timeout_pending; /* character time-out interrupt, until RBR is read */
};

/* Attaches to the VM's console. The VM has its id and config; its vCPUs do not run yet. */
void vuart_init(struct vuart *uart, struct vm *vm, struct irq_line *line);
MUST_CHECK int vuart_register(struct vuart *uart, struct bus *pio);
