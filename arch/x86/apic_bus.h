/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What joins the local APICs of one VM: routing of messages from processors, IOAPIC and MSIs to the APICs
 * that a destination names, and EOI broadcasts the other way. Sending takes no lock.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/vm.h"
#include "vdev/msi.h"

struct vlapic;
struct vioapic;

struct apic_bus_ops {
    /* The guest's TSC now, for TSC-deadline timers. */
    uint64_t (*guest_tsc)(struct vcpu *vcpu);
};

/* The timer's clock: one tick is a nanosecond. What CPUID leaf 0x15 and the hypervisor's leaves must say. */
#define APIC_TIMER_HZ UINT64_C(1000000000)

struct apic_bus {
    struct msi_sink sink;
    const struct apic_bus_ops *ops;
    struct vm *vm;
    struct vioapic *ioapic; /* for EOI broadcasts; NULL: none */
    uint64_t tsc_hz;
    uint8_t phys_bits; /* guest's physical address width: what IA32_APIC_BASE may hold; 52 unless changed */
    bool x2apic;       /* the guest's CPUID offers x2APIC; true unless changed */
    uint32_t count;
    struct vlapic *apics[MAX_VCPUS_PER_VM]; /* by vCPU number, which is the APIC ID */
    _Atomic uint32_t lowest_next;           /* where the search for a lowest-priority target starts */
};

void apic_bus_init(struct apic_bus *bus, const struct apic_bus_ops *ops, struct vm *vm, uint64_t tsc_hz);

/* Any CPU. True if at least one APIC took it. */
bool apic_bus_send(struct apic_bus *bus, const struct msi_message *message);

/* A write of the interrupt command register by its owner. */
void apic_bus_send_icr(struct vlapic *from, uint64_t icr);

/* EOI of a level-triggered vector; takes the VM's device lock. */
void apic_bus_eoi(struct apic_bus *bus, uint8_t vector);
