/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's interrupt controllers and timers as a whole under libFuzzer: the input is a list of guest
 * accesses, device lines, time, and CPUs taking interrupts. Checked on top of the sanitizers: what is offered
 * can be taken, priorities hold, the books balance, no lock is left held, time does not stand still.
 */
#include <stddef.h>
#include <stdint.h>

#include "arch/x86/board_irq.h"
#include "tests/unit/irq_fixture.h"

#define APICS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One step of six bytes. */
struct step {
    uint8_t what;
    uint8_t who;
    uint8_t value[4];
};

static struct board_irq board;
static struct vlapic apic[APICS];

static uint64_t guest_tsc(struct vcpu *vcpu)
{
    (void)vcpu;
    return fixture_now * 3;
}

static const struct apic_bus_ops bus_ops = {.guest_tsc = guest_tsc};

static void set_up(void)
{
    fixture_reset();
    ASSERT(board_irq_init(&board, &fixture_vm, &bus_ops, 3 * NS_PER_SEC) == 0);
    for (uint32_t i = 0; i < APICS; i++)
        vlapic_init(&apic[i], &board.apics, &fixture_vcpus[i]);
    vlapic_firmware_setup(&apic[0]);
}

/* Ports and widths that some device has; others never get here. */
static void port_access(uint8_t who, uint32_t value)
{
    static const uint16_t ports[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61};
    uint16_t port = ports[who % ARRAY_COUNT(ports)];
    unsigned int width = 1u << (value >> 30 & 1);

    spin_lock(&fixture_vm.dev_lock);
    if ((who & 0x80) != 0)
        (void)bus_read(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, width);
    else
        bus_write(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, width, value & 0xffff);
    spin_unlock(&fixture_vm.dev_lock);
}

static void ioapic_access(uint8_t who, uint32_t value)
{
    static const uint16_t offsets[] = {0x00, 0x10, 0x40, 0x20, 0x04};
    uint64_t at = VIOAPIC_BASE + offsets[who % ARRAY_COUNT(offsets)];

    spin_lock(&fixture_vm.dev_lock);
    if ((who & 0x80) != 0)
        (void)bus_read(&fixture_vm.buses[BUS_MMIO], &fixture_vcpus[0], at, 4);
    else
        bus_write(&fixture_vm.buses[BUS_MMIO], &fixture_vcpus[0], at, 4, value);
    spin_unlock(&fixture_vm.dev_lock);
}

static void apic_access(struct vlapic *vl, uint8_t who, uint32_t value)
{
    uint32_t offset = (uint32_t)(who & 0x3f) << 4;

    if (!vlapic_covers(vl, gpa(vl->base & FIELD(51, 12))))
        return;
    if ((who & 0x40) != 0)
        (void)vlapic_mmio_read(vl, offset | (value & 3), 1u << (value >> 2 & 3));
    else
        vlapic_mmio_write(vl, offset, 4, value);
}

static void msr_access(struct vlapic *vl, uint8_t who, uint32_t value)
{
    uint32_t msr = MSR_X2APIC_FIRST + (who & 0x3f);
    uint64_t wide = value | (uint64_t)(value & 7) << 32;

    if ((who & 0x3f) == 0)
        wide = APIC_BASE_DEFAULT | (value & 0xd00);
    if ((who & 0x3f) < 2)
        msr = (who & 0x3f) == 0 ? MSR_APIC_BASE : MSR_TSC_DEADLINE;
    if (((who & 0x40) != 0 ? vlapic_msr_read(vl, msr, &wide) : vlapic_msr_write(vl, msr, wide)) != 0)
        ASSERT(msr >= MSR_X2APIC_FIRST || msr == MSR_APIC_BASE);
}

static void take(struct vlapic *vl)
{
    struct x86_irq irq = x86_irq_pending(&board, vl);
    uint8_t ppr = atomic_load(&vl->ppr);

    if (irq.source == X86_IRQ_NONE)
        return;
    ASSERT(irq.source != X86_IRQ_LAPIC || (irq.vector >= 16 && irq.vector >> 4 > ppr >> 4));
    ASSERT(x86_irq_ack(&board, vl, irq) == irq.vector);
    ASSERT(irq.source != X86_IRQ_LAPIC || vl->isr_top == irq.vector);
}

static void set_line(uint8_t who)
{
    spin_lock(&fixture_vm.dev_lock);
    irq_line_set(board_irq_line(&board, (who & 0x7f) % BOARD_GSIS), (who & 0x80) != 0);
    spin_unlock(&fixture_vm.dev_lock);
}

static void run_step(const struct step *s)
{
    uint32_t value = (uint32_t)s->value[0] | (uint32_t)s->value[1] << 8 | (uint32_t)s->value[2] << 16 |
                     (uint32_t)s->value[3] << 24;
    struct vlapic *vl = &apic[s->what >> 4 & 3];

    switch (s->what & 7) {
    case 0:
        port_access(s->who, value);
        break;
    case 1:
        ioapic_access(s->who, value);
        break;
    case 2:
    case 3:
        apic_access(vl, s->who, value);
        break;
    case 4:
        msr_access(vl, s->who, value);
        break;
    case 5:
        take(vl);
        break;
    case 6:
        set_line(s->who);
        break;
    default:
        if ((s->what & 0x80) != 0)
            fixture_jump(value & 0xfffff);
        else
            fixture_run_until(fixture_now + (value & 0xfffff));
    }
}

static void check(void)
{
    ASSERT(fixture_vm.dev_lock.next == fixture_vm.dev_lock.serving);
    for (uint32_t i = 0; i < APICS; i++) {
        ASSERT(vlapic_books_balance(&apic[i]));
        ASSERT(apic[i].isr_top < 0 || atomic_load(&apic[i].ppr) >> 4 >= apic[i].isr_top >> 4);
    }
    ASSERT(vpic_pending(&board.pic) == atomic_load(&board.pic_raised));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct step step;

    set_up();
    for (size_t at = 0; at + sizeof(step) <= size && at < 512 * sizeof(step); at += sizeof(step)) {
        memcpy(&step, data + at, sizeof(step));
        run_step(&step);
        check();
    }
    return 0;
}
