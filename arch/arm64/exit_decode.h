/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a syndrome to struct vm_exit: reads nothing but its arguments, changes nothing.
 */
#pragma once

#include <stdint.h>

#include "core/vm_exit.h"

/* ESR_EL2, FAR_EL2, HPFAR_EL2 as a synchronous exception from EL1 or EL0 left them. `raw` is the syndrome. */
void exit_decode(uint64_t esr, uint64_t far, uint64_t hpfar, struct vm_exit *exit);
