#include "socket_tally.h"

#define LOOPBACK_IFINDEX 1 /* include/net/net_namespace.h */
#define PROT_SOCK 1024     /* include/net/ip.h: ports below it need a privilege */
#define FIRST_CHOSEN 32768 /* Linux's default range: net/ipv4/af_inet.c, inet_init_net */
#define LAST_CHOSEN 60999

void prepare_socket_tally(struct socket_tally *tally, uint64_t seed)
{
    tally->outbound.seed = tally->inbound.seed = tally->addresses.seed = seed;
    tally->privileged.seed = tally->explicit.seed = tally->outside.seed = seed;
    tally->inbound.inbound = true;
    tally->outbound.most = tally->inbound.most = MAX_POOLS;
    tally->privileged.most = tally->explicit.most = MAX_OUTSIDE_POOLS;
    uint32_t seconds = age_seconds_of(&tally->lengths);

    tally->outbound.histograms.seconds = tally->inbound.histograms.seconds = seconds;
    tally->privileged.histograms.seconds = tally->explicit.histograms.seconds = seconds;
    limit_addresses(&tally->addresses, tally->usable);
    /* Most entries are at such ports, and one look is cheaper than three. */
    for (int i = 0; i < BITMAP_BYTES; i++)
        tally->chosen[i] = tally->usable[i] & (uint8_t)~(tally->blocked[i] | tally->served[i]);
}

/* Tell whether a connect() would take over this TIME_WAIT entry: net/ipv4/tcp_ipv4.c,
 * tcp_twsk_unique. */
static bool is_reclaimable(const struct reuse *reuse, const struct socket_entry *entry)
{
    if (entry->age_ms <= reuse->delay_ms)
        return false;
    if (reuse->everywhere)
        return true;
    if (!reuse->on_loopback)
        return false;
    return entry->interface == LOOPBACK_IFINDEX || is_loopback(entry->ends.local) ||
           is_loopback(entry->ends.remote);
}

/* Count an entry in its pool: NULL if there are too many. */
static inline bool count_in_pool(struct pool_table *table, const struct socket_entry *entry,
                                 uint16_t port, uint32_t hash, struct pool **found)
{
    if (!find_or_add_hashed(table, &entry->ends, entry->interface, port, hash, found))
        return false;
    struct pool *pool = *found;
    if (!pool)
        return true;
    pool->ports++;
    if (entry->state != TCP_TIME_WAIT)
        return true;
    pool->entered += entry->entered;
    return count_time_wait(table, pool, entry->age_ms / 1000);
}

static void hold_at(struct local_addresses *addresses, uint16_t number,
                    const struct socket_entry *entry)
{
    hold_port(addresses, number, ntohs(entry->local_port), entry->state != TCP_TIME_WAIT);
}

/* Count the entry's port as held on its local address. */
static bool hold(struct local_addresses *addresses, const struct socket_entry *entry)
{
    uint16_t number;

    if (!find_or_add_address(addresses, entry->ends.local, entry->interface, &number))
        return false;
    hold_at(addresses, number, entry);
    return true;
}

static bool count_inbound(struct socket_tally *tally, const struct socket_entry *entry)
{
    uint16_t remote_port = ntohs(entry->remote_port);
    struct pool *pool;

    uint32_t hash = hash_pool(&entry->ends, entry->interface, entry->local_port,
                              tally->inbound.seed);

    if (!count_in_pool(&tally->inbound, entry, entry->local_port, hash, &pool))
        return false;
    if (pool && (remote_port < FIRST_CHOSEN || remote_port > LAST_CHOSEN))
        pool->outside++; /* each port once, so it fits */
    return true;
}

static bool count_outbound(struct socket_tally *tally, const struct socket_entry *entry)
{
    struct pool *pool;

    if (!count_in_pool(&tally->outbound, entry, entry->remote_port, entry->hash, &pool))
        return false;
    if (!pool)
        return hold(&tally->addresses, entry);
    if (entry->state == TCP_TIME_WAIT)
        pool->reclaimable += is_reclaimable(&tally->reuse, entry);
    if (!pool->address &&
        !find_or_add_address(&tally->addresses, entry->ends.local, entry->interface,
                             &pool->address))
        return false;
    hold_at(&tally->addresses, pool->address, entry);
    return true;
}

/* Count a socket at a port that this host's connect() did not choose and where nothing listens. */
static bool count_outside(struct socket_tally *tally, const struct socket_entry *entry)
{
    uint16_t port = ntohs(entry->local_port);
    bool known = has_network_port(&tally->sources, entry->ends.local, port);
    struct pool_table *pools = port < PROT_SOCK && !known ? &tally->privileged : &tally->explicit;
    struct pool *pool;

    return add_port_pair(&tally->outside, port, ntohs(entry->remote_port)) &&
           count_in_pool(pools, entry, entry->remote_port, entry->hash, &pool);
}

/* Tell whether an application is configured to choose this port itself. */
static bool is_source(const struct socket_tally *tally, const struct socket_entry *entry,
                      uint16_t port)
{
    return tally->sources.bytes && has_network_port(&tally->sources, entry->ends.local, port);
}

static bool count_source(struct socket_tally *tally, const struct socket_entry *entry)
{
    return hold(&tally->addresses, entry) && count_outside(tally, entry);
}

/* Count a socket at a port that connect() may have chosen. */
static bool count_chosen(struct socket_tally *tally, const struct socket_entry *entry,
                         uint16_t port)
{
    if (tally->own.bytes && !has_network_port(&tally->own, entry->ends.local, port))
        return count_outside(tally, entry);
    if (is_source(tally, entry, port))
        return count_source(tally, entry);
    return count_outbound(tally, entry);
}

bool count_socket(struct socket_tally *tally, const struct socket_entry *entry)
{
    uint16_t port = ntohs(entry->local_port);

    tally->states[is_v4(entry->ends.local)][entry->state]++;
    add_port(tally->held, port);
    if (entry->state == TCP_CLOSE_WAIT)
        tally->close_wait[entry->cause]++;
    if (has_port(tally->chosen, port))
        return count_chosen(tally, entry, port);
    if (has_port(tally->served, port))
        return count_inbound(tally, entry);
    if (has_port(tally->usable, port))
        return is_source(tally, entry, port) ? count_source(tally, entry)
                                             : hold(&tally->addresses, entry);
    return count_outside(tally, entry);
}

bool finish_socket_tally(struct socket_tally *tally)
{
    return choose_rows(&tally->outbound) && choose_rows(&tally->inbound) &&
           choose_rows(&tally->privileged) && choose_rows(&tally->explicit) &&
           find_accepted_ports(&tally->outside, tally->accepted);
}

void free_socket_tally(struct socket_tally *tally)
{
    free_pools(&tally->outbound);
    free_pools(&tally->inbound);
    free_pools(&tally->privileged);
    free_pools(&tally->explicit);
    free_port_pairs(&tally->outside);
    free_addresses(&tally->addresses);
}
