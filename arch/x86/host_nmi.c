/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host NMI policy: the handler's count and the attention flag are all there is; nothing is forwarded.
 */
#include "arch/x86/host_nmi.h"

#include "core/cpu.h"

void host_nmi_arrived(struct cpu *cpu)
{
    atomic_store_explicit(&cpu->attention, 1, memory_order_release);
}
