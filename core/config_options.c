/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latch's own command line. Fills `config` once at boot, on the boot CPU; constant afterwards.
 */
#include "core/config.h"

#include "core/config_word.h"
#include "core/console.h"
#include "core/cpu.h"
#include "lib/error.h"
#include "lib/string.h"

struct config config;

static bool take_baud(struct config *to, const struct config_word *word)
{
    static const struct config_choice bauds[] = {
        {"9600", 9600}, {"19200", 19200}, {"38400", 38400}, {"57600", 57600}, {"115200", 115200},
    };

    return config_word_choice(word, bauds, ARRAY_COUNT(bauds), &to->console_baud);
}

static bool take_console(void *target, const struct config_word *value)
{
    static const struct config_choice ports[] = {
        {"com1", 0}, {"com2", 0}, {"com3", 0}, {"com4", 0}, {"pl011", 0}, {"none", 0},
    };
    struct config *to = target;
    struct config_word port = *value;
    struct config_word baud = {NULL, 0};
    uint32_t ignored;

    for (size_t i = 0; i < value->length; i++) {
        if (value->text[i] == ',') {
            port.length = i;
            baud = (struct config_word){value->text + i + 1, value->length - i - 1};
            break;
        }
    }
    if (!config_word_choice(&port, ports, ARRAY_COUNT(ports), &ignored))
        return false;
    if (baud.text != NULL && !take_baud(to, &baud))
        return false;
    memcpy(to->console_port, port.text, port.length);
    to->console_port[port.length] = '\0';
    return true;
}

static bool take_on_end(void *target, const struct config_word *value)
{
    struct config *to = target;
    uint32_t end;

    if (!config_word_on_end(value, &end))
        return false;
    to->on_end = (enum on_end)end;
    return true;
}

static bool take_nmi(void *target, const struct config_word *value)
{
    static const struct config_choice ways[] = {
        {"auto", NMI_WAY_AUTO},
        {"vnmi", NMI_WAY_VNMI},
        {"iret", NMI_WAY_IRET},
        {"soft", NMI_WAY_SOFT},
    };
    struct config *to = target;
    uint32_t way;

    if (!config_word_choice(value, ways, ARRAY_COUNT(ways), &way))
        return false;
    to->nmi = (enum nmi_way)way;
    return true;
}

static bool take_host_nmi(void *target, const struct config_word *value)
{
    static const struct config_choice policies[] = {
        {"panic", HOST_NMI_PANIC},
        {"ignore", HOST_NMI_IGNORE},
        {"shell", HOST_NMI_SHELL},
    };
    struct config *to = target;
    struct config_word vm;
    uint32_t policy = HOST_NMI_FORWARD;

    if (config_word_behind(value, "forward:", &vm)) {
        if (!config_word_name(&vm, to->host_nmi_vm))
            return false;
    } else if (!config_word_choice(value, policies, ARRAY_COUNT(policies), &policy)) {
        return false;
    }
    to->host_nmi = (enum host_nmi_policy)policy;
    return true;
}

static bool take_mitigations(void *target, const struct config_word *value)
{
    struct config *to = target;

    if (!config_word_is(value, "on") && !config_word_is(value, "off"))
        return false;
    to->mitigations = config_word_is(value, "on");
    return true;
}

static bool take_selftest(void *target, const struct config_word *value)
{
    struct config *to = target;

    if (!config_word_is(value, "none") && !config_word_is(value, "events") &&
        !config_word_is(value, "nmis") && !config_word_is(value, "tsc"))
        return false;
    to->selftest_events = config_word_is(value, "events");
    to->selftest_nmis = config_word_is(value, "nmis");
    to->selftest_tsc = config_word_is(value, "tsc");
    return true;
}

static bool take_max_cpus(void *target, const struct config_word *value)
{
    struct config *to = target;
    uint64_t count;

    if (!config_word_number(value, 1, MAX_CPUS, &count))
        return false;
    to->max_cpus = (uint32_t)count;
    return true;
}

static bool take_gdb(void *target, const struct config_word *value)
{
    static const struct config_choice ports[] = {
        {"console", 1}, {"com1", 0}, {"com2", 0}, {"com3", 0}, {"com4", 0}};
    struct config *to = target;
    struct config_word port = *value;
    struct config_word vm;
    uint32_t framed;

    port.length = 0;
    while (port.length < value->length && value->text[port.length] != ':')
        port.length++;
    if (!config_word_choice(&port, ports, ARRAY_COUNT(ports), &framed))
        return false;
    vm = (struct config_word){value->text + port.length, value->length - port.length};
    if (vm.length != 0 && (!config_word_behind(&vm, ":", &vm) || !config_word_name(&vm, to->gdb_vm)))
        return false;
    memcpy(to->gdb_port, port.text, port.length);
    to->gdb_port[port.length] = '\0';
    to->gdb_framed = framed != 0;
    return true;
}

static bool take_log(void *target, const struct config_word *value)
{
    static const struct config_choice levels[] = {
        {"error", LOG_LEVEL_ERROR},
        {"warn", LOG_LEVEL_WARN},
        {"info", LOG_LEVEL_INFO},
    };
    struct config *to = target;
    uint32_t level;

    if (!config_word_choice(value, levels, ARRAY_COUNT(levels), &level))
        return false;
    to->log_level = (enum log_level)level;
    return true;
}

