/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory, image and log of the loader tests; one VM at a time, single-threaded. */
#include "load_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/guest_map.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/printf.h"

struct fixture fixture;

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(fixture.line, sizeof(fixture.line), format, args);
    va_end(args);
    fixture.line_count++;
}

void log_warn(const char *format, ...)
{
    (void)format;
    fixture.warn_count++;
}

_Noreturn void panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format);
    abort();
}

void fixture_end(void)
{
    for (int i = 0; i < 3; i++)
        free(fixture.host[i]);
    free(fixture.image);
    free(fixture.initrd);
    memset(&fixture, 0, sizeof(fixture));
}

void fixture_vm(uint64_t mem)
{
    struct guest_range ranges[GUEST_RAM_RANGES];
    uint32_t count;

    fixture_end();
    count = guest_map_ram(mem, ranges);
    for (uint32_t i = 0; i < count; i++) {
        /* Untouched pages of large VMs cost nothing. */
        fixture.host[i] = ranges[i].size > 64 * MIB ? calloc(1, ranges[i].size) : malloc(ranges[i].size);
        assert_non_null(fixture.host[i]);
        if (ranges[i].size <= 64 * MIB)
            memset(fixture.host[i], 0xaa, ranges[i].size);
        fixture.vm.mem.slots[i] =
            (struct guest_slot){gpa(ranges[i].start), ranges[i].size, ptr_to_hpa(fixture.host[i])};
    }
    fixture.vm.mem.slot_count = count;
    strcpy(fixture.config.name, "t");
    fixture.config.valid = true;
    fixture.config.cpus = 1;
    fixture.config.mem = mem;
    fixture.config.guest_cmdline = "";
    fixture.vm.config = &fixture.config;
}

int fixture_load(const void *image, size_t size)
{
    free(fixture.image);
    fixture.image = malloc(size != 0 ? size : 1);
    assert_non_null(fixture.image);
    memcpy(fixture.image, image, size);
    fixture.config.kernel = (struct boot_module){ptr_to_hpa(fixture.image), size, "t:kernel"};
    fixture.line_count = 0;
    fixture.warn_count = 0;
    memset(&fixture.start, 0xaa, sizeof(fixture.start));
    return x86_load_image(&fixture.vm, &fixture.config, &fixture.start);
}

static uint8_t initrd_byte(size_t i)
{
    return (uint8_t)(i * 7 + 1);
}

void fixture_initrd(size_t size)
{
    uint8_t *bytes = malloc(size != 0 ? size : 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = initrd_byte(i);
    free(fixture.initrd);
    fixture.initrd = bytes;
    fixture.config.has_initrd = size != 0;
    fixture.config.initrd = (struct boot_module){ptr_to_hpa(bytes), size, "t:initrd"};
}

bool fixture_is_initrd(uint64_t at, size_t size)
{
    const uint8_t *bytes = fixture_at(at, size);

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != initrd_byte(i))
            return false;
    return true;
}

void fixture_refuses(const void *image, size_t size, int code, const char *text)
{
    int error = fixture_load(image, size);

    if (error != code || fixture.line_count != 1 || strstr(fixture.line, text) == NULL ||
        strncmp(fixture.line, "vm t: not started: ", 19) != 0 || strlen(fixture.line) > 230)
        fail_msg("result %d, %d lines: %s", error, fixture.line_count, fixture.line);
}

const void *fixture_at(uint64_t at, size_t size)
{
    const void *host = guest_ptr(&fixture.vm, gpa(at), size);

    assert_non_null(host);
    return host;
}

uint32_t fixture_u32(uint64_t at)
{
    uint32_t value;

    memcpy(&value, fixture_at(at, sizeof(value)), sizeof(value));
    return value;
}

uint64_t fixture_u64(uint64_t at)
{
    uint64_t value;

    memcpy(&value, fixture_at(at, sizeof(value)), sizeof(value));
    return value;
}

void *fixture_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    void *bytes;
    long length;

    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    length = ftell(file);
    rewind(file);
    bytes = malloc((size_t)length);
    *size = bytes != NULL ? fread(bytes, 1, (size_t)length, file) : 0;
    fclose(file);
    return bytes;
}
