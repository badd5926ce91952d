/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that prints on COM1 what its boot loader handed over, then does what its command line asks:
 *   say=TEXT     prints TEXT on a line of its own, '_' as space
 *   echo=1       gives every received byte back until Ctrl-D
 *   fault=1      a triple fault
 *   exit=N       writes N to the debug-exit port
 *   poweroff=1   switches off QEMU's q35 machine (where firmware puts its power management ports) and
 *                Bochs's, and halts
 * Boots by Multiboot 1 and 2, on a bare machine and as a guest.
 */
#include <stdint.h>

#define MB1_BOOT_MAGIC 0x2badb002u
#define MB2_BOOT_MAGIC 0x36d76289u

#define MB1_HAS_CMDLINE 0x04u
#define MB1_HAS_MODULES 0x08u
#define MB1_HAS_MMAP    0x40u

#define MB2_TAG_END     0u
#define MB2_TAG_CMDLINE 1u
#define MB2_TAG_MODULE  3u
#define MB2_TAG_MMAP    6u

#define COM1        0x3f8
#define COM_IER     (COM1 + 1)
#define COM_FCR     (COM1 + 2)
#define COM_LCR     (COM1 + 3)
#define COM_MCR     (COM1 + 4)
#define COM_LSR     (COM1 + 5)
#define LSR_DATA    0x01
#define LSR_THRE    0x20
#define LSR_TEMT    0x40
#define DEBUG_EXIT  0xf4
#define Q35_PM1_CNT 0x604
#define BOCHS_OFF   0x8900
#define SLP_EN      0x2000
/* Slow emulators should not spend their time on the rest of a module. */
#define SUM_MAX (1u << 20)
#define CTRL_D  4

struct mb1_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length,
        mmap_addr;
};
struct mb1_module {
    uint32_t start, end, string, reserved;
};
struct mb1_mmap {
    uint32_t size;
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));
struct mb2_tag {
    uint32_t type, size;
};
struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
    char string[];
};
struct mb2_mmap_entry {
    uint64_t base, length;
    uint32_t type, reserved;
};
struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
};

static const char *command_line = "";
static unsigned module_count;

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void put_char(char c)
{
    while (!(in8(COM_LSR) & LSR_THRE)) {
    }
    out8(COM1, (uint8_t)c);
}

static void put(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            put_char('\r');
        }
        put_char(*text);
    }
}

static void put_hex(uint64_t value)
{
    put("0x");
    int shift = 60;
    while (shift > 0 && !(value >> shift)) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        put_char("0123456789abcdef"[(value >> shift) & 15]);
    }
}

static void put_field(const char *name, uint64_t value)
{
    put(name);
    put_hex(value);
}

static void show_cmdline(const char *text)
{
    command_line = text;
    put("mbinfo: cmdline [");
    put(text);
    put("]\n");
}

static void show_module(uint32_t start, uint32_t end, const char *text)
{
    const uint8_t *bytes = (const uint8_t *)(uintptr_t)start;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < end - start && i < SUM_MAX; i++) {
        sum = ((sum << 5) | (sum >> 27)) ^ bytes[i];
    }
    put_field("mbinfo: module ", module_count++);
    put_field(" start=", start);
    put_field(" size=", end - start);
    put_field(" sum=", sum);
    put(" [");
    put(text);
    put("]\n");
}

static void show_range(uint64_t base, uint64_t length, uint32_t type)
{
    put_field("mbinfo: memory base=", base);
    put_field(" length=", length);
    put_field(" type=", type);
    put("\n");
}

static void show_mb1(const struct mb1_info *info)
{
    put("mbinfo: multiboot 1\n");
    if (info->flags & MB1_HAS_CMDLINE) {
        show_cmdline((const char *)(uintptr_t)info->cmdline);
    }
    if (info->flags & MB1_HAS_MODULES) {
        const struct mb1_module *modules = (const struct mb1_module *)(uintptr_t)info->mods_addr;
        for (uint32_t i = 0; i < info->mods_count; i++) {
            show_module(modules[i].start, modules[i].end, (const char *)(uintptr_t)modules[i].string);
        }
    }
    if (info->flags & MB1_HAS_MMAP) {
        uint32_t at = info->mmap_addr;
        while (at < info->mmap_addr + info->mmap_length) {
            const struct mb1_mmap *entry = (const struct mb1_mmap *)(uintptr_t)at;
            show_range(entry->base, entry->length, entry->type);
            at += entry->size + (uint32_t)sizeof(entry->size);
        }
    }
}

