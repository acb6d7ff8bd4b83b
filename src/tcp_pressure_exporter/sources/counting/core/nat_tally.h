/* The counts of the TCP connections that a gateway tracks, from any source. */
#pragma once
#include "pool_table.h"

#define MAX_CLIENTS 8192 /* facts/tally.py */

struct tracked_connection {
    struct ends ends;     /* where its replies go, and where they come from */
    struct ip client;     /* what opened it; only in a listed pool */
    uint16_t zone;        /* of its replies */
    uint16_t remote_port; /* in network order */
    uint8_t state;        /* enum tcp_conntrack */
};

struct nat_tally {
    int evicts;     /* whether a new connection may end one that is over: NatRules */
    int translated; /* whether connections with a translated source count, or those without */
    struct pool_table pools;
    struct pool_table listed;  /* its watched pools: those also counted by client */
    struct pool_table clients; /* local: the client, scope: the place of its pool in `listed` */
};

/* Prepare to count, once the rules are set. Return false if out of memory. */
bool prepare_nat_tally(struct nat_tally *tally, uint64_t seed);

/* Return the pool of a connection if it is counted by client, otherwise NULL. */
const struct pool *find_listed(const struct nat_tally *tally,
                               const struct tracked_connection *connection);

/* Count one connection; listed: what find_listed() returned. Return false if out of memory: then
 * the counts are of no use. */
bool count_tracked(struct nat_tally *tally, const struct tracked_connection *connection,
                   const struct pool *listed);

/* Prepare to show the counts. Return false if out of memory. */
bool finish_nat_tally(struct nat_tally *tally);

/* Free what the tally has allocated, not itself. */
void free_nat_tally(struct nat_tally *tally);
