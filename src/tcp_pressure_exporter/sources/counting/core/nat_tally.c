#include "nat_tally.h"

#include <linux/netfilter/nf_conntrack_tcp.h>

bool prepare_nat_tally(struct nat_tally *tally, uint64_t seed)
{
    tally->pools.seed = seed;
    tally->pools.most = MAX_POOLS;
    return tally->translated || add_watched(&tally->pools);
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

bool count_tracked(struct nat_tally *tally, const struct tracked_connection *connection)
{
    struct pool *pool;

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
}
