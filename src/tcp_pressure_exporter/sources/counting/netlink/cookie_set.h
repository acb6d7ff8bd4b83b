/* A set of socket cookies.
 *
 * The kernel numbers sockets consecutively as they are first shown (net/core/sock_diag.c,
 * __sock_gen_cookie), so those of one dump lie close together: cookies are kept in blocks of 64
 * with a bit each.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cookie_block {
    uint64_t number, members; /* cookie ÷ 64; bit n: 64 × number + n */
};

struct cookie_set {
    struct cookie_block *blocks; /* in the order in which they were added */
    uint32_t count, room;
    uint32_t *slots; /* open addressing: index of a block, from 1 on; 0 is free */
    unsigned int slot_bits;
};

/* Add a cookie, unless it needs a new block and there are `most_blocks`. Return false if out of
 * memory. */
bool add_cookie(struct cookie_set *set, uint64_t cookie, uint32_t most_blocks);

/* Add blocks, which need not be aligned. Return false if out of memory. */
bool add_cookie_blocks(struct cookie_set *set, const uint8_t *blocks, size_t count);

bool has_cookie(const struct cookie_set *set, uint64_t cookie);

void free_cookie_set(struct cookie_set *set);
