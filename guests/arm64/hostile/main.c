/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that does what it should not, and what hypervisors get wrong: registers that it does not have,
 * addresses with nothing behind, accesses that a syndrome does not describe, calls with wrong arguments. One
 * line for each, with the exception that it got or the value that it read. Some words of the command line
 * choose what ends the VM instead.
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/guest.h"
#include "lib/string.h"

#define UART     UINT64_C(0x09000000)
#define UART_FR  UINT64_C(0x18)
#define UART_RSR UINT64_C(0x04)
#define NOTHING  UINT64_C(0x0b000000)
#define FAR_OUT  UINT64_C(0x0000008000000000) /* within 40 bits, no RAM */
#define RAM      UINT64_C(0x40000000)
#define REDIST   UINT64_C(0x080a0000)
#define SCTLR_EE (UINT64_C(1) << 25)

#define FIELD_ZEN  (UINT64_C(3) << 16) /* CPACR_EL1 */
#define FIELD_FPEN (UINT64_C(3) << 20)
#define PSTATE_IL  (UINT64_C(1) << 20)

static volatile uint64_t trap_esr, trap_far, trap_elr;
static volatile unsigned int trap_count;

void trap_irq(struct trap_frame *frame)
{
    trap_unexpected(frame);
}

/* Behind the instruction; after a jump to nowhere, behind the jump. */
void trap_sync(struct trap_frame *frame)
{
    trap_esr = READ_SYSREG(esr_el1);
    trap_far = READ_SYSREG(far_el1);
    trap_elr = frame->elr;
    trap_count++;
    frame->elr = trap_esr >> 26 == 0x21 ? frame->x[30] : frame->elr + 4;
    frame->spsr &= ~PSTATE_IL;
}

static const char *class_name(uint64_t esr)
{
    switch (esr >> 26) {
    case 0x00:
        return "undefined";
    case 0x0e:
        return "illegal state";
    case 0x21:
        return "fetch abort";
    case 0x25:
        return "data abort";
    case 0x3c:
        return "BRK";
    default:
        return "?";
    }
}

static void tell(const char *what, uint64_t value)
{
    if (trap_count == 0)
        print("  %s: 0x%lx\n", what, value);
    else if (trap_esr >> 26 == 0x21 || trap_esr >> 26 == 0x25)
        print("  %s: %s, status 0x%lx%s, at 0x%lx\n", what, class_name(trap_esr), trap_esr & 0x3f,
              (trap_esr & 0x40) != 0 ? " by a write" : "", trap_far);
    else
        print("  %s: %s\n", what, class_name(trap_esr));
    trap_count = 0;
}

/* Wrong return addresses and lost registers would show here. */
#define PROBE(what, instruction)                                                                          \
    do {                                                                                                  \
        uint64_t value_ = 0, here_;                                                                       \
        __asm__ volatile("adr %1, 1f\n1:\t" instruction : "+r"(value_), "=&r"(here_) : : "memory", "x0"); \
        if (trap_count != 0 && trap_elr != here_)                                                         \
            print("  ELR 0x%lx for 0x%lx\n", trap_elr, here_);                                            \
        tell(what, value_);                                                                               \
    } while (0)

static void probe_registers(void)
{
    PROBE("sctlr_el2", "mrs %0, s3_4_c1_c0_0");
    PROBE("pmcr_el0", "mrs %0, pmcr_el0");
    PROBE("pmccntr_el0", "msr pmccntr_el0, %0");
    /* Else EL1 itself would trap it first, where the CPU has the register. */
    WRITE_SYSREG(cpacr_el1, FIELD_ZEN | FIELD_FPEN);
    PROBE("zcr_el1", "mrs %0, s3_0_c1_c2_0");
    PROBE("erridr_el1", "mrs %0, s3_0_c5_c3_0");
    PROBE("lorid_el1", "mrs %0, s3_0_c10_c4_7");
    PROBE("number that nothing has", "mrs %0, s3_0_c0_c3_7");
    PROBE("actlr_el1", "mrs %0, actlr_el1");
    PROBE("oslsr_el1", "mrs %0, oslsr_el1");
    PROBE("oslar_el1", "msr oslar_el1, %0");
    PROBE("undefined instruction", ".inst 0x00000000");
    PROBE("brk", "brk #3");
    __asm__ volatile("msr dbgbvr0_el1, %0\n\tisb" : : "r"(UINT64_C(0x123450)));
    PROBE("dbgbvr0_el1", "mrs %0, dbgbvr0_el1");
    PROBE("mdscr_el1", "mrs %0, mdscr_el1");
}

