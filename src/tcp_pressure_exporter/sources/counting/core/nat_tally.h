/* What the TCP connections that a gateway tracks are counted into, whoever tells of them. */
#pragma once
#include "pool_table.h"

#define MAX_CLIENTS 8192 /* facts/tally.py */

struct tracked_connection {
    struct ends ends;     /* where its replies go to, and where they come from */
    struct ip client;     /* where it was opened from; only of a listed pool */
    uint16_t zone;        /* of its replies */
    uint16_t remote_port; /* in network order */
    uint8_t state;        /* enum tcp_conntrack */
};

struct nat_tally {
    int evicts;     /* whether a new connection may end one that is over: NatRules */
    int translated; /* whether connections with a translated source count, or those without */
    struct pool_table pools;
    struct pool_table listed;  /* the watched pools of it: those that are counted by client, too */
    struct pool_table clients; /* local: the client, scope: the place of its pool in `listed` */
};

/* Make ready to count, once the rules are set. Return false where there is no memory. */
bool prepare_nat_tally(struct nat_tally *tally, uint64_t seed);

/* Return the pool of a connection if it is counted by client, else NULL. */
const struct pool *find_listed(const struct nat_tally *tally,
                               const struct tracked_connection *connection);

/* Count one connection; listed: what find_listed() returned. Return false where there is no memory:
 * nothing counted is of use then. */
bool count_tracked(struct nat_tally *tally, const struct tracked_connection *connection,
                   const struct pool *listed);

/* Make ready to show what was counted. Return false where there is no memory. */
bool finish_nat_tally(struct nat_tally *tally);

/* Free what the tally has allocated, not itself. */
void free_nat_tally(struct nat_tally *tally);
