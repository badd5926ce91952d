/* SPDX-License-Identifier: BSD-2-Clause */
/* From the mode switch to the program's guest_main(): console, segments, IDT, command line. */
#include <stddef.h>

#include "guests/lib/exit.h"
#include "guests/lib/guest.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/print.h"
#include "guests/lib/segments.h"
#include "guests/lib/trap.h"
#include "lib/string.h"

#define MULTIBOOT_LOADER_MAGIC 0x2BADB002
#define MULTIBOOT_CMDLINE      0x4u
#define WORDS_MAX              32

/* Start of the Multiboot1 information structure. */
struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower; /* KiB */
    uint32_t mem_upper;
    uint32_t boot_device;
    uint32_t cmdline;
};

_Noreturn void guest_start(uint32_t magic, const struct multiboot_info *info);

static char cmdline[512];
static char *words[WORDS_MAX + 1];

static int split(char *text)
{
    int count = 0;

    while (count < WORDS_MAX) {
        while (*text == ' ')
            *text++ = '\0';
        if (*text == '\0')
            break;
        words[count++] = text;
        while (*text != ' ' && *text != '\0')
            text++;
    }
    return count;
}

_Noreturn void guest_start(uint32_t magic, const struct multiboot_info *info)
{
    int count = 0;

    print_init();
    segments_init();
    trap_init();
    irqchip_mask_legacy();
    if (magic == MULTIBOOT_LOADER_MAGIC && (info->flags & MULTIBOOT_CMDLINE) != 0) {
        str_copy(cmdline, (const char *)(uintptr_t)info->cmdline, sizeof(cmdline));
        count = split(cmdline);
    }
    guest_exit((uint32_t)guest_main(count, words));
}
