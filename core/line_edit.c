/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. The line is redrawn whole at every change but typing at its end. */
#include "core/line_edit.h"

#include "lib/bits.h"
#include "lib/printf.h"
#include "lib/string.h"

enum escape_state {
    ESCAPE_NONE,
    ESCAPE_SEEN,    /* ESC */
    ESCAPE_BRACKET, /* ESC [ or ESC O */
};

#define KEY_CTRL(letter) ((letter)&0x1f)
#define KEY_ESCAPE       0x1b
#define KEY_BACKSPACE    0x08
#define KEY_DELETE       0x7f
#define KEY_BELL         0x07
#define NUMBER_MOST      100

static void put(struct line_edit *edit, const char *text)
{
    for (; *text != '\0' && byte_ring_room(edit->out) != 0; text++)
        byte_ring_push(edit->out, (uint8_t)*text);
}

static void set_line(struct line_edit *edit, const char *text)
{
    edit->length = (uint32_t)min_u64(strlen(text), LINE_SIZE - 1);
    memcpy(edit->text, text, edit->length);
    edit->text[edit->length] = '\0';
    edit->cursor = edit->length;
}

void line_edit_init(struct line_edit *edit, const char *prompt, struct byte_ring *out)
{
    memset(edit, 0, sizeof(*edit));
    edit->prompt = prompt;
    edit->out = out;
}

void line_edit_begin(struct line_edit *edit)
{
    set_line(edit, "");
    edit->history_at = 0;
    line_edit_redraw(edit);
}

void line_edit_redraw(struct line_edit *edit)
{
    char text[LINE_WINDOW + 40];
    uint32_t shown;

    if (edit->cursor < edit->window || edit->cursor >= edit->window + LINE_WINDOW ||
        edit->length < LINE_WINDOW)
        edit->window = edit->cursor < LINE_WINDOW ? 0 : edit->cursor - LINE_WINDOW / 2;
    shown = (uint32_t)min_u64(edit->length - edit->window, LINE_WINDOW);
    fmt_snprintf(text, sizeof(text), "\r\x1b[K%s%.*s", edit->prompt, (int)shown, edit->text + edit->window);
    put(edit, text);
    if (edit->window + shown > edit->cursor) {
        fmt_snprintf(text, sizeof(text), "\x1b[%uD", edit->window + shown - edit->cursor);
        put(edit, text);
    }
}

void line_edit_insert(struct line_edit *edit, const char *text, uint32_t length)
{
    for (uint32_t i = 0; i < length && edit->length < LINE_SIZE - 1; i++) {
        if (text[i] < ' ' || text[i] > '~')
            continue;
        memmove(edit->text + edit->cursor + 1, edit->text + edit->cursor, edit->length - edit->cursor + 1);
        edit->text[edit->cursor++] = text[i];
        edit->length++;
    }
    line_edit_redraw(edit);
}

static void type(struct line_edit *edit, uint8_t byte)
{
    char text[2] = {(char)byte, '\0'};

    if (edit->length >= LINE_SIZE - 1) {
        text[0] = KEY_BELL;
        put(edit, text);
    } else if (edit->cursor == edit->length && edit->length + 1 < LINE_WINDOW) {
        edit->text[edit->length++] = (char)byte;
        edit->text[edit->length] = '\0';
        edit->cursor++;
        put(edit, text);
    } else {
        line_edit_insert(edit, text, 1);
    }
}

/* Takes [from, to) out of the line. */
static void cut(struct line_edit *edit, uint32_t from, uint32_t to)
{
    memmove(edit->text + from, edit->text + to, edit->length - to + 1);
    edit->length -= to - from;
    edit->cursor = from;
    line_edit_redraw(edit);
}

static void move(struct line_edit *edit, uint32_t to)
{
    edit->cursor = to;
    line_edit_redraw(edit);
}

static void left(struct line_edit *edit)
{
    move(edit, edit->cursor != 0 ? edit->cursor - 1 : 0);
}

static void right(struct line_edit *edit)
{
    move(edit, edit->cursor < edit->length ? edit->cursor + 1 : edit->length);
}

static void delete_here(struct line_edit *edit)
{
    if (edit->cursor < edit->length)
        cut(edit, edit->cursor, edit->cursor + 1);
}

static void cut_word(struct line_edit *edit)
{
    uint32_t from = edit->cursor;

    while (from != 0 && edit->text[from - 1] == ' ')
        from--;
    while (from != 0 && edit->text[from - 1] != ' ')
        from--;
    cut(edit, from, edit->cursor);
}

