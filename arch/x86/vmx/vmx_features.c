/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this CPU's VMX offers and what Latch makes of it, once at boot; then VMXON on each CPU. "VMX
 * Capability Reporting Facility", Intel SDM volume 3, appendix A.
 */
#include "arch/x86/cpu_features.h"
#include "arch/x86/msr.h"
#include "arch/x86/tsc.h"
#include "arch/x86/vmx/vmx.h"
#include "arch/x86/vmx/vmx_firmware.h"
#include "arch/x86/vmx/vmx_insn.h"
#include "core/config.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/time.h"
#include "lib/error.h"
#include "lib/string.h"

#define MSR_VMX_BASIC       0x480
#define MSR_VMX_PROCBASED   0x482
#define MSR_VMX_MISC        0x485
#define MSR_VMX_CR0_FIXED0  0x486
#define MSR_VMX_CR0_FIXED1  0x487
#define MSR_VMX_CR4_FIXED0  0x488
#define MSR_VMX_CR4_FIXED1  0x489
#define MSR_VMX_PROCBASED2  0x48b
#define MSR_VMX_EPT_VPID    0x48c
#define MSR_VMX_TRUE_PIN    0x48d /* primary, exit and entry controls follow */
#define MEM_TYPE_WRITE_BACK 6

/* The guest's time between two looks at the host, where the guest keeps interrupts off. */
#define TIMER_PERIOD_NS (2 * NS_PER_MS)

/* Quarters of the MSR bitmap. */
#define BITMAP_HIGH_MSRS 0xc0000000u
#define BITMAP_READ_HIGH 0x400
#define BITMAP_WRITE     0x800

struct vmx_features vmx_features;

enum control_word {
    WORD_PIN,
    WORD_PRIMARY,
    WORD_EXIT,
    WORD_ENTRY,
    WORD_SECONDARY,
    WORDS,
};

struct control {
    uint8_t word;
    bool optional;
    uint32_t bits;
    const char *name;
};

static const struct control controls[] = {
    {WORD_PIN, false, VMCS_PIN_INTERRUPT_EXIT, "external-interrupt exiting"},
    {WORD_PIN, false, VMCS_PIN_NMI_EXIT, "NMI exiting"},
    {WORD_PIN, true, VMCS_PIN_VIRTUAL_NMI, "virtual NMIs"},
    {WORD_PIN, true, VMCS_PIN_PREEMPTION_TIMER, "preemption timer"},
    {WORD_PRIMARY, false, VMCS_PRIMARY_SECONDARY, "secondary controls"},
    {WORD_PRIMARY, false, VMCS_PRIMARY_TSC_OFFSET, "TSC offsetting"},
    {WORD_PRIMARY, false, VMCS_PRIMARY_TPR_SHADOW, "TPR shadow"},
    {WORD_PRIMARY, false, VMCS_PRIMARY_MSR_BITMAP, "MSR bitmaps"},
    {WORD_PRIMARY, false,
     VMCS_PRIMARY_HLT_EXIT | VMCS_PRIMARY_MWAIT_EXIT | VMCS_PRIMARY_RDPMC_EXIT | VMCS_PRIMARY_MONITOR_EXIT |
         VMCS_PRIMARY_IO_EXIT,
     "exits for HLT, MWAIT, RDPMC, MONITOR or I/O"},
    {WORD_PRIMARY, false, VMCS_PRIMARY_INTERRUPT_WINDOW, "interrupt-window exiting"},
    {WORD_PRIMARY, false, VMCS_PRIMARY_MOV_DR_EXIT, "exits for MOV DR"},
    {WORD_PRIMARY, true, VMCS_PRIMARY_NMI_WINDOW, "NMI-window exiting"},
    {WORD_PRIMARY, true, VMCS_PRIMARY_MONITOR_TRAP, "monitor trap flag"},
    {WORD_SECONDARY, false, VMCS_SECONDARY_EPT, "extended page tables (EPT)"},
    {WORD_SECONDARY, false, VMCS_SECONDARY_UNRESTRICTED, "unrestricted guest"},
    {WORD_SECONDARY, true, VMCS_SECONDARY_VPID, "VPID"},
    {WORD_SECONDARY, true, VMCS_SECONDARY_RDTSCP, "RDTSCP"},
    {WORD_SECONDARY, true, VMCS_SECONDARY_INVPCID, "INVPCID"},
    {WORD_SECONDARY, true, VMCS_SECONDARY_WBINVD_EXIT, "WBINVD exiting"},
    {WORD_SECONDARY, true, VMCS_SECONDARY_PAUSE_LOOP, "PAUSE-loop exiting"},
    {WORD_EXIT, false, VMCS_EXIT_HOST_64 | VMCS_EXIT_SAVE_DEBUG, "64-bit host"},
    {WORD_EXIT, false, VMCS_EXIT_SAVE_PAT | VMCS_EXIT_LOAD_PAT, "PAT switching at exits"},
    {WORD_EXIT, false, VMCS_EXIT_SAVE_EFER | VMCS_EXIT_LOAD_EFER, "EFER switching at exits"},
    {WORD_EXIT, true, VMCS_EXIT_SAVE_TIMER, "saving of the preemption timer"},
    {WORD_ENTRY, false, VMCS_ENTRY_GUEST_64 | VMCS_ENTRY_LOAD_DEBUG, "64-bit guests"},
    {WORD_ENTRY, false, VMCS_ENTRY_LOAD_PAT | VMCS_ENTRY_LOAD_EFER, "PAT and EFER switching at entries"},
};

