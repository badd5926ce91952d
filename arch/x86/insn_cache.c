/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/x86/insn_cache.h"

#include "arch/x86/guest_emulate.h"
#include "arch/x86/vcpu_ops.h"
#include "core/guest_mem.h"

#define FETCH_BYTES 16
#define PAGE_OFFSET (PAGE_SIZE - 1)

#define PROOFS_PLAIN 4 /* levels of 64-bit mode */

void insn_cache_init(struct insn_cache *cache)
{
    for (uint32_t i = 0; i < INSN_CACHE_ENTRIES; i++)
        cache->entries[i].page = &cache->pages[0];
    insn_cache_flush(cache);
}

void insn_cache_flush(struct insn_cache *cache)
{
    cache->epoch++;
    for (uint32_t i = 0; i < INSN_CACHE_PAGES; i++) {
        cache->pages[i].key = UINT64_MAX;
        cache->pages[i].epoch = cache->epoch;
    }
    cache->last = (struct insn_cache_last){.linear = UINT64_MAX, .cr3 = UINT64_MAX};
}

/* Linear page and mode in one word: the mode fits into the page offset. */
static uint64_t key_of(const struct code_context *code)
{
    return align_down(code->linear, PAGE_SIZE) | code->mode;
}

static struct insn_cache_page *page_of(struct insn_cache *cache, const struct code_context *code)
{
    return &cache->pages[code->linear / PAGE_SIZE % INSN_CACHE_PAGES];
}

/* Tables of 32-bit entries, and of more than four levels. */
static __attribute__((noinline, cold)) bool is_proved_oddly(const struct insn_cache_page *page)
{
    for (uint32_t i = 0; i < page->proof_count; i++) {
        const struct insn_cache_proof *proof = &page->proof[i];

        if (page->proof_narrow ? *(const volatile uint32_t *)proof->at != proof->value
                               : *(const volatile uint64_t *)proof->at != proof->value)
            return false;
    }
    return true;
}

static inline bool holds(const struct insn_cache_proof *proof)
{
    return LIKELY(*(const volatile uint64_t *)proof->at == proof->value);
}

/* Other vCPUs write their tables at any time: each entry is read once. Levels that there are not prove
 * themselves. */
static inline bool is_proved(const struct insn_cache_page *page)
{
    if (UNLIKELY(page->proof_oddly))
        return is_proved_oddly(page);
    return holds(&page->proof[0]) && holds(&page->proof[1]) && holds(&page->proof[2]) &&
           holds(&page->proof[3]);
}

static bool keep_proof(const struct x86_vcpu *vcpu, struct insn_cache_page *page,
                       const struct guest_walk *walk)
{
    for (uint32_t i = 0; i < WALK_LEVELS_MAX; i++) {
        struct insn_cache_proof *proof = &page->proof[i];

        proof->value = i < walk->path_count ? walk->path[i].value : 0;
        proof->at = &proof->value;
        if (i < walk->path_count)
            proof->at = guest_ptr(vcpu->core.vm, walk->path[i].at, walk->entry_size);
        if (proof->at == NULL)
            return false;
    }
    page->proof_narrow = walk->entry_size == 4;
    page->proof_count = (uint8_t)walk->path_count;
    page->proof_oddly = walk->path_count > PROOFS_PLAIN || (walk->path_count != 0 && page->proof_narrow);
    return true;
}

static bool refill_page(struct x86_vcpu *vcpu, const struct code_context *code, struct insn_cache_page *page)
{
    struct guest_walk walk;

    page->key = UINT64_MAX;
    page->epoch = ++vcpu->insns.epoch; /* entries of what was here before are no longer good */
    if (!x86_walk_code(vcpu, gva(align_down(code->linear, PAGE_SIZE)), &walk))
        return false;
    page->at = guest_ptr(vcpu->core.vm, walk.gpa, PAGE_SIZE);
    if (page->at == NULL || !keep_proof(vcpu, page, &walk))
        return false;
    page->cr3 = code->cr3;
    page->mode = code->mode;
    page->key = key_of(code);
    return true;
}

static uint64_t load(const uint8_t *at)
{
    uint64_t value;

    __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

/* A new page, or new code in it. Apart from the hit, which is to stay short. */
static __attribute__((noinline, cold)) const struct insn *find_anew(struct x86_vcpu *vcpu,
                                                                    const struct code_context *code)
{
    struct insn_cache *cache = &vcpu->insns;
    struct insn_cache_page *page = page_of(cache, code);
    struct insn_cache_entry *entry = &cache->entries[code->linear % INSN_CACHE_ENTRIES];
    uint64_t offset = code->linear & PAGE_OFFSET;
    uint8_t bytes[FETCH_BYTES];

    if (offset > PAGE_SIZE - FETCH_BYTES)
        return NULL;
    if ((page->key != key_of(code) || page->cr3 != code->cr3 || !is_proved(page)) &&
        !refill_page(vcpu, code, page))
        return NULL;
    /* Copied once; the guest may write its code meanwhile. */
    __builtin_memcpy(bytes, page->at + offset, FETCH_BYTES);
    entry->epoch = 0;
    if (decode_insn(bytes, FETCH_BYTES, (enum insn_mode)code->mode, &entry->insn) != DECODE_OK)
        return NULL;
    entry->bytes[0] = load(bytes);
    entry->bytes[1] = load(bytes + sizeof(uint64_t));
    entry->at = page->at + offset;
    entry->linear = code->linear;
    entry->page = page;
    entry->epoch = page->epoch;
    return &entry->insn;
}

const struct insn *insn_cache_find(struct x86_vcpu *vcpu)
{
    struct code_context code = x86_ops->code_context(vcpu);
    const struct insn_cache_entry *entry = &vcpu->insns.entries[code.linear % INSN_CACHE_ENTRIES];
    const struct insn_cache_page *page = entry->page;

    if (LIKELY(entry->linear == code.linear && page->epoch == entry->epoch && page->cr3 == code.cr3 &&
               page->mode == code.mode && is_proved(page) && load(entry->at) == entry->bytes[0] &&
               load(entry->at + sizeof(uint64_t)) == entry->bytes[1]))
        return &entry->insn;
    return find_anew(vcpu, &code);
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
        last->at = page_of(cache, code)->at + code->linear % PAGE_SIZE;
        __builtin_memcpy(&last->bytes, last->at, sizeof(last->bytes));
    }
    return insn->length;
}
