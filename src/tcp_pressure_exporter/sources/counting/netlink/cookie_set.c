#include "cookie_set.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_BITS 6

/* Return the cookie's slot, or the free one where it belongs. The kernel hands cookies out one
 * after the other: multiplied by 2^64 ÷ the golden ratio they spread evenly. */
static uint64_t *slot_of(const struct cookie_set *set, uint64_t cookie)
{
    uint64_t last = UINT64_MAX >> set->shift;
    uint64_t place = (cookie * 0x9E3779B97F4A7C15) >> set->shift;

    while (set->slots[place] && set->slots[place] != cookie)
        place = (place + 1) & last;
    return &set->slots[place];
}

/* Make room for twice as many cookies, so that the search for a free slot is short. */
static bool make_room(struct cookie_set *set, size_t count)
{
    unsigned int bits = LEAST_BITS;

    while (((size_t)1 << bits) < 2 * count)
        bits++;
    set->shift = 64 - bits;
    set->slots = calloc((size_t)1 << bits, sizeof *set->slots);
    return set->slots;
}

bool fill_cookie_set(struct cookie_set *set, const uint8_t *cookies, size_t count)
{
    uint64_t cookie;

    if (!make_room(set, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        memcpy(&cookie, cookies + i * sizeof cookie, sizeof cookie);
        *slot_of(set, cookie) = cookie;
        set->has_zero |= !cookie;
    }
    return true;
}

bool has_cookie(const struct cookie_set *set, uint64_t cookie)
{
    return cookie ? *slot_of(set, cookie) == cookie : set->has_zero;
}

void free_cookie_set(struct cookie_set *set)
{
    free(set->slots);
}
