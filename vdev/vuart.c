/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 16550A: see vuart.h. `lsr` always shows the state of the FIFOs, so that polling it is one load. The
 * interrupt line is computed from the registers after each access that may change it; a THRE interrupt that
 * is acknowledged and raised again by one write shows as a pulse, because the line's other end latches edges.
 */
#include "vdev/vuart.h"

#include "core/console.h"
#include "core/time.h"
#include "core/vm.h"

#define LINES_IDLE     (VUART_MSR_CTS | VUART_MSR_DSR | VUART_MSR_DCD) /* a terminal is always there */
#define TIMEOUT_CHARS  4
#define CHAR_BITS_MOST 12
#define CLOCK_HZ       UINT64_C(115200) /* bits per second with divisor 1 */

static void fifo_push(struct vuart_fifo *fifo, uint8_t byte)
{
    fifo->bytes[(fifo->head + fifo->count++) % VUART_FIFO] = byte;
}

static uint8_t fifo_pop(struct vuart_fifo *fifo)
{
    uint8_t byte = fifo->bytes[fifo->head];

    fifo->head = (uint8_t)((fifo->head + 1) % VUART_FIFO);
    fifo->count--;
    return byte;
}

static unsigned int fifo_depth(const struct vuart *u)
{
    return u->fcr & VUART_FCR_ENABLE ? VUART_FIFO : 1;
}

static unsigned int rx_trigger(const struct vuart *u)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return u->fcr & VUART_FCR_ENABLE ? levels[field_get(u->fcr, VUART_FCR_TRIGGER)] : 1;
}

/* Interrupt identification by priority (data sheet, table "Interrupt Control Functions"). */
static uint8_t pending_id(const struct vuart *u)
{
    if ((u->ier & VUART_IER_RLS) && (u->lsr & VUART_LSR_ERRORS))
        return VUART_IIR_RLS;
    if ((u->ier & VUART_IER_RDA) && u->rx.count >= rx_trigger(u))
        return VUART_IIR_RDA;
    if ((u->ier & VUART_IER_RDA) && u->timeout_pending)
        return VUART_IIR_CTI;
    if ((u->ier & VUART_IER_THRE) && u->thre_pending)
        return VUART_IIR_THRE;
    if ((u->ier & VUART_IER_MSI) && (u->msr & VUART_MSR_DELTAS))
        return VUART_IIR_MSI;
    return VUART_IIR_NONE;
}

/* In loopback OUT2 is disconnected from its pin, and with it the line. */
static void update_line(struct vuart *u)
{
    bool gate = (u->mcr & (VUART_MCR_OUT2 | VUART_MCR_LOOP)) == VUART_MCR_OUT2;

    irq_line_set(u->line, gate && pending_id(u) != VUART_IIR_NONE);
}

/* After whatever makes a write of THR more than a byte for the console: registers, bytes that wait. */
static void update_direct(struct vuart *u)
{
    u->is_direct = !(u->lcr & VUART_LCR_DLAB) && !(u->mcr & VUART_MCR_LOOP) && !(u->ier & VUART_IER_THRE) &&
                   u->tx.count == 0;
}

/* Four characters without reading or receiving: the time-out interrupt brings what is below the trigger. */
static void restart_timeout(struct vuart *u)
{
    uint64_t divisor = (uint64_t)u->divisor[1] << 8 | u->divisor[0];

    u->timeout_pending = false;
    if (u->rx.count == 0 || u->rx.count >= rx_trigger(u)) {
        if (timer_is_armed(&u->timeout))
            timer_cancel(&u->timeout);
        return;
    }
    timer_arm(&u->timeout,
              time_now_ns() + max_u64(divisor, 1) * TIMEOUT_CHARS * CHAR_BITS_MOST * NS_PER_SEC / CLOCK_HZ);
}

static void timeout_expired(struct timer *timer)
{
    struct vuart *u = CONTAINER_OF(timer, struct vuart, timeout);

    spin_lock(&u->vm->dev_lock);
    if (u->rx.count != 0 && !timer_is_armed(timer)) {
        u->timeout_pending = true;
        update_line(u);
    }
    spin_unlock(&u->vm->dev_lock);
}

static const struct timer_ops timeout_ops = {.expire = timeout_expired};

static void rx_push(struct vuart *u, uint8_t byte)
{
    fifo_push(&u->rx, byte);
    u->lsr |= VUART_LSR_DR;
    restart_timeout(u);
}

static uint8_t rx_pop(struct vuart *u)
{
    uint8_t byte;

    if (u->rx.count == 0)
        return 0;
    byte = fifo_pop(&u->rx);
    if (u->rx.count == 0)
        u->lsr &= (uint8_t)~VUART_LSR_DR;
    restart_timeout(u);
    update_line(u);
    return byte;
}

static void rx_clear(struct vuart *u)
{
    u->rx.count = 0;
    u->lsr &= (uint8_t)~VUART_LSR_DR;
    restart_timeout(u);
}

