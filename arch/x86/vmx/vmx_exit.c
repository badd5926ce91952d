/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMX exit reasons into neutral words. One const table gives each reason its kind and what has to be read for
 * it; reasons that carry a qualification have a decoder. A reason that is not in the table stops the VM with
 * a record.
 */
#include "arch/x86/vmx/vmx_insn.h"

#include "arch/x86/vlapic.h"
#include "arch/x86/vmx/vmx.h"

typedef void (*vmx_decoder)(struct vmx_vcpu *vmx, struct vm_exit *exit);

#define KNOWN     0x01
#define LENGTH    0x02 /* the handler skips the instruction */
#define CUT       0x04 /* may come in the middle of an event's delivery */
#define INJECTION 0x08 /* the scheduler is told always, not only when it has work */

/* What is left to be read: a row of decoders[]. */
enum decoder {
    DECODE_NOTHING,
    DECODE_EXCEPTION,
    DECODE_CR,
    DECODE_IO,
    DECODE_MSR,
    DECODE_TPR,
    DECODE_EPT,
    DECODE_TIMER
};

struct vmx_exit_entry {
    uint8_t kind; /* enum vm_exit_kind */
    uint8_t flags;
    uint8_t decoder; /* enum decoder */
};

static void decode_io(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    uint64_t info = vmcs_read(VMCS_EXIT_QUALIFICATION);

    (void)vmx;
    exit->u.pio.port = (uint16_t)field_get(info, VMX_IO_PORT);
    exit->u.pio.size = (uint8_t)(field_get(info, VMX_IO_SIZE) + 1);
    exit->u.pio.is_write = (info & VMX_IO_IN) == 0;
    exit->u.pio.is_string = (info & VMX_IO_STRING) != 0;
}

static void decode_msr(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    exit->u.sysreg.number = (uint32_t)vmx->x86.sw.regs.gpr[X86_RCX];
}

static void decode_cr(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    uint64_t info = vmcs_read(VMCS_EXIT_QUALIFICATION);

    (void)vmx;
    exit->u.control.cr = (uint8_t)field_get(info, VMX_CR_NUMBER);
    exit->u.control.is_write = field_get(info, VMX_CR_TYPE) != VMX_CR_TYPE_OUT;
}

static void decode_ept(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    uint64_t info = vmcs_read(VMCS_EXIT_QUALIFICATION);

    (void)vmx;
    exit->u.mmio.at = gpa(vmcs_read64(VMCS_GUEST_PHYSICAL));
    exit->u.mmio.is_write = (info & VMX_EPT_WRITE) != 0;
    exit->u.mmio.is_fetch = (info & VMX_EPT_FETCH) != 0;
    exit->u.mmio.during_walk = (info & (VMX_EPT_LINEAR | VMX_EPT_TRANSLATED)) == VMX_EPT_LINEAR;
    exit->u.mmio.during_delivery = (vmcs_read32(VMCS_VECTORING_EVENT) & VMCS_EVENT_VALID) != 0;
}

/* Lowered below what an interrupt waits for. */
static void decode_tpr(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    (void)exit;
    vmcs_write32(VMCS_TPR_THRESHOLD, 0);
    (void)inject_post_irq(&vmx->x86.core.inject.posted);
}

static void decode_timer(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    (void)vmx;
    (void)exit;
    vmcs_write32(VMCS_PREEMPTION_TIMER, vmx_features.timer_count);
}

/* Exceptions that injection does not deal with, #UD alone; NMIs and machine checks are done with already. */
static void decode_exception(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    uint32_t event = vmcs_read32(VMCS_EXIT_EVENT);

    (void)vmx;
    exit->kind = field_get(event, VMCS_EVENT_TYPE) == INJECT_TYPE_NMI ? VM_EXIT_HOST_EVENT
                 : vmx_vector_of(event) == X86_UD                     ? VM_EXIT_INVALID_OPCODE
                                                                      : VM_EXIT_UNKNOWN;
}

static const vmx_decoder decoders[] = {
    [DECODE_EXCEPTION] = decode_exception,
    [DECODE_CR] = decode_cr,
    [DECODE_IO] = decode_io,
    [DECODE_MSR] = decode_msr,
    [DECODE_TPR] = decode_tpr,
    [DECODE_EPT] = decode_ept,
    [DECODE_TIMER] = decode_timer,
};

