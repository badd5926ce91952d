/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions about the server and the target: abilities, threads, the description of registers, and the words
 * of `monitor`.
 */
#include "core/arch.h"
#include "core/gdb_internal.h"
#include "lib/printf.h"
#include "lib/string.h"

#define TEXT_MAX 1024 /* of a monitor command's answer */

/* --- Description of the registers
 * --------------------------------------------------------------------------- */

/* A window of the text that is made up on the fly. */
struct window {
    uint64_t at, from, to;
};

static void put(struct window *window, const char *text)
{
    for (; *text != '\0'; text++, window->at++)
        if (window->at >= window->from && window->at < window->to)
            gdb_reply_escaped(&gdb.link, *text);
}

static void put_reg(struct window *window, const char *name, uint32_t size, const char *type)
{
    char line[80];

    fmt_snprintf(line, sizeof(line), "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", name, 8 * size,
                 type != NULL ? type : "int");
    put(window, line);
}

static void put_feature(struct window *window, const struct gdb_feature *feature)
{
    put(window, "<feature name=\"");
    put(window, feature->name);
    put(window, "\">");
    if (feature->types != NULL)
        put(window, feature->types);
    for (uint32_t i = feature->first; i < (uint32_t)feature->first + feature->count; i++) {
        const char *type = i == arch_reg_pc                       ? "code_ptr"
                           : i == arch_reg_sp || i == arch_reg_fp ? "data_ptr"
                                                                  : NULL;
        const char *name = arch_gdb_name(i);

        put_reg(window, name != NULL ? name : arch_regs[i].name, arch_regs[i].size, type);
    }
    for (uint32_t i = 0; i < feature->extra_count; i++) {
        const struct gdb_extra *extra = &feature->extras[i];
        char name[16];

        for (uint32_t k = 0; k < extra->count; k++) {
            fmt_snprintf(name, sizeof(name), extra->name, k);
            put_reg(window, name, extra->size, extra->type);
        }
    }
    put(window, "</feature>");
}

static void put_target(struct window *window)
{
    put(window, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
                "<architecture>");
    put(window, arch_gdb_architecture);
    put(window, "</architecture>");
    for (uint32_t i = 0; i < arch_gdb_feature_count; i++)
        put_feature(window, &arch_gdb_features[i]);
    put(window, "</target>");
}

static void describe(const char *at)
{
    struct window window = {0};
    uint64_t offset, size;

    if (!gdb_take_number(&at, &offset) || !gdb_take_text(&at, ",") || !gdb_take_number(&at, &size) ||
        *at != '\0') {
        gdb_reply(GDB_EINVAL);
        return;
    }
    put_target(&window); /* only counts */
    offset = min_u64(offset, window.at);
    size = min_u64(min_u64(size, GDB_READ_MAX), window.at - offset);
    gdb_reply_begin(&gdb.link);
    gdb_reply_char(&gdb.link, offset + size == window.at ? 'l' : 'm');
    window = (struct window){.from = offset, .to = offset + size};
    put_target(&window);
    gdb_reply_end(&gdb.link);
}

/* --- monitor
 * -------------------------------------------------------------------------------------------------- */

static int add(char *text, int at, const char *format, const char *name, uint32_t a, uint32_t b)
{
    return at + fmt_snprintf(text + min_u64((uint64_t)at, TEXT_MAX - 1),
                             TEXT_MAX - min_u64((uint64_t)at, TEXT_MAX - 1), format, name, a, b);
}

static void list_vms(char *text)
{
    int at = 0;

    for (uint32_t i = 0; i < vm_count; i++)
        at = add(text, at, vms[i] == gdb.vm ? "* %s: %u vCPUs, %u MiB\n" : "  %s: %u vCPUs, %u MiB\n",
                 vms[i]->config->name, vms[i]->vcpu_count, (uint32_t)(vms[i]->config->mem / MIB));
}

static void take_vm(const char *name, char *text)
{
    for (uint32_t i = 0; i < vm_count; i++) {
        if (strcmp(vms[i]->config->name, name) != 0)
            continue;
        gdb_session_end();
        gdb_choose_vm(vms[i]);
        (void)add(
            text, 0,
            "now %s; what the debugger knew of registers and threads is old: disconnect, attach again\n",
            name, 0, 0);
        return;
    }
    (void)add(text, 0, "no VM is called %s; monitor vms lists them\n", name, 0, 0);
}