static void older(struct line_edit *edit)
{
    if (edit->history_at >= min_u64(edit->history_count, LINE_HISTORY))
        return;
    if (edit->history_at == 0)
        memcpy(edit->saved, edit->text, LINE_SIZE);
    edit->history_at++;
    set_line(edit, edit->history[(edit->history_count - edit->history_at) % LINE_HISTORY]);
    line_edit_redraw(edit);
}

static void newer(struct line_edit *edit)
{
    if (edit->history_at == 0)
        return;
    edit->history_at--;
    set_line(edit, edit->history_at == 0
                       ? edit->saved
                       : edit->history[(edit->history_count - edit->history_at) % LINE_HISTORY]);
    line_edit_redraw(edit);
}

static void keep(struct line_edit *edit)
{
    if (edit->length == 0)
        return;
    if (edit->history_count != 0 &&
        strcmp(edit->history[(edit->history_count - 1) % LINE_HISTORY], edit->text) == 0)
        return;
    memcpy(edit->history[edit->history_count % LINE_HISTORY], edit->text, LINE_SIZE);
    edit->history_count++;
}

/* The end of ESC [ ... */
static void sequence(struct line_edit *edit, uint8_t byte)
{
    switch (byte) {
    case 'A':
        older(edit);
        break;
    case 'B':
        newer(edit);
        break;
    case 'C':
        right(edit);
        break;
    case 'D':
        left(edit);
        break;
    case 'H':
        move(edit, 0);
        break;
    case 'F':
        move(edit, edit->length);
        break;
    case '~':
        if (edit->number == 1 || edit->number == 7)
            move(edit, 0);
        else if (edit->number == 4 || edit->number == 8)
            move(edit, edit->length);
        else if (edit->number == 3)
            delete_here(edit);
        break;
    default:
        break;
    }
}

static void escape_byte(struct line_edit *edit, uint8_t byte)
{
    if (edit->escape == ESCAPE_SEEN) {
        edit->escape = byte == '[' || byte == 'O' ? ESCAPE_BRACKET : ESCAPE_NONE;
        edit->number = 0;
        return;
    }
    if (byte >= '0' && byte <= '9') {
        edit->number = edit->number < NUMBER_MOST ? edit->number * 10 + byte - '0' : NUMBER_MOST;
        return;
    }
    if (byte == ';')
        return;
    edit->escape = ESCAPE_NONE;
    sequence(edit, byte);
}

static enum line_event control(struct line_edit *edit, uint8_t byte)
{
    switch (byte) {
    case KEY_CTRL('A'):
        move(edit, 0);
        break;
    case KEY_CTRL('E'):
        move(edit, edit->length);
        break;
    case KEY_CTRL('B'):
        left(edit);
        break;
    case KEY_CTRL('F'):
        right(edit);
        break;
    case KEY_CTRL('P'):
        older(edit);
        break;
    case KEY_CTRL('N'):
        newer(edit);
        break;
    case KEY_CTRL('K'):
        cut(edit, edit->cursor, edit->length);
        edit->cursor = edit->length;
        break;
    case KEY_CTRL('U'):
        cut(edit, 0, edit->cursor);
        break;
    case KEY_CTRL('W'):
        cut_word(edit);
        break;
    case KEY_CTRL('L'):
        put(edit, "\x1b[H\x1b[2J");
        line_edit_redraw(edit);
        break;
    case KEY_CTRL('I'):
        return LINE_COMPLETE;
    case KEY_CTRL('C'):
        put(edit, "^C\r\n");
        set_line(edit, "");
        return LINE_INTERRUPT;
    case KEY_CTRL('D'):
        if (edit->length == 0)
            return LINE_END;
        delete_here(edit);
        break;
    case KEY_BACKSPACE:
    case KEY_DELETE:
        if (edit->cursor != 0)
            cut(edit, edit->cursor - 1, edit->cursor);
        break;
    case KEY_ESCAPE:
        edit->escape = ESCAPE_SEEN;
        break;
    default:
        break;
    }
    return LINE_NOTHING;
}

enum line_event line_edit_byte(struct line_edit *edit, uint8_t byte)
{
    bool after_cr = edit->after_cr;

    edit->after_cr = byte == '\r';
    if (edit->escape != ESCAPE_NONE) {
        escape_byte(edit, byte);
        return LINE_NOTHING;
    }
    if (byte == '\n' && after_cr)
        return LINE_NOTHING;
    if (byte == '\r' || byte == '\n') {
        put(edit, "\r\n");
        keep(edit);
        return LINE_DONE;
    }
    if (byte < ' ' || byte == KEY_DELETE)
        return control(edit, byte);
    if (byte <= '~')
        type(edit, byte);
    return LINE_NOTHING;
}
