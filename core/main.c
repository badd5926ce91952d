/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a machine that is set up to VMs that run.
 */
#include "core/arch.h"
#include "core/boot_info.h"
#include "core/config.h"
#include "core/console.h"
#include "core/gdb.h"
#include "lib/error.h"
#include "core/log.h"
#include "core/report_keep.h"
#include "core/sched.h"
#include "core/shell.h"
#include "core/trace.h"
#include "core/vm.h"

const struct boot_info *machine_info;

void core_main(const struct boot_info *info)
{
    int options = config_parse_options(&config, info->cmdline);
    int modules = config_parse_modules(&config, info);

    machine_info = info;
    report_keep_init();
    console_set_mode((enum console_mode)config.console_mode);
    if (options != 0)
        log_warn("words of Latch's own command line that were not understood are ignored");
    if (modules == E_NOENT)
        log_error("no modules given: nothing to run; add lines like \"module2 /boot/vmlinuz linux:kernel "
                  "mem=512M\"");
    if (arch_virt_init() != 0) {
        log_error("this machine cannot run guests; see the lines above");
        for (uint32_t i = 0; i < config.vm_count; i++)
            config.vms[i].valid = false;
    } else {
        arch_cpus_start(config.max_cpus);
    }
    if (config.trace && trace_set_ring(true) != 0)
        log_warn("trace=on: not enough memory");
    gdb_init();
    shell_init();
    vm_start_all();
    sched_loop(this_cpu());
}
