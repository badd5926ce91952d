/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows trap_entry.S: one IDT for all CPUs, written once at boot. Handlers take no locks; interrupt
 * handlers set this CPU's attention flag and nothing else of core's.
 */
#include "arch/x86/traps.h"

#include <stddef.h>

#include "arch/x86/cpu.h"
#include "arch/x86/host_apic.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/regs.h"
#include "arch/x86/vcpu_ops.h"
#include "core/host_nmi.h"
#include "core/arch.h"
#include "core/panic.h"

#define IDT_ENTRIES     256
#define EXCEPTION_COUNT 32
#define GATE_INTERRUPT  0x8e /* present, DPL 0, 64-bit interrupt gate */

#define DR6_BREAKPOINTS FIELD(3, 0)
#define DR6_STEP        BIT(14)

struct idt_gate {
    uint16_t offset_15_0;
    uint16_t selector;
    uint8_t ist;
    uint8_t attributes;
    uint16_t offset_31_16;
    uint32_t offset_63_32;
    uint32_t reserved_0xc;
};

_Static_assert(sizeof(struct idt_gate) == 16, "IDT gate");
_Static_assert(__builtin_offsetof(struct cpu, attention) == CPU_ATTENTION, "trap_timer");
_Static_assert(ATTENTION_TIMER == CPU_ATTENTION_TIMER, "trap_timer");
_Static_assert(__builtin_offsetof(struct trap_frame, vector) == TRAP_FRAME_VECTOR, "trap frame");
_Static_assert(__builtin_offsetof(struct trap_frame, error) == TRAP_FRAME_ERROR, "trap frame");
_Static_assert(__builtin_offsetof(struct trap_frame, cs) == TRAP_FRAME_CS, "trap frame");

extern const uint8_t trap_stubs[];
extern const uint8_t trap_timer[];
extern const uint8_t trap_poke[];

static struct idt_gate idt[IDT_ENTRIES] __attribute__((aligned(16)));

static const char *const exception_names[EXCEPTION_COUNT] = {
    [X86_DE] = "#DE divide error",
    [X86_DB] = "#DB debug",
    [X86_BP] = "#BP breakpoint",
    [X86_OF] = "#OF overflow",
    [X86_BR] = "#BR bound range",
    [X86_UD] = "#UD invalid opcode",
    [X86_NM] = "#NM no coprocessor",
    [X86_DF] = "#DF double fault",
    [X86_TS] = "#TS invalid TSS",
    [X86_NP] = "#NP segment not present",
    [X86_SSF] = "#SS stack",
    [X86_GP] = "#GP general protection",
    [X86_PF] = "#PF page fault",
    [X86_MF] = "#MF x87",
    [X86_AC] = "#AC alignment check",
    [X86_MC] = "#MC machine check",
    [X86_XM] = "#XM SIMD floating point",
};

static enum gdt_ist vector_ist(uint32_t vector)
{
    switch (vector) {
    case X86_NMI:
        return GDT_IST_NMI;
    case X86_DF:
        return GDT_IST_DF;
    case X86_MC:
        return GDT_IST_MC;
    default:
        return GDT_IST_NONE;
    }
}

static void set_gate(uint32_t vector, uintptr_t entry)
{
    idt[vector] = (struct idt_gate){
        .offset_15_0 = (uint16_t)entry,
        .selector = GDT_CS,
        .ist = (uint8_t)vector_ist(vector),
        .attributes = GATE_INTERRUPT,
        .offset_31_16 = (uint16_t)(entry >> 16),
        .offset_63_32 = (uint32_t)(entry >> 32),
    };
}

void traps_init(void)
{
    for (uint32_t i = 0; i < IDT_ENTRIES; i++)
        set_gate(i, (uintptr_t)trap_stubs + i / TRAP_STUB_GROUP * TRAP_STUB_GROUP_BYTES +
                        i % TRAP_STUB_GROUP * TRAP_STUB_BYTES);
    set_gate(HOST_VECTOR_TIMER, (uintptr_t)trap_timer);
    set_gate(HOST_VECTOR_POKE, (uintptr_t)trap_poke);
    set_gate(HOST_VECTOR_KICK, (uintptr_t)trap_poke);
}

void traps_load(void)
{
    const struct insn_table_pointer pointer = {sizeof(idt) - 1, (uintptr_t)idt};

    insn_lidt(&pointer);
}

