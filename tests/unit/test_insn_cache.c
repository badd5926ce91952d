/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction cache never answers with an instruction that is not at RIP any more: rewritten code,
 * remapped pages at every level, another address space, another mode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86/guest_emulate.h"
#include "arch/x86/vcpu_ops.h"
#include "core/guest_mem.h"
#include "tests/unit/fake_guest.h"

static struct fake_guest guest;
static struct x86_vcpu vcpu;
static int walks;

static struct code_context code_context(struct x86_vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    return (struct code_context){
        .linear = guest.regs.rip, .cr3 = guest.mode.cr3, .mode = cpu_mode_of_code(&guest.mode)};
}

static const struct vcpu_ops test_ops = {.code_context = code_context};
const struct vcpu_ops *x86_ops = &test_ops;

/* The rest of the hypervisor, as far as the cache calls it. */
bool x86_walk_code(struct x86_vcpu *of, gva_t at, struct guest_walk *walk)
{
    assert_ptr_equal(of, &vcpu);
    walks++;
    *walk = (struct guest_walk){
        .mode = &guest.mode, .ops = &fake_ops, .ctx = &guest, .phys_bits = 40, .has_1g_pages = true};
    return guest_walk(walk, at, WALK_FETCH) == WALK_OK;
}

void *guest_ptr(struct vm *vm, gpa_t at, size_t size)
{
    assert_null(vm);
    return fake_memory(&guest, at.v, (uint32_t)size, false);
}

static void set_up(void)
{
    fake_mode_64(&guest);
    vcpu = (struct x86_vcpu){0};
    insn_cache_init(&vcpu.insns);
    walks = 0;
}

/* What the cache says at RIP: the operation, or -1. */
static int find(void)
{
    const struct insn *insn = insn_cache_find(&vcpu);
    return insn == NULL ? -1 : insn->op;
}

/* As a vendor asks: the last one, else the slow way. */
static uint8_t length(void)
{
    struct code_context code = code_context(&vcpu);
    uint8_t found = insn_cache_length(&vcpu.insns, code);

    return found != 0 ? found : insn_cache_find_length(&vcpu, &vcpu.insns, &code);
}

static void put_code(uint64_t at, const char *bytes, size_t size)
{
    memcpy(&guest.ram[at], bytes, size);
}

static void test_hit(void **state)
{
    (void)state;
    set_up();
    put_code(FAKE_CODE, "\x0f\xa2\x0f\x32", 4);
    assert_int_equal(find(), INSN_CPUID);
    assert_int_equal(find(), INSN_CPUID);
    guest.regs.rip += 2;
    assert_int_equal(find(), INSN_RDMSR);
    assert_int_equal(walks, 1); /* one page, one walk */
    assert_int_equal(length(), 2);
    assert_int_equal(length(), 2);
}

static void test_rewritten_code(void **state)
{
    (void)state;
    set_up();
    put_code(FAKE_CODE, "\x0f\xa2", 2);
    assert_int_equal(find(), INSN_CPUID);
    assert_int_equal(length(), 2);
    put_code(FAKE_CODE, "\x66\x0f\xa2", 3);
    assert_int_equal(length(), 3);
    put_code(FAKE_CODE, "\xf4", 1);
    assert_int_equal(find(), INSN_HLT);
    put_code(FAKE_CODE, "\x0f\x04", 2); /* undefined: the emulator's business */
    assert_int_equal(find(), -1);
    assert_int_equal(find(), -1);
}

