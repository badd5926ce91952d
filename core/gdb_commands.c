/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a debugger can ask of a held VM. Each command is read to its end before anything changes: a malformed
 * one is an error reply and nothing else. Unknown ones get the empty reply, as the protocol wants.
 */
#include "core/arch.h"
#include "core/gdb_internal.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

static uint8_t memory[GDB_READ_MAX];

static void reply_error(int error)
{
    switch (error) {
    case 0:
        gdb_reply("OK");
        break;
    case E_NOTSUP:
        gdb_reply("");
        break;
    case E_FAULT:
        gdb_reply(GDB_EFAULT);
        break;
    case E_NOMEM:
        gdb_reply(GDB_ENOMEM);
        break;
    default:
        gdb_reply(GDB_EINVAL);
        break;
    }
}

/* --- Registers
 * ---------------------------------------------------------------------------------------------- */

bool gdb_reg_at(uint32_t number, struct gdb_reg *out)
{
    for (uint32_t i = 0; i < arch_gdb_feature_count; i++) {
        const struct gdb_feature *feature = &arch_gdb_features[i];

        if (number < feature->count) {
            *out = (struct gdb_reg){feature->first + (int32_t)number, arch_regs[feature->first + number].size,
                                    0};
            return true;
        }
        number -= feature->count;
        for (uint32_t k = 0; k < feature->extra_count; k++) {
            const struct gdb_extra *extra = &feature->extras[k];

            if (number < extra->count) {
                *out = (struct gdb_reg){-1, extra->size, (uint8_t)(extra->id + number)};
                return true;
            }
            number -= extra->count;
        }
    }
    return false;
}

static void reply_reg(const struct gdb_reg *reg)
{
    uint8_t value[GDB_REG_MAX];

    if (reg->reg >= 0)
        store_le64(value, arch_vcpu_reg_get(gdb.general, (uint32_t)reg->reg));
    if (reg->reg >= 0 || arch_gdb_extra_get(gdb.general, reg->id, value)) {
        gdb_reply_bytes(&gdb.link, value, reg->size);
        return;
    }
    for (uint32_t i = 0; i < 2u * reg->size; i++)
        gdb_reply_char(&gdb.link, 'x');
}

/* An extra register's: "xx" is passed over. */
static int take_extra(const char **at, const struct gdb_reg *reg, bool set)
{
    uint8_t bytes[GDB_REG_MAX], now[GDB_REG_MAX];

    if (**at == 'x') {
        for (uint32_t i = 0; i < 2u * reg->size; i++, (*at)++)
            if (**at != 'x')
                return E_INVAL;
        return 0;
    }
    if (!gdb_take_bytes(at, bytes, reg->size))
        return E_INVAL;
    if (!set || (arch_gdb_extra_get(gdb.general, reg->id, now) && memcmp(bytes, now, reg->size) == 0))
        return 0;
    return arch_gdb_extra_set(gdb.general, reg->id, bytes);
}

/* A register's value in the packet; `set`: into the vCPU as well. Those that cannot be changed are passed
 * over as long as they are what they were. */
static int take_reg(const char **at, const struct gdb_reg *reg, bool set)
{
    uint8_t bytes[GDB_REG_MAX] = {0};
    uint64_t value;

    if (reg->reg < 0)
        return take_extra(at, reg, set);
    if (!gdb_take_bytes(at, bytes, reg->size))
        return E_INVAL;
    value = load_le64(bytes);
    if (!set || value == arch_vcpu_reg_get(gdb.general, (uint32_t)reg->reg))
        return 0;
    return arch_vcpu_reg_set(gdb.general, (uint32_t)reg->reg, value);
}

static void read_regs(const char *at)
{
    struct gdb_reg reg;

    (void)at;
    gdb_reply_begin(&gdb.link);
    for (uint32_t i = 0; gdb_reg_at(i, &reg); i++)
        reply_reg(&reg);
    gdb_reply_end(&gdb.link);
}

static int take_regs(const char *at, bool set)
{
    struct gdb_reg reg;
    int error = 0;

    for (uint32_t i = 0; error == 0 && *at != '\0' && gdb_reg_at(i, &reg); i++)
        error = take_reg(&at, &reg, set);
    return error == 0 && *at != '\0' ? E_INVAL : error;
}

static void write_regs(const char *at)
{
    int error = take_regs(at, false);

    reply_error(error == 0 ? take_regs(at, true) : error);
}

