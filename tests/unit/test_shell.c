/* SPDX-License-Identifier: BSD-2-Clause */
/* core/shell*: parsing, numbers, completion, holding, Ctrl-C, paging, on a fake machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/shell_fakes.h"

/* Types text and lets everything happen; what the terminal showed, without the redrawn prompts. */
static const char *enter(const char *text)
{
    fake_shown_count = 0;
    fake_shown[0] = '\0';
    while (*text != '\0')
        shell_input((uint8_t)*text++);
    for (int i = 0; i < 5000 && fake_advance(); i++)
        continue;
    return fake_shown;
}

#define SHOWS(text, what)                                               \
    do {                                                                \
        if (strstr(enter(text), what) == NULL)                          \
            fail_msg("%s shows:\n%s\nnot: %s", text, fake_shown, what); \
    } while (0)

static int setup(void **state)
{
    (void)state;
    fake_init();
    shell_open();
    enter("\x03page 0\r");
    return 0;
}

static void test_usage(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < shell_command_count; i++) {
        const struct shell_command *command = &shell_commands[i];
        char line[64];
        char usage[160];

        /* Nine words are too many for any; one wrong word is one line. */
        snprintf(line, sizeof(line), "%s !! 1 1 1 1\r", command->name);
        snprintf(usage, sizeof(usage), "usage: %s %s\r\n", command->name, command->usage);
        if (strcmp(command->name, "help") != 0)
            SHOWS(line, usage);
        assert_int_equal(fake_holds(), 0);
        snprintf(line, sizeof(line), "help %s\r", command->name);
        SHOWS(line, command->name);
    }
    SHOWS("nonsense\r", "no command \"nonsense\": try help\r\n");
    SHOWS("x 1 2 3 4 5 6 7 8\r", "too many words\r\n");
    SHOWS("regs\r", "\nusage: regs VM[.VCPU]\r\n");
    SHOWS("regs linux.2\r", "\"linux.2\" is wrong; usage: regs VM[.VCPU]\r\n");
}

static void evaluates(const char *text, bool good, uint64_t expected)
{
    uint64_t value = 0;

    fake_regs[1] = 0x1234;
    if (shell_evaluate(text, &fake_vcpus[0][0], &value) != good || (good && value != expected))
        fail_msg("%s gives 0x%lx", text, value);
}

static void test_numbers(void **state)
{
    (void)state;
    evaluates("10", true, 10);
    evaluates("0x1F", true, 31);
    evaluates("0b101", true, 5);
    evaluates("18446744073709551615", true, UINT64_MAX);
    evaluates("18446744073709551616", false, 0);
    evaluates("0x10000000000000000", false, 0);
    evaluates("$rip+2-1", true, 0x1235);
    evaluates("RIP", true, 0x1234);
    evaluates("core_main+4", true, 0x1004);
    evaluates("", false, 0);
    evaluates("+", false, 0);
    evaluates("1+", false, 0);
    evaluates("0x", false, 0);
    evaluates("0b2", false, 0);
    evaluates("12a", false, 0);
    evaluates("$", false, 0);
    evaluates("$nothing", false, 0);
}

static void test_memory(void **state)
{
    (void)state;
    fake_ram[0][0x10] = 'L';
    SHOWS("x linux gpa:0x10 4\r", "0000000000000010  4c 00 00 00");
    SHOWS("x linux 0x100010 4\r", "0000000000100010  4c 00 00 00");
    SHOWS("x linux 0x107ffc 8\r", "0000000000107ffc  not readable\r\n");
    SHOWS("x linux gpa:0xffff 2\r", "not readable\r\n");
    SHOWS("x rt.1 gpa:0 2\r", "0000000000000000  01 01 ");
    SHOWS("x linux hpa:0\r", "\"hpa:0\" is wrong; usage:");
    SHOWS("x host 0\r", "not readable\r\n");
    enter("write linux gpa:0x20 0x1122334455667788 4\r");
    assert_int_equal(fake_ram[0][0x20], 0x88);
    assert_int_equal(fake_ram[0][0x23], 0x55);
    assert_int_equal(fake_ram[0][0x24], 0);
    SHOWS("write linux gpa:0x20 1 3\r", "usage: write");
    SHOWS("write host 0x1000 1\r", "0x1000 is not writable");
    assert_int_equal(fake_holds(), 0);
}

