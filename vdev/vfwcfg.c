/* SPDX-License-Identifier: BSD-2-Clause */
/* fw_cfg: see vfwcfg.h. Items are fixed when the device is made; the guest moves a position in one of them.
 */
#include "vdev/vfwcfg.h"

#include "lib/assert.h"
#include "lib/bytes.h"
#include "lib/string.h"

#define ID_TRADITIONAL  UINT64_C(1) /* selector and data port, no DMA */
#define DIR_NAME        8           /* offset in a directory entry */
#define KEY_WRITE_FLAG  BIT(14)     /* select for writing: as for reading here */
#define BYTE_SWAP_16(v) __builtin_bswap16(v)
#define BYTE_SWAP_32(v) __builtin_bswap32(v)

static void add_item(struct vfwcfg *c, uint16_t key, const void *data, uint32_t size)
{
    ASSERT(c->item_count < VFWCFG_ITEMS);
    c->items[c->item_count++] = (struct vfwcfg_item){.key = key, .size = size, .data = data};
}

static void add_number(struct vfwcfg *c, uint16_t key, uint64_t value, uint32_t size)
{
    ASSERT(c->number_count < VFWCFG_NUMBERS);
    store_le64(c->numbers[c->number_count], value);
    add_item(c, key, c->numbers[c->number_count++], size);
}

/* Address, size and contents of an image, under three keys. */
static void add_image(struct vfwcfg *c, uint16_t addr_key, uint32_t addr, uint16_t size_key,
                      uint16_t data_key, const struct vfwcfg_blob *blob)
{
    add_number(c, addr_key, addr, 4);
    add_number(c, size_key, blob->size, 4);
    add_item(c, data_key, blob->data, blob->size);
}

/* Numbers in the directory are big-endian. */
static void add_directory(struct vfwcfg *c, const struct vfwcfg_blob *e820)
{
    uint8_t *entry = c->directory + 4;

    store_le32(c->directory, BYTE_SWAP_32((uint32_t)VFWCFG_DIR_FILES));
    store_le32(entry, BYTE_SWAP_32(e820->size));
    store_le16(entry + 4, BYTE_SWAP_16((uint16_t)VFWCFG_FILE_E820));
    (void)str_copy((char *)entry + DIR_NAME, "etc/e820", VFWCFG_DIR_ENTRY - DIR_NAME);
    add_item(c, VFWCFG_FILE_DIR, c->directory, VFWCFG_DIR_SIZE);
    add_item(c, VFWCFG_FILE_E820, e820->data, e820->size);
}

static void add_items(struct vfwcfg *c, const struct vfwcfg_params *p)
{
    static const uint8_t zeros[16];
    const char *cmdline = p->cmdline != NULL ? p->cmdline : "";
    struct vfwcfg_blob line = {cmdline, (uint32_t)strlen(cmdline) + 1};

    add_item(c, VFWCFG_SIGNATURE, "QEMU", 4);
    add_number(c, VFWCFG_ID, ID_TRADITIONAL, 4);
    add_item(c, VFWCFG_UUID, zeros, 16);
    add_number(c, VFWCFG_RAM_SIZE, p->ram_size, 8);
    add_number(c, VFWCFG_NOGRAPHIC, 1, 2);
    add_number(c, VFWCFG_NB_CPUS, p->cpu_count, 2);
    add_number(c, VFWCFG_MAX_CPUS, p->cpu_count_most, 2);
    add_item(c, VFWCFG_NUMA, zeros, 8);
    add_item(c, VFWCFG_BOOT_MENU, zeros, 2);
    add_image(c, VFWCFG_KERNEL_ADDR, p->kernel_addr, VFWCFG_KERNEL_SIZE, VFWCFG_KERNEL_DATA, &p->kernel);
    add_number(c, VFWCFG_KERNEL_ENTRY, p->kernel_entry, 4);
    add_image(c, VFWCFG_INITRD_ADDR, p->initrd_addr, VFWCFG_INITRD_SIZE, VFWCFG_INITRD_DATA, &p->initrd);
    add_image(c, VFWCFG_CMDLINE_ADDR, p->cmdline_addr, VFWCFG_CMDLINE_SIZE, VFWCFG_CMDLINE_DATA, &line);
    add_directory(c, &p->e820);
}

static void select_key(struct vfwcfg *c, uint16_t key)
{
    c->selected = NULL;
    c->position = 0;
    for (uint32_t i = 0; i < c->item_count; i++)
        if (c->items[i].key == (key & ~KEY_WRITE_FLAG))
            c->selected = &c->items[i];
}

static uint8_t next_byte(struct vfwcfg *c)
{
    if (c->selected == NULL || c->position >= c->selected->size)
        return 0;
    return c->selected->data[c->position++];
}

/* The selector is write-only, the data port one byte wide. */
static uint64_t vfwcfg_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vfwcfg *c = CONTAINER_OF(dev, struct vfwcfg, dev);

    (void)vcpu;
    return offset == VFWCFG_DATA && size == 1 ? next_byte(c) : 0;
}

static void vfwcfg_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                         uint64_t value)
{
    (void)vcpu;
    if (offset == VFWCFG_SELECTOR && size == 2)
        select_key(CONTAINER_OF(dev, struct vfwcfg, dev), (uint16_t)value);
}

static void vfwcfg_reset(struct vdev *dev)
{
    select_key(CONTAINER_OF(dev, struct vfwcfg, dev), VFWCFG_SIGNATURE);
}

static const struct vdev_ops vfwcfg_ops = {
    .name = "fw-cfg",
    .read = vfwcfg_read,
    .write = vfwcfg_write,
    .reset = vfwcfg_reset,
};

void vfwcfg_init(struct vfwcfg *cfg, const struct vfwcfg_params *params)
{
    *cfg = (struct vfwcfg){.dev.ops = &vfwcfg_ops};
    add_items(cfg, params);
    vfwcfg_reset(&cfg->dev);
}

int vfwcfg_register(struct vfwcfg *cfg, struct bus *pio)
{
    return bus_register(pio, VFWCFG_PORT, VFWCFG_PORTS, &cfg->dev);
}
