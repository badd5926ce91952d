/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Helper of decode_vs_objdump.py: reads "MODE HEX..." lines, prints "STATUS LENGTH" for each. Bytes past
 * those given are filled up to 15 with NOP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86/decode.h"

int main(void)
{
    char line[256];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        uint8_t bytes[15];
        memset(bytes, 0x90, sizeof(bytes));
        char *at = line;
        unsigned long mode = strtoul(at, &at, 10);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            char *end;
            unsigned long value = strtoul(at, &end, 16);
            if (end == at)
                break;
            bytes[i] = (uint8_t)value;
            at = end;
        }
        struct insn insn;
        enum decode_status status = decode_insn(bytes, sizeof(bytes), (enum insn_mode)mode, &insn);
        printf("%d %u\n", (int)status, insn.length);
    }
    return 0;
}