static const struct vmx_exit_entry exit_table[VMX_EXIT_TABLE_SIZE] = {
    [VMX_EXIT_EXCEPTION_NMI] = {VM_EXIT_UNKNOWN, KNOWN | CUT | INJECTION, DECODE_EXCEPTION},
    [VMX_EXIT_INTERRUPT] = {VM_EXIT_HOST_EVENT, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_TRIPLE_FAULT] = {VM_EXIT_SHUTDOWN, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_INIT] = {VM_EXIT_HOST_EVENT, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_INTERRUPT_WINDOW] = {VM_EXIT_WINDOW, KNOWN | INJECTION, DECODE_NOTHING},
    [VMX_EXIT_NMI_WINDOW] = {VM_EXIT_WINDOW, KNOWN | INJECTION, DECODE_NOTHING},
    [VMX_EXIT_CPUID] = {VM_EXIT_CPUID, KNOWN | LENGTH, DECODE_NOTHING},
    [VMX_EXIT_GETSEC] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_HLT] = {VM_EXIT_HALT, KNOWN | LENGTH, DECODE_NOTHING},
    [VMX_EXIT_INVD] = {VM_EXIT_CACHE, KNOWN | LENGTH, DECODE_NOTHING},
    [VMX_EXIT_RDPMC] = {VM_EXIT_COUNTER_READ, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_RSM] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_VMCALL] = {VM_EXIT_HYPERCALL, KNOWN | LENGTH, DECODE_NOTHING},
    [VMX_EXIT_VMCLEAR... VMX_EXIT_VMXON] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_CR_ACCESS] = {VM_EXIT_CONTROL_REG, KNOWN, DECODE_CR},
    [VMX_EXIT_MOV_DR] = {VM_EXIT_DEBUG_REG, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_IO] = {VM_EXIT_PIO, KNOWN | LENGTH, DECODE_IO},
    [VMX_EXIT_RDMSR] = {VM_EXIT_SYSREG_READ, KNOWN | LENGTH, DECODE_MSR},
    [VMX_EXIT_WRMSR] = {VM_EXIT_SYSREG_WRITE, KNOWN | LENGTH, DECODE_MSR},
    [VMX_EXIT_BAD_GUEST_STATE] = {VM_EXIT_BAD_STATE, KNOWN | INJECTION, DECODE_NOTHING},
    [VMX_EXIT_MWAIT] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_MONITOR_TRAP] = {VM_EXIT_NONE, KNOWN | CUT | INJECTION, DECODE_NOTHING},
    [VMX_EXIT_MONITOR] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_PAUSE] = {VM_EXIT_PAUSE, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_TPR] = {VM_EXIT_NONE, KNOWN, DECODE_TPR},
    [VMX_EXIT_EPT_VIOLATION] = {VM_EXIT_MMIO, KNOWN | CUT, DECODE_EPT},
    [VMX_EXIT_EPT_MISCONFIG] = {VM_EXIT_BAD_STATE, KNOWN | CUT, DECODE_NOTHING},
    [VMX_EXIT_INVEPT] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_PREEMPTION_TIMER] = {VM_EXIT_HOST_EVENT, KNOWN, DECODE_TIMER},
    [VMX_EXIT_INVVPID] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
    [VMX_EXIT_WBINVD] = {VM_EXIT_CACHE, KNOWN | LENGTH, DECODE_NOTHING},
    [VMX_EXIT_XSETBV] = {VM_EXIT_XSETBV, KNOWN | LENGTH, DECODE_NOTHING},
    [VMX_EXIT_VMFUNC] = {VM_EXIT_UNDEFINED, KNOWN, DECODE_NOTHING},
};

static const struct vmx_exit_entry unknown_entry = {VM_EXIT_UNKNOWN, KNOWN | CUT, DECODE_NOTHING};

void vmx_decode_exit(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
    uint32_t reason = (uint32_t)(vmx->exit_reason & VMX_EXIT_BASIC);
    const struct vmx_exit_entry *entry = &exit_table[reason % VMX_EXIT_TABLE_SIZE];
    uint32_t vectoring = 0;

    if (UNLIKELY((vmx->exit_reason & VMX_EXIT_ENTRY_FAILED) != 0)) {
        entry = &exit_table[VMX_EXIT_BAD_GUEST_STATE];
    } else if (UNLIKELY(reason >= VMX_EXIT_TABLE_SIZE || entry->flags == 0)) {
        entry = &unknown_entry;
    }
    exit->raw = vmx->exit_reason;
    exit->length = 0;
    exit->kind = (enum vm_exit_kind)entry->kind;
    if ((entry->flags & CUT) != 0)
        vectoring = vmcs_read32(VMCS_VECTORING_EVENT);
    if (UNLIKELY((entry->flags & INJECTION) != 0 ||
                 inject_exit_has_work(&vmx->x86.core.inject, (vectoring & VMCS_EVENT_VALID) != 0) ||
                 reason == VMX_EXIT_EPT_VIOLATION) &&
        vmx_inject_exit(vmx, reason, vectoring)) {
        exit->kind = VM_EXIT_NONE;
        return;
    }
    if ((entry->flags & LENGTH) != 0)
        exit->length = (uint8_t)vmcs_read32(VMCS_EXIT_LENGTH);
    if (entry->decoder != DECODE_NOTHING)
        decoders[entry->decoder](vmx, exit);
}
