/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PL011: see vpl011.h. The raw interrupt status is kept; the line is computed from it and the mask after each
 * access that may change either.
 */
#include "vdev/vpl011.h"

#include "core/console.h"
#include "core/vm.h"

#define RSR_OE     BIT(3)
#define CR_RESET   (VPL011_CR_UARTEN | VPL011_CR_TXE | VPL011_CR_RXE) /* as a firmware leaves its console */
#define IFLS_RESET 0x12                                               /* both FIFOs half full */
#define FR_LINES   (VPL011_FR_CTS | VPL011_FR_DSR | VPL011_FR_DCD)    /* a terminal is always there */

/* UARTPeriphID0 to 3 (revision 1.5), UARTPCellID0 to 3. */
static const uint8_t identification[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static void fifo_push(struct vpl011_fifo *fifo, uint8_t byte)
{
    fifo->bytes[(fifo->head + fifo->count++) % VPL011_FIFO] = byte;
}

static uint8_t fifo_pop(struct vpl011_fifo *fifo)
{
    uint8_t byte = fifo->bytes[fifo->head];

    fifo->head = (uint8_t)((fifo->head + 1) % VPL011_FIFO);
    fifo->count--;
    return byte;
}

static unsigned int depth(const struct vpl011 *u)
{
    return (u->lcr_h & VPL011_LCR_FEN) != 0 ? VPL011_FIFO : 1;
}

/* Eighths 1, 2, 4, 6, 7 of the FIFO; the encodings above are reserved. */
static unsigned int rx_trigger(const struct vpl011 *u)
{
    static const uint8_t levels[] = {2, 4, 8, 12, 14, 14, 14, 14};

    return depth(u) == 1 ? 1 : levels[field_get(u->ifls, VPL011_IFLS_RX)];
}

static void update_line(struct vpl011 *u)
{
    irq_line_set(u->line, (u->ris & u->imsc) != 0);
}

static void raise(struct vpl011 *u, uint64_t bits)
{
    u->ris = (uint16_t)(u->ris | bits);
}

static void lower(struct vpl011 *u, uint64_t bits)
{
    u->ris = (uint16_t)(u->ris & ~bits);
}

/* The time-out of 32 bit periods with bytes below the trigger is over at once. */
static void rx_push(struct vpl011 *u, uint8_t byte)
{
    fifo_push(&u->rx, byte);
    raise(u, u->rx.count >= rx_trigger(u) ? VPL011_INT_RX : VPL011_INT_RT);
}

static uint32_t read_dr(struct vpl011 *u)
{
    uint32_t value;

    if (u->rx.count == 0)
        return 0;
    value = fifo_pop(&u->rx);
    if (u->overrun)
        value |= (uint32_t)VPL011_DR_OE;
    u->overrun = false;
    if (u->rx.count < rx_trigger(u))
        lower(u, VPL011_INT_RX);
    if (u->rx.count == 0)
        lower(u, VPL011_INT_RT);
    update_line(u);
    return value;
}

static void tx_loop(struct vpl011 *u, uint8_t byte)
{
    if (u->rx.count >= depth(u)) {
        u->overrun = true;
        raise(u, VPL011_INT_OE);
    } else {
        rx_push(u, byte);
    }
}

/* The transmitter is at work only if both bits say so; else the byte waits in the FIFO. */
static bool tx_enabled(const struct vpl011 *u)
{
    return (u->cr & (VPL011_CR_UARTEN | VPL011_CR_TXE)) == (VPL011_CR_UARTEN | VPL011_CR_TXE);
}

/* Into a full FIFO a byte is lost, as in hardware. */
static void tx_hold(struct vpl011 *u, uint8_t byte)
{
    if (u->tx.count < depth(u))
        fifo_push(&u->tx, byte);
    lower(u, VPL011_INT_TX);
    update_line(u);
}

static void write_dr(struct vpl011 *u, uint8_t byte)
{
    if (UNLIKELY((u->cr & VPL011_CR_LBE) != 0)) {
        tx_loop(u, byte);
    } else if (UNLIKELY(u->tx.count != 0 || !tx_enabled(u) || !console_vm_write(u->vm, byte))) {
        tx_hold(u, byte);
        return;
    }
    raise(u, VPL011_INT_TX);
    update_line(u);
}

/* What waits goes out as far as the console takes it. */
static void tx_drain(struct vpl011 *u)
{
    if (u->tx.count == 0 || !tx_enabled(u))
        return;
    while (u->tx.count != 0 && console_vm_write(u->vm, u->tx.bytes[u->tx.head]))
        fifo_pop(&u->tx);
    if (u->tx.count <= depth(u) / 2) {
        raise(u, VPL011_INT_TX);
        update_line(u);
    }
}

static uint32_t read_fr(const struct vpl011 *u)
{
    uint64_t value = FR_LINES;

    if (u->rx.count == 0)
        value |= VPL011_FR_RXFE;
    if (u->rx.count >= depth(u))
        value |= VPL011_FR_RXFF;
    if (u->tx.count == 0)
        value |= VPL011_FR_TXFE;
    if (u->tx.count >= depth(u))
        value |= VPL011_FR_TXFF;
    return (uint32_t)value;
}

static uint32_t read_id(uint64_t offset)
{
    return identification[(offset - VPL011_PERIPH0) / 4 % sizeof(identification)];
}

static uint32_t read_register(struct vpl011 *u, uint64_t offset)
{
    switch (offset) {
    case VPL011_DR:
        return read_dr(u);
    case VPL011_RSR:
        return u->overrun ? (uint32_t)RSR_OE : 0;
    case VPL011_FR:
        return read_fr(u);
    case VPL011_ILPR:
        return u->ilpr;
    case VPL011_IBRD:
        return u->ibrd;
    case VPL011_FBRD:
        return u->fbrd;
    case VPL011_LCR_H:
        return u->lcr_h;
    case VPL011_CR:
        return u->cr;
    case VPL011_IFLS:
        return u->ifls;
    case VPL011_IMSC:
        return u->imsc;
    case VPL011_RIS:
        return u->ris;
    case VPL011_MIS:
        return u->ris & u->imsc;
    case VPL011_DMACR:
        return u->dmacr;
    default:
        return offset >= VPL011_PERIPH0 ? read_id(offset) : 0;
    }
}

/* Turning the FIFOs on or off empties them. */
static void write_lcr_h(struct vpl011 *u, uint8_t value)
{
    if (((u->lcr_h ^ value) & VPL011_LCR_FEN) != 0) {
        u->rx.count = 0;
        u->tx.count = 0;
        lower(u, VPL011_INT_RX | VPL011_INT_RT);
    }
    u->lcr_h = value;
}

static void write_register(struct vpl011 *u, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case VPL011_DR:
        write_dr(u, (uint8_t)value);
        return;
    case VPL011_RSR:
        u->overrun = false;
        return;
    case VPL011_ILPR:
        u->ilpr = (uint8_t)value;
        return;
    case VPL011_IBRD:
        u->ibrd = (uint16_t)value;
        return;
    case VPL011_FBRD:
        u->fbrd = (uint8_t)(value & FIELD(5, 0));
        return;
    case VPL011_LCR_H:
        write_lcr_h(u, (uint8_t)value);
        break;
    case VPL011_CR:
        u->cr = (uint16_t)value;
        tx_drain(u);
        break;
    case VPL011_IFLS:
        u->ifls = (uint8_t)(value & FIELD(5, 0));
        break;
    case VPL011_IMSC:
        u->imsc = (uint16_t)(value & VPL011_INT_ALL);
        break;
    case VPL011_ICR:
        lower(u, value);
        break;
    case VPL011_DMACR:
        u->dmacr = (uint16_t)(value & FIELD(2, 0));
        return;
    default:
        return;
    }
    update_line(u);
}

