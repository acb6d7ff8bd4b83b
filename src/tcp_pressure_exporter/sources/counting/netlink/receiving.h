/* A dump from its netlink socket. Knows nothing about Python. */
#pragma once
#include "netlink_walk.h"

#define DATAGRAM_BYTES 32768 /* the kernel makes them no larger: net/netlink/af_netlink.c */

struct timeouts {
    double answer_seconds, dump_seconds; /* for each datagram, and for all */
};

/* Return CLOCK_MONOTONIC. */
double seconds_now(void);

/* Receive datagrams and count what they contain, until the dump ends or `end_seconds` has passed.
 * EINTR goes to the caller, which may have to handle a signal, and may then continue. */
enum outcome receive_dump(struct dump *dump, int fd, uint8_t buffer[DATAGRAM_BYTES],
                          const struct timeouts *timeouts, double end_seconds);