static void test_registers(void **state)
{
    (void)state;
    enter("set linux rax $rip+0x10\r");
    assert_int_equal(fake_regs[0], fake_regs[1] + 0x10);
    SHOWS("set linux nothing 1\r", "usage: set");
    SHOWS("set linux cr3 1\r", "cr3 cannot take that value");
    fake_regs[0] = 0xabc;
    SHOWS("regs linux.1\r", "rax     0000000000000abc");
    SHOWS("sregs linux\r", "cr3 ");
    SHOWS("vmcs linux\r", "this CPU has no such thing: try vmcb");
}

/* Frames up the stack, until one does not go up. */
static void test_stack(void **state)
{
    const uint64_t frames[] = {MIB + 0x40, 0x1111, 0, 0};
    const uint64_t last[] = {MIB + 0x20, 0x2222};

    (void)state;
    fake_regs[3] = MIB + 0x20;
    fake_regs[1] = 0xeeee;
    memcpy(fake_ram[0] + 0x20, frames, sizeof(frames));
    memcpy(fake_ram[0] + 0x40, last, sizeof(last));
    SHOWS("stack linux\r", "#0  0x000000000000eeee\r\n#1  0x0000000000001111  frame 0x100020\r\n"
                           "#2  0x0000000000002222  frame 0x100040\r\n\r");
    fake_regs[3] = 5;
    SHOWS("stack linux\r", "frame 0x5 is not in memory");
}

static void test_hold(void **state)
{
    (void)state;
    SHOWS("pause linux\r", "vm linux paused after ");
    assert_int_equal(fake_holds(), 2);
    SHOWS("pause linux\r", "is paused already");
    SHOWS("vms\r", "paused");
    SHOWS("resume linux\r", "latch> ");
    assert_int_equal(fake_holds(), 0);
    SHOWS("resume linux\r", "is not paused");
    fake_deaf = true;
    SHOWS("regs linux\r", "vm linux does not leave its guest");
    assert_int_equal(fake_holds(), 0);
}

static void test_nmi(void **state)
{
    (void)state;
    SHOWS("nmi linux.1\r", "delivered: within ");
    assert_non_null(strstr(fake_shown, "after: "));
    assert_int_equal(fake_holds(), 0);
}

static void test_life(void **state)
{
    (void)state;
    enter("pause linux\r");
    enter("stop linux\r");
    assert_int_equal(fake_holds(), 0);
    assert_int_equal(fake_vms[0].end, VM_END_STOPPED);
    SHOWS("stop linux\r", "has ended already");
    SHOWS("start rt.1\r", "has not ended");
    enter("start linux\r");
    assert_int_equal(fake_vms[0].state, VM_RUNNING);
    enter("reset linux\r");
    assert_int_equal(fake_vms[0].end, VM_END_RESET);
}

static void test_interrupt(void **state)
{
    const char *text = "log linux\r";

    (void)state;
    fake_deaf = true;
    while (*text != '\0')
        shell_input((uint8_t)*text++);
    (void)fake_advance();
    assert_int_equal(fake_holds(), 2);
    SHOWS("\x03", "^C\r\n");
    assert_int_equal(fake_holds(), 0);
    SHOWS("version\r", "Latch ");
}

static void test_long_output(void **state)
{
    size_t lines = 0;

    (void)state;
    enter("log linux\r");
    for (const char *at = fake_shown; (at = strstr(at, "log vm ")) != NULL; at++)
        lines++;
    assert_int_equal(lines, 400);
    assert_null(strstr(fake_shown, "lost"));
    enter("page 10\rlog linux\r");
    assert_non_null(strstr(fake_shown, "--more--"));
    assert_null(strstr(fake_shown, "line 12"));
    enter("\r");
    assert_non_null(strstr(fake_shown, "--more--"));
    SHOWS("q", "^C");
    SHOWS("page 0\r", "latch> ");
    assert_int_equal(fake_holds(), 0);
}

static void test_completion(void **state)
{
    (void)state;
    SHOWS("vcp\t\r", "vcpus ");
    SHOWS("ev\t", "events");
    SHOWS(" s\t", "events save ");
    enter("\x03");
    SHOWS("regs li\t\r", "rax ");
    SHOWS("x linux $r\t", "rax  rip  rsp  rbp");
    enter("\x03");
    SHOWS("re\t", "reset  regs  reboot");
    enter("\x03");
    SHOWS("zz\t", "\a");
    enter("\x03");
}

