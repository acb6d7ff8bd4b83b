#include "listener_tally.h"

#include <stdlib.h>

#include "growing_array.h"

static const uint32_t MOST_KEPT[2] = {MAX_KEPT_OUTSIDE, MAX_KEPT_IN_RANGE};

void prepare_listener_tally(struct listener_tally *tally, uint64_t seed, const uint8_t *watched,
                            size_t watched_bytes)
{
    tally->addresses.seed = seed;
    prepare_queues(&tally->queues, seed, watched, watched_bytes);
}

static uint8_t flags_of(const struct listener_entry *entry)
{
    return (uint8_t)(KEPT_QUEUE | (entry->listening ? KEPT_LISTENING : 0) |
                     (entry->ipv6_only ? KEPT_IPV6_ONLY : 0) |
                     (entry->owner.has_cgroup ? KEPT_CGROUP : 0));
}

/* Keep a socket whole, if there is room for one at such a port. */
static bool keep(struct listener_tally *tally, const struct listener_entry *entry)
{
    bool inside = has_port(tally->usable, entry->port);

    if (tally->kept_where[inside] >= MOST_KEPT[inside]) {
        tally->kept_overflow++;
        return true;
    }
    void *more = grown(tally->kept, sizeof *tally->kept, tally->kept_count, &tally->kept_room);
    if (!more)
        return false;
    tally->kept = more;
    tally->kept_where[inside]++;
    tally->kept[tally->kept_count++] = (struct kept_socket){
        .ip = entry->ip,
        .cgroup_id = entry->owner.has_cgroup ? entry->owner.cgroup_id : 0,
        .scope = entry->scope,
        .used = entry->used,
        .limit = entry->limit,
        .inode = entry->owner.inode,
        .port = entry->port,
        .flags = flags_of(entry),
    };
    return true;
}

static void count_queue(struct listener_tally *tally, const struct listener_entry *entry)
{
    struct accept_queue queue = {
        .key = {.ip = entry->ip, .scope = entry->scope, .port = entry->port},
        .used = entry->used,
        .limit = entry->limit,
        .owner = entry->owner,
    };

    add_queue(&tally->queues, &queue);
}

static bool is_any_v6(struct ip ip)
{
    return !(ip.words[0] | ip.words[1]);
}

bool count_listener(struct listener_tally *tally, const struct listener_entry *entry)
{
    add_port(tally->ports[entry->listening], entry->port);
    if (is_any_v6(entry->ip) && !entry->ipv6_only)
        add_port(tally->dual_stack, entry->port);
    if (entry->listening) {
        tally->listeners[is_v4(entry->ip)]++;
        tally->transparent |= entry->transparent;
        count_queue(tally, entry);
    }
    return take_address_port(&tally->addresses, entry->ip, entry->port) && keep(tally, entry);
}

void free_listener_tally(struct listener_tally *tally)
{
    free_address_ports(&tally->addresses);
    free(tally->kept);
}
