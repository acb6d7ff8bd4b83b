/* The pools of each remote group added up: how many ports, of how many addresses.
 *
 * A group may have more addresses than pools can be told apart.
 */
#pragma once
#include "pool_table.h"

#define MAX_GROUP_POOLS 1024 /* facts/tally.py: one for each local address, port and group */

struct pool_groups {
    struct pool_table keys; /* ends.remote is the group's number, in its first word */
    struct pool_sum *sums;  /* as many as keys */
};

/* Return the number of a group, as a key of pool_groups has it. */
static inline uint32_t group_of(const struct pool *key)
{
    return (uint32_t)key->ends.remote.words[0];
}

/* Add the pools of a table up by group. Return false where there is no memory. */
bool sum_groups(const struct pool_table *table, struct pool_groups *groups);

void free_groups(struct pool_groups *groups);
