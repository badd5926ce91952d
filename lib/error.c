/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the error codes. */
#include "lib/error.h"

const char *error_name(int code)
{
    switch ((enum error)code) {
    case E_INVAL:
        return "invalid";
    case E_RANGE:
        return "out of range";
    case E_NOMEM:
        return "out of memory";
    case E_FAULT:
        return "bad guest address";
    case E_NOTSUP:
        return "not supported";
    case E_BUSY:
        return "busy";
    case E_NOENT:
        return "not found";
    case E_TIMEOUT:
        return "timed out";
    case E_TRUNCATED:
        return "truncated";
    case E_OVERLAP:
        return "overlap";
    }
    return "error";
}
