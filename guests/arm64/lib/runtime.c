/* SPDX-License-Identifier: BSD-2-Clause */
/* See guest.h. The command line is found by looking for the property's name in the device tree's strings. */
#include <stdarg.h>
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/guest.h"
#include "lib/printf.h"
#include "lib/string.h"

#define UART            UINT64_C(0x09000000)
#define UART_DR         0x00
#define UART_FR         0x18
#define UART_FR_TXFF    (1u << 5)
#define FDT_MAGIC       0xd00dfeed
#define FDT_PROP        3
#define STACK_SIZE      16384
#define PRINT_LINE_SIZE 256

void smp_entry(void);

static _Alignas(16) char stacks[SMP_MAX][STACK_SIZE];

static void put(char c)
{
    while ((mmio_read32(UART + UART_FR) & UART_FR_TXFF) != 0)
        relax();
    mmio_write32(UART + UART_DR, (uint8_t)c);
}

void print(const char *format, ...)
{
    char line[PRINT_LINE_SIZE];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (const char *c = line; *c != '\0'; c++) {
        if (*c == '\n')
            put('\r');
        put(*c);
    }
}

int64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    __asm__ volatile("hvc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                       "x17", "memory");
    return (int64_t)x0;
}

void guest_exit(void)
{
    (void)psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        wait_for_interrupt();
}

uint64_t smp_affinity(uint32_t index)
{
    return (uint64_t)(index & 15) | (uint64_t)(index >> 4) << 8;
}

bool smp_start(uint32_t index)
{
    return psci(PSCI_CPU_ON, smp_affinity(index), (uint64_t)(uintptr_t)smp_entry,
                (uint64_t)(uintptr_t)(stacks[index] + STACK_SIZE)) == 0;
}

void trap_unexpected(struct trap_frame *frame)
{
    print("UNEXPECTED TRAP: CPU %u ESR 0x%lx ELR 0x%lx FAR 0x%lx\n", cpu_index(), READ_SYSREG(esr_el1),
          frame->elr, READ_SYSREG(far_el1));
    guest_exit();
}

__attribute__((weak)) void trap_serror(struct trap_frame *frame)
{
    trap_unexpected(frame);
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* /chosen/bootargs, wherever it is: walks the structure block token by token. */
static const char *find_bootargs(const uint8_t *fdt)
{
    const uint8_t *at = fdt + big_endian(fdt + 8);
    const uint8_t *end = at + big_endian(fdt + 36);
    const char *strings = (const char *)fdt + big_endian(fdt + 12);

    if (big_endian(fdt) != FDT_MAGIC)
        return "";
    while (at + 12 <= end) {
        if (big_endian(at) != FDT_PROP) {
            at += 4; /* a name's four bytes are never a token's value */
            continue;
        }
        if (strcmp(strings + big_endian(at + 8), "bootargs") == 0)
            return (const char *)at + 12;
        at += 12 + (((size_t)big_endian(at + 4) + 3) & ~(size_t)3);
    }
    return "";
}

void guest_start(const uint8_t *fdt);
void guest_start(const uint8_t *fdt)
{
    guest_main(fdt == NULL ? "" : find_bootargs(fdt));
    guest_exit();
}
