/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest reads from the CPU's identification registers: the hardware's value, field by field, where
 * Latch offers the feature, and "not there" for everything else, fields of the future included. Pure.
 * docs/arm64-guests.md lists what is hidden and why.
 */
#pragma once

#include <stdint.h>

/*
 * Value for the register at (3, 0, 0, crm, op2), crm 1 to 7, of which `hardware` is the CPU's own value.
 * Registers without a number in the manual, and those that Latch does not know, read as zero.
 */
uint64_t guest_id_value(uint32_t crm, uint32_t op2, uint64_t hardware);
