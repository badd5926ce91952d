/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical interrupts of a CPU. They stay masked at EL2: a guest's exit or the end of WFI says that there is
 * one, and it is acknowledged here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arm64_cpu;

/*
 * Acknowledges what is pending first on the calling CPU: more of it ends the next entry of a guest, or the
 * next WFI, at once. The host's own (timer, console) raise cpu->attention; the rest goes to
 * guest_irq_take(). Called after a guest's IRQ exit and by arch_cpu_idle().
 */
void host_irq_take(struct arm64_cpu *cpu);

/*
 * The guest side's: an interrupt that is not the host's, acknowledged and its priority dropped, still active.
 * True: it is somebody's, who also sees to its deactivation (HW=1 in a list register: by the guest).
 */
bool guest_irq_take(struct arm64_cpu *cpu, uint32_t intid);
