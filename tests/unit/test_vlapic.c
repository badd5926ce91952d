/* SPDX-License-Identifier: BSD-2-Clause */
/* Local APIC: priorities against a plain model, registers in both modes, transitions, errors, pins, books. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic.h"
#include "irq_fixture.h"
#include "vdev/vioapic.h"

static struct apic_bus bus;
static struct vlapic apic[FIXTURE_VCPUS];
static unsigned int broadcast_count;
static uint8_t broadcast_vector;

void vioapic_eoi(struct vioapic *io, uint8_t vector)
{
    (void)io;
    assert_int_equal(fixture_vm.dev_lock.next - fixture_vm.dev_lock.serving, 1);
    broadcast_count++;
    broadcast_vector = vector;
}

static uint64_t guest_tsc(struct vcpu *vcpu)
{
    (void)vcpu;
    return fixture_now;
}

static const struct apic_bus_ops bus_ops = {.guest_tsc = guest_tsc};
static struct vioapic ioapic;

static int setup(void **state)
{
    (void)state;
    fixture_reset();
    apic_bus_init(&bus, &bus_ops, &fixture_vm, NS_PER_SEC);
    bus.ioapic = &ioapic;
    broadcast_count = 0;
    for (uint32_t i = 0; i < FIXTURE_VCPUS; i++)
        vlapic_init(&apic[i], &bus, &fixture_vcpus[i]);
    return 0;
}

static void enable(struct vlapic *vl)
{
    vlapic_mmio_write(vl, APIC_SVR, 4, 0x1ff);
}

static uint32_t reg(struct vlapic *vl, uint32_t offset)
{
    return (uint32_t)vlapic_mmio_read(vl, offset, 4);
}

/* --- The oracle: 256 booleans each, everything searched from the top. --------------------------------------
 */

struct oracle {
    bool irr[256], isr[256], level[256];
    unsigned int tpr;
    uint64_t posted, collapsed, delivered;
};

static int highest(const bool *set)
{
    for (int v = 255; v >= 0; v--)
        if (set[v])
            return v;
    return -1;
}

static unsigned int oracle_ppr(const struct oracle *o)
{
    int isr = highest(o->isr);

    if (isr < 0 || (unsigned int)isr / 16 <= o->tpr / 16)
        return o->tpr;
    return (unsigned int)isr / 16 * 16;
}

static int oracle_deliverable(const struct oracle *o)
{
    int irr = highest(o->irr);

    return irr >= 0 && (unsigned int)irr / 16 > oracle_ppr(o) / 16 ? irr : -1;
}

static void oracle_post(struct oracle *o, unsigned int vector, bool level)
{
    o->posted++;
    if (o->irr[vector])
        o->collapsed++;
    o->irr[vector] = true;
    o->level[vector] = level;
}

static void check_bits(struct vlapic *vl, const bool *bits, uint32_t first)
{
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t expected = 0;

        for (uint32_t b = 0; b < 32; b++)
            expected |= (uint32_t)bits[32 * i + b] << b;
        assert_int_equal(reg(vl, first + 16 * i), expected);
    }
}

static void test_priorities(void **state)
{
    struct vlapic *vl = &apic[3];
    struct oracle o = {0};

    (void)state;
    enable(vl);
    for (unsigned int step = 0; step < 200000; step++) {
        uint32_t r = fixture_random();
        unsigned int vector = 16 + (r >> 8) % 240;
        int top;

        switch (r % 5) {
        case 0:
            oracle_post(&o, vector, (r & 0x80) != 0);
            assert_true(vlapic_post(vl, (uint8_t)vector, (r & 0x80) != 0));
            break;
        case 1:
            if ((r & 0x10) != 0)
                vlapic_set_tpr(vl, (uint8_t)(r >> 16));
            else
                vlapic_mmio_write(vl, APIC_TPR, 4, (r >> 16) & 0xff);
            o.tpr = (r >> 16) & 0xff;
            break;
        case 2:
        case 3:
            top = oracle_deliverable(&o);
            assert_int_equal(vlapic_deliverable(vl), top);
            if (top >= 0) {
                vlapic_ack(vl, (uint8_t)top);
                o.irr[top] = false;
                o.isr[top] = true;
                o.delivered++;
            }
            break;
        default: {
            unsigned int before = broadcast_count;

            top = highest(o.isr);
            vlapic_mmio_write(vl, APIC_EOI, 4, 0);
            if (top >= 0) {
                assert_int_equal(broadcast_count - before, o.level[top]);
                assert_true(!o.level[top] || broadcast_vector == top);
                o.isr[top] = false;
            }
        }
        }
        assert_int_equal(vlapic_deliverable(vl), oracle_deliverable(&o));
        assert_int_equal(reg(vl, APIC_PPR), oracle_ppr(&o));
        assert_true(vlapic_books_balance(vl));
        if (step % 64 == 0) {
            check_bits(vl, o.irr, APIC_IRR);
            check_bits(vl, o.isr, APIC_ISR);
        }
    }
    assert_int_equal(vl->posted.posted_count, o.posted);
    assert_int_equal(vl->posted.collapsed_count + vl->books.collapsed_count, o.collapsed);
    assert_int_equal(vl->books.delivered_count, o.delivered);
}

