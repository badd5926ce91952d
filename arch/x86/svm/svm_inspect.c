/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCB for people: a line a field, in the manual's order, with the names of the bits that are set.
 */
#include "arch/x86/insn.h"
#include "arch/x86/svm/svm.h"
#include "core/inspect.h"
#include "lib/printf.h"

enum how {
    PLAIN,
    EVENT,   /* EVENTINJ, EXITINTINFO */
    EXIT,    /* exit code */
    SEGMENT, /* struct x86_seg */
    BITS,    /* from here on: names of the bits in bit_names[] */
    BITS_INTERCEPT_CR = BITS,
    BITS_INTERCEPT_EXCEPTION,
    BITS_INTERCEPT_1,
    BITS_INTERCEPT_2,
    BITS_INT_CTL,
    BITS_INTERRUPT_SHADOW,
    BITS_NESTED_CONTROL,
    BITS_CLEAN,
    BITS_EFER,
    BITS_CR4,
    BITS_CR0,
    BITS_RFLAGS,
};

struct field {
    char name[12];
    uint16_t offset;
    uint8_t size;
    uint8_t how;
};

#define AT(name, member, how)                                                        \
    {                                                                                \
        name, offsetof(struct vmcb, member), sizeof(((struct vmcb *)0)->member), how \
    }

static const char exceptions[] = "de,db,nmi,bp,of,br,ud,nm,df,,ts,np,ss,gp,pf,,mf,ac,mc,xm,";
static const char efer_bits[] = "sce,,,,,,,,lme,,lma,nxe,svme,lmsle,ffxsr,tce,,,,,,aibrse,";

static const char *const bit_names[] = {
    [BITS_INTERCEPT_CR - BITS] = "cr0r,cr1r,cr2r,cr3r,cr4r,,,,cr8r,,,,,,,,cr0w,cr1w,cr2w,cr3w,cr4w,,,,cr8w,",
    [BITS_INTERCEPT_EXCEPTION - BITS] = exceptions,
    [BITS_INTERCEPT_1 - BITS] =
        "intr,nmi,smi,init,vintr,cr0sel,,,,,,,,,rdtsc,rdpmc,pushf,popf,cpuid,rsm,iret,intn,invd,pause,hlt,"
        "invlpg,invlpga,io,msr,task,ferr,shutdown,",
    [BITS_INTERCEPT_2 - BITS] =
        "vmrun,vmmcall,vmload,vmsave,stgi,clgi,skinit,rdtscp,icebp,wbinvd,monitor,mwait,mwaitc,xsetbv,"
        "rdpru,",
    [BITS_INT_CTL - BITS] =
        "tpr0,tpr1,tpr2,tpr3,,,,,v_irq,v_gif,,v_nmi,v_nmi_mask,,,,,,,,v_ign_tpr,,,,v_intr_masking,v_gif_"
        "enable,"
        "v_nmi_enable,",
    [BITS_INTERRUPT_SHADOW - BITS] = "interrupt_shadow,",
    [BITS_NESTED_CONTROL - BITS] = "np_enable,sev,",
    [BITS_CLEAN - BITS] = "i,iopm,asid,tpr,np,crx,drx,dt,seg,cr2,lbr,",
    [BITS_EFER - BITS] = efer_bits,
    [BITS_CR4 - BITS] =
        "vme,pvi,tsd,de,pse,pae,mce,pge,pce,osfxsr,osxmmexcpt,umip,la57,,,,fsgsbase,pcide,osxsave,,smep,"
        "smap,pke,"
        "cet,",
    [BITS_CR0 - BITS] = "pe,mp,em,ts,et,ne,,,,,,,,,,,wp,,am,,,,,,,,,,,nw,cd,pg,",
    [BITS_RFLAGS - BITS] = "cf,one,pf,,af,,zf,sf,tf,if,df,of,iopl0,iopl1,nt,,rf,vm,ac,vif,vip,id,",
};

static const struct field fields[] = {
    AT("icept_cr", intercept_cr, BITS_INTERCEPT_CR),
    AT("icept_dr", intercept_dr, PLAIN),
    AT("icept_exc", intercept_exception, BITS_INTERCEPT_EXCEPTION),
    AT("icept_1", intercept_1, BITS_INTERCEPT_1),
    AT("icept_2", intercept_2, BITS_INTERCEPT_2),
    AT("icept_3", intercept_3, PLAIN),
    AT("pause_count", pause_filter_count, PLAIN),
    AT("iopm", iopm_base, PLAIN),
    AT("msrpm", msrpm_base, PLAIN),
    AT("tsc_offset", tsc_offset, PLAIN),
    AT("asid", asid, PLAIN),
    AT("tlb_control", tlb_control, PLAIN),
    AT("int_ctl", int_ctl, BITS_INT_CTL),
    AT("shadow", interrupt_shadow, BITS_INTERRUPT_SHADOW),
    AT("exitcode", exitcode, EXIT),
    AT("exitinfo1", exitinfo1, PLAIN),
    AT("exitinfo2", exitinfo2, PLAIN),
    AT("exitintinfo", exitintinfo, EVENT),
    AT("nested_ctl", nested_control, BITS_NESTED_CONTROL),
    AT("eventinj", eventinj, EVENT),
    AT("nested_cr3", nested_cr3, PLAIN),
    AT("clean", clean, BITS_CLEAN),
    AT("next_rip", next_rip, PLAIN),
    AT("es", es, SEGMENT),
    AT("cs", cs, SEGMENT),
    AT("ss", ss, SEGMENT),
    AT("ds", ds, SEGMENT),
    AT("fs", fs, SEGMENT),
    AT("gs", gs, SEGMENT),
    AT("gdtr", gdtr, SEGMENT),
    AT("ldtr", ldtr, SEGMENT),
    AT("idtr", idtr, SEGMENT),
    AT("tr", tr, SEGMENT),
    AT("cpl", cpl, PLAIN),
    AT("efer", efer, BITS_EFER),
    AT("cr4", cr4, BITS_CR4),
    AT("cr3", cr3, PLAIN),
    AT("cr0", cr0, BITS_CR0),
    AT("dr7", dr7, PLAIN),
    AT("dr6", dr6, PLAIN),
    AT("rflags", rflags, BITS_RFLAGS),
    AT("rip", rip, PLAIN),
    AT("rsp", rsp, PLAIN),
    AT("rax", rax, PLAIN),
    AT("star", star, PLAIN),
    AT("lstar", lstar, PLAIN),
    AT("cstar", cstar, PLAIN),
    AT("sfmask", sfmask, PLAIN),
    AT("kgsbase", kernel_gs_base, PLAIN),
    AT("sysenter_cs", sysenter_cs, PLAIN),
    AT("sysenter_sp", sysenter_esp, PLAIN),
    AT("sysenter_ip", sysenter_eip, PLAIN),
    AT("cr2", cr2, PLAIN),
    AT("pat", g_pat, PLAIN),
    AT("debugctl", debugctl, PLAIN),
};

