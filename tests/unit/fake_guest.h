/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest on the host for the tests of walker and emulator: 1 MiB of RAM at 0, a 4 KiB read-only page after
 * it, a device that logs its accesses everywhere else, ports, and 4-level tables that map what a test asks
 * for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arch/x86/emulate.h"
#include "lib/error.h"

#define FAKE_RAM_SIZE 0x100000u
#define FAKE_ROM      0x100000u
#define FAKE_TABLES   0x80000u /* RAM from here is page tables, handed out upwards */
#define FAKE_DEVICE   0xfee00000u
#define FAKE_LOG_MAX  4096u
#define FAKE_CODE     0x1000u

#define PTE_P  UINT64_C(1)
#define PTE_W  UINT64_C(2)
#define PTE_U  UINT64_C(4)
#define PTE_A  UINT64_C(0x20)
#define PTE_D  UINT64_C(0x40)
#define PTE_PS UINT64_C(0x80)
#define PTE_NX (UINT64_C(1) << 63)

struct fake_access {
    bool is_write;
    uint64_t at;
    uint32_t size;
    uint64_t value;
};

struct fake_guest {
    uint8_t ram[FAKE_RAM_SIZE];
    uint8_t rom[4096];
    uint8_t device[8192]; /* what the two pages at FAKE_DEVICE read as */
    struct fake_access log[FAKE_LOG_MAX];
    uint32_t log_count;
    uint64_t misaligned; /* device accesses that broke the contract */
    uint64_t next_table;
    int cmpxchg_busy; /* that many exchanges fail as if another CPU had changed the entry */
    uint32_t port_value;
    struct x86_regs regs;
    struct x86_seg segs[X86_SREGS];
    struct x86_cpu_mode mode;
    struct emulator emu;
};

static inline uint8_t *fake_memory(struct fake_guest *guest, uint64_t at, uint32_t size, bool write)
{
    if (at < FAKE_RAM_SIZE && size <= FAKE_RAM_SIZE - at)
        return &guest->ram[at];
    if (!write && at >= FAKE_ROM && at + size <= FAKE_ROM + 4096)
        return &guest->rom[at - FAKE_ROM];
    return NULL;
}

static inline int fake_ram_read(void *ctx, gpa_t at, void *dst, uint32_t size)
{
    uint8_t *from = fake_memory(ctx, at.v, size, false);
    if (from == NULL)
        return E_FAULT;
    memcpy(dst, from, size);
    return 0;
}

static inline int fake_ram_write(void *ctx, gpa_t at, const void *src, uint32_t size)
{
    uint8_t *to = fake_memory(ctx, at.v, size, true);
    if (to == NULL)
        return E_FAULT;
    memcpy(to, src, size);
    return 0;
}

static inline int fake_ram_cmpxchg(void *ctx, gpa_t at, uint32_t size, uint64_t *expected, uint64_t desired)
{
    struct fake_guest *guest = ctx;
    uint8_t *to = fake_memory(guest, at.v, size, true);
    if (to == NULL)
        return E_FAULT;
    uint64_t now = 0;
    memcpy(&now, to, size);
    if (now != *expected || guest->cmpxchg_busy > 0) {
        guest->cmpxchg_busy--;
        *expected = now;
        return E_BUSY;
    }
    memcpy(to, &desired, size);
    return 0;
}

static inline void fake_log(struct fake_guest *guest, bool is_write, uint64_t at, uint32_t size,
                            uint64_t value)
{
    if ((at & (size - 1)) != 0 || size > 8 || (size & (size - 1)) != 0)
        guest->misaligned++;
    if (guest->log_count < FAKE_LOG_MAX)
        guest->log[guest->log_count++] = (struct fake_access){is_write, at, size, value};
}

static inline uint64_t fake_mmio_read(void *ctx, gpa_t at, uint32_t size)
{
    struct fake_guest *guest = ctx;
    uint64_t value = ~UINT64_C(0);
    if (at.v >= FAKE_DEVICE && at.v + size <= FAKE_DEVICE + sizeof(guest->device)) {
        value = 0;
        memcpy(&value, &guest->device[at.v - FAKE_DEVICE], size);
    }
    fake_log(guest, false, at.v, size, value);
    return value;
}

static inline void fake_mmio_write(void *ctx, gpa_t at, uint32_t size, uint64_t value)
{
    struct fake_guest *guest = ctx;
    if (at.v >= FAKE_DEVICE && at.v + size <= FAKE_DEVICE + sizeof(guest->device))
        memcpy(&guest->device[at.v - FAKE_DEVICE], &value, size);
    fake_log(guest, true, at.v, size, value);
}

static inline uint32_t fake_port_read(void *ctx, uint16_t port, uint32_t size)
{
    struct fake_guest *guest = ctx;
    fake_log(guest, false, (uint64_t)port << 32, size, guest->port_value);
    return guest->port_value++;
}

