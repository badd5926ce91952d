/* SPDX-License-Identifier: BSD-2-Clause */
/* 8259A pair: random command sequences against a naive model, and the data sheet's special cases one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "irq_fixture.h"
#include "vdev/vpic.h"

static struct vpic pic;
static unsigned int output_changes;

static void output_changed(struct vpic *changed, bool raised)
{
    assert_int_equal(changed->raised, raised);
    output_changes++;
}

static const struct vpic_output_ops output_ops = {.output_changed = output_changed};

static void out(uint16_t port, uint8_t value)
{
    bus_write(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, 1, value);
}

static uint8_t in(uint16_t port)
{
    return (uint8_t)bus_read(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, 1);
}

static void init_pair(uint8_t icw4)
{
    out(0x20, 0x11);
    out(0x21, 0x20);
    out(0x21, 0x04);
    out(0x21, icw4);
    out(0xa0, 0x11);
    out(0xa1, 0x28);
    out(0xa1, 0x02);
    out(0xa1, icw4 & 0xef);
    out(0x21, 0);
    out(0xa1, 0);
}

static int setup(void **state)
{
    (void)state;
    fixture_reset();
    vpic_init(&pic, &output_ops);
    return vpic_register(&pic, &fixture_vm.buses[BUS_PIO]);
}

/* --- The oracle: each chip an explicit priority order, each input a struct of booleans. --------------------
 */

struct oracle_chip {
    bool irr[8], isr[8], imr[8], pin[8], level[8];
    int order[8]; /* highest first */
    bool smm, aeoi, rotate, nested;
};

static struct oracle_chip model[2];

static void order_below(struct oracle_chip *c, int lowest)
{
    for (int i = 0; i < 8; i++)
        c->order[i] = (lowest + 1 + i) % 8;
}

static int oracle_request(struct oracle_chip *c, bool master)
{
    for (int i = 0; i < 8; i++) {
        int pin = c->order[i];

        /* A service in progress at this level or above it blocks, unless its input is masked in special mask
         * mode. */
        if (c->isr[pin] && !(c->smm && c->imr[pin]) && !(master && c->nested && pin == 2))
            return -1;
        if (c->irr[pin] && !c->imr[pin])
            return pin;
    }
    return -1;
}

static void oracle_pin(struct oracle_chip *c, int pin, bool level)
{
    if (c->pin[pin] != level)
        c->irr[pin] = level;
    c->pin[pin] = level;
}

static void oracle_cascade(void)
{
    oracle_pin(&model[0], 2, oracle_request(&model[1], false) >= 0);
}

static void oracle_take(struct oracle_chip *c, int pin)
{
    if (!c->level[pin])
        c->irr[pin] = false;
    if (!c->aeoi)
        c->isr[pin] = true;
    else if (c->rotate)
        order_below(c, pin);
}

static uint8_t oracle_ack(void)
{
    int pin = oracle_request(&model[0], true);
    uint8_t vector = 0x27;

    if (pin >= 0) {
        vector = (uint8_t)(0x20 + pin);
        oracle_take(&model[0], pin);
        if (pin == 2) {
            int second = oracle_request(&model[1], false);

            vector = second < 0 ? 0x2f : (uint8_t)(0x28 + second);
            if (second >= 0)
                oracle_take(&model[1], second);
            oracle_pin(&model[0], 2, false);
        }
    }
    oracle_cascade();
    return vector;
}

static void oracle_eoi(struct oracle_chip *c, int specific, bool rotate)
{
    for (int i = 0; i < 8; i++) {
        int pin = specific >= 0 ? specific : c->order[i];

        if (specific < 0 && (!c->isr[pin] || (c->smm && c->imr[pin])))
            continue;
        c->isr[pin] = false;
        if (rotate)
            order_below(c, pin);
        return;
    }
}

static void oracle_ocw2(struct oracle_chip *c, unsigned int command, int pin)
{
    if (command == 1 || command == 5)
        oracle_eoi(c, -1, command == 5);
    else if (command == 3 || command == 7)
        oracle_eoi(c, pin, command == 7);
    else if (command == 6)
        order_below(c, pin);
    else if (command == 0 || command == 4)
        c->rotate = command == 4;
}

static uint8_t pack(const bool *bits)
{
    unsigned int value = 0;

    for (int i = 0; i < 8; i++)
        value |= (unsigned int)bits[i] << i;
    return (uint8_t)value;
}

