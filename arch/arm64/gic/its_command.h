/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands for an interrupt translation service, encoded (Arm IHI 0069, "ITS commands"). Pure. `rdbase` is a
 * redistributor as its_rdbase() names it, `vpe` a virtual PE, `doorbell` the physical LPI that is sent when
 * an interrupt arrives for a virtual PE that is not resident.
 */
#pragma once

#include <stdint.h>

#include "arch/arm64/gic/vits_regs.h"
#include "lib/bits.h"

struct its_command {
    uint64_t dw[4];
};

_Static_assert(sizeof(struct its_command) == ITS_COMMAND_SIZE, "four doublewords");

static inline struct its_command its_make(uint64_t command, uint64_t device, uint64_t dw1, uint64_t dw2)
{
    return (struct its_command){
        {field_make(command, ITS_0_COMMAND) | field_make(device, ITS_0_DEVICE), dw1, dw2, 0}};
}

/* `itt`: memory for 2^event_bits entries, aligned to 256 bytes. */
static inline struct its_command its_mapd(uint32_t device, uint32_t event_bits, uint64_t itt)
{
    return its_make(ITS_CMD_MAPD, device, field_make(event_bits - 1, ITS_1_SIZE),
                    (itt & ITS_2_ITT) | ITS_2_VALID);
}

static inline struct its_command its_mapc(uint32_t collection, uint64_t rdbase)
{
    return its_make(ITS_CMD_MAPC, 0, 0,
                    field_make(collection, ITS_2_COLLECTION) | field_make(rdbase, ITS_2_RDBASE) |
                        ITS_2_VALID);
}

static inline struct its_command its_mapti(uint32_t device, uint32_t event, uint32_t intid,
                                           uint32_t collection)
{
    return its_make(ITS_CMD_MAPTI, device, event | field_make(intid, ITS_1_INTID),
                    field_make(collection, ITS_2_COLLECTION));
}

/* INT, CLEAR, INV, DISCARD. */
static inline struct its_command its_event(uint32_t command, uint32_t device, uint32_t event)
{
    return its_make(command, device, event, 0);
}

static inline struct its_command its_movi(uint32_t device, uint32_t event, uint32_t collection)
{
    return its_make(ITS_CMD_MOVI, device, event, field_make(collection, ITS_2_COLLECTION));
}

static inline struct its_command its_sync(uint64_t rdbase)
{
    return its_make(ITS_CMD_SYNC, 0, 0, field_make(rdbase, ITS_2_RDBASE));
}

/* GICv4.0. `table`: virtual pending table, aligned to 64 KiB, a bit for each of 2^id_bits INTIDs. */
static inline struct its_command its_vmapp(uint32_t vpe, uint64_t rdbase, uint64_t table, uint32_t id_bits)
{
    struct its_command command = its_make(ITS_CMD_VMAPP, 0, field_make(vpe, ITS_1_VPE),
                                          field_make(rdbase, ITS_2_RDBASE) | ITS_2_VALID);

    command.dw[3] = (table & ITS_3_VPT) | field_make(id_bits - 1, ITS_3_VPT_SIZE);
    return command;
}

static inline struct its_command its_vmapti(uint32_t device, uint32_t event, uint32_t vpe, uint32_t vintid,
                                            uint32_t doorbell)
{
    return its_make(ITS_CMD_VMAPTI, device, event | field_make(vpe, ITS_1_VPE),
                    field_make(vintid, ITS_2_VINTID) | field_make(doorbell, ITS_2_DOORBELL));
}

static inline struct its_command its_vmovi(uint32_t device, uint32_t event, uint32_t vpe, uint32_t doorbell)
{
    return its_make(ITS_CMD_VMOVI, device, event | field_make(vpe, ITS_1_VPE),
                    ITS_2_D | field_make(doorbell, ITS_2_DOORBELL));
}

/* `sequence`, `its_list`: for an ITS without GITS_TYPER.VMOVP. */
static inline struct its_command its_vmovp(uint32_t vpe, uint64_t rdbase, uint32_t sequence,
                                           uint32_t its_list)
{
    struct its_command command =
        its_make(ITS_CMD_VMOVP, 0, field_make(vpe, ITS_1_VPE) | field_make(its_list, ITS_1_ITS_LIST),
                 field_make(rdbase, ITS_2_RDBASE));

    command.dw[0] |= field_make(sequence, ITS_0_SEQUENCE);
    return command;
}

static inline struct its_command its_vsync(uint32_t vpe)
{
    return its_make(ITS_CMD_VSYNC, 0, field_make(vpe, ITS_1_VPE), 0);
}

static inline struct its_command its_vinvall(uint32_t vpe)
{
    return its_make(ITS_CMD_VINVALL, 0, field_make(vpe, ITS_1_VPE), 0);
}

/* --- Tables (GITS_BASER): pages of `page_size` bytes for as many entries, at most as many as fit a register.
 */
#define ITS_TABLE_PAGES_MAX 256

static inline uint32_t its_table_pages(uint64_t entries, uint64_t entry_size, uint64_t page_size)
{
    return (uint32_t)min_u64((entries * entry_size + page_size - 1) / page_size, ITS_TABLE_PAGES_MAX);
}

/* Entries of a flat table of so many pages. */
static inline uint64_t its_table_entries(uint64_t pages, uint64_t entry_size, uint64_t page_size)
{
    return pages * page_size / entry_size;
}
