/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes, any mode: the decoder reads only what it is given, and its answer does not depend on bytes
 * beyond the instruction. Input: one byte of mode, then code.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86/decode.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum insn_mode mode = (enum insn_mode)(1 + data[0] % 3);
    uint32_t count = (uint32_t)(size - 1 < 20 ? size - 1 : 20);
    uint8_t *code = malloc(count + 1); /* exact, so that the sanitizer sees one byte too far */
    memcpy(code, data + 1, count);

    struct insn insn;
    struct insn again;
    enum decode_status status = decode_insn(code, count, mode, &insn);
    require(status <= DECODE_INVALID);
    require(status != DECODE_MORE || count < INSN_LENGTH_MAX);
    if (status == DECODE_OK) {
        require(insn.length >= 1 && insn.length <= count && insn.length <= INSN_LENGTH_MAX);
        require(insn.op < INSN_OP_COUNT && insn.seg < X86_SREGS);
        require(insn.addr_size == 2 || insn.addr_size == 4 || insn.addr_size == 8);
        require(decode_insn(code, insn.length, mode, &again) == DECODE_OK);
        require(memcmp(&insn, &again, sizeof(insn)) == 0);
        for (uint32_t cut = 0; cut < insn.length; cut++)
            require(decode_insn(code, cut, mode, &again) == DECODE_MORE);
    }
    free(code);
    return 0;
}
