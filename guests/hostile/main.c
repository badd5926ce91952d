/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that misbehaves. "faults": every instruction and register value that a guest should not get away
 * with, each with the exception that the processor shown by CPUID raises; WRONG lines are findings. "ports",
 * "mmio": accesses all over. The other words end the machine in one particular way each and never return.
 */
#include <stdbool.h>
#include <stddef.h>

#include "guests/hostile/probe.h"
#include "guests/hostile/storm.h"
#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/print.h"
#include "guests/lib/segments.h"
#include "guests/lib/trap.h"
#include "lib/string.h"

#define NO_FAULT      UINT32_MAX
#define UD            6
#define GP            13
#define PF            14
#define EITHER        0x100 /* no exception or #GP: the manual leaves it to the implementation */
#define MSR_EFER      0xC0000080
#define UNMAPPED      UINT64_C(0xD0000000)
#define PORT_DEBUG    0xF4
#define PORT_RESET    0xCF9
#define PORT_KEYBOARD 0x64
#define PORT_SLEEP    0x8900

#define EFER_LME    BIT(8)
#define EFER_SVME   BIT(12)
#define CR0_PE      BIT(0)
#define CR0_NW      BIT(29)
#define CR0_CD      BIT(30)
#define CR0_PG      BIT(31)
#define CR4_DE      BIT(3)
#define CR4_PAE     BIT(5)
#define CR4_LA57    BIT(12)
#define CR4_VMXE    BIT(13)
#define CR4_SMXE    BIT(14)
#define CR4_OSXSAVE BIT(18)

extern uint64_t probe_saved_rsp;
extern const char probe_fault[];

static volatile bool probing;
static unsigned int wrong;

void trap_handle(struct trap_frame *frame)
{
    if (storming) {
        apic_eoi();
        return;
    }
    if (!probing)
        trap_unexpected(frame);
    frame->rdi = frame->vector;
    frame->rip = (uintptr_t)probe_fault;
    frame->rsp = probe_saved_rsp;
    frame->rflags = BIT(1);
}

static uint32_t attempt(uint32_t probe, uint64_t a, uint64_t b)
{
    uint32_t got;

    probing = true;
    got = probe_run(probe, a, b);
    probing = false;
    return got;
}

static void expect(const char *what, uint32_t probe, uint64_t a, uint64_t b, uint32_t want)
{
    uint32_t got = attempt(probe, a, b);

    if (got == want || (want == EITHER && (got == GP || got == NO_FAULT))) {
        print("ok %s\n", what);
        return;
    }
    wrong++;
    print("WRONG %s (0x%lx, 0x%lx): vector %d, should be %d\n", what, a, b, (int)got, (int)want);
}

static void try_msrs(void)
{
    uint64_t efer = rdmsr(MSR_EFER);

    expect("rdmsr of no register", probe_rdmsr, 0x4321abcd, 0, GP);
    expect("rdmsr of the last number", probe_rdmsr, 0xffffffff, 0, GP);
    expect("rdmsr behind the APIC's range", probe_rdmsr, 0x900, 0, GP);
    expect("rdmsr of x2APIC in xAPIC mode", probe_rdmsr, 0x802, 0, GP);
    expect("wrmsr of no register", probe_wrmsr, 0x4321abcd, 0, GP);
    expect("EFER reserved bit", probe_wrmsr, MSR_EFER, efer | BIT(9), GP);
    expect("EFER high bit", probe_wrmsr, MSR_EFER, efer | BIT(63), GP);
    expect("EFER.SVME", probe_wrmsr, MSR_EFER, efer | EFER_SVME, GP);
    expect("EFER.LME off while paging", probe_wrmsr, MSR_EFER, efer & ~EFER_LME, GP);
    expect("VM_CR", probe_rdmsr, 0xC0010114, 0, EITHER);
    expect("VM_HSAVE_PA", probe_wrmsr, 0xC0010117, 0x1000, GP);
    expect("VMX basic", probe_rdmsr, 0x480, 0, GP);
    expect("APIC base reserved bit", probe_wrmsr, 0x1B, APIC_BASE | BIT(11) | BIT(8) | BIT(9), GP);
    expect("APIC base beyond addresses", probe_wrmsr, 0x1B, APIC_BASE | BIT(11) | BIT(60), GP);
    expect("PAT reserved type", probe_wrmsr, 0x277, UINT64_C(0x0007040600070402), GP);
    expect("LSTAR not canonical", probe_wrmsr, 0xC0000082, BIT(62), GP);
    expect("FS base not canonical", probe_wrmsr, 0xC0000100, BIT(62), GP);
    expect("KERNEL_GS base not canonical", probe_wrmsr, 0xC0000102, BIT(62), GP);
    expect("SYSENTER_EIP not canonical", probe_wrmsr, 0x176, BIT(62), EITHER);
    expect("TSC deadline", probe_wrmsr, 0x6E0, 1, EITHER);
    expect("microcode loader", probe_wrmsr, 0xC0010020, 0xdead, EITHER);
    expect("EFER as it was", probe_wrmsr, MSR_EFER, efer, NO_FAULT);
}