static void test_events(void **state)
{
    char line[128] = "events load linux ";

    (void)state;
    SHOWS("events save linux\r", "a5a5a5a5");
    memset(line + 18, 0, sizeof(line) - 18);
    for (int i = 0; i < 40; i++)
        memcpy(line + 18 + 2 * i, "a5", 2);
    line[98] = '\r';
    SHOWS(line, "loaded");
    SHOWS("events load linux a5\r", "truncated");
    SHOWS("events load linux a\r", "usage: events load");
    SHOWS("events load linux zz\r", "usage: events load");
    SHOWS("irq linux 24\r", "no such line");
    SHOWS("ipi linux 3\r", "no interrupt has that number");
}

static void test_touched(void **state)
{
    (void)state;
    SHOWS("touched linux\r", "\ntouched 0 KiB, written 0 KiB, by whole pages of the nested map\r\n");
    fake_marks[0][0] = NESTED_TOUCHED | NESTED_WRITTEN;
    for (uint32_t i = 3; i < 6; i++)
        fake_marks[0][i] = NESTED_TOUCHED;
    fake_marks[0][6] = fake_marks[0][15] = NESTED_TOUCHED | NESTED_WRITTEN;
    fake_marks[1][0] = NESTED_TOUCHED;
    /* The other VM's are its own; each range once, the one at the end too; then they are gone. */
    SHOWS("touched linux\r", "\n0x000000000-0x000000fff        4 KiB in pages of 4 KiB: written\r\n"
                             "0x000003000-0x000005fff       12 KiB in pages of 4 KiB: touched\r\n"
                             "0x000006000-0x000006fff        4 KiB in pages of 4 KiB: written\r\n"
                             "0x00000f000-0x00000ffff        4 KiB in pages of 4 KiB: written\r\n"
                             "touched 24 KiB, written 12 KiB, by whole pages of the nested map\r\n");
    SHOWS("touched linux\r", "\ntouched 0 KiB");
    SHOWS("touched rt.1\r", "\n0x000000000-0x00000ffff       64 KiB in pages of 64 KiB: touched\r\n"
                            "touched 64 KiB, written 0 KiB");
    fake_notes = false;
    SHOWS("touched linux\r", "not offered: ");
    assert_int_equal(fake_holds(), 0);
}

/* The command ends when both vCPUs have been asked and are out, at once for one outside, or says that they
 * stay. */
static void test_touched_is_complete(void **state)
{
    (void)state;
    fake_deaf = true;
    enter("touched linux\r");
    assert_non_null(strstr(fake_shown, "nested map\r\n"));
    assert_int_equal(fake_vcpus[0][0].requests, VCPU_REQ_FLUSH);
    assert_int_equal(fake_vcpus[0][1].requests, VCPU_REQ_FLUSH);
    assert_int_equal(fake_vcpus[1][0].requests, 0);
    fake_vcpus[0][1].in_guest = true;
    fake_shown_count = 0;
    for (const char *c = "touched linux\r"; *c != '\0'; c++)
        shell_input((uint8_t)*c);
    for (int i = 0; i < 1000; i++)
        fake_advance();
    assert_null(strstr(fake_shown, "nested map"));
    fake_vcpus[0][1].requests = 0;
    enter("");
    assert_non_null(strstr(fake_shown, "nested map\r\n"));
    enter("touched linux\r");
    assert_non_null(strstr(fake_shown, "nested map; it does not leave its guest"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_usage, setup),
        cmocka_unit_test_setup(test_numbers, setup),
        cmocka_unit_test_setup(test_memory, setup),
        cmocka_unit_test_setup(test_registers, setup),
        cmocka_unit_test_setup(test_stack, setup),
        cmocka_unit_test_setup(test_hold, setup),
        cmocka_unit_test_setup(test_nmi, setup),
        cmocka_unit_test_setup(test_life, setup),
        cmocka_unit_test_setup(test_interrupt, setup),
        cmocka_unit_test_setup(test_long_output, setup),
        cmocka_unit_test_setup(test_completion, setup),
        cmocka_unit_test_setup(test_events, setup),
        cmocka_unit_test_setup(test_touched, setup),
        cmocka_unit_test_setup(test_touched_is_complete, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
