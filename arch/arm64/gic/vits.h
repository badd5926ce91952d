/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's interrupt translation service: (device, event) -> LPI -> collection -> vCPU. Pure like vgic.h.
 *
 * The tables are our own, of fixed size; the memory that a guest gives for them (GITS_BASER, MAPD) is
 * accepted and left alone. So there is nothing in it to validate, an event costs a look into a hash and no
 * walk of guest memory, and a guest can ask for no more than was set aside; MAPTI beyond that is a command
 * error. Commands with errors are skipped and counted. Everything is protected by vgic_vm.lock.
 */
#pragma once

#include <stdint.h>

#include "arch/arm64/gic/vgic.h"

#define VITS_MAX_DEVICES     32
#define VITS_MAX_COLLECTIONS (VGIC_MAX_VCPUS + 1)
#define VITS_HASH            256
#define VITS_DEVICE_BITS     16
#define VITS_EVENT_BITS      16
/* Commands carried out in one exit; the rest when the guest looks at GITS_CREADR or writes again. */
#define VITS_COMMANDS_AT_ONCE 64
/* ... unless they take more than so many of the host's (vgic_vm.direct_work); one may take one for each LPI.
 */
#define VITS_WORK_AT_ONCE 64

struct vits_device {
    bool valid;
    uint8_t event_bits;
    uint32_t id;
};

/* As many as LPIs. */
struct vits_event {
    bool valid;
    uint16_t next; /* in its hash chain or in the free list: index + 1, 0: end */
    uint16_t lpi;  /* index: INTID - VGIC_LPI_FIRST */
    uint16_t collection;
    uint32_t device;
    uint32_t event;
};

struct vits {
    struct vdev dev; /* both frames */
    struct vgic_vm *vgic;
    struct vits_event *events; /* lpi_count of them */
    uint32_t ctlr;
    uint64_t cbaser, cwriter, creadr;
    uint64_t baser[2];
    uint64_t command_count, error_count;
    uint16_t free;
    uint16_t chains[VITS_HASH];
    struct vits_device devices[VITS_MAX_DEVICES];
    uint8_t collections[VITS_MAX_COLLECTIONS]; /* vCPU, or VGIC_NO_VCPU */
};

/* `its` zeroed; `events`: vgic->config.lpi_count of them, zeroed. After vgic_vm_init(). */
void vits_init(struct vits *its, struct vgic_vm *vgic, struct vits_event *events);
/* At VGIC_ITS_BASE. As bus_register(). */
MUST_CHECK int vits_register(struct vits *its, struct bus *bus);

/* A device's message: any CPU. False: nobody has mapped it, or the ITS is off. */
bool vits_message(struct vits *its, uint32_t device, uint32_t event);