static void test_masked_by_tpr(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    enable(vl);
    assert_false(vlapic_has_masked_by_tpr(vl));
    vlapic_set_tpr(vl, 0x50);
    assert_true(vlapic_post(vl, 0x51, false));
    assert_int_equal(vlapic_deliverable(vl), -1);
    assert_true(vlapic_has_masked_by_tpr(vl));
    atomic_store(&fixture_vcpus[0].inject.posted.word, 0);
    vlapic_set_tpr(vl, 0x4f);
    assert_int_equal(vlapic_deliverable(vl), 0x51);
    assert_true(atomic_load(&fixture_vcpus[0].inject.posted.word) == INJECT_POSTED_IRQ);
    vlapic_ack(vl, 0x51);
    assert_true(vlapic_post(vl, 0x52, false));
    assert_int_equal(vlapic_deliverable(vl), -1);
    assert_false(vlapic_has_masked_by_tpr(vl)); /* held by what is in service */
    atomic_store(&fixture_vcpus[0].inject.posted.word, 0);
    vlapic_eoi(vl);
    assert_true(atomic_load(&fixture_vcpus[0].inject.posted.word) == INJECT_POSTED_IRQ);
    assert_int_equal(vlapic_deliverable(vl), 0x52);
}

static void test_power_on(void **state)
{
    struct vlapic *vl = &apic[2];
    uint64_t base;

    (void)state;
    assert_int_equal(vlapic_msr_read(vl, MSR_APIC_BASE, &base), 0);
    assert_int_equal(base, 0xfee00800);
    assert_int_equal(vlapic_msr_read(&apic[0], MSR_APIC_BASE, &base), 0);
    assert_int_equal(base, 0xfee00900);
    assert_int_equal(reg(vl, APIC_ID), 2u << 24);
    assert_int_equal(reg(vl, APIC_VERSION), 0x01050014);
    assert_int_equal(reg(vl, APIC_SVR), 0xff);
    assert_int_equal(reg(vl, APIC_DFR), 0xffffffff);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
        assert_int_equal(reg(vl, lvt), APIC_LVT_MASKED);
    assert_false(vlapic_post(vl, 0x40, false)); /* software-disabled */
    vlapic_mmio_write(vl, APIC_LVT_LINT0, 4, 0x700);
    assert_int_equal(reg(vl, APIC_LVT_LINT0), 0x10700); /* stays masked */
    assert_true(vlapic_covers(vl, gpa(0xfee00000)));
    assert_true(vlapic_covers(vl, gpa(0xfee00fff)));
    assert_false(vlapic_covers(vl, gpa(0xfee01000)));
    assert_false(vlapic_covers(vl, gpa(0xfedfffff)));
}

static void test_software_disable(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    enable(vl);
    vlapic_mmio_write(vl, APIC_LVT_LINT1, 4, 0x400);
    vlapic_mmio_write(vl, APIC_LVT_TIMER, 4, 0x20030);
    assert_true(vlapic_post(vl, 0x60, false));
    vlapic_sync(vl);
    vlapic_mmio_write(vl, APIC_SVR, 4, 0xff);
    assert_int_equal(reg(vl, APIC_LVT_LINT1), 0x10400);
    assert_int_equal(reg(vl, APIC_LVT_TIMER), 0x30030);
    assert_false(vlapic_post(vl, 0x61, false));
    assert_int_equal(vlapic_deliverable(vl), 0x60); /* what is in IRR is held for the CPU */
    enable(vl);
    assert_int_equal(reg(vl, APIC_LVT_LINT1), 0x10400); /* does not unmask by itself */
}

