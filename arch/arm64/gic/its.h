/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's interrupt translation service: tables, command queue, and the redistributors' part of LPIs. The
 * machine's own devices stay silent; it is there for GICv4, which delivers guests' LPIs (vgic_v4.h), and is
 * left alone where that cannot be used. Guests' own services are vits.h's.
 *
 * The first ITS of the device tree only: every redistributor can be reached from it. GICv4.0: virtual PEs of
 * GICv4.1 are described in other tables, which no emulator has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/gic/its_command.h"
#include "lib/addr.h"

struct arm64_cpu;

#define ITS_ID_BITS    14 /* of INTIDs, physical and virtual */
#define ITS_LPI_FIRST  8192u
#define ITS_LPI_COUNT  8192u             /* of ID_BITS */
#define ITS_TABLE_SIZE UINT64_C(0x10000) /* alignment of pending tables */

/* DeviceIDs: 0 is ours, VMs have the ones behind it. Of device 0, event n is LPI 8192 + n. */
#define ITS_OWN_DEVICE   0u
#define ITS_DEVICE_COUNT 64u
#define ITS_TEST_EVENT   0u /* the others are doorbells: vPE number + 1 */

/* Constant after the last CPU has been started. */
struct its_info {
    bool works;         /* has virtual LPIs, answers, and an LPI of its own has arrived on each CPU */
    uint32_t vpe_count; /* entries of the vPE table */
    uint64_t typer;     /* GITS_TYPER */
};

extern struct its_info its_info;

/*
 * Boot CPU, once, with memory to allocate; afterwards its_cpu_init() on each CPU. NULL, or in words why it is
 * not used, and is then left as it was or turned off.
 */
MUST_CHECK const char *its_init(uint64_t base, uint64_t size);

/*
 * The calling CPU: tables of its redistributor, its collection (number: cpu->base.id), and a test: an LPI
 * sent to itself must arrive. Any failure prints a line and clears its_info.works. Does nothing without
 * its_init().
 */
void its_cpu_init(struct arm64_cpu *cpu);

/*
 * Puts commands into the queue. its_run() waits until the last one has been carried out; its_post() does not.
 * Any CPU. E_TIMEOUT: it does not answer (any more); said once, and from then on at once.
 */
MUST_CHECK int its_run(const struct its_command *commands, uint32_t count);
MUST_CHECK int its_post(const struct its_command *commands, uint32_t count);

/* This ITS in the lists of VMOVP. */
uint32_t its_list(void);

/* Enables or disables an LPI of device 0 by its table's byte; its INV is the caller's. */
void its_lpi_enable(uint32_t event, bool enable);

/* Zeroed memory that the GIC is told of, and what was written there made visible to it. NULL: none left. */
void *its_alloc(uint64_t size, uint64_t align);
void its_clean(const void *memory, uint64_t size);

/* Attributes of tables for GICR_*BASER, as the hardware takes them. */
uint64_t its_table_attributes(void);

/* its_lpi.c's part of its_init(); a redistributor turned out not to look into caches. */
MUST_CHECK int its_lpi_init(void);
void its_not_coherent(void);

/* A physical LPI was acknowledged: true if it was the test's. */
bool its_take(uint32_t intid);
