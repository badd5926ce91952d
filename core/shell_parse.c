/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a line to a command with checked arguments, and completion of what has been typed of one. Everything
 * that can be wrong is said here, before a command begins.
 */
#include "core/shell_internal.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symbols.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts `line` at its blanks. False: too many words. */
static bool split(char *line, const char *words[SHELL_WORDS], uint32_t *count)
{
    *count = 0;
    for (char *at = line; *at != '\0';) {
        while (is_blank(*at))
            *at++ = '\0';
        if (*at == '\0')
            break;
        if (*count == SHELL_WORDS)
            return false;
        words[(*count)++] = at;
        while (*at != '\0' && !is_blank(*at))
            at++;
    }
    return true;
}

/* Number of words of a command's name that these are: 0, 1 or 2. */
static uint32_t name_words(const struct shell_command *command, const char *first, const char *second)
{
    size_t length = strlen(first);

    if (strcmp(command->name, first) == 0)
        return 1;
    if (second != NULL && strncmp(command->name, first, length) == 0 && command->name[length] == ' ' &&
        strcmp(command->name + length + 1, second) == 0)
        return 2;
    return 0;
}

const struct shell_command *shell_find(const char *first, const char *second)
{
    const struct shell_command *found = NULL;

    for (uint32_t i = 0; i < shell_command_count; i++) {
        uint32_t words = name_words(&shell_commands[i], first, second);

        if (words == 2)
            return &shell_commands[i];
        if (words == 1)
            found = &shell_commands[i];
    }
    return found;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

static bool number(const char *text, size_t length, uint64_t *value)
{
    uint64_t base = 10;
    size_t at = 0;

    if (length > 2 && text[0] == '0' && (text[1] | 0x20) == 'x')
        base = 16;
    else if (length > 2 && text[0] == '0' && (text[1] | 0x20) == 'b')
        base = 2;
    *value = 0;
    for (at = base == 10 ? 0 : 2; at < length; at++) {
        uint64_t digit = (uint64_t)digit_of(text[at]);

        if (digit >= base || *value > (UINT64_MAX - digit) / base)
            return false;
        *value = *value * base + digit;
    }
    return length != 0;
}

static bool term(const char *text, size_t length, struct vcpu *vcpu, uint64_t *value)
{
    uintptr_t address;
    int reg;

    if (length == 0)
        return false;
    if (text[0] >= '0' && text[0] <= '9')
        return number(text, length, value);
    reg = inspect_reg_find(text + (text[0] == '$'), length - (text[0] == '$'));
    if (reg >= 0) {
        *value = vcpu == NULL ? 0 : arch_vcpu_reg_get(vcpu, (uint32_t)reg);
        return true;
    }
    if (!symbol_find(text, length, &address))
        return false;
    *value = address;
    return true;
}

bool shell_evaluate(const char *text, struct vcpu *vcpu, uint64_t *value)
{
    bool negative = false;

    *value = 0;
    for (;;) {
        size_t length = 0;
        uint64_t part;

        while (text[length] != '\0' && text[length] != '+' && text[length] != '-')
            length++;
        if (!term(text, length, vcpu, &part))
            return false;
        *value = negative ? *value - part : *value + part;
        if (text[length] == '\0')
            return true;
        negative = text[length] == '-';
        text += length + 1;
    }
}

uint64_t shell_value(const struct shell_job *job, uint32_t index, uint64_t otherwise)
{
    uint64_t value;

    if (index >= job->value_count)
        return otherwise;
    return shell_evaluate(job->values[index], job->is_host ? NULL : job->vcpu, &value) ? value : otherwise;
}

struct vm *shell_vm(const char *name, size_t length)
{
    uint64_t id;

    for (uint32_t i = 0; i < vm_count; i++)
        if (strlen(vms[i]->config->name) == length && strncmp(vms[i]->config->name, name, length) == 0)
            return vms[i];
    if (number(name, length, &id) && id < vm_count)
        return vms[id];
    return NULL;
}

/* "NAME" or "NAME.NUMBER"; a VM's name may have dots too. */
static bool take_vcpu(struct shell_job *job, const char *word)
{
    size_t length = strlen(word);
    size_t dot = length;
    uint64_t id = 0;

    job->vm = shell_vm(word, length);
    if (job->vm == NULL) {
        while (dot != 0 && word[dot - 1] != '.')
            dot--;
        if (dot == 0 || !number(word + dot, length - dot, &id))
            return false;
        job->vm = shell_vm(word, dot - 1);
        job->vcpu_named = true;
    }
    if (job->vm == NULL || id >= job->vm->vcpu_count)
        return false;
    job->vcpu = job->vm->vcpus[id];
    return true;
}

static bool take_choice(struct shell_job *job, const char *word)
{
    const char *at = job->command->usage;
    size_t length = strlen(word);

    at += *at == '[';
    for (job->choice = 0;; job->choice++) {
        const char *end = at;

        while (*end != '\0' && *end != '|' && *end != ']')
            end++;
        if ((size_t)(end - at) == length && strncmp(at, word, length) == 0)
            return true;
        if (*end != '|')
            return false;
        at = end + 1;
    }
}

static bool take_address(struct shell_job *job, const char *word)
{
    static const char names[][5] = {[SHELL_GVA] = "gva:", [SHELL_GPA] = "gpa:", [SHELL_HPA] = "hpa:"};
    uint64_t ignored;

    job->space = job->is_host ? SHELL_HPA : SHELL_GVA;
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (!str_starts(word, names[i]))
            continue;
        if (job->is_host != (i == SHELL_HPA))
            return false;
        job->space = (enum shell_space)i;
        word += strlen(names[i]);
    }
    job->values[job->value_count++] = word;
    return shell_evaluate(word, NULL, &ignored);
}

