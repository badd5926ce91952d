/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board's PL011 as the console.
 */
#pragma once

#include <stdint.h>

/* Takes the port at `base` (0: none), whose page is mapped, or the MMU is off. */
void host_console_init(uint64_t base);

/* Received bytes interrupt from now on. */
void host_console_irq_enable(void);

/* The interrupt: masked until the console has read what there is, since the line is a level. */
void host_console_irq(void);

/* Waits until everything is out; before power-off. */
void host_console_drain(void);
