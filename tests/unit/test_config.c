/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line and module grammar: values, defaults, and the exact text of every complaint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/config.h"
#include "core/log.h"
#include "core/run_queue.h"
#include "lib/addr.h"
#include "lib/error.h"
#include "lib/printf.h"

#include "lib/string.h"

static char lines[40][256];
static int line_count;

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    assert_in_range(line_count, 0, 39);
    fmt_vsnprintf(lines[line_count++], sizeof(lines[0]), format, args);
    va_end(args);
}

static struct config parsed;
static struct boot_info info;

static int setup(void **state)
{
    (void)state;
    line_count = 0;
    memset(&parsed, 0xa5, sizeof(parsed));
    memset(&info, 0, sizeof(info));
    return 0;
}

static int modules(int count, const char *const *texts)
{
    assert_int_equal(config_parse_options(&parsed, ""), 0);
    info.module_count = (uint32_t)count;
    for (int i = 0; i < count; i++)
        info.modules[i] = (struct boot_module){{0x1000u * (uint32_t)(i + 1)}, 16, texts[i]};
    return config_parse_modules(&parsed, &info);
}

#define MODULES(...)                                                             \
    modules((int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)), \
            (const char *[]){__VA_ARGS__})

#define KEYS                                                               \
    "console= on-end= nmi= hostnmi= mitigations= maxcpus= log= selftest= " \
    "escape= mux= marks= shell= trace= panic= gdb= direct="

static void one_bad_option(const char *cmdline, const char *line)
{
    line_count = 0;
    assert_int_equal(config_parse_options(&parsed, cmdline), E_INVAL);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], line);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(config_parse_options(&parsed, "  \t "), 0);
    assert_string_equal(parsed.console_port, "com1");
    assert_int_equal(parsed.console_baud, 115200);
    assert_int_equal(parsed.on_end, ON_END_STAY);
    assert_int_equal(parsed.nmi, NMI_WAY_AUTO);
    assert_int_equal(parsed.host_nmi, HOST_NMI_PANIC);
    assert_true(parsed.mitigations);
    assert_true(parsed.direct);
    assert_int_equal(parsed.max_cpus, 256);
    assert_int_equal(parsed.log_level, LOG_LEVEL_INFO);
    assert_int_equal(parsed.vm_count, 0);
    assert_int_equal(line_count, 0);
}

static void test_options(void **state)
{
    (void)state;
    assert_int_equal(config_parse_options(&parsed,
                                          "console=com3,57600 on-end=poweroff nmi=soft\thostnmi=shell "
                                          "mitigations=off maxcpus=2 log=warn direct=off"),
                     0);
    assert_string_equal(parsed.console_port, "com3");
    assert_int_equal(parsed.console_baud, 57600);
    assert_int_equal(parsed.on_end, ON_END_POWEROFF);
    assert_int_equal(parsed.nmi, NMI_WAY_SOFT);
    assert_int_equal(parsed.host_nmi, HOST_NMI_SHELL);
    assert_false(parsed.mitigations);
    assert_false(parsed.direct);
    assert_int_equal(parsed.max_cpus, 2);
    assert_int_equal(parsed.log_level, LOG_LEVEL_WARN);
    assert_int_equal(config_parse_options(&parsed, "console=pl011 hostnmi=forward:a.b-c_9 nmi=vnmi"), 0);
    assert_string_equal(parsed.console_port, "pl011");
    assert_int_equal(parsed.host_nmi, HOST_NMI_FORWARD);
    assert_string_equal(parsed.host_nmi_vm, "a.b-c_9");
}

