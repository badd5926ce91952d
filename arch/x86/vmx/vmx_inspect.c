/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCS for people: a line a field, in the order of the encodings, with the names of the bits that are
 * set. Rows of segment registers are one entry of the table.
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/vmx/vmx_insn.h"
#include "core/inspect.h"
#include "lib/printf.h"

enum how {
    PLAIN,
    EVENT,
    REASON,
    BITS, /* from here on: names of the bits in bit_names[] */
    BITS_EFER = BITS,
    BITS_PIN,
    BITS_PRIMARY,
    BITS_EXCEPTIONS,
    BITS_AT_EXIT,
    BITS_AT_ENTRY,
    BITS_SECONDARY,
    BITS_BLOCKING,
    BITS_CR0,
    BITS_CR4,
    BITS_RFLAGS,
};

struct field {
    char name[14];
    uint16_t field;
    uint8_t how;
    uint8_t row; /* 0, or so many of them follow one another: of segments, or by number */
};

static const char exceptions[] = "de,db,nmi,bp,of,br,ud,nm,df,,ts,np,ss,gp,pf,,mf,ac,mc,xm,";
static const char cr0_bits[] = "pe,mp,em,ts,et,ne,,,,,,,,,,,wp,,am,,,,,,,,,,,nw,cd,pg,";
static const char cr4_bits[] = "vme,pvi,tsd,de,pse,pae,mce,pge,pce,osfxsr,osxmmexcpt,umip,la57,vmxe,smxe,,"
                               "fsgsbase,pcide,osxsave,,smep,smap,pke,";

#define SEGMENTS 8
#define PDPTES   4

static const char *const bit_names[] = {
    [BITS_EFER - BITS] = "sce,,,,,,,,lme,,lma,nxe,",
    [BITS_PIN - BITS] = "interrupt_exit,,,nmi_exit,,virtual_nmi,preemption_timer,posted,",
    [BITS_PRIMARY - BITS] =
        ",,interrupt_window,tsc_offset,,,,hlt,,invlpg,mwait,rdpmc,rdtsc,,,cr3_load,cr3_store,,,cr8_load,cr8_"
        "store,"
        "tpr_shadow,nmi_window,mov_dr,io,io_bitmaps,,monitor_trap,msr_bitmap,monitor,pause,secondary,",
    [BITS_EXCEPTIONS - BITS] = exceptions,
    [BITS_AT_EXIT - BITS] =
        ",,save_debug,,,,,,,host_64,,,,,,ack_interrupt,,,save_pat,load_pat,save_efer,load_efer,save_timer,",
    [BITS_AT_ENTRY - BITS] = ",,load_debug,,,,,,,guest_64,,,,,load_pat,load_efer,",
    [BITS_SECONDARY - BITS] = "apic_accesses,ept,table_exit,rdtscp,x2apic,vpid,wbinvd,unrestricted,apic_"
                              "registers,virtual_interrupts,"
                              "pause_loop,rdrand,invpcid,vmfunc,",
    [BITS_BLOCKING - BITS] = "sti,mov_ss,smi,nmi,",
    [BITS_CR0 - BITS] = cr0_bits,
    [BITS_CR4 - BITS] = cr4_bits,
    [BITS_RFLAGS - BITS] = "cf,one,pf,,af,,zf,sf,tf,if,df,of,iopl0,iopl1,nt,,rf,vm,ac,vif,vip,id,",
};

