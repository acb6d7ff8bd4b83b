#include "nat_tally.h"

#include <linux/netfilter/nf_conntrack_tcp.h>

bool prepare_nat_tally(struct nat_tally *tally, uint64_t seed)
{
    tally->pools.seed = tally->listed.seed = tally->clients.seed = seed;
    tally->pools.most = tally->listed.most = MAX_POOLS;
    tally->clients.most = MAX_CLIENTS;
    return (tally->translated || add_watched(&tally->pools)) && add_watched(&tally->listed);
}

const struct pool *find_listed(const struct nat_tally *tally,
                               const struct tracked_connection *connection)
{
    return find_pool(&tally->listed, &connection->ends, connection->zone,
                     connection->remote_port);
}

static bool count_client(struct nat_tally *tally, struct ip address, const struct pool *listed)
{
    struct ends ends = {address, {{0, 0}}};
    struct pool *client;

    if (!find_or_add_pool(&tally->clients, &ends, (uint32_t)(listed - tally->listed.pools), 0,
                          &client))
        return false;
    if (client)
        client->ports++;
    return true;
}

/* Only a connection with a translated source makes a pool. */
static bool find_pool_of(struct nat_tally *tally, const struct tracked_connection *connection,
                         struct pool **pool)
{
    if (tally->translated)
        return find_or_add_pool(&tally->pools, &connection->ends, connection->zone,
                                connection->remote_port, pool);
    *pool = find_pool(&tally->pools, &connection->ends, connection->zone, connection->remote_port);
    return true;
}

bool count_tracked(struct nat_tally *tally, const struct tracked_connection *connection,
                   const struct pool *listed)
{
    struct pool *pool;

    if (listed && !count_client(tally, connection->client, listed))
        return false;
    if (!find_pool_of(tally, connection, &pool))
        return false;
    if (!pool)
        return true;
    pool->ports++;
    pool->time_wait += connection->state == TCP_CONNTRACK_TIME_WAIT;
    pool->reclaimable += tally->evicts && connection->state >= TCP_CONNTRACK_TIME_WAIT;
    return true;
}

bool finish_nat_tally(struct nat_tally *tally)
{
    return choose_rows(&tally->pools);
}

void free_nat_tally(struct nat_tally *tally)
{
    free_pools(&tally->pools);
    free_pools(&tally->listed);
    free_pools(&tally->clients);
}
