/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading and writing memory of guests, and of the host where that harms nothing. */
#include "core/boot_info.h"
#include "core/pmem.h"
#include "core/shell_internal.h"

#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

#define ROW        16
#define BYTES      128 /* shown unless said */
#define BYTES_MOST 65536

static bool is_within(uint64_t at, uint64_t size, uint64_t start, uint64_t length)
{
    return at >= start && at - start < length && size <= length - (at - start);
}

static bool is_guest_ram(uint64_t at, uint64_t size)
{
    for (uint32_t i = 0; i < vm_count; i++) {
        for (uint32_t s = 0; s < vms[i]->mem.slot_count; s++) {
            const struct guest_slot *slot = &vms[i]->mem.slots[s];

            if (is_within(at, size, slot->host.v, slot->size))
                return true;
        }
    }
    return false;
}

/* Devices are left alone, since a read may act; Latch's own memory is not written. */
static bool may_access_host(uint64_t at, uint64_t size, bool write)
{
    if (write)
        return is_guest_ram(at, size);
    for (uint32_t i = 0; i < machine_info->region_count; i++) {
        const struct boot_region *region = &machine_info->regions[i];

        if (region->kind == BOOT_REGION_RAM && is_within(at, size, region->start.v, region->size))
            return arch_host_readable(hpa(at), size);
    }
    return false;
}

/* One access, within a page or over its end. */
static int access(const struct shell_job *job, uint64_t at, void *bytes, size_t size, bool write)
{
    switch (job->space) {
    case SHELL_GVA:
        return write ? inspect_write(job->vcpu, gva(at), bytes, size, NULL)
                     : inspect_read(job->vcpu, gva(at), bytes, size, NULL);
    case SHELL_GPA:
        return write ? guest_write(job->vm, gpa(at), bytes, size) : guest_read(job->vm, gpa(at), bytes, size);
    case SHELL_HPA:
        if (!may_access_host(at, size, write))
            return E_FAULT;
        memcpy(write ? hpa_to_ptr(hpa(at)) : bytes, write ? bytes : hpa_to_ptr(hpa(at)), size);
        return 0;
    }
    return E_INVAL;
}

static void print_row(uint64_t at, const uint8_t *bytes, uint32_t count)
{
    char hex[3 * ROW + 1];
    char letters[ROW + 1];

    for (uint32_t i = 0; i < count; i++) {
        fmt_snprintf(hex + 3 * i, 4, " %02x", bytes[i]);
        letters[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '.';
    }
    letters[count] = '\0';
    shell_print("%016lx %-48s  %s", at, hex, letters);
}

/* number: where, how many bytes are left. */
enum shell_step shell_examine(struct shell_job *job)
{
    uint8_t bytes[ROW];
    uint32_t count;

    if (job->step == 0) {
        job->number[0] = shell_value(job, 0, 0);
        job->number[1] = min_u64(shell_value(job, 1, BYTES), BYTES_MOST);
        job->step = 1;
    }
    if (job->number[1] == 0)
        return SHELL_DONE;
    count = (uint32_t)min_u64(job->number[1], ROW);
    if (access(job, job->number[0], bytes, count, false) != 0) {
        shell_print("%016lx  not readable", job->number[0]);
        return SHELL_DONE;
    }
    print_row(job->number[0], bytes, count);
    job->number[0] += count;
    job->number[1] -= count;
    return SHELL_MORE;
}

enum shell_step shell_write(struct shell_job *job)
{
    uint64_t at = shell_value(job, 0, 0);
    uint64_t value = shell_value(job, 1, 0);
    uint64_t size = shell_value(job, 2, 8);
    uint8_t bytes[8];

    if (size != 1 && size != 2 && size != 4 && size != 8)
        return SHELL_USAGE;
    store_le64(bytes, value);
    if (access(job, at, bytes, size, true) != 0)
        shell_print("0x%lx is not writable", at);
    return SHELL_DONE;
}
