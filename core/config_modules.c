/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMs, described by the words behind the boot loader's modules. A VM comes into being with the first
 * module that names it and is started only if nothing about it was reported.
 */
#include "core/config.h"

#include "core/config_word.h"
#include "core/log.h"
#include "core/vm.h"
#include "lib/addr.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

#define DEFAULT_MEM (256 * MIB)
#define MIN_MEM     (1 * MIB)
#define MAX_MEM     (1024 * GIB)

#define ROLES_ALLOWED "NAME:kernel, NAME:initrd; NAME: 1..15 letters, digits, _ - ."

_Static_assert(VM_NAME_SIZE == 16, "the texts about names give their length");
_Static_assert(CONFIG_MAX_VMS <= MAX_VMS, "every VM of the list can exist");

static bool take_cpus(void *target, const struct config_word *value)
{
    struct vm_config *vm = target;
    uint64_t count;

    if (!config_word_number(value, 1, MAX_VCPUS_PER_VM, &count))
        return false;
    vm->cpus = (uint32_t)count;
    return true;
}

static bool take_mem(void *target, const struct config_word *value)
{
    struct vm_config *vm = target;
    uint64_t size;

    if (!config_word_size(value, MIN_MEM, MAX_MEM, &size) || !is_aligned(size, PAGE_SIZE))
        return false;
    vm->mem = size;
    return true;
}

static bool take_on_end(void *target, const struct config_word *value)
{
    struct vm_config *vm = target;
    uint32_t end;

    if (!config_word_on_end(value, &end))
        return false;
    vm->on_end = (enum on_end)end;
    return true;
}

static bool take_share(void *target, const struct config_word *value)
{
    struct vm_config *vm = target;
    uint64_t share;

    if (!config_word_number(value, 1, SHARE_MAX, &share))
        return false;
    vm->share = (uint32_t)share;
    return true;
}

static bool take_cap(void *target, const struct config_word *value)
{
    struct vm_config *vm = target;
    uint64_t percent;

    if (!config_word_number(value, 1, 100, &percent))
        return false;
    vm->cap = (uint32_t)percent;
    return true;
}

static bool take_prio(void *target, const struct config_word *value)
{
    static const struct config_choice prios[] = {
        {"low", VCPU_PRIO_LOW}, {"normal", VCPU_PRIO_NORMAL}, {"high", VCPU_PRIO_HIGH}};
    struct vm_config *vm = target;
    uint32_t prio;

    if (!config_word_choice(value, prios, ARRAY_COUNT(prios), &prio))
        return false;
    vm->prio = (uint8_t)prio;
    return true;
}

static bool take_msi_test(void *target, const struct config_word *value)
{
    struct vm_config *vm = target;

    if (!config_word_is(value, "on") && !config_word_is(value, "off"))
        return false;
    vm->msi_test = config_word_is(value, "on");
    return true;
}

static bool take_pin(void *target, const struct config_word *value)
{
    struct vm_config *vm = target;

    if (config_word_cpu_sets(value) == 0)
        return false;
    vm->pin = value->text;
    vm->pin_length = value->length;
    return true;
}

