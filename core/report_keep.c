/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. Two heads take turns, so that a reset between any two stores leaves one of them right: each
 * says how much of the text it is about, and sums over that.
 */
#include "core/report_keep.h"

#include "core/arch.h"
#include "core/boot_info.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/string.h"

#define MAGIC     UINT64_C(0x52504e4843544c1f) /* "\x1fLTCHNPR" */
#define SUM_FIRST UINT64_C(0xcbf29ce484222325) /* FNV-1a, 64 bits */
#define SUM_PRIME UINT64_C(0x100000001b3)

struct head {
    uint64_t magic;
    uint32_t length; /* of the text */
    uint32_t number; /* panics since the memory held none */
    uint64_t sum;    /* over text, length and number */
};

struct keep {
    struct head heads[2];
    char text[REPORT_KEEP_SIZE - 2 * sizeof(struct head)];
};

_Static_assert(sizeof(struct keep) == REPORT_KEEP_SIZE, "all of it");

static struct keep *keep; /* NULL: there is no such memory */
static uint32_t length;
static uint32_t number;
static uint64_t text_sum; /* of the text so far */
static uint32_t turn;     /* the head that is written next */
static bool damaged;      /* what looked like a report was none */

static uint64_t sum_of(uint64_t sum, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ at[i]) * SUM_PRIME;
    return sum;
}

static uint64_t head_sum(uint64_t of_text, const struct head *head)
{
    return sum_of(of_text, &head->length, sizeof(head->length) + sizeof(head->number));
}

static bool head_is_right(const struct keep *in, const struct head *head)
{
    return head->magic == MAGIC && head->length != 0 && head->length <= sizeof(in->text) &&
           head->sum == head_sum(sum_of(SUM_FIRST, in->text, head->length), head);
}

/* The longest report in this piece of memory: true if it is longer than what was found before. */
static bool look(const struct keep *in)
{
    bool found = false;

    for (uint32_t i = 0; i < ARRAY_COUNT(in->heads); i++) {
        const struct head *head = &in->heads[i];

        if (head->magic != MAGIC)
            continue;
        damaged |= !head_is_right(in, head);
        if (head->length <= length || !head_is_right(in, head))
            continue;
        length = head->length;
        number = head->number;
        found = true;
    }
    return found;
}

/* Behind the image and before it: there only at last, since GRUB puts the section headers and symbols of an
 * ELF image just below it. The first place that is free is used; a report is found in any, if the loader has
 * put its modules elsewhere this time. */
void report_keep_init(void)
{
    static const uint64_t ends[] = {4 * MIB, 6 * MIB, 62 * MIB, 254 * MIB, 0};

    for (uint32_t i = 0; i < ARRAY_COUNT(ends); i++) {
        hpa_t start = hpa(machine_info->image_start.v + ends[i] - REPORT_KEEP_SIZE);
        struct keep *piece = hpa_to_ptr(start);

        if (machine_info->image_start.v < REPORT_KEEP_SIZE ||
            pmem_take(start, REPORT_KEEP_SIZE / PAGE_SIZE) != 0)
            continue;
        if (keep == NULL)
            keep = piece;
        if (look(piece) && piece != keep)
            memcpy(keep, piece, sizeof(*keep));
        if (piece != keep)
            pmem_free(start, REPORT_KEEP_SIZE / PAGE_SIZE);
    }
    if (keep == NULL)
        log_info("no place near the image for a panic's report");
    else if (length != 0)
        log_record("last panic report: %u bytes, number %u, shown by the shell's report", length, number);
    else if (damaged)
        log_warn("a panic report in memory is damaged: not shown");
}

static void write_head(void)
{
    struct head *head = &keep->heads[turn++ % ARRAY_COUNT(keep->heads)];

    *head = (struct head){.magic = MAGIC, .length = length, .number = number};
    head->sum = head_sum(text_sum, head);
    arch_memory_clean(head, sizeof(*head));
}

void report_keep_begin(void)
{
    if (keep == NULL)
        return;
    report_keep_clear();
    number++;
    text_sum = SUM_FIRST;
}

static void append(const char *bytes, size_t size)
{
    memcpy(keep->text + length, bytes, size);
    arch_memory_clean(keep->text + length, size);
    text_sum = sum_of(text_sum, bytes, size);
    length += (uint32_t)size;
}

void report_keep_line(const char *line)
{
    size_t size = strlen(line);

    if (keep == NULL || size + 1 > sizeof(keep->text) - length)
        return;
    append(line, size);
    append("\n", 1);
    write_head();
}

uint32_t report_keep_length(void)
{
    return length;
}

bool report_keep_read(uint32_t *at, char *text, size_t size)
{
    size_t used = 0;

    if (*at >= length)
        return false;
    while (*at < length) {
        char c = keep->text[(*at)++];

        if (c == '\n')
            break;
        if (used + 1 < size)
            text[used++] = c >= ' ' && c <= '~' ? c : '?';
    }
    text[used] = '\0';
    return true;
}

/* The number stays for this boot. */
void report_keep_clear(void)
{
    length = 0;
    if (keep == NULL)
        return;
    memset(keep->heads, 0, sizeof(keep->heads));
    arch_memory_clean(keep->heads, sizeof(keep->heads));
}
