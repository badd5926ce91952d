/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell has no port of its own on arm64 boards: it shares the console's. */
#include "core/arch.h"

bool arch_shell_port_open(const char *name)
{
    (void)name;
    return false;
}

bool arch_shell_tx(uint8_t byte)
{
    (void)byte;
    return true;
}

bool arch_shell_rx(uint8_t *byte)
{
    (void)byte;
    return false;
}
