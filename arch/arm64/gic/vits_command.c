/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS's tables and commands. A command is decoded completely from a copy; one that names what does not
 * exist changes nothing and is counted. vgic_vm.lock is held.
 */
#include <stddef.h>

#include "arch/arm64/gic/vgic_lpi.h"
#include "arch/arm64/gic/vits_internal.h"
#include "arch/arm64/gic/vits_regs.h"
#include "lib/error.h"
#include "lib/nospec.h"

/* --- Tables ------------------------------------------------------------------------------------------------
 */

static uint16_t *chain_of(struct vits *its, uint32_t device, uint32_t event)
{
    return &its->chains[(device * 31 + event) % VITS_HASH];
}

struct vits_event *vits_find(struct vits *its, uint32_t device, uint32_t event)
{
    for (uint16_t i = *chain_of(its, device, event); i != 0; i = its->events[i - 1].next)
        if (its->events[i - 1].device == device && its->events[i - 1].event == event)
            return &its->events[i - 1];
    return NULL;
}

void vits_clear_tables(struct vits *its)
{
    uint32_t count = its->vgic->config.lpi_count;

    for (uint32_t i = 0; i < VITS_HASH; i++)
        its->chains[i] = 0;
    for (uint32_t i = 0; i < count; i++)
        its->events[i] = (struct vits_event){.next = (uint16_t)(i + 1 < count ? i + 2 : 0)};
    its->free = count != 0;
    for (uint32_t i = 0; i < VITS_MAX_DEVICES; i++)
        its->devices[i].valid = false;
    for (uint32_t i = 0; i < VITS_MAX_COLLECTIONS; i++)
        its->collections[i] = VGIC_NO_VCPU;
}

static struct vits_event *add_event(struct vits *its, uint32_t device, uint32_t event)
{
    uint16_t *chain = chain_of(its, device, event);
    struct vits_event *new;

    if (its->free == 0)
        return NULL;
    new = &its->events[its->free - 1];
    its->free = new->next;
    *new = (struct vits_event){.valid = true, .next = *chain, .device = device, .event = event};
    *chain = (uint16_t)(new - its->events + 1);
    return new;
}

/* Its pending state goes with it. */
static void remove_event(struct vits *its, struct vits_event *gone)
{
    uint16_t *at = chain_of(its, gone->device, gone->event);
    uint16_t number = (uint16_t)(gone - its->events + 1);

    while (*at != number)
        at = &its->events[*at - 1].next;
    *at = gone->next;
    vgic_lpi_clear(its->vgic, gone->lpi);
    vgic_lpi_target(its->vgic, gone->lpi, VGIC_NO_VCPU);
    *gone = (struct vits_event){.next = its->free};
    its->free = number;
}

static struct vits_device *find_device(struct vits *its, uint32_t id)
{
    for (uint32_t i = 0; i < VITS_MAX_DEVICES; i++)
        if (its->devices[i].valid && its->devices[i].id == id)
            return &its->devices[i];
    return NULL;
}

static struct vits_device *free_device(struct vits *its)
{
    for (uint32_t i = 0; i < VITS_MAX_DEVICES; i++)
        if (!its->devices[i].valid)
            return &its->devices[i];
    return NULL;
}

static void remove_device(struct vits *its, struct vits_device *device)
{
    for (uint32_t i = 0; i < its->vgic->config.lpi_count; i++)
        if (its->events[i].valid && its->events[i].device == device->id)
            remove_event(its, &its->events[i]);
    device->valid = false;
}

/* --- Decoding ----------------------------------------------------------------------------------------------
 */

static uint32_t device_of(const uint64_t *command)
{
    return (uint32_t)field_get(command[0], ITS_0_DEVICE);
}

static uint32_t event_of(const uint64_t *command)
{
    return (uint32_t)field_get(command[1], ITS_1_EVENT);
}

/* E_INVAL: no such collection number. */
static int collection_of(const uint64_t *command, uint16_t *collection)
{
    uint64_t number = field_get(command[2], ITS_2_COLLECTION);

    *collection = (uint16_t)index_nospec(number, VITS_MAX_COLLECTIONS);
    return number < VITS_MAX_COLLECTIONS ? 0 : E_INVAL;
}

static int vcpu_of(const struct vits *its, uint64_t doubleword, uint8_t *vcpu)
{
    uint64_t number = field_get(doubleword, ITS_2_RDBASE);

    *vcpu = (uint8_t)number;
    return number < its->vgic->config.vcpu_count ? 0 : E_INVAL;
}

/* --- Commands ----------------------------------------------------------------------------------------------
 */

static int map_device(struct vits *its, const uint64_t *command)
{
    struct vits_device *device = find_device(its, device_of(command));
    uint64_t event_bits = field_get(command[1], ITS_1_SIZE) + 1;
    bool valid = (command[2] & ITS_2_VALID) != 0;

    if (device_of(command) >= BIT(VITS_DEVICE_BITS) || (valid && event_bits > VITS_EVENT_BITS))
        return E_INVAL;
    if (device != NULL)
        remove_device(its, device);
    if (!valid)
        return 0;
    device = free_device(its);
    if (device == NULL)
        return E_NOMEM;
    *device = (struct vits_device){true, (uint8_t)event_bits, device_of(command)};
    return 0;
}

