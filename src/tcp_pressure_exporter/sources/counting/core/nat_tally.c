#include "nat_tally.h"

#include <linux/netfilter/nf_conntrack_tcp.h>

void prepare_nat_tally(struct nat_tally *tally, uint64_t seed)
{
    tally->pools.seed = seed;
    tally->pools.most = MAX_POOLS;
}

bool count_translated(struct nat_tally *tally, const struct translated_connection *connection)
{
    struct pool *pool;

    if (!find_or_add_pool(&tally->pools, &connection->ends, 0, connection->remote_port, &pool))
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
