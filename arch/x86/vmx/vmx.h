/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel VMX: the vendor's vCPU, and what its files share. Private to arch/x86/vmx.
 *
 * A vCPU's VMCS is current on the CPU that the vCPU is loaded on and clear in memory otherwise; every access
 * goes to the current VMCS, and vmx_is_current() is asserted before. Registers that no VMCS holds (CR2, DR6,
 * the SYSCALL registers) stay in the hardware while the vCPU is loaded, since Latch uses none of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpu.h"
#include "arch/x86/vmx/vmcs.h"
#include "arch/x86/x86_vcpu.h"
#include "arch/x86/x86_vm.h"
#include "core/vm_exit.h"
#include "lib/assert.h"

struct trap_frame;

/* Always intercepted: #DB and #AC so that a guest cannot keep the CPU in their delivery for ever, #UD for the
 * other vendor's hypercall, #MC for the host. */
#define VMX_EXCEPTIONS (BIT(X86_DB) | BIT(X86_AC) | BIT(X86_UD) | BIT(X86_MC))

/* Guest registers outside the VMCS while the vCPU is not loaded. */
struct vmx_parked {
    uint64_t cr2;
    uint64_t dr6;
    uint64_t star;
    uint64_t lstar;
    uint64_t cstar;
    uint64_t sfmask;
    uint64_t kernel_gs_base;
};

#define VIRTUAL_APIC_TPR 0x80 /* in the virtual-APIC page */

struct vmx_vcpu {
    struct x86_vcpu x86;
    hpa_t vmcs;
    uint8_t *virtual_apic; /* page with the guest's TPR */
    struct vmx_parked parked;
    struct x86_cpu *cpu;      /* where the VMCS is current; NULL: nowhere, it is clear */
    struct x86_cpu *host_cpu; /* whose host state the VMCS holds */
    uint16_t vpid;
    bool launched;
    bool flush;         /* stale translations: go before the next entry */
    bool pdptes_stale;  /* CR0, CR3 or CR4 was written for the guest */
    bool event_written; /* VMCS_ENTRY_EVENT is valid */
    uint32_t primary;   /* what the VMCS has now ... */
    uint32_t blocking;  /* ... as read at the exit, or written since */
    uint32_t exit_reason;
    uint64_t hw_rip, hw_rsp, hw_rflags;
    uint64_t entry_tsc; /* soft NMIs: at the last entry */
};

/* What this CPU's VMX can do, read once; control words with everything constant already set. */
struct vmx_features {
    uint32_t revision;
    uint32_t pin, primary, secondary, exit, entry;
    uint64_t ept_vpid; /* IA32_VMX_EPT_VPID_CAP */
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
    uint32_t timer_count; /* preemption timer, for one period */
    hpa_t msr_bitmap;
};

extern struct vmx_features vmx_features;

/* Per physical CPU. */
struct vmx_cpu {
    hpa_t vmxon;
    struct vmx_vcpu *current; /* loaded here */
};

static inline struct vmx_vcpu *vmx_vcpu_of(struct x86_vcpu *vcpu)
{
    return CONTAINER_OF(vcpu, struct vmx_vcpu, x86);
}

static inline bool vmx_is_current(const struct vmx_vcpu *vmx)
{
    return vmx->cpu == this_x86_cpu();
}

static inline struct vmx_cpu *vmx_cpu_of(struct x86_cpu *cpu)
{
    return cpu->vendor;
}

/* Its registers outside the VMCS are in this CPU's. */
static inline bool vmx_is_loaded(const struct vmx_vcpu *vmx)
{
    return vmx_cpu_of(this_x86_cpu())->current == vmx;
}

static inline struct x86_vm *vmx_vm_of(struct vmx_vcpu *vmx)
{
    return x86_vm_of(vmx->x86.core.vm);
}

static inline uint64_t vmx_eptp(struct vmx_vcpu *vmx)
{
    const struct x86_vm *vm = vmx_vm_of(vmx);

    return vm->nested_root.v | EPTP_WB | EPTP_WALK_4 | (vm->nested_accessed != 0 ? EPTP_AD : 0);
}

/* entry.S: enters the guest and calls vmx_turn() after each exit, vmx_again() where the entry was given up,
 * until they return 0. */
void vmx_enter_loop(struct x86_switch *sw, uint64_t how);
extern const uint8_t vmx_entry_critical[], vmx_entry_critical_end[], vmx_entry_again[], vmx_exit[];

/* VMX_ENTER_LAUNCH, VMX_ENTER_RESUME, or 0: leave. */
uint64_t vmx_turn(struct x86_switch *sw);
uint64_t vmx_again(struct x86_switch *sw);
/* The entry did not take place; as vmx_again(), with the VM ended. Panics where that is not the VM's matter.
 */
uint64_t vmx_entry_failed(struct x86_switch *sw);

/* vmx_features.c */
int vmx_check_features(void);
int vmx_choose_nmi(enum nmi_way wish, enum inject_way_id *way, uint32_t *caps);
int vmx_cpu_enable(void);

/* vmx_vcpu.c */
int vmx_vm_create(struct x86_vm *vm);
struct x86_vcpu *vmx_vcpu_create(struct x86_vm *vm, uint32_t id);
void vmx_vcpu_reset(struct x86_vcpu *vcpu);
void vmx_load(struct x86_vcpu *vcpu);
void vmx_put(struct x86_vcpu *vcpu);
/* Makes the VMCS of a vCPU that is not loaded current for a few accesses. The result goes to vmx_return(). */
MUST_CHECK bool vmx_borrow(struct vmx_vcpu *vmx);
void vmx_return(struct vmx_vcpu *vmx, bool borrowed);

/* vmx_exit.c: the hardware's exit into neutral words. */
void vmx_decode_exit(struct vmx_vcpu *vmx, struct vm_exit *exit);

/* vmx_inject.c */
uint32_t vmx_inject_view(struct x86_vcpu *vcpu);
void vmx_inject_apply(struct x86_vcpu *vcpu, const struct inject_actions *actions);
/* Reports the exit to the injection scheduler; true if it was its own and is done with. */
bool vmx_inject_exit(struct vmx_vcpu *vmx, uint32_t reason, uint32_t vectoring);
/* The monitor trap flag exists. */
bool vmx_can_step(void);
/* Exits for what a debugger has taken: a part of struct vcpu_ops. */
void vmx_set_debug(struct x86_vcpu *vcpu);
void vmx_set_blocking(struct vmx_vcpu *vmx, uint32_t blocking);
/* An exception exit's own event information. */
static inline uint32_t vmx_vector_of(uint32_t event)
{
    return (uint32_t)field_get(event, VMCS_EVENT_VECTOR);
}

/* vmx_error.c: the check that failed, where one of the common ones did; struct vcpu_ops. */
const char *vmx_refused(struct x86_vcpu *vcpu);
void vmx_spoil_event(struct x86_vcpu *vcpu);

/* vmx_inspect.c: the VMCS for people, a line a field. */
void vmx_exit_name(uint32_t code, char *text, size_t size);
bool vmx_block_line(struct x86_vcpu *vcpu, uint32_t line, char *text, size_t size);