static void tx_emptied(struct vuart *u)
{
    u->lsr |= VUART_LSR_THRE | VUART_LSR_TEMT;
    u->thre_pending = true;
}

/* Loopback: what is sent is received; without room the new byte is lost, as on a real line. */
static void tx_loop(struct vuart *u, uint8_t byte)
{
    static const uint8_t word_mask[] = {0x1f, 0x3f, 0x7f, 0xff};

    if (u->rx.count >= fifo_depth(u))
        u->lsr |= VUART_LSR_OE;
    else
        rx_push(u, byte & word_mask[field_get(u->lcr, VUART_LCR_BITS)]);
    u->thre_pending = true;
    update_line(u);
}

/* The console has no room: the byte waits for `writable`. Into a full FIFO it is lost, as in hardware. */
static void tx_hold(struct vuart *u, uint8_t byte)
{
    if (u->tx.count < fifo_depth(u))
        fifo_push(&u->tx, byte);
    u->lsr &= (uint8_t) ~(VUART_LSR_THRE | VUART_LSR_TEMT);
    u->thre_pending = false;
    update_line(u);
}

static void write_thr(struct vuart *u, uint8_t byte)
{
    if (u->mcr & VUART_MCR_LOOP) {
        tx_loop(u, byte);
        return;
    }
    if (u->tx.count != 0 || !console_vm_write(u->vm, byte)) {
        tx_hold(u, byte);
        return;
    }
    if (!(u->ier & VUART_IER_THRE)) {
        u->thre_pending = true;
        return;
    }
    /* The write acknowledges, the emptied transmitter raises again: a pulse if nothing else holds the line.
     */
    u->thre_pending = false;
    update_line(u);
    u->thre_pending = true;
    update_line(u);
}

static void write_ier(struct vuart *u, uint8_t value)
{
    bool thre_on = (value & ~u->ier & VUART_IER_THRE) != 0;

    u->ier = value & VUART_IER_BITS;
    if (thre_on && (u->lsr & VUART_LSR_THRE))
        u->thre_pending = true;
    update_line(u);
}

static void write_fcr(struct vuart *u, uint8_t value)
{
    bool toggled = ((u->fcr ^ value) & VUART_FCR_ENABLE) != 0;

    u->fcr = value & VUART_FCR_ENABLE ? value & (VUART_FCR_ENABLE | VUART_FCR_TRIGGER) : 0;
    if (toggled || (u->fcr != 0 && (value & VUART_FCR_CLEAR_RX)))
        rx_clear(u);
    if (toggled || (u->fcr != 0 && (value & VUART_FCR_CLEAR_TX))) {
        u->tx.count = 0;
        if (!(u->lsr & VUART_LSR_THRE))
            tx_emptied(u);
    }
    restart_timeout(u);
    update_line(u);
}

/* The modem lines: looped back from MCR, or a terminal that is always there. */
static uint8_t modem_lines(const struct vuart *u)
{
    uint64_t lines = LINES_IDLE;

    if (u->mcr & VUART_MCR_LOOP)
        lines = field_make((u->mcr & VUART_MCR_RTS) != 0, VUART_MSR_CTS) |
                field_make((u->mcr & VUART_MCR_DTR) != 0, VUART_MSR_DSR) |
                field_make((u->mcr & VUART_MCR_OUT1) != 0, VUART_MSR_RI) |
                field_make((u->mcr & VUART_MCR_OUT2) != 0, VUART_MSR_DCD);
    return (uint8_t)lines;
}

static void write_mcr(struct vuart *u, uint8_t value)
{
    uint64_t lines, changed;

    u->mcr = value & VUART_MCR_BITS;
    lines = modem_lines(u);
    changed = field_get(lines ^ u->msr, VUART_MSR_LINES);
    /* The ring indicator counts only when it goes off. */
    if (lines & VUART_MSR_RI)
        changed &= ~VUART_MSR_TERI;
    u->msr = (uint8_t)(lines | (u->msr & VUART_MSR_DELTAS) | changed);
    update_line(u);
}

static uint8_t read_iir(struct vuart *u)
{
    uint8_t id = pending_id(u);

    if (id == VUART_IIR_THRE) {
        u->thre_pending = false;
        update_line(u);
    }
    return u->fcr & VUART_FCR_ENABLE ? id | VUART_IIR_FIFOS : id;
}

static uint8_t read_lsr(struct vuart *u)
{
    uint8_t lsr = u->lsr;

    if (lsr & VUART_LSR_ERRORS) {
        u->lsr &= (uint8_t)~VUART_LSR_ERRORS;
        update_line(u);
    }
    return lsr;
}

static uint8_t read_msr(struct vuart *u)
{
    uint8_t msr = u->msr;

    if (msr & VUART_MSR_DELTAS) {
        u->msr &= (uint8_t)~VUART_MSR_DELTAS;
        update_line(u);
    }
    return msr;
}

