#include "pool_table.h"

#include <stdlib.h>

#include "growing_array.h"

#define FREE_SLOT UINT32_MAX
#define FIRST_SLOTS 1024
#define MOST_USED 65536 /* more than the ports that a pool can have */

_Static_assert(sizeof(struct pool) == 64, "a pool is a cache line");
_Static_assert(MAX_AGES <= 1 << AGE_BITS, "an age fits into its bits");
_Static_assert(offsetof(struct pool, port) + sizeof(uint16_t) == KEY_BYTES,
               "a pool begins with its key");

/* Return the slot of a pool, or the free one where it belongs. */
static uint32_t slot_of(const struct pool_table *table, const struct ends *ends, uint32_t scope,
                        uint16_t port, uint32_t hash)
{
    uint32_t slot = hash & (table->slots - 1);

    for (; table->index[slot] != FREE_SLOT; slot = (slot + 1) & (table->slots - 1)) {
        const struct pool *pool = &table->pools[table->index[slot]];
        if (same_ends(&pool->ends, ends) && pool->scope == scope && pool->port == port)
            break;
    }
    return slot;
}

static bool grow_index(struct pool_table *table)
{
    uint32_t slots = table->index ? table->slots * 2 : FIRST_SLOTS;
    uint32_t *index = malloc(slots * sizeof *index);

    if (!index)
        return false;
    memset(index, 0xff, slots * sizeof *index); /* FREE_SLOT */
    for (uint32_t i = 0; i < table->count; i++) {
        const struct pool *pool = &table->pools[i];
        uint32_t slot = hash_pool(&pool->ends, pool->scope, pool->port, table->seed) & (slots - 1);
        while (index[slot] != FREE_SLOT)
            slot = (slot + 1) & (slots - 1);
        index[slot] = i;
    }
    free(table->index);
    table->index = index;
    table->slots = slots;
    return true;
}

/* Add a pool at the free slot where it belongs. */
static bool add_pool(struct pool_table *table, const struct ends *ends, uint32_t scope,
                     uint16_t port, uint32_t slot, struct pool **pool)
{
    *pool = NULL;
    if (table->count >= table->most) {
        table->overflow++;
        return true;
    }
    void *pools = grown(table->pools, sizeof *table->pools, table->count, &table->room);
    if (!pools)
        return false;
    table->pools = pools;
    table->index[slot] = table->count;
    *pool = &table->pools[table->count++];
    **pool = (struct pool){.ends = *ends, .scope = scope, .port = port};
    return true;
}

bool find_or_add_pool(struct pool_table *table, const struct ends *ends, uint32_t scope,
                      uint16_t port, struct pool **pool)
{
    uint32_t hash = hash_pool(ends, scope, port, table->seed);

    return find_or_add_hashed(table, ends, scope, port, hash, pool);
}

bool find_or_add_hashed(struct pool_table *table, const struct ends *ends, uint32_t scope,
                        uint16_t port, uint32_t hash, struct pool **pool)
{
    /* Half of the slots stay free, to keep searches short. */
    if (table->count >= table->slots / 2 && !grow_index(table))
        return false;
    uint32_t slot = slot_of(table, ends, scope, port, hash);
    uint32_t place = table->index[slot];
    if (place == FREE_SLOT)
        return add_pool(table, ends, scope, port, slot, pool);
    *pool = &table->pools[place];
    return true;
}

struct pool *find_pool(const struct pool_table *table, const struct ends *ends, uint32_t scope,
                       uint16_t port)
{
    uint32_t hash = hash_pool(ends, scope, port, table->seed);
    uint32_t place = table->count ? table->index[slot_of(table, ends, scope, port, hash)]
                                  : FREE_SLOT;

    return place == FREE_SLOT ? NULL : &table->pools[place];
}

/* Read the next watched key into a pool, which begins with it; false if there is none. */
static bool next_watched(const struct row_rules *rules, size_t *at, struct pool *key)
{
    if (rules->watched_bytes - *at < KEY_BYTES)
        return false;
    memcpy(key, rules->watched + *at, KEY_BYTES);
    *at += KEY_BYTES;
    return true;
}

