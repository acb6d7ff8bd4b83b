/* The pools of one direction: a dense array, found through an open-addressing index.
 *
 * A pool is all that shares two addresses, a scope and a fixed port. What is counted into it is
 * not the table's business: sockets, and the connections of conntrack, have tables of their own.
 */
#pragma once
#include <stddef.h>

#include "ip_address.h"
#include "time_wait.h"

#define FEW_AGES 3       /* kept in the pool itself before it gets a histogram */
#define AGE_BITS 10      /* of each of them: MAX_AGES fit */
#define MAX_POOLS 131072 /* facts/tally.py: what a flood of addresses may cost in memory */
#define MAX_OUTSIDE_POOLS 16384 /* of ports outside the range: as above */
#define KEY_BYTES 38     /* of what a pool is found by, and begins with: KEY of compiled.py */

struct pool { /* a cache line */
    struct ends ends;
    uint32_t scope;   /* index of the sockets' interface, or conntrack's zone; 0 for none */
    uint16_t port;    /* the fixed one, in network order */
    union {
        uint16_t address; /* number in local_addresses.h; 0: not looked for yet */
        uint16_t outside; /* of an inbound pool: remote ports outside of Linux's default range */
    };
    uint32_t ports, time_wait, reclaimable, entered;
    uint32_t histogram; /* place + 1 in the table's ages; 0 while FEW_AGES are enough */
    uint32_t few_ages : FEW_AGES * AGE_BITS;
    uint32_t watched : 1; /* gets a row in any case */
};

/* Pools added up; most_used is the largest used_of(). */
struct pool_sum {
    unsigned long long pools, most_used, ports, time_wait, reclaimable, entered;
    uint32_t ages[MAX_AGES]; /* age_seconds of them */
};

/* Which pools get a row of their own: those with at least min_used of ports - reclaimable, but no
 * more than max_rows, and besides the watched ones. A pool with whole_from ports or more counts
 * here with all of them: the kernel may refuse to give back what looks reclaimable. */
struct row_rules {
    uint32_t min_used, max_rows, whole_from;
    const uint8_t *watched; /* keys: KEY_BYTES each */
    size_t watched_bytes;
    const uint8_t *groups; /* networks of remote groups: pool_groups.h */
    size_t groups_bytes;
};

struct pool_table {
    uint64_t seed; /* of the hashes: another one for each dump */
    bool inbound;  /* its pools have `outside`, and no `address` */
    uint32_t most;        /* pools: the entries of others overflow */
    uint32_t age_seconds; /* as long are histograms; 0: nothing tells ages */
    struct row_rules rows;
    struct pool *pools;
    uint32_t count, room;
    uint32_t *index;   /* places in pools, or FREE_SLOT */
    uint32_t slots;    /* of the index: a power of two */
    uint64_t overflow; /* entries of pools beyond `most` */
    uint32_t *ages;    /* the histograms, one after the other */
    uint32_t ages_count, ages_room;
    uint32_t least_used; /* ranked_by() of a pool that gets a row; set by choose_rows() */
};

/* Find or add a pool; NULL where there are `most` already, and overflow has counted the entry.
 * Return false where there is no memory. */
bool find_or_add_pool(struct pool_table *table, const struct ends *ends, uint32_t scope,
                      uint16_t port, struct pool **pool);

/* Return a pool, or NULL where there is none. */
struct pool *find_pool(const struct pool_table *table, const struct ends *ends, uint32_t scope,
                       uint16_t port);

/* Add the watched pools. Return false where there is no memory. */
bool add_watched(struct pool_table *table);

/* Count an entry in TIME_WAIT by its age, less than age_seconds. Return false where there is no
 * memory. */
bool count_time_wait(struct pool_table *table, struct pool *pool, uint32_t seconds);

/* Add the ages of a pool's entries to a histogram of age_seconds. */
void sum_ages(const struct pool_table *table, const struct pool *pool, uint32_t *sum);

/* Return ports - reclaimable: what a connect() finds taken.
 *
 * Inline, as has_row(): both are done for each pool, of which there may be as many as sockets. */
static inline uint32_t used_of(const struct pool *pool)
{
    return pool->ports - pool->reclaimable;
}

/* Return by how many ports row_rules judge a pool. */
static inline uint32_t ranked_by(const struct pool_table *table, const struct pool *pool)
{
    return pool->ports >= table->rows.whole_from ? pool->ports : used_of(pool);
}

/* Choose by row_rules which pools get a row: of those that are equally used all, or none. Return
 * false where there is no memory. */
bool choose_rows(struct pool_table *table);

/* Tell whether a pool gets a row, once they are chosen. */
static inline bool has_row(const struct pool_table *table, const struct pool *pool)
{
    return pool->watched || ranked_by(table, pool) >= table->least_used;
}

/* Add a pool to a sum. */
void add_to_sum(const struct pool_table *table, const struct pool *pool, struct pool_sum *sum);

/* Add up the pools that get no row, once they are chosen. */
void sum_others(const struct pool_table *table, struct pool_sum *sum);

void free_pools(struct pool_table *table);