static uint8_t read_byte(struct vuart *u, uint64_t offset)
{
    bool dlab = (u->lcr & VUART_LCR_DLAB) != 0;

    switch (offset) {
    case VUART_RBR:
        return dlab ? u->divisor[0] : rx_pop(u);
    case VUART_IER:
        return dlab ? u->divisor[1] : u->ier;
    case VUART_IIR:
        return read_iir(u);
    case VUART_LCR:
        return u->lcr;
    case VUART_MCR:
        return u->mcr;
    case VUART_LSR:
        return read_lsr(u);
    case VUART_MSR:
        return read_msr(u);
    default:
        return u->scr;
    }
}

static void write_byte(struct vuart *u, uint64_t offset, uint8_t value)
{
    bool dlab = (u->lcr & VUART_LCR_DLAB) != 0;

    if (dlab && offset <= VUART_IER) {
        u->divisor[offset] = value;
        return;
    }
    switch (offset) {
    case VUART_THR:
        write_thr(u, value);
        break;
    case VUART_IER:
        write_ier(u, value);
        break;
    case VUART_FCR:
        write_fcr(u, value);
        break;
    case VUART_LCR:
        u->lcr = value;
        break;
    case VUART_MCR:
        write_mcr(u, value);
        break;
    case VUART_SCR:
        u->scr = value;
        break;
    default: /* LSR and MSR are read-only */
        break;
    }
}

/* An 8-bit device: wider accesses are so many accesses to successive ports. Out of line for the hot paths. */
static __attribute__((noinline)) uint64_t read_any(struct vuart *u, uint64_t offset, unsigned int size)
{
    uint64_t value = 0;

    for (unsigned int i = 0; i < size; i++)
        value |= (uint64_t)read_byte(u, offset + i) << 8 * i;
    return value;
}

static __attribute__((noinline)) void write_any(struct vuart *u, uint64_t offset, unsigned int size,
                                                uint64_t value)
{
    for (unsigned int i = 0; i < size; i++)
        write_byte(u, offset + i, (uint8_t)(value >> 8 * i));
    update_direct(u);
}

static uint64_t vuart_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vuart *u = CONTAINER_OF(dev, struct vuart, dev);

    (void)vcpu;
    if (LIKELY(offset == VUART_LSR && size == 1 && !(u->lsr & VUART_LSR_ERRORS)))
        return u->lsr;
    return read_any(u, offset, size);
}

static void vuart_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                        uint64_t value)
{
    struct vuart *u = CONTAINER_OF(dev, struct vuart, dev);

    (void)vcpu;
    if (LIKELY(offset == VUART_THR && size == 1 && u->is_direct) && console_vm_write(u->vm, (uint8_t)value))
        u->thre_pending = true;
    else
        write_any(u, offset, size, value);
}

static void vuart_reset(struct vdev *dev)
{
    struct vuart *u = CONTAINER_OF(dev, struct vuart, dev);

    timer_cancel(&u->timeout);
    u->rx.count = 0;
    u->tx.count = 0;
    u->ier = 0;
    u->fcr = 0;
    u->lcr = 0;
    u->mcr = 0;
    u->lsr = VUART_LSR_THRE | VUART_LSR_TEMT;
    u->msr = LINES_IDLE;
    u->scr = 0;
    u->divisor[0] = 1;
    u->divisor[1] = 0;
    u->thre_pending = false;
    u->timeout_pending = false;
    update_direct(u);
    update_line(u);
}

static const struct vdev_ops vuart_ops = {
    .name = "uart",
    .read = vuart_read,
    .write = vuart_write,
    .reset = vuart_reset,
};

static bool console_receive(void *client, uint8_t byte)
{
    struct vuart *u = client;

    /* In loopback the line waits: a real one would lose the byte. */
    if ((u->mcr & VUART_MCR_LOOP) || u->rx.count >= fifo_depth(u))
        return false;
    rx_push(u, byte);
    update_line(u);
    return true;
}

static void console_writable(void *client)
{
    struct vuart *u = client;

    if (u->tx.count == 0)
        return;
    while (u->tx.count != 0 && console_vm_write(u->vm, u->tx.bytes[u->tx.head]))
        fifo_pop(&u->tx);
    if (u->tx.count == 0) {
        tx_emptied(u);
        update_direct(u);
        update_line(u);
    }
}

static const struct console_client_ops client_ops = {
    .receive = console_receive,
    .writable = console_writable,
};

void vuart_init(struct vuart *uart, struct vm *vm, struct irq_line *line)
{
    *uart = (struct vuart){.dev.ops = &vuart_ops, .vm = vm, .line = line};
    timer_init(&uart->timeout, &timeout_ops);
    vuart_reset(&uart->dev);
    console_attach(vm, &client_ops, uart);
}

int vuart_register(struct vuart *uart, struct bus *pio)
{
    return bus_register(pio, VUART_COM1, VUART_PORTS, &uart->dev);
}
