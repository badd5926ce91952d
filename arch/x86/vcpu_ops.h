/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a hardware vendor provides: one const table, chosen once at boot. Everything above decodes nothing and
 * below emulates nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/regs.h"
#include "arch/x86/x86_vm.h"
#include "core/config.h"
#include "core/inject.h"

/* Control registers and other state that the vendor keeps in its control block. */
enum x86_state {
    X86_STATE_CR0,
    X86_STATE_CR2,
    X86_STATE_CR3,
    X86_STATE_CR4,
    X86_STATE_EFER,
    X86_STATE_DR6,
    X86_STATE_DR7,
    X86_STATE_PAT,
    X86_STATE_FS_BASE,
    X86_STATE_GS_BASE,
    X86_STATE_KERNEL_GS_BASE,
    X86_STATE_COUNT,
};

enum x86_table {
    X86_TABLE_GDTR,
    X86_TABLE_IDTR,
    X86_TABLE_LDTR,
    X86_TABLE_TR,
    X86_TABLES,
};

struct trap_frame;

struct inject_ops {
    /* What the hardware shows, INJECT_VIEW_*; the interrupt controller's part is added by the caller. */
    uint32_t (*view)(struct x86_vcpu *vcpu);
    /* Carries out flags, windows and the event; ACK_IRQ, SHUTDOWN and WARN_SOFT are the caller's. */
    void (*apply)(struct x86_vcpu *vcpu, const struct inject_actions *actions);
};

struct vcpu_ops {
    const char *name; /* "AMD SVM", "Intel VMX" */

    /* Prints one line per missing feature. 0 or E_NOTSUP. Boot CPU. */
    int (*check_features)(void);
    /*
     * How NMIs are tracked on this CPU, given the user's wish, and INJECT_CAP_*. E_NOTSUP: this CPU cannot,
     * one line printed. Boot CPU, after check_features.
     */
    int (*choose_nmi)(enum nmi_way wish, enum inject_way_id *way, uint32_t *caps);
    /* Turns virtualization on for the calling CPU. 0, E_NOMEM, E_NOTSUP. */
    int (*cpu_enable)(void);

    /* Builds / frees what a VM shares between its vCPUs: nested page tables over vm->mem. 0 or E_NOMEM. */
    int (*vm_create)(struct x86_vm *vm);
    /* Allocates a vCPU in power-on state. NULL without memory. */
    struct x86_vcpu *(*vcpu_create)(struct x86_vm *vm, uint32_t id);
    /* Architectural INIT/RESET state (x86_vcpu.regs included). */
    void (*vcpu_reset)(struct x86_vcpu *vcpu);

    /* The vCPU moves onto / off the calling CPU. */
    void (*load)(struct x86_vcpu *vcpu);
    void (*put)(struct x86_vcpu *vcpu);
    /* Enters and handles exits until x86_prepare_entry() says to leave. */
    void (*run)(struct x86_vcpu *vcpu);
    /* In the host's NMI handler, where an NMI could fall between run()'s last look and the entry; may be
     * NULL. */
    void (*host_nmi)(struct trap_frame *frame);

    uint64_t (*get)(struct x86_vcpu *vcpu, enum x86_state which);
    void (*set)(struct x86_vcpu *vcpu, enum x86_state which, uint64_t value);
    void (*get_segs)(struct x86_vcpu *vcpu, struct x86_seg segs[X86_SREGS]);
    void (*set_seg)(struct x86_vcpu *vcpu, enum x86_sreg which, const struct x86_seg *seg);
    void (*get_table)(struct x86_vcpu *vcpu, enum x86_table which, struct x86_seg *table);
    void (*set_table)(struct x86_vcpu *vcpu, enum x86_table which, const struct x86_seg *table);
    uint8_t (*get_cpl)(struct x86_vcpu *vcpu);
    /* The guest may change its TPR without an exit, in x86_vcpu.cr8_byte: the hardware's copy (0..15), and a
     * new value for it. */
    uint8_t (*get_cr8)(struct x86_vcpu *vcpu);
    void (*set_cr8)(struct x86_vcpu *vcpu, uint8_t cr8);
    /* Where the next instruction is fetched from. */
    struct code_context (*code_context)(struct x86_vcpu *vcpu);
    /* All translations of this vCPU, by the guest's own tables and by the nested ones, go before its next
     * entry. Its owner; loaded. */
    void (*flush_tlb)(struct x86_vcpu *vcpu);
    void (*set_tsc_offset)(struct x86_vcpu *vcpu, uint64_t offset);

    /* For people, of a vCPU that is loaded nowhere: see arch_inspect_line(). */
    bool (*block_line)(struct x86_vcpu *vcpu, uint32_t line, char *text, size_t size);
    /* " name" of an exit code, "" for one that has none. */
    void (*exit_name)(uint32_t code, char *text, size_t size);
    /* What of the control block itself the hardware refuses, in words; NULL: nothing known. Also of a loaded
     * one. */
    const char *(*refused)(struct x86_vcpu *vcpu);
    void (*spoil_event)(struct x86_vcpu *vcpu); /* arch_vcpu_spoil(): an event to be delivered, of no type */
    const char *block_name;                     /* "vmcb", "vmcs" */
    const char *nested_name;                    /* "NPT", "EPT" */

    /* vcpu->debug.flags have changed, or the control block was reset: exits accordingly. */
    void (*set_debug)(struct x86_vcpu *vcpu);
    bool (*can_step)(void); /* INJECT_VIEW_STEP may be asked for */

    struct inject_ops inject;
};

extern const struct vcpu_ops svm_ops;
extern const struct vcpu_ops vmx_ops;

/* The one in use; set by arch_virt_init(). */
extern const struct vcpu_ops *x86_ops;
