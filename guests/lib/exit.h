/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a guest program ends: by the debug-exit port (QEMU's isa-debug-exit: status = code * 2 + 1), else by
 * "Shutdown" to port 0x8900 (Bochs), else it halts for good.
 */
#pragma once

#include <stdint.h>

_Noreturn void guest_exit(uint32_t code);
