/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Whoever adds takes a piece of the ring by moving its end, then fills it. */
#include "core/report_log.h"

#include <stdatomic.h>

#define RING 4096 /* bytes; a power of two */

static char ring[RING];
static _Atomic uint64_t end; /* ever taken */

void report_log_keep(const char *line, size_t length)
{
    uint64_t at = atomic_fetch_add_explicit(&end, length, memory_order_relaxed);

    for (size_t i = 0; i < length; i++)
        ring[(at + i) % RING] = line[i];
}

uint64_t report_log_last(uint32_t lines)
{
    uint64_t last = atomic_load_explicit(&end, memory_order_relaxed);
    uint64_t first = last > RING ? last - RING : 0;
    uint64_t found = last;

    for (uint64_t at = last; at > first && lines != 0; at--) {
        if (at != last && ring[(at - 1) % RING] == '\n') {
            found = at;
            lines--;
        } else if (at - 1 == 0) {
            found = 0;
        }
    }
    return found;
}

bool report_log_read(uint64_t *at, char *text, size_t size)
{
    uint64_t last = atomic_load_explicit(&end, memory_order_relaxed);
    size_t used = 0;

    if (*at >= last)
        return false;
    while (*at < last) {
        char c = ring[(*at)++ % RING];

        if (c == '\n')
            break;
        if (used + 1 < size)
            text[used++] = c >= ' ' && c <= '~' ? c : '?';
    }
    text[used] = '\0';
    return true;
}
