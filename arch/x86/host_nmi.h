/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of an NMI that hits the host: the policy behind the count.
 */
#pragma once

struct cpu;

/*
 * Called by the NMI handler after counting, on the NMI stack. NMIs are blocked until it returns; whatever it
 * interrupted may hold any lock. Takes no lock, prints nothing, touches only atomics.
 */
void host_nmi_arrived(struct cpu *cpu);