static void probe_features(void)
{
    uint64_t pfr0 = READ_SYSREG(id_aa64pfr0_el1);

    print("  pfr0: EL2 %lu EL3 %lu RAS %lu SVE %lu AMU %lu GIC %lu\n", pfr0 >> 8 & 15, pfr0 >> 12 & 15,
          pfr0 >> 28 & 15, pfr0 >> 32 & 15, pfr0 >> 44 & 15, pfr0 >> 24 & 15);
    print("  pfr1: MTE %lu SME %lu\n", READ_SYSREG(id_aa64pfr1_el1) >> 8 & 15,
          READ_SYSREG(id_aa64pfr1_el1) >> 24 & 15);
    print("  dfr0: PMU %lu trace %lu\n", READ_SYSREG(id_aa64dfr0_el1) >> 8 & 15,
          READ_SYSREG(id_aa64dfr0_el1) >> 4 & 15);
    print("  mmfr1: VHE %lu LOR %lu\n", READ_SYSREG(id_aa64mmfr1_el1) >> 8 & 15,
          READ_SYSREG(id_aa64mmfr1_el1) >> 16 & 15);
}

static void jump(uint64_t address)
{
    __asm__ volatile("blr %0" : : "r"(address) : "x30", "memory");
    tell("jump there", 0);
}

static void probe_holes(void)
{
    static const uint64_t places[] = {0, NOTHING, RAM - 8, FAR_OUT, REDIST + 64 * 0x20000};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint64_t value = 0x5a;

        __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(places[i]) : "memory");
        tell("read", value);
        __asm__ volatile("strb wzr, [%0]" : : "r"(places[i]) : "memory");
        tell("write", 0);
        __asm__ volatile("stp xzr, xzr, [%0]" : : "r"(places[i]) : "memory");
        tell("pair", 0);
    }
    jump(NOTHING);
    jump(UART);
}

/* None of these is described by the syndrome: Latch decodes the instruction. */
static void probe_instructions(void)
{
    uint64_t at = UART + UART_FR - 4;
    uint64_t a = 0, b = 0;

    __asm__ volatile("ldp %w0, %w1, [%2, #4]" : "=&r"(a), "=&r"(b) : "r"(at) : "memory");
    print("  ldp: 0x%lx 0x%lx\n", a, b);
    __asm__ volatile("ldr %w0, [%1, #4]!" : "=&r"(a), "+r"(at) : : "memory");
    print("  ldr pre-index: 0x%lx, base %ld\n", a, (int64_t)(at - UART));
    __asm__ volatile("ldrb %w0, [%1], #-24" : "=&r"(a), "+r"(at) : : "memory");
    print("  ldrb post-index: 0x%lx, base %ld\n", a, (int64_t)(at - UART));
    at = UART + UART_FR;
    __asm__ volatile("ldrsb %0, [%1], #1" : "=&r"(a), "+r"(at) : : "memory");
    print("  ldrsb: 0x%lx\n", a);
    at = UART + UART_RSR;
    __asm__ volatile("str xzr, [%0], #8" : "+r"(at) : : "memory");
    print("  str post-index: base %ld\n", (int64_t)(at - UART));
    __asm__ volatile("dc civac, %0" : : "r"(UART) : "memory");
    tell("cache maintenance of a device", 0);
    WRITE_SYSREG(sctlr_el1, READ_SYSREG(sctlr_el1) | SCTLR_EE);
    a = mmio_read32(UART + UART_FR);
    WRITE_SYSREG(sctlr_el1, READ_SYSREG(sctlr_el1) & ~SCTLR_EE);
    print("  big-endian: 0x%lx\n", a);
}

