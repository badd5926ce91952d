/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of the virtual-machine control structure by their encodings, in the manual's order ("Field Encoding
 * in VMCS", Intel SDM volume 3, appendix B), and the bits of those that have any ("Virtual Machine Control
 * Structures"). An encoding says the field's width in bits 14:13; the accessors in vmx_insn.h check it.
 */
#pragma once

#include "lib/bits.h"

enum vmcs_field {
    /* 16 bits */
    VMCS_VPID = 0x0000,
    VMCS_GUEST_ES_SELECTOR = 0x0800, /* CS, SS, DS, FS, GS, LDTR, TR follow in steps of 2 */
    VMCS_GUEST_LDTR_SELECTOR = 0x080c,
    VMCS_GUEST_TR_SELECTOR = 0x080e,
    VMCS_HOST_ES_SELECTOR = 0x0c00,
    VMCS_HOST_CS_SELECTOR = 0x0c02,
    VMCS_HOST_SS_SELECTOR = 0x0c04,
    VMCS_HOST_DS_SELECTOR = 0x0c06,
    VMCS_HOST_FS_SELECTOR = 0x0c08,
    VMCS_HOST_GS_SELECTOR = 0x0c0a,
    VMCS_HOST_TR_SELECTOR = 0x0c0c,

    /* 64 bits */
    VMCS_MSR_BITMAP = 0x2004,
    VMCS_TSC_OFFSET = 0x2010,
    VMCS_VIRTUAL_APIC = 0x2012,
    VMCS_EPT_POINTER = 0x201a,
    VMCS_GUEST_PHYSICAL = 0x2400,
    VMCS_LINK_POINTER = 0x2800,
    VMCS_GUEST_DEBUGCTL = 0x2802,
    VMCS_GUEST_PAT = 0x2804,
    VMCS_GUEST_EFER = 0x2806,
    VMCS_GUEST_PDPTE0 = 0x280a, /* 1-3 follow in steps of 2 */
    VMCS_HOST_PAT = 0x2c00,
    VMCS_HOST_EFER = 0x2c02,

    /* 32 bits */
    VMCS_PIN_CONTROLS = 0x4000,
    VMCS_PRIMARY_CONTROLS = 0x4002,
    VMCS_EXCEPTION_BITMAP = 0x4004,
    VMCS_PF_ERROR_MASK = 0x4006,
    VMCS_PF_ERROR_MATCH = 0x4008,
    VMCS_CR3_TARGET_COUNT = 0x400a,
    VMCS_EXIT_CONTROLS = 0x400c,
    VMCS_EXIT_MSR_STORE_COUNT = 0x400e,
    VMCS_EXIT_MSR_LOAD_COUNT = 0x4010,
    VMCS_ENTRY_CONTROLS = 0x4012,
    VMCS_ENTRY_MSR_LOAD_COUNT = 0x4014,
    VMCS_ENTRY_EVENT = 0x4016,
    VMCS_ENTRY_ERROR = 0x4018,
    VMCS_ENTRY_LENGTH = 0x401a,
    VMCS_TPR_THRESHOLD = 0x401c,
    VMCS_SECONDARY_CONTROLS = 0x401e,
    VMCS_PLE_GAP = 0x4020,
    VMCS_PLE_WINDOW = 0x4022,
    VMCS_INSTRUCTION_ERROR = 0x4400,
    VMCS_EXIT_REASON = 0x4402,
    VMCS_EXIT_EVENT = 0x4404,
    VMCS_EXIT_ERROR = 0x4406,
    VMCS_VECTORING_EVENT = 0x4408,
    VMCS_VECTORING_ERROR = 0x440a,
    VMCS_EXIT_LENGTH = 0x440c,
    VMCS_GUEST_ES_LIMIT = 0x4800, /* CS, SS, DS, FS, GS, LDTR, TR follow in steps of 2 */
    VMCS_GUEST_LDTR_LIMIT = 0x480c,
    VMCS_GUEST_TR_LIMIT = 0x480e,
    VMCS_GUEST_GDTR_LIMIT = 0x4810,
    VMCS_GUEST_IDTR_LIMIT = 0x4812,
    VMCS_GUEST_ES_ACCESS = 0x4814, /* CS, SS, DS, FS, GS, LDTR, TR follow in steps of 2 */
    VMCS_GUEST_CS_ACCESS = 0x4816,
    VMCS_GUEST_SS_ACCESS = 0x4818,
    VMCS_GUEST_LDTR_ACCESS = 0x4820,
    VMCS_GUEST_TR_ACCESS = 0x4822,
    VMCS_GUEST_BLOCKING = 0x4824,
    VMCS_GUEST_ACTIVITY = 0x4826,
    VMCS_GUEST_SYSENTER_CS = 0x482a,
    VMCS_PREEMPTION_TIMER = 0x482e,
    VMCS_HOST_SYSENTER_CS = 0x4c00,

