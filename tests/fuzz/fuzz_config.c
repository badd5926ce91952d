/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command line and module grammar under libFuzzer: the first line of the input is Latch's command line, each
 * other line a module. Checked on top of the sanitizers: a failure is reported, what is valid has sane
 * values.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"
#include "core/vm.h"
#include "lib/addr.h"
#include "lib/printf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lines;

void log_error(const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    lines++;
}

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "property violated: %s\n", what);
    abort();
}

static void check_vm(const struct vm_config *vm)
{
    size_t length = strlen(vm->name);

    expect(length > 0 && length < VM_NAME_SIZE, "name");
    if (!vm->valid)
        return;
    expect(vm->kernel.cmdline != NULL && vm->guest_cmdline != NULL, "valid VM has a kernel");
    expect(vm->cpus >= 1 && vm->cpus <= MAX_VCPUS_PER_VM, "cpus");
    expect(vm->mem >= MIB && vm->mem % PAGE_SIZE == 0, "mem");
    expect(strlen(vm->guest_cmdline) < 100000, "command line is terminated");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config parsed;
    static struct boot_info info;
    char *text = malloc(size + 1);
    int error;

    memcpy(text, data, size);
    text[size] = '\0';
    memset(&info, 0, sizeof(info));
    info.cmdline = text;
    for (char *at = text; (at = strchr(at, '\n')) != NULL && info.module_count < BOOT_MAX_MODULES;) {
        *at++ = '\0';
        info.modules[info.module_count++] = (struct boot_module){{4096}, 1, at};
    }
    lines = 0;
    error = config_parse_options(&parsed, info.cmdline);
    expect((error != 0) == (lines != 0), "bad options are reported");
    lines = 0;
    error = config_parse_modules(&parsed, &info);
    expect((error != 0 && info.module_count != 0) == (lines != 0), "bad modules are reported");
    expect(parsed.vm_count <= CONFIG_MAX_VMS, "VM count");
    for (uint32_t i = 0; i < parsed.vm_count; i++) {
        check_vm(&parsed.vms[i]);
        expect(error != 0 || parsed.vms[i].valid, "an invalid VM is an error");
    }
    free(text);
    return 0;
}