static void try_control_registers(void)
{
    uint64_t cr0 = read_cr0();
    uint64_t cr4 = read_cr4();

    expect("CR0 PG without PE", probe_cr0, 0, cr0 & ~CR0_PE, GP);
    expect("CR0 NW without CD", probe_cr0, 0, (cr0 & ~CR0_CD) | CR0_NW, GP);
    expect("CR0 high half", probe_cr0, 0, cr0 | BIT(32), GP);
    expect("CR0 PG off in 64-bit mode", probe_cr0, 0, cr0 & ~CR0_PG, GP);
    expect("CR0 caches off", probe_cr0, 0, cr0 | CR0_CD, NO_FAULT);
    expect("CR0 as it was", probe_cr0, 0, cr0, NO_FAULT);
    expect("CR1", probe_cr1, 0, 0, UD);
    expect("CR4 high half", probe_cr4, 0, cr4 | BIT(32), GP);
    expect("CR4 reserved bit 15", probe_cr4, 0, cr4 | BIT(15), GP);
    expect("CR4 reserved bit 31", probe_cr4, 0, cr4 | BIT(31), GP);
    expect("CR4 PAE off in long mode", probe_cr4, 0, cr4 & ~CR4_PAE, GP);
    expect("CR4 VMXE", probe_cr4, 0, cr4 | CR4_VMXE, GP);
    expect("CR4 SMXE", probe_cr4, 0, cr4 | CR4_SMXE, GP);
    expect("CR4 LA57 in long mode", probe_cr4, 0, cr4 | CR4_LA57, GP);
    expect("CR4 as it was", probe_cr4, 0, cr4, NO_FAULT);
    expect("CR8 beyond 15", probe_cr8, 0, 16, GP);
    expect("CR8 high bit", probe_cr8, 0, BIT(63), GP);
    write_cr4(cr4 | CR4_DE);
    expect("DR4 with debug extensions", probe_dr4, 0, 0, UD);
    write_cr4(cr4);
    expect("DR6 high half", probe_dr6, 0, BIT(32), GP);
    expect("DR7 high half", probe_dr7, 0, BIT(32), GP);
}

/* Apart from the others: QEMU's processor does not notice until its hypervisor runs the guest again. */
static void cr3_reserved(void)
{
    unsigned int address_bits = cpuid(0x80000008, 0).eax & 0xff;

    expect("CR3 beyond addresses", probe_cr3, 0, read_cr3() | BIT(address_bits < 52 ? address_bits : 52), GP);
    cpuid(0, 0);
}

static void try_xcr0(void)
{
    bool present = (cpuid(1, 0).ecx & BIT(26)) != 0;

    if (!present) {
        expect("XSETBV without XSAVE", probe_xsetbv, 0, 1, UD);
        return;
    }
    expect("XSETBV before OSXSAVE", probe_xsetbv, 0, 1, UD);
    write_cr4(read_cr4() | CR4_OSXSAVE);
    expect("XCR0 without x87", probe_xsetbv, 0, 2, GP);
    expect("XCR0 empty", probe_xsetbv, 0, 0, GP);
    expect("XCR0 AVX without SSE", probe_xsetbv, 0, 5, GP);
    expect("XCR0 half of MPX", probe_xsetbv, 0, 0x0b, GP);
    expect("XCR0 part of AVX-512", probe_xsetbv, 0, 0x27, GP);
    expect("XCR0 high bit", probe_xsetbv, 0, BIT(63) | 1, GP);
    expect("XCR5", probe_xsetbv, 5, 1, GP);
    expect("XCR0 x87", probe_xsetbv, 0, 1, NO_FAULT);
    expect("XCR0 SSE", probe_xsetbv, 0, 3, NO_FAULT);
    write_cr4(read_cr4() & ~CR4_OSXSAVE);
}

