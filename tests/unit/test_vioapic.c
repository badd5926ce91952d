/* SPDX-License-Identifier: BSD-2-Clause */
/* IOAPIC: edges, levels, remote IRR, masks, registers, stray accesses; random levels against a plain model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "irq_fixture.h"
#include "vdev/vioapic.h"

static struct vioapic io;
static struct msi_message last;
static unsigned int sent;
static bool accepts;

static bool deliver(struct msi_sink *sink, const struct msi_message *message)
{
    (void)sink;
    last = *message;
    sent++;
    return accepts;
}

static const struct msi_sink_ops sink_ops = {.deliver = deliver};
static struct msi_sink sink = {.ops = &sink_ops};

static void write32(uint64_t offset, uint32_t value)
{
    bus_write(&fixture_vm.buses[BUS_MMIO], &fixture_vcpus[0], VIOAPIC_BASE + offset, 4, value);
}

static uint32_t read32(uint64_t offset)
{
    return (uint32_t)bus_read(&fixture_vm.buses[BUS_MMIO], &fixture_vcpus[0], VIOAPIC_BASE + offset, 4);
}

static void set(uint8_t reg, uint32_t value)
{
    write32(VIOAPIC_IOREGSEL, reg);
    write32(VIOAPIC_IOWIN, value);
}

static uint32_t get(uint8_t reg)
{
    write32(VIOAPIC_IOREGSEL, reg);
    return read32(VIOAPIC_IOWIN);
}

static void route(unsigned int pin, uint32_t dest, uint32_t low)
{
    set((uint8_t)(VIOAPIC_REG_REDIR + 2 * pin + 1), dest << 24);
    set((uint8_t)(VIOAPIC_REG_REDIR + 2 * pin), low);
}

static bool remote_irr(unsigned int pin)
{
    return (get((uint8_t)(VIOAPIC_REG_REDIR + 2 * pin)) & VIOAPIC_REMOTE_IRR) != 0;
}

static int setup(void **state)
{
    (void)state;
    fixture_reset();
    vioapic_init(&io, &sink);
    sent = 0;
    accepts = true;
    return vioapic_register(&io, &fixture_vm.buses[BUS_MMIO]);
}

static void test_registers(void **state)
{
    (void)state;
    assert_int_equal(get(VIOAPIC_REG_VERSION), 0x00170020);
    set(VIOAPIC_REG_VERSION, 0);
    assert_int_equal(get(VIOAPIC_REG_VERSION), 0x00170020);
    set(VIOAPIC_REG_ID, 0xffffffff);
    assert_int_equal(get(VIOAPIC_REG_ID), 0x0f000000);
    assert_int_equal(get(VIOAPIC_REG_ARB), 0x0f000000);
    for (unsigned int pin = 0; pin < 24; pin++)
        assert_int_equal(get((uint8_t)(0x10 + 2 * pin)), 0x10000);
    set(0x14, 0x0001ffff); /* what is read-only or reserved stays 0 */
    assert_int_equal(get(0x14), 0x0001afff);
    set(0x15, 0xffffffff);
    assert_int_equal(get(0x15), 0xff000000);
    assert_int_equal(get(0x40), 0); /* behind the last pin */
    assert_int_equal(get(0x03), 0);
    assert_int_equal(get(0xff), 0);
    set(0xff, 0xffffffff);
}

static void test_edge(void **state)
{
    (void)state;
    route(4, 3, 0x0934); /* logical, lowest priority */
    vioapic_set_pin(&io, 4, true);
    assert_int_equal(sent, 1);
    assert_int_equal(last.dest, 3);
    assert_int_equal(last.vector, 0x34);
    assert_int_equal(last.mode, MSI_LOWEST);
    assert_true(last.logical);
    assert_false(last.level);
    assert_false(remote_irr(4));
    vioapic_set_pin(&io, 4, true);
    vioapic_set_pin(&io, 4, false);
    assert_int_equal(sent, 1);
    vioapic_set_pin(&io, 4, true);
    assert_int_equal(sent, 2);
    vioapic_eoi(&io, 0x34);
    assert_int_equal(sent, 2);
}

/* Not remembered: unmasking with the input still high sends nothing. */
static void test_edge_while_masked(void **state)
{
    (void)state;
    route(4, 0, 0x10034);
    vioapic_set_pin(&io, 4, true);
    route(4, 0, 0x34);
    assert_int_equal(sent, 0);
    assert_int_equal(io.lost_edge_count, 1);
    vioapic_set_pin(&io, 4, false);
    vioapic_set_pin(&io, 4, true);
    assert_int_equal(sent, 1);
}

static void test_level(void **state)
{
    (void)state;
    route(9, 1, 0x18041); /* masked */
    vioapic_set_pin(&io, 9, true);
    assert_int_equal(sent, 0);
    route(9, 1, 0x8041);
    assert_int_equal(sent, 1); /* a level is */
    assert_true(last.level);
    assert_true(remote_irr(9));
    vioapic_set_pin(&io, 9, false);
    vioapic_set_pin(&io, 9, true);
    assert_int_equal(sent, 1); /* until the EOI */
    vioapic_eoi(&io, 0x40);
    assert_int_equal(sent, 1);
    vioapic_eoi(&io, 0x41);
    assert_int_equal(sent, 2);
    vioapic_set_pin(&io, 9, false);
    write32(VIOAPIC_EOI, 0x41);
    assert_int_equal(sent, 2);
    assert_false(remote_irr(9));
    /* Masked during service: remote IRR goes, the message waits for the mask. */
    vioapic_set_pin(&io, 9, true);
    assert_int_equal(sent, 3);
    set(0x10 + 18, 0x18041);
    assert_true(remote_irr(9));
    vioapic_eoi(&io, 0x41);
    assert_int_equal(sent, 3);
    set(0x10 + 18, 0x8041);
    assert_int_equal(sent, 4);
}

