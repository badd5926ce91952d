/* SPDX-License-Identifier: BSD-2-Clause */
/* The board: lines to PIC and IOAPIC to a CPU's interrupt input, virtual wire, EOI broadcast, the timer end
 * to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86/board_irq.h"
#include "irq_fixture.h"

static struct board_irq board;
static struct vlapic apic[FIXTURE_VCPUS];

static uint64_t guest_tsc(struct vcpu *vcpu)
{
    (void)vcpu;
    return 0;
}

static const struct apic_bus_ops bus_ops = {.guest_tsc = guest_tsc};

static void out(uint16_t port, uint8_t value)
{
    spin_lock(&fixture_vm.dev_lock);
    bus_write(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, 1, value);
    spin_unlock(&fixture_vm.dev_lock);
}

static void redir(unsigned int pin, uint32_t dest, uint32_t low)
{
    struct bus *mmio = &fixture_vm.buses[BUS_MMIO];

    spin_lock(&fixture_vm.dev_lock);
    bus_write(mmio, NULL, VIOAPIC_BASE, 4, VIOAPIC_REG_REDIR + 2 * pin + 1);
    bus_write(mmio, NULL, VIOAPIC_BASE + VIOAPIC_IOWIN, 4, dest << 24);
    bus_write(mmio, NULL, VIOAPIC_BASE, 4, VIOAPIC_REG_REDIR + 2 * pin);
    bus_write(mmio, NULL, VIOAPIC_BASE + VIOAPIC_IOWIN, 4, low);
    spin_unlock(&fixture_vm.dev_lock);
}

static void line(unsigned int number, bool level)
{
    spin_lock(&fixture_vm.dev_lock);
    irq_line_set(board_irq_line(&board, number), level);
    spin_unlock(&fixture_vm.dev_lock);
}

/* Takes what is pending at a CPU: its vector, -1: nothing. No EOI. */
static int take(uint32_t cpu)
{
    struct x86_irq irq = x86_irq_pending(&board, &apic[cpu]);
    uint8_t vector;

    if (irq.source < X86_IRQ_PIC)
        return -1;
    vector = x86_irq_ack(&board, &apic[cpu], irq);
    assert_int_equal(vector, irq.vector);
    return vector;
}

static int setup(void **state)
{
    int error;

    (void)state;
    fixture_reset();
    error = board_irq_init(&board, &fixture_vm, &bus_ops, NS_PER_SEC);
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++)
        vlapic_init(&apic[i], &board.apics, &fixture_vcpus[i]);
    vlapic_firmware_setup(&apic[0]);
    return error;
}

static void setup_pic(void)
{
    static const uint16_t ports[] = {0x20, 0x21, 0x21, 0x21, 0xa0, 0xa1, 0xa1, 0xa1, 0x21, 0xa1};
    static const uint8_t values[] = {0x11, 0x30, 0x04, 0x01, 0x11, 0x38, 0x02, 0x01, 0x00, 0x00};

    for (size_t i = 0; i < sizeof(values); i++)
        out(ports[i], values[i]);
}

static void test_virtual_wire(void **state)
{
    (void)state;
    setup_pic();
    fixture_vcpus[0].requests = 0;
    line(4, true);
    assert_true((fixture_vcpus[0].requests & VCPU_REQ_EVENT) != 0);
    assert_int_equal(fixture_vcpus[1].requests & VCPU_REQ_EVENT, 0);
    assert_int_equal(take(1), -1);  /* its LINT0 is masked */
    vlapic_set_tpr(&apic[0], 0xff); /* the task priority does not hold back the PIC */
    assert_int_equal(take(0), 0x34);
    assert_int_equal(take(0), -1);
    line(6, true);
    assert_int_equal(take(0), -1); /* lower than what is in service */
    line(12, true);
    assert_int_equal(take(0), 0x3c); /* higher: the slave sits at input 2 */
    out(0xa0, 0x20);
    out(0x20, 0x20);
    out(0x20, 0x20);
    assert_int_equal(take(0), 0x36);
    vlapic_mmio_write(&apic[0], APIC_LVT_LINT0, 4, 0x10700);
    out(0x20, 0x20);
    line(5, true);
    assert_int_equal(take(0), -1);
    vlapic_mmio_write(&apic[0], APIC_LVT_LINT0, 4, 0x700); /* unmasked with the output high */
    assert_int_equal(take(0), 0x35);
}

static void test_apic_off(void **state)
{
    (void)state;
    setup_pic();
    vlapic_mmio_write(&apic[0], APIC_LVT_LINT0, 4, 0x10000);
    line(3, true);
    assert_int_equal(take(0), -1);
    assert_int_equal(vlapic_msr_write(&apic[0], MSR_APIC_BASE, 0xfee00100), 0);
    assert_int_equal(take(0), 0x33);
}

static void test_lint0_fixed(void **state)
{
    (void)state;
    setup_pic();
    vlapic_mmio_write(&apic[0], APIC_LVT_LINT0, 4, 0x77);
    line(3, true);
    assert_int_equal(take(0), 0x77);
}