static void random_step(uint32_t r)
{
    unsigned int chip = (r >> 4) & 1;
    uint16_t port = chip != 0 ? 0xa0 : 0x20;
    struct oracle_chip *c = &model[chip];
    int pin = (int)(r >> 8) & 7;

    switch (r & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        if (chip == 0 && pin == 2)
            break;
        vpic_set_pin(&pic, chip * 8 + (unsigned int)pin, (r & 0x10000) != 0);
        oracle_pin(c, pin, (r & 0x10000) != 0);
        break;
    case 5:
    case 6:
    case 7:
    case 8: { /* acknowledge; a spurious one now and then */
        uint8_t peeked = vpic_peek(&pic);

        if (!vpic_pending(&pic) && (r & 0x700000) != 0)
            break;
        assert_int_equal(vpic_ack(&pic), peeked);
        assert_int_equal(oracle_ack(), peeked);
        break;
    }
    case 9:
        out(port + 1, (uint8_t)(r >> 16 & r >> 24));
        for (int i = 0; i < 8; i++)
            c->imr[i] = ((r >> 16 & r >> 24) >> i & 1) != 0;
        break;
    case 10:
        out(port, (r & 0x10000) != 0 ? 0x68 : 0x48);
        c->smm = (r & 0x10000) != 0;
        break;
    default:
        out(port, (uint8_t)((r >> 16 & 7) << 5 | (unsigned int)pin));
        oracle_ocw2(c, r >> 16 & 7, pin);
    }
    oracle_cascade();
}

static void compare(void)
{
    for (unsigned int chip = 0; chip < 2; chip++) {
        uint16_t port = chip != 0 ? 0xa0 : 0x20;

        out(port, 0x0a);
        assert_int_equal(in(port), pack(model[chip].irr));
        out(port, 0x0b);
        assert_int_equal(in(port), pack(model[chip].isr));
        assert_int_equal(in(port + 1), pack(model[chip].imr));
    }
    assert_int_equal(vpic_pending(&pic), oracle_request(&model[0], true) >= 0);
}

static void run_random(uint8_t icw4, uint8_t elcr_master, uint8_t elcr_slave)
{
    memset(model, 0, sizeof(model));
    init_pair(icw4);
    out(0x4d0, elcr_master);
    out(0x4d1, elcr_slave);
    for (int i = 0; i < 8; i++) {
        model[0].level[i] = (elcr_master & 0xf8 & 1 << i) != 0;
        model[1].level[i] = (elcr_slave & 0xde & 1 << i) != 0;
    }
    for (unsigned int chip = 0; chip < 2; chip++) {
        order_below(&model[chip], 7);
        model[chip].aeoi = (icw4 & 2) != 0;
        model[chip].nested = chip == 0 && (icw4 & 0x10) != 0;
    }
    for (unsigned int step = 0; step < 60000; step++) {
        random_step(fixture_random());
        compare();
    }
    assert_true(output_changes > 1000);
}

static void test_random(void **state)
{
    (void)state;
    run_random(0x01, 0, 0);
}

static void test_random_level(void **state)
{
    (void)state;
    run_random(0x01, 0xff, 0x5a);
}

static void test_random_auto_eoi(void **state)
{
    (void)state;
    run_random(0x03, 0x20, 0x80);
}

static void test_random_fully_nested(void **state)
{
    (void)state;
    run_random(0x11, 0, 0);
}

static void test_power_on(void **state)
{
    (void)state;
    assert_int_equal(in(0x21), 0xff);
    assert_int_equal(in(0xa1), 0xff);
    assert_int_equal(in(0x4d0), 0);
    vpic_set_pin(&pic, 5, true);
    assert_false(vpic_pending(&pic));
    assert_int_equal(vpic_ack(&pic), 0x0f); /* spurious, at firmware's base */
    assert_int_equal(pic.spurious_count, 1);
}

/* No output between ICW1 and the last word, a new edge needed after it. */
static void test_init_sequence(void **state)
{
    (void)state;
    init_pair(1);
    vpic_set_pin(&pic, 3, true);
    assert_true(vpic_pending(&pic));
    out(0x20, 0x11);
    assert_false(vpic_pending(&pic));
    out(0x21, 0x48);
    out(0x21, 0x04);
    assert_false(vpic_pending(&pic));
    out(0x21, 0x01);
    assert_false(vpic_pending(&pic));
    assert_int_equal(in(0x21), 0);
    vpic_set_pin(&pic, 3, false);
    vpic_set_pin(&pic, 3, true);
    assert_int_equal(vpic_ack(&pic), 0x4b);
    out(0x20, 0x12); /* single, no ICW4: ready after ICW2 */
    out(0x21, 0x57);
    out(0x21, 0xfe);
    assert_int_equal(in(0x21), 0xfe);
    vpic_set_pin(&pic, 0, true);
    assert_int_equal(vpic_ack(&pic), 0x50);
}

