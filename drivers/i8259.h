/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's old interrupt controllers: Latch only silences them.
 */
#pragma once

#include <stdint.h>

/* Moves both to vectors `base`..`base` + 15, where a spurious IRQ 7 or 15 harms nobody, and masks everything.
 */
void i8259_disable(uint8_t base);
