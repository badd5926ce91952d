/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of input with editing and history, for a terminal that knows the common escape sequences. Takes a
 * byte at a time and puts what the terminal is to show into a ring; knows nothing of commands. Bounded: a
 * full line or ring drops input or output, never more.
 *
 * Keys: arrows, Home, End, Delete, Backspace; Ctrl-A E B F P N start, end, left, right, history; Ctrl-K U W
 * delete to the end, to the start, a word; Ctrl-L clears the screen; Tab completes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/byte_ring.h"

#define LINE_SIZE    200 /* with its end */
#define LINE_HISTORY 16
#define LINE_WINDOW  70 /* columns shown of a longer line */

enum line_event {
    LINE_NOTHING,
    LINE_DONE,      /* the line is complete in `text` */
    LINE_COMPLETE,  /* Tab */
    LINE_INTERRUPT, /* Ctrl-C: the line is empty again */
    LINE_END,       /* Ctrl-D on an empty line */
};

struct line_edit {
    const char *prompt;
    struct byte_ring *out;
    uint32_t length;
    uint32_t cursor;
    uint32_t window;        /* first column shown */
    uint32_t escape;        /* enum escape_state of line_edit.c */
    uint32_t number;        /* of an escape sequence */
    uint32_t history_count; /* lines ever kept */
    uint32_t history_at;    /* how far back, 0: the new line */
    bool after_cr;          /* CR was seen: an LF right behind it is the same key */
    char text[LINE_SIZE];   /* terminated */
    char saved[LINE_SIZE];  /* the new line while history is shown */
    char history[LINE_HISTORY][LINE_SIZE];
};

void line_edit_init(struct line_edit *edit, const char *prompt, struct byte_ring *out);

/* A new empty line with the prompt shown. */
void line_edit_begin(struct line_edit *edit);

/* Shows prompt and line again, on a line of the terminal that is to be replaced. */
void line_edit_redraw(struct line_edit *edit);

enum line_event line_edit_byte(struct line_edit *edit, uint8_t byte);

/* Inserts at the cursor, as if typed; what does not fit or cannot be shown is dropped. */
void line_edit_insert(struct line_edit *edit, const char *text, uint32_t length);