void config_pin_set(const struct vm_config *vm, uint32_t vcpu, struct cpu_set *set)
{
    struct config_word word = {vm->pin, vm->pin_length};

    *set = (struct cpu_set){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    if (vm->pin != NULL && !config_word_cpu_set(&word, config_word_cpu_sets(&word) == 1 ? 0 : vcpu, set))
        *set = (struct cpu_set){{0}}; /* a VM that was reported: it is not started */
}

static const struct config_option vm_options[] = {
    {"cpus=", "cpus=1..64", take_cpus},
    {"mem=", "mem=SIZE with K, M or G behind it, pages of 4K, 1M to 1024G", take_mem},
    {"on-end=", "on-end=stay|restart|poweroff", take_on_end},
    {"pin=", "pin=SET for all vCPUs or SET/SET/... for each; SET: CPUs and ranges, as 0,2-3", take_pin},
    {"share=", "share=1..1000", take_share},
    {"cap=", "cap=1..100", take_cap},
    {"prio=", "prio=low|normal|high", take_prio},
    {"msi-test=", "msi-test=on|off", take_msi_test},
};

_Static_assert(MAX_VCPUS_PER_VM == 64, "the text of cpus= names the limit");

static const struct config_option_table vm_option_table = {
    .options = vm_options,
    .count = ARRAY_COUNT(vm_options),
    .keys = "cpus= mem= on-end= pin= share= cap= prio= msi-test= and -- before the guest's command line",
};

static struct vm_config *find_vm(struct config *to, const char *name)
{
    for (uint32_t i = 0; i < to->vm_count; i++)
        if (strcmp(to->vms[i].name, name) == 0)
            return &to->vms[i];
    return NULL;
}

/* NULL if the list is full. */
static struct vm_config *find_or_add_vm(struct config *to, const char *name)
{
    struct vm_config *vm = find_vm(to, name);

    if (vm != NULL || to->vm_count == CONFIG_MAX_VMS)
        return vm;
    vm = &to->vms[to->vm_count++];
    memset(vm, 0, sizeof(*vm));
    str_copy(vm->name, name, sizeof(vm->name));
    vm->valid = true;
    vm->cpus = 1;
    vm->mem = DEFAULT_MEM;
    vm->on_end = ON_END_DEFAULT;
    vm->prio = VCPU_PRIO_NORMAL;
    vm->share = SHARE_NORMAL;
    vm->cap = 100;
    vm->guest_cmdline = "";
    return vm;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

/* `word` is "NAME:kernel". */
static void parse_kernel(struct config_reader *reader, const struct config_word *word, struct vm_config *vm,
                         const struct boot_module *module)
{
    struct config_word option;
    uint32_t seen = 0;

    if (vm->kernel.cmdline != NULL) {
        config_complain(reader, word, "second kernel of this VM:", "one NAME:kernel for each VM");
        return;
    }
    vm->kernel = *module;
    while (config_next_word(reader, &option)) {
        if (config_word_is(&option, "--")) {
            vm->guest_cmdline = skip_blanks(reader->next);
            break;
        }
        config_apply_option(reader, &vm_option_table, &seen, &option, vm);
    }
    if (vm->pin != NULL) {
        struct config_word pin = {vm->pin, vm->pin_length};
        uint32_t sets = config_word_cpu_sets(&pin);

        if (sets != 1 && sets != vm->cpus)
            config_complain(reader, &pin, "not as many sets as CPUs in", "one set, or one for each vCPU");
    }
}

static void parse_initrd(struct config_reader *reader, const struct config_word *word, struct vm_config *vm,
                         const struct boot_module *module)
{
    struct config_word option;

    if (vm->has_initrd) {
        config_complain(reader, word, "second initrd of this VM:", "one NAME:initrd for each VM");
        return;
    }
    vm->initrd = *module;
    vm->has_initrd = true;
    while (config_next_word(reader, &option))
        config_complain(reader, &option, "unknown word", "nothing behind NAME:initrd");
}

/* Splits "NAME:ROLE". False: there is no such name in it. */
static bool split_role(const struct config_word *word, char *name, struct config_word *role)
{
    for (size_t i = 0; i < word->length; i++) {
        if (word->text[i] == ':') {
            struct config_word front = {word->text, i};

            *role = (struct config_word){word->text + i + 1, word->length - i - 1};
            return config_word_name(&front, name);
        }
    }
    return false;
}

/* False if something was reported. `number` counts from 1, as a user counts the lines of the boot menu. */
static bool parse_module(struct config *to, uint32_t number, const struct boot_module *module)
{
    struct config_reader reader;
    struct config_word word, role;
    char name[VM_NAME_SIZE];
    char where[sizeof(reader.where)];
    struct vm_config *vm;

    fmt_snprintf(where, sizeof(where), "module %u", number);
    config_reader_init(&reader, where, module->cmdline);
    if (!config_next_word(&reader, &word)) {
        config_complain(&reader, &word, "no words behind the file name:", ROLES_ALLOWED);
        return false;
    }
    if (!split_role(&word, name, &role)) {
        config_complain(&reader, &word, "no VM's name and role in", ROLES_ALLOWED);
        return false;
    }
    fmt_snprintf(reader.where, sizeof(reader.where), "module %u (%s)", number, name);
    vm = find_or_add_vm(to, name);
    if (vm == NULL) {
        config_complain(&reader, &word, "too many VMs at", "32 VMs");
        return false;
    }
    if (config_word_is(&role, "kernel"))
        parse_kernel(&reader, &word, vm, module);
    else if (config_word_is(&role, "initrd"))
        parse_initrd(&reader, &word, vm, module);
    else
        config_complain(&reader, &role, "unknown role", "kernel, initrd");
    if (reader.error_count != 0)
        vm->valid = false;
    return vm->valid;
}

_Static_assert(CONFIG_MAX_VMS == 32, "the text about too many VMs names the limit");

/* What shows only when all modules are known. False if something was reported. */
static bool check_whole(struct config *to)
{
    bool good = true;

    for (uint32_t i = 0; i < to->vm_count; i++) {
        struct vm_config *vm = &to->vms[i];

        if (vm->kernel.cmdline != NULL)
            continue;
        if (vm->valid)
            log_error("vm %s: initrd without a kernel; a module with \"%s:kernel\" is needed", vm->name,
                      vm->name);
        vm->valid = false;
        good = false;
    }
    if (to->host_nmi == HOST_NMI_FORWARD && find_vm(to, to->host_nmi_vm) == NULL) {
        log_error("command line: hostnmi=forward:%s: no module names such a VM", to->host_nmi_vm);
        to->host_nmi = HOST_NMI_PANIC;
        good = false;
    }
    return good;
}

int config_parse_modules(struct config *to, const struct boot_info *info)
{
    bool good = true;

    if (info->module_count == 0)
        return E_NOENT;
    for (uint32_t i = 0; i < info->module_count; i++)
        good = parse_module(to, i + 1, &info->modules[i]) && good;
    good = check_whole(to) && good;
    return good ? 0 : E_INVAL;
}
