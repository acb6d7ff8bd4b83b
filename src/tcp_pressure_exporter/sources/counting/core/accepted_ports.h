/* The local ports outside the range at which connections were accepted: accepted.py explains it.
 *
 * A socket there was bound to its port before it connected, or its listener is gone, or never had
 * that port (TPROXY, BPF). The entries do not tell which; ports that many sockets share do.
 */
#pragma once
#include <stddef.h>

#include "port_bitmap.h"

#define MAX_PORT_PAIRS 65536 /* facts/tally.py: looked at, of as many sockets as there are */
#define DYNAMIC_PORTS 32768  /* Linux's default ip_local_port_range begins here */
#define CLEARLY 4            /* so many times as many are no chance */

struct port_pair {
    uint16_t local, remote; /* in host order */
};

struct port_pairs {
    uint64_t seed; /* peers choose ports, and could choose colliding ones */
    struct port_pair *all;
    uint32_t count, room;
};

/* Note the ports of a socket. Return false if out of memory. */
bool add_port_pair(struct port_pairs *pairs, uint16_t local, uint16_t remote);

/* Find the local ports at which connections were accepted. Return false if out of memory. */
bool find_accepted_ports(const struct port_pairs *pairs, uint8_t accepted[BITMAP_BYTES]);

void free_port_pairs(struct port_pairs *pairs);