    /* natural width */
    VMCS_CR0_MASK = 0x6000,
    VMCS_CR4_MASK = 0x6002,
    VMCS_CR0_SHADOW = 0x6004,
    VMCS_CR4_SHADOW = 0x6006,
    VMCS_EXIT_QUALIFICATION = 0x6400,
    VMCS_GUEST_LINEAR = 0x640a,
    VMCS_GUEST_CR0 = 0x6800,
    VMCS_GUEST_CR3 = 0x6802,
    VMCS_GUEST_CR4 = 0x6804,
    VMCS_GUEST_ES_BASE = 0x6806, /* CS, SS, DS, FS, GS, LDTR, TR follow in steps of 2 */
    VMCS_GUEST_CS_BASE = 0x6808,
    VMCS_GUEST_FS_BASE = 0x680e,
    VMCS_GUEST_GS_BASE = 0x6810,
    VMCS_GUEST_LDTR_BASE = 0x6812,
    VMCS_GUEST_TR_BASE = 0x6814,
    VMCS_GUEST_GDTR_BASE = 0x6816,
    VMCS_GUEST_IDTR_BASE = 0x6818,
    VMCS_GUEST_DR7 = 0x681a,
    VMCS_GUEST_RSP = 0x681c,
    VMCS_GUEST_RIP = 0x681e,
    VMCS_GUEST_RFLAGS = 0x6820,
    VMCS_GUEST_PENDING_DEBUG = 0x6822,
    VMCS_GUEST_SYSENTER_ESP = 0x6824,
    VMCS_GUEST_SYSENTER_EIP = 0x6826,
    VMCS_HOST_CR0 = 0x6c00,
    VMCS_HOST_CR3 = 0x6c02,
    VMCS_HOST_CR4 = 0x6c04,
    VMCS_HOST_FS_BASE = 0x6c06,
    VMCS_HOST_GS_BASE = 0x6c08,
    VMCS_HOST_TR_BASE = 0x6c0a,
    VMCS_HOST_GDTR_BASE = 0x6c0c,
    VMCS_HOST_IDTR_BASE = 0x6c0e,
    VMCS_HOST_SYSENTER_ESP = 0x6c10,
    VMCS_HOST_SYSENTER_EIP = 0x6c12,
    VMCS_HOST_RSP = 0x6c14,
    VMCS_HOST_RIP = 0x6c16,
};

#define VMCS_WIDTH_FIELD   FIELD(14, 13)
#define VMCS_WIDTH_16      0u
#define VMCS_WIDTH_64      1u
#define VMCS_WIDTH_32      2u
#define VMCS_WIDTH_NATURAL 3u
#define VMCS_STEP          2 /* from one of a row of fields to the next */

/* Pin-based controls */
#define VMCS_PIN_INTERRUPT_EXIT   BIT(0)
#define VMCS_PIN_NMI_EXIT         BIT(3)
#define VMCS_PIN_VIRTUAL_NMI      BIT(5)
#define VMCS_PIN_PREEMPTION_TIMER BIT(6)

