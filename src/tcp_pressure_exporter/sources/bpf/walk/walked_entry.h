/* The connections of a block, decoded for the tally of sockets. */
#pragma once
#include "../../counting/core/socket_tally.h"
#include "../../counting/netlink/inet_diag_entry.h"
#include "block.h"
#include "identities.h"

/* What a walk is counted into. It uses only the times of `entries.recent`. */
struct walk_tally {
    struct inet_diag_tally entries;
    struct identities identities;
    uint32_t hz; /* ticks a second */
};

/* What was found in some chains of a block, at one tick of the kernel's clock. */
struct found {
    uint32_t block; /* its number */
    long long now_ms;
    const struct connection *connections;
    const struct close_wait *close_waits;
    uint32_t connection_count, close_wait_count;
};

/* Count all connections found. */
enum outcome count_found(struct dump *dump, const struct found *found);