static void test_disable_and_enable_again(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    enable(vl);
    vlapic_mmio_write(vl, APIC_TPR, 4, 0x20);
    assert_true(vlapic_post(vl, 0x60, false));
    vlapic_sync(vl);
    assert_true(vlapic_post(vl, 0x61, false));
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, 0xfee00100), 0);
    assert_false(vlapic_is_enabled(vl));
    assert_true(vlapic_takes_extint(vl));
    assert_false(vlapic_covers(vl, gpa(0xfee00000)));
    for (uint64_t at = 0; at < 0x2000; at++)
        assert_false(vlapic_covers(vl, gpa(at)));
    assert_false(vlapic_covers(vl, gpa(UINT64_MAX)));
    assert_false(vlapic_post(vl, 0x62, false));
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, 0xfed00900), 0); /* elsewhere */
    assert_true(vlapic_covers(vl, gpa(0xfed00080)));
    assert_int_equal(reg(vl, APIC_SVR), 0xff);
    assert_int_equal(reg(vl, APIC_TPR), 0);
    assert_int_equal(vlapic_deliverable(vl), -1);
    assert_int_equal(vl->books.dropped_count, 2);
    assert_true(vlapic_books_balance(vl));
    enable(vl);
    assert_true(vlapic_post(vl, 0x60, false));
    assert_int_equal(vlapic_deliverable(vl), 0x60);
}

static void test_base_transitions(void **state)
{
    const uint64_t off = 0xfee00000, xapic = 0xfee00800, x2apic = 0xfee00c00;
    struct vlapic *vl = &apic[1];

    (void)state;
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, 0xfee00400), E_INVAL); /* EXTD without EN */
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, xapic | 1), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, xapic | 0x200), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, xapic | BIT(52)), E_INVAL);
    bus.phys_bits = 40;
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, xapic | BIT(40)), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, off), 0);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, x2apic), E_INVAL); /* off to x2APIC */
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, xapic), 0);
    enable(vl);
    vlapic_mmio_write(vl, APIC_TPR, 4, 0x30);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, x2apic), 0);
    assert_int_equal(vlapic_get_tpr(vl), 0x30); /* kept */
    assert_false(vlapic_covers(vl, gpa(0xfee00000)));
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, xapic), E_INVAL);
    vlapic_reset(vl, true); /* INIT keeps the mode */
    assert_int_equal(vl->base, x2apic);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, off), 0);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, xapic), 0);
    bus.x2apic = false;
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, x2apic), E_INVAL);
}

/* Every MSR of the range: which can be read, which can be written with 0. From the SDM's table. */
static void test_x2apic_map(void **state)
{
    static const uint8_t read_write[] = {0x08, 0x0f, 0x28, 0x30, 0x32, 0x33,
                                         0x34, 0x35, 0x36, 0x37, 0x38, 0x3e};
    static const uint8_t read_only[] = {0x02, 0x03, 0x0a, 0x0d, 0x39};
    static const uint8_t write_only[] = {0x0b, 0x3f};
    struct vlapic *vl = &apic[1];
    char readable[256] = {0}, writable[256] = {0};
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof(read_write); i++)
        readable[read_write[i]] = writable[read_write[i]] = 1;
    for (size_t i = 0; i < sizeof(read_only); i++)
        readable[read_only[i]] = 1;
    for (int i = 0x10; i < 0x28; i++)
        readable[i] = 1;
    for (size_t i = 0; i < sizeof(write_only); i++)
        writable[write_only[i]] = 1;
    for (uint32_t i = 0; i < 256; i++) /* not in x2APIC mode */
        assert_int_equal(vlapic_msr_read(vl, 0x800 + i, &value), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, 0xfee00c00), 0);
    for (uint32_t i = 0; i < 256; i++) {
        assert_int_equal(vlapic_msr_read(vl, 0x800 + i, &value), readable[i] ? 0 : E_INVAL);
        assert_int_equal(vlapic_msr_write(vl, 0x800 + i, 0), writable[i] ? 0 : E_INVAL);
    }
    assert_int_equal(vlapic_msr_read(vl, 0x900, &value), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x7ff, 0), E_INVAL);
}

