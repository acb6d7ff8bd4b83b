/* Which ports are taken on which address: pairs, as far as there is room.
 *
 * Strategy: each address gets a number, a number and a port make one word, and the words go into an
 * open-addressing set. A port without room counts as taken on every address. */
#pragma once
#include "ip_address.h"
#include "port_bitmap.h"

#define MAX_BOUND_ADDRESSES 1024 /* facts/bound.py */
#define MAX_ADDRESS_PORTS 262144 /* facts/bound.py */

struct address_ports {
    uint64_t seed;
    struct ip addresses[MAX_BOUND_ADDRESSES];
    uint16_t index[2 * MAX_BOUND_ADDRESSES]; /* numbers of addresses, from 1 on; 0 is free */
    uint16_t count;
    uint32_t *pairs; /* number << 16 | port; 0 is free */
    uint32_t slots;  /* a power of two */
    uint32_t taken;
    uint8_t anywhere[BITMAP_BYTES];
    uint64_t overflow; /* sockets that are in `anywhere` */
};

/* Note that a port is taken on an address. Return false if out of memory. */
bool take_address_port(struct address_ports *ports, struct ip ip, uint16_t port);

/* Move the pairs to the front, in order; after this no more can be added. */
void sort_address_ports(struct address_ports *ports);

void free_address_ports(struct address_ports *ports);
