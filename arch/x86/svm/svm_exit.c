/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVM exit codes into neutral words. One const table gives each code its kind and instruction length rule;
 * codes that carry information have a decoder. A code that is not in the table stops the VM with a record.
 */
#include "arch/x86/exit.h"
#include "arch/x86/insn.h"
#include "arch/x86/svm/svm.h"
#include "arch/x86/vlapic.h"
#include "lib/assert.h"

typedef void (*svm_decoder)(struct svm_vcpu *svm, struct vm_exit *exit);

/* Whether the handler skips the instruction, and so needs its length. */
enum length_rule {
    LENGTH_NONE, /* trap-like, or re-executed */
    LENGTH_INSN, /* nRIP, else by decoding */
    LENGTH_INFO, /* the decoder fills it */
};

/* What else there is to say of an exit: place in decoders[]. */
enum decoder {
    DECODE_NOTHING,
    DECODE_IOIO,
    DECODE_MSR,
    DECODE_NPF,
    DECODE_INTERRUPTED,
    DECODE_CR_WRITE,
    DECODE_MACHINE_CHECK,
    DECODE_PUSHF,
    DECODE_INT,
    DECODERS,
};

#define KNOWN BIT(0) /* code that is in the table */
#define PLAIN BIT(1) /* the scheduler is told only when it has work, not always */

struct svm_exit_entry {
    uint8_t kind;   /* enum vm_exit_kind */
    uint8_t length; /* enum length_rule */
    uint8_t flags;
    uint8_t decoder;
};

static inline void decode_plain_ioio(const struct vmcb *vmcb, struct vm_exit *exit)
{
    uint32_t info = (uint32_t)vmcb->exitinfo1;

    exit->length = (uint8_t)(vmcb->exitinfo2 - vmcb->rip);
    exit->u.pio.port = (uint16_t)field_get(info, VMCB_IOIO_PORT);
    exit->u.pio.size = (uint8_t)field_get(info, VMCB_IOIO_SIZE);
    exit->u.pio.is_write = ((info ^ VMCB_IOIO_IN) & VMCB_IOIO_IN) != 0;
    exit->u.pio.is_string = (info & VMCB_IOIO_STRING) != 0;
}

static void decode_ioio(struct svm_vcpu *svm, struct vm_exit *exit)
{
    decode_plain_ioio(svm->vmcb, exit);
}

static void decode_msr(struct svm_vcpu *svm, struct vm_exit *exit)
{
    exit->kind = svm->vmcb->exitinfo1 != 0 ? VM_EXIT_SYSREG_WRITE : VM_EXIT_SYSREG_READ;
    exit->u.sysreg.number = (uint32_t)svm->x86.sw.regs.gpr[X86_RCX];
}

static void decode_npf(struct svm_vcpu *svm, struct vm_exit *exit)
{
    uint64_t info = svm->vmcb->exitinfo1;

    exit->u.mmio.at = gpa(svm->vmcb->exitinfo2);
    exit->u.mmio.is_write = (info & VMCB_NPF_WRITE) != 0;
    exit->u.mmio.is_fetch = (info & VMCB_NPF_FETCH) != 0;
    exit->u.mmio.during_walk = (info & VMCB_NPF_WALK) != 0;
    exit->u.mmio.during_delivery = (svm->vmcb->exitintinfo & VMCB_EVENT_VALID) != 0;
}

/*
 * An interrupt of the host can end the guest again before it has executed anything, so at an unchanged RIP
 * the shadow still holds. One emulator forgets it at VMRUN and reports none then. (Had the guest come back to
 * RIP by itself, NMIs would wait for one instruction in vain, no more.)
 */
static inline void note_shadow(struct svm_vcpu *svm)
{
    struct vmcb *vmcb = svm->vmcb;

    if ((vmcb->interrupt_shadow & VMCB_INTERRUPT_SHADOW) != 0)
        svm->shadow_rip = vmcb->rip;
    else if (vmcb->rip == svm->shadow_rip)
        vmcb->interrupt_shadow |= VMCB_INTERRUPT_SHADOW;
    else
        svm->shadow_rip = SVM_NO_RIP;
}

static void decode_interrupted(struct svm_vcpu *svm, struct vm_exit *exit)
{
    (void)exit;
    note_shadow(svm);
}

static void decode_cr_write(struct svm_vcpu *svm, struct vm_exit *exit)
{
    struct vmcb *vmcb = svm->vmcb;

    /* LMA follows PG and LME. One emulator (Bochs) changes it for the value to be written and exits only
     * then. */
    if ((vmcb->cr0 & CR0_PG) != 0 && (vmcb->efer & EFER_LME) != 0)
        vmcb_set_efer(vmcb, vmcb->efer | EFER_LMA);
    exit->u.control.cr = (uint8_t)(svm->vmcb->exitcode - VMCB_EXIT_CR0_WRITE);
    exit->u.control.is_write = true;
}