static void monitor(const char *at)
{
    static char text[TEXT_MAX];
    char word[64];
    size_t length = strlen(at) / 2;

    text[0] = '\0';
    if (length >= sizeof(word) || !gdb_take_bytes(&at, word, length) || *at != '\0') {
        gdb_reply(GDB_EINVAL);
        return;
    }
    word[length] = '\0';
    if (strcmp(word, "vms") == 0) {
        list_vms(text);
    } else if (str_starts(word, "vm ")) {
        take_vm(word + 3, text);
    } else if (strcmp(word, "nmi") == 0 && gdb.vm != NULL) {
        arch_vm_nmi(gdb.vm);
        (void)add(text, 0, "NMI for %s; it arrives when the VM runs\n", gdb.vm->config->name, 0, 0);
    } else {
        (void)add(
            text, 0,
            "monitor vms: the VMs; monitor vm NAME: debug that one; monitor nmi: press its NMI button\n%s",
            "", 0, 0);
    }
    gdb_reply_begin(&gdb.link);
    gdb_reply_bytes(&gdb.link, text, strlen(text));
    gdb_reply_end(&gdb.link);
}

/* --- The rest
 * --------------------------------------------------------------------------------------------------- */

static void supported(const char *at)
{
    gdb.tells_breaks = false;
    for (; *at != '\0'; at++)
        gdb.tells_breaks |= str_starts(at, "swbreak+");
    if (gdb.state == GDB_STOPPED)
        guest_debug_clear(gdb.vm, GUEST_DEBUG_BY_GDB); /* an earlier debugger's, gone without a word */
    gdb_reply_begin(&gdb.link);
    gdb_reply_text(&gdb.link, "PacketSize=");
    gdb_reply_number(&gdb.link, GDB_PACKET_MAX);
    gdb_reply_text(&gdb.link, ";qXfer:features:read+;vContSupported+;swbreak+;hwbreak+;QStartNoAckMode+");
    gdb_reply_end(&gdb.link);
}

static void list_threads(void)
{
    gdb_reply_begin(&gdb.link);
    for (uint32_t i = 1; i <= gdb.vm->vcpu_count; i++) {
        gdb_reply_char(&gdb.link, i == 1 ? 'm' : ',');
        gdb_reply_number(&gdb.link, i);
    }
    gdb_reply_end(&gdb.link);
}

static void describe_thread(const char *at)
{
    struct vcpu *vcpu;
    char text[VM_NAME_SIZE + 16];

    if (!gdb_take_thread(&at, &vcpu) || vcpu == NULL || *at != '\0') {
        gdb_reply(GDB_EINVAL);
        return;
    }
    fmt_snprintf(text, sizeof(text), "%s vCPU %u", gdb.vm->config->name, vcpu->id);
    gdb_reply_begin(&gdb.link);
    gdb_reply_bytes(&gdb.link, text, strlen(text));
    gdb_reply_end(&gdb.link);
}

static void current_thread(void)
{
    gdb_reply_begin(&gdb.link);
    gdb_reply_text(&gdb.link, "QC");
    gdb_reply_number(&gdb.link, gdb.general->id + 1);
    gdb_reply_end(&gdb.link);
}

void gdb_query(const char *at)
{
    if (gdb_take_text(&at, "qSupported")) {
        supported(at);
    } else if (gdb_take_text(&at, "qXfer:features:read:target.xml:")) {
        describe(at);
    } else if (gdb_take_text(&at, "QStartNoAckMode")) {
        gdb_reply("OK");
        gdb.link.no_ack = true;
    } else if (gdb_take_text(&at, "qAttached")) {
        gdb_reply("1");
    } else if (gdb_take_text(&at, "qRcmd,")) {
        monitor(at);
    } else if (gdb.state != GDB_STOPPED) {
        gdb_reply("");
    } else if (gdb_take_text(&at, "qfThreadInfo")) {
        list_threads();
    } else if (gdb_take_text(&at, "qsThreadInfo")) {
        gdb_reply("l");
    } else if (gdb_take_text(&at, "qThreadExtraInfo,")) {
        describe_thread(at);
    } else if (strcmp(at, "qC") == 0) {
        current_thread();
    } else {
        gdb_reply("");
    }
}
