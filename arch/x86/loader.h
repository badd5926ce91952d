/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a boot module to a guest that can start: recognises the format of the VM's kernel, copies kernel and
 * initrd into guest memory, writes what the kernel's boot protocol wants, and says in which state the first
 * vCPU begins. Formats and placement are described in docs/loading.md.
 */
#pragma once

#include "arch/x86/start_state.h"
#include "core/config.h"
#include "lib/bits.h"

struct vm;

/*
 * The VM's RAM slots exist (guest_map_ram) and its ACPI tables are in place; no vCPU runs. May be called
 * again to restart the VM, since it changes neither image nor initrd. On failure one line was printed and the
 * guest's memory holds nothing meaningful: E_INVAL, E_TRUNCATED, E_OVERLAP, E_RANGE, E_NOTSUP, E_FAULT.
 */
MUST_CHECK int x86_load_image(struct vm *vm, const struct vm_config *vm_config,
                              struct x86_start_state *start);