/* ExtINT through the IOAPIC, to another CPU. */
static void test_ioapic_extint(void **state)
{
    (void)state;
    setup_pic();
    vlapic_mmio_write(&apic[0], APIC_LVT_LINT0, 4, 0x10000);
    vlapic_mmio_write(&apic[2], APIC_SVR, 4, 0x1ff);
    redir(0, 2, 0x700);
    line(4, true);
    assert_int_equal(take(0), -1);
    assert_int_equal(take(2), 0x34);
    line(6, true);
    out(0x20, 0x20);
    assert_int_equal(take(2), 0x36);
}

static void test_every_line_on_the_ioapic(void **state)
{
    (void)state;
    vlapic_mmio_write(&apic[1], APIC_SVR, 4, 0x1ff);
    for (unsigned int pin = 0; pin < 24; pin++)
        redir(pin, 1, 0x40 + pin);
    line(0, false); /* OUT0 rests high */
    for (unsigned int number = 0; number < 24; number++) {
        line(number, true);
        assert_int_equal(take(1), number == 2 ? -1 : number == 0 ? 0x42 : 0x40 + (int)number);
        vlapic_eoi(&apic[1]);
        line(number, false);
    }
}

static void test_level_through_eoi(void **state)
{
    (void)state;
    vlapic_mmio_write(&apic[1], APIC_SVR, 4, 0x1ff);
    redir(17, 1, 0x8051);
    line(17, true);
    assert_int_equal(take(1), 0x51);
    assert_int_equal(take(1), -1);
    vlapic_mmio_write(&apic[1], APIC_EOI, 4, 0); /* broadcast: still asserted, comes again */
    assert_int_equal(take(1), 0x51);
    line(17, false);
    vlapic_mmio_write(&apic[1], APIC_EOI, 4, 0);
    assert_int_equal(take(1), -1);
    assert_true(vlapic_books_balance(&apic[1]));
}

static void test_held_by_tpr(void **state)
{
    struct x86_irq irq;

    (void)state;
    vlapic_set_tpr(&apic[0], 0x80);
    assert_true(vlapic_post(&apic[0], 0x55, false));
    irq = x86_irq_pending(&board, &apic[0]);
    assert_int_equal(irq.source, X86_IRQ_HELD);
    vlapic_set_tpr(&apic[0], 0x40);
    irq = x86_irq_pending(&board, &apic[0]);
    assert_int_equal(irq.source, X86_IRQ_LAPIC);
    assert_int_equal(irq.vector, 0x55);
}

/* The PIC goes first; what the local APIC has must not be forgotten behind it. */
static void test_both_at_once(void **state)
{
    (void)state;
    setup_pic();
    line(4, true);
    assert_true(vlapic_post(&apic[0], 0x99, false));
    atomic_store(&fixture_vcpus[0].inject.posted.word, 0);
    assert_int_equal(take(0), 0x34);
    assert_true(atomic_load(&fixture_vcpus[0].inject.posted.word) == INJECT_POSTED_IRQ);
    assert_int_equal(take(0), 0x99);
}

/* 100 Hz for ten seconds, by PIC or by IOAPIC, every tick taken. */
static void run_ticks(int vector, void (*eoi)(void))
{
    unsigned int ticks = 0;

    out(0x43, 0x34);
    out(0x40, 0x9c);
    out(0x40, 0x2e);
    (void)take(0);
    eoi();
    for (unsigned int ms = 0; ms < 10000; ms++) {
        int got;

        fixture_run_until(fixture_now + NS_PER_MS);
        got = take(0);
        if (got < 0)
            continue;
        assert_int_equal(got, vector);
        eoi();
        ticks++;
    }
    assert_in_range(ticks, 999, 1000);
    assert_int_equal(board.pit.missed_count, 0);
}

static void pic_eoi(void)
{
    out(0x20, 0x20);
}

static void apic_eoi(void)
{
    vlapic_eoi(&apic[0]);
}

static void test_timer_by_pic(void **state)
{
    (void)state;
    setup_pic();
    run_ticks(0x30, pic_eoi);
}

static void test_timer_by_ioapic(void **state)
{
    (void)state;
    out(0x21, 0xff);
    redir(2, 0, 0x32);
    run_ticks(0x32, apic_eoi);
}

static void test_nmi_button(void **state)
{
    (void)state;
    board_irq_nmi(&board);
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++) {
        vlapic_sync(&apic[i]);
        assert_int_equal(fixture_nmis(i), i == 0 ? 1 : 0); /* firmware set up the boot CPU only */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_virtual_wire, setup),
        cmocka_unit_test_setup(test_apic_off, setup),
        cmocka_unit_test_setup(test_lint0_fixed, setup),
        cmocka_unit_test_setup(test_ioapic_extint, setup),
        cmocka_unit_test_setup(test_every_line_on_the_ioapic, setup),
        cmocka_unit_test_setup(test_level_through_eoi, setup),
        cmocka_unit_test_setup(test_held_by_tpr, setup),
        cmocka_unit_test_setup(test_both_at_once, setup),
        cmocka_unit_test_setup(test_timer_by_pic, setup),
        cmocka_unit_test_setup(test_timer_by_ioapic, setup),
        cmocka_unit_test_setup(test_nmi_button, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
