/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When VMX says no: the VM-instruction error in words, and the fields that a refused entry may be about. "VM
 * Instruction Error Numbers" and "Checks on the Guest State Area", Intel SDM volume 3.
 */
#include "arch/x86/vmx/vmx_insn.h"

#include "arch/x86/vmx/vmx.h"
#include "core/log.h"
#include "core/panic.h"

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

/* After VMfailValid only; without a current VMCS there is no number. */
static const char *last_error(void)
{
    uint64_t number = 0;
    bool ok;

    __asm__ volatile("vmread %2, %0" : "+r"(number), "=@cca"(ok) : "r"((uint64_t)VMCS_INSTRUCTION_ERROR));
    if (!ok)
        return "no current VMCS";
    for (uint32_t i = 0; i < ARRAY_COUNT(errors); i++)
        if (errors[i].number == number)
            return errors[i].words;
    return "error without a name";
}

void vmx_insn_failed(const char *what, uint64_t operand)
{
    panic("%s 0x%lx failed: %s", what, operand, last_error());
}

void vmx_entry_failed(struct x86_switch *sw)
{
    (void)sw;
    panic("VM entry failed: %s; controls pin %lx primary %lx secondary %lx exit %lx entry %lx event %lx",
          last_error(), vmcs_read_any(VMCS_PIN_CONTROLS), vmcs_read_any(VMCS_PRIMARY_CONTROLS),
          vmcs_read_any(VMCS_SECONDARY_CONTROLS), vmcs_read_any(VMCS_EXIT_CONTROLS),
          vmcs_read_any(VMCS_ENTRY_CONTROLS), vmcs_read_any(VMCS_ENTRY_EVENT));
}

/* Names the check that failed, where one of the common ones did. */
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
    if ((rflags & RFLAGS_ONE) == 0)
        return "RFLAGS reserved bit";
    if ((vmcs_read32(VMCS_ENTRY_CONTROLS) & VMCS_ENTRY_GUEST_64) != 0 &&
        (vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) == 0)
        return "64-bit guest without PAE";
    return "segments, or another";
}

void vmx_dump(struct vmx_vcpu *vmx)
{
    log_error("vm %s vcpu %u: entry refused (reason 0x%x, qualification 0x%lx), suspect: %s",
              vmx->x86.core.vm->config->name, vmx->x86.core.id, vmx->exit_reason,
              vmcs_read(VMCS_EXIT_QUALIFICATION), suspect());
    log_error("  cr0 %lx cr3 %lx cr4 %lx efer %lx rip %lx rsp %lx rflags %lx blocking %x event %x",
              vmcs_read(VMCS_GUEST_CR0), vmcs_read(VMCS_GUEST_CR3), vmcs_read(VMCS_GUEST_CR4),
              vmcs_read64(VMCS_GUEST_EFER), vmcs_read(VMCS_GUEST_RIP), vmcs_read(VMCS_GUEST_RSP),
              vmcs_read(VMCS_GUEST_RFLAGS), vmcs_read32(VMCS_GUEST_BLOCKING), vmcs_read32(VMCS_ENTRY_EVENT));
    for (uint64_t i = 0; i < 8; i++)
        log_error("  segment %lu: selector %lx base %lx limit %lx access %lx", i,
                  vmcs_read_any(VMCS_GUEST_ES_SELECTOR + i * VMCS_STEP),
                  vmcs_read_any(VMCS_GUEST_ES_BASE + i * VMCS_STEP),
                  vmcs_read_any(VMCS_GUEST_ES_LIMIT + i * VMCS_STEP),
                  vmcs_read_any(VMCS_GUEST_ES_ACCESS + i * VMCS_STEP));
}