static void print_registers(const struct trap_frame *f)
{
    panic_line("rip %016lx cs %04lx rflags %08lx rsp %016lx ss %04lx", f->rip, f->cs, f->rflags, f->rsp,
               f->ss);
    panic_line("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
    panic_line("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
    panic_line("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
    panic_line("r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
}

/* An NMI may ask where this CPU hangs. */
void arch_panic_registers(void)
{
    const struct trap_frame *frame = this_x86_cpu()->nmi_frame;

    if (frame != NULL) {
        panic_line("the NMI came at:");
        print_registers(frame);
        panic_backtrace(frame->rip, frame->rbp);
    }
    panic_line("cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx efer %04lx", insn_read_cr0(), insn_read_cr2(),
               insn_read_cr3(), insn_read_cr4(), insn_rdmsr(MSR_EFER));
}

/* The banks' records: what a machine check is about (AMD APM volume 2, "Machine Check Architecture"). */
static void print_machine_check(void)
{
    uint64_t banks = field_get(insn_rdmsr(MSR_MCG_CAP), MCG_CAP_BANKS);

    panic_line("machine check status %016lx, %lu banks", insn_rdmsr(MSR_MCG_STATUS), banks);
    for (uint32_t i = 0; i < banks; i++) {
        uint64_t status = insn_rdmsr(MSR_MC0_STATUS + 4 * i);

        if ((status & MC_STATUS_VALID) == 0)
            continue;
        panic_line("  bank %u status %016lx address %016lx", i, status,
                   (status & MC_STATUS_ADDRV) != 0 ? insn_rdmsr(MSR_MC0_ADDR + 4 * i) : 0);
    }
}

_Noreturn static void exception_panic(const struct trap_frame *frame)
{
    const char *name = exception_names[frame->vector];

    panic_begin();
    panic_line("PANIC host exception %lu (%s) error %lx at %016lx cr2 %016lx", frame->vector,
               name == NULL ? "reserved" : name, frame->error, frame->rip, insn_read_cr2());
    panic_context();
    print_registers(frame);
    if (frame->vector == X86_MC)
        print_machine_check();
    panic_backtrace(frame->rip, frame->rbp);
    panic_end();
}

void arch_emergency_registers(const void *registers)
{
    const struct trap_frame *frame = registers;

    print_registers(frame);
    panic_backtrace(frame->rip, frame->rbp);
}

static void nmi_handle(struct x86_cpu *cpu, struct trap_frame *frame)
{
    if (panic_elsewhere())
        panic_stop(frame->rip, frame->rbp);
    if (panic_active())
        return; /* our own: it goes on */
    atomic_fetch_add_explicit(&cpu->host_nmi_count, 1, memory_order_relaxed);
    cpu_note(&cpu->base, ATTENTION_NMI);
    cpu->nmi_frame = frame;
    host_nmi_arrived(&cpu->base, frame);
    cpu->nmi_frame = NULL;
    if (x86_ops != NULL && x86_ops->host_nmi != NULL)
        x86_ops->host_nmi(frame);
}

/*
 * A processor has no breakpoints after an exit ("#VMEXIT", AMD64 APM volume 2). QEMU's keeps a guest's on
 * instructions, whatever DR7 says, and a guest may have put one on what it thinks is its own code. RF takes
 * us past it. Bochs keeps the trap of a guest's TF pending when an instruction exits, and delivers it behind
 * VMRUN; Latch itself is never stepped.
 */
static bool is_guest_trap(struct trap_frame *frame)
{
    uint64_t dr6 = insn_read_dr6();

    if ((dr6 & (DR6_BREAKPOINTS | DR6_STEP)) == 0)
        return false;
    insn_write_dr6(dr6 & ~(DR6_BREAKPOINTS | DR6_STEP));
    frame->rflags |= RFLAGS_RF;
    return true;
}

static void handle_vector(struct x86_cpu *cpu, struct trap_frame *frame)
{
    switch (frame->vector) {
    case X86_NMI:
        nmi_handle(cpu, frame);
        return;
    case HOST_VECTOR_SERIAL:
        host_apic_eoi();
        cpu_note(&cpu->base, ATTENTION_ALL);
        return;
    case HOST_VECTOR_SPURIOUS: /* no EOI: nothing is in service */
    case HOST_VECTOR_PIC_BASE + 7:
    case HOST_VECTOR_PIC_BASE + 15:
        cpu->stray_count++;
        return;
    default:
        if (frame->vector < EXCEPTION_COUNT)
            exception_panic(frame);
        cpu->stray_count++; /* left over from the firmware's time */
        host_apic_eoi();
        return;
    }
}

void trap_handle(struct trap_frame *frame)
{
    /* First of all: right after an exit GS is still the guest's. */
    if (UNLIKELY(frame->vector == X86_DB) && is_guest_trap(frame))
        return;
    handle_vector(this_x86_cpu(), frame);
}
