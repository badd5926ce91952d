/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Written by whoever holds the console's lock; by the panicking CPU without it.
 */
#include "arch/arm64/host_console.h"

#include "core/arch.h"
#include "core/panic.h"
#include "drivers/pl011.h"

static struct pl011 uart;
static bool irq_wanted;
static bool irq_masked; /* boot CPU only: it takes the interrupt and reads the bytes */

void host_console_init(uint64_t base)
{
    if (base != 0)
        pl011_init(&uart, base);
}

void host_console_irq_enable(void)
{
    irq_wanted = true;
    pl011_rx_irq_enable(&uart, true);
}

void host_console_irq(void)
{
    irq_masked = true;
    pl011_rx_irq_enable(&uart, false);
}

void host_console_drain(void)
{
    pl011_drain(&uart);
}

bool arch_console_present(void)
{
    return uart.base != 0;
}

/* A panic elsewhere takes the console's rings over; a CPU that was about to write stops here. */
bool arch_console_tx(uint8_t byte)
{
    if (UNLIKELY(panic_elsewhere()))
        PANIC_STOP_HERE();
    return pl011_tx(&uart, byte);
}

bool arch_console_rx(uint8_t *byte)
{
    bool got = pl011_rx(&uart, byte);

    if (!got && irq_masked && irq_wanted) {
        irq_masked = false;
        pl011_rx_irq_enable(&uart, true);
    }
    return got;
}

void arch_panic_putc(uint8_t byte)
{
    pl011_tx_wait(&uart, byte);
}
