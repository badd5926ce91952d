/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One 16550 of the four standard ones. Written by whoever holds the console's lock; by the panicking CPU
 * without it.
 */
#include "arch/x86/host_console.h"

#include "core/arch.h"
#include "drivers/uart16550.h"
#include "lib/string.h"

#define DEFAULT_BAUD 115200

struct port {
    const char *name;
    uint16_t base;
    uint8_t irq;
};

static const struct port ports[] = {
    {"com1", 0x3f8, 4},
    {"com2", 0x2f8, 3},
    {"com3", 0x3e8, 4},
    {"com4", 0x2e8, 3},
};

static const struct port *port;
static struct uart16550 uart;

/* The value of the last word `console=...`, NULL without one. */
static const char *console_word(const char *cmdline)
{
    static const char key[] = "console=";
    const char *found = NULL;

    for (const char *at = cmdline; *at != '\0'; at++)
        if ((at == cmdline || at[-1] == ' ') && str_starts(at, key))
            found = at + sizeof(key) - 1;
    return found;
}

static uint32_t baud_of(const char *text)
{
    uint32_t baud = 0;

    if (*text++ != ',')
        return DEFAULT_BAUD;
    for (; *text >= '0' && *text <= '9' && baud < 10 * DEFAULT_BAUD; text++)
        baud = baud * 10 + (uint32_t)(*text - '0');
    return baud == 0 || baud > DEFAULT_BAUD ? DEFAULT_BAUD : baud;
}

void host_console_init(const char *cmdline)
{
    const char *word = console_word(cmdline);
    uint32_t baud = DEFAULT_BAUD;

    if (word != NULL && str_starts(word, "none"))
        return;
    port = &ports[0];
    for (uint32_t i = 0; word != NULL && i < ARRAY_COUNT(ports); i++) {
        if (!str_starts(word, ports[i].name))
            continue;
        port = &ports[i];
        baud = baud_of(word + strlen(ports[i].name));
    }
    if (!uart16550_init(&uart, port->base, baud))
        port = NULL;
}

uint8_t host_console_irq(void)
{
    return port == NULL ? 0 : port->irq;
}

const char *host_console_name(void)
{
    return port == NULL ? "none" : port->name;
}

void host_console_irq_enable(void)
{
    uart16550_rx_irq_enable(&uart);
}

void host_console_drain(void)
{
    uart16550_drain(&uart);
}

bool arch_console_present(void)
{
    return port != NULL;
}

bool arch_console_tx(uint8_t byte)
{
    return uart16550_tx(&uart, byte);
}

bool arch_console_rx(uint8_t *byte)
{
    return uart16550_rx(&uart, byte);
}

void arch_panic_putc(uint8_t byte)
{
    uart16550_tx_wait(&uart, byte);
}
