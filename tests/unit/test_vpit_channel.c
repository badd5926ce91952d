/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One 8254 counter, which is computed from time, against a model that is clocked pulse by pulse as the data
 * sheet describes it: random control words, counts, gates, in every mode, binary and BCD; OUT and count
 * compared each tick.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "irq_fixture.h"
#include "vdev/vpit_channel.h"

/* --- The oracle: counting element, count register, output flip-flop. ---------------------------------------
 */

struct oracle {
    unsigned int mode, range;
    unsigned int element; /* what is counted */
    unsigned int reg;     /* what was written */
    bool out, gate;
    bool have_reg;         /* a count was written since the control word */
    bool load;             /* the next pulse loads the element */
    bool active;           /* counting */
    bool armed;            /* modes 0, 4, 5: the terminal count still does something */
    bool pending;          /* modes 2, 3: written while counting */
    unsigned int position; /* mode 3: pulses left in this half */
};

static void oracle_control(struct oracle *o, unsigned int mode, bool bcd)
{
    o->mode = mode;
    o->range = bcd ? 10000 : 65536;
    o->out = mode != 0;
    o->have_reg = o->load = o->active = o->armed = o->pending = false;
}

static void oracle_write(struct oracle *o, unsigned int value)
{
    bool counting = o->active && !o->load;

    o->reg = value == 0 ? o->range : value;
    o->have_reg = true;
    switch (o->mode) {
    case 0:
    case 4:
        o->load = true;
        o->out = o->mode == 4 && o->out;
        break;
    case 2:
    case 3:
        if (counting || (o->load && o->gate && o->active))
            o->pending = true;
        else
            o->load = o->gate;
        o->active = o->gate;
        break;
    default:
        break;
    }
}

static void oracle_gate(struct oracle *o, bool gate)
{
    bool rises = gate && !o->gate;
    bool falls = !gate && o->gate;

    o->gate = gate;
    if ((o->mode == 2 || o->mode == 3) && falls) {
        o->out = true;
        o->active = o->load = o->pending = false;
    }
    if (rises && o->have_reg && o->mode != 0 && o->mode != 4) {
        o->load = true;
        o->active = true;
        o->pending = false;
    }
}

static void load_half(struct oracle *o)
{
    o->element = o->reg & ~1u;
    o->position = o->out ? (o->reg + 1) / 2 : o->reg / 2;
}

/* The pulse that loads. */
static void oracle_load(struct oracle *o)
{
    o->load = false;
    o->active = true;
    o->armed = true;
    o->element = o->reg;
    if (o->mode == 1)
        o->out = false;
    if (o->mode == 0)
        o->out = false;
    if (o->mode == 3)
        load_half(o);
}

static void oracle_square(struct oracle *o)
{
    o->element -= 2;
    if (--o->position != 0)
        return;
    o->out = !o->out;
    o->pending = false;
    load_half(o);
}

static void oracle_pulse(struct oracle *o)
{
    if (o->mode >= 4) /* a strobe lasts one pulse, whatever the gate does */
        o->out = true;
    if (o->load) {
        oracle_load(o);
        return;
    }
    if (!o->active || (!o->gate && o->mode != 1 && o->mode != 5))
        return;
    switch (o->mode) {
    case 0:
    case 1:
        o->element = (o->element + o->range - 1) % o->range;
        if (o->element == 0)
            o->out = true;
        break;
    case 2:
        if (--o->element == 0) {
            o->element = o->reg;
            o->pending = false;
        }
        o->out = o->element != 1;
        break;
    case 3:
        oracle_square(o);
        break;
    default:
        o->element = (o->element + o->range - 1) % o->range;
        o->out = !(o->armed && o->element == 0);
        o->armed = o->armed && o->element != 0;
        break;
    }
}

/* --- Both together
 * --------------------------------------------------------------------------------------------- */

static unsigned int bcd_of(unsigned int value)
{
    return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12;
}

static unsigned int read_count(struct vpit_channel *ch, uint64_t now)
{
    unsigned int low, high;

    vpit_channel_latch(ch, now, true, false);
    low = vpit_channel_read(ch, now + 1000000); /* latched: time does not matter */
    high = vpit_channel_read(ch, now + 1000000);
    return low | high << 8;
}

static unsigned int random_count(bool bcd)
{
    unsigned int value = 2 + fixture_random() % 40;

    return bcd ? value % 100 : value;
}

static void run(unsigned int mode, bool bcd)
{
    struct vpit_channel ch = {.gate = true};
    struct oracle o = {.gate = true};
    uint64_t now = VPIT_FIRST_TICK;

    vpit_channel_control(&ch, now, (uint8_t)(0x30 | mode << 1 | bcd));
    oracle_control(&o, mode, bcd);
    for (unsigned int step = 0; step < 60000; step++) {
        uint32_t r = fixture_random() % 100;

        if (r == 0) {
            vpit_channel_control(&ch, now, (uint8_t)(0x30 | mode << 1 | bcd));
            oracle_control(&o, mode, bcd);
        } else if (r < 4 || !o.have_reg) {
            unsigned int count = random_count(bcd);
            unsigned int coded = bcd ? bcd_of(count) : count;

            vpit_channel_write(&ch, now, (uint8_t)coded);
            vpit_channel_write(&ch, now, (uint8_t)(coded >> 8));
            oracle_write(&o, count);
        } else if (r < 8) {
            vpit_channel_gate(&ch, now, !o.gate);
            oracle_gate(&o, !o.gate);
        }
        assert_int_equal(vpit_channel_out(&ch, now), o.out);
        now++;
        oracle_pulse(&o);
        assert_int_equal(vpit_channel_out(&ch, now), o.out);
        /* What the counter holds before its first load is undefined. */
        if (o.active && !o.load && o.have_reg)
            assert_int_equal(read_count(&ch, now), bcd ? bcd_of(o.element % o.range) : o.element % o.range);
    }
}

