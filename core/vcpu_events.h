/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event state of a vCPU for the rest of Latch: taken, put back, and (option selftest=events) both at
 * every second scheduling of events, through the serialised form, so that every test that runs with it shows
 * that a guest notices nothing. (Every second: a restored vCPU meets the IRET that it was stopped at once
 * more, and would for ever.) The vCPU's owner, with the vCPU outside its guest.
 */
#pragma once

#include <stdint.h>

#include "core/inject_save.h"
#include "core/vcpu.h"

/* Everything that is pending or being delivered, NMI mask and shadow. Nothing changes that the guest can see.
 */
void vcpu_events_get(struct vcpu *vcpu, struct inject_events *events);

/* 0, or E_RANGE, E_INVAL with nothing changed: no CPU could be in that state. The shadow is not put back: see
 * arch_vcpu_view(). */
MUST_CHECK int vcpu_events_set(struct vcpu *vcpu, const struct inject_events *events);

/* get, store, load, set; every second call. A failure is our bug and panics. */
void vcpu_events_round_trip(struct vcpu *vcpu);
