/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The step that gets a guest out of an interrupt shadow, as far as the stepped instruction matters: unlike an
 * IRET it may be anything, and some instructions store RFLAGS where the guest could see our TF. PUSHF and INT
 * n are intercepted meanwhile and done here, SYSCALL is put right afterwards, POPF and IRET bring a TF of
 * their own.
 */
#include "arch/x86/guest_emulate.h"
#include "arch/x86/regs.h"
#include "arch/x86/svm/svm.h"
#include "arch/x86/x86_debug.h"
#include "core/inject.h"

#define MAP_0F            1
#define OPCODE_0F_SYSCALL 0x05

static enum svm_stepped stepped_of(const struct insn *insn)
{
    if (insn == NULL)
        return SVM_STEPPED_OTHER;
    if (insn->op == INSN_POPF || insn->op == INSN_IRET)
        return SVM_STEPPED_LOADS_FLAGS;
    if (insn->map == MAP_0F && insn->opcode == OPCODE_0F_SYSCALL)
        return SVM_STEPPED_SYSCALL;
    if (insn->op == INSN_MOV_TO_DR && (insn->reg == 6 || insn->reg == 4))
        return SVM_STEPPED_DR6;
    return SVM_STEPPED_OTHER;
}

void svm_shadow_step_begin(struct svm_vcpu *svm)
{
    const struct insn *insn = insn_cache_find(&svm->x86);

    svm->stepped = (uint8_t)stepped_of(insn);
    if (svm->stepped == SVM_STEPPED_DR6)
        svm->stepped_rm = insn->rm;
}

uint32_t svm_shadow_step_exit(struct svm_vcpu *svm, bool trapped)
{
    const struct inject_state *st = &svm->x86.core.inject.state;
    struct vmcb *vmcb = svm->vmcb;
    uint64_t *r11 = &svm->x86.sw.regs.gpr[X86_R11];
    bool executed = trapped || vmcb->rip != st->step_rip;

    if (!executed) {
        svm->stepped = SVM_STEPPED_OTHER;
        return 0;
    }
    if (svm->stepped == SVM_STEPPED_SYSCALL && (vmcb->efer & EFER_LMA) != 0 &&
        (st->step_saved & INJECT_VIEW_TF) == 0)
        *r11 &= ~(uint64_t)RFLAGS_TF;
    return svm->stepped == SVM_STEPPED_LOADS_FLAGS ? (uint32_t)INJECT_EXIT_FLAGS_LOADED : 0;
}

void svm_shadow_step_settle(struct svm_vcpu *svm)
{
    struct vmcb *vmcb = svm->vmcb;

    if (svm->stepped != SVM_STEPPED_DR6)
        return;
    svm->stepped = SVM_STEPPED_OTHER;
    vmcb_set_dr6(vmcb,
                 (vmcb->dr6 & ~INJECT_DR6_BS) | (svm->x86.sw.regs.gpr[svm->stepped_rm] & INJECT_DR6_BS));
}

void svm_shadow_pushf(struct svm_vcpu *svm, struct vm_exit *exit)
{
    x86_emulate_current(&svm->x86, exit);
}

void svm_shadow_int(struct svm_vcpu *svm, struct vm_exit *exit)
{
    struct inject_event event = {.type = INJECT_TYPE_SOFT_INT, .flags = INJECT_EVENT_VALID};
    struct insn insn;

    if (!x86_decode_current(&svm->x86, exit, &insn) ||
        (insn.op != INSN_INT && insn.op != INSN_INT3 && insn.op != INSN_INTO))
        return; /* the guest has changed its code meanwhile: it runs again */
    if (insn.op == INSN_INT3 && x86_debug_filter_bp(&svm->x86))
        return;
    event.vector = insn.op == INSN_INT ? (uint8_t)insn.imm : insn.op == INSN_INT3 ? X86_BP : X86_OF;
    event.type = insn.op == INSN_INT ? INJECT_TYPE_SOFT_INT : INJECT_TYPE_SOFT_EXC;
    event.insn_len = insn.length;
    inject_raise(&svm->x86.core.inject, &event);
}

/*
 * Software events: the frame holds the RIP behind the instruction. CPUs with next RIP are told it; on others
 * RIP itself is moved for the entry, and moved back if the delivery is cut short, for the instruction is then
 * executed again.
 */
void svm_soft_event_begin(struct svm_vcpu *svm, const struct inject_event *event)
{
    struct x86_regs *regs = &svm->x86.sw.regs;

    if (svm_features.nrips) {
        svm->vmcb->next_rip = regs->rip + event->insn_len;
        return;
    }
    regs->rip += event->insn_len;
    svm->soft_advance = event->insn_len;
}

void svm_soft_event_take_back(struct svm_vcpu *svm)
{
    svm->x86.sw.regs.rip -= svm->soft_advance;
    svm->soft_advance = 0;
}

void svm_soft_event_exit(struct svm_vcpu *svm, bool cut)
{
    if (cut) {
        svm->vmcb->rip -= svm->soft_advance;
        svm->x86.sw.regs.rip = svm->vmcb->rip;
    }
    svm->soft_advance = 0;
}
