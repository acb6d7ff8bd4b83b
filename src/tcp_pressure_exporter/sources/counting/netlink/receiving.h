/* A dump from its netlink socket. Knows nothing of Python. */
#pragma once
#include "netlink_walk.h"

#define DATAGRAM_BYTES 32768 /* the kernel makes them no larger: net/netlink/af_netlink.c */

struct timeouts {
    double answer_seconds, dump_seconds; /* for each datagram, and for all */
};

/* Return CLOCK_MONOTONIC. */
double seconds_now(void);

/* Receive datagrams, and count what they hold, until the dump ends or `end_seconds` are past. EINTR
 * goes to the caller, who may have a signal to look after, and may then go on. */
enum outcome receive_dump(struct dump *dump, int fd, uint8_t buffer[DATAGRAM_BYTES],
                          const struct timeouts *timeouts, double end_seconds);
