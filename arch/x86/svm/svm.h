/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD SVM: the vendor's vCPU, and what its files share. Private to arch/x86/svm.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/svm/vmcb.h"
#include "arch/x86/x86_vcpu.h"
#include "arch/x86/x86_vm.h"
#include "core/vm_exit.h"

/* Always intercepted: #DB and #AC so that a guest cannot keep the CPU in their delivery for ever, #UD for the
 * other vendor's hypercall, #MC for the host. */
#define SVM_EXCEPTIONS_ALWAYS (uint32_t)(BIT(X86_DB) | BIT(X86_AC) | BIT(X86_UD) | BIT(X86_MC))

#define SVM_NO_RIP BIT(62) /* not canonical */

struct svm_vcpu {
    struct x86_vcpu x86;
    struct vmcb *vmcb;
    uint64_t asid_generation;
    uint64_t shadow_rip;  /* where an interrupt shadow was last seen, SVM_NO_RIP: nowhere */
    uint64_t dr6_before;  /* DR6 at the last entry, to tell what a #DB set */
    uint32_t windows;     /* INJECT_WIN_*: what is armed in the VMCB */
    bool stepping;        /* the intercepts of INJECT_WIN_STEP are armed */
    uint8_t stepped;      /* enum svm_stepped, of INJECT_STEP_SHADOW */
    uint8_t stepped_rm;   /* SVM_STEPPED_DR6: the register it comes from */
    uint8_t soft_advance; /* RIP was moved so far for a software event in EVENTINJ */
};

/* What an instruction does to RFLAGS that a step has to know. */
enum svm_stepped {
    SVM_STEPPED_OTHER,
    SVM_STEPPED_LOADS_FLAGS, /* POPF, IRET */
    SVM_STEPPED_SYSCALL,     /* stores them in R11 */
    SVM_STEPPED_DR6, /* MOV to DR6: what it had before the step is no longer what it is to have after */
};

struct svm_features {
    bool nrips;
    bool flush_by_asid;
    bool vnmi;
    bool vgif;
    bool decode_assists;
    bool pause_filter;
    bool shadow_lost; /* VMRUN ignores the interrupt shadow: QEMU's CPU */
    uint32_t asid_count;
};

extern struct svm_features svm_features;

/* Per physical CPU. */
struct svm_cpu {
    hpa_t host_save; /* VM_HSAVE_PA: written by VMRUN */
    hpa_t host_vmcb; /* VMSAVEd host state for VMLOAD after an exit */
    uint64_t asid_generation;
    uint32_t asid_next;
};

/* svm_setup.c: see struct vcpu_ops. */
int svm_check_features(void);
int svm_choose_nmi(enum nmi_way wish, enum inject_way_id *way, uint32_t *caps);
int svm_cpu_enable(void);
int svm_vm_create(struct x86_vm *vm);
struct x86_vcpu *svm_vcpu_create(struct x86_vm *vm, uint32_t id);
void svm_vcpu_reset(struct x86_vcpu *vcpu);

static inline struct svm_vcpu *svm_vcpu_of(struct x86_vcpu *vcpu)
{
    return CONTAINER_OF(vcpu, struct svm_vcpu, x86);
}

/* entry.S: enters the guest and calls svm_turn() after each exit until that returns 0. Host IF 0, GIF 0 on
 * entry (svm_prepare() has closed it), GIF 1 on return. */
void svm_enter_loop(struct x86_switch *sw);

/* The same with what mitigations_entry_flags asks for at each exit and entry. */
void svm_enter_loop_guarded(struct x86_switch *sw);

/* After an exit, GIF 1, IF 0: handles it and prepares the next entry. The VMCB's address with GIF 0, or 0
 * with GIF 1. */
uint64_t svm_turn(struct x86_switch *sw);

/* svm_exit.c: the hardware's exit into neutral words; tells the injection scheduler what became of its event.
 */
void svm_decode_exit(struct svm_vcpu *svm, struct vm_exit *exit);

/* Where the guest executes. */
static inline struct code_context svm_code_context(const struct svm_vcpu *svm)
{
    const struct vmcb *vmcb = svm->vmcb;
    uint64_t rip = svm->x86.sw.regs.rip;

    if (LIKELY((vmcb->efer & EFER_LMA) != 0 && (vmcb->cs.attr & X86_SEG_L) != 0))
        return (struct code_context){.linear = rip, .cr3 = vmcb->cr3, .mode = INSN_MODE_64};
    return (struct code_context){.linear = (vmcb->cs.base + rip) & FIELD(31, 0),
                                 .cr3 = vmcb->cr3,
                                 .mode = (vmcb->cs.attr & X86_SEG_DB) != 0 ? INSN_MODE_32 : INSN_MODE_16};
}

/* VMRUN loads CR2 from the VMCB; one emulator (Bochs) leaves the register alone, so that holds it beforehand.
 */
static inline void svm_set_cr2(struct svm_vcpu *svm, uint64_t value)
{
    vmcb_set_cr2(svm->vmcb, value);
    insn_write_cr2(value);
}

/* svm_shadow.c: a step out of an interrupt shadow begins; an exit came while it was armed, by its trap or
 * not: INJECT_EXIT_ bits for it. */
void svm_shadow_step_begin(struct svm_vcpu *svm);
uint32_t svm_shadow_step_exit(struct svm_vcpu *svm, bool trapped);
/* After the scheduler has been told of that, and has taken back what it does not know to be the guest's. */
void svm_shadow_step_settle(struct svm_vcpu *svm);
/* Exits: PUSHF and INT n, intercepted during such a step. */
void svm_shadow_pushf(struct svm_vcpu *svm, struct vm_exit *exit);
void svm_shadow_int(struct svm_vcpu *svm, struct vm_exit *exit);
/* A software event goes into EVENTINJ; is taken out again without an entry; an exit follows, which may have
 * cut it short. */
void svm_soft_event_begin(struct svm_vcpu *svm, const struct inject_event *event);
void svm_soft_event_take_back(struct svm_vcpu *svm);
void svm_soft_event_exit(struct svm_vcpu *svm, bool cut);

/* svm_inject.c */
bool svm_can_step(void);
void svm_set_debug(struct x86_vcpu *vcpu);
uint32_t svm_inject_view(struct x86_vcpu *vcpu);
void svm_inject_apply(struct x86_vcpu *vcpu, const struct inject_actions *actions);
/* Reports the exit to the injection scheduler, which has work or whose exit it is; returns true if the exit
 * was its own and is done with. */
bool svm_inject_exit(struct svm_vcpu *svm, uint32_t code);

/* svm_permissions.c: the maps are shared by all guests, since no VM is given hardware of its own. */
int svm_permissions_init(void);
uint64_t svm_iopm_pa(void);
uint64_t svm_msrpm_pa(void);

/* svm_inspect.c: the VMCB for people, a line a field. */
void svm_exit_name(uint32_t code, char *text, size_t size);
bool svm_block_line(struct x86_vcpu *vcpu, uint32_t line, char *text, size_t size);
const char *svm_refused(struct x86_vcpu *vcpu);
void svm_spoil_event(struct x86_vcpu *vcpu);