/* Armed by the scheduler's windows and for debuggers only; the rest of `controls` stays on. */
#define PRIMARY_WINDOWS                                                                    \
    (VMCS_PRIMARY_INTERRUPT_WINDOW | VMCS_PRIMARY_NMI_WINDOW | VMCS_PRIMARY_MONITOR_TRAP | \
     VMCS_PRIMARY_MOV_DR_EXIT)

static uint32_t primary_allowed; /* windows that exist */

/* Ours to give away: switched by the VMCS, or parked while the vCPU is not loaded. */
static const uint32_t guest_msrs[] = {
    MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,         MSR_LSTAR,
    MSR_CSTAR,   MSR_SFMASK,  MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

static int bitmap_init(void)
{
    uint8_t *map = page_alloc();

    if (map == NULL)
        return E_NOMEM;
    memset(map, 0xff, PAGE_SIZE);
    for (uint32_t i = 0; i < ARRAY_COUNT(guest_msrs); i++) {
        uint32_t msr = guest_msrs[i];
        uint8_t *quarter = msr >= BITMAP_HIGH_MSRS ? map + BITMAP_READ_HIGH : map;
        uint8_t keep = (uint8_t)~BIT(msr % 8);

        msr %= BITMAP_HIGH_MSRS;
        quarter[msr / 8] &= keep;
        quarter[BITMAP_WRITE + msr / 8] &= keep;
    }
    vmx_features.msr_bitmap = ptr_to_hpa(map);
    return 0;
}

/* True: VMXON will be allowed. Locked means until the next reset. */
static bool firmware_allows(void)
{
    uint64_t control = insn_rdmsr(MSR_FEATURE_CONTROL);
    enum vmx_firmware says = vmx_firmware_says(control);

    if (says == VMX_FIRMWARE_UNDECIDED)
        insn_wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_CONTROL_VMX | FEATURE_CONTROL_LOCK);
    return says != VMX_FIRMWARE_FORBIDS;
}

/* Low half: bits that must be 1; high half: bits that may be 1. Returns how many are missing. */
static int choose_controls(const uint64_t allowed[WORDS], uint32_t chosen[WORDS])
{
    int missing = 0;

    for (uint32_t word = 0; word < WORDS; word++)
        chosen[word] = (uint32_t)allowed[word];
    for (uint32_t i = 0; i < ARRAY_COUNT(controls); i++) {
        const struct control *control = &controls[i];

        if ((control->bits & ~(uint32_t)(allowed[control->word] >> 32)) == 0) {
            chosen[control->word] |= control->bits;
        } else if (!control->optional) {
            log_error("VMX: missing: %s", control->name);
            missing++;
        }
    }
    return missing;
}

static int check_ept(void)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } needs[] = {
        {VMX_EPT_CAP_WALK_4, "4-level EPT"},
        {VMX_EPT_CAP_WB, "write-back EPT"},
        {VMX_EPT_CAP_2M, "2 MiB pages in EPT"},
        {VMX_EPT_CAP_INVEPT | VMX_EPT_CAP_INVEPT_ONE | VMX_EPT_CAP_INVEPT_ALL, "INVEPT"},
    };
    int missing = 0;

    for (uint32_t i = 0; i < ARRAY_COUNT(needs); i++)
        if ((vmx_features.ept_vpid & needs[i].bit) != needs[i].bit) {
            log_error("VMX: missing: %s", needs[i].name);
            missing++;
        }
    return missing;
}

static void read_fixed(void)
{
    struct vmx_features *f = &vmx_features;

    f->cr0_fixed0 = insn_rdmsr(MSR_VMX_CR0_FIXED0);
    f->cr0_fixed1 = insn_rdmsr(MSR_VMX_CR0_FIXED1);
    f->cr4_fixed0 = insn_rdmsr(MSR_VMX_CR4_FIXED0);
    f->cr4_fixed1 = insn_rdmsr(MSR_VMX_CR4_FIXED1);
    f->timer_count =
        (uint32_t)(tsc_from_ns(TIMER_PERIOD_NS) >> field_get(insn_rdmsr(MSR_VMX_MISC), VMX_MISC_TIMER_RATE));
}

