/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatting into a bounded buffer. No floating point, no allocation, no state. */
#include "lib/printf.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct sink {
    char *buffer;
    size_t size;
    size_t length;
};

struct spec {
    bool left, zero, plus, space, alt;
    int width;
    int precision; /* -1: none given */
    int length;    /* bytes of the argument: 1, 2, 4, 8 */
};

static void sink_put(struct sink *sink, char c)
{
    if (sink->length + 1 < sink->size)
        sink->buffer[sink->length] = c;
    sink->length++;
}

static void sink_fill(struct sink *sink, char c, int count)
{
    for (; count > 0; count--)
        sink_put(sink, c);
}

static void put_text(struct sink *sink, const struct spec *spec, const char *text)
{
    size_t limit = spec->precision >= 0 ? (size_t)spec->precision : SIZE_MAX;
    size_t length = 0;
    int pad;

    if (text == NULL)
        text = "(null)";
    while (length < limit && text[length] != '\0')
        length++;
    pad = spec->width - (int)length;
    if (!spec->left)
        sink_fill(sink, ' ', pad);
    for (size_t i = 0; i < length; i++)
        sink_put(sink, text[i]);
    if (spec->left)
        sink_fill(sink, ' ', pad);
}

static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned int base,
                       const char *digits, const char *prefix)
{
    char reversed[24];
    int count = 0;
    int zeros, pad;

    for (; value != 0; value /= base)
        reversed[count++] = digits[value % base];
    if (count == 0 && spec->precision != 0)
        reversed[count++] = '0';
    zeros = spec->precision > count ? spec->precision - count : 0;
    pad = spec->width - count - zeros - (int)strlen(prefix);
    if (spec->zero && !spec->left && spec->precision < 0 && pad > 0) {
        zeros = pad;
        pad = 0;
    }
    if (!spec->left)
        sink_fill(sink, ' ', pad);
    for (; *prefix != '\0'; prefix++)
        sink_put(sink, *prefix);
    sink_fill(sink, '0', zeros);
    while (count > 0)
        sink_put(sink, reversed[--count]);
    if (spec->left)
        sink_fill(sink, ' ', pad);
}

static const char *parse_number(const char *p, int *number)
{
    *number = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if (*number < 10000)
            *number = *number * 10 + (*p - '0');
    return p;
}

static const char *parse_flags(const char *p, struct spec *spec)
{
    for (;; p++) {
        if (*p == '-')
            spec->left = true;
        else if (*p == '0')
            spec->zero = true;
        else if (*p == '+')
            spec->plus = true;
        else if (*p == ' ')
            spec->space = true;
        else if (*p == '#')
            spec->alt = true;
        else
            return p;
    }
}

static const char *parse_length(const char *p, struct spec *spec)
{
    spec->length = 4;
    if (*p == 'h') {
        spec->length = p[1] == 'h' ? 1 : 2;
        return p + (p[1] == 'h' ? 2 : 1);
    }
    if (*p == 'l') {
        spec->length = 8;
        return p + (p[1] == 'l' ? 2 : 1);
    }
    if (*p == 'z' || *p == 't' || *p == 'j') {
        spec->length = 8;
        return p + 1;
    }
    return p;
}

/* Called where the type of the next argument is known from spec->length. */
#define TAKE_UNSIGNED(spec, args)                                          \
    ((spec).length == 8   ? va_arg(args, uint64_t)                         \
     : (spec).length == 2 ? (uint64_t)(uint16_t)va_arg(args, unsigned int) \
     : (spec).length == 1 ? (uint64_t)(uint8_t)va_arg(args, unsigned int)  \
                          : (uint64_t)va_arg(args, unsigned int))
#define TAKE_SIGNED(spec, args)                                 \
    ((spec).length == 8   ? va_arg(args, int64_t)               \
     : (spec).length == 2 ? (int64_t)(int16_t)va_arg(args, int) \
     : (spec).length == 1 ? (int64_t)(int8_t)va_arg(args, int)  \
                          : (int64_t)va_arg(args, int))

int fmt_vsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    static const char lower[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";
    struct sink sink = {buffer, size, 0};

    for (const char *p = format; *p != '\0'; p++) {
        struct spec spec = {.precision = -1};
        char one[2] = {0, 0};
        int64_t number;

        if (*p != '%') {
            sink_put(&sink, *p);
            continue;
        }
        p = parse_flags(p + 1, &spec);
        if (*p == '*') {
            spec.width = va_arg(args, int);
            p++;
        } else {
            p = parse_number(p, &spec.width);
        }
        if (*p == '.') {
            if (p[1] == '*') {
                spec.precision = va_arg(args, int);
                p += 2;
            } else {
                p = parse_number(p + 1, &spec.precision);
            }
        }
        p = parse_length(p, &spec);
        switch (*p) {
        case 'd':
        case 'i':
            number = TAKE_SIGNED(spec, args);
            put_number(&sink, &spec, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10, lower,
                       number < 0   ? "-"
                       : spec.plus  ? "+"
                       : spec.space ? " "
                                    : "");
            break;
        case 'u':
            put_number(&sink, &spec, TAKE_UNSIGNED(spec, args), 10, lower, "");
            break;
        case 'x':
            put_number(&sink, &spec, TAKE_UNSIGNED(spec, args), 16, lower, spec.alt ? "0x" : "");
            break;
        case 'X':
            put_number(&sink, &spec, TAKE_UNSIGNED(spec, args), 16, upper, spec.alt ? "0X" : "");
            break;
        case 'p':
            put_number(&sink, &spec, (uintptr_t)va_arg(args, void *), 16, lower, "0x");
            break;
        case 'c':
            one[0] = (char)va_arg(args, int);
            spec.precision = 1;
            put_text(&sink, &spec, one);
            break;
        case 's':
            put_text(&sink, &spec, va_arg(args, const char *));
            break;
        case '\0':
            p--;
            break;
        default:
            sink_put(&sink, *p);
            break;
        }
    }
    if (size > 0)
        buffer[sink.length < size ? sink.length : size - 1] = '\0';
    return (int)sink.length;
}

int fmt_snprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = fmt_vsnprintf(buffer, size, format, args);
    va_end(args);
    return length;
}
