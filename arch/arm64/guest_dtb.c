/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. Devicetree Specification, "Devicetree Basics"; Linux's bindings for GICv3, architected
 * timer, PSCI and PL011. libfdt's sequential functions keep the first error in the tree's header, so only the
 * last call need be looked at; `failed` collects all of them anyway.
 */
#include "arch/arm64/guest_dtb.h"

#include <libfdt.h>

#include "arch/arm64/gic/vgic.h"
#include "arch/arm64/gic/vits_msi.h"
#include "arch/arm64/guest_map.h"
#include "arch/arm64/guest_timer.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

#define PHANDLE_GIC   1
#define PHANDLE_CLOCK 2
#define PHANDLE_ITS   3

#define GIC_SPI    0
#define GIC_PPI    1
#define LEVEL_HIGH 4

#define PPI_CNTPS 29 /* secure physical timer: part of the binding, never raised */
#define PPI_CNTHP 26 /* likewise */

#define UART_CLOCK_HZ 24000000

struct tree {
    void *fdt;
    int failed;
};

static void check(struct tree *t, int error)
{
    if (t->failed == 0)
        t->failed = error;
}

static void begin(struct tree *t, const char *name)
{
    check(t, fdt_begin_node(t->fdt, name));
}

static void end(struct tree *t)
{
    check(t, fdt_end_node(t->fdt));
}

static void put_string(struct tree *t, const char *name, const char *value)
{
    check(t, fdt_property(t->fdt, name, value, (int)strlen(value) + 1));
}

static void put_u32(struct tree *t, const char *name, uint32_t value)
{
    check(t, fdt_property_u32(t->fdt, name, value));
}

static void put_u64(struct tree *t, const char *name, uint64_t value)
{
    check(t, fdt_property_u64(t->fdt, name, value));
}

/* Addresses and sizes, two cells each. */
static void put_pairs(struct tree *t, const char *name, const uint64_t *values, uint32_t count)
{
    fdt64_t cells[4];

    for (uint32_t i = 0; i < count; i++)
        cells[i] = cpu_to_fdt64(values[i]);
    check(t, fdt_property(t->fdt, name, cells, (int)(count * sizeof(cells[0]))));
}

static void put_interrupts(struct tree *t, const uint32_t (*list)[3], uint32_t count)
{
    fdt32_t cells[12];

    for (uint32_t i = 0; i < 3 * count; i++)
        cells[i] = cpu_to_fdt32(list[i / 3][i % 3]);
    check(t, fdt_property(t->fdt, "interrupts", cells, (int)(3 * count * sizeof(cells[0]))));
}

/* Several strings, each ended by its 0 (the last one by the literal's own). */
#define PUT_STRINGS(t, name, strings) check(t, fdt_property((t)->fdt, name, strings, (int)sizeof(strings)))

static void put_chosen(struct tree *t, const struct guest_dtb_params *params)
{
    begin(t, "chosen");
    put_string(t, "bootargs", params->cmdline);
    put_string(t, "stdout-path", "/pl011@9000000");
    if (params->initrd_end != params->initrd_start) {
        put_u64(t, "linux,initrd-start", params->initrd_start);
        put_u64(t, "linux,initrd-end", params->initrd_end);
    }
    end(t);
}

static void put_memory(struct tree *t, const struct guest_dtb_params *params)
{
    const uint64_t reg[] = {GUEST_RAM_BASE, params->ram_size};

    begin(t, "memory@40000000");
    put_string(t, "device_type", "memory");
    put_pairs(t, "reg", reg, 2);
    end(t);
}

static void put_cpus(struct tree *t, const struct guest_dtb_params *params)
{
    char name[16];

    begin(t, "cpus");
    put_u32(t, "#address-cells", 1);
    put_u32(t, "#size-cells", 0);
    for (uint32_t i = 0; i < params->cpu_count; i++) {
        uint32_t affinity = (uint32_t)vgic_mpidr(i);

        fmt_snprintf(name, sizeof(name), "cpu@%x", affinity);
        begin(t, name);
        put_string(t, "device_type", "cpu");
        put_string(t, "compatible", "arm,armv8");
        put_u32(t, "reg", affinity);
        put_string(t, "enable-method", "psci");
        end(t);
    }
    end(t);
}

static void put_psci(struct tree *t)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

    begin(t, "psci");
    PUT_STRINGS(t, "compatible", compatible);
    put_string(t, "method", "hvc");
    end(t);
}

