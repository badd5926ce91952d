/* SPDX-License-Identifier: BSD-2-Clause */
/* The GDB server on a made-up VM: sessions, commands, stops; and what malformed commands leave untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/fake_gdb.h"

static char answer[FAKE_WIRE];

/* The contents of the packets that came, with a blank between them; acknowledgments left out. */
static const char *replies(void)
{
    size_t length = 0;

    for (size_t i = 0; i < fake_out_length; i++) {
        if (fake_out[i] != '$')
            continue;
        if (length != 0)
            answer[length++] = ' ';
        for (i++; fake_out[i] != '#'; i++)
            answer[length++] = (char)fake_out[i];
        i += 2;
    }
    answer[length] = '\0';
    fake_out_length = 0;
    return answer;
}

static void send_packet(const char *text)
{
    char packet[GDB_PACKET_MAX];
    unsigned sum = 0;

    for (const char *at = text; *at != '\0'; at++)
        sum += (uint8_t)*at;
    snprintf(packet, sizeof(packet), "$%s#%02x", text, sum & 255);
    fake_wire(packet, strlen(packet));
}

static const char *ask(const char *text)
{
    send_packet(text);
    return replies();
}

static int attach(void **state)
{
    (void)state;
    fake_start();
    ask("qSupported:swbreak+;hwbreak+");
    return 0;
}

static void hit(uint32_t vcpu, enum guest_debug_kind kind, uint64_t at)
{
    const struct guest_debug_stop stop = {.vcpu = &fake_vcpus[vcpu], .kind = (uint8_t)kind, .at = gva(at)};

    guest_debug_stopped(&stop);
    fake_wire("", 0);
}

static void test_a_session_holds_and_lets_go(void **state)
{
    (void)state;
    assert_int_equal(fake_vcpus[1].state, VCPU_HELD);
    assert_string_equal(ask("?"), "T05thread:1;");
    assert_string_equal(ask("qAttached"), "1");
    assert_string_equal(ask("qfThreadInfo"), "m1,2");
    assert_string_equal(ask("qsThreadInfo"), "l");
    assert_string_equal(ask("vMustReplyEmpty"), "");
    assert_string_equal(ask("D"), "OK");
    assert_int_equal(fake_vcpus[0].state, VCPU_RUNNABLE);
    assert_int_equal(fake_vcpus[1].state, VCPU_RUNNABLE);
    assert_null(fake_vm.debug);
    assert_string_equal(ask("g"), "E01");
}

static void test_commands_wait_for_the_hold(void **state)
{
    (void)state;
    assert_string_equal(ask("D"), "OK");
    fake_slow_hold = true;
    assert_string_equal(ask("qSupported:"), "");
    fake_wire("", 0);
    assert_string_equal(replies(), "");
    fake_hold_now();
    fake_wire("", 0);
    assert_memory_equal(replies(), "PacketSize=1000;", 16);
}

static void test_registers(void **state)
{
    (void)state;
    assert_string_equal(ask("p10"), "1010000000000000");
    assert_string_equal(ask("p11"), "11100000");
    assert_string_equal(ask("p27"), "xxxxxxxx");         /* fop: the fake has none */
    assert_string_equal(ask("p39"), "1810000000000000"); /* fs_base: behind 24, 16 and 17 */
    assert_string_equal(ask("P10=8877665544332211"), "OK");
    assert_true(fake_regs[0][16] == UINT64_C(0x1122334455667788));
    assert_string_equal(ask("P10=88"), "E16");
    assert_string_equal(ask("P10=887766554433221100"), "E16");
    assert_string_equal(ask("P3a=0000000000000000"), "E16"); /* cannot be changed */
    assert_string_equal(ask("P3a=1910000000000000"), "OK");  /* nor is it */
    assert_string_equal(ask("p5a"), "E16");
    assert_string_equal(ask("pffffffffffffffff"), "E16");
    assert_string_equal(ask("Hg2"), "OK");
    assert_string_equal(ask("p10"), "1020000000000000");
    assert_true(fake_regs[0][16] == UINT64_C(0x1122334455667788));
}

