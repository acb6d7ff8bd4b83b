/* The pools of one direction: a dense array, found through an open-addressing index.
 *
 * A pool is everything that shares two addresses, a scope and a fixed port. The table does not care
 * what it counts: sockets and conntrack's connections have tables of their own.
 */
#pragma once
#include <stddef.h>

#include "age_histograms.h"
#include "ip_address.h"
#include "time_wait.h"

#define FEW_AGES 3       /* kept in the pool itself before it gets a histogram */
#define AGE_BITS 10      /* of each of them: enough for MAX_AGES */
#define MAX_POOLS 131072 /* facts/tally.py: what a flood of addresses may cost in memory */
#define MAX_OUTSIDE_POOLS 16384 /* of ports outside the range: as above */
#define KEY_BYTES 38     /* of the key of a pool, with which it begins: KEY in compiled.py */

struct pool { /* a cache line */
    struct ends ends;
    uint32_t scope;   /* index of the sockets' interface, or conntrack's zone; 0 for none */
    uint16_t port;    /* the fixed one, in network order */
    union {
        uint16_t address; /* number in local_addresses.h; 0: not looked up yet */
        uint16_t outside; /* of an inbound pool: remote ports outside Linux's default range */
    };
    uint32_t ports, time_wait, reclaimable, entered;
    age_histogram histogram; /* none while FEW_AGES are enough */
    uint32_t few_ages : FEW_AGES * AGE_BITS;
    uint32_t watched : 1; /* gets a row in any case */
};

/* Pools added up; most_used is the largest used_of(). */
struct pool_sum {
    unsigned long long pools, most_used, ports, time_wait, reclaimable, entered;
    uint32_t ages[MAX_AGES]; /* as many as a histogram has */
};

/* Which pools get a row of their own: those where ports - reclaimable is at least min_used, up to
 * max_rows of them, and the watched ones as well. For a pool with whole_from ports or more, all of
 * them count: the kernel may refuse to reuse ports that look reclaimable. */
struct row_rules {
    uint32_t min_used, max_rows, whole_from;
    const uint8_t *watched; /* keys: KEY_BYTES each */
    size_t watched_bytes;
    const uint8_t *groups; /* networks of remote groups: pool_groups.h */
    size_t groups_bytes;
};

struct pool_table {
    uint64_t seed; /* of the hashes: a new one for each dump */
    bool inbound;  /* its pools have `outside`, and no `address` */
    uint32_t most;        /* pools: the entries of others overflow */
    struct age_histograms histograms;
    struct row_rules rows;
    struct pool *pools;
    uint32_t count, room;
    uint32_t *index;   /* places in pools, or FREE_SLOT */
    uint32_t slots;    /* of the index: a power of two */
    uint64_t overflow; /* entries of pools beyond `most` */
    uint32_t least_used; /* ranked_by() of a pool that gets a row; set by choose_rows() */
};

/* Hash the key of a pool. Tables with the same seed have the same hashes. */
static inline uint32_t hash_pool(const struct ends *ends, uint32_t scope, uint16_t port,
                                 uint64_t seed)
{
    uint64_t hash = hash_address(ends->local, seed) + ((uint64_t)scope << 16 | port);

    hash ^= hash_address(ends->remote, ~seed);
    hash *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash >> 32);
}

/* Find or add a pool; NULL if there are `most` already, and overflow has counted the entry. Return
 * false if out of memory. */
bool find_or_add_pool(struct pool_table *table, const struct ends *ends, uint32_t scope,
                      uint16_t port, struct pool **pool);

/* The same for a key whose hash is known. */
bool find_or_add_hashed(struct pool_table *table, const struct ends *ends, uint32_t scope,
                        uint16_t port, uint32_t hash, struct pool **pool);

/* Bring what find_or_add_hashed() reads into the cache: first the slot, then the pool. */
static inline void expect_slot(const struct pool_table *table, uint32_t hash)
{
    if (table->slots)
        __builtin_prefetch(&table->index[hash & (table->slots - 1)]);
}

static inline void expect_pool(const struct pool_table *table, uint32_t hash)
{
    uint32_t place = table->slots ? table->index[hash & (table->slots - 1)] : 0;

    if (place < table->count)
        __builtin_prefetch(&table->pools[place]);
}

/* Return a pool, or NULL if there is none. */
struct pool *find_pool(const struct pool_table *table, const struct ends *ends, uint32_t scope,
                       uint16_t port);

/* Add the watched pools. Return false if out of memory. */
bool add_watched(struct pool_table *table);

/* Count an entry in TIME_WAIT by its age, which a histogram has. Return false if out of memory. */
bool count_time_wait(struct pool_table *table, struct pool *pool, uint32_t seconds);

/* Add the ages of a pool's entries to a sum. */
void sum_ages(const struct pool_table *table, const struct pool *pool, uint32_t *sum);

/* Return ports - reclaimable: what a connect() finds taken.
 *
 * Inline, like has_row(): both run for each pool, and there may be as many pools as sockets. */
static inline uint32_t used_of(const struct pool *pool)
{
    return pool->ports - pool->reclaimable;
}

/* Return the number of ports by which row_rules judge a pool. */
static inline uint32_t ranked_by(const struct pool_table *table, const struct pool *pool)
{
    return pool->ports >= table->rows.whole_from ? pool->ports : used_of(pool);
}

/* Choose by row_rules which pools get a row: of equally used pools all or none. Return false if out
 * of memory. */
bool choose_rows(struct pool_table *table);

/* Tell whether a pool gets a row, once rows are chosen. */
static inline bool has_row(const struct pool_table *table, const struct pool *pool)
{
    return pool->watched || ranked_by(table, pool) >= table->least_used;
}

/* Add a pool to a sum. */
void add_to_sum(const struct pool_table *table, const struct pool *pool, struct pool_sum *sum);

/* Add up the pools that get no row, once rows are chosen. */
void sum_others(const struct pool_table *table, struct pool_sum *sum);

void free_pools(struct pool_table *table);