/* Registers have 32 bits (most of them 16 or 8); narrower accesses reach their low part. */
static uint64_t vpl011_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vpl011 *u = CONTAINER_OF(dev, struct vpl011, dev);

    (void)vcpu;
    (void)size;
    if (LIKELY(offset == VPL011_FR))
        return read_fr(u);
    return read_register(u, offset);
}

static void vpl011_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                         uint64_t value)
{
    (void)vcpu;
    (void)size;
    write_register(CONTAINER_OF(dev, struct vpl011, dev), offset, (uint32_t)value);
}

static void vpl011_reset(struct vdev *dev)
{
    struct vpl011 *u = CONTAINER_OF(dev, struct vpl011, dev);

    *u = (struct vpl011){
        .dev = u->dev, .vm = u->vm, .line = u->line, .cr = (uint16_t)CR_RESET, .ifls = IFLS_RESET};
    update_line(u);
}

static const struct vdev_ops vpl011_ops = {
    .name = "pl011",
    .read = vpl011_read,
    .write = vpl011_write,
    .reset = vpl011_reset,
};

/* A receiver that is off, or looped to the transmitter, does not listen: the line waits. */
static bool console_receive(void *client, uint8_t byte)
{
    struct vpl011 *u = client;
    uint64_t on = VPL011_CR_UARTEN | VPL011_CR_RXE;

    if ((u->cr & (on | VPL011_CR_LBE)) != on || u->rx.count >= depth(u))
        return false;
    rx_push(u, byte);
    update_line(u);
    return true;
}

static void console_writable(void *client)
{
    tx_drain(client);
}

static const struct console_client_ops client_ops = {
    .receive = console_receive,
    .writable = console_writable,
};

void vpl011_init(struct vpl011 *uart, struct vm *vm, struct irq_line *line)
{
    *uart = (struct vpl011){.dev.ops = &vpl011_ops, .vm = vm, .line = line};
    vpl011_reset(&uart->dev);
    console_attach(vm, &client_ops, uart);
}

int vpl011_register(struct vpl011 *uart, struct bus *mmio, uint64_t base, uint64_t size)
{
    return bus_register(mmio, base, size, &uart->dev);
}