static void test_spurious(void **state)
{
    (void)state;
    init_pair(1);
    vpic_set_pin(&pic, 4, true);
    vpic_set_pin(&pic, 4, false); /* gone before the acknowledge */
    assert_false(vpic_pending(&pic));
    assert_int_equal(vpic_ack(&pic), 0x27);
    out(0x20, 0x0b);
    assert_int_equal(in(0x20), 0); /* nothing is in service */
    assert_int_equal(pic.withdrawn_count, 1);
}

static void test_poll(void **state)
{
    (void)state;
    init_pair(1);
    out(0x20, 0x0c);
    assert_int_equal(in(0x20), 0);
    vpic_set_pin(&pic, 12, true);
    out(0x20, 0x0c);
    assert_int_equal(in(0x20), 0x82);
    out(0xa0, 0x0c);
    assert_int_equal(in(0xa1), 0x84); /* any read answers a poll */
    out(0xa0, 0x0b);
    assert_int_equal(in(0xa0), 0x10);
    out(0x20, 0x0b);
    assert_int_equal(in(0x20), 0x04);
}

static void test_elcr(void **state)
{
    (void)state;
    init_pair(1);
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    assert_int_equal(in(0x4d0), 0xf8);
    assert_int_equal(in(0x4d1), 0xde);
    vpic_set_pin(&pic, 11, true);
    assert_int_equal(vpic_ack(&pic), 0x2b);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    assert_int_equal(vpic_ack(&pic), 0x2b); /* still asserted */
    out(0xa0, 0x20);
    out(0x20, 0x20);
    vpic_set_pin(&pic, 11, false);
    assert_false(vpic_pending(&pic));
}

static void test_books(void **state)
{
    uint64_t pending = 0;

    (void)state;
    init_pair(1);
    for (unsigned int step = 0; step < 20000; step++) {
        uint32_t r = fixture_random();

        if (r % 3 == 0 && vpic_pending(&pic)) {
            (void)vpic_ack(&pic);
            out(0x20, 0x20);
            out(0xa0, 0x20);
        } else if (r % 1000 == 1) {
            init_pair(1);
        } else {
            vpic_set_pin(&pic, (r >> 8) % 16, (r & 0x8000) != 0);
        }
        pending = bits_count(pic.chips[0].irr & 0xfbu) + bits_count(pic.chips[1].irr);
        assert_int_equal(pic.edge_count, pic.ack_count + pic.withdrawn_count + pic.cleared_count + pending);
    }
}

static void test_wide_accesses(void **state)
{
    struct bus *pio = &fixture_vm.buses[BUS_PIO];

    (void)state;
    init_pair(1);
    bus_write(pio, &fixture_vcpus[0], 0x20, 2, 0x5520); /* EOI, then the mask */
    assert_int_equal(in(0x21), 0x55);
    assert_int_equal(bus_read(pio, &fixture_vcpus[0], 0x20, 2), 0x5500);
    assert_int_equal(bus_read(pio, &fixture_vcpus[0], 0x4d0, 2), 0);
    assert_int_equal(bus_read(pio, &fixture_vcpus[0], 0x21, 2), 0xffff); /* beyond the device */
    vpic_set_pin(&pic, 16, true);
    vpic_set_pin(&pic, 2, true);
    assert_false(vpic_pending(&pic));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random, setup),
        cmocka_unit_test_setup(test_random_level, setup),
        cmocka_unit_test_setup(test_random_auto_eoi, setup),
        cmocka_unit_test_setup(test_random_fully_nested, setup),
        cmocka_unit_test_setup(test_power_on, setup),
        cmocka_unit_test_setup(test_init_sequence, setup),
        cmocka_unit_test_setup(test_spurious, setup),
        cmocka_unit_test_setup(test_poll, setup),
        cmocka_unit_test_setup(test_elcr, setup),
        cmocka_unit_test_setup(test_books, setup),
        cmocka_unit_test_setup(test_wide_accesses, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
