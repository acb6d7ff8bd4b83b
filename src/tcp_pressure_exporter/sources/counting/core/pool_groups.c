#include "pool_groups.h"

#include <stdlib.h>

#include "network_ports.h"

/* As Python packs it: GROUP_NETWORK of compiled.py. Sorted by address; no two overlap. */
struct group_network {
    struct ip ip;
    uint32_t prefix, group;
};

static struct group_network network_at(const struct row_rules *rules, size_t place)
{
    struct group_network network;

    memcpy(&network, rules->groups + place * sizeof network, sizeof network);
    return network;
}

/* Find the last network that does not begin after an address; false if there is none. */
static bool find_network(const struct row_rules *rules, struct ip ip,
                         struct group_network *network)
{
    size_t low = 0, high = rules->groups_bytes / sizeof *network;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        *network = network_at(rules, middle);
        if (memcmp(&network->ip, &ip, sizeof ip) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low)
        *network = network_at(rules, low - 1);
    return low;
}

static bool find_group(const struct row_rules *rules, struct ip ip, uint32_t *group)
{
    struct group_network network;

    if (!find_network(rules, ip, &network) || !has_prefix(network.ip, network.prefix, ip))
        return false;
    *group = network.group;
    return true;
}

/* Find or add the sum that a pool belongs to; NULL if there are too many. Return false if out of
 * memory. */
static bool find_sum(struct pool_groups *groups, const struct pool *pool, uint32_t group,
                     struct pool_sum **sum)
{
    struct ends ends = {pool->ends.local, {{group, 0}}};
    struct pool *key;

    *sum = NULL;
    if (!find_or_add_pool(&groups->keys, &ends, pool->scope, pool->port, &key))
        return false;
    if (key)
        *sum = &groups->sums[key - groups->keys.pools];
    return true;
}

bool sum_groups(const struct pool_table *table, struct pool_groups *groups)
{
    struct pool_sum *sum;
    uint32_t group;

    groups->keys.seed = table->seed;
    groups->keys.most = MAX_GROUP_POOLS;
    if (!table->rows.groups_bytes)
        return true;
    groups->sums = calloc(MAX_GROUP_POOLS, sizeof *groups->sums);
    if (!groups->sums)
        return false;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct pool *pool = &table->pools[i];
        if (!find_group(&table->rows, pool->ends.remote, &group))
            continue;
        if (!find_sum(groups, pool, group, &sum))
            return false;
        if (sum)
            add_to_sum(table, pool, sum);
    }
    return true;
}

void free_groups(struct pool_groups *groups)
{
    free_pools(&groups->keys);
    free(groups->sums);
}
