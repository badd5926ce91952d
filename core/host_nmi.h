/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an NMI that hits the host means: policy of the option hostnmi=. The NMI handler only counts
 * (host_nmi_arrived); the CPU's loop acts on the count (host_nmi_act), so that nothing happens in NMI context
 * but a few atomics. The emergency shell is the exception: it is for when the loop does not come.
 */
#pragma once

#include <stdint.h>

struct cpu;

/*
 * Called by the architecture's NMI entry with the registers that it came upon, NMIs blocked, whatever was
 * interrupted may hold any lock: takes none. Prints nothing, unless the emergency shell is asked for or the
 * machine ends: under hostnmi=panic it does not return.
 */
void host_nmi_arrived(struct cpu *cpu, const void *frame);

/* Each CPU's loop: acts on NMIs that have arrived since the last call. */
void host_nmi_act(void);

/* How many arrived, and how many went to a guest. */
uint64_t host_nmi_count(void);
uint64_t host_nmi_forwarded(void);