static inline void fake_port_write(void *ctx, uint16_t port, uint32_t size, uint32_t value)
{
    fake_log(ctx, true, (uint64_t)port << 32, size, value);
}

static const struct guest_access_ops fake_ops = {
    .ram_read = fake_ram_read,
    .ram_write = fake_ram_write,
    .ram_cmpxchg = fake_ram_cmpxchg,
    .mmio_read = fake_mmio_read,
    .mmio_write = fake_mmio_write,
    .port_read = fake_port_read,
    .port_write = fake_port_write,
};

static inline uint64_t fake_new_table(struct fake_guest *guest)
{
    uint64_t table = guest->next_table;
    guest->next_table += 4096;
    return table;
}

static inline uint64_t *fake_entry(struct fake_guest *guest, uint64_t table, uint64_t index)
{
    return (uint64_t *)(void *)&guest->ram[table + index * 8];
}

/* Map one 4 KiB page in the tables under CR3 (4 or 5 levels); returns its leaf entry. */
static inline uint64_t *fake_map(struct fake_guest *guest, uint64_t gva, uint64_t gpa_flags)
{
    int levels = (guest->mode.cr4 & CR4_LA57) != 0 ? 5 : 4;
    uint64_t table = guest->mode.cr3 & ~UINT64_C(0xfff);
    for (int level = levels; level > 1; level--) {
        uint64_t *entry = fake_entry(guest, table, gva >> (12 + 9 * (level - 1)) & 511);
        if ((*entry & PTE_P) == 0)
            *entry = fake_new_table(guest) | PTE_P | PTE_W | PTE_U;
        table = *entry & 0xffffffffff000;
    }
    uint64_t *leaf = fake_entry(guest, table, gva >> 12 & 511);
    *leaf = gpa_flags;
    return leaf;
}

static inline void fake_reset(struct fake_guest *guest)
{
    memset(guest, 0, sizeof(*guest));
    for (uint32_t i = 0; i < sizeof(guest->device); i++)
        guest->device[i] = (uint8_t)(i * 7 + 1);
    guest->next_table = FAKE_TABLES;
    guest->regs.rflags = RFLAGS_ONE;
    guest->regs.rip = FAKE_CODE;
    for (int i = 0; i < X86_SREGS; i++)
        guest->segs[i] =
            (struct x86_seg){.selector = (uint16_t)(8 + 8 * i), .attr = 0xc93, .limit = UINT32_MAX};
    guest->segs[X86_CS].attr = 0xc9b;
    guest->mode = (struct x86_cpu_mode){.cr0 = CR0_PE | CR0_ET, .segs = guest->segs};
    guest->emu = (struct emulator){.regs = &guest->regs,
                                   .mode = &guest->mode,
                                   .ops = &fake_ops,
                                   .ctx = guest,
                                   .phys_bits = 40,
                                   .has_1g_pages = true};
}

/* Flat protected mode, 32-bit code, paging off. */
static inline void fake_mode_32(struct fake_guest *guest)
{
    fake_reset(guest);
}

static inline void fake_mode_16(struct fake_guest *guest)
{
    fake_reset(guest);
    guest->mode.cr0 = CR0_ET;
    for (int i = 0; i < X86_SREGS; i++)
        guest->segs[i] = (struct x86_seg){.attr = 0x93, .limit = UINT16_MAX};
}

/* Long mode; code at FAKE_CODE, RAM 0..0x7ffff identity-mapped, the device at its own address. */
static inline void fake_mode_64(struct fake_guest *guest)
{
    fake_reset(guest);
    guest->mode.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_ET;
    guest->mode.cr4 = CR4_PAE;
    guest->mode.efer = EFER_LME | EFER_LMA | EFER_NXE;
    guest->segs[X86_CS].attr = 0xa9b;
    guest->mode.cr3 = fake_new_table(guest);
    for (uint64_t page = 0; page < 0x80000; page += 4096)
        (void)fake_map(guest, page, page | PTE_P | PTE_W | PTE_A | PTE_D);
    for (uint64_t page = FAKE_DEVICE; page < FAKE_DEVICE + 0x2000; page += 4096)
        (void)fake_map(guest, page, page | PTE_P | PTE_W | PTE_A | PTE_D);
}

/* Put an instruction, written in hexadecimal with single spaces, at CS:RIP, and execute it. */
static inline enum emulate_result fake_run(struct fake_guest *guest, const char *hex)
{
    uint64_t at = guest->regs.rip + guest->segs[X86_CS].base;
    for (const char *p = hex; *p != 0; p += p[2] == ' ' ? 3 : 2) {
        uint32_t high = (uint32_t)(p[0] <= '9' ? p[0] - '0' : p[0] - 'a' + 10);
        uint32_t low = (uint32_t)(p[1] <= '9' ? p[1] - '0' : p[1] - 'a' + 10);
        guest->ram[at++ % FAKE_RAM_SIZE] = (uint8_t)(high << 4 | low);
    }
    guest->emu.bytes_count = 0;
    return emulate_instruction(&guest->emu);
}