static void read_reg(const char *at)
{
    struct gdb_reg reg;
    uint64_t number;

    if (!gdb_take_number(&at, &number) || *at != '\0' || number > UINT32_MAX ||
        !gdb_reg_at((uint32_t)number, &reg)) {
        gdb_reply(GDB_EINVAL);
        return;
    }
    gdb_reply_begin(&gdb.link);
    reply_reg(&reg);
    gdb_reply_end(&gdb.link);
}

static void write_reg(const char *at)
{
    struct gdb_reg reg;
    uint64_t number;
    const char *value;

    if (!gdb_take_number(&at, &number) || !gdb_take_text(&at, "=") || number > UINT32_MAX ||
        !gdb_reg_at((uint32_t)number, &reg)) {
        gdb_reply(GDB_EINVAL);
        return;
    }
    value = at;
    if (take_reg(&at, &reg, false) != 0 || *at != '\0')
        gdb_reply(GDB_EINVAL);
    else
        reply_error(take_reg(&value, &reg, true));
}

/* --- Memory
 * --------------------------------------------------------------------------------------------------- */

static bool take_range(const char **at, uint64_t *start, uint64_t *size)
{
    return gdb_take_number(at, start) && gdb_take_text(at, ",") && gdb_take_number(at, size);
}

static void read_memory(const char *at)
{
    uint64_t start, size;
    size_t done;

    if (!take_range(&at, &start, &size) || *at != '\0') {
        gdb_reply(GDB_EINVAL);
        return;
    }
    size = min_u64(size, sizeof(memory));
    done = guest_debug_read(gdb.general, gva(start), memory, size);
    if (done == 0 && size != 0) {
        gdb_reply(GDB_EFAULT);
        return;
    }
    gdb_reply_begin(&gdb.link);
    gdb_reply_bytes(&gdb.link, memory, done);
    gdb_reply_end(&gdb.link);
}

static void write_bytes(uint64_t start, const void *from, size_t size)
{
    reply_error(guest_debug_write(gdb.general, gva(start), from, size) == size ? 0 : E_FAULT);
}

static void write_memory(const char *at)
{
    uint64_t start, size;

    if (!take_range(&at, &start, &size) || !gdb_take_text(&at, ":") || size > sizeof(memory) ||
        !gdb_take_bytes(&at, memory, size) || *at != '\0')
        gdb_reply(GDB_EINVAL);
    else
        write_bytes(start, memory, size);
}

static void write_binary(const char *at)
{
    const char *end = (const char *)gdb.link.packet + gdb.link.length;
    uint64_t start, size;

    if (!take_range(&at, &start, &size) || !gdb_take_text(&at, ":") || size != (uint64_t)(end - at))
        gdb_reply(GDB_EINVAL);
    else
        write_bytes(start, at, size);
}

/* --- Points
 * --------------------------------------------------------------------------------------------------- */

static void change_point(const char *at, bool insert)
{
    uint64_t kind, start, size;

    if (!gdb_take_number(&at, &kind) || !gdb_take_text(&at, ",") || !take_range(&at, &start, &size) ||
        *at != '\0' || size > UINT32_MAX)
        gdb_reply(GDB_EINVAL);
    else if (kind >= GUEST_DEBUG_KINDS)
        gdb_reply("");
    else if (insert)
        reply_error(guest_debug_insert(gdb.general, GUEST_DEBUG_BY_GDB, (enum guest_debug_kind)kind,
                                       gva(start), (uint32_t)size));
    else
        reply_error(guest_debug_remove(gdb.general, GUEST_DEBUG_BY_GDB, (enum guest_debug_kind)kind,
                                       gva(start), (uint32_t)size));
}

static void insert_point(const char *at)
{
    change_point(at, true);
}

static void remove_point(const char *at)
{
    change_point(at, false);
}

/* --- Running
 * ------------------------------------------------------------------------------------------------ */

static uint64_t all_vcpus(void)
{
    return UINT64_MAX >> (64 - gdb.vm->vcpu_count);
}

/* c, s, C, S: [signal;][address]; signals mean nothing to a guest. */
static void run_simply(const char *at, bool step, bool has_signal)
{
    uint64_t run = gdb.to_continue != NULL ? BIT(gdb.to_continue->id) : all_vcpus();
    struct vcpu *vcpu = gdb.to_continue != NULL ? gdb.to_continue : gdb.general;
    uint64_t value;

    if (has_signal && (!gdb_take_number(&at, &value) || (*at != '\0' && !gdb_take_text(&at, ";")))) {
        gdb_reply(GDB_EINVAL);
        return;
    }
    if (*at != '\0') {
        if (!gdb_take_number(&at, &value) || *at != '\0' ||
            arch_vcpu_reg_set(vcpu, arch_reg_pc, value) != 0) {
            gdb_reply(GDB_EINVAL);
            return;
        }
    }
    gdb_run(run, step ? BIT(vcpu->id) : 0);
}

