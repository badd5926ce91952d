/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared parts of the image loaders: book-keeping of taken ranges, the scratch area, initrd placement.
 * Nothing here trusts a number: what is not RAM or already taken ends in one complaint.
 */
#include "arch/x86/load.h"

#include <stdarg.h>

#include "core/arch.h"
#include "core/guest_mem.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

#define COMPLAINT_SIZE 200

void load_complain(const struct load *load, const char *format, ...)
{
    char text[COMPLAINT_SIZE];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_error("vm %s: not started: %s", load->config->name, text);
}

void load_init(struct load *load, struct vm *vm, const struct vm_config *vm_config,
               struct x86_start_state *start)
{
    memset(load, 0, sizeof(*load));
    load->vm = vm;
    load->config = vm_config;
    load->image = hpa_to_ptr(vm_config->kernel.start);
    load->size = vm_config->kernel.size;
    load->start = start;
    load->scratch_next = GUEST_SCRATCH_START;
    load->ranges[load->range_count++] =
        (struct load_range){GUEST_SCRATCH_START, GUEST_SCRATCH_END, "Latch's boot information"};
}

static const struct load_range *find_overlap(const struct load *load, uint64_t start, uint64_t end)
{
    for (uint32_t i = 0; i < load->range_count; i++)
        if (start < load->ranges[i].end && end > load->ranges[i].start)
            return &load->ranges[i];
    return NULL;
}

int load_claim(struct load *load, const char *what, uint64_t start, uint64_t size)
{
    const struct load_range *other;

    if (size == 0)
        return 0;
    if (!guest_map_is_usable(load->config->mem, start, size))
        return load_fail(load, E_RANGE, "%s at 0x%lx, %lu KiB, does not fit into the RAM of mem=%luK", what,
                         start, size / KIB + (size % KIB != 0), load->config->mem / KIB);
    other = find_overlap(load, start, start + size);
    if (other != NULL)
        return load_fail(load, E_OVERLAP, "%s at 0x%lx overlaps %s at 0x%lx", what, start, other->what,
                         other->start);
    ASSERT(load->range_count < LOAD_MAX_RANGES);
    load->ranges[load->range_count++] = (struct load_range){start, start + size, what};
    return 0;
}

static int fail_memory(const struct load *load, uint64_t at, uint64_t size)
{
    return load_fail(load, E_FAULT, "no memory behind guest addresses 0x%lx-0x%lx", at, at + size);
}

int load_copy(struct load *load, uint64_t to, const void *from, uint64_t size)
{
    void *host;

    if (size == 0)
        return 0;
    host = guest_ptr(load->vm, gpa(to), size);
    if (host != NULL)
        arch_bulk_copy(host, from, size);
    else if (guest_write(load->vm, gpa(to), from, size) != 0)
        return fail_memory(load, to, size);
    return 0;
}

int load_clear(struct load *load, uint64_t at, uint64_t size)
{
    void *host;

    if (size == 0)
        return 0;
    host = guest_ptr(load->vm, gpa(at), size);
    if (host != NULL)
        arch_bulk_clear(host, size);
    else if (guest_fill(load->vm, gpa(at), 0, size) != 0)
        return fail_memory(load, at, size);
    return 0;
}

int load_scratch(struct load *load, uint64_t size, uint64_t align, uint64_t *out)
{
    uint64_t at = align_up(load->scratch_next, align);

    if (at > GUEST_SCRATCH_END || size > GUEST_SCRATCH_END - at)
        return load_fail(load, E_RANGE, "command line and boot information need more than %lu KiB",
                         (GUEST_SCRATCH_END - GUEST_SCRATCH_START) / KIB);
    load->scratch_next = at + size;
    *out = at;
    return 0;
}

int load_put(struct load *load, const void *data, uint64_t size, uint64_t align, uint64_t *out)
{
    int error = load_scratch(load, size, align, out);

    return error != 0 ? error : load_copy(load, *out, data, size);
}

int load_put_cmdline(struct load *load, bool with_name, uint64_t *out, uint64_t *length)
{
    const char *text = load->config->guest_cmdline;
    uint64_t text_length = strlen(text);
    uint64_t name_length = with_name ? strlen(load->config->name) : 0;
    bool separator = with_name && text_length != 0;
    int error;

    *length = name_length + (separator ? 1 : 0) + text_length;
    error = load_scratch(load, *length + 1, 8, out);
    if (error == 0)
        error = load_copy(load, *out, load->config->name, name_length);
    if (error == 0 && separator)
        error = load_copy(load, *out + name_length, " ", 1);
    if (error == 0)
        error = load_copy(load, *out + *length - text_length, text, text_length + 1);
    return error;
}

int load_put_gdt(struct load *load)
{
    uint64_t gdt[X86_START_GDT_ENTRIES];

    start_state_make_gdt(load->start, gdt);
    load->start->gdt.limit = sizeof(gdt) - 1;
    return load_put(load, gdt, sizeof(gdt), sizeof(gdt[0]), &load->start->gdt.base);
}

bool load_has_initrd(const struct load *load)
{
    return load->config->has_initrd && load->config->initrd.size != 0;
}

/* The highest page-aligned room for `size` bytes in [floor, limit) that no range touches. */
static bool find_high(const struct load *load, uint64_t floor, uint64_t limit, uint64_t size, uint64_t *out)
{
    while (limit >= floor && limit - floor >= size) {
        uint64_t at = align_down(limit - size, PAGE_SIZE);
        const struct load_range *other = at >= floor ? find_overlap(load, at, at + size) : NULL;

        if (at < floor)
            return false;
        if (other == NULL) {
            *out = at;
            return true;
        }
        limit = other->start;
    }
    return false;
}

static int put_initrd(struct load *load, uint64_t at)
{
    const struct boot_module *initrd = &load->config->initrd;
    int error = load_claim(load, "initrd", at, initrd->size);

    return error != 0 ? error : load_copy(load, at, hpa_to_ptr(initrd->start), initrd->size);
}

int load_initrd_high(struct load *load, uint64_t limit, bool above_4g, uint64_t *out)
{
    uint64_t mem = load->config->mem;
    uint64_t size = load->config->initrd.size;
    uint64_t low_limit = min_u64(limit, guest_map_low_end(mem));

    if (!find_high(load, GUEST_BIOS_END, low_limit, size, out) &&
        !(above_4g && find_high(load, GUEST_HIGH_START, guest_map_high_end(mem), size, out)))
        return load_fail(load, E_RANGE,
                         "initrd of %lu KiB finds no room beside the kernel below 0x%lx in mem=%luK",
                         size / KIB + (size % KIB != 0), low_limit, mem / KIB);
    return put_initrd(load, *out);
}

int load_initrd_behind(struct load *load, uint64_t *out)
{
    uint64_t end = GUEST_BIOS_END;

    for (uint32_t i = 0; i < load->range_count; i++)
        if (load->ranges[i].end <= GUEST_HIGH_START)
            end = max_u64(end, load->ranges[i].end);
    *out = align_up(end, PAGE_SIZE);
    return put_initrd(load, *out);
}
