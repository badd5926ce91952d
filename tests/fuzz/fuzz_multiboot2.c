/* SPDX-License-Identifier: BSD-2-Clause */
/* The multiboot2 parser: the input is the information structure behind a right total size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/x86/multiboot2.h"
#include "lib/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    static struct multiboot2_copies copies;
    uint8_t *exact = malloc(size + 8);
    uint64_t problems, last = 0;

    memset(&info, 0, sizeof(info));
    memset(&copies, 0, sizeof(copies));
    memset(exact, 0, 8);
    store_le32(exact, (uint32_t)size + 8);
    memcpy(exact + 8, data, size);
    (void)multiboot2_parse(exact, &info, &copies, &problems);
    free(exact);
    for (uint32_t i = 0; i < info.region_count; i++) {
        if (info.regions[i].size == 0 || info.regions[i].start.v < last)
            abort();
        last = info.regions[i].start.v + info.regions[i].size;
    }
    for (uint32_t i = 0; i < info.module_count; i++)
        if (strlen(info.modules[i].cmdline) > MULTIBOOT2_TEXT)
            abort();
    return 0;
}
