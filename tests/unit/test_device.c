/* SPDX-License-Identifier: BSD-2-Clause */
/* core/device: registration and dispatch against a byte-by-byte oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/cpu.h"
#include "core/device.h"
#include "lib/error.h"

struct cpu *fake_this_cpu;

struct probe {
    struct vdev dev;
    uint64_t offset;
    uint64_t value;
    unsigned int size;
    unsigned int accesses;
    unsigned int resets;
};

static uint64_t probe_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct probe *p = CONTAINER_OF(dev, struct probe, dev);

    (void)vcpu;
    p->offset = offset;
    p->size = size;
    p->accesses++;
    return 0x1122334455667788;
}

static void probe_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                        uint64_t value)
{
    struct probe *p = CONTAINER_OF(dev, struct probe, dev);

    (void)vcpu;
    p->offset = offset;
    p->size = size;
    p->value = value;
    p->accesses++;
}

static void probe_reset(struct vdev *dev)
{
    CONTAINER_OF(dev, struct probe, dev)->resets++;
}

static const struct vdev_ops probe_ops = {"probe", probe_read, probe_write, probe_reset};

static void test_register(void **state)
{
    struct probe a = {.dev.ops = &probe_ops};
    struct bus bus = {0};

    (void)state;
    assert_int_equal(bus_register(&bus, 0x100, 0, &a.dev), E_INVAL);
    assert_int_equal(bus_register(&bus, UINT64_MAX, 2, &a.dev), E_INVAL);
    assert_int_equal(bus_register_base(&bus, 0x100, 8, 0x101, &a.dev), E_INVAL);
    assert_int_equal(bus_register(&bus, 0x100, 8, &a.dev), 0);
    assert_int_equal(bus_register(&bus, 0x107, 1, &a.dev), E_OVERLAP);
    assert_int_equal(bus_register(&bus, 0xff, 2, &a.dev), E_OVERLAP);
    assert_int_equal(bus_register(&bus, 0xf0, 0x100, &a.dev), E_OVERLAP);
    assert_int_equal(bus_register(&bus, UINT64_MAX, 1, &a.dev), 0);
    assert_int_equal(bus_register(&bus, 0, 1, &a.dev), 0);
    for (uint64_t i = bus.range_count; i < BUS_MAX_RANGES; i++)
        assert_int_equal(bus_register(&bus, 0x1000 - 4 * i, 4, &a.dev), 0);
    assert_int_equal(bus_register(&bus, 0x2000, 1, &a.dev), E_NOMEM);
    bus_reset(&bus);
    assert_int_equal(a.resets, 1);
}

static void test_empty(void **state)
{
    struct bus bus = {0};

    (void)state;
    for (unsigned int size = 1; size <= 8; size *= 2) {
        assert_true(bus_read(&bus, NULL, 0, size) == bytes_mask(size));
        bus_write(&bus, NULL, 0, size, 0);
        assert_true(bus_read(&bus, NULL, UINT64_MAX, size) == bytes_mask(size));
    }
}

/* Every address around three ranges, every size, every hint: the whole access in one range or nothing. */
static void test_dispatch(void **state)
{
    struct probe p[3] = {{.dev.ops = &probe_ops}, {.dev.ops = &probe_ops}, {.dev.ops = &probe_ops}};
    static const uint64_t first[3] = {0x10, 0x18, 0x30}, size_of[3] = {8, 3, 1}, base[3] = {0x10, 0, 0x30};
    struct bus bus = {0};

    (void)state;
    for (int i = 2; i >= 0; i--)
        assert_int_equal(bus_register_base(&bus, first[i], size_of[i], base[i], &p[i].dev), 0);
    for (uint32_t hint = 0; hint < 5; hint++) {
        for (uint64_t at = 0; at < 0x40; at++) {
            for (unsigned int size = 1; size <= 8; size *= 2) {
                struct probe *hit = NULL;
                uint64_t hit_base = 0;
                unsigned int before = p[0].accesses + p[1].accesses + p[2].accesses;

                for (int i = 0; i < 3; i++) {
                    if (at >= first[i] && at + size <= first[i] + size_of[i]) {
                        hit = &p[i];
                        hit_base = base[i];
                    }
                }
                if (hint < 4) /* else what the access before left, a gap for one */
                    bus.last_hit = hint < 3 ? &bus.ranges[hint] : NULL;
                if (hit == NULL) {
                    assert_true(bus_read(&bus, NULL, at, size) == bytes_mask(size));
                    bus_write(&bus, NULL, at, size, 5);
                    assert_int_equal(p[0].accesses + p[1].accesses + p[2].accesses, before);
                    continue;
                }
                assert_true((bus_read(&bus, NULL, at, size) & bytes_mask(size)) ==
                            (0x1122334455667788 & bytes_mask(size)));
                bus_write(&bus, NULL, at, size, UINT64_MAX);
                assert_int_equal(p[0].accesses + p[1].accesses + p[2].accesses, before + 2);
                assert_true(hit->value == bytes_mask(size));
                assert_int_equal(hit->offset, at - hit_base);
                assert_int_equal(hit->size, size);
            }
        }
    }
    bus_reset(&bus);
    for (int i = 0; i < 3; i++)
        assert_int_equal(p[i].resets, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_dispatch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
