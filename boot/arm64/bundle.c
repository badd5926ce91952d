/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The "newc" format of cpio(5): a header of 110 characters, the name, padding to 4 bytes, the data, padding
 * to 4 bytes; the last entry is called TRAILER!!!. An entry is looked at only after its size has been checked
 * against what is left of the archive.
 */
#include "boot/arm64/bundle.h"

#include <stdbool.h>

#include "core/log.h"
#include "core/pmem.h"
#include "lib/error.h"
#include "lib/string.h"

#define MAGIC_SIZE   6
#define HEADER_SIZE  110
#define FIELD_SIZE   8
#define FIELD_MODE   1 /* numbers of the fields behind the magic */
#define FIELD_BYTES  6
#define FIELD_NAME   11
#define ALIGNMENT    4
#define MODE_TYPE    0170000
#define MODE_REGULAR 0100000
#define TRAILER      "TRAILER!!!"
#define LINE_SHOWN   40

/* Field `number` of the header: eight hexadecimal digits. False: it is none. */
static bool header_field(const uint8_t *header, uint32_t number, uint64_t *value)
{
    const uint8_t *at = header + MAGIC_SIZE + number * FIELD_SIZE;

    *value = 0;
    for (uint32_t i = 0; i < FIELD_SIZE; i++) {
        uint8_t c = at[i];
        uint8_t letter = c | 0x20;

        if (c >= '0' && c <= '9')
            *value = *value << 4 | (uint64_t)(c - '0');
        else if (letter >= 'a' && letter <= 'f')
            *value = *value << 4 | (uint64_t)(letter - 'a' + 10);
        else
            return false;
    }
    return true;
}

/*
 * The entry at `*at`, which is moved behind it. False: there is none, or it does not fit. Sizes are 32 bits
 * each, so no sum overflows.
 */
static bool entry_next(const uint8_t *archive, uint64_t size, uint64_t *at, struct bundle_file *file,
                       uint64_t *mode)
{
    const uint8_t *header = archive + *at;
    uint64_t name_size, data;

    if (size - *at < HEADER_SIZE ||
        (memcmp(header, "070701", MAGIC_SIZE) != 0 && memcmp(header, "070702", MAGIC_SIZE) != 0))
        return false;
    if (!header_field(header, FIELD_MODE, mode) || !header_field(header, FIELD_BYTES, &file->size) ||
        !header_field(header, FIELD_NAME, &name_size))
        return false;
    data = *at + align_up(HEADER_SIZE + name_size, ALIGNMENT);
    if (name_size == 0 || data > size || file->size > size - data)
        return false;
    if (header[HEADER_SIZE + name_size - 1] != '\0')
        return false;
    file->name = (const char *)(header + HEADER_SIZE);
    file->data = archive + data;
    *at = min_u64(data + align_up(file->size, ALIGNMENT), size);
    return true;
}

/* Archivers write what they were told: "latch.cfg", "./latch.cfg", "/latch.cfg". */
static const char *plain_name(const char *name)
{
    while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
        name++;
    return name;
}

/* False: the archive does not hold together, or has no end. */
static bool index_files(struct bundle *bundle, const uint8_t *archive, uint64_t size)
{
    struct bundle_file file;
    uint64_t at = 0, mode;

    while (entry_next(archive, size, &at, &file, &mode)) {
        if (strcmp(file.name, TRAILER) == 0)
            return true;
        if ((mode & MODE_TYPE) != MODE_REGULAR)
            continue;
        if (bundle->file_count == BUNDLE_MAX_FILES) {
            log_error("boot archive: more than %u files: the rest is ignored", BUNDLE_MAX_FILES);
            return true;
        }
        file.name = plain_name(file.name);
        bundle->files[bundle->file_count++] = file;
    }
    return false;
}

static const struct bundle_file *find(const struct bundle *bundle, const char *name)
{
    for (uint32_t i = 0; i < bundle->file_count; i++)
        if (strcmp(bundle->files[i].name, name) == 0)
            return &bundle->files[i];
    return NULL;
}

/* Copies a line without the blanks around it; NULL: no room. */
static char *copy_line(struct bundle *bundle, const uint8_t *line, uint64_t length)
{
    char *copy = &bundle->text[bundle->text_used];

    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t' || line[length - 1] == '\r'))
        length--;
    while (length > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        length--;
    }
    if (length >= BUNDLE_TEXT - bundle->text_used)
        return NULL;
    memcpy(copy, line, length);
    copy[length] = '\0';
    return copy;
}

/* Cuts the text's first word off and returns what follows it. */
static char *split_word(char *text)
{
    while (*text != '\0' && *text != ' ' && *text != '\t')
        text++;
    if (*text != '\0')
        *text++ = '\0';
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

/* One line; false: something was reported. */
static bool take_line(struct bundle *bundle, struct boot_info *info, uint32_t number, const uint8_t *line,
                      uint64_t length)
{
    char *name = copy_line(bundle, line, length);
    const struct bundle_file *file;
    char *words;

    if (name == NULL) {
        log_error(BUNDLE_CONFIG " line %u: the lines are longer than %u bytes together", number, BUNDLE_TEXT);
        return false;
    }
    if (*name == '\0' || *name == '#')
        return true;
    bundle->text_used += (uint32_t)strlen(name) + 1;
    words = split_word(name);
    file = find(bundle, plain_name(name));
    if (file == NULL) {
        log_error(BUNDLE_CONFIG " line %u: the boot archive has no file \"%.*s\"", number, LINE_SHOWN, name);
        return false;
    }
    if (info->module_count == BOOT_MAX_MODULES) {
        log_error(BUNDLE_CONFIG " line %u: more than %u modules", number, BOOT_MAX_MODULES);
        return false;
    }
    info->modules[info->module_count++] =
        (struct boot_module){.start = ptr_to_hpa(file->data), .size = file->size, .cmdline = words};
    return true;
}

int bundle_read(const void *start, uint64_t size, struct bundle *bundle, struct boot_info *info)
{
    const struct bundle_file *config;
    uint32_t number = 1;
    bool good = true;

    if (!index_files(bundle, start, size))
        log_error("boot archive: not in cpio's newc format, or cut short: %u files can be read",
                  bundle->file_count);
    config = find(bundle, BUNDLE_CONFIG);
    if (config == NULL) {
        log_error("boot archive: it has no file " BUNDLE_CONFIG);
        return E_NOENT;
    }
    for (uint64_t at = 0; at < config->size; number++) {
        uint64_t end = at;

        while (end < config->size && config->data[end] != '\n' && config->data[end] != '\0')
            end++;
        good = take_line(bundle, info, number, config->data + at, end - at) && good;
        at = end + 1;
    }
    return good ? 0 : E_INVAL;
}