static void go_on(const char *at)
{
    run_simply(at, false, false);
}

static void go_on_with_signal(const char *at)
{
    run_simply(at, false, true);
}

static void step(const char *at)
{
    run_simply(at, true, false);
}

static void step_with_signal(const char *at)
{
    run_simply(at, true, true);
}

/* One action of vCont and the threads it is for; the leftmost counts for each thread. */
static bool take_action(const char **at, uint64_t *done, uint64_t *run, uint64_t *stepping)
{
    uint64_t whom = all_vcpus();
    struct vcpu *vcpu;
    uint64_t signal;
    char what = *(*at)++;

    if (what != 'c' && what != 's' && what != 'C' && what != 'S')
        return false;
    if ((what == 'C' || what == 'S') && !gdb_take_number(at, &signal))
        return false;
    if (gdb_take_text(at, ":")) {
        if (!gdb_take_thread(at, &vcpu))
            return false;
        whom = vcpu != NULL ? BIT(vcpu->id) : whom;
    }
    whom &= ~*done;
    *done |= whom;
    *run |= whom;
    *stepping |= what == 's' || what == 'S' ? whom : 0;
    return **at == '\0' || **at == ';';
}

static void run_as_told(const char *at)
{
    uint64_t done = 0, run = 0, stepping = 0;
    bool good = *at == ';';

    while (good && gdb_take_text(&at, ";"))
        good = take_action(&at, &done, &run, &stepping);
    if (good && *at == '\0' && run != 0)
        gdb_run(run, stepping);
    else
        gdb_reply(GDB_EINVAL);
}

static void detach(const char *at)
{
    (void)at;
    gdb_session_end();
    gdb_reply("OK");
}

/* The debugger is tired of the guest, which is no reason to end a machine: it runs on. No reply. */
static void kill(const char *at)
{
    (void)at;
    gdb_session_end();
}

static void verbose(const char *at)
{
    if (gdb_take_text(&at, "Cont?"))
        gdb_reply("vCont;c;C;s;S");
    else if (gdb_take_text(&at, "Cont"))
        run_as_told(at);
    else if (gdb_take_text(&at, "Kill"))
        detach(at);
    else
        gdb_reply("");
}

/* --- Threads
 * ------------------------------------------------------------------------------------------------ */

static void choose_thread(const char *at)
{
    char what = *at;
    struct vcpu *vcpu;

    if (what == '\0') {
        gdb_reply(GDB_EINVAL);
        return;
    }
    at++;
    if (!gdb_take_thread(&at, &vcpu) || *at != '\0' || (what != 'c' && what != 'g')) {
        gdb_reply(GDB_EINVAL);
        return;
    }
    if (what == 'c')
        gdb.to_continue = vcpu;
    else if (vcpu != NULL)
        gdb.general = vcpu;
    gdb_reply("OK");
}

static void thread_alive(const char *at)
{
    struct vcpu *vcpu;

    gdb_reply(gdb_take_thread(&at, &vcpu) && vcpu != NULL && *at == '\0' ? "OK" : GDB_EINVAL);
}

static void why(const char *at)
{
    (void)at;
    gdb_reply_stop();
}

struct command {
    char letter;
    void (*run)(const char *at);
};

static const struct command commands[] = {
    {'g', read_regs},     {'p', read_reg},
    {'m', read_memory},   {'M', write_memory},
    {'X', write_binary},  {'G', write_regs},
    {'P', write_reg},     {'Z', insert_point},
    {'z', remove_point},  {'c', go_on},
    {'s', step},          {'C', go_on_with_signal},
    {'v', verbose},       {'S', step_with_signal},
    {'H', choose_thread}, {'T', thread_alive},
    {'?', why},           {'D', detach},
    {'k', kill},
};

void gdb_command(void)
{
    const char *text = (const char *)gdb.link.packet;

    if (*text == 'q' || *text == 'Q') {
        gdb_query(text);
        return;
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (commands[i].letter != *text)
            continue;
        if (gdb.state == GDB_STOPPED)
            commands[i].run(text + 1);
        else
            gdb_reply(*text == '?' ? "W00" : GDB_EPERM);
        return;
    }
    gdb_reply("");
}
