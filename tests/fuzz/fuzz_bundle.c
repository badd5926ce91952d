/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot archive's reader: the input's first two bytes say where a good archive is cut, the rest is patched
 * over it in pieces of {offset, length, bytes}. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/arm64/bundle.h"
#include "core/log.h"
#include "lib/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char whole[2048];
static size_t length;

void log_error(const char *format, ...)
{
    (void)format;
}

static void pad(void)
{
    while (length % 4 != 0)
        whole[length++] = 0;
}

static void entry(const char *name, const char *content)
{
    length += (size_t)sprintf(whole + length, "070701%08x%08x%032x%08x%032x%08x%08x%s", 1, 0100644, 0,
                              (unsigned)strlen(content), 0, (unsigned)strlen(name) + 1, 0, name) +
              1;
    pad();
    length += (size_t)sprintf(whole + length, "%s", content);
    pad();
}

static void archive_make(void)
{
    entry("latch.cfg", "a linux:kernel cpus=2 -- x\n./b linux:initrd\n# nothing\nc z:kernel\n");
    entry("a", "kernel");
    entry("./b", "");
    entry("c", "another");
    entry("TRAILER!!!", "");
}

static void check(const uint8_t *archive, size_t size)
{
    static struct bundle bundle;
    static struct boot_info info;

    memset(&bundle, 0, sizeof(bundle));
    memset(&info, 0, sizeof(info));
    (void)!bundle_read(archive, size, &bundle, &info);
    if (info.module_count > BOOT_MAX_MODULES || bundle.file_count > BUNDLE_MAX_FILES)
        abort();
    for (uint32_t i = 0; i < info.module_count; i++) {
        uint64_t at = info.modules[i].start.v - (uintptr_t)archive;

        if (at > size || info.modules[i].size > size - at)
            abort();
        if (strlen(info.modules[i].cmdline) >= BUNDLE_TEXT)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact;
    size_t cut;

    if (length == 0)
        archive_make();
    if (size < 2)
        return 0;
    cut = length - load_le16(data) % length;
    exact = malloc(cut);
    memcpy(exact, whole, cut);
    for (data += 2, size -= 2; size >= 3;) {
        size_t at = load_le16(data) % cut;
        size_t bytes = min_u64(min_u64(data[2] % 16, size - 3), cut - at);

        memcpy(exact + at, data + 3, bytes);
        data += 3 + bytes;
        size -= 3 + bytes;
    }
    check(exact, cut);
    free(exact);
    return 0;
}