/* Primary processor-based controls */
#define VMCS_PRIMARY_INTERRUPT_WINDOW BIT(2)
#define VMCS_PRIMARY_TSC_OFFSET       BIT(3)
#define VMCS_PRIMARY_HLT_EXIT         BIT(7)
#define VMCS_PRIMARY_MWAIT_EXIT       BIT(10)
#define VMCS_PRIMARY_RDPMC_EXIT       BIT(11)
#define VMCS_PRIMARY_TPR_SHADOW       BIT(21)
#define VMCS_PRIMARY_NMI_WINDOW       BIT(22)
#define VMCS_PRIMARY_MOV_DR_EXIT      BIT(23)
#define VMCS_PRIMARY_IO_EXIT          BIT(24)
#define VMCS_PRIMARY_MONITOR_TRAP     BIT(27)
#define VMCS_PRIMARY_MSR_BITMAP       BIT(28)
#define VMCS_PRIMARY_MONITOR_EXIT     BIT(29)
#define VMCS_PRIMARY_SECONDARY        BIT(31)

/* Secondary processor-based controls */
#define VMCS_SECONDARY_EPT          BIT(1)
#define VMCS_SECONDARY_RDTSCP       BIT(3)
#define VMCS_SECONDARY_VPID         BIT(5)
#define VMCS_SECONDARY_WBINVD_EXIT  BIT(6)
#define VMCS_SECONDARY_UNRESTRICTED BIT(7)
#define VMCS_SECONDARY_PAUSE_LOOP   BIT(10)
#define VMCS_SECONDARY_INVPCID      BIT(12)

/* VM-exit controls */
#define VMCS_EXIT_SAVE_DEBUG BIT(2)
#define VMCS_EXIT_HOST_64    BIT(9)
#define VMCS_EXIT_SAVE_PAT   BIT(18)
#define VMCS_EXIT_LOAD_PAT   BIT(19)
#define VMCS_EXIT_SAVE_EFER  BIT(20)
#define VMCS_EXIT_LOAD_EFER  BIT(21)
#define VMCS_EXIT_SAVE_TIMER BIT(22)

/* VM-entry controls */
#define VMCS_ENTRY_LOAD_DEBUG BIT(2)
#define VMCS_ENTRY_GUEST_64   BIT(9)
#define VMCS_ENTRY_LOAD_PAT   BIT(14)
#define VMCS_ENTRY_LOAD_EFER  BIT(15)

/* VMCS_ENTRY_EVENT, VMCS_EXIT_EVENT, VMCS_VECTORING_EVENT */
#define VMCS_EVENT_VECTOR        FIELD(7, 0)
#define VMCS_EVENT_TYPE          FIELD(10, 8) /* enum inject_type */
#define VMCS_EVENT_ERROR_VALID   BIT(11)
#define VMCS_EVENT_NMI_UNBLOCKED BIT(12) /* exits only */
#define VMCS_EVENT_VALID         BIT(31)

/* VMCS_GUEST_BLOCKING, "interruptibility state" */
#define VMCS_BLOCKING_STI    BIT(0)
#define VMCS_BLOCKING_MOV_SS BIT(1)
#define VMCS_BLOCKING_NMI    BIT(3)

/* VMCS_GUEST_PENDING_DEBUG */
#define VMCS_PENDING_DEBUG_BS BIT(14)

/* Access rights: attribute bits 11:8 of a descriptor stand at 15:12. */
#define VMCS_ACCESS_LOW      FIELD(7, 0)
#define VMCS_ACCESS_HIGH     FIELD(15, 12)
#define VMCS_ACCESS_UNUSABLE BIT(16)

/* Exit reasons ("VMX Basic Exit Reasons", appendix C). */
#define VMX_EXIT_BASIC        FIELD(15, 0)
#define VMX_EXIT_ENTRY_FAILED BIT(31)