/* Unlike an interrupt or NMI it is not pending any more: the exit was its delivery. */
static void decode_machine_check(struct svm_vcpu *svm, struct vm_exit *exit)
{
    (void)svm;
    (void)exit;
    insn_int_mc();
}

static const svm_decoder decoders[DECODERS] = {
    [DECODE_IOIO] = decode_ioio,         [DECODE_MSR] = decode_msr,
    [DECODE_NPF] = decode_npf,           [DECODE_INTERRUPTED] = decode_interrupted,
    [DECODE_CR_WRITE] = decode_cr_write, [DECODE_MACHINE_CHECK] = decode_machine_check,
    [DECODE_PUSHF] = svm_shadow_pushf,   [DECODE_INT] = svm_shadow_int,
};

static const struct svm_exit_entry exception_entry = {VM_EXIT_UNKNOWN, LENGTH_NONE, KNOWN, DECODE_NOTHING};
static const struct svm_exit_entry npf_entry = {VM_EXIT_MMIO, LENGTH_NONE, KNOWN | PLAIN, DECODE_NPF};
static const struct svm_exit_entry invalid_entry = {VM_EXIT_BAD_STATE, LENGTH_NONE, KNOWN, DECODE_NOTHING};
static const struct svm_exit_entry unknown_entry = {VM_EXIT_UNKNOWN, LENGTH_NONE, KNOWN, DECODE_NOTHING};

static const struct svm_exit_entry exit_table[VMCB_EXIT_TABLE_SIZE] = {
    [VMCB_EXIT_CR0_WRITE] = {VM_EXIT_CONTROL_REG, LENGTH_NONE, KNOWN | PLAIN, DECODE_CR_WRITE},
    [VMCB_EXIT_CR0_WRITE + 3] = {VM_EXIT_CONTROL_REG, LENGTH_NONE, KNOWN | PLAIN, DECODE_CR_WRITE},
    [VMCB_EXIT_CR0_WRITE + 4] = {VM_EXIT_CONTROL_REG, LENGTH_NONE, KNOWN | PLAIN, DECODE_CR_WRITE},
    [VMCB_EXIT_CR0_WRITE + 8] = {VM_EXIT_CONTROL_REG, LENGTH_NONE, KNOWN | PLAIN, DECODE_CR_WRITE},
    [VMCB_EXIT_DR0_READ...
        VMCB_EXIT_DR15_WRITE] = {VM_EXIT_DEBUG_REG, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_EXCEPTION + X86_UD] = {VM_EXIT_INVALID_OPCODE, LENGTH_NONE, KNOWN, DECODE_NOTHING},
    [VMCB_EXIT_EXCEPTION + X86_MC] = {VM_EXIT_HOST_EVENT, LENGTH_NONE, KNOWN | PLAIN, DECODE_MACHINE_CHECK},
    [VMCB_EXIT_INTR] = {VM_EXIT_HOST_EVENT, LENGTH_NONE, KNOWN | PLAIN, DECODE_INTERRUPTED},
    [VMCB_EXIT_NMI] = {VM_EXIT_HOST_EVENT, LENGTH_NONE, KNOWN | PLAIN, DECODE_INTERRUPTED},
    [VMCB_EXIT_SMI] = {VM_EXIT_HOST_EVENT, LENGTH_NONE, KNOWN | PLAIN, DECODE_INTERRUPTED},
    [VMCB_EXIT_INIT] = {VM_EXIT_HOST_EVENT, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_VINTR] = {VM_EXIT_NONE, LENGTH_NONE, KNOWN, DECODE_NOTHING},
    [VMCB_EXIT_IRET] = {VM_EXIT_NONE, LENGTH_NONE, KNOWN, DECODE_NOTHING},
    [VMCB_EXIT_RDPMC] = {VM_EXIT_COUNTER_READ, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_PUSHF] = {VM_EXIT_NONE, LENGTH_NONE, KNOWN | PLAIN, DECODE_PUSHF},
    [VMCB_EXIT_INTN] = {VM_EXIT_NONE, LENGTH_NONE, KNOWN | PLAIN, DECODE_INT},
    [VMCB_EXIT_CPUID] = {VM_EXIT_CPUID, LENGTH_INSN, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_RSM] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_INVD] = {VM_EXIT_CACHE, LENGTH_INSN, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_PAUSE] = {VM_EXIT_PAUSE, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_HLT] = {VM_EXIT_HALT, LENGTH_INSN, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_INVLPGA] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_IOIO] = {VM_EXIT_PIO, LENGTH_INFO, KNOWN | PLAIN, DECODE_IOIO},
    [VMCB_EXIT_MSR] = {VM_EXIT_SYSREG_READ, LENGTH_INSN, KNOWN | PLAIN, DECODE_MSR},
    [VMCB_EXIT_SHUTDOWN] = {VM_EXIT_SHUTDOWN, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_VMRUN] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_VMMCALL] = {VM_EXIT_HYPERCALL, LENGTH_INSN, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_VMLOAD] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_VMSAVE] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_STGI] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_CLGI] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_SKINIT] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_WBINVD] = {VM_EXIT_CACHE, LENGTH_INSN, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_MONITOR] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_MWAIT] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_XSETBV] = {VM_EXIT_XSETBV, LENGTH_INSN, KNOWN | PLAIN, DECODE_NOTHING},
    [VMCB_EXIT_RDPRU] = {VM_EXIT_UNDEFINED, LENGTH_NONE, KNOWN | PLAIN, DECODE_NOTHING},
};