static bool take(struct shell_job *job, char kind, const char *word)
{
    uint64_t ignored;

    switch (kind) {
    case 'v':
        job->vm = shell_vm(word, strlen(word));
        return job->vm != NULL;
    case 'h':
        job->is_host = strcmp(word, "host") == 0;
        return job->is_host || take_vcpu(job, word);
    case 'c':
        return take_vcpu(job, word);
    case 'e':
        job->values[job->value_count++] = word;
        return shell_evaluate(word, NULL, &ignored);
    case 'a':
        return take_address(job, word);
    case 'w':
        return take_choice(job, word);
    case 's':
        job->text = word;
        return true;
    default:
        return false;
    }
}

/* The words behind the name against the command's list. NULL, or the one that is wrong; "" if one is missing.
 */
static const char *take_all(struct shell_job *job)
{
    const char *kind = job->command->arguments;
    bool optional = false;
    uint32_t i = 0;

    for (; *kind != '\0'; kind++) {
        if (*kind == '?') {
            optional = true;
            continue;
        }
        if (i == job->count)
            return optional ? NULL : "";
        if (!take(job, *kind, job->words[i]))
            return job->words[i];
        i++;
    }
    return i == job->count ? NULL : job->words[i];
}

const char *shell_parse(struct shell_job *job, const char *line, char *complaint, size_t size)
{
    const char *wrong;
    uint32_t used;

    memset(job, 0, sizeof(*job));
    (void)str_copy(job->buffer, line, sizeof(job->buffer));
    if (!split(job->buffer, job->words, &job->count))
        return "too many words";
    if (job->count == 0)
        return NULL;
    job->command = shell_find(job->words[0], job->count > 1 ? job->words[1] : NULL);
    if (job->command == NULL) {
        fmt_snprintf(complaint, size, "no command \"%s\": try help", job->words[0]);
        return complaint;
    }
    used = name_words(job->command, job->words[0], job->count > 1 ? job->words[1] : NULL);
    job->count -= used;
    memmove(job->words, job->words + used, job->count * sizeof(job->words[0]));
    wrong = take_all(job);
    if (wrong == NULL)
        return NULL;
    fmt_snprintf(complaint, size, "%s%s%susage: %s %s", wrong[0] != '\0' ? "\"" : "", wrong,
                 wrong[0] != '\0' ? "\" is wrong; " : "", job->command->name, job->command->usage);
    job->command = NULL;
    return complaint;
}

/* --- Completion -------------------------------------------------------------------------------------------
 */

/* Takes `*index` down by one for each candidate that begins with what is typed; true when it was this one. */
static bool is_candidate(const char *candidate, const char *typed, uint32_t length, uint32_t *index)
{
    return candidate[0] != '\0' && strncmp(candidate, typed, length) == 0 && (*index)-- == 0;
}

const char *shell_complete(const char *line, uint32_t index, uint32_t *typed)
{
    uint32_t length = (uint32_t)strlen(line);
    uint32_t at = length;

    while (at != 0 && !is_blank(line[at - 1]))
        at--;
    if (line[at] == '$')
        at++;
    line += at;
    length -= at;
    *typed = length;
    /* A name of two words goes on from its first. */
    for (uint32_t i = 0; i < shell_command_count; i++)
        if (at == 0 ? is_candidate(shell_commands[i].name, line, length, &index)
                    : strncmp(shell_commands[i].name, line - at, at) == 0 &&
                          is_candidate(shell_commands[i].name + at, line, length, &index))
            return shell_commands[i].name + at;
    if (at == 0)
        return NULL;
    for (uint32_t i = 0; i < vm_count; i++)
        if (is_candidate(vms[i]->config->name, line, length, &index))
            return vms[i]->config->name;
    for (uint32_t i = 0; i < arch_reg_count; i++)
        if (is_candidate(arch_regs[i].name, line, length, &index))
            return arch_regs[i].name;
    if (strncmp(line - at, "help ", 5) == 0)
        for (uint32_t i = 0; i < shell_command_count; i++)
            if (is_candidate(shell_commands[i].name, line, length, &index))
                return shell_commands[i].name;
    return NULL;
}
