/* The sums over the pools of each remote group: how many ports, at how many addresses.
 *
 * A group may have more addresses than there can be rows of pools.
 */
#pragma once
#include "pool_table.h"

#define MAX_GROUP_POOLS 1024 /* facts/tally.py: one for each local address, port and group */

struct pool_groups {
    struct pool_table keys; /* ends.remote is the group's number, in its first word */
    struct pool_sum *sums;  /* as many as keys */
};

/* Return the number of a group in a key of pool_groups. */
static inline uint32_t group_of(const struct pool *key)
{
    return (uint32_t)key->ends.remote.words[0];
}

/* Add up the pools of a table by group. Return false if out of memory. */
bool sum_groups(const struct pool_table *table, struct pool_groups *groups);

void free_groups(struct pool_groups *groups);
