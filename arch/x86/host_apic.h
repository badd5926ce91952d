/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's local APIC, in x2APIC mode where the CPU has it, else through its page. All functions act on the
 * calling CPU's APIC. AMD APM volume 2, "Advanced Programmable Interrupt Controller".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"

#define XAPIC_LAST_ID 254 /* the largest ID that 8 bits can name; 255 is everybody */

struct x86_cpu;

/* Boot CPU, once: chooses the mode, maps the page. 0, or E_NOTSUP (no APIC, or the firmware turned it off).
 */
MUST_CHECK int host_apic_init(void);

/* Each CPU: software enable, all local vectors masked but the pins (bit n: LINTn) that bring NMIs. */
void host_apic_enable(uint32_t nmi_pins);

bool host_apic_is_x2apic(void);
uint32_t host_apic_id(void);
void host_apic_eoi(void);

/* Of the xAPIC; 0: it is an x2APIC. */
extern uint64_t host_apic_page;

/* Fixed, edge interrupt to one CPU. */
void host_apic_send(uint32_t apic_id, uint8_t vector);
void host_apic_send_nmi(uint32_t apic_id);
void host_apic_send_nmi_others(void);
void host_apic_send_init(uint32_t apic_id);
void host_apic_send_startup(uint32_t apic_id, uint8_t page);

/* Counts down from `count` without an interrupt / what is left; for the calibration. Divided by 1. */
void host_apic_timer_count_from(uint32_t count);
uint32_t host_apic_timer_left(void);

/* After calibration: timer ticks per second; 0 selects TSC-deadline mode. */
void host_apic_timer_setup(uint64_t ticks_per_second);
bool host_apic_has_deadline(void);
