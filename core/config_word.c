/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of the boot loader's lines. Pure functions over one line; the only output is the log. */
#include "core/config_word.h"

#include "core/config.h"
#include "core/log.h"
#include "lib/addr.h"
#include "lib/string.h"

#define WORD_PRINTED_SIZE 40

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void config_reader_init(struct config_reader *reader, const char *where, const char *text)
{
    str_copy(reader->where, where, sizeof(reader->where));
    reader->text = text;
    reader->next = text;
    reader->error_count = 0;
}

bool config_next_word(struct config_reader *reader, struct config_word *word)
{
    const char *p = reader->next;

    while (is_blank(*p))
        p++;
    word->text = p;
    while (*p != '\0' && !is_blank(*p))
        p++;
    word->length = (size_t)(p - word->text);
    reader->next = p;
    return word->length != 0;
}

void config_complain(struct config_reader *reader, const struct config_word *word, const char *problem,
                     const char *allowed)
{
    char shown[WORD_PRINTED_SIZE + sizeof("...")];
    size_t length = min_u64(word->length, WORD_PRINTED_SIZE);
    unsigned int column = (unsigned int)(word->text - reader->text) + 1;

    for (size_t i = 0; i < length; i++)
        shown[i] = word->text[i] >= ' ' && word->text[i] <= '~' ? word->text[i] : '?';
    str_copy(shown + length, length < word->length ? "..." : "", sizeof("..."));
    if (allowed != NULL)
        log_error("%s: column %u: %s \"%s\"; allowed: %s", reader->where, column, problem, shown, allowed);
    else
        log_error("%s: column %u: %s \"%s\"", reader->where, column, problem, shown);
    reader->error_count++;
}

void config_apply_option(struct config_reader *reader, const struct config_option_table *table,
                         uint32_t *seen, const struct config_word *word, void *target)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct config_option *option = &table->options[i];
        struct config_word value;

        if (!config_word_behind(word, option->key, &value))
            continue;
        if ((*seen & BIT(i)) != 0)
            config_complain(reader, word, "given twice:", NULL);
        else if (!option->take(target, &value))
            config_complain(reader, word, "bad value in", option->allowed);
        *seen |= (uint32_t)BIT(i);
        return;
    }
    config_complain(reader, word, "unknown word", table->keys);
}

bool config_word_is(const struct config_word *word, const char *text)
{
    return strlen(text) == word->length && memcmp(word->text, text, word->length) == 0;
}

bool config_word_behind(const struct config_word *word, const char *prefix, struct config_word *rest)
{
    size_t length = strlen(prefix);

    if (word->length < length || memcmp(word->text, prefix, length) != 0)
        return false;
    rest->text = word->text + length;
    rest->length = word->length - length;
    return true;
}

/* Digits up to the first other character; its index comes back, 0 for no digit or an overflow. */
static size_t take_digits(const struct config_word *word, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < word->length && is_digit(word->text[i]); i++) {
        uint64_t digit = (uint64_t)(word->text[i] - '0');

        if (value > (UINT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    *out = value;
    return i;
}

bool config_word_number(const struct config_word *word, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value;
    size_t digits = take_digits(word, &value);

    if (digits == 0 || digits != word->length || value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool config_word_size(const struct config_word *word, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value, unit;
    size_t digits = take_digits(word, &value);

    if (digits == 0 || digits + 1 != word->length)
        return false;
    switch (word->text[digits]) {
    case 'k':
    case 'K':
        unit = KIB;
        break;
    case 'm':
    case 'M':
        unit = MIB;
        break;
    case 'g':
    case 'G':
        unit = GIB;
        break;
    default:
        return false;
    }
    if (value > max / unit || value * unit < min)
        return false;
    *out = value * unit;
    return true;
}

bool config_word_choice(const struct config_word *word, const struct config_choice *choices, size_t count,
                        uint32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (config_word_is(word, choices[i].word)) {
            *out = choices[i].value;
            return true;
        }
    }
    return false;
}

bool config_word_on_end(const struct config_word *word, uint32_t *out)
{
    static const struct config_choice ends[] = {
        {"stay", ON_END_STAY},
        {"restart", ON_END_RESTART},
        {"poweroff", ON_END_POWEROFF},
    };

    return config_word_choice(word, ends, ARRAY_COUNT(ends), out);
}

bool config_word_name(const struct config_word *word, char *name)
{
    if (word->length == 0 || word->length >= VM_NAME_SIZE || !is_name_start(word->text[0]))
        return false;
    for (size_t i = 0; i < word->length; i++) {
        char c = word->text[i];

        if (!is_name_start(c) && c != '_' && c != '-' && c != '.')
            return false;
    }
    memcpy(name, word->text, word->length);
    name[word->length] = '\0';
    return true;
}
