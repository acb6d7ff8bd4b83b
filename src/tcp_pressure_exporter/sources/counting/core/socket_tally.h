/* The counts of TCP sockets, from any source: counter.py explains it.
 *
 * Strategy: an entry is looked at once and nothing is kept per socket, except for the ports of some
 * outside the range; pools and local addresses live in tables of their own.
 */
#pragma once
#include <netinet/tcp.h>

#include "accepted_ports.h"
#include "local_addresses.h"
#include "network_ports.h"
#include "pool_table.h"
#include "socket_entry.h"

#define STATES (TCP_CLOSING + 1)

/* Where and when a TIME_WAIT entry gives way to a new connection. */
struct reuse {
    int everywhere, on_loopback;
    long long delay_ms; /* after it has begun */
    int whole_seconds;  /* or if it began before this second of the clock */
};

struct socket_tally {
    const uint8_t *usable, *blocked, *served; /* port bitmaps: the rules of TallyRules */
    uint8_t chosen[BITMAP_BYTES];             /* usable, neither blocked nor served */
    struct network_list own;     /* this host's addresses; empty: no connections to others */
    struct network_list sources; /* ports that applications choose themselves */
    struct reuse reuse;
    struct time_wait_lengths lengths;
    uint64_t states[2][STATES]; /* [IPv4 on the wire][state] */
    uint64_t close_wait[CAUSES];
    uint8_t held[BITMAP_BYTES];
    struct local_addresses addresses;
    struct pool_table outbound, inbound;
    struct pool_table privileged, explicit; /* outside the range: below 1024, and others */
    struct port_pairs outside;
    uint8_t accepted[BITMAP_BYTES]; /* outside ports where connections were accepted */
};

/* Prepare to count, once the rules are set. */
void prepare_socket_tally(struct socket_tally *tally, uint64_t seed);

/* Set the time of the entries counted next, in ms of the kernel's clock.
 *
 * Source: net/ipv4/tcp_ipv4.c, time_after32(ktime_get_seconds(), tw_ts_recent_stamp). */
static inline void set_time(struct socket_tally *tally, long long now_ms)
{
    if (tally->reuse.whole_seconds)
        tally->reuse.delay_ms = now_ms % 1000;
}

/* Count one socket. Return false if out of memory: then the counts are of no use. */
bool count_socket(struct socket_tally *tally, const struct socket_entry *entry);

/* Prepare to show the counts. Return false if out of memory. */
bool finish_socket_tally(struct socket_tally *tally);

/* Free what the tally has allocated, not itself. */
void free_socket_tally(struct socket_tally *tally);
