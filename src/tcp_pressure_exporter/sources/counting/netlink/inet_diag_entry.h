/* The entries of sock_diag, decoded for the tally of sockets.
 *
 * Source of the structures: include/uapi/linux/inet_diag.h (inet_diag_msg).
 */
#pragma once
#include "../core/socket_tally.h"
#include "kept_records.h"
#include "netlink_walk.h"
#include "recent.h"

/* What a dump of sock_diag is counted into: the sockets, and what its decoder alone knows. */
struct inet_diag_tally {
    struct socket_tally sockets;
    struct recent recent;
    struct kept_records kept;
    uint32_t longest_left_ms; /* of its TIME_WAIT, that an entry had */
};

/* Count an inet_diag_msg into the dump's inet_diag_tally. */
enum outcome count_inet_diag_entry(struct dump *dump, const uint8_t *payload, uint32_t length);

/* Make ready to show what was counted. Return false where there is no memory. */
bool finish_inet_diag_tally(struct inet_diag_tally *tally);

/* Free what the tally has allocated, not itself. */
void free_inet_diag_tally(struct inet_diag_tally *tally);
