/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 8259 pair: initialisation words 1 to 4, then all inputs masked.
 */
#include "drivers/i8259.h"

#include "lib/pio.h"

#define PIC_MASTER  0x20
#define PIC_SLAVE   0xa0
#define PIC_DATA    1    /* offset of the second port */
#define ICW1_INIT   0x11 /* edge, cascade, ICW4 follows */
#define ICW3_MASTER 0x04 /* the slave hangs at input 2 */
#define ICW3_SLAVE  0x02
#define ICW4_8086   0x01
#define MASK_ALL    0xff

static void disable_one(uint16_t port, uint8_t base, uint8_t icw3)
{
    pio_write8(port, ICW1_INIT);
    pio_write8(port + PIC_DATA, base);
    pio_write8(port + PIC_DATA, icw3);
    pio_write8(port + PIC_DATA, ICW4_8086);
    pio_write8(port + PIC_DATA, MASK_ALL);
}

void i8259_disable(uint8_t base)
{
    disable_one(PIC_MASTER, base, ICW3_MASTER);
    disable_one(PIC_SLAVE, (uint8_t)(base + 8), ICW3_SLAVE);
}
