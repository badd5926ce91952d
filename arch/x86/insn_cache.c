/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/x86/insn_cache.h"

#include "arch/x86/guest_emulate.h"
#include "arch/x86/vcpu_ops.h"
#include "core/guest_mem.h"

#define FETCH_BYTES 16
#define PAGE_OFFSET (PAGE_SIZE - 1)

void insn_cache_flush(struct insn_cache *cache)
{
    cache->page_key = UINT64_MAX;
    cache->last.linear = UINT64_MAX;
}

/* Linear page and mode in one word: the mode fits into the page offset. */
static uint64_t key_of(const struct code_context *code)
{
    return align_down(code->linear, PAGE_SIZE) | code->mode;
}

/* Other vCPUs write their tables at any time: each entry is read once. */
static uint64_t read_entry(const struct insn_cache *cache, uint32_t i)
{
    if (UNLIKELY(cache->proof_narrow))
        return *(const volatile uint32_t *)cache->proof[i].at;
    return *(const volatile uint64_t *)cache->proof[i].at;
}

static bool is_proved(const struct insn_cache *cache)
{
    for (uint32_t i = 0; i < cache->proof_count; i++)
        if (read_entry(cache, i) != cache->proof[i].value)
            return false;
    return true;
}

static bool keep_proof(struct x86_vcpu *vcpu, const struct guest_walk *walk)
{
    struct insn_cache *cache = &vcpu->insns;

    cache->proof_count = walk->path_count;
    cache->proof_narrow = walk->path_count != 0 && walk->entry_size == 4;
    for (uint32_t i = 0; i < walk->path_count; i++) {
        cache->proof[i].value = walk->path[i].value;
        cache->proof[i].at = guest_ptr(vcpu->core.vm, walk->path[i].at, walk->entry_size);
        if (cache->proof[i].at == NULL)
            return false;
    }
    return true;
}

static bool refill_page(struct x86_vcpu *vcpu, const struct code_context *code)
{
    struct insn_cache *cache = &vcpu->insns;
    struct guest_walk walk;

    cache->page_key = UINT64_MAX;
    if (!x86_walk_code(vcpu, gva(align_down(code->linear, PAGE_SIZE)), &walk))
        return false;
    cache->page = guest_ptr(vcpu->core.vm, walk.gpa, PAGE_SIZE);
    if (cache->page == NULL || !keep_proof(vcpu, &walk))
        return false;
    cache->page_cr3 = code->cr3;
    cache->page_key = key_of(code);
    return true;
}

const struct insn *insn_cache_find(struct x86_vcpu *vcpu)
{
    struct insn_cache *cache = &vcpu->insns;
    struct insn_cache_entry *entry;
    struct code_context code = x86_ops->code_context(vcpu);
    uint64_t bytes[2];
    uint64_t offset;

    offset = code.linear & PAGE_OFFSET;
    if (UNLIKELY(offset > PAGE_SIZE - FETCH_BYTES))
        return NULL;
    if (UNLIKELY(cache->page_key != key_of(&code) || cache->page_cr3 != code.cr3 || !is_proved(cache)) &&
        !refill_page(vcpu, &code))
        return NULL;
    /* Copied once; the guest may write its code meanwhile. */
    __builtin_memcpy(bytes, cache->page + offset, FETCH_BYTES);
    entry = &cache->entries[code.linear % INSN_CACHE_ENTRIES];
    if (LIKELY(entry->bytes[0] == bytes[0] && entry->bytes[1] == bytes[1] && entry->mode == code.mode))
        return &entry->insn;
    entry->mode = 0;
    if (decode_insn((const uint8_t *)bytes, FETCH_BYTES, (enum insn_mode)code.mode, &entry->insn) !=
        DECODE_OK)
        return NULL;
    entry->bytes[0] = bytes[0];
    entry->bytes[1] = bytes[1];
    entry->mode = code.mode;
    return &entry->insn;
}

uint8_t insn_cache_find_length(struct x86_vcpu *vcpu, struct insn_cache *cache,
                               const struct code_context *code)
{
    struct insn_cache_last *last = &cache->last;
    const struct insn *insn = insn_cache_find(vcpu);

    if (insn == NULL)
        return 0;
    if (insn->length <= sizeof(last->bytes)) {
        last->linear = code->linear;
        last->cr3 = code->cr3;
        last->mode = code->mode;
        last->length = insn->length;
        last->at = cache->page + code->linear % PAGE_SIZE;
        __builtin_memcpy(&last->bytes, last->at, sizeof(last->bytes));
    }
    return insn->length;
}