/* Two level inputs share a vector: one EOI ends both. */
static void test_shared_vector(void **state)
{
    (void)state;
    route(16, 0, 0x8050);
    route(17, 0, 0x8050);
    vioapic_set_pin(&io, 16, true);
    vioapic_set_pin(&io, 17, true);
    assert_int_equal(sent, 2);
    vioapic_set_pin(&io, 16, false);
    vioapic_eoi(&io, 0x50);
    assert_int_equal(sent, 3);
    assert_false(remote_irr(16));
    assert_true(remote_irr(17));
}

/* Mask and edge, then level again: how software without the EOI register ends an interrupt. */
static void test_edge_clears_remote_irr(void **state)
{
    (void)state;
    route(10, 0, 0x8060);
    vioapic_set_pin(&io, 10, true);
    assert_true(remote_irr(10));
    set(0x10 + 20, 0x10060);
    set(0x10 + 20, 0x18060);
    assert_false(remote_irr(10));
    set(0x10 + 20, 0x8060);
    assert_int_equal(sent, 2);
}

static void test_nobody_takes_it(void **state)
{
    (void)state;
    accepts = false;
    route(10, 7, 0x8060);
    vioapic_set_pin(&io, 10, true);
    assert_false(remote_irr(10));
    assert_int_equal(io.unaccepted_count, 1);
    accepts = true;
    route(10, 0, 0x8060);
    assert_true(remote_irr(10));
}

/* Modes without EOI are edges whatever the trigger bit says. */
static void test_nmi_and_extint(void **state)
{
    (void)state;
    route(5, 0, 0x8400);
    vioapic_set_pin(&io, 5, true);
    assert_int_equal(last.mode, MSI_NMI);
    assert_false(remote_irr(5));
    vioapic_set_pin(&io, 5, false);
    vioapic_set_pin(&io, 5, true);
    assert_int_equal(sent, 2);
    route(0, 0, 0x0700);
    vioapic_set_pin(&io, 0, true);
    assert_int_equal(last.mode, MSI_EXTINT);
}

static void test_stray_accesses(void **state)
{
    struct bus *bus = &fixture_vm.buses[BUS_MMIO];

    (void)state;
    for (uint64_t offset = 0; offset < VIOAPIC_SIZE; offset++)
        for (unsigned int size = 1; size <= 8; size *= 2) {
            (void)bus_read(bus, &fixture_vcpus[0], VIOAPIC_BASE + offset, size);
            bus_write(bus, &fixture_vcpus[0], VIOAPIC_BASE + offset, size, 0x8030);
        }
    bus_write(bus, &fixture_vcpus[0], VIOAPIC_BASE, 1, 0x12);
    bus_write(bus, &fixture_vcpus[0], VIOAPIC_BASE + 0x10, 2, 0x8030); /* too narrow for the window */
    assert_int_equal(read32(VIOAPIC_IOWIN), 0x10000);
    vioapic_set_pin(&io, 24, true);
    vioapic_set_pin(&io, ~0u, true);
    assert_int_equal(sent, 0);
}

/* Levels, masks and EOIs at random: a message is sent exactly when none is in service, input and mask allow
 * it. */
static void test_random_levels(void **state)
{
    bool input[24] = {0}, masked[24], busy[24] = {0};
    unsigned int expected = 0;

    (void)state;
    memset(masked, 1, sizeof(masked));
    for (unsigned int step = 0; step < 100000; step++) {
        uint32_t r = fixture_random();
        unsigned int pin = (r >> 4) % 24;

        switch (r & 3) {
        case 0:
        case 1:
            input[pin] = (r & 8) != 0;
            vioapic_set_pin(&io, pin, input[pin]);
            break;
        case 2:
            masked[pin] = (r & 8) != 0;
            set((uint8_t)(0x10 + 2 * pin), 0x8000 | (masked[pin] ? 0x10000 : 0) | (0x40 + pin));
            break;
        default:
            busy[pin] = false;
            vioapic_eoi(&io, (uint8_t)(0x40 + pin));
        }
        for (unsigned int i = 0; i < 24; i++)
            if (input[i] && !masked[i] && !busy[i]) {
                busy[i] = true;
                expected++;
                assert_int_equal(last.vector, 0x40 + i);
            }
        assert_int_equal(sent, expected);
    }
    assert_int_equal(io.sent_count, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_registers, setup),
        cmocka_unit_test_setup(test_edge, setup),
        cmocka_unit_test_setup(test_edge_while_masked, setup),
        cmocka_unit_test_setup(test_level, setup),
        cmocka_unit_test_setup(test_shared_vector, setup),
        cmocka_unit_test_setup(test_edge_clears_remote_irr, setup),
        cmocka_unit_test_setup(test_nobody_takes_it, setup),
        cmocka_unit_test_setup(test_nmi_and_extint, setup),
        cmocka_unit_test_setup(test_stray_accesses, setup),
        cmocka_unit_test_setup(test_random_levels, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