static void try_instructions(void)
{
    struct cpuid_regs features = cpuid(1, 0);
    struct cpuid_regs amd = cpuid(0x80000001, 0);

    print("svm %u vmx %u monitor %u mwaitx %u\n", (unsigned int)((amd.ecx >> 2) & 1), (features.ecx >> 5) & 1,
          (features.ecx >> 3) & 1, (amd.ecx >> 29) & 1);
    expect("VMRUN", probe_vmrun, 0, 0x1000, UD);
    expect("VMLOAD", probe_vmload, 0, 0x1000, UD);
    expect("VMSAVE", probe_vmsave, 0, 0x1000, UD);
    expect("STGI", probe_stgi, 0, 0, UD);
    expect("CLGI", probe_clgi, 0, 0, UD);
    expect("INVLPGA", probe_invlpga, 1, 0, UD);
    expect("SKINIT", probe_skinit, 0, 0, UD);
    expect("VMXON", probe_vmxon, 0, 0, UD);
    expect("VMLAUNCH", probe_vmlaunch, 0, 0, UD);
    expect("VMREAD", probe_vmread, 0, 0, UD);
    expect("VMPTRLD", probe_vmptrld, 0, 0, UD);
    expect("INVEPT", probe_invept, 0, 0, UD);
    expect("VMFUNC", probe_vmfunc, 0, 0, UD);
    expect("RSM", probe_rsm, 0, 0, UD);
    expect("GETSEC", probe_getsec, 0, 0, UD);
    if ((features.ecx & BIT(3)) == 0) {
        expect("MONITOR", probe_monitor, 0, 0, UD);
        expect("MWAIT", probe_mwait, 0, 0, UD);
    }
    if ((amd.ecx & BIT(29)) == 0)
        expect("MWAITX", probe_mwaitx, 0, 0, UD);
    expect("RDPMC of no counter", probe_rdpmc, 0x7fffffff, 0, GP);
    expect("UD2", probe_ud2, 0, 0, UD);
    expect("LOCK NOP", probe_lock_nop, 0, 0, UD);
    expect("16 bytes", probe_too_long, 0, 0, GP);
    expect("INVD", probe_invd, 0, 0, NO_FAULT);
    expect("WBINVD", probe_wbinvd, 0, 0, NO_FAULT);
    expect("CLTS", probe_clts, 0, 0, NO_FAULT);
    expect("page beyond the tables", probe_read8, BIT(40), 0, PF);
    expect("address not canonical", probe_read8, BIT(62), 0, GP);
    if ((features.ecx & BIT(31)) != 0) {
        expect("VMCALL", probe_vmcall, 0, UINT32_MAX, NO_FAULT);
        expect("VMMCALL", probe_vmmcall, 0, UINT32_MAX, NO_FAULT);
    }
}

static void faults(void)
{
    try_instructions();
    try_msrs();
    try_control_registers();
    try_xcr0();
}

static bool ends_the_machine(uint32_t port)
{
    return port == PORT_DEBUG || port == PORT_RESET || port == PORT_KEYBOARD || port == PORT_SLEEP ||
           port == 0x92 || (port & 0xfffe) == 0x404 || (port & 0xff00) == 0x600 ||
           (port & 0xff00) == 0xb000 || port / 8 == 0x3F8 / 8 || (port & 0xfffc) == 0xCF8;
}

static void ports(void)
{
    uint32_t all_ones = 0;

    for (uint32_t port = 0; port < 0x10000; port++)
        all_ones += in8((uint16_t)port) == 0xff;
    print("read 65536 ports, %s\n", all_ones > 60000 ? "most empty" : "WRONG few empty");
    wrong += all_ones <= 60000;
    for (uint32_t port = 0; port < 0x10000; port += 3) {
        in16((uint16_t)port);
        in32((uint16_t)port);
        if (!ends_the_machine(port) && !ends_the_machine(port + 3) && (port < 0x20 || port > 0x70))
            out32((uint16_t)port, 0xa5a5a5a5);
    }
    print("wrote ports\n");
}

