/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GICv3 as a guest program drives it: group 1, affinity routing. INTIDs: SGIs 0..15, PPIs 16..31,
 * SPIs from 32.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GIC_SPURIOUS 1023
#define GIC_TIMER    27 /* EL1 virtual timer */
#define GIC_UART     33 /* the board's PL011 */
#define GIC_SPI      40 /* first of some that no device drives */

/* Distributor on, all off and at power-on priority; once, then gic_cpu_init() on each CPU. */
void gic_init(void);
void gic_cpu_init(void);

/* Of this CPU for INTIDs below 32. Take effect before they return. */
void gic_enable(uint32_t intid, bool on);
void gic_set_pending(uint32_t intid, bool on);
void gic_set_active(uint32_t intid, bool on);
void gic_set_priority(uint32_t intid, uint8_t priority);
void gic_set_edge(uint32_t intid, bool edge);
bool gic_is_pending(uint32_t intid);
bool gic_is_active(uint32_t intid);
void gic_route(uint32_t intid, uint64_t affinity);
void gic_group_enable(bool on); /* the distributor's */

/* SGI to a list of CPUs 0..15 as bits, or to all but this one. */
void gic_send(uint32_t sgi, uint16_t cpus);
void gic_send_to_others(uint32_t sgi);