static void put_gic(struct tree *t, const struct guest_dtb_params *params)
{
    const uint64_t reg[] = {VGIC_DIST_BASE, VGIC_DIST_SIZE, VGIC_REDIST_BASE,
                            params->cpu_count * VGIC_REDIST_SIZE};
    const uint64_t its_reg[] = {VGIC_ITS_BASE, VGIC_ITS_SIZE};

    begin(t, "intc@8000000");
    put_string(t, "compatible", "arm,gic-v3");
    check(t, fdt_property(t->fdt, "interrupt-controller", NULL, 0));
    put_u32(t, "#interrupt-cells", 3);
    put_u32(t, "#address-cells", 2);
    put_u32(t, "#size-cells", 2);
    check(t, fdt_property(t->fdt, "ranges", NULL, 0));
    put_u32(t, "#redistributor-regions", 1);
    put_pairs(t, "reg", reg, 4);
    put_u32(t, "phandle", PHANDLE_GIC);
    begin(t, "its@8080000");
    put_string(t, "compatible", "arm,gic-v3-its");
    check(t, fdt_property(t->fdt, "msi-controller", NULL, 0));
    put_u32(t, "#msi-cells", 1);
    put_pairs(t, "reg", its_reg, 2);
    put_u32(t, "phandle", PHANDLE_ITS);
    end(t);
    end(t);
}

static void put_timer(struct tree *t)
{
    static const uint32_t list[][3] = {
        {GIC_PPI, PPI_CNTPS - GUEST_DT_PPI_BASE, LEVEL_HIGH},
        {GIC_PPI, GUEST_PPI_CNTP - GUEST_DT_PPI_BASE, LEVEL_HIGH},
        {GIC_PPI, GUEST_PPI_CNTV - GUEST_DT_PPI_BASE, LEVEL_HIGH},
        {GIC_PPI, PPI_CNTHP - GUEST_DT_PPI_BASE, LEVEL_HIGH},
    };

    begin(t, "timer");
    put_string(t, "compatible", "arm,armv8-timer");
    put_interrupts(t, list, 4);
    check(t, fdt_property(t->fdt, "always-on", NULL, 0));
    end(t);
}

static void put_uart(struct tree *t)
{
    static const char compatible[] = "arm,pl011\0arm,primecell";
    static const char clock_names[] = "uartclk\0apb_pclk";
    static const uint32_t list[][3] = {{GIC_SPI, GUEST_UART_INTID - GUEST_DT_SPI_BASE, LEVEL_HIGH}};
    const uint64_t reg[] = {GUEST_UART_BASE, GUEST_UART_SIZE};
    const fdt32_t clocks[] = {cpu_to_fdt32(PHANDLE_CLOCK), cpu_to_fdt32(PHANDLE_CLOCK)};

    begin(t, "apb-pclk");
    put_string(t, "compatible", "fixed-clock");
    put_u32(t, "#clock-cells", 0);
    put_u32(t, "clock-frequency", UART_CLOCK_HZ);
    put_string(t, "clock-output-names", "clk24mhz");
    put_u32(t, "phandle", PHANDLE_CLOCK);
    end(t);
    begin(t, "pl011@9000000");
    PUT_STRINGS(t, "compatible", compatible);
    put_pairs(t, "reg", reg, 2);
    put_interrupts(t, list, 1);
    check(t, fdt_property(t->fdt, "clocks", clocks, (int)sizeof(clocks)));
    PUT_STRINGS(t, "clock-names", clock_names);
    end(t);
}

static void put_msi_test(struct tree *t)
{
    const uint64_t reg[] = {GUEST_MSI_BASE, GUEST_MSI_SIZE};
    const fdt32_t parent[] = {cpu_to_fdt32(PHANDLE_ITS), cpu_to_fdt32(VITS_MSI_DEVICE)};

    begin(t, "msi-test@b000000");
    put_string(t, "compatible", "latch,msi-test");
    put_pairs(t, "reg", reg, 2);
    check(t, fdt_property(t->fdt, "msi-parent", parent, (int)sizeof(parent)));
    end(t);
}

int guest_dtb_write(const struct guest_dtb_params *params, void *buffer, uint32_t *size)
{
    struct tree t = {.fdt = buffer};

    check(&t, fdt_create(buffer, (int)GUEST_DTB_SIZE));
    check(&t, fdt_finish_reservemap(buffer));
    begin(&t, "");
    put_string(&t, "compatible", "linux,dummy-virt");
    put_string(&t, "model", "Latch virtual machine");
    put_u32(&t, "#address-cells", 2);
    put_u32(&t, "#size-cells", 2);
    put_u32(&t, "interrupt-parent", PHANDLE_GIC);
    put_chosen(&t, params);
    put_memory(&t, params);
    put_cpus(&t, params);
    put_psci(&t);
    put_gic(&t, params);
    put_timer(&t);
    put_uart(&t);
    if (params->msi_test)
        put_msi_test(&t);
    end(&t);
    check(&t, fdt_finish(buffer));
    *size = (uint32_t)fdt_totalsize(buffer);
    return t.failed == 0 ? 0 : E_RANGE;
}