static void probe_calls(void)
{
    uint64_t unknown = 0x86000042;

    print("  unknown: %ld\n", psci((uint32_t)unknown, 0, 0, 0));
    print("  CPU_ON nobody: %ld\n", psci(PSCI_CPU_ON, 77, RAM, 0));
    print("  CPU_ON nowhere: %ld\n", psci(PSCI_CPU_ON, 1, NOTHING, 0));
    print("  CPU_ON itself: %ld\n", psci(PSCI_CPU_ON, 0, RAM, 0));
    print("  AFFINITY_INFO: %ld %ld %ld\n", psci(PSCI_AFFINITY_INFO, 0, 0, 0),
          psci(PSCI_AFFINITY_INFO, 1, 0, 0), psci(PSCI_AFFINITY_INFO, 2, 0, 0));
    print("  FEATURES: %ld %ld\n", psci(PSCI_FEATURES, PSCI_CPU_ON, 0, 0),
          psci(PSCI_FEATURES, 0x84000005, 0, 0));
    __asm__ volatile("mov x0, %1\n\thvc #1\n\tmov %0, x0"
                     : "=r"(unknown)
                     : "r"(UINT64_C(0x84000000))
                     : "x0", "x1", "x2", "x3");
    print("  HVC #1: %ld\n", (int64_t)unknown);
    __asm__ volatile("mov x0, %1\n\tsmc #0\n\tmov %0, x0"
                     : "=r"(unknown)
                     : "r"(UINT64_C(0x84000000))
                     : "x0", "x1", "x2", "x3");
    print("  SMC: 0x%lx\n", unknown);
}

static void probe_timer(void)
{
    print("  off: 0x%lx\n", READ_SYSREG(cntp_ctl_el0));
    WRITE_SYSREG(cntp_tval_el0, 1000000);
    WRITE_SYSREG(cntp_ctl_el0, 3);
    print("  ahead: 0x%lx, %s\n", READ_SYSREG(cntp_ctl_el0),
          READ_SYSREG(cntp_tval_el0) <= 1000000 ? "counting" : "not counting");
    WRITE_SYSREG(cntp_cval_el0, READ_SYSREG(cntpct_el0));
    print("  over: 0x%lx\n", READ_SYSREG(cntp_ctl_el0));
    WRITE_SYSREG(cntp_ctl_el0, 0);
}

/* To a level that no guest may reach: the exception return itself is what fails. */
static void probe_return(void)
{
    __asm__ volatile("adr x1, 1f\n\tmsr elr_el1, x1\n\tmov x1, #0x3c9\n\tmsr spsr_el1, x1\n\teret\n1:\tnop" ::
                         : "x1", "memory");
    tell("return to EL2", 0);
}

_Noreturn void smp_main(void)
{
    for (;;)
        wait_for_interrupt();
}

static bool chosen(const char *words, const char *word)
{
    for (; *words != '\0'; words++)
        if (strncmp(words, word, strlen(word)) == 0)
            return true;
    return false;
}

void guest_main(const char *words)
{
    if (chosen(words, "simd")) {
        WRITE_SYSREG(cpacr_el1, FIELD_FPEN);
        __asm__ volatile("mov x9, %0\n\t.inst 0x3dc00120" : : "r"(UART) : "x9", "memory"); /* ldr q0, [x9] */
    }
    if (chosen(words, "atomic"))
        __asm__ volatile("ldxr w1, [%0]" : : "r"(UART) : "x1", "memory");
    print("[registers]\n");
    probe_registers();
    print("[features]\n");
    probe_features();
    print("[holes]\n");
    probe_holes();
    print("[instructions]\n");
    probe_instructions();
    print("[calls]\n");
    probe_calls();
    print("[timer]\n");
    probe_timer();
    print("[return]\n");
    probe_return();
    print("HOSTILE-END\n");
}
