/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model of the hardware's virtual CPU interface: list registers, active priorities, maintenance interrupts.
 * Written from the Arm GIC architecture specification alone; shares nothing with the virtual GIC. Five
 * priority bits, five preemption bits, up to four list registers. Also used by the unit tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ICH_MODEL_LRS 4
#define ICH_SPURIOUS  1023u

struct ich_model {
    uint64_t lr[ICH_MODEL_LRS];
    uint32_t lr_count;
    bool enable[2];    /* ICC_IGRPEN0, 1 */
    bool split;        /* EOImode */
    bool counts_drops; /* EOIcount counts EOIs in split mode too, as some implementations do */
    uint8_t mask;      /* priority mask */
    uint32_t apr[2];
    uint32_t eoi_count;
    uint64_t hcr;      /* the enables, as written */
    uint32_t hw_ended; /* bit per physical INTID (0..31) deactivated by the guest; reader clears */
};

/* Bits of ICH_VMCR_EL2. */
uint64_t ich_model_vmcr(const struct ich_model *ich);

/* The list register that would be acknowledged now; -1: none. */
int ich_model_best(const struct ich_model *ich);
bool ich_model_signals(const struct ich_model *ich);
/* Whether one from elsewhere would be signalled, if it is the best. */
bool ich_model_takes(const struct ich_model *ich, bool group1, uint32_t priority);

/* Guest's accesses. Acknowledge: of ICC_IAR<group>; ICH_SPURIOUS if there is none. */
uint32_t ich_model_acknowledge(struct ich_model *ich, bool group1);
void ich_model_end(struct ich_model *ich, bool group1, uint32_t intid);
/* ICC_DIR without ICH_HCR_EL2.TDIR. */
void ich_model_deactivate(struct ich_model *ich, uint32_t intid);

bool ich_model_maintenance(const struct ich_model *ich);

/* All that makes LR state invalid is the hypervisor's fault: text, or NULL. */
const char *ich_model_fault(const struct ich_model *ich);