static int map_collection(struct vits *its, const uint64_t *command)
{
    bool valid = (command[2] & ITS_2_VALID) != 0;
    uint8_t vcpu = VGIC_NO_VCPU;
    uint16_t collection;

    if (collection_of(command, &collection) != 0 || (valid && vcpu_of(its, command[2], &vcpu) != 0))
        return E_INVAL;
    its->collections[collection] = vcpu;
    for (uint32_t i = 0; i < its->vgic->config.lpi_count; i++)
        if (its->events[i].valid && its->events[i].collection == collection)
            vgic_lpi_target(its->vgic, its->events[i].lpi, vcpu);
    return 0;
}

static bool is_mapped(const struct vits *its, uint32_t lpi)
{
    for (uint32_t i = 0; i < its->vgic->config.lpi_count; i++)
        if (its->events[i].valid && its->events[i].lpi == lpi)
            return true;
    return false;
}

static int map_event(struct vits *its, const uint64_t *command, uint64_t intid)
{
    const struct vits_device *device = find_device(its, device_of(command));
    uint32_t event = event_of(command);
    struct vits_event *mapped = vits_find(its, device_of(command), event);
    uint64_t lpi = intid - VGIC_LPI_FIRST;
    uint16_t collection;

    if (device == NULL || event >> device->event_bits != 0 || intid < VGIC_LPI_FIRST ||
        lpi >= its->vgic->config.lpi_count || collection_of(command, &collection) != 0)
        return E_INVAL;
    if (mapped != NULL)
        remove_event(its, mapped);
    if (is_mapped(its, (uint32_t)lpi))
        return E_BUSY;
    mapped = add_event(its, device_of(command), event);
    if (mapped == NULL)
        return E_NOMEM;
    mapped->lpi = (uint16_t)lpi;
    mapped->collection = collection;
    vgic_lpi_target(its->vgic, mapped->lpi, its->collections[collection]);
    vgic_lpi_reload(its->vgic, mapped->lpi);
    return 0;
}

static int move_event(struct vits *its, struct vits_event *event, const uint64_t *command)
{
    uint16_t collection;

    if (collection_of(command, &collection) != 0 || its->collections[collection] == VGIC_NO_VCPU)
        return E_INVAL;
    event->collection = collection;
    vgic_lpi_target(its->vgic, event->lpi, its->collections[collection]);
    return 0;
}

static int move_all(struct vits *its, const uint64_t *command)
{
    uint8_t from, to;

    if (vcpu_of(its, command[2], &from) != 0 || vcpu_of(its, command[3], &to) != 0)
        return E_INVAL;
    if (from != to)
        vgic_lpi_move_pending(its->vgic, from, to);
    return 0;
}

static int invalidate_all(struct vits *its, const uint64_t *command)
{
    uint16_t collection;

    if (collection_of(command, &collection) != 0 || its->collections[collection] == VGIC_NO_VCPU)
        return E_INVAL;
    vgic_lpi_reload_all(its->vgic, its->collections[collection]);
    return 0;
}

/* Those that name a mapped event. */
static int event_command(struct vits *its, const uint64_t *command)
{
    struct vits_event *event = vits_find(its, device_of(command), event_of(command));

    if (event == NULL)
        return E_NOENT;
    switch (field_get(command[0], ITS_0_COMMAND)) {
    case ITS_CMD_MOVI:
        return move_event(its, event, command);
    case ITS_CMD_INT:
        vgic_lpi_target(its->vgic, event->lpi, its->collections[event->collection]);
        vgic_lpi_post(its->vgic, event->lpi);
        return 0;
    case ITS_CMD_CLEAR:
        vgic_lpi_clear(its->vgic, event->lpi);
        return 0;
    case ITS_CMD_INV:
        vgic_lpi_reload(its->vgic, event->lpi);
        return 0;
    default:
        remove_event(its, event);
        return 0;
    }
}

int vits_command(struct vits *its, const uint64_t *command)
{
    switch (field_get(command[0], ITS_0_COMMAND)) {
    case ITS_CMD_MAPD:
        return map_device(its, command);
    case ITS_CMD_MAPC:
        return map_collection(its, command);
    case ITS_CMD_MAPTI:
        return map_event(its, command, field_get(command[1], ITS_1_INTID));
    case ITS_CMD_MAPI:
        return map_event(its, command, event_of(command));
    case ITS_CMD_MOVALL:
        return move_all(its, command);
    case ITS_CMD_INVALL:
        return invalidate_all(its, command);
    case ITS_CMD_SYNC:
        return 0; /* commands take effect before the next one is read */
    case ITS_CMD_MOVI:
    case ITS_CMD_INT:
    case ITS_CMD_CLEAR:
    case ITS_CMD_INV:
    case ITS_CMD_DISCARD:
        return event_command(its, command);
    default:
        return E_INVAL;
    }
}
