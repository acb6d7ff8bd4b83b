/* The counts of the sockets that own a port: counting/bound.py explains it. */
#pragma once
#include "accept_queues.h"
#include "address_ports.h"

#define MAX_KEPT_IN_RANGE 32768 /* facts/bound.py */
#define MAX_KEPT_OUTSIDE 4096   /* facts/bound.py */

/* One socket that listens or is only bound, as a decoder passes it on. */
struct listener_entry {
    struct ip ip;
    uint32_t scope, used, limit;
    uint16_t port; /* in host order */
    bool listening, ipv6_only, transparent;
    struct socket_owner owner;
};

enum kept_flag { KEPT_LISTENING = 1, KEPT_IPV6_ONLY = 2, KEPT_CGROUP = 4, KEPT_QUEUE = 8 };

/* One of KeptSockets: facts/bound.py. */
struct kept_socket {
    struct ip ip;
    uint64_t cgroup_id;
    uint32_t scope, used, limit, inode;
    uint16_t port;
    uint8_t flags, zeros[5];
};

struct listener_tally {
    const uint8_t *usable; /* a port bitmap */
    uint64_t listeners[2]; /* [IPv4] */
    uint8_t ports[2][BITMAP_BYTES]; /* [listening] */
    uint8_t dual_stack[BITMAP_BYTES];
    struct address_ports addresses;
    struct accept_queues queues;
    bool transparent;
    struct kept_socket *kept;
    uint32_t kept_count, kept_room;
    uint32_t kept_where[2]; /* [at a usable port] */
    uint64_t kept_overflow;
};

/* Prepare to count, once the rules are set. */
void prepare_listener_tally(struct listener_tally *tally, uint64_t seed, const uint8_t *watched,
                            size_t watched_bytes);

/* Count one socket. Return false if out of memory: then the counts are of no use. */
bool count_listener(struct listener_tally *tally, const struct listener_entry *entry);

/* Free what the tally has allocated, not itself. */
void free_listener_tally(struct listener_tally *tally);
