/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A serial port for the shell alone, by polling: one of the four standard ones, not the console's.
 */
#include "arch/x86/host_console.h"
#include "core/arch.h"
#include "drivers/uart16550.h"
#include "lib/string.h"

#define BAUD 115200

static struct uart16550 uart;

bool arch_shell_port_open(const char *name)
{
    static const uint16_t bases[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

    if (strcmp(name, host_console_name()) == 0)
        return false;
    return uart16550_init(&uart, bases[(name[3] - '1') & 3], BAUD); /* config.c has checked the name */
}

bool arch_shell_tx(uint8_t byte)
{
    return uart16550_tx(&uart, byte);
}

bool arch_shell_rx(uint8_t *byte)
{
    return uart16550_rx(&uart, byte);
}