/* The codes that are dense, from VMCB_EXIT_INTR on. */
static const char exit_names[] = "intr,nmi,smi,init,vintr,cr0sel,idtr_r,gdtr_r,ldtr_r,tr_r,idtr_w,gdtr_w,"
                                 "ldtr_w,tr_w,rdtsc,rdpmc,pushf,popf,cpuid,"
                                 "rsm,iret,intn,invd,pause,hlt,invlpg,invlpga,io,msr,task,ferr,shutdown,"
                                 "vmrun,vmmcall,vmload,vmsave,stgi,clgi,"
                                 "skinit,rdtscp,icebp,wbinvd,monitor,mwait,mwaitc,xsetbv,rdpru,";

void svm_exit_name(uint32_t code, char *text, size_t size)
{
    text[0] = '\0';
    if (code == VMCB_EXIT_NPF)
        fmt_snprintf(text, size, " nested page fault");
    else if (code == VMCB_EXIT_INVALID)
        fmt_snprintf(text, size, " invalid state");
    else if (code >= VMCB_EXIT_INTR && code <= VMCB_EXIT_RDPRU)
        inspect_bits(text, size, BIT(code - VMCB_EXIT_INTR), exit_names);
    else if (code >= VMCB_EXIT_EXCEPTION && code <= VMCB_EXIT_EXCEPTION_LAST)
        inspect_bits(text, size, BIT(code - VMCB_EXIT_EXCEPTION), exceptions);
}

static void segment_line(const char *name, const struct x86_seg *seg, char *text, size_t size)
{
    fmt_snprintf(text, size, "%-11s %04x attr 0x%03x limit 0x%08x base 0x%016lx", name, seg->selector,
                 seg->attr, seg->limit, seg->base);
}

bool svm_block_line(struct x86_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    const uint8_t *block = (const uint8_t *)svm_vcpu_of(vcpu)->vmcb;
    const struct field *field;
    uint64_t value = 0;
    size_t length;

    if (line >= ARRAY_COUNT(fields))
        return false;
    field = &fields[line];
    if (field->how == SEGMENT) {
        segment_line(field->name, (const struct x86_seg *)(const void *)(block + field->offset), text, size);
        return true;
    }
    __builtin_memcpy(&value, block + field->offset, min_u64(field->size, sizeof(value)));
    length = (size_t)fmt_snprintf(text, size, "%-11s 0x%0*lx", field->name, 2 * field->size, value);
    if (field->how >= BITS)
        inspect_bits(text, size, value, bit_names[field->how - BITS]);
    else if (field->how == EXIT)
        svm_exit_name((uint32_t)value, text + length, size - length);
    else if (field->how == EVENT && (value & VMCB_EVENT_VALID) != 0)
        fmt_snprintf(text + length, size - length, " vector %lu type %lu error 0x%lx",
                     field_get(value, VMCB_EVENT_VECTOR), field_get(value, VMCB_EVENT_TYPE),
                     field_get(value, VMCB_EVENT_ERROR));
    else if (field->how == EVENT)
        fmt_snprintf(text + length, size - length, " none");
    return true;
}

#define TYPE_RESERVED 1 /* of an event */

void svm_spoil_event(struct x86_vcpu *vcpu)
{
    svm_vcpu_of(vcpu)->vmcb->eventinj = VMCB_EVENT_VALID | field_make(TYPE_RESERVED, VMCB_EVENT_TYPE);
}

/* What VMRUN checks beside the guest's registers. */
const char *svm_refused(struct x86_vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;
    uint64_t type = field_get(vmcb->eventinj, VMCB_EVENT_TYPE);
    uint64_t vector = field_get(vmcb->eventinj, VMCB_EVENT_VECTOR);

    /* QEMU saves what it has, and that is Latch's while the guest's has not been loaded. */
    if ((uint32_t)vmcb->exitcode == VMCB_EXIT_INVALID && vmcb->cr3 == insn_read_cr3())
        return "not told, the VMCB has the host's state now";
    if (vmcb->asid == 0)
        return "ASID 0";
    if ((vmcb->efer & EFER_SVME) == 0)
        return "EFER.SVME is 0";
    if ((vmcb->eventinj & VMCB_EVENT_VALID) == 0)
        return NULL;
    if (type == TYPE_RESERVED || type > VMCB_EVENT_SOFT)
        return "event of no type";
    if (type == VMCB_EVENT_EXCEPTION && (vector == X86_NMI || vector > 31))
        return "exception of no vector";
    return NULL;
}
