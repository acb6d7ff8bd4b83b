/* The entries of sock_diag, decoded for the tally of sockets.
 *
 * Source of the structures: include/uapi/linux/inet_diag.h (inet_diag_msg).
 */
#pragma once
#include "../core/socket_tally.h"
#include "kept_records.h"
#include "netlink_walk.h"
#include "recent.h"

/* The counts of a sock_diag dump: the sockets, and what only the decoder knows. */
struct inet_diag_tally {
    struct socket_tally sockets;
    struct recent recent;
    struct kept_records kept;
    uint32_t longest_left_ms; /* that an entry had in TIME_WAIT */
};

/* Count an inet_diag_msg in the dump's inet_diag_tally. */
enum outcome count_inet_diag_entry(struct dump *dump, const uint8_t *payload, uint32_t length);

/* Prepare to show the counts. Return false if out of memory. */
bool finish_inet_diag_tally(struct inet_diag_tally *tally);

/* Free what the tally has allocated, not itself. */
void free_inet_diag_tally(struct inet_diag_tally *tally);