static void test_bad_options(void **state)
{
    (void)state;
    one_bad_option("nmi=auto consle=com1",
                   "command line: column 10: unknown word \"consle=com1\"; allowed: " KEYS);
    one_bad_option(" console=com5", "command line: column 2: bad value in \"console=com5\"; allowed: "
                                    "console=com1|com2|com3|com4|pl011|none[,9600|19200|38400|57600|115200]");
    one_bad_option("on-end=", "command line: column 1: bad value in \"on-end=\"; allowed: "
                              "on-end=stay|restart|poweroff");
    one_bad_option("direct=3", "command line: column 1: bad value in \"direct=3\"; allowed: direct=on|off");
    one_bad_option("maxcpus=257",
                   "command line: column 1: bad value in \"maxcpus=257\"; allowed: maxcpus=1..256");
    one_bad_option("nmi=iret nmi=iret", "command line: column 10: given twice: \"nmi=iret\"");
    one_bad_option("hostnmi=forward:", "command line: column 1: bad value in \"hostnmi=forward:\"; allowed: "
                                       "hostnmi=forward:VM|shell|ignore|panic");
    one_bad_option("x\x01\xff", "command line: column 1: unknown word \"x??\"; allowed: " KEYS);
    one_bad_option("0123456789012345678901234567890123456789z",
                   "command line: column 1: unknown word \"0123456789012345678901234567890123456789...\"; "
                   "allowed: " KEYS);
}

static void test_gdb_ports(void **state)
{
    (void)state;
    assert_int_equal(config_parse_options(&parsed, "gdb=com2:linux"), 0);
    assert_string_equal(parsed.gdb_port, "com2");
    assert_string_equal(parsed.gdb_vm, "linux");
    assert_false(parsed.gdb_framed);
    assert_int_equal(config_parse_options(&parsed, "gdb=console"), 0);
    assert_string_equal(parsed.gdb_port, "console");
    assert_true(parsed.gdb_framed);
    assert_int_equal(config_parse_options(&parsed, "gdb=console:a"), 0);
    assert_string_equal(parsed.gdb_vm, "a");
}

static void test_bad_values(void **state)
{
    static const char *const bad[] = {
        "console=com1,",
        "console=com1,1200",
        "console=,9600",
        "console=com1,115200,8",
        "maxcpus=0",
        "maxcpus=1k",
        "maxcpus=",
        "maxcpus=-1",
        "mitigations=yes",
        "log=debug",
        "nmi",
        "pin=1",
        "share=a",
        "gdb=com5",
        "gdb=consol",
        "gdb=console:",
        "gdb=com2,linux",
        "gdb=com2:a b/",
        "shell=on",
        "shell=",
        "escape=]",
        "escape=^1",
        "escape=^",
        "mux=on",
        "marks=yes",
        "hostnmi=forwrd",
        "maxcpus=99999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        line_count = 0;
        assert_int_equal(config_parse_options(&parsed, bad[i]), E_INVAL);
        assert_int_equal(line_count, 1);
        assert_int_equal(parsed.max_cpus, 256);
        assert_string_equal(parsed.console_port, "com1");
    }
}

/* What follows a bad word still counts. */
static void test_rest_is_taken(void **state)
{
    (void)state;
    assert_int_equal(config_parse_options(&parsed, "bad on-end=restart worse"), E_INVAL);
    assert_int_equal(line_count, 2);
    assert_int_equal(parsed.on_end, ON_END_RESTART);
}

static void test_modules(void **state)
{
    (void)state;
    assert_int_equal(
        MODULES("linux:kernel cpus=2 mem=512M on-end=restart --   console=ttyS0  a=\"b c\" -- x ",
                "tiny:kernel", "linux:initrd "),
        0);
    assert_int_equal(line_count, 0);
    assert_int_equal(parsed.vm_count, 2);
    assert_string_equal(parsed.vms[0].name, "linux");
    assert_true(parsed.vms[0].valid);
    assert_int_equal(parsed.vms[0].cpus, 2);
    assert_int_equal(parsed.vms[0].mem, 512 * MIB);
    assert_int_equal(parsed.vms[0].on_end, ON_END_RESTART);
    assert_string_equal(parsed.vms[0].guest_cmdline, "console=ttyS0  a=\"b c\" -- x ");
    assert_int_equal(parsed.vms[0].kernel.start.v, 0x1000);
    assert_true(parsed.vms[0].has_initrd);
    assert_int_equal(parsed.vms[0].initrd.start.v, 0x3000);
    assert_string_equal(parsed.vms[1].name, "tiny");
    assert_int_equal(parsed.vms[1].cpus, 1);
    assert_int_equal(parsed.vms[1].mem, 256 * MIB);
    assert_int_equal(parsed.vms[1].on_end, ON_END_DEFAULT);
    assert_string_equal(parsed.vms[1].guest_cmdline, "");
    assert_false(parsed.vms[1].has_initrd);
}