enum vmx_exit_reason {
    VMX_EXIT_EXCEPTION_NMI = 0,
    VMX_EXIT_INTERRUPT = 1,
    VMX_EXIT_TRIPLE_FAULT = 2,
    VMX_EXIT_INIT = 3,
    VMX_EXIT_SIPI = 4,
    VMX_EXIT_INTERRUPT_WINDOW = 7,
    VMX_EXIT_NMI_WINDOW = 8,
    VMX_EXIT_CPUID = 10,
    VMX_EXIT_GETSEC = 11,
    VMX_EXIT_HLT = 12,
    VMX_EXIT_INVD = 13,
    VMX_EXIT_RDPMC = 15,
    VMX_EXIT_RSM = 17,
    VMX_EXIT_VMCALL = 18,
    VMX_EXIT_VMCLEAR = 19,
    VMX_EXIT_VMXON = 27, /* between them: VMLAUNCH VMPTRLD VMPTRST VMREAD VMRESUME VMWRITE VMXOFF */
    VMX_EXIT_CR_ACCESS = 28,
    VMX_EXIT_MOV_DR = 29,
    VMX_EXIT_IO = 30,
    VMX_EXIT_RDMSR = 31,
    VMX_EXIT_WRMSR = 32,
    VMX_EXIT_BAD_GUEST_STATE = 33,
    VMX_EXIT_MWAIT = 36,
    VMX_EXIT_MONITOR_TRAP = 37,
    VMX_EXIT_MONITOR = 39,
    VMX_EXIT_PAUSE = 40,
    VMX_EXIT_TPR = 43,
    VMX_EXIT_EPT_VIOLATION = 48,
    VMX_EXIT_EPT_MISCONFIG = 49,
    VMX_EXIT_INVEPT = 50,
    VMX_EXIT_PREEMPTION_TIMER = 52,
    VMX_EXIT_INVVPID = 53,
    VMX_EXIT_WBINVD = 54,
    VMX_EXIT_XSETBV = 55,
    VMX_EXIT_VMFUNC = 59,
    VMX_EXIT_TABLE_SIZE = 64,
};

/* Exit qualification of I/O instructions */
#define VMX_IO_SIZE   FIELD(2, 0) /* bytes - 1 */
#define VMX_IO_IN     BIT(3)
#define VMX_IO_STRING BIT(4)
#define VMX_IO_REP    BIT(5)
#define VMX_IO_PORT   FIELD(31, 16)

/* ... of control-register accesses */
#define VMX_CR_NUMBER   FIELD(3, 0)
#define VMX_CR_TYPE     FIELD(5, 4)
#define VMX_CR_TYPE_OUT 1 /* MOV from CR; 0: MOV to CR, 2: CLTS, 3: LMSW */

/* ... of EPT violations */
#define VMX_EPT_WRITE         BIT(1)
#define VMX_EPT_FETCH         BIT(2)
#define VMX_EPT_LINEAR        BIT(7)
#define VMX_EPT_TRANSLATED    BIT(8) /* with LINEAR: the access itself, not the walk to it */
#define VMX_EPT_NMI_UNBLOCKED BIT(12)

/* IA32_VMX_BASIC */
#define VMX_BASIC_REVISION FIELD(30, 0)
#define VMX_BASIC_MEM_TYPE FIELD(53, 50)
#define VMX_BASIC_TRUE     BIT(55)
/* IA32_FEATURE_CONTROL */
#define FEATURE_CONTROL_LOCK BIT(0)
#define FEATURE_CONTROL_VMX  BIT(2) /* outside of SMX */
/* IA32_VMX_MISC */
#define VMX_MISC_TIMER_RATE FIELD(4, 0)
/* IA32_VMX_EPT_VPID_CAP */
#define VMX_EPT_CAP_WALK_4     BIT(6)
#define VMX_EPT_CAP_WB         BIT(14)
#define VMX_EPT_CAP_2M         BIT(16)
#define VMX_EPT_CAP_1G         BIT(17)
#define VMX_EPT_CAP_INVEPT     BIT(20)
#define VMX_EPT_CAP_AD         BIT(21)
#define VMX_EPT_CAP_INVEPT_ONE BIT(25)
#define VMX_EPT_CAP_INVEPT_ALL BIT(26)

/* EPT pointer */
#define EPTP_WB     6u
#define EPTP_WALK_4 (3u << 3)
#define EPTP_AD     BIT(6)