static void test_mode(void **state)
{
    unsigned int mode = *(const unsigned int *)*state;

    run(mode, false);
    run(mode, true);
}

/* next_edge() must name exactly the ticks at which OUT is seen to rise. */
static void test_edges(void **state)
{
    (void)state;
    for (unsigned int mode = 0; mode < 6; mode++) {
        struct vpit_channel ch = {.gate = true};
        uint64_t now = VPIT_FIRST_TICK;
        bool out;

        vpit_channel_control(&ch, now, (uint8_t)(0x30 | mode << 1));
        out = vpit_channel_out(&ch, now);
        for (unsigned int step = 0; step < 20000; step++) {
            uint64_t edge;
            bool before;

            if (fixture_random() % 50 == 0) {
                unsigned int count = random_count(false);

                vpit_channel_write(&ch, now, (uint8_t)count);
                vpit_channel_write(&ch, now, 0);
                out = vpit_channel_out(&ch, now);
            }
            edge = vpit_channel_next_edge(&ch, now);
            assert_true(edge > now);
            before = out;
            now++;
            out = vpit_channel_out(&ch, now);
            assert_int_equal(edge == now, out && !before);
        }
    }
}

static void test_status(void **state)
{
    struct vpit_channel ch = {.gate = true};
    uint64_t now = VPIT_FIRST_TICK;

    (void)state;
    vpit_channel_control(&ch, now, 0x31); /* both bytes, mode 0, BCD */
    vpit_channel_latch(&ch, now, false, true);
    assert_int_equal(vpit_channel_read(&ch, now), 0x71);
    vpit_channel_write(&ch, now, 0x10);
    vpit_channel_write(&ch, now, 0x00);
    vpit_channel_latch(&ch, now, false, true);
    assert_int_equal(vpit_channel_read(&ch, now), 0x71); /* not loaded yet */
    vpit_channel_latch(&ch, now + 1, true, true);
    vpit_channel_latch(&ch, now + 5, true, true); /* ignored: both are latched */
    assert_int_equal(vpit_channel_read(&ch, now + 9), 0x31);
    assert_int_equal(vpit_channel_read(&ch, now + 9), 0x10);
    assert_int_equal(vpit_channel_read(&ch, now + 9), 0x00);
    assert_int_equal(vpit_channel_read(&ch, now + 9), 0x02);
    vpit_channel_latch(&ch, now + 11, false, true);
    assert_int_equal(vpit_channel_read(&ch, now + 11), 0xb1);
    vpit_channel_control(&ch, now, 0x3e); /* mode 7 is mode 3 */
    vpit_channel_latch(&ch, now, false, true);
    assert_int_equal(vpit_channel_read(&ch, now), 0xf6);
}

static void test_access_modes(void **state)
{
    struct vpit_channel ch = {.gate = true};
    uint64_t now = VPIT_FIRST_TICK;

    (void)state;
    vpit_channel_control(&ch, now, 0x14); /* low byte only, mode 2 */
    vpit_channel_write(&ch, now, 0x80);
    assert_int_equal(ch.count, 0x80);
    assert_int_equal(vpit_channel_read(&ch, now + 3), 0x7e);
    assert_int_equal(vpit_channel_read(&ch, now + 4), 0x7d);
    vpit_channel_control(&ch, now, 0x24); /* high byte only */
    vpit_channel_write(&ch, now, 0x12);
    assert_int_equal(ch.count, 0x1200);
    assert_int_equal(vpit_channel_read(&ch, now + 2), 0x11);
    vpit_channel_control(&ch, now, 0x34);
    vpit_channel_write(&ch, now, 0);
    vpit_channel_write(&ch, now, 0);
    assert_int_equal(ch.count, 65536);
    vpit_channel_control(&ch, now, 0x35);
    vpit_channel_write(&ch, now, 0);
    vpit_channel_write(&ch, now, 0);
    assert_int_equal(ch.count, 10000);
}

/* The first byte of a mode 0 count stops it, with OUT low. */
static void test_mode0_first_byte(void **state)
{
    struct vpit_channel ch = {.gate = true};
    uint64_t now = VPIT_FIRST_TICK;

    (void)state;
    vpit_channel_control(&ch, now, 0x30);
    vpit_channel_write(&ch, now, 5);
    vpit_channel_write(&ch, now, 0);
    assert_true(vpit_channel_out(&ch, now + 6));
    vpit_channel_write(&ch, now + 8, 9);
    assert_false(vpit_channel_out(&ch, now + 80));
    assert_true(vpit_channel_next_edge(&ch, now + 80) == VPIT_NEVER);
    vpit_channel_write(&ch, now + 90, 0);
    assert_true(vpit_channel_next_edge(&ch, now + 90) == now + 100);
}

int main(void)
{
    static unsigned int modes[] = {0, 1, 2, 3, 4, 5};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_mode, &modes[0]),
        cmocka_unit_test_prestate(test_mode, &modes[1]),
        cmocka_unit_test_prestate(test_mode, &modes[2]),
        cmocka_unit_test_prestate(test_mode, &modes[3]),
        cmocka_unit_test_prestate(test_mode, &modes[4]),
        cmocka_unit_test_prestate(test_mode, &modes[5]),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_access_modes),
        cmocka_unit_test(test_mode0_first_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