static void test_empty_guest_cmdline(void **state)
{
    (void)state;
    assert_int_equal(MODULES("a:kernel --", "b:kernel -- ", "c:kernel mem=1024k --x"), E_INVAL);
    assert_string_equal(parsed.vms[0].guest_cmdline, "");
    assert_string_equal(parsed.vms[1].guest_cmdline, "");
    assert_int_equal(line_count, 1);
    assert_string_equal(
        lines[0],
        "module 3 (c): column 20: unknown word \"--x\"; allowed: "
        "cpus= mem= on-end= pin= share= cap= prio= msi-test= and -- before the guest's command line");
    assert_true(parsed.vms[0].valid && parsed.vms[1].valid && !parsed.vms[2].valid);
}

static void test_initrd_first(void **state)
{
    (void)state;
    assert_int_equal(MODULES("a:initrd", "a:kernel"), 0);
    assert_true(parsed.vms[0].valid && parsed.vms[0].has_initrd);
}

/* Each text stands between two good VMs, which must not notice. */
static void one_bad_module(const char *text, const char *line)
{
    line_count = 0;
    assert_int_equal(MODULES("first:kernel", text, "last:kernel"), E_INVAL);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], line);
    for (uint32_t i = 0; i < parsed.vm_count; i++) {
        bool good = strcmp(parsed.vms[i].name, "first") == 0 || strcmp(parsed.vms[i].name, "last") == 0;

        assert_int_equal(parsed.vms[i].valid, good);
    }
}

static void test_bad_modules(void **state)
{
    (void)state;
    one_bad_module("", "module 2: column 1: no words behind the file name: \"\"; allowed: "
                       "NAME:kernel, NAME:initrd; NAME: 1..15 letters, digits, _ - .");
    one_bad_module("linux", "module 2: column 1: no VM's name and role in \"linux\"; allowed: "
                            "NAME:kernel, NAME:initrd; NAME: 1..15 letters, digits, _ - .");
    one_bad_module(" :kernel", "module 2: column 2: no VM's name and role in \":kernel\"; allowed: "
                               "NAME:kernel, NAME:initrd; NAME: 1..15 letters, digits, _ - .");
    one_bad_module("0123456789abcdef:kernel",
                   "module 2: column 1: no VM's name and role in \"0123456789abcdef:kernel\"; allowed: "
                   "NAME:kernel, NAME:initrd; NAME: 1..15 letters, digits, _ - .");
    one_bad_module("b/x:kernel", "module 2: column 1: no VM's name and role in \"b/x:kernel\"; allowed: "
                                 "NAME:kernel, NAME:initrd; NAME: 1..15 letters, digits, _ - .");
    one_bad_module("b:kernl", "module 2 (b): column 3: unknown role \"kernl\"; allowed: kernel, initrd");
    one_bad_module("b:", "module 2 (b): column 3: unknown role \"\"; allowed: kernel, initrd");
    one_bad_module("b:kernel cpus=65",
                   "module 2 (b): column 10: bad value in \"cpus=65\"; allowed: cpus=1..64");
    one_bad_module("b:kernel cpus=1 mem=512", "module 2 (b): column 17: bad value in \"mem=512\"; allowed: "
                                              "mem=SIZE with K, M or G behind it, pages of 4K, 1M to 1024G");
    one_bad_module(
        "b:kernel pins=0",
        "module 2 (b): column 10: unknown word \"pins=0\"; allowed: "
        "cpus= mem= on-end= pin= share= cap= prio= msi-test= and -- before the guest's command line");
    one_bad_module("b:kernel pin=0/1 cpus=3", "module 2 (b): column 14: not as many sets as CPUs in \"0/1\"; "
                                              "allowed: one set, or one for each vCPU");
    one_bad_module("b:kernel cpus=1 cpus=1", "module 2 (b): column 17: given twice: \"cpus=1\"");
    one_bad_module("b:initrd", "vm b: initrd without a kernel; a module with \"b:kernel\" is needed");
}

