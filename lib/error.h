/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error codes of the second kind: host or configuration failures. Functions return 0 or one of these;
 * the message for the user is printed where the context is known. error_name() gives the word.
 */
#pragma once

enum error {
    E_INVAL = -1,     /* malformed input */
    E_RANGE = -2,     /* well formed, but outside what is possible */
    E_NOMEM = -3,     /* no host memory left */
    E_FAULT = -4,     /* guest address without memory behind it */
    E_NOTSUP = -5,    /* this machine cannot do it */
    E_BUSY = -6,      /* taken */
    E_NOENT = -7,     /* no such thing */
    E_TIMEOUT = -8,   /* hardware did not answer */
    E_TRUNCATED = -9, /* input ends too early */
    E_OVERLAP = -10,  /* two ranges share an address */
};

/* A short lower-case English word for a code of `enum error`; "error" for anything else. */
const char *error_name(int code);
