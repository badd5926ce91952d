/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree's reader: the input is patched over a whole tree, pieces of {offset, length, bytes} each,
 * so that most inputs still look like trees; then it is cut to the header's size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"
#include "tests/unit/devicetree_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[TREE_MAX] __attribute__((aligned(8)));
    static uint8_t tree[TREE_MAX] __attribute__((aligned(8)));
    static struct devicetree dt;
    static uint32_t length;

    if (length == 0)
        length = tree_virt(whole);
    memcpy(tree, whole, length);
    while (size >= 3) {
        size_t at = load_le16(data) % length;
        size_t bytes = min_u64(min_u64(data[2] % 16, size - 3), length - at);

        memcpy(tree + at, data + 3, bytes);
        data += 3 + bytes;
        size -= 3 + bytes;
    }
    tree_read(tree, (uint32_t)min_u64(length, fdt_totalsize(tree)), &dt);
    if (dt.cpu_count > MAX_CPUS || dt.raw_count > DEVICETREE_RAW || dt.gicr_count > DEVICETREE_GICR ||
        memchr(dt.text, 0, sizeof(dt.text)) == NULL)
        abort();
    return 0;
}
