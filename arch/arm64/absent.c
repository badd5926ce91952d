/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for the guest side: no VM can be made, so nothing that needs one can be called.
 */
#include "arch/arm64/guest_cpu.h"
#include "arch/arm64/host_irq.h"
#include "core/arch.h"
#include "core/log.h"
#include "lib/assert.h"
#include "lib/error.h"

#define NO_GUESTS() panic("%s: there are no arm64 guests", __func__)

const struct arch_reg arch_regs[] = {{"pc", 8, ARCH_REG_GENERAL, 0, 0}};
const uint32_t arch_reg_count = ARRAY_COUNT(arch_regs);
const uint32_t arch_reg_pc = 0, arch_reg_sp = 0, arch_reg_fp = 0, arch_reg_flags = 0;

int arch_virt_init(void)
{
    return 0;
}

int arch_vm_create(const struct vm_config *wanted, uint32_t id, struct vm **out)
{
    (void)id;
    (void)out;
    log_error("vm %s: arm64 guests are not there yet", wanted->name);
    return E_NOTSUP;
}

int arch_vm_reset(struct vm *vm)
{
    (void)vm;
    NO_GUESTS();
}

void arch_vcpu_load(struct vcpu *vcpu, const struct vm *before)
{
    (void)vcpu;
    (void)before;
    NO_GUESTS();
}

void arch_vcpu_put(struct vcpu *vcpu)
{
    (void)vcpu;
    NO_GUESTS();
}

void arch_vcpu_run(struct vcpu *vcpu)
{
    (void)vcpu;
    NO_GUESTS();
}

void arch_vm_nmi(struct vm *vm)
{
    (void)vm;
    NO_GUESTS();
}

void arch_vcpu_describe(struct vcpu *vcpu, char *text, size_t size)
{
    (void)vcpu;
    (void)text;
    (void)size;
    NO_GUESTS();
}

uint64_t arch_vcpu_reg_get(struct vcpu *vcpu, uint32_t reg)
{
    (void)vcpu;
    (void)reg;
    NO_GUESTS();
}

int arch_vcpu_reg_set(struct vcpu *vcpu, uint32_t reg, uint64_t value)
{
    (void)vcpu;
    (void)reg;
    (void)value;
    NO_GUESTS();
}

int arch_guest_translate(struct vcpu *vcpu, gva_t at, gpa_t *out)
{
    (void)vcpu;
    (void)at;
    (void)out;
    NO_GUESTS();
}

bool arch_inspect_line(struct vcpu *vcpu, enum inspect_view view, uint64_t argument, uint32_t line,
                       char *text, size_t size)
{
    (void)vcpu;
    (void)view;
    (void)argument;
    (void)line;
    (void)text;
    (void)size;
    return false;
}

const char *arch_inspect_block_name(void)
{
    return "ich";
}

bool guest_irq_take(struct arm64_cpu *cpu, uint32_t intid)
{
    (void)cpu;
    (void)intid;
    return false;
}

void guest_cpu_init(struct arm64_cpu *cpu)
{
    (void)cpu;
}
