/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One walk over all nodes with libfdt, which checks each offset it follows. A stack of the levels above gives
 * each node its cell counts and the way of its addresses to the CPU's.
 */
#include "boot/arm64/devicetree.h"

#include <libfdt.h>

#include "lib/string.h"

#define CELL        4
#define MAX_CELLS   4 /* more cells than any address has */
#define SPI_FIRST   32
#define PPI_FIRST   16
#define INTID_LIMIT 1020
#define IRQ_CELLS   3 /* type, number, flags; a GIC may have more, and we want the first three */

enum irq_type {
    IRQ_SPI,
    IRQ_PPI,
};

/* Entries of an armv8-timer's `interrupts`. */
enum timer_irq {
    TIMER_VIRTUAL = 2,
    TIMER_HYP = 3,
};

struct level {
    int node;
    uint32_t address_cells; /* of its children */
    uint32_t size_cells;
};

struct walk {
    const void *fdt;
    struct devicetree *out;
    struct level levels[DEVICETREE_MAX_LEVELS];
    uint32_t depth; /* index in levels[] of the node that is looked at */
    uint32_t console_count;
    struct console {
        int node;
        struct devicetree_range at;
        uint32_t intid;
    } consoles[DEVICETREE_CONSOLES];
    const char *stdout_path; /* in the tree; NULL: none */
};

uint32_t devicetree_size(const void *dtb)
{
    uint32_t size;

    if (dtb == NULL || fdt_magic(dtb) != FDT_MAGIC)
        return 0;
    size = fdt_totalsize(dtb);
    return size < DEVICETREE_HEADER || size > DEVICETREE_MAX_SIZE ? 0 : size;
}

static uint64_t cells_get(const uint8_t *at, uint32_t count)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < count * CELL; i++)
        value = value << 8 | at[i];
    return value;
}

/* A property of at least `min` bytes, NULL without it; `*size` in bytes. */
static const uint8_t *prop(const struct walk *w, int node, const char *name, uint32_t min, uint32_t *size)
{
    int length = 0;
    const void *value = fdt_getprop(w->fdt, node, name, &length);

    if (value == NULL || length < 0 || (uint32_t)length < min)
        return NULL;
    *size = (uint32_t)length;
    return value;
}

static uint32_t prop_u32(const struct walk *w, int node, const char *name, uint32_t fallback)
{
    uint32_t size;
    const uint8_t *value = prop(w, node, name, CELL, &size);

    return value == NULL ? fallback : (uint32_t)cells_get(value, 1);
}

/* A text that ends within its property, NULL without it. */
static const char *prop_text(const struct walk *w, int node, const char *name)
{
    uint32_t size;
    const uint8_t *value = prop(w, node, name, 1, &size);

    return value == NULL || value[size - 1] != '\0' ? NULL : (const char *)value;
}

