/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deeds that never end or that begin again after a reset.
 */
#pragma once

#include <stdbool.h>

/* Interrupts and NMIs are expected: the trap handler ends them at the local APIC and goes on. */
extern volatile bool storming;

/* Each keeps its machine busy for ever in one way; the machine beside must not notice. */
void storm_spin(void);   /* interrupts off */
void storm_timers(void); /* APIC timer and 8254 as fast as they go */
void storm_irqs(void);   /* to itself, each handler sends the next */
void storm_nmis(void);   /* to itself */
void storm_exits(void);  /* every kind of exit that a handler finishes at once */

/* Fills registers that a reset clears, resets, and looks at them again. Returns how many are wrong. */
unsigned int reset_state(void);

/* Takes the page at address 0 out of the guest's own tables. */
void zero_unmap(void);

/* Breakpoints on addresses of the hypervisor, given in hexadecimal. */
void break_host(int count, char **addresses);
