/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header; the work is done in core/inject_save.c. */
#include "core/vcpu_events.h"

#include "core/arch.h"
#include "lib/assert.h"

void vcpu_events_get(struct vcpu *vcpu, struct inject_events *events)
{
    struct inject_view view = {0};

    /* What a schedule has chosen for an entry that did not take place goes back into its slot first. */
    arch_vcpu_unschedule(vcpu);
    arch_vcpu_view(vcpu, &view);
    inject_events_get(&vcpu->inject, &view, events);
}

int vcpu_events_set(struct vcpu *vcpu, const struct inject_events *events)
{
    arch_vcpu_unschedule(vcpu);
    return inject_events_set(&vcpu->inject, events);
}

void vcpu_events_round_trip(struct vcpu *vcpu)
{
    uint8_t bytes[INJECT_EVENTS_BYTES];
    struct inject_events events;
    int error;

    if ((vcpu->selftest_count++ & 1) != 0)
        return;
    vcpu_events_get(vcpu, &events);
    inject_events_store(&events, bytes);
    error = inject_events_load(&events, bytes, sizeof(bytes));
    if (error == 0)
        error = vcpu_events_set(vcpu, &events);
    ASSERT(error == 0);
}
