/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction sequences of the scenarios, in assembly so that every boundary between two instructions has a
 * name. What each does stands beside it in code_nmi.S, code_iret.S, code_irq.S, code_real.S.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void code_send_nmi(void);
void code_nmi_in_sti_shadow(void);
void code_nmi_in_movss_shadow(void);
void code_nmi_irq_ud(void);
void code_spin(void);
void code_movss_storm(volatile uint32_t *counter, uint32_t until);
uint32_t code_movss_flags_storm(volatile uint32_t *counter, uint32_t until);
void code_halt(void);
void code_sti_halt(void);
void code_copy(void *to, const void *from, uint64_t size);
void code_breakpoint(void);
void code_invalid(void);
void code_bad_xsetbv(void);
void code_iret_here(void);

void code_sti_nop(void);
void code_sti_cli(void);
void code_popf(void);
void code_irq_in_movss_shadow(void);
void code_sti_ud(void);
void code_send_irq(void);
void code_lower_cr8(void);
void code_lower_tpr(void);

void code_step(void);
void code_step_cpuid(void);
void code_step_port(void);
void code_step_mmio(void);
void code_step_send_nmi(void);
void code_step_after_nmi(void);
uint64_t code_pushf_after_nmi(void);
uint64_t code_popf_after_nmi(void);
void code_int_after_nmi(void);
void code_nmi_then_break(void);

unsigned int code_real(uint16_t ips[2]);

/* Places. */
extern const char spin[];
extern const char spin_over[];
extern const char storm_shadow[];
extern const char storm_after_int[];
extern const char storm_after_int3[];
extern const char break_target[];

/* For run_mode(). */
extern const char code_user64[];
extern const char code_user32[];
extern const char code_compat[];
extern const char code_16[];

/* For trap_exit; exit_unmapped clears the page-table entry at unmap_entry. */
extern const char exit_iretd[];
extern const char exit_compat[];
extern const char exit_16[];
extern const char exit_unmapped[];
extern const char exit_stepped[];
extern uint64_t unmap_entry;
