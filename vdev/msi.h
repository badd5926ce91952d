/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An interrupt message on its way from a device model to the processors' interrupt controllers. Device models
 * know only this sink; the architecture implements it. Any CPU, any lock held: a sink never takes a lock
 * below the VM's device lock except the scheduler's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Delivery modes with the encoding that local APIC, IOAPIC and MSI data share. */
enum msi_mode {
    MSI_FIXED = 0,
    MSI_LOWEST = 1,
    MSI_SMI = 2,
    MSI_NMI = 4,
    MSI_INIT = 5,
    MSI_STARTUP = 6, /* processors only; a device's is dropped */
    MSI_EXTINT = 7,
};

struct msi_message {
    uint32_t dest; /* 8 bits from devices, up to 32 from processors in x2APIC mode */
    uint8_t vector;
    uint8_t mode; /* enum msi_mode, or a reserved encoding: dropped */
    bool logical;
    bool level;
};

struct msi_sink;

struct msi_sink_ops {
    /* True if at least one processor took the message. */
    bool (*deliver)(struct msi_sink *sink, const struct msi_message *message);
};

struct msi_sink {
    const struct msi_sink_ops *ops;
};