static bool text_is(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

static bool is_compatible(const struct walk *w, const char *wanted)
{
    return fdt_node_check_compatible(w->fdt, w->levels[w->depth].node, wanted) == 0;
}

/* Disabled devices are somebody else's. */
static bool is_okay(const struct walk *w)
{
    const char *status = prop_text(w, w->levels[w->depth].node, "status");

    return status == NULL || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

static void bad_node(struct walk *w)
{
    w->out->problems |= DEVICETREE_BAD_NODE;
}

/* Through the `ranges` of one bus above; false: the address does not lead through it. */
static bool translate_one(const struct walk *w, uint32_t bus, uint64_t *address)
{
    const struct level *own = &w->levels[bus];
    uint32_t parent_cells = w->levels[bus - 1].address_cells;
    uint32_t entry = own->address_cells + parent_cells + own->size_cells;
    uint32_t size = 0;
    const uint8_t *ranges = prop(w, own->node, "ranges", 0, &size);

    if (ranges == NULL)
        return false;
    if (size == 0)
        return true; /* the same on both sides */
    for (uint32_t at = 0; entry != 0 && size - at >= entry * CELL; at += entry * CELL) {
        uint64_t child = cells_get(ranges + at, own->address_cells);
        uint64_t parent = cells_get(ranges + at + own->address_cells * CELL, parent_cells);
        uint64_t length =
            cells_get(ranges + at + (own->address_cells + parent_cells) * CELL, own->size_cells);

        if (*address >= child && *address - child < length) {
            *address = parent + (*address - child);
            return true;
        }
    }
    return false;
}

/* Entry `index` of the current node's `reg`, as the CPU sees it; false: not there, or nonsense. */
static bool reg_get(const struct walk *w, uint32_t index, struct devicetree_range *out)
{
    const struct level *bus = &w->levels[w->depth - 1];
    uint32_t entry = (bus->address_cells + bus->size_cells) * CELL;
    uint32_t size;
    const uint8_t *reg = prop(w, w->levels[w->depth].node, "reg", entry, &size);

    if (reg == NULL || entry == 0 || index >= size / entry)
        return false;
    out->base = cells_get(reg + index * entry, bus->address_cells);
    out->size = cells_get(reg + index * entry + bus->address_cells * CELL, bus->size_cells);
    for (uint32_t above = w->depth - 1; above > 0; above--)
        if (!translate_one(w, above, &out->base))
            return false;
    return out->size != 0 && out->base + out->size > out->base;
}

/* INTID of entry `index` of the current node's `interrupts`, 0: none. */
static uint32_t intid_get(const struct walk *w, uint32_t index)
{
    uint32_t size;
    const uint8_t *value = prop(w, w->levels[w->depth].node, "interrupts", IRQ_CELLS * CELL, &size);
    uint64_t type, number;

    if (value == NULL || index >= size / (IRQ_CELLS * CELL))
        return 0;
    value += index * IRQ_CELLS * CELL;
    type = cells_get(value, 1);
    number = cells_get(value + CELL, 1);
    if (type == IRQ_PPI && number < SPI_FIRST - PPI_FIRST)
        return (uint32_t)number + PPI_FIRST;
    if (type == IRQ_SPI && number < INTID_LIMIT - SPI_FIRST)
        return (uint32_t)number + SPI_FIRST;
    return 0;
}

static void region_add(struct walk *w, struct devicetree_range range, enum boot_region_kind kind)
{
    if (w->out->raw_count == DEVICETREE_RAW) {
        w->out->problems |= DEVICETREE_REGIONS_CUT;
        return;
    }
    w->out->raw[w->out->raw_count++] = (struct boot_region){hpa(range.base), range.size, kind};
}

/* Reserved memory that does not fit the list must not be taken for RAM: the RAM goes. */
static void regions_seal(struct walk *w)
{
    if ((w->out->problems & DEVICETREE_REGIONS_CUT) != 0)
        w->out->raw_count = 0;
}

static void regions_read(struct walk *w, enum boot_region_kind kind)
{
    struct devicetree_range range;

    for (uint32_t i = 0; i < DEVICETREE_RAW && reg_get(w, i, &range); i++)
        region_add(w, range, kind);
}

static void cpu_read(struct walk *w)
{
    const struct level *bus = &w->levels[w->depth - 1];
    int node = w->levels[w->depth].node;
    uint32_t size;
    const uint8_t *reg = prop(w, node, "reg", bus->address_cells * CELL, &size);
    struct devicetree *out = w->out;

    if (!is_okay(w))
        return;
    if (reg == NULL || bus->address_cells == 0) {
        bad_node(w);
        return;
    }
    if (out->cpu_count == MAX_CPUS) {
        out->problems |= DEVICETREE_CPUS_CUT;
        return;
    }
    out->cpu_psci[out->cpu_count] = text_is(prop_text(w, node, "enable-method"), "psci");
    out->cpus[out->cpu_count++] = cells_get(reg, bus->address_cells);
}

static void psci_read(struct walk *w)
{
    const char *method = prop_text(w, w->levels[w->depth].node, "method");

    if (!is_compatible(w, "arm,psci-0.2") && !is_compatible(w, "arm,psci-1.0")) {
        w->out->problems |= DEVICETREE_OLD_PSCI;
        return;
    }
    if (text_is(method, "smc"))
        w->out->psci = PSCI_SMC;
    else if (text_is(method, "hvc"))
        w->out->psci = PSCI_HVC;
    else
        bad_node(w);
}

static void gic_read(struct walk *w)
{
    int node = w->levels[w->depth].node;
    struct devicetree *out = w->out;
    uint32_t count = prop_u32(w, node, "#redistributor-regions", 1);
    uint32_t size;
    const uint8_t *stride = prop(w, node, "redistributor-stride", CELL, &size);

    if (!reg_get(w, 0, &out->gicd) || count > DEVICETREE_GICR) {
        bad_node(w);
        return;
    }
    for (out->gicr_count = 0; out->gicr_count < count; out->gicr_count++)
        if (!reg_get(w, 1 + out->gicr_count, &out->gicr[out->gicr_count]))
            break;
    if (out->gicr_count != count)
        bad_node(w);
    if (stride != NULL)
        out->gicr_stride = cells_get(stride, size >= 2 * CELL ? 2 : 1);
    out->maintenance_intid = intid_get(w, 0);
    out->gic_version = 3;
}

static void console_read(struct walk *w)
{
    struct console *c = &w->consoles[w->console_count];

    if (w->console_count == DEVICETREE_CONSOLES || !is_okay(w))
        return;
    if (!reg_get(w, 0, &c->at)) {
        bad_node(w);
        return;
    }
    c->node = w->levels[w->depth].node;
    c->intid = intid_get(w, 0);
    w->console_count++;
}

static uint64_t number_get(const struct walk *w, int node, const char *name)
{
    uint32_t size;
    const uint8_t *value = prop(w, node, name, CELL, &size);

    return value == NULL ? 0 : cells_get(value, size >= 2 * CELL ? 2 : 1);
}

static void chosen_read(struct walk *w)
{
    int node = w->levels[w->depth].node;
    const char *words = prop_text(w, node, "bootargs");
    uint64_t start = number_get(w, node, "linux,initrd-start");
    uint64_t end = number_get(w, node, "linux,initrd-end");

    if (words != NULL && !str_copy(w->out->text, words, sizeof(w->out->text)))
        w->out->problems |= DEVICETREE_TEXT_CUT;
    if (end > start)
        w->out->initrd = (struct devicetree_range){start, end - start};
    w->stdout_path = prop_text(w, node, "stdout-path");
}

/* A child of the root, by its name or what it is. */
static void top_node(struct walk *w, const char *name)
{
    const char *type = prop_text(w, w->levels[w->depth].node, "device_type");

    if (text_is(type, "memory")) {
        if (is_okay(w))
            regions_read(w, BOOT_REGION_RAM);
    } else if (strcmp(name, "chosen") == 0) {
        chosen_read(w);
    } else if (is_compatible(w, "arm,psci-0.2") || is_compatible(w, "arm,psci-1.0") ||
               is_compatible(w, "arm,psci")) {
        psci_read(w);
    } else if (is_compatible(w, "arm,armv8-timer")) {
        w->out->virt_timer_intid = intid_get(w, TIMER_VIRTUAL);
        w->out->hyp_timer_intid = intid_get(w, TIMER_HYP);
    }
}

/* A device on any bus. */
static void device_node(struct walk *w)
{
    if (is_compatible(w, "arm,pl011")) {
        console_read(w);
    } else if (is_compatible(w, "arm,gic-v3")) {
        gic_read(w);
    } else if (is_compatible(w, "arm,gic-v3-its") && w->out->its.size == 0) {
        if (!reg_get(w, 0, &w->out->its))
            bad_node(w);
    } else if (w->out->gic_version == 0 &&
               (is_compatible(w, "arm,cortex-a15-gic") || is_compatible(w, "arm,gic-400"))) {
        w->out->gic_version = 2;
    }
}

static void node_read(struct walk *w)
{
    int length = 0;
    const char *name = fdt_get_name(w->fdt, w->levels[w->depth].node, &length);
    const char *parent = fdt_get_name(w->fdt, w->levels[w->depth - 1].node, &length);

    if (name == NULL || parent == NULL)
        return;
    if (w->depth == 2 && strcmp(parent, "reserved-memory") == 0) {
        if (is_okay(w))
            regions_read(w, BOOT_REGION_RESERVED);
        return;
    }
    if (w->depth == 2 && strcmp(parent, "cpus") == 0) {
        if (text_is(prop_text(w, w->levels[w->depth].node, "device_type"), "cpu"))
            cpu_read(w);
        return;
    }
    if (w->depth == 1)
        top_node(w, name);
    device_node(w);
}

static void nodes_walk(struct walk *w)
{
    int depth = 0;

    for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(w->fdt, node, &depth)) {
        struct level *own;

        if (depth >= DEVICETREE_MAX_LEVELS)
            continue; /* nothing that we look for lies so deep */
        w->depth = (uint32_t)depth;
        own = &w->levels[w->depth];
        own->node = node;
        own->address_cells = prop_u32(w, node, "#address-cells", 2);
        own->size_cells = prop_u32(w, node, "#size-cells", 1);
        if (own->address_cells > MAX_CELLS || own->size_cells > MAX_CELLS) {
            own->address_cells = 0;
            own->size_cells = 0;
        }
        if (depth > 0)
            node_read(w);
    }
}

/* /chosen/stdout-path: a path or an alias, up to ':'. False: `path` holds nothing. */
static bool stdout_resolve(const struct walk *w, char path[DEVICETREE_PATH])
{
    const char *from = w->stdout_path;
    char alias[DEVICETREE_PATH];
    size_t length = 0;
    int aliases;

    if (from == NULL)
        return false;
    while (from[length] != '\0' && from[length] != ':' && length < sizeof(alias) - 1) {
        alias[length] = from[length];
        length++;
    }
    alias[length] = '\0';
    if (alias[0] == '/')
        return str_copy(path, alias, DEVICETREE_PATH);
    aliases = fdt_subnode_offset(w->fdt, 0, "aliases");
    from = aliases < 0 ? NULL : prop_text(w, aliases, alias);
    return from != NULL && str_copy(path, from, DEVICETREE_PATH);
}

static void console_choose(struct walk *w)
{
    char wanted[DEVICETREE_PATH];
    char path[DEVICETREE_PATH];
    const struct console *chosen = &w->consoles[0];
    bool named = stdout_resolve(w, wanted);

    if (w->console_count == 0)
        return;
    for (uint32_t i = 0; named && i < w->console_count; i++)
        if (fdt_get_path(w->fdt, w->consoles[i].node, path, sizeof(path)) == 0 && strcmp(path, wanted) == 0)
            chosen = &w->consoles[i];
    w->out->console = chosen->at;
    w->out->console_intid = chosen->intid;
}

static void reservations_read(struct walk *w)
{
    int count = fdt_num_mem_rsv(w->fdt);

    for (int i = 0; i < count && i <= DEVICETREE_RAW; i++) {
        uint64_t address, size;

        if (fdt_get_mem_rsv(w->fdt, i, &address, &size) == 0)
            region_add(w, (struct devicetree_range){address, size}, BOOT_REGION_RESERVED);
    }
}

void devicetree_read(const void *dtb, uint32_t size, struct devicetree *out)
{
    struct walk w = {.fdt = dtb, .out = out};

    if (fdt_check_full(dtb, size) != 0)
        out->problems |= DEVICETREE_DAMAGED;
    nodes_walk(&w);
    reservations_read(&w);
    regions_seal(&w);
    console_choose(&w);
}