static const struct field fields[] = {
    {"vpid", VMCS_VPID, PLAIN, 0},
    {"selector", VMCS_GUEST_ES_SELECTOR, PLAIN, SEGMENTS},
    {"msr_bitmap", VMCS_MSR_BITMAP, PLAIN, 0},
    {"tsc_offset", VMCS_TSC_OFFSET, PLAIN, 0},
    {"virtual_apic", VMCS_VIRTUAL_APIC, PLAIN, 0},
    {"ept_pointer", VMCS_EPT_POINTER, PLAIN, 0},
    {"guest_phys", VMCS_GUEST_PHYSICAL, PLAIN, 0},
    {"link_pointer", VMCS_LINK_POINTER, PLAIN, 0},
    {"debugctl", VMCS_GUEST_DEBUGCTL, PLAIN, 0},
    {"pat", VMCS_GUEST_PAT, PLAIN, 0},
    {"efer", VMCS_GUEST_EFER, BITS_EFER, 0},
    {"pdpte", VMCS_GUEST_PDPTE0, PLAIN, PDPTES},
    {"pin", VMCS_PIN_CONTROLS, BITS_PIN, 0},
    {"primary", VMCS_PRIMARY_CONTROLS, BITS_PRIMARY, 0},
    {"exceptions", VMCS_EXCEPTION_BITMAP, BITS_EXCEPTIONS, 0},
    {"at_exit", VMCS_EXIT_CONTROLS, BITS_AT_EXIT, 0},
    {"at_entry", VMCS_ENTRY_CONTROLS, BITS_AT_ENTRY, 0},
    {"entry_event", VMCS_ENTRY_EVENT, EVENT, 0},
    {"entry_error", VMCS_ENTRY_ERROR, PLAIN, 0},
    {"entry_length", VMCS_ENTRY_LENGTH, PLAIN, 0},
    {"tpr_threshold", VMCS_TPR_THRESHOLD, PLAIN, 0},
    {"secondary", VMCS_SECONDARY_CONTROLS, BITS_SECONDARY, 0},
    {"instr_error", VMCS_INSTRUCTION_ERROR, PLAIN, 0},
    {"exit_reason", VMCS_EXIT_REASON, REASON, 0},
    {"exit_event", VMCS_EXIT_EVENT, EVENT, 0},
    {"exit_error", VMCS_EXIT_ERROR, PLAIN, 0},
    {"vectoring", VMCS_VECTORING_EVENT, EVENT, 0},
    {"vector_error", VMCS_VECTORING_ERROR, PLAIN, 0},
    {"exit_length", VMCS_EXIT_LENGTH, PLAIN, 0},
    {"limit", VMCS_GUEST_ES_LIMIT, PLAIN, SEGMENTS},
    {"gdtr_limit", VMCS_GUEST_GDTR_LIMIT, PLAIN, 0},
    {"idtr_limit", VMCS_GUEST_IDTR_LIMIT, PLAIN, 0},
    {"access", VMCS_GUEST_ES_ACCESS, PLAIN, SEGMENTS},
    {"blocking", VMCS_GUEST_BLOCKING, BITS_BLOCKING, 0},
    {"activity", VMCS_GUEST_ACTIVITY, PLAIN, 0},
    {"cr0_mask", VMCS_CR0_MASK, BITS_CR0, 0},
    {"cr4_mask", VMCS_CR4_MASK, PLAIN, 0},
    {"cr0_shadow", VMCS_CR0_SHADOW, BITS_CR0, 0},
    {"cr4_shadow", VMCS_CR4_SHADOW, BITS_CR4, 0},
    {"exit_qualif", VMCS_EXIT_QUALIFICATION, PLAIN, 0},
    {"guest_linear", VMCS_GUEST_LINEAR, PLAIN, 0},
    {"cr0", VMCS_GUEST_CR0, BITS_CR0, 0},
    {"cr3", VMCS_GUEST_CR3, PLAIN, 0},
    {"cr4", VMCS_GUEST_CR4, BITS_CR4, 0},
    {"base", VMCS_GUEST_ES_BASE, PLAIN, SEGMENTS},
    {"gdtr_base", VMCS_GUEST_GDTR_BASE, PLAIN, 0},
    {"idtr_base", VMCS_GUEST_IDTR_BASE, PLAIN, 0},
    {"dr7", VMCS_GUEST_DR7, PLAIN, 0},
    {"rsp", VMCS_GUEST_RSP, PLAIN, 0},
    {"rip", VMCS_GUEST_RIP, PLAIN, 0},
    {"rflags", VMCS_GUEST_RFLAGS, BITS_RFLAGS, 0},
    {"pending_debug", VMCS_GUEST_PENDING_DEBUG, PLAIN, 0},
    {"host_cr3", VMCS_HOST_CR3, PLAIN, 0},
    {"host_rsp", VMCS_HOST_RSP, PLAIN, 0},
    {"host_rip", VMCS_HOST_RIP, PLAIN, 0},
};

static const char reasons[] =
    "exception_nmi,interrupt,triple_fault,init,sipi,,,interrupt_window,nmi_window,task_switch,cpuid,getsec,"
    "hlt,invd,"
    "invlpg,rdpmc,rdtsc,rsm,vmcall,vmclear,vmlaunch,vmptrld,vmptrst,vmread,vmresume,vmwrite,vmxoff,vmxon,cr_"
    "access,"
    "mov_dr,io,rdmsr,wrmsr,bad_guest_state,msr_load,,mwait,monitor_trap,,monitor,pause,machine_check,,tpr,"
    "apic_access,eoi,table,ldtr_tr,ept_violation,ept_misconfig,invept,rdtscp,preemption_timer,invvpid,wbinvd,"
    "xsetbv,";

void vmx_exit_name(uint32_t code, char *text, size_t size)
{
    text[0] = '\0';
    if ((code & VMX_EXIT_BASIC) < VMX_EXIT_TABLE_SIZE)
        inspect_bits(text, size, BIT(code & VMX_EXIT_BASIC), reasons);
}

static void field_line(const struct field *field, uint32_t row, char *text, size_t size)
{
    static const char segments[SEGMENTS][5] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
    uint64_t value = vmcs_read_any(field->field + row * VMCS_STEP);
    char name[24];
    size_t length;

    if (field->row == SEGMENTS)
        fmt_snprintf(name, sizeof(name), "%s_%s", segments[row], field->name);
    else if (field->row != 0)
        fmt_snprintf(name, sizeof(name), "%s%u", field->name, row);
    else
        fmt_snprintf(name, sizeof(name), "%s", field->name);
    length = (size_t)fmt_snprintf(text, size, "%-13s 0x%lx", name, value);
    if (field->how >= BITS)
        inspect_bits(text, size, value, bit_names[field->how - BITS]);
    else if (field->how == REASON)
        vmx_exit_name((uint32_t)value, text + length, size - length);
    else if (field->how == EVENT && (value & VMCS_EVENT_VALID) != 0)
        fmt_snprintf(text + length, size - length, " vector %lu type %lu",
                     field_get(value, VMCS_EVENT_VECTOR), field_get(value, VMCS_EVENT_TYPE));
    else if (field->how == EVENT)
        fmt_snprintf(text + length, size - length, " none");
}

bool vmx_block_line(struct x86_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed;

    for (uint32_t i = 0; i < ARRAY_COUNT(fields); i++) {
        const struct field *field = &fields[i];
        uint32_t count = field->row != 0 ? field->row : 1;

        if (line >= count) {
            line -= count;
            continue;
        }
        /* Not every CPU has the field. */
        if (field->field == VMCS_VPID && (vmx_features.secondary & VMCS_SECONDARY_VPID) == 0) {
            fmt_snprintf(text, size, "%-13s (none)", field->name);
            return true;
        }
        borrowed = vmx_borrow(vmx);
        field_line(field, line, text, size);
        vmx_return(vmx, borrowed);
        return true;
    }
    return false;
}
