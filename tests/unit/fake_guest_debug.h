/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the shell: guests that nobody can debug. */
#pragma once

#include "core/arch.h"
#include "core/guest_debug.h"
#include "lib/error.h"

uint32_t arch_guest_debug_most(enum guest_debug_kind kind)
{
    (void)kind;
    return 0;
}

int guest_debug_attach(struct vm *vm, enum guest_debug_user user)
{
    (void)vm;
    (void)user;
    return E_NOMEM;
}

void guest_debug_detach(struct vm *vm, enum guest_debug_user user)
{
    (void)vm;
    (void)user;
}

void guest_debug_clear(struct vm *vm, enum guest_debug_user user)
{
    (void)vm;
    (void)user;
}

int guest_debug_insert(struct vcpu *vcpu, enum guest_debug_user user, enum guest_debug_kind kind, gva_t at,
                       uint32_t size)
{
    (void)vcpu;
    (void)user;
    (void)kind;
    (void)at;
    (void)size;
    return E_NOTSUP;
}

void guest_debug_hold(struct vm *vm)
{
    (void)vm;
}

void guest_debug_resume(struct vcpu *vcpu, bool step)
{
    (void)vcpu;
    (void)step;
}

void guest_debug_resume_all(struct vm *vm)
{
    (void)vm;
}
