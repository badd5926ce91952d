/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that does nothing but send messages to the guest's ITS, as often as the guest asks it to: a source
 * of LPIs for tests, with a device number of its own like any other. Only in VMs with msi-test=on
 * (docs/devices.md). All registers are 32 bits wide; other accesses read 0 and do nothing.
 */
#pragma once

#include <stdint.h>

#include "arch/arm64/gic/vits.h"
#include "core/device.h"

#define VITS_MSI_DEVICE UINT32_C(5) /* its DeviceID, which msi-parent in the device tree tells */
#define VITS_MSI_EVENTS 64          /* its EventIDs are 0 to 63 */

/* Register offsets. */
#define VITS_MSI_ID      0x00 /* read: VITS_MSI_MAGIC */
#define VITS_MSI_COUNT   0x04 /* read: VITS_MSI_EVENTS */
#define VITS_MSI_RAISE   0x08 /* write: a message with this EventID */
#define VITS_MSI_SENT    0x0c /* read: messages that the ITS has translated, */
#define VITS_MSI_DROPPED 0x10 /* and the others: no such event, not mapped, ITS off */

#define VITS_MSI_MAGIC UINT32_C(0x49534d4c) /* "LMSI" */

struct vits_msi {
    struct vdev dev;
    struct vits *its;
    uint32_t sent_count, dropped_count; /* since the last reset; device lock */
};

/* `msi` zeroed; `its` initialised. */
void vits_msi_init(struct vits_msi *msi, struct vits *its);
