/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory behind a guest's RAM range.
 */
#pragma once

#include "lib/bits.h"

struct vm;

/*
 * Fills vm->mem with slots for config->mem bytes of zeroed RAM from GUEST_RAM_BASE on. E_RANGE: more than
 * guest-physical addresses reach; E_NOMEM; after one line. Nothing stays allocated then.
 */
MUST_CHECK int guest_ram_alloc(struct vm *vm);
void guest_ram_free(struct vm *vm);

/*
 * Cleans and invalidates all of it to the point of coherency, and the instruction caches: a guest begins with
 * its caches off and sees memory itself, not what Latch wrote into a cache. Power-on only.
 */
void guest_ram_clean(struct vm *vm);