static void test_wide_registers(void **state)
{
    (void)state;
    assert_string_equal(ask("P18=00112233445566778899"), "OK"); /* st0 */
    assert_string_equal(ask("p18"), "00112233445566778899");
    assert_string_equal(ask("P29=000102030405060708090a0b0c0d0e0f"), "OK"); /* xmm1 */
    assert_string_equal(ask("p29"), "000102030405060708090a0b0c0d0e0f");
    assert_string_equal(ask("p28"), "00000000000000000000000000000000");
    assert_string_equal(ask("P29=000102030405060708090a0b0c0d0e"), "E16");
    assert_string_equal(ask("P29=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), "OK");
    assert_string_equal(ask("P29=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0"), "E16");
    assert_string_equal(ask("P22=01000000"), "E16"); /* not to be changed */
    assert_string_equal(ask("P22=00000000"), "OK");
    assert_string_equal(ask("p29"), "000102030405060708090a0b0c0d0e0f");
}

static void test_all_registers_there_and_back(void **state)
{
    static char all[2048] = "G";

    (void)state;
    assert_int_equal(strlen(ask("g")),
                     2 * (17 * 8 + 7 * 4 + 8 * 10 + 8 * 4 + 16 * 16 + 4 + 17 * 8 + 16 * 16));
    memcpy(all + 1, answer, strlen(answer) + 1);
    memcpy(all + 1, "efbeadde00000000", 16);
    assert_string_equal(ask(all), "OK");
    assert_true(fake_regs[0][0] == 0xdeadbeef);
    assert_true(fake_regs[0][1] == 0x1001);
    strcat(all, "00");
    all[1] = '0';
    assert_string_equal(ask(all), "E16");
    assert_true(fake_regs[0][0] == 0xdeadbeef);
}

static void test_memory(void **state)
{
    (void)state;
    memcpy(fake_ram + 0x100, "\x01\x02\x03\x04", 4);
    assert_string_equal(ask("m100,4"), "01020304");
    assert_string_equal(ask("m1ffe,8"), "0000"); /* up to the hole */
    assert_string_equal(ask("m2000,1"), "E0e");
    assert_string_equal(ask("mffffffffffffffff,10"), "E0e");
    assert_int_equal(strlen(ask("m0,ffffffffffffffff")), 2 * GDB_READ_MAX);
    assert_string_equal(ask("M100,2:aabb"), "OK");
    assert_string_equal(ask("M100,2:aab"), "E16");
    assert_string_equal(ask("M100,1:aabb"), "E16");
    assert_string_equal(ask("M100,ffffffff:aabb"), "E16");
    assert_string_equal(ask("X102,2:c}]"), "OK");
    assert_string_equal(ask("X102,3:cd"), "E16");
    assert_memory_equal(fake_ram + 0x100,
                        "\xaa\xbb"
                        "c}",
                        4);
    assert_string_equal(ask("M1fff,2:1122"), "E0e");
}

static void test_points(void **state)
{
    (void)state;
    fake_ram[0x300] = 0x55;
    assert_string_equal(ask("Z0,300,1"), "OK");
    assert_string_equal(ask("Z0,300,1"), "OK");
    assert_int_equal(fake_ram[0x300], 0xcc);
    assert_string_equal(ask("m2ff,3"), "005500");
    assert_string_equal(ask("z0,300,1"), "OK");
    assert_int_equal(fake_ram[0x300], 0x55);
    assert_string_equal(ask("Z0,2000,1"), "E0e");
    assert_string_equal(ask("Z2,400,8"), "OK");
    assert_string_equal(ask("Z2,404,8"), "E16");
    assert_string_equal(ask("Z2,400,3"), "E16");
    assert_string_equal(ask("Z3,400,8"), ""); /* not on this CPU */
    assert_string_equal(ask("Z5,400,8"), "");
    assert_string_equal(ask("Z1,0,1"), "OK");
    assert_string_equal(ask("Z1,1,1"), "OK");
    assert_string_equal(ask("Z4,8,4"), "OK");
    assert_string_equal(ask("Z1,2,1"), "E0c");
    assert_string_equal(ask("Z1,2"), "E16");
}

static void test_running_and_stopping(void **state)
{
    (void)state;
    assert_string_equal(ask("vCont?"), "vCont;c;C;s;S");
    assert_string_equal(ask("vCont;c"), "");
    assert_int_equal(fake_vcpus[0].state, VCPU_RUNNABLE);
    assert_int_equal(fake_vcpus[1].state, VCPU_RUNNABLE);
    assert_string_equal(ask("g"), "E01"); /* not now */
    hit(1, GUEST_DEBUG_SOFT, 0x300);
    assert_string_equal(replies(), "T05swbreak:;thread:2;");
    assert_int_equal(fake_vcpus[0].state, VCPU_HELD);
    assert_string_equal(ask("c"), "");
    hit(0, GUEST_DEBUG_ACCESS, 0x408);
    assert_string_equal(replies(), "T05awatch:408;thread:1;");
    assert_string_equal(ask("vCont;s:2"), "");
    assert_int_equal(fake_vcpus[0].state, VCPU_HELD);
    assert_int_equal(fake_vcpus[1].state, VCPU_RUNNABLE);
    assert_true(guest_debug_is_stepping(&fake_vcpus[1]));
    hit(1, GUEST_DEBUG_STEP, 0);
    assert_string_equal(replies(), "T05thread:2;");
    assert_string_equal(ask("vCont;s:2;c"), "");
    assert_int_equal(fake_vcpus[0].state, VCPU_RUNNABLE);
    assert_false(guest_debug_is_stepping(&fake_vcpus[0]));
    fake_wire("\x03", 1);
    fake_wire("", 0);
    assert_string_equal(replies(), "T02thread:2;");
    assert_string_equal(ask("vCont;c"), "");
    assert_false(guest_debug_is_stepping(&fake_vcpus[1])); /* what was not done is forgotten */
}

static void test_two_stops_at_once(void **state)
{
    (void)state;
    ask("c");
    hit(0, GUEST_DEBUG_EXEC, 0x10);
    assert_string_equal(replies(), "T05hwbreak:;thread:1;");
    hit(1, GUEST_DEBUG_WRITE, 0x408);
    assert_string_equal(replies(), "");
    assert_string_equal(ask("c"), "T05watch:408;thread:2;");
    assert_int_equal(fake_vcpus[0].state, VCPU_HELD);
    assert_string_equal(ask("c"), "");
    assert_int_equal(fake_vcpus[0].state, VCPU_RUNNABLE);
}

static void test_malformed_running(void **state)
{
    static const char *const bad[] = {"vCont",     "vCont;",    "vCont;x", "vCont;s:3", "vCont;c:",
                                      "vCont;c;q", "vCont;C:1", "s12x",    "C",         "c10000000000000000",
                                      "Hg3",       "Hx1",       "H",       "Hg",        "T3",
                                      "Z0",        "m",         "m1",      "m1,",       "M1,1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_string_equal(ask(bad[i]), "E16");
        assert_int_equal(fake_vcpus[0].state, VCPU_HELD);
        assert_true(fake_regs[0][16] == 0x1010);
    }
}

static void test_the_next_debugger_finds_nothing_of_the_last(void **state)
{
    (void)state;
    fake_ram[0x300] = 0x55;
    assert_string_equal(ask("QStartNoAckMode"), "OK");
    ask("Z0,300,1");
    ask("Z2,400,8");
    ask("c");
    fake_wire("$m1", 3); /* and gone, in the middle of a packet */
    fake_out_length = 0;
    send_packet("qSupported:");
    assert_int_equal(fake_out[0], '+');
    assert_memory_equal(replies(), "PacketSize=", 11);
    assert_int_equal(fake_ram[0x300], 0x55);
    assert_string_equal(ask("?"), "T05thread:1;");
    assert_string_equal(ask("k"), "");
    assert_null(fake_vm.debug);
    assert_int_equal(fake_vcpus[0].state, VCPU_RUNNABLE);
}

static void test_end_of_the_vm(void **state)
{
    (void)state;
    ask("c");
    fake_end();
    fake_wire("", 0);
    assert_string_equal(replies(), "W00");
}

static void test_description(void **state)
{
    char whole[8192] = "";
    char question[64];
    size_t length = 0;

    (void)state;
    do {
        snprintf(question, sizeof(question), "qXfer:features:read:target.xml:%zx,fff", length);
        ask(question);
        memcpy(whole + length, answer + 1, strlen(answer));
        length += strlen(answer) - 1;
    } while (answer[0] == 'm');
    assert_int_equal(answer[0], 'l');
    assert_non_null(strstr(whole, "<architecture>i386:x86-64</architecture>"));
    assert_non_null(strstr(whole, "<reg name=\"eflags\" bitsize=\"32\" type=\"int\"/>"));
    assert_non_null(strstr(whole, "<reg name=\"st7\" bitsize=\"80\" type=\"i387_ext\"/>"));
    assert_string_equal(whole + length - 19, "</feature></target>");
    assert_string_equal(ask("qXfer:features:read:target.xml:ffffff,10"), "l");
    assert_string_equal(ask("qXfer:features:read:target.xml:1"), "E16");
}

static void test_monitor(void **state)
{
    (void)state;
    ask("qRcmd,766d73"); /* vms */
    assert_int_equal(strlen(answer), 2 * strlen("* linux: 2 vCPUs, 0 MiB\n"));
    ask("qRcmd,6e6d69");
    assert_int_equal(fake_nmi_count, 1);
    assert_string_equal(ask("qRcmd,6e6d6"), "E16");
    assert_true(strlen(ask("qRcmd,")) > 10);
    ask("qRcmd,766d206c696e7578"); /* vm linux */
    assert_string_equal(ask("?"), "T05thread:1;");
}

static void test_a_full_wire_waits(void **state)
{
    (void)state;
    fake_out_room = 5;
    send_packet("g");
    assert_int_equal(fake_out_length, 5);
    fake_out_room = FAKE_WIRE;
    fake_wire("", 0);
    assert_int_equal(strlen(replies()), 824 + 2 * (16 * 16 + 4 + 16 * 16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_session_holds_and_lets_go, attach),
        cmocka_unit_test_setup(test_commands_wait_for_the_hold, attach),
        cmocka_unit_test_setup(test_registers, attach),
        cmocka_unit_test_setup(test_wide_registers, attach),
        cmocka_unit_test_setup(test_all_registers_there_and_back, attach),
        cmocka_unit_test_setup(test_memory, attach),
        cmocka_unit_test_setup(test_points, attach),
        cmocka_unit_test_setup(test_running_and_stopping, attach),
        cmocka_unit_test_setup(test_two_stops_at_once, attach),
        cmocka_unit_test_setup(test_malformed_running, attach),
        cmocka_unit_test_setup(test_the_next_debugger_finds_nothing_of_the_last, attach),
        cmocka_unit_test_setup(test_end_of_the_vm, attach),
        cmocka_unit_test_setup(test_description, attach),
        cmocka_unit_test_setup(test_monitor, attach),
        cmocka_unit_test_setup(test_a_full_wire_waits, attach),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
