#include "cookie_set.h"

#include <stdlib.h>
#include <string.h>

#include "../core/growing_array.h"

#define FIRST_SLOT_BITS 6
#define MEMBERS_BITS 6 /* 64 cookies in a block */

static uint64_t member(uint64_t cookie)
{
    return UINT64_C(1) << (cookie & ((1 << MEMBERS_BITS) - 1));
}

/* Return the slot of a block, or the free one where it belongs. Consecutive numbers spread evenly
 * if multiplied by 2^64 ÷ the golden ratio. */
static uint32_t *slot_of(const struct cookie_set *set, uint64_t number)
{
    uint64_t last = (UINT64_C(1) << set->slot_bits) - 1;
    uint64_t place = (number * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - set->slot_bits);

    while (set->slots[place] && set->blocks[set->slots[place] - 1].number != number)
        place = (place + 1) & last;
    return &set->slots[place];
}

/* Return false if out of memory: the set stays as it was. */
static bool double_slots(struct cookie_set *set)
{
    unsigned int bits = set->slots ? set->slot_bits + 1 : FIRST_SLOT_BITS;
    uint32_t *slots = calloc((size_t)1 << bits, sizeof *slots);

    if (!slots)
        return false;
    free(set->slots);
    set->slots = slots;
    set->slot_bits = bits;
    for (uint32_t i = 0; i < set->count; i++)
        *slot_of(set, set->blocks[i].number) = i + 1;
    return true;
}

/* Return an empty block, or NULL if out of memory. */
static struct cookie_block *new_block(struct cookie_set *set, uint64_t number)
{
    bool crowded = !set->slots || 2 * (uint64_t)set->count >= (UINT64_C(1) << set->slot_bits);
    void *blocks = grown(set->blocks, sizeof *set->blocks, set->count, &set->room);

    if (!blocks)
        return NULL;
    set->blocks = blocks;
    if (crowded && !double_slots(set))
        return NULL;
    set->blocks[set->count] = (struct cookie_block){.number = number};
    *slot_of(set, number) = ++set->count;
    return &set->blocks[set->count - 1];
}

static struct cookie_block *find_block(const struct cookie_set *set, uint64_t number)
{
    uint32_t found = set->slots ? *slot_of(set, number) : 0;

    return found ? &set->blocks[found - 1] : NULL;
}

bool add_cookie(struct cookie_set *set, uint64_t cookie, uint32_t most_blocks)
{
    uint64_t number = cookie >> MEMBERS_BITS;
    struct cookie_block *block = find_block(set, number);

    if (!block && set->count >= most_blocks)
        return true;
    if (!block && !(block = new_block(set, number)))
        return false;
    block->members |= member(cookie);
    return true;
}

bool add_cookie_blocks(struct cookie_set *set, const uint8_t *blocks, size_t count)
{
    struct cookie_block block, *mine;

    for (size_t i = 0; i < count; i++) {
        memcpy(&block, blocks + i * sizeof block, sizeof block);
        mine = find_block(set, block.number);
        if (!mine && !(mine = new_block(set, block.number)))
            return false;
        mine->members |= block.members;
    }
    return true;
}

bool has_cookie(const struct cookie_set *set, uint64_t cookie)
{
    const struct cookie_block *block = find_block(set, cookie >> MEMBERS_BITS);

    return block && block->members & member(cookie);
}

void free_cookie_set(struct cookie_set *set)
{
    free(set->blocks);
    free(set->slots);
    *set = (struct cookie_set){0};
}