static void test_bad_sizes(void **state)
{
    static const char *const bad[] = {
        "b:kernel mem=",
        "b:kernel mem=M",
        "b:kernel mem=0M",
        "b:kernel mem=1025G",
        "b:kernel mem=1025k",
        "b:kernel mem=-1M",
        "b:kernel mem=1.5G",
        "b:kernel mem=512MB",
        "b:kernel mem=1T",
        "b:kernel cpus=0",
        "b:kernel cpus=1M",
        "b:kernel on-end=no",
        "b:kernel mem=1023K",
        "b:kernel mem=0x10M",
        "b:kernel cpus=",
        "b:kernel share=a",
        "b:kernel share=0",
        "b:kernel share=1001",
        "b:kernel cap=0",
        "b:kernel cap=101",
        "b:kernel cap=50%",
        "b:kernel prio=1",
        "b:kernel prio=",
        "b:kernel msi-test=1",
        "b:kernel pin=",
        "b:kernel pin=256",
        "b:kernel pin=0,",
        "b:kernel pin=,0",
        "b:kernel pin=3-1",
        "b:kernel pin=1-",
        "b:kernel pin=-1",
        "b:kernel pin=0/ cpus=2",
        "b:kernel pin=/0 cpus=2",
        "b:kernel pin=0//1 cpus=3",
        "b:kernel pin=0 pin=1",
        "b:kernel pin=4294967296",
        "b:kernel pin=all",
        "b:kernel gdb=com2",
        "b:kernel on-end=stay,",
        "b:initrd mem=512M",
        "b:kernel mem=18446744073709551616K",
        "b:kernel mem=18014398509481985K",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        line_count = 0;
        assert_int_equal(MODULES("a:kernel", bad[i]), E_INVAL);
        assert_int_equal(line_count, 1);
        assert_true(parsed.vms[0].valid);
        assert_false(parsed.vms[1].valid);
    }
    assert_int_equal(MODULES("a:kernel mem=1024g", "b:kernel mem=1M", "c:kernel mem=1028k"), 0);
}

static bool pinned_to(uint32_t vm, uint32_t vcpu, uint64_t low, uint64_t high)
{
    struct cpu_set set;

    config_pin_set(&parsed.vms[vm], vcpu, &set);
    return set.words[0] == low && set.words[CPU_SET_WORDS - 1] == high;
}

static void test_scheduling_words(void **state)
{
    (void)state;
    assert_int_equal(MODULES("a:kernel", "b:kernel share=1 cap=1 prio=low pin=0",
                             "c:kernel pin=0-1,5/254-255 cpus=2",
                             "d:kernel share=1000 cap=100 prio=high pin=2-3,0 cpus=3"),
                     0);
    assert_int_equal(parsed.vms[0].share, 100);
    assert_int_equal(parsed.vms[0].cap, 100);
    assert_int_equal(parsed.vms[0].prio, VCPU_PRIO_NORMAL);
    assert_true(pinned_to(0, 0, UINT64_MAX, UINT64_MAX));
    assert_int_equal(parsed.vms[1].share, 1);
    assert_int_equal(parsed.vms[1].cap, 1);
    assert_int_equal(parsed.vms[1].prio, VCPU_PRIO_LOW);
    assert_true(pinned_to(1, 0, 1, 0));
    assert_true(pinned_to(2, 0, 0x23, 0));
    assert_true(pinned_to(2, 1, 0, BIT(63) | BIT(62)));
    assert_int_equal(parsed.vms[3].prio, VCPU_PRIO_HIGH);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(pinned_to(3, i, 0xd, 0));
}

