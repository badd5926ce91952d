/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS's registers, its command queue, and messages of devices.
 */
#include "arch/arm64/gic/vits.h"

#include <stddef.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "arch/arm64/gic/vgic_lpi.h"
#include "arch/arm64/gic/vits_internal.h"
#include "arch/arm64/gic/vits_regs.h"
#include "core/vcpu.h"

static uint64_t queue_size(const struct vits *its)
{
    return (field_get(its->cbaser, GITS_CBASER_PAGES) + 1) * 4096;
}

/*
 * Each command is copied once and then decoded. A queue that lies outside RAM is skipped command by command:
 * the guest sees it empty. As many as VITS_COMMANDS_AT_ONCE; whoever waits reads GITS_CREADR, and comes by.
 */
static void run_queue(struct vits *its)
{
    uint64_t command[ITS_COMMAND_SIZE / sizeof(uint64_t)];
    uint32_t work = its->vgic->direct_work;

    if ((its->ctlr & GITS_CTLR_ENABLED) == 0 || (its->cbaser & GITS_CBASER_VALID) == 0)
        return;
    for (uint32_t i = 0; i < VITS_COMMANDS_AT_ONCE && its->creadr != its->cwriter &&
                         its->vgic->direct_work - work < VITS_WORK_AT_ONCE;
         i++) {
        uint64_t at = (its->cbaser & GITS_CBASER_ADDRESS) + its->creadr;

        its->command_count++;
        if (its->vgic->config.ops->guest_read(its->vgic, at, command, sizeof(command)) != 0 ||
            vits_command(its, command) != 0)
            its->error_count++;
        its->creadr = (its->creadr + ITS_COMMAND_SIZE) % queue_size(its);
    }
}

bool vits_message(struct vits *its, uint32_t device, uint32_t event)
{
    struct vits_event *mapped = NULL;

    spin_lock(&its->vgic->lock);
    if ((its->ctlr & GITS_CTLR_ENABLED) != 0)
        mapped = vits_find(its, device, event);
    if (mapped != NULL) {
        vgic_lpi_target(its->vgic, mapped->lpi, its->collections[mapped->collection]);
        vgic_lpi_post(its->vgic, mapped->lpi);
    }
    spin_unlock(&its->vgic->lock);
    return mapped != NULL;
}

/* --- Registers ---------------------------------------------------------------------------------------------
 */

static uint64_t typer(void)
{
    return GITS_TYPER_PHYSICAL | field_make(7, GITS_TYPER_ITT_SIZE) |
           field_make(VITS_EVENT_BITS - 1, GITS_TYPER_EVENT_BITS) |
           field_make(VITS_DEVICE_BITS - 1, GITS_TYPER_DEVICE_BITS) |
           field_make(VITS_MAX_COLLECTIONS, GITS_TYPER_HCC);
}

static uint64_t baser_fixed(uint32_t index)
{
    uint64_t type = index == 0 ? GITS_BASER_DEVICES : GITS_BASER_COLLECTIONS;

    return field_make(type, GITS_BASER_TYPE) | field_make(7, GITS_BASER_ENTRY_SIZE);
}

/* The 64-bit register at this offset, NULL: none. */
static uint64_t *register_at(struct vits *its, uint64_t offset)
{
    switch (offset) {
    case GITS_CBASER:
        return &its->cbaser;
    case GITS_CWRITER:
        return &its->cwriter;
    case GITS_CREADR:
        return &its->creadr;
    case GITS_BASER:
        return &its->baser[0];
    case GITS_BASER + 8:
        return &its->baser[1];
    default:
        return NULL;
    }
}

static uint64_t read_register(struct vits *its, uint64_t offset, unsigned int size)
{
    const uint64_t *wide = register_at(its, align_down(offset, 8));

    if (wide != NULL)
        return vgic_half_read(*wide, offset, size);
    switch (offset) {
    case GITS_CTLR:
        return its->ctlr | (its->creadr == its->cwriter ? GITS_CTLR_QUIESCENT : 0);
    case GITS_IIDR:
        return GIC_IIDR_VALUE;
    case GITS_TYPER:
    case GITS_TYPER + 4:
        return vgic_half_read(typer(), offset, size);
    case GIC_PIDR2:
        return GIC_PIDR2_VALUE;
    default:
        return 0;
    }
}

static void write_queue(struct vits *its, uint64_t offset, unsigned int size, uint64_t value)
{
    if (align_down(offset, 8) == GITS_CBASER) {
        if ((its->ctlr & GITS_CTLR_ENABLED) != 0)
            return; /* unpredictable: ignored */
        its->cbaser = vgic_half_write(its->cbaser, offset, size, value) & GITS_CBASER_BITS;
        its->creadr = 0;
        its->cwriter = 0;
    } else if (align_down(offset, 8) == GITS_CWRITER) {
        value = vgic_half_write(its->cwriter, offset, size, value) & GITS_QUEUE_OFFSET;
        if (value < queue_size(its))
            its->cwriter = value;
    }
}

static void write_register(struct vits *its, uint64_t offset, unsigned int size, uint64_t value)
{
    uint64_t index = (offset - GITS_BASER) / 8;

    if (offset == GITS_CTLR)
        its->ctlr = (uint32_t)(value & GITS_CTLR_ENABLED);
    else if (offset >= GITS_CBASER && offset < GITS_CREADR)
        write_queue(its, offset, size, value);
    else if (offset >= GITS_BASER && index < ARRAY_COUNT(its->baser) && (its->ctlr & GITS_CTLR_ENABLED) == 0)
        its->baser[index] = (vgic_half_write(its->baser[index], offset, size, value) & GITS_BASER_WRITABLE) |
                            baser_fixed((uint32_t)index);
}

static uint64_t its_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vits *its = CONTAINER_OF(dev, struct vits, dev);
    uint64_t value;

    (void)vcpu;
    if (size < 4 || offset % size != 0)
        return 0;
    spin_lock(&its->vgic->lock);
    if (align_down(offset, 8) == GITS_CREADR && its->creadr != its->cwriter)
        run_queue(its);
    value = read_register(its, offset, size);
    spin_unlock(&its->vgic->lock);
    return value;
}

/* GITS_TRANSLATER ignores CPUs: they have no device number. */
static void its_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size, uint64_t value)
{
    struct vits *its = CONTAINER_OF(dev, struct vits, dev);

    (void)vcpu;
    if (size < 4 || offset % size != 0)
        return;
    spin_lock(&its->vgic->lock);
    write_register(its, offset, size, value);
    run_queue(its);
    spin_unlock(&its->vgic->lock);
}

static void reset_registers(struct vits *its)
{
    its->ctlr = 0;
    its->cbaser = 0;
    its->cwriter = 0;
    its->creadr = 0;
    its->baser[0] = baser_fixed(0);
    its->baser[1] = baser_fixed(1);
    vits_clear_tables(its);
}

static void its_reset(struct vdev *dev)
{
    struct vits *its = CONTAINER_OF(dev, struct vits, dev);

    spin_lock(&its->vgic->lock);
    reset_registers(its);
    spin_unlock(&its->vgic->lock);
}

static const struct vdev_ops its_ops = {
    .name = "its", .read = its_read, .write = its_write, .reset = its_reset};

void vits_init(struct vits *its, struct vgic_vm *vgic, struct vits_event *events)
{
    its->dev.ops = &its_ops;
    its->vgic = vgic;
    its->events = events;
    reset_registers(its);
}

int vits_register(struct vits *its, struct bus *bus)
{
    return bus_register(bus, VGIC_ITS_BASE, VGIC_ITS_SIZE, &its->dev);
}