static void test_x2apic_reserved_bits(void **state)
{
    struct vlapic *vl = &apic[6];
    uint64_t value;

    (void)state;
    assert_int_equal(vlapic_msr_write(vl, MSR_APIC_BASE, 0xfee00c00), 0);
    assert_int_equal(vlapic_msr_write(vl, 0x80f, 0x11ff), 0);
    assert_int_equal(vlapic_msr_write(vl, 0x80f, 0x21ff), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x808, 0x100), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x80b, 1), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x828, 1), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x838, BIT(32)), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x83e, 4), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x830, BIT(13)), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x830, BIT(20)), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x832, 0x40700), E_INVAL); /* the timer has no delivery mode */
    assert_int_equal(vlapic_msr_write(vl, 0x832, 0x40040), 0);
    assert_int_equal(vlapic_msr_write(vl, 0x83f, 0x100), E_INVAL);
    assert_int_equal(vlapic_msr_write(vl, 0x83f, 0x77), 0);
    assert_int_equal(vlapic_deliverable(vl), 0x77);
    assert_int_equal(vlapic_msr_read(vl, 0x802, &value), 0);
    assert_int_equal(value, 6);
    assert_int_equal(vlapic_msr_read(vl, 0x80d, &value), 0);
    assert_int_equal(value, 0x40);
}

static void test_stray_accesses(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    enable(vl);
    for (uint32_t offset = 0; offset < APIC_SIZE; offset++)
        for (unsigned int size = 1; size <= 8; size *= 2) {
            uint64_t value = vlapic_mmio_read(vl, offset, size);

            if ((offset & 15) + size > 4)
                assert_int_equal(value, 0);
            if (size != 4 || (offset & 15) != 0) {
                vlapic_mmio_write(vl, offset, size, ~UINT64_C(0));
                assert_int_equal(reg(vl, APIC_SVR), 0x1ff);
            }
        }
    assert_int_equal(vlapic_mmio_read(vl, APIC_VERSION + 1, 1), 0x00);
    assert_int_equal(vlapic_mmio_read(vl, APIC_VERSION + 2, 2), 0x0105);
    vlapic_mmio_write(vl, APIC_ESR, 4, 0);
    assert_int_equal(reg(vl, APIC_ESR), APIC_ESR_REGISTER);
    vlapic_mmio_write(vl, APIC_ESR, 4, 0);
    assert_int_equal(reg(vl, APIC_ESR), 0);
    for (uint32_t offset = 0; offset < APIC_SIZE; offset += 16) { /* writes of everything, everywhere */
        vlapic_mmio_write(vl, offset, 4, 0);
        vlapic_mmio_write(vl, offset, 4, 0xffffffff);
        (void)vlapic_deliverable(vl);
    }
    assert_true(vlapic_books_balance(vl));
}

static void test_errors(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    enable(vl);
    vlapic_mmio_write(vl, APIC_LVT_ERROR, 4, 0xfe);
    assert_int_equal(reg(vl, 0x3f0), 0); /* self-IPI is not there in xAPIC mode */
    assert_int_equal(vlapic_deliverable(vl), 0xfe);
    vlapic_ack(vl, 0xfe);
    vlapic_eoi(vl);
    assert_int_equal(reg(vl, 0x3f0), 0);
    assert_int_equal(vlapic_deliverable(vl), -1); /* logged already: not armed again */
    assert_int_equal(reg(vl, APIC_ESR), 0);       /* shown only after a write */
    vlapic_mmio_write(vl, APIC_ESR, 4, 0);
    assert_int_equal(reg(vl, APIC_ESR), APIC_ESR_REGISTER);
    vlapic_mmio_write(vl, APIC_ICR_LOW, 4, 0x4000f); /* self, illegal vector */
    assert_int_equal(vlapic_deliverable(vl), 0xfe);
    assert_false(vlapic_post(vl, 15, false));
    vlapic_mmio_write(vl, APIC_ESR, 4, 0);
    assert_int_equal(reg(vl, APIC_ESR), APIC_ESR_SEND_VECTOR | APIC_ESR_RECEIVE_VECTOR);
    /* An error LVT with an illegal vector of its own ends, too. */
    vlapic_mmio_write(vl, APIC_LVT_ERROR, 4, 0x01);
    assert_false(vlapic_post(vl, 3, false));
    for (int i = 0; i < 4; i++)
        (void)vlapic_deliverable(vl);
    assert_int_equal(atomic_load(&vl->posted.outstanding), 0);
}