static void show_mb2(uint32_t info)
{
    put("mbinfo: multiboot 2\n");
    uint32_t at = info + 8;
    for (;;) {
        const struct mb2_tag *tag = (const struct mb2_tag *)(uintptr_t)at;
        if (tag->type == MB2_TAG_END) {
            break;
        }
        if (tag->type == MB2_TAG_CMDLINE) {
            show_cmdline((const char *)(tag + 1));
        } else if (tag->type == MB2_TAG_MODULE) {
            const struct mb2_module *module = (const struct mb2_module *)(const void *)tag;
            show_module(module->start, module->end, module->string);
        } else if (tag->type == MB2_TAG_MMAP) {
            const struct mb2_mmap *map = (const struct mb2_mmap *)(const void *)tag;
            for (uint32_t i = sizeof(*map); i < tag->size; i += map->entry_size) {
                const struct mb2_mmap_entry *entry = (const struct mb2_mmap_entry *)(uintptr_t)(at + i);
                show_range(entry->base, entry->length, entry->type);
            }
        }
        at += (tag->size + 7) & ~7u;
    }
}

/* The text behind `key` (which ends in '=') where it starts a word of the command line; null if it does not.
 */
static const char *find_option(const char *from, const char *key)
{
    for (const char *word = from; *word;) {
        const char *k = key;
        const char *c = word;
        while (*k && *k == *c) {
            k++;
            c++;
        }
        if (!*k) {
            return c;
        }
        while (*word && *word != ' ') {
            word++;
        }
        while (*word == ' ') {
            word++;
        }
    }
    return 0;
}

static uint32_t parse_number(const char *text)
{
    uint32_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint32_t)(*text - '0');
    }
    return value;
}

static void say_all(void)
{
    for (const char *text = find_option(command_line, "say="); text; text = find_option(text, "say=")) {
        for (; *text && *text != ' '; text++) {
            put_char(*text == '_' ? ' ' : *text);
        }
        put("\n");
        while (*text == ' ') {
            text++;
        }
    }
}

static void echo(void)
{
    for (;;) {
        while (!(in8(COM_LSR) & LSR_DATA)) {
        }
        uint8_t byte = in8(COM1);
        if (byte == CTRL_D) {
            return;
        }
        put_char((char)byte);
    }
}

static void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) empty_idt = {0, 0};
    __asm__ volatile("lidt %0; ud2" : : "m"(empty_idt));
}

void mbinfo_main(uint32_t magic, uint32_t info);
void mbinfo_main(uint32_t magic, uint32_t info)
{
    out8(COM_IER, 0);
    out8(COM_LCR, 0x80);
    out8(COM1, 1);
    out8(COM_IER, 0);
    out8(COM_LCR, 3);
    out8(COM_FCR, 7);
    out8(COM_MCR, 3);
    if (magic == MB1_BOOT_MAGIC) {
        show_mb1((const struct mb1_info *)(uintptr_t)info);
    } else if (magic == MB2_BOOT_MAGIC) {
        show_mb2(info);
    } else {
        put_field("mbinfo: unknown loader, EAX=", magic);
        put("\n");
    }
    put("mbinfo: ready\n");
    say_all();
    if (find_option(command_line, "echo=")) {
        echo();
    }
    /* The last byte out before the machine may go. */
    while (!(in8(COM_LSR) & LSR_TEMT)) {
    }
    if (find_option(command_line, "fault=")) {
        triple_fault();
    }
    const char *code = find_option(command_line, "exit=");
    if (code) {
        out32(DEBUG_EXIT, parse_number(code));
    }
    if (find_option(command_line, "poweroff=")) {
        out16(Q35_PM1_CNT, SLP_EN);
        for (const char *word = "Shutdown"; *word != '\0'; word++) {
            out8(BOCHS_OFF, (uint8_t)*word);
        }
    }
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}