static inline void decode_entry(struct svm_vcpu *svm, struct vm_exit *exit,
                                const struct svm_exit_entry *entry)
{
    exit->kind = (enum vm_exit_kind)entry->kind;
    if (entry->decoder != DECODE_NOTHING)
        decoders[entry->decoder](svm, exit);
}

/* Where neither the hardware nor the cache gives the length; false: there is nothing to be done any more. */
static bool find_length(struct svm_vcpu *svm, struct vm_exit *exit)
{
    struct code_context code = svm_code_context(svm);

    exit->length = insn_cache_find_length(&svm->x86, &svm->x86.insns, &code);
    return exit->length != 0 || x86_find_length(&svm->x86, exit);
}

static __attribute__((noinline)) void decode_length(struct svm_vcpu *svm, struct vm_exit *exit,
                                                    const struct svm_exit_entry *entry)
{
    if (find_length(svm, exit))
        decode_entry(svm, exit, entry);
    else
        exit->kind = VM_EXIT_NONE;
}

/* exit->length is 0. */
static inline void decode_plain(struct svm_vcpu *svm, struct vm_exit *exit,
                                const struct svm_exit_entry *entry)
{
    if (entry->length == LENGTH_INSN) {
        exit->length = svm_features.nrips ? (uint8_t)(svm->vmcb->next_rip - svm->vmcb->rip)
                                          : insn_cache_length(&svm->x86.insns, svm_code_context(svm));
        if (UNLIKELY(exit->length == 0)) {
            decode_length(svm, exit, entry);
            return;
        }
    }
    decode_entry(svm, exit, entry);
}

static const struct svm_exit_entry *entry_of(uint32_t code)
{
    if (code < VMCB_EXIT_TABLE_SIZE && exit_table[code].flags != 0)
        return &exit_table[code];
    if (code == VMCB_EXIT_NPF)
        return &npf_entry;
    if (code == VMCB_EXIT_INVALID)
        return &invalid_entry;
    if (code - VMCB_EXIT_EXCEPTION <= VMCB_EXIT_EXCEPTION_LAST - VMCB_EXIT_EXCEPTION)
        return &exception_entry;
    return &unknown_entry;
}

/* Every exit that is not plain: the injection scheduler hears of it first, or the table does not have it. */
static __attribute__((noinline)) void decode_slowly(struct svm_vcpu *svm, struct vm_exit *exit, bool cut)
{
    uint32_t code = (uint32_t)exit->raw;
    const struct svm_exit_entry *entry = entry_of(code);

    if (((entry->flags & PLAIN) == 0 || inject_exit_has_work(&svm->x86.core.inject, cut)) &&
        svm_inject_exit(svm, code))
        exit->kind = VM_EXIT_NONE;
    else
        decode_plain(svm, exit, entry);
}

static inline void decode_plain_npf(struct svm_vcpu *svm, const struct vmcb *vmcb, struct vm_exit *exit)
{
    uint64_t info = vmcb->exitinfo1;

    exit->kind = VM_EXIT_MMIO;
    exit->u.mmio.at = gpa(vmcb->exitinfo2);
    exit->u.mmio.is_write = (info & VMCB_NPF_WRITE) != 0;
    exit->u.mmio.is_fetch = exit->u.mmio.during_walk = exit->u.mmio.during_delivery = false;
    if (UNLIKELY((info & (VMCB_NPF_FETCH | VMCB_NPF_WALK)) != 0))
        decode_npf(svm, exit);
}

void svm_decode_exit(struct svm_vcpu *svm, struct vm_exit *exit)
{
    const struct vmcb *vmcb = svm->vmcb;
    uint32_t code = (uint32_t)vmcb->exitcode;
    bool cut = (vmcb->exitintinfo & VMCB_EVENT_VALID) != 0;

    exit->raw = code;
    exit->length = 0;
    if (UNLIKELY(inject_exit_has_work(&svm->x86.core.inject, cut))) {
        decode_slowly(svm, exit, cut);
    } else if (code == VMCB_EXIT_NPF) {
        decode_plain_npf(svm, vmcb, exit);
    } else if (code == VMCB_EXIT_IOIO) {
        exit->kind = VM_EXIT_PIO;
        decode_plain_ioio(vmcb, exit);
    } else if (UNLIKELY(code >= VMCB_EXIT_TABLE_SIZE || (exit_table[code].flags & PLAIN) == 0)) {
        decode_slowly(svm, exit, cut);
    } else {
        decode_plain(svm, exit, &exit_table[code]);
    }
}