static void test_duplicates(void **state)
{
    (void)state;
    assert_int_equal(MODULES("a:kernel", "b:kernel", "a:kernel mem=1M"), E_INVAL);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "module 3 (a): column 1: second kernel of this VM: \"a:kernel\"; allowed: "
                                  "one NAME:kernel for each VM");
    assert_true(!parsed.vms[0].valid && parsed.vms[1].valid);
    line_count = 0;
    assert_int_equal(MODULES("a:kernel", "a:initrd", "a:initrd"), E_INVAL);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "module 3 (a): column 1: second initrd of this VM: \"a:initrd\"; allowed: "
                                  "one NAME:initrd for each VM");
}

static void test_too_many_vms(void **state)
{
    char texts[33][32];
    const char *pointers[33];

    (void)state;
    for (int i = 0; i < 33; i++) {
        snprintf(texts[i], sizeof(texts[i]), "vm%d:kernel", i);
        pointers[i] = texts[i];
    }
    assert_int_equal(modules(32, pointers), 0);
    assert_int_equal(modules(33, pointers), E_INVAL);
    assert_int_equal(parsed.vm_count, 32);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0],
                        "module 33 (vm32): column 1: too many VMs at \"vm32:kernel\"; allowed: 32 VMs");
    for (int i = 0; i < 32; i++)
        assert_true(parsed.vms[i].valid);
}

static void test_no_modules(void **state)
{
    (void)state;
    assert_int_equal(config_parse_options(&parsed, ""), 0);
    assert_int_equal(config_parse_modules(&parsed, &info), E_NOENT);
    assert_int_equal(line_count, 0);
}

static void test_forward_needs_vm(void **state)
{
    (void)state;
    info.module_count = 1;
    info.modules[0] = (struct boot_module){{0x1000}, 16, "linux:kernel"};
    assert_int_equal(config_parse_options(&parsed, "hostnmi=forward:linux"), 0);
    assert_int_equal(config_parse_modules(&parsed, &info), 0);
    assert_int_equal(config_parse_options(&parsed, "hostnmi=forward:linus"), 0);
    assert_int_equal(config_parse_modules(&parsed, &info), E_INVAL);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "command line: hostnmi=forward:linus: no module names such a VM");
    assert_int_equal(parsed.host_nmi, HOST_NMI_PANIC);
    assert_true(parsed.vms[0].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, setup),
        cmocka_unit_test_setup(test_options, setup),
        cmocka_unit_test_setup(test_bad_options, setup),
        cmocka_unit_test_setup(test_gdb_ports, setup),
        cmocka_unit_test_setup(test_bad_values, setup),
        cmocka_unit_test_setup(test_rest_is_taken, setup),
        cmocka_unit_test_setup(test_modules, setup),
        cmocka_unit_test_setup(test_empty_guest_cmdline, setup),
        cmocka_unit_test_setup(test_initrd_first, setup),
        cmocka_unit_test_setup(test_bad_modules, setup),
        cmocka_unit_test_setup(test_bad_sizes, setup),
        cmocka_unit_test_setup(test_scheduling_words, setup),
        cmocka_unit_test_setup(test_duplicates, setup),
        cmocka_unit_test_setup(test_too_many_vms, setup),
        cmocka_unit_test_setup(test_no_modules, setup),
        cmocka_unit_test_setup(test_forward_needs_vm, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
