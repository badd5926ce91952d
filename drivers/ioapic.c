/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOAPIC behind its two-register window (Intel 82093AA data sheet, "IOAPIC Registers").
 */
#include "drivers/ioapic.h"

#include "lib/error.h"
#include "lib/mmio.h"

#define IOAPIC_SELECT 0x00
#define IOAPIC_WINDOW 0x10

#define IOAPIC_VERSION 1
#define IOAPIC_PIN(n)  (0x10 + 2 * (n)) /* low half; the high half follows */

#define VERSION_LAST_PIN FIELD(23, 16)
#define PIN_DELIVERY     FIELD(10, 8)
#define PIN_ACTIVE_LOW   BIT(13)
#define PIN_LEVEL        BIT(15)
#define PIN_MASKED       BIT(16)
#define PIN_DESTINATION  FIELD(31, 24) /* of the high half */

static uint32_t ioapic_read(const struct ioapic *ioapic, uint32_t reg)
{
    mmio_write32(ioapic->base + IOAPIC_SELECT, reg);
    return mmio_read32(ioapic->base + IOAPIC_WINDOW);
}

static void ioapic_write(const struct ioapic *ioapic, uint32_t reg, uint32_t value)
{
    mmio_write32(ioapic->base + IOAPIC_SELECT, reg);
    mmio_write32(ioapic->base + IOAPIC_WINDOW, value);
}

void ioapic_init(struct ioapic *ioapic, uintptr_t base, uint32_t gsi_base)
{
    *ioapic = (struct ioapic){.base = base, .gsi_base = gsi_base};
    ioapic->pin_count = (uint32_t)field_get(ioapic_read(ioapic, IOAPIC_VERSION), VERSION_LAST_PIN) + 1;
    for (uint32_t i = 0; i < ioapic->pin_count; i++)
        ioapic_write(ioapic, IOAPIC_PIN(i), PIN_MASKED);
}

int ioapic_route(const struct ioapic *ioapic, uint32_t gsi, struct ioapic_route route)
{
    uint32_t pin = gsi - ioapic->gsi_base;
    uint64_t low = route.vector | field_make(route.delivery, PIN_DELIVERY);

    if (gsi < ioapic->gsi_base || pin >= ioapic->pin_count)
        return E_RANGE;
    if (route.active_low)
        low |= PIN_ACTIVE_LOW;
    if (route.level)
        low |= PIN_LEVEL;
    ioapic_write(ioapic, IOAPIC_PIN(pin), PIN_MASKED);
    ioapic_write(ioapic, IOAPIC_PIN(pin) + 1, (uint32_t)field_make(route.apic_id, PIN_DESTINATION));
    ioapic_write(ioapic, IOAPIC_PIN(pin), (uint32_t)low);
    return 0;
}
