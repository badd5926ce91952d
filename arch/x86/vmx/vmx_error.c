/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When VMX says no: the VM-instruction error in words, and the fields that a refused entry may be about. "VM
 * Instruction Error Numbers" and "Checks on the Guest State Area", Intel SDM volume 3.
 */
#include "arch/x86/vmx/vmx_insn.h"

#include "arch/x86/vmx/vmx.h"
#include "core/panic.h"
#include "lib/printf.h"

#define TYPE_RESERVED 1 /* of an event */

/* What one VM's control fields may be wrong about; the other errors are Latch's own. */
#define BAD_CONTROLS   7
#define BLOCKED_EVENTS 26

/* The ones that Latch can meet. */
static const struct {
    uint8_t number;
    const char *words;
} errors[] = {
    {1, "VMCALL in root operation"},
    {2, "VMCLEAR: bad address"},
    {3, "VMCLEAR of the VMXON region"},
    {4, "VMLAUNCH of a VMCS that is not clear"},
    {5, "VMRESUME of a VMCS that was not launched"},
    {6, "VMRESUME after VMXOFF"},
    {7, "invalid control fields"},
    {8, "invalid host state"},
    {9, "VMPTRLD: bad address"},
    {10, "VMPTRLD of the VMXON region"},
    {11, "VMPTRLD: wrong revision"},
    {12, "no such VMCS field"},
    {13, "read-only VMCS field"},
    {15, "VMXON in root operation"},
    {26, "events blocked by MOV SS"},
    {28, "INVEPT or INVVPID: bad operand"},
};

/* After VMfailValid only; without a current VMCS there is no number: 0. */
static uint32_t last_number(void)
{
    uint64_t number = 0;
    bool ok;

    __asm__ volatile("vmread %2, %0" : "+r"(number), "=@cca"(ok) : "r"((uint64_t)VMCS_INSTRUCTION_ERROR));
    return ok ? (uint32_t)number : 0;
}

static const char *words_of(uint32_t number)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(errors); i++)
        if (errors[i].number == number)
            return errors[i].words;
    return number == 0 ? "no current VMCS" : "error without a name";
}

void vmx_insn_failed(const char *what, uint64_t operand)
{
    panic("%s 0x%lx failed: %s", what, operand, words_of(last_number()));
}

uint64_t vmx_entry_failed(struct x86_switch *sw)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(CONTAINER_OF(sw, struct x86_vcpu, sw));
    uint32_t number = last_number();
    const char *own = vmx_refused(&vmx->x86);
    char detail[140];

    if (number != BAD_CONTROLS && number != BLOCKED_EVENTS)
        panic("VM entry failed: %s; controls pin %lx primary %lx secondary %lx exit %lx entry %lx event %lx",
              words_of(number), vmcs_read_any(VMCS_PIN_CONTROLS), vmcs_read_any(VMCS_PRIMARY_CONTROLS),
              vmcs_read_any(VMCS_SECONDARY_CONTROLS), vmcs_read_any(VMCS_EXIT_CONTROLS),
              vmcs_read_any(VMCS_ENTRY_CONTROLS), vmcs_read_any(VMCS_ENTRY_EVENT));
    fmt_snprintf(detail, sizeof(detail), "VM entry failed: VM-instruction error %u: %s%s%s", number,
                 words_of(number), own != NULL ? ": " : "", own != NULL ? own : "");
    vm_end(vmx->x86.core.vm, VM_END_UNHANDLED_EXIT, 0, detail);
    return vmx_again(sw);
}

static const char *suspect(void)
{
    uint64_t rflags = vmcs_read(VMCS_GUEST_RFLAGS);
    uint32_t blocking = vmcs_read32(VMCS_GUEST_BLOCKING);
    uint32_t event = vmcs_read32(VMCS_ENTRY_EVENT);
    bool injects = (event & VMCS_EVENT_VALID) != 0;
    uint64_t type = field_get(event, VMCS_EVENT_TYPE);

    if ((blocking & VMCS_BLOCKING_STI) != 0 && (rflags & RFLAGS_IF) == 0)
        return "blocking by STI without IF";
    if (injects && type == INJECT_TYPE_IRQ &&
        ((rflags & RFLAGS_IF) == 0 || (blocking & (VMCS_BLOCKING_STI | VMCS_BLOCKING_MOV_SS)) != 0))
        return "interrupt injected while blocked";
    if (injects && type == INJECT_TYPE_NMI && (blocking & (VMCS_BLOCKING_NMI | VMCS_BLOCKING_MOV_SS)) != 0)
        return "NMI injected while blocked";
    if (injects && type == TYPE_RESERVED)
        return "event of no type";
    return NULL;
}

const char *vmx_refused(struct x86_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);
    const char *words = suspect();

    vmx_return(vmx, borrowed);
    return words;
}

void vmx_spoil_event(struct x86_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);

    vmcs_write32(VMCS_ENTRY_EVENT, VMCS_EVENT_VALID | (uint32_t)field_make(TYPE_RESERVED, VMCS_EVENT_TYPE));
    vmx_return(vmx, borrowed);
}
