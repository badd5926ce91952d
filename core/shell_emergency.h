/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emergency shell, for when Latch itself hangs: it runs where it was asked for (in the NMI handler where
 * there is one), polls the wire, takes no lock and changes nothing. The other CPUs stand still meanwhile, and
 * go on where they were when it is left. docs/shell.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct timer;

/*
 * In the handler of an NMI (arm64: of the interrupt that stands for one), with the registers it came upon.
 * True: the NMI was for the shell, which may have run in between; else it is somebody else's. Takes no lock.
 */
bool shell_emergency_nmi(const void *frame);

/* Opens it here and now, or joins the one that is open; no effect without a console. */
void shell_emergency_enter(const void *frame);

/* Opens it, in an NMI to this CPU where there are any. Not in NMI handlers. */
void shell_emergency_ask(void);

/* True while it is open, on whatever CPU. */
bool shell_emergency_is_open(void);

/*
 * Each CPU's loop but the boot CPU's, once: looks every half second whether the boot CPU still comes round to
 * the console, and if not listens for the escape character and `!` in its place.
 */
void shell_emergency_watch(struct cpu *cpu, struct timer *timer);

/* A byte from the console's wire: first what was read in the boot CPU's place. Boot CPU. */
bool shell_emergency_rx(uint8_t *byte);

/* For tests, the boot CPU: holds the console's lock and turns in a loop until the emergency shell has been.
 */
void shell_emergency_provoke(void);
