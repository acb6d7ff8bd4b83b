#include "walked_entry.h"

#include <linux/inet_diag.h>
#include <string.h>

#define TOGETHER 32 /* connections whose pools are looked for at the same time */

static const char OPERATION[] = "BPF walk";

enum { CGROUP_ID = 21 }; /* INET_DIAG_CGROUP_ID, which older headers do not name */

/* What sock_diag would send about a socket in CLOSE_WAIT. */
struct told {
    struct inet_diag_msg message;
    uint16_t length, type;
    uint8_t cgroup[8];
};

_Static_assert(sizeof(struct told) == sizeof(struct inet_diag_msg) + 12, "no padding");

/* jiffies_to_msecs: kernel/time/time.c */
static uint32_t milliseconds(const struct walk_tally *tally, uint32_t ticks)
{
    uint64_t ms = ((uint64_t)ticks * 1000 + tally->hz - 1) / tally->hz;

    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* Note an entry, and tell whether it is new. Return false if there is no memory. */
static bool note(struct walk_tally *tally, uint32_t identity, long long born_ms, bool over,
                 bool *entered)
{
    const struct recent *times = &tally->entries.recent;
    bool young = born_ms >= times->started_ms - 2 * AGE_ERROR_MS, known;

    *entered = false;
    if (!add_identity(&tally->identities, identity, young))
        return false;
    if (over || born_ms < times->since_ms - AGE_ERROR_MS)
        return true;
    if (!find_identity(&tally->identities, identity, &known))
        return false;
    *entered = !known;
    return true;
}

/* Date a TIME_WAIT entry, like date() in inet_diag_entry.c. */
static bool date(struct walk_tally *tally, const struct connection *from, long long now_ms,
                 struct socket_entry *entry)
{
    struct inet_diag_tally *entries = &tally->entries;
    uint32_t left_ms = milliseconds(tally, from->left);

    if (left_ms > entries->longest_left_ms)
        entries->longest_left_ms = left_ms;
    entry->age_ms = age_ms_of(&entries->sockets.lengths, left_ms);
    set_time(&entries->sockets, now_ms);
    return note(tally, from->identity, now_ms - entry->age_ms, left_ms == 0, &entry->entered);
}

static struct told tell(const struct connection *from, const struct close_wait *detail)
{
    struct told told = {
        .message = {
            .idiag_family = AF_INET6,
            .idiag_state = from->state,
            .idiag_timer = detail->timer,
            .idiag_retrans = detail->retransmits,
            .id = {
                .idiag_sport = from->local_port,
                .idiag_dport = from->remote_port,
                .idiag_if = from->interface,
            },
            .idiag_expires = detail->silent,
            .idiag_rqueue = detail->receive_queue,
            .idiag_wqueue = detail->send_queue,
            .idiag_inode = detail->inode,
        },
        .length = 12,
        .type = CGROUP_ID,
    };

    memcpy(told.message.id.idiag_src, from->local, sizeof from->local);
    memcpy(told.message.id.idiag_dst, from->remote, sizeof from->remote);
    memcpy(told.message.id.idiag_cookie, &detail->cookie, sizeof detail->cookie);
    memcpy(told.cgroup, &detail->cgroup, sizeof detail->cgroup);
    return told;
}

/* Tell why a socket is in CLOSE_WAIT, and keep what is known about it. */
static enum outcome explain(struct dump *dump, const struct connection *from,
                            const struct found *found, struct socket_entry *entry)
{
    struct walk_tally *tally = dump->tally;

    if (!from->detail || from->detail > found->close_wait_count)
        return fail(&dump->failure, OPERATION, "detail %u of %u", from->detail,
                    found->close_wait_count);
    const struct close_wait *detail = &found->close_waits[from->detail - 1];
    entry->cause = (uint8_t)close_wait_cause(detail->timer, detail->retransmits,
                                             detail->receive_queue, detail->send_queue);
    if (!keeps(&tally->entries.kept, from->state))
        return MORE;
    struct told told = tell(from, detail);
    told.message.idiag_expires = milliseconds(tally, detail->silent);
    return keep_record(&tally->entries.kept, (const uint8_t *)&told, sizeof told)
               ? MORE
               : fail_out_of_memory(dump);
}

static struct ends ends_of(const struct connection *from)
{
    return (struct ends){normalised(AF_INET6, from->local), normalised(AF_INET6, from->remote)};
}

static enum outcome count_connection(struct dump *dump, const struct connection *from,
                                     const struct found *found, uint32_t hash)
{
    struct walk_tally *tally = dump->tally;
    struct socket_entry entry = {
        .ends = ends_of(from),
        .hash = hash,
        .local_port = from->local_port,
        .remote_port = from->remote_port,
        .state = from->state,
        .interface = from->interface,
    };

    if (entry.state < TCP_ESTABLISHED || entry.state > TCP_CLOSING)
        return fail(&dump->failure, OPERATION, "state %u is unknown", entry.state);
    if (!entry.local_port)
        return MORE; /* closed, and its port released: inet_put_port */
    if (entry.state == TCP_TIME_WAIT && !date(tally, from, found->now_ms, &entry))
        return fail_out_of_memory(dump);
    if (entry.state == TCP_CLOSE_WAIT && explain(dump, from, found, &entry) != MORE)
        return FAILED;
    return count_socket(&tally->entries.sockets, &entry) ? MORE : fail_out_of_memory(dump);
}

/* Count a few connections. With many pools each would wait for its pool, so all of these are
 * brought into the cache before. */
static enum outcome count_few(struct dump *dump, const struct found *found, uint32_t first,
                              uint32_t count)
{
    struct walk_tally *tally = dump->tally;
    const struct pool_table *pools = &tally->entries.sockets.outbound;
    const struct connection *from = &found->connections[first];
    uint32_t hash[TOGETHER];

    for (uint32_t i = 0; i < count; i++) {
        struct ends ends = ends_of(&from[i]);
        hash[i] = hash_pool(&ends, from[i].interface, from[i].remote_port, pools->seed);
        expect_slot(pools, hash[i]);
    }
    for (uint32_t i = 0; i < count; i++)
        expect_pool(pools, hash[i]);
    for (uint32_t i = 0; i < count; i++)
        if (count_connection(dump, &from[i], found, hash[i]) != MORE)
            return FAILED;
    return MORE;
}

enum outcome count_found(struct dump *dump, const struct found *found)
{
    struct walk_tally *tally = dump->tally;
    uint32_t left = found->connection_count;

    if (!begin_identities(&tally->identities, found->block))
        return fail_out_of_memory(dump);
    for (uint32_t first = 0; left; first += TOGETHER) {
        uint32_t count = left < TOGETHER ? left : TOGETHER;
        if (count_few(dump, found, first, count) != MORE)
            return FAILED;
        left -= count;
    }
    return MORE;
}