static int read_controls(void)
{
    struct vmx_features *f = &vmx_features;
    uint64_t allowed[WORDS] = {0};
    uint32_t chosen[WORDS];
    int missing;

    for (uint32_t word = WORD_PIN; word <= WORD_ENTRY; word++)
        allowed[word] = insn_rdmsr(MSR_VMX_TRUE_PIN + word);
    if ((allowed[WORD_PRIMARY] >> 32 & VMCS_PRIMARY_SECONDARY) != 0)
        allowed[WORD_SECONDARY] = insn_rdmsr(MSR_VMX_PROCBASED2);
    missing = choose_controls(allowed, chosen);
    f->pin = chosen[WORD_PIN];
    primary_allowed = chosen[WORD_PRIMARY];
    f->primary = chosen[WORD_PRIMARY] & ~(uint32_t)PRIMARY_WINDOWS;
    f->secondary = chosen[WORD_SECONDARY];
    f->exit = chosen[WORD_EXIT];
    f->entry = chosen[WORD_ENTRY] & ~(uint32_t)VMCS_ENTRY_GUEST_64;
    if ((f->pin & VMCS_PIN_PREEMPTION_TIMER) == 0)
        f->exit &= ~(uint32_t)VMCS_EXIT_SAVE_TIMER;
    if ((f->secondary & VMCS_SECONDARY_EPT) == 0)
        return missing;
    f->ept_vpid = insn_rdmsr(MSR_VMX_EPT_VPID);
    return missing + check_ept();
}

int vmx_check_features(void)
{
    uint64_t basic;

    if (!cpu_features.has_vmx) {
        log_error("VMX: not offered by this CPU (CPUID 1 ECX[5])");
        return E_NOTSUP;
    }
    if (!firmware_allows()) {
        log_error("VMX: locked off by firmware (IA32_FEATURE_CONTROL): enable VT-x in the firmware's set-up");
        return E_NOTSUP;
    }
    basic = insn_rdmsr(MSR_VMX_BASIC);
    if ((basic & VMX_BASIC_TRUE) == 0 || field_get(basic, VMX_BASIC_MEM_TYPE) != MEM_TYPE_WRITE_BACK) {
        log_error("VMX: this CPU is too old: no TRUE capability MSRs, and so no unrestricted guest either");
        return E_NOTSUP;
    }
    vmx_features.revision = (uint32_t)field_get(basic, VMX_BASIC_REVISION);
    read_fixed();
    if (read_controls() != 0)
        return E_NOTSUP;
    log_info("self-check: Intel VMX revision %u, EPT%s%s%s%s%s", vmx_features.revision,
             (vmx_features.ept_vpid & VMX_EPT_CAP_1G) != 0 ? " with 1 GiB pages" : "",
             (vmx_features.secondary & VMCS_SECONDARY_VPID) != 0 ? ", VPID" : "",
             (vmx_features.pin & VMCS_PIN_PREEMPTION_TIMER) != 0 ? ", preemption timer" : "",
             (vmx_features.pin & VMCS_PIN_VIRTUAL_NMI) != 0 ? ", virtual NMIs" : ", no virtual NMIs",
             (primary_allowed & VMCS_PRIMARY_MONITOR_TRAP) != 0 ? ", monitor trap flag" : "");
    return bitmap_init();
}

bool vmx_can_step(void)
{
    return (primary_allowed & VMCS_PRIMARY_MONITOR_TRAP) != 0;
}

int vmx_choose_nmi(enum nmi_way wish, enum inject_way_id *way, uint32_t *caps)
{
    bool window =
        (vmx_features.pin & VMCS_PIN_VIRTUAL_NMI) != 0 && (primary_allowed & VMCS_PRIMARY_NMI_WINDOW) != 0;

    if (wish == NMI_WAY_IRET) {
        log_error(
            "nmi=iret: only for AMD CPUs, Intel's cannot intercept IRET; allowed here: auto, vnmi, soft");
        return E_NOTSUP;
    }
    if (wish == NMI_WAY_VNMI && !window) {
        log_error("nmi=vnmi: this CPU has no virtual NMIs; allowed here: auto, soft");
        return E_NOTSUP;
    }
    if (wish == NMI_WAY_SOFT || !window) {
        if ((primary_allowed & VMCS_PRIMARY_MONITOR_TRAP) == 0) {
            log_error("nmi=soft: this CPU has no monitor trap flag");
            return E_NOTSUP;
        }
        window = false;
        vmx_features.pin &= ~(uint32_t)VMCS_PIN_VIRTUAL_NMI;
    }
    *way = window ? INJECT_WAY_WINDOW : INJECT_WAY_SOFT;
    *caps = INJECT_CAP_SOFT_REINJECT | INJECT_CAP_NMI_IN_STI | INJECT_CAP_STEP_HIDDEN;
    log_info("NMIs: %s", window ? "virtual NMIs and NMI window" : "blocked by software, no virtual NMIs");
    return 0;
}

int vmx_cpu_enable(void)
{
    struct vmx_cpu *cpu;
    uint32_t *region;

    if (!firmware_allows())
        return E_NOTSUP;
    cpu = page_alloc();
    if (cpu == NULL)
        return E_NOMEM;
    region = page_alloc();
    if (region == NULL) {
        page_free(cpu);
        return E_NOMEM;
    }
    *region = vmx_features.revision;
    cpu->vmxon = ptr_to_hpa(region);
    insn_write_cr4(insn_read_cr4() | CR4_VMXE);
    insn_vmxon(cpu->vmxon.v);
    insn_invept(VMX_INVALIDATE_ALL, 0);
    this_x86_cpu()->vendor = cpu;
    return 0;
}
