#include "inet_diag_entry.h"

#include <linux/inet_diag.h>

static const char OPERATION[] = "inet_diag message";

static enum cause cause_of(const struct inet_diag_msg *message)
{
    return close_wait_cause(message->idiag_timer, message->idiag_retrans, message->idiag_rqueue,
                            message->idiag_wqueue);
}

/* Date a TIME_WAIT entry, and tell whether it is new. Return false if out of memory. */
static bool date(struct inet_diag_tally *tally, const struct inet_diag_msg *message,
                 long long now_ms, struct socket_entry *entry)
{
    uint32_t left_ms = message->idiag_expires;
    uint64_t cookie;

    if (left_ms > tally->longest_left_ms)
        tally->longest_left_ms = left_ms;
    entry->age_ms = age_ms_of(&tally->sockets.lengths, left_ms);
    set_time(&tally->sockets, now_ms);
    memcpy(&cookie, message->id.idiag_cookie, sizeof cookie);
    return add_recent(&tally->recent, cookie, now_ms, entry->age_ms, left_ms == 0,
                      &entry->entered);
}

static void decode(const struct inet_diag_msg *message, struct socket_entry *entry)
{
    entry->ends.local = normalised(message->idiag_family, message->id.idiag_src);
    entry->ends.remote = normalised(message->idiag_family, message->id.idiag_dst);
    entry->local_port = message->id.idiag_sport;
    entry->remote_port = message->id.idiag_dport;
    entry->state = message->idiag_state;
    entry->interface = message->id.idiag_if;
    if (entry->state == TCP_CLOSE_WAIT)
        entry->cause = (uint8_t)cause_of(message);
}

enum outcome count_inet_diag_entry(struct dump *dump, const uint8_t *payload, uint32_t length)
{
    const struct inet_diag_msg *message = (const void *)payload;
    struct inet_diag_tally *tally = dump->tally;
    struct socket_entry entry;

    if (length < sizeof *message)
        return fail(&dump->failure, OPERATION, "%u bytes, not %zu", length, sizeof *message);
    if (message->idiag_state < TCP_ESTABLISHED || message->idiag_state > TCP_CLOSING)
        return fail(&dump->failure, OPERATION, "state %u is unknown", message->idiag_state);
    if (!message->id.idiag_sport)
        return MORE; /* closed after the dump had found it */
    decode(message, &entry);
    entry.hash = hash_pool(&entry.ends, entry.interface, entry.remote_port,
                           tally->sockets.outbound.seed);
    if (entry.state == TCP_TIME_WAIT && !date(tally, message, dump->filled_ms, &entry))
        return fail_out_of_memory(dump);
    if (keeps(&tally->kept, entry.state) && !keep_record(&tally->kept, payload, length))
        return fail_out_of_memory(dump);
    return count_socket(&tally->sockets, &entry) ? MORE : fail_out_of_memory(dump);
}

bool finish_inet_diag_tally(struct inet_diag_tally *tally)
{
    return finish_socket_tally(&tally->sockets);
}

void free_inet_diag_tally(struct inet_diag_tally *tally)
{
    free_socket_tally(&tally->sockets);
    free_recent(&tally->recent);
    free_records(&tally->kept);
}