static void test_pins(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    vlapic_firmware_setup(vl);
    assert_true(vlapic_takes_extint(vl));
    vlapic_post_pin(vl, VLAPIC_OUT_LINT1);
    vlapic_sync(vl);
    assert_int_equal(fixture_nmis(0), 1);
    vlapic_post_pin(vl, VLAPIC_OUT_LINT0); /* ExtINT: a level, not an event */
    assert_int_equal(vlapic_deliverable(vl), -1);
    vlapic_mmio_write(vl, APIC_LVT_LINT0, 4, 0x55);
    assert_false(vlapic_takes_extint(vl));
    vlapic_post_pin(vl, VLAPIC_OUT_LINT0);
    assert_int_equal(vlapic_deliverable(vl), 0x55);
    vlapic_mmio_write(vl, APIC_LVT_LINT1, 4, 0x10400);
    vlapic_post_pin(vl, VLAPIC_OUT_LINT1);
    vlapic_sync(vl);
    assert_int_equal(fixture_nmis(0), 1); /* masked */
    vlapic_mmio_write(vl, APIC_LVT_PERF, 4, 0x400);
    vlapic_local_event(vl, VLAPIC_PERF);
    assert_int_equal(fixture_nmis(0), 2);
    assert_int_equal(reg(vl, APIC_LVT_PERF), 0x10400); /* masks itself */
}

static void test_start_requests(void **state)
{
    struct vlapic *vl = &apic[1];

    (void)state;
    assert_int_equal(vlapic_take_start(vl), 0);
    vlapic_post_init(vl);
    vlapic_post_sipi(vl, 0x12);
    vlapic_post_sipi(vl, 0x34); /* too late */
    assert_int_equal(vlapic_take_start(vl), VLAPIC_START_INIT | VLAPIC_START_SIPI | 0x12);
    assert_int_equal(vlapic_take_start(vl), 0);
    vlapic_post_sipi(vl, 0x34);
    assert_int_equal(vlapic_take_start(vl), VLAPIC_START_SIPI | 0x34);
    vlapic_post_sipi(vl, 0x34);
    vlapic_post_init(vl); /* forgets it */
    assert_int_equal(vlapic_take_start(vl), VLAPIC_START_INIT);
    assert_true((fixture_vcpus[1].requests & VCPU_REQ_INIT) != 0);
}

static void test_broadcast_suppressed(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    vlapic_mmio_write(vl, APIC_SVR, 4, 0x11ff);
    assert_true(vlapic_post(vl, 0x80, true));
    vlapic_ack(vl, (uint8_t)vlapic_deliverable(vl));
    assert_int_equal(reg(vl, APIC_TMR + 16 * 4), 1);
    vlapic_eoi(vl);
    assert_int_equal(broadcast_count, 0);
    vlapic_eoi(vl); /* nothing in service */
    assert_true(vlapic_post(vl, 0x80, false));
    vlapic_sync(vl);
    assert_int_equal(reg(vl, APIC_TMR + 16 * 4), 0);
}

static void test_arbitration_priority(void **state)
{
    struct vlapic *vl = &apic[0];

    (void)state;
    enable(vl);
    vlapic_set_tpr(vl, 0x35);
    assert_int_equal(reg(vl, APIC_APR), 0x35);
    assert_true(vlapic_post(vl, 0x72, false));
    assert_int_equal(reg(vl, APIC_APR), 0x70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_priorities, setup),
        cmocka_unit_test_setup(test_masked_by_tpr, setup),
        cmocka_unit_test_setup(test_power_on, setup),
        cmocka_unit_test_setup(test_software_disable, setup),
        cmocka_unit_test_setup(test_disable_and_enable_again, setup),
        cmocka_unit_test_setup(test_base_transitions, setup),
        cmocka_unit_test_setup(test_x2apic_map, setup),
        cmocka_unit_test_setup(test_x2apic_reserved_bits, setup),
        cmocka_unit_test_setup(test_stray_accesses, setup),
        cmocka_unit_test_setup(test_errors, setup),
        cmocka_unit_test_setup(test_pins, setup),
        cmocka_unit_test_setup(test_start_requests, setup),
        cmocka_unit_test_setup(test_broadcast_suppressed, setup),
        cmocka_unit_test_setup(test_arbitration_priority, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
