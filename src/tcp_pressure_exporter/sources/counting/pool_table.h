/* Addresses and pools of tally_core.h: a dense array, found through an open-addressing index. */
#pragma once
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FEW 8 /* ages kept in the pool itself before it gets a histogram */
#define MAX_POOLS 131072
#define END_SLOT UINT32_MAX
#define KEY_BYTES 34 /* of struct key, and of what a pool begins with */
#define WATCHED 0x8000

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WORD(first, second) ((uint64_t)(second) << 32 | (first)) /* of two halves as they lie in memory */
#define FIRST_HALF(word) ((uint32_t)(word))
#else
#define WORD(first, second) ((uint64_t)(first) << 32 | (second))
#define FIRST_HALF(word) ((uint32_t)((word) >> 32))
#endif
#define V4_MARK htonl(0xffff) /* bytes 8-11 of ::ffff:a.b.c.d */

struct ip { uint64_t words[2]; }; /* 16 bytes in network order; in registers, not byte by byte */

struct key { struct ip local, remote; uint16_t port, unused; }; /* port in network order */

struct pool { /* a cache line */
    struct ip local, remote;
    uint16_t port;
    uint16_t address; /* number + 1 of the local address, WATCHED if a row is wanted in any case */
    uint32_t ports, time_wait, reclaimable, entered;
    uint32_t histogram; /* index + 1 into ages; 0 while there are at most FEW */
    uint8_t few[FEW];
};

struct pools {
    struct pool *all;
    uint32_t *index, count, room, mask;
    uint64_t overflow;
    long long least; /* use of a pool that gets a row: choose_rows() */
};

struct row_rules { uint32_t min_used, max_rows; const uint8_t *watched; size_t watched_bytes; };

/* IPv4 in its v4-mapped form. */
static struct ip normalised(int family, const __be32 from[4])
{
    if (family == AF_INET) return (struct ip){{0, WORD(V4_MARK, from[0])}};
    return (struct ip){{WORD(from[0], from[1]), WORD(from[2], from[3])}};
}

static int same_address(struct ip a, struct ip b) { return !((a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1])); }

static int is_v4(struct ip a) { return a.words[0] == 0 && FIRST_HALF(a.words[1]) == V4_MARK; }

static int is_loopback(struct ip a)
{
    uint8_t bytes[16];
    memcpy(bytes, &a, sizeof bytes);
    return is_v4(a) ? bytes[12] == 127 : same_address(a, (struct ip){{0, WORD(0, htonl(1))}});
}

/* Return the array with room for one element more, or NULL; the old one stays valid then. */
static void *grown(void *array, size_t size, uint32_t count, uint32_t *room)
{
    if (count < *room) return array;
    uint32_t wanted = *room ? *room * 2 : 64;
    void *more = realloc(array, size * wanted);
    if (more) *room = wanted;
    return more;
}

static int has_key(const struct pool *pool, const struct key *key)
{
    return same_address(pool->local, key->local) && same_address(pool->remote, key->remote) && pool->port == key->port;
}

static uint64_t hash_address(struct ip a, uint64_t seed)
{
    uint64_t h = (a.words[0] ^ seed) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ a.words[1]) * 0xc2b2ae3d27d4eb4fu;
    return h ^ h >> 29;
}

static uint32_t hash_key(const struct key *key, uint64_t seed)
{
    uint64_t h = (hash_address(key->local, seed) + key->port) ^ hash_address(key->remote, ~seed);
    h *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static int grow_index(struct pools *pools, uint64_t seed)
{
    uint32_t slots = pools->index ? (pools->mask + 1) * 2 : 1024;
    uint32_t *index = malloc(slots * sizeof *index);
    if (!index) return 0;
    memset(index, 0xff, slots * sizeof *index); /* END_SLOT */
    for (uint32_t i = 0; i < pools->count; i++) {
        struct key key = {0};
        memcpy(&key, &pools->all[i], KEY_BYTES);
        uint32_t slot = hash_key(&key, seed) & (slots - 1);
        while (index[slot] != END_SLOT) slot = (slot + 1) & (slots - 1);
        index[slot] = i;
    }
    free(pools->index);
    pools->index = index;
    pools->mask = slots - 1;
    return 1;
}

/* Find or add; NULL where the pools are full (then overflow counts it) or memory is. */
static struct pool *pool_of(struct pools *pools, const struct key *key, uint64_t seed, int *no_memory)
{
    if ((uint64_t)pools->count * 2 >= (pools->index ? pools->mask + 1u : 0u) && !grow_index(pools, seed))
        return *no_memory = 1, NULL;
    uint32_t slot = hash_key(key, seed) & pools->mask;
    for (; pools->index[slot] != END_SLOT; slot = (slot + 1) & pools->mask) {
        struct pool *pool = &pools->all[pools->index[slot]];
        if (has_key(pool, key)) return pool;
    }
    if (pools->count >= MAX_POOLS) return pools->overflow++, NULL;
    void *all = grown(pools->all, sizeof *pools->all, pools->count, &pools->room);
    if (!all) return *no_memory = 1, NULL;
    pools->all = all;
    pools->index[slot] = pools->count;
    struct pool *pool = &pools->all[pools->count++];
    memset(pool, 0, sizeof *pool);
    memcpy(pool, key, KEY_BYTES);
    return pool;
}

/* Give the pools of `keys` a row of their own; those that do not exist have none. */
static void watch(struct pools *pools, const uint8_t *keys, size_t bytes, uint64_t seed)
{
    for (; pools->count && bytes >= KEY_BYTES; keys += KEY_BYTES, bytes -= KEY_BYTES) {
        struct key key = {0};
        memcpy(&key, keys, KEY_BYTES);
        uint32_t slot = hash_key(&key, seed) & pools->mask;
        for (; pools->index[slot] != END_SLOT; slot = (slot + 1) & pools->mask) {
            struct pool *pool = &pools->all[pools->index[slot]];
            if (has_key(pool, &key)) pool->address |= WATCHED;
        }
    }
}

static uint32_t used_of(const struct pool *pool) { return pool->ports - pool->reclaimable; }

/* Find the least use with which a pool gets a row: as many rows as allowed, and none of several
 * equals. Return 0 where there is no memory. */
static int choose_rows(struct pools *pools, const struct row_rules *rules)
{
    pools->least = rules->min_used;
    if (pools->count <= rules->max_rows) return 1;
    uint32_t *with_use = calloc(65537, sizeof *with_use), rows = 0;
    if (!with_use) return 0;
    for (uint32_t i = 0; i < pools->count; i++) {
        uint32_t used = used_of(&pools->all[i]);
        with_use[used > 65536 ? 65536 : used]++;
    }
    long long use = 65536;
    for (; use >= rules->min_used && rows + with_use[use] <= rules->max_rows; use--) rows += with_use[use];
    free(with_use);
    pools->least = use + 1;
    return 1;
}