/* Under the same CR3, another page or large page takes the place of the code, at any level of the tables. */
static void test_remapped(void **state)
{
    (void)state;
    for (int level = 0; level < 4; level++) {
        set_up();
        guest.regs.rip = 0x40000000;
        (void)fake_map(&guest, 0x40000000, 0x6000 | PTE_P | PTE_W);
        put_code(0x6000, "\x0f\xa2", 2);
        put_code(0x7000, "\x0f\x32", 2);
        assert_int_equal(find(), INSN_CPUID);
        /* Copies of the tables below this level, the last of which maps the other page. */
        uint64_t table = guest.mode.cr3;
        uint64_t *entry = NULL;
        for (int i = 0; i <= level; i++) {
            entry = fake_entry(&guest, table, UINT64_C(0x40000000) >> (39 - 9 * i) & 511);
            table = *entry & 0xffffffffff000;
        }
        for (int i = level; i < 3; i++) {
            uint64_t copy = fake_new_table(&guest);
            memcpy(&guest.ram[copy], &guest.ram[table], 4096);
            *entry = copy | (*entry & 0xfff);
            entry = fake_entry(&guest, copy, UINT64_C(0x40000000) >> (30 - 9 * i) & 511);
            table = *entry & 0xffffffffff000;
        }
        *entry = 0x7000 | (*entry & 0xfff);
        assert_int_equal(find(), INSN_RDMSR);
        *entry = 0;
        assert_int_equal(find(), -1);
    }
}

static void test_other_space(void **state)
{
    (void)state;
    set_up();
    put_code(FAKE_CODE, "\x48\x0f\xa2", 3); /* dec %eax, cpuid in 32-bit mode */
    assert_int_equal(find(), INSN_CPUID);
    guest.segs[X86_CS].attr = 0xc9b;
    assert_int_equal(find(), INSN_OTHER);
    guest.segs[X86_CS].attr = 0xa9b;
    uint64_t old = guest.mode.cr3;
    guest.mode.cr3 = fake_new_table(&guest);
    assert_int_equal(find(), -1);
    guest.mode.cr3 = old;
    assert_int_equal(find(), INSN_CPUID);
    /* Too near the end of the page: not answered from here. */
    guest.regs.rip = 0x1ff1;
    assert_int_equal(find(), -1);
}

static void test_narrow_tables(void **state)
{
    static const uint32_t directory[] = {0x11000 | 7};
    uint32_t table[] = {0, 0x6000 | 7};
    (void)state;
    set_up();
    fake_mode_32(&guest);
    guest.mode.cr0 |= CR0_PG;
    guest.mode.cr3 = 0x10000;
    memcpy(&guest.ram[0x10000], directory, sizeof(directory));
    memcpy(&guest.ram[0x11000], table, sizeof(table));
    put_code(0x6000, "\x0f\xa2", 2);
    put_code(0x7000, "\x0f\x32", 2);
    assert_int_equal(find(), INSN_CPUID);
    memcpy(&guest.ram[0x11008], "junk", 4); /* the neighbour does not matter */
    assert_int_equal(find(), INSN_CPUID);
    assert_int_equal(walks, 1);
    table[1] = 0x7000 | 7;
    memcpy(&guest.ram[0x11000], table, sizeof(table));
    assert_int_equal(find(), INSN_RDMSR);
}

/* Two pages that share a place in the cache: what is known of the one is not proved by the other's tables. */
static void test_shared_place(void **state)
{
    const uint64_t other = 0x40000000 + INSN_CACHE_PAGES * UINT64_C(0x1000) + 2;
    uint64_t *entry;

    (void)state;
    set_up();
    entry = fake_map(&guest, 0x40000000, 0x6000 | PTE_P | PTE_W);
    (void)fake_map(&guest, other - 2, 0x8000 | PTE_P | PTE_W);
    put_code(0x6000, "\x0f\xa2", 2);
    put_code(0x7000, "\x0f\x32", 2);
    put_code(0x8002, "\x0f\x32", 2);
    guest.regs.rip = 0x40000000;
    assert_int_equal(find(), INSN_CPUID);
    guest.regs.rip = other;
    assert_int_equal(find(), INSN_RDMSR);
    *entry = 0x7000 | (*entry & 0xfff);
    guest.regs.rip = 0x40000000;
    assert_int_equal(find(), INSN_RDMSR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hit),           cmocka_unit_test(test_rewritten_code),
        cmocka_unit_test(test_remapped),      cmocka_unit_test(test_other_space),
        cmocka_unit_test(test_narrow_tables), cmocka_unit_test(test_shared_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
