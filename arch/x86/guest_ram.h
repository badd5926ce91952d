/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory behind a guest's address map. */
#pragma once

#include "lib/bits.h"

struct vm;

/*
 * Fills vm->mem with slots for config->mem bytes of zeroed RAM. E_NOMEM, after one line that says whether the
 * machine has too little memory or has it in too many pieces; nothing stays allocated then.
 */
MUST_CHECK int guest_ram_alloc(struct vm *vm);

/* Gives all of it back; the VM does not run any more. */
void guest_ram_free(struct vm *vm);
