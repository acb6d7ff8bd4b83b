/* The entries of sock_diag for sockets that listen or are only bound, decoded for their tally.
 *
 * Source of the structures: include/uapi/linux/inet_diag.h (inet_diag_msg, inet_diag_sockopt).
 */
#pragma once
#include "../core/listener_tally.h"
#include "netlink_walk.h"

/* Count an inet_diag_msg with its attributes in the dump's listener_tally. */
enum outcome count_listener_entry(struct dump *dump, const uint8_t *payload, uint32_t length);
