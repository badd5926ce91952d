/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an NMI that hits the host means: policy of the option hostnmi=. The NMI handler only counts
 * (host_nmi_arrived); the CPU's loop acts on the count (host_nmi_act), so that nothing happens in NMI context
 * but two atomics.
 */
#pragma once

#include <stdint.h>

struct cpu;

/*
 * Called by the architecture's NMI entry, NMIs blocked, whatever was interrupted may hold any lock: takes
 * none, prints nothing. Under hostnmi=panic it does not return.
 */
void host_nmi_arrived(struct cpu *cpu);

/* This CPU's loop: acts on NMIs that have arrived here since the last call. */
void host_nmi_act(struct cpu *cpu);

/* How many arrived, and how many went to a guest. */
uint64_t host_nmi_count(void);
uint64_t host_nmi_forwarded(void);