static bool take_escape(void *target, const struct config_word *value)
{
    struct config *to = target;
    bool is_none = config_word_is(value, "none");
    char letter = value->length == 2 ? (char)(value->text[1] & ~0x20) : 0;

    if (!is_none && (value->length != 2 || value->text[0] != '^' || letter < 'A' || letter > '_'))
        return false;
    to->console_escape = is_none ? 0 : letter & 0x1f;
    return true;
}

static bool take_mux(void *target, const struct config_word *value)
{
    static const struct config_choice modes[] = {
        {"plain", CONSOLE_PLAIN}, {"color", CONSOLE_COLOR}, {"off", CONSOLE_KEEP}};
    struct config *to = target;
    uint32_t mode;

    if (!config_word_choice(value, modes, ARRAY_COUNT(modes), &mode))
        return false;
    to->console_mode = (uint8_t)mode;
    return true;
}

static bool take_trace(void *target, const struct config_word *value)
{
    struct config *to = target;

    if (!config_word_is(value, "on") && !config_word_is(value, "off"))
        return false;
    to->trace = config_word_is(value, "on");
    return true;
}

static bool take_panic(void *target, const struct config_word *value)
{
    struct config *to = target;

    if (!config_word_is(value, "halt") && !config_word_is(value, "reboot"))
        return false;
    to->panic_reboots = config_word_is(value, "reboot");
    return true;
}

static bool take_marks(void *target, const struct config_word *value)
{
    struct config *to = target;

    if (!config_word_is(value, "on") && !config_word_is(value, "off"))
        return false;
    to->marks = config_word_is(value, "on");
    return true;
}

static bool take_direct(void *target, const struct config_word *value)
{
    struct config *to = target;

    if (!config_word_is(value, "on") && !config_word_is(value, "off"))
        return false;
    to->direct = config_word_is(value, "on");
    return true;
}

static bool take_shell(void *target, const struct config_word *value)
{
    static const struct config_choice ports[] = {
        {"console", 0}, {"com1", 0}, {"com2", 0}, {"com3", 0}, {"com4", 0},
    };
    struct config *to = target;
    uint32_t ignored;

    if (!config_word_choice(value, ports, ARRAY_COUNT(ports), &ignored))
        return false;
    to->shell_port[0] = '\0';
    if (!config_word_is(value, "console")) {
        memcpy(to->shell_port, value->text, value->length);
        to->shell_port[value->length] = '\0';
    }
    return true;
}

static const struct config_option options[] = {
    {"console=", "console=com1|com2|com3|com4|pl011|none[,9600|19200|38400|57600|115200]", take_console},
    {"on-end=", "on-end=stay|restart|poweroff", take_on_end},
    {"nmi=", "nmi=auto|vnmi|iret|soft", take_nmi},
    {"hostnmi=", "hostnmi=forward:VM|shell|ignore|panic", take_host_nmi},
    {"mitigations=", "mitigations=on|off", take_mitigations},
    {"maxcpus=", "maxcpus=1..256", take_max_cpus},
    {"log=", "log=error|warn|info", take_log},
    {"selftest=", "selftest=none|events|nmis|tsc", take_selftest},
    {"escape=", "escape=none|^A..^_", take_escape},
    {"mux=", "mux=plain|color|off", take_mux},
    {"marks=", "marks=on|off", take_marks},
    {"shell=", "shell=console|com1|com2|com3|com4", take_shell},
    {"trace=", "trace=on|off", take_trace},
    {"panic=", "panic=halt|reboot", take_panic},
    {"gdb=", "gdb=console|com1|com2|com3|com4[:VM]", take_gdb},
    {"direct=", "direct=on|off", take_direct},
};

_Static_assert(MAX_CPUS == 256, "the text of maxcpus= names the limit");

static const struct config_option_table option_table = {
    .options = options,
    .count = ARRAY_COUNT(options),
    .keys = "console= on-end= nmi= hostnmi= mitigations= maxcpus= log= selftest= "
            "escape= mux= marks= shell= trace= panic= gdb= direct=",
};

static void set_defaults(struct config *to)
{
    memset(to, 0, sizeof(*to));
    memcpy(to->console_port, "com1", sizeof("com1"));
    to->console_baud = 115200;
    to->console_escape = 0x1d; /* Ctrl-] */
    to->on_end = ON_END_STAY;
    to->nmi = NMI_WAY_AUTO;
    to->host_nmi = HOST_NMI_PANIC;
    to->mitigations = true;
    to->direct = true;
    to->log_level = LOG_LEVEL_INFO;
    to->max_cpus = MAX_CPUS;
}

int config_parse_options(struct config *to, const char *cmdline)
{
    struct config_reader reader;
    struct config_word word;
    uint32_t seen = 0;

    set_defaults(to);
    config_reader_init(&reader, "command line", cmdline);
    while (config_next_word(&reader, &word))
        config_apply_option(&reader, &option_table, &seen, &word, to);
    return reader.error_count == 0 ? 0 : E_INVAL;
}