static void mmio(void)
{
    static const uint64_t places[] = {
        UNMAPPED,           0xE0000000,          0xFEB00000, APIC_BASE + 0x400, APIC_BASE + 0xFF8,
        IOAPIC_BASE + 0x40, IOAPIC_BASE + 0xFF0, 0xFED00000, 0xFED40000};
    static const uint32_t *const forms[] = {&probe_read8,    &probe_read16,  &probe_read32,  &probe_read64,
                                            &probe_write8,   &probe_write32, &probe_write64, &probe_lock_xchg,
                                            &probe_lock_inc, &probe_movsb};

    for (unsigned int i = 0; i < ARRAY_COUNT(places); i++) {
        for (unsigned int f = 0; f < ARRAY_COUNT(forms); f++) {
            uint32_t got = attempt(*forms[f], places[i], UINT64_C(0x123456789abcdef0));

            if (got != NO_FAULT)
                print("note: access %u at 0x%lx: vector %u\n", f, places[i], got);
            /* Straddling the end of a device's page, and not aligned. */
            attempt(*forms[f], places[i] + 1, 0);
        }
    }
    print("empty place reads 0x%x\n", mmio_get32(UNMAPPED));
    wrong += mmio_get32(UNMAPPED) != UINT32_MAX;
}

static void flood(void)
{
    for (int i = 0; i < 20000; i++) {
        attempt(probe_rdmsr, 0x4321abcd, 0);
        out8(0x5555, 0);
        mmio_put32(UNMAPPED, 0);
    }
}

static void jump_to_unmapped(void)
{
    __asm__ volatile("jmp *%0" ::"r"(UNMAPPED));
}

static void triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};

    __asm__ volatile("lidt %0\n\tud2" ::"m"(none));
}

static void tables_in_nowhere(void)
{
    write_cr3(UNMAPPED);
}

static void stack_in_nowhere(void)
{
    __asm__ volatile("movq %0, %%rsp\n\tpushq $0\n\tud2" ::"r"(UNMAPPED));
}

static void idt_in_nowhere(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nowhere = {0xfff, UNMAPPED};

    __asm__ volatile("lidt %0\n\tud2" ::"m"(nowhere));
}

static void idt_in_apic(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) apic = {0xfff, APIC_BASE};

    __asm__ volatile("lidt %0\n\tud2" ::"m"(apic));
}

static void reset_cf9(void)
{
    out8(PORT_RESET, 0x06);
}

static void reset_keyboard(void)
{
    out8(PORT_KEYBOARD, 0xFE);
}

static void halt_for_good(void)
{
    for (;;) {
        irq_disable();
        cpu_halt();
    }
}

/* What Latch raises itself as it carries out a guest's instruction: the address arrives, 0 as any other. */
static void fault_addresses(void)
{
    static const uint64_t places[] = {BIT(40), 0, 0x10};

    zero_unmap();
    for (unsigned int i = 0; i < ARRAY_COUNT(places); i++) {
        expect("copy from a device to no page", probe_copy8, UNMAPPED, places[i], PF);
        if (read_cr2() == places[i])
            continue;
        wrong++;
        print("WRONG CR2 0x%lx, should be 0x%lx\n", read_cr2(), places[i]);
    }
}

static void check_reset(void)
{
    wrong += reset_state();
}

static const struct deed {
    const char *name;
    void (*run)(void);
} deeds[] = {
    {"faults", faults},
    {"ports", ports},
    {"mmio", mmio},
    {"fault-addresses", fault_addresses},
    {"cr3-reserved", cr3_reserved},
    {"flood", flood},
    {"jump-unmapped", jump_to_unmapped},
    {"triple-fault", triple_fault},
    {"tables-nowhere", tables_in_nowhere},
    {"stack-nowhere", stack_in_nowhere},
    {"idt-nowhere", idt_in_nowhere},
    {"idt-apic", idt_in_apic},
    {"reset-cf9", reset_cf9},
    {"reset-keyboard", reset_keyboard},
    {"halt", halt_for_good},
    {"spin", storm_spin},
    {"timers", storm_timers},
    {"irqs", storm_irqs},
    {"nmis", storm_nmis},
    {"exits", storm_exits},
    {"reset-state", check_reset},
};

int guest_main(int word_count, char **words)
{
    const char *wanted = word_count > 1 ? words[1] : "faults";

    if (strcmp(wanted, "break-host") == 0) {
        print("HOSTILE %s\n", wanted);
        break_host(word_count - 2, words + 2);
        print("HOSTILE-END 0 wrong\n");
        return 0;
    }
    for (unsigned int i = 0; i < ARRAY_COUNT(deeds); i++) {
        if (strcmp(wanted, deeds[i].name) != 0)
            continue;
        print("HOSTILE %s\n", wanted);
        deeds[i].run();
        print("HOSTILE-END %u wrong\n", wrong);
        return wrong == 0 ? 0 : 1;
    }
    print("no deed \"%s\"\n", wanted);
    return 2;
}