bool add_watched(struct pool_table *table)
{
    struct pool key, *pool;

    for (size_t at = 0; next_watched(&table->rows, &at, &key);)
        if (!find_or_add_pool(table, &key.ends, key.scope, key.port, &pool))
            return false;
    return true;
}

static uint32_t few_age(const struct pool *pool, uint32_t place)
{
    return pool->few_ages >> place * AGE_BITS & ((1 << AGE_BITS) - 1);
}

/* Give a pool with FEW_AGES a histogram. */
static bool move_to_histogram(struct pool_table *table, struct pool *pool)
{
    if (!add_histogram(&table->histograms, &pool->histogram))
        return false;
    for (uint32_t i = 0; i < FEW_AGES; i++)
        if (!count_age(&table->histograms, &pool->histogram, few_age(pool, i)))
            return false;
    return true;
}

bool count_time_wait(struct pool_table *table, struct pool *pool, uint32_t seconds)
{
    if (pool->time_wait < FEW_AGES) {
        uint32_t ages = pool->few_ages | seconds << pool->time_wait++ * AGE_BITS;
        pool->few_ages = ages & ((1 << FEW_AGES * AGE_BITS) - 1);
        return true;
    }
    if (!pool->histogram && !move_to_histogram(table, pool))
        return false;
    pool->time_wait++;
    return count_age(&table->histograms, &pool->histogram, seconds);
}

void sum_ages(const struct pool_table *table, const struct pool *pool, uint32_t *sum)
{
    if (pool->histogram) {
        add_ages(&table->histograms, pool->histogram, sum);
    } else if (table->histograms.seconds) {
        for (uint32_t i = 0; i < pool->time_wait; i++)
            sum[few_age(pool, i)]++;
    }
}

/* Mark the watched pools; those that do not exist have no row. */
static void mark_watched(struct pool_table *table)
{
    struct pool key;

    for (size_t at = 0; next_watched(&table->rows, &at, &key);) {
        struct pool *pool = find_pool(table, &key.ends, key.scope, key.port);
        if (pool)
            pool->watched = true;
    }
}

/* Find the least use that gives a pool a row, without exceeding the allowed number of rows. */
static bool find_least_used(struct pool_table *table)
{
    const struct row_rules *rules = &table->rows;
    uint32_t rows = 0, use = MOST_USED + 1;

    table->least_used = rules->min_used;
    if (table->count <= rules->max_rows)
        return true;
    uint32_t *with_use = calloc(MOST_USED + 1, sizeof *with_use);
    if (!with_use)
        return false;
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t used = ranked_by(table, &table->pools[i]);
        with_use[used < MOST_USED ? used : MOST_USED]++;
    }
    while (use > rules->min_used && rows + with_use[use - 1] <= rules->max_rows)
        rows += with_use[--use];
    free(with_use);
    if (use > rules->min_used)
        table->least_used = use;
    return true;
}

bool choose_rows(struct pool_table *table)
{
    mark_watched(table);
    return find_least_used(table);
}

void add_to_sum(const struct pool_table *table, const struct pool *pool, struct pool_sum *sum)
{
    sum->pools++;
    sum->ports += pool->ports;
    sum->time_wait += pool->time_wait;
    sum->reclaimable += pool->reclaimable;
    sum->entered += pool->entered;
    if (used_of(pool) > sum->most_used)
        sum->most_used = used_of(pool);
    sum_ages(table, pool, sum->ages);
}

void sum_others(const struct pool_table *table, struct pool_sum *sum)
{
    memset(sum, 0, sizeof *sum);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct pool *pool = &table->pools[i];
        if (!has_row(table, pool))
            add_to_sum(table, pool, sum);
    }
}

void free_pools(struct pool_table *table)
{
    free(table->pools);
    free(table->index);
    free_histograms(&table->histograms);
}
